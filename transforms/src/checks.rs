//! Checks of settings that several transformations share.

use millrace_api::{
    config::{Check, Parsed},
    regex::JavaRegex,
};

/// A list with something in it.
pub fn non_empty_list() -> Check {
    Check::new(|value| match value {
        Parsed::List(texts) if texts.is_empty() => Err("Empty list".to_string()),
        _ => Ok(()),
    })
}

/// A regular expression of Java that means the same here.
pub fn valid_regex() -> Check {
    Check::new(|value| match value {
        Parsed::Text(regex) => match JavaRegex::new(regex) {
            Ok(_) => Ok(()),
            Err(reason) => Err(format!("Invalid regex: {reason}")),
        },
        _ => Ok(()),
    })
}

/// Splits at colons as Java's `String.split` does: empty parts at the end do not count.
pub fn split_at_colons(text: &str) -> Vec<&str> {
    let mut parts: Vec<_> = text.split(':').collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parts_at_the_end_do_not_count() {
        assert_eq!(split_at_colons("a:b"), ["a", "b"]);
        assert_eq!(split_at_colons(":b:"), ["", "b"]);
        assert_eq!(split_at_colons("a::"), ["a"]);
        assert_eq!(split_at_colons(""), [""]);
    }
}
