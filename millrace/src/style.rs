//! Colours on a terminal, and none anywhere else.

use std::io::IsTerminal;

/// What is as it should be.
pub fn good(text: &str) -> String {
    painted(text, "32")
}

/// What is wrong.
pub fn bad(text: &str) -> String {
    painted(text, "31")
}

/// What should be looked at.
pub fn warned(text: &str) -> String {
    painted(text, "33")
}

/// What heads others.
pub fn strong(text: &str) -> String {
    painted(text, "1")
}

fn painted(text: &str, code: &str) -> String {
    // https://no-color.org
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stdout().is_terminal() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
