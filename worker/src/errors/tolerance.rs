//! What becomes of a record that failed: a pure state machine.
//!
//! A case is one operation on the records of a batch that failed in it. It is told of each failure and says whether to try
//! again; when it gives up, the failure is reported, and [`fate`] says what becomes of the record. There is no clock:
//! times come in, as distances from any one moment.

use std::time::Duration;

/// What `errors.tolerance` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// The first record that fails stops the task.
    None,
    /// Records that fail are left out.
    All,
}

/// How long an operation is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// So long after its first failure.
    For(Duration),
    /// Until it succeeds or the task is stopped.
    Forever,
}

/// What a connector's settings say about errors of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `errors.retry.timeout`
    pub patience: Patience,
    /// `errors.retry.delay.max.ms`
    pub delay_max: Duration,
    /// `errors.tolerance`
    pub tolerance: Tolerance,
}

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may.
    Retriable,
    /// The record is at fault.
    Bad,
}

/// What became of a report of a failed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It is wherever it is to be; nowhere when nothing was asked for.
    Safe,
    /// This report can never be taken, though others may: it is too large, for example.
    Refused,
    /// No report is taken.
    Broken,
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Wait so long and try again.
    Retry(Duration),
    /// Report the failure, whatever becomes of the record after that: [`fate`].
    Report,
}

/// What becomes of a record that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The task goes on without it.
    Skip,
    /// The task stops, and nothing of the record is committed.
    Fail,
}

/// One operation that may fail and be tried again.
#[derive(Debug, Clone)]
pub struct Case {
    policy: Policy,
    began: Duration,
    failures: u32,
}

/// The wait after the first failure; it doubles with each further one. The reference's number.
const FIRST_DELAY: Duration = Duration::from_millis(300);

/// The shortest wait: a connector that allows none must not turn a failing server into a busy loop.
const DELAY_MIN: Duration = Duration::from_millis(1);

impl Case {
    /// Begins an operation.
    pub fn new(policy: Policy, now: Duration) -> Self {
        Self { policy, began: now, failures: 0 }
    }

    /// Takes a failure of the operation at this time, and says what to do next; `chance` is random, from 0 up to but not
    /// including 1.
    pub fn failed(&mut self, now: Duration, kind: Kind, chance: f64) -> Next {
        self.failures = self.failures.saturating_add(1);
        let delay = match kind {
            Kind::Retriable => self.delay(now, chance),
            Kind::Bad => None,
        };
        delay.map_or(Next::Report, Next::Retry)
    }

    /// Returns how long to wait before the next attempt; none when the time is over.
    fn delay(&self, now: Duration, chance: f64) -> Option<Duration> {
        let left = match self.policy.patience {
            Patience::Forever => Duration::MAX,
            Patience::For(timeout) => {
                (self.began + timeout).checked_sub(now).filter(|left| !left.is_zero())?
            }
        };
        let doubled = FIRST_DELAY.saturating_mul(1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
        let delay =
            if doubled <= self.policy.delay_max { doubled } else { self.policy.delay_max.mul_f64(chance) };
        Some(delay.max(DELAY_MIN).min(left))
    }
}

/// Says what becomes of a record whose failure was reported.
pub fn fate(tolerance: Tolerance, reported: Reported) -> Fate {
    match (tolerance, reported) {
        (Tolerance::None, _) | (Tolerance::All, Reported::Broken) => Fate::Fail,
        (Tolerance::All, Reported::Safe | Reported::Refused) => Fate::Skip,
    }
}

#[cfg(test)]
mod tests;
