//! Attempts at one operation on a batch: tried again while that may help, given up after that.

use crate::errors::{
    ErrorCounts, Failed, Failure, Stage, add,
    tolerance::{Case, Kind, Next, Patience, Policy, Tolerance},
};
use millrace_api::{Class, Result};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How the operations of one task are tried again.
pub struct Trials {
    policy: Policy,
    counts: Arc<ErrorCounts>,
    began: Instant,
    chance: RandomState,
}

/// The attempts at one operation on the rows of a batch.
///
/// Rows that fail together wait together: each has its time, and a server that is away costs the batch one wait, not each
/// row one.
pub struct Rounds<'a> {
    trials: &'a Trials,
    case: Option<Case>,
    /// The rows of the last attempt; all before the first retry.
    tried: Option<Vec<usize>>,
}

/// The records of a batch that failed.
///
/// While nothing is tolerated only the first of them counts, as if records went through one by one; what is behind it is
/// of no interest any more.
#[derive(Debug)]
pub struct Failures {
    tolerance: Tolerance,
    failed: Vec<Failed>,
    /// For each record whether it has failed; empty until one has.
    out: Vec<bool>,
    count: usize,
}

// === impl Trials ===

impl Trials {
    pub fn new(policy: Policy, counts: Arc<ErrorCounts>) -> Self {
        Self { policy, counts, began: Instant::now(), chance: RandomState::new() }
    }

    /// For operations that are made once.
    pub fn intolerant(counts: Arc<ErrorCounts>) -> Self {
        let patience = Patience::For(Duration::ZERO);
        Self::new(Policy { patience, delay_max: Duration::ZERO, tolerance: Tolerance::None }, counts)
    }

    pub fn tolerance(&self) -> Tolerance {
        self.policy.tolerance
    }

    /// Tells whether an operation may be tried again at all, so that its input must be kept.
    pub fn may_repeat(&self) -> bool {
        self.policy.patience != Patience::For(Duration::ZERO)
    }

    pub fn rounds(&self) -> Rounds<'_> {
        Rounds { trials: self, case: None, tried: None }
    }

    fn chance(&self) -> f64 {
        let mut hasher = self.chance.build_hasher();
        hasher.write_u128(self.began.elapsed().as_nanos());
        // The upper 53 bits are what a double can hold.
        (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

// === impl Rounds ===

impl Rounds<'_> {
    /// Waits, and returns the rows to try again; none when every row has succeeded or is given up.
    pub async fn again<T>(
        &mut self,
        results: &[Result<T>],
        is_out: impl Fn(usize) -> bool,
    ) -> Option<Vec<usize>> {
        let (rows, wait) = self.decide(results, is_out)?;
        sleep(wait).await;
        add(&self.trials.counts.retries, rows.len());
        self.tried = Some(rows.clone());
        Some(rows)
    }

    fn decide<T>(
        &mut self,
        results: &[Result<T>],
        is_out: impl Fn(usize) -> bool,
    ) -> Option<(Vec<usize>, Duration)> {
        let failed = |row: &usize| results[*row].is_err() && !is_out(*row);
        let failed: Vec<usize> = match &self.tried {
            None => (0..results.len()).filter(failed).collect(),
            Some(rows) => rows.iter().copied().filter(failed).collect(),
        };
        if failed.is_empty() {
            return None;
        }
        add(&self.trials.counts.failures, failed.len());
        let may_pass = |row: &usize| matches!(&results[*row], Err(error) if matches!(error.class(), Class::Retry { .. }));
        let rows: Vec<usize> = failed.into_iter().filter(may_pass).collect();
        let kind = if rows.is_empty() { Kind::Bad } else { Kind::Retriable };
        let now = self.trials.began.elapsed();
        let case = self.case.get_or_insert_with(|| Case::new(self.trials.policy, now));
        match case.failed(now, kind, self.trials.chance()) {
            Next::Retry(wait) => Some((rows, wait)),
            Next::Report => None,
        }
    }
}

// === impl Failures ===

impl Failures {
    /// Returns the account of a batch of so many records.
    pub fn new(tolerance: Tolerance, count: usize) -> Self {
        Self { tolerance, failed: Vec::new(), out: Vec::new(), count }
    }

    /// Tells whether a record has failed, or stands behind one that ends the batch.
    pub fn is_out(&self, index: usize) -> bool {
        match (self.tolerance, self.failed.first()) {
            (_, None) => false,
            (Tolerance::None, Some(first)) => index >= first.index,
            (Tolerance::All, Some(_)) => self.out[index],
        }
    }

    pub fn add(&mut self, index: usize, stage: Stage, class: &Arc<str>, error: millrace_api::Error) {
        if self.is_out(index) {
            return;
        }
        let failure = Failure { stage, class: class.clone(), error };
        match self.tolerance {
            Tolerance::None => self.failed.clear(),
            Tolerance::All => {
                self.out.resize(self.count, false);
                self.out[index] = true;
            }
        }
        self.failed.push(Failed { index, failure });
    }

    /// Takes the results of an operation apart: what succeeded stays at its place.
    pub fn sift<T>(
        &mut self,
        results: Vec<Result<T>>,
        stage: Stage,
        class: &Arc<str>,
        index: impl Fn(usize) -> usize,
    ) -> Vec<Option<T>> {
        let mut sifted = Vec::with_capacity(results.len());
        for (row, result) in results.into_iter().enumerate() {
            sifted.push(match result {
                Ok(value) => Some(value),
                Err(error) => {
                    self.add(index(row), stage, class, error);
                    None
                }
            });
        }
        sifted
    }

    /// Returns the failed records, in order.
    pub fn into_failed(mut self) -> Vec<Failed> {
        self.failed.sort_by_key(|failed| failed.index);
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::Error;

    fn failures(tolerance: Tolerance, places: &[(usize, Stage)]) -> Vec<(usize, Stage)> {
        let mut failures = Failures::new(tolerance, 10);
        for (index, stage) in places {
            failures.add(*index, *stage, &Arc::from("test.Class"), Error::data("bad"));
        }
        failures.into_failed().into_iter().map(|failed| (failed.index, failed.failure.stage)).collect()
    }

    #[test]
    fn without_tolerance_the_first_record_counts_whatever_stage_it_failed_in() {
        use Stage::{KeyConverter, Transformation, ValueConverter};
        let found = [(7, KeyConverter), (3, ValueConverter), (8, ValueConverter), (1, Transformation)];
        assert_eq!(failures(Tolerance::None, &found), [(1, Transformation)]);
    }

    #[test]
    fn with_tolerance_each_record_fails_once() {
        use Stage::{KeyConverter, ValueConverter};
        let found = [(7, KeyConverter), (3, ValueConverter), (7, ValueConverter)];
        assert_eq!(failures(Tolerance::All, &found), [(3, ValueConverter), (7, KeyConverter)]);
    }
}
