//! What a panic said, and where: kept for the status of the task that panicked.

use std::{backtrace::Backtrace, cell::RefCell, panic, sync::Once};

/// What stands between the words of a panic and where it happened.
pub const BACKTRACE: &str = "\nstack backtrace:\n";

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets panics leave their message and backtrace for [`take`]; those of threads that nobody asks still reach the log.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let backtrace = Backtrace::force_capture();
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("unnamed").to_string();
            tracing::error!(target: "millrace::panic", "thread {name} panicked: {info}");
            LAST.with(|last| *last.borrow_mut() = Some(format!("{info}{BACKTRACE}{backtrace}")));
        }));
    });
}

/// Returns what the last panic of this thread left.
pub fn take() -> Option<String> {
    LAST.with(|last| last.borrow_mut().take())
}
