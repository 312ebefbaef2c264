//! Waiting for something to become true. The only place in the tests that sleeps.

use std::time::{Duration, Instant};

/// For what a running worker or broker does within a moment; far above the measured times, because two cores may be
/// shared with three Java processes.
pub const SOON: Duration = Duration::from_secs(30);

/// For what needs a broker to come back, or a Java process to start.
pub const LATE: Duration = Duration::from_secs(120);

/// Short enough not to slow a test down, long enough not to slow down what it waits for.
const STEP: Duration = Duration::from_millis(25);

/// Waits until `condition` holds; panics at the caller's line when it does not within `deadline`.
#[track_caller]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    if holds_within(deadline, &mut condition) {
        return;
    }
    panic!("this did not become true within {} s", deadline.as_secs());
}

/// Waits until `look` finds something, and returns it.
#[track_caller]
pub fn eventually_some<T>(deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    let mut condition = || {
        found = look();
        found.is_some()
    };
    if !holds_within(deadline, &mut condition) {
        panic!("nothing was found within {} s", deadline.as_secs());
    }
    found.expect("the condition held, so something was found")
}

/// Returns whether `condition` came to hold before the deadline. It is tried at least once.
pub fn holds_within(deadline: Duration, condition: &mut dyn FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(STEP);
    }
}

/// For what is slow on purpose, such as a slow network.
pub fn pass_time(time: Duration) {
    std::thread::sleep(time);
}

/// Panics at the caller's line when `condition` stops holding within `period`.
///
/// For "nothing happens": a test cannot wait for that, so it watches for a while.
#[track_caller]
pub fn stays(period: Duration, mut condition: impl FnMut() -> bool) {
    let mut broken = || !condition();
    if holds_within(period, &mut broken) {
        panic!("this did not stay true for {} ms", period.as_millis());
    }
}
