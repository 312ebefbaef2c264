//! What a task counts of its errors: the numbers of Kafka Connect's group `task-error-metrics`.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

/// The numbers of one task since its start. Read while the task counts, so each is right by itself only.
#[derive(Debug, Default)]
pub struct ErrorCounts {
    /// `total-record-failures`: attempts that failed, each retry counted.
    pub failures: AtomicU64,
    /// `total-record-errors`: operations that ended in an error.
    pub errors: AtomicU64,
    /// `total-records-skipped`: records left out because errors are tolerated.
    pub skipped: AtomicU64,
    /// `total-retries`
    pub retries: AtomicU64,
    /// `total-errors-logged`
    pub logged: AtomicU64,
    /// `deadletterqueue-produce-requests`
    pub dead_letters: AtomicU64,
    /// `deadletterqueue-produce-failures`
    pub dead_letter_failures: AtomicU64,
    /// `last-error-timestamp`: milliseconds since the epoch, 0 if none.
    pub last_error: AtomicI64,
}

impl ErrorCounts {
    /// Counts operations that ended in an error, now.
    pub fn note_errors(&self, count: usize) {
        add(&self.errors, count);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_error.store(i64::try_from(now.as_millis()).unwrap_or(i64::MAX), Relaxed);
    }

    /// Logs the numbers of a task that ends, if there is anything to tell.
    pub fn log(&self, task: &str) {
        let values = self.values();
        if values.iter().any(|(_, value)| *value > 0) {
            let texts: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
            tracing::info!("{task} counted {}", texts.join(", "));
        }
    }

    /// Names and values as Kafka Connect has them, in its order.
    pub fn values(&self) -> [(&'static str, i64); 8] {
        let read = |count: &AtomicU64| i64::try_from(count.load(Relaxed)).unwrap_or(i64::MAX);
        [
            ("total-record-failures", read(&self.failures)),
            ("total-record-errors", read(&self.errors)),
            ("total-records-skipped", read(&self.skipped)),
            ("total-retries", read(&self.retries)),
            ("total-errors-logged", read(&self.logged)),
            ("deadletterqueue-produce-requests", read(&self.dead_letters)),
            ("deadletterqueue-produce-failures", read(&self.dead_letter_failures)),
            ("last-error-timestamp", self.last_error.load(Relaxed)),
        ]
    }
}

/// Adds to a count.
pub fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Relaxed);
}
