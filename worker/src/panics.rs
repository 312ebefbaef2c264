//! What a panic said, and where: kept for the status of the task that panicked.

use std::{
    backtrace::Backtrace,
    cell::RefCell,
    mem,
    ops::{Deref, DerefMut},
    panic::{self, AssertUnwindSafe},
    sync::Once,
    thread,
};

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
            if tracing::enabled!(target: "millrace::panic", tracing::Level::ERROR) {
                tracing::error!(target: "millrace::panic", "thread {name} panicked: {info}");
            } else {
                eprintln!("thread {name} panicked: {info}");
            }
            LAST.with(|last| *last.borrow_mut() = Some(format!("{info}{BACKTRACE}{backtrace}")));
        }));
    });
}

/// Returns what the last panic of this thread left.
pub fn take() -> Option<String> {
    LAST.with(|last| last.borrow_mut().take())
}

/// Something of a plugin's that is dropped while the plugin's panic unwinds its task: should that panic as well, the
/// program would end. Dropped at any other time, its panic is one like any other.
pub struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub fn new(content: T) -> Self {
        Self(Some(content))
    }

    pub fn into_inner(mut self) -> T {
        self.0.take().expect(THERE)
    }
}

const THERE: &str = "only into_inner and drop take the content, and they are the last to do anything";

impl<T> Deref for Contained<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect(THERE)
    }
}

impl<T> DerefMut for Contained<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(THERE)
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let content = self.0.take();
        if !thread::panicking() {
            return;
        }
        let first = take();
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(content))) {
            mem::forget(payload);
        }
        LAST.with(|last| *last.borrow_mut() = first);
    }
}
