//! Reports that are under way: what keeps an offset from being committed before its bad records are safe.

use super::repeated;
use millrace_api::{Error, Result, TopicOffsets, TopicPartition};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// How many records may be under way to a dead letter queue before a task takes no more.
///
/// More than a batch, so that the queue's producer always has work; a record costs a few hundred bytes of headers.
pub const RECORDS_MAX: usize = 5_000;

/// The reports of one task. Its lock is held for a few lines at a time, never over a wait.
#[derive(Default)]
pub struct Reports {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    under_way: BTreeMap<u64, UnderWay>,
    records: usize,
    /// Why the task is to fail: a report that was not made, or a record that is not tolerated.
    failure: Option<Error>,
}

struct UnderWay {
    /// The first record of each partition.
    places: Vec<(TopicPartition, i64)>,
    records: usize,
    waits: Waits,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// Its outcome is still to come.
    ForOutcome,
    /// For nothing: its offsets are not to be committed any more.
    ForEver,
}

impl Reports {
    /// Notes a report of so many records that begins; `places` has the first of them in each partition.
    pub fn begin(&self, places: Vec<(TopicPartition, i64)>, records: usize) -> u64 {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.records += records;
        state.under_way.insert(id, UnderWay { places, records, waits: Waits::ForOutcome });
        id
    }

    /// Notes that a report is safe.
    pub fn end(&self, id: u64) {
        let mut state = self.state();
        if let Some(report) = state.under_way.remove(&id) {
            state.records -= report.records;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Says that the task must fail because of a report, whose offsets are never committed.
    pub fn fail(&self, id: u64, error: Error) {
        let mut state = self.state();
        state.failure.get_or_insert(error);
        if let Some(report) = state.under_way.get_mut(&id) {
            report.waits = Waits::ForEver;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Says that the task must fail because of a record, which is never committed.
    pub fn refuse(&self, place: (TopicPartition, i64), error: Error) {
        let id = self.begin(vec![place], 0);
        self.fail(id, error);
    }

    /// Returns why the task must fail, if so.
    pub fn check(&self) -> Result<()> {
        self.state().failure.as_ref().map_or(Ok(()), |error| Err(repeated(error)))
    }

    /// Lowers offsets to the first record of their partition whose report is not safe.
    pub fn cap(&self, mut offsets: TopicOffsets) -> TopicOffsets {
        let state = self.state();
        for (partition, first) in state.under_way.values().flat_map(|report| &report.places) {
            if let Some(place) = offsets.get_mut(partition)
                && place.offset > *first
            {
                *place = millrace_api::TopicOffset::at(*first);
            }
        }
        offsets
    }

    /// Forgets partitions that others may have already.
    pub fn forget(&self, partitions: &[TopicPartition]) {
        for report in self.state().under_way.values_mut() {
            report.places.retain(|(partition, _)| !partitions.contains(partition));
        }
    }

    /// Tells whether no more records should be taken for now.
    pub fn is_full(&self) -> bool {
        self.state().records >= RECORDS_MAX
    }

    /// Waits until there is room again, when there is none now, or the task must fail.
    pub async fn stirred(&self) {
        let was_full = self.is_full();
        self.when(|state| state.failure.is_some() || (was_full && state.records < RECORDS_MAX)).await;
    }

    /// Waits until the outcome of every report of these partitions is known.
    pub async fn settled(&self, partitions: &[TopicPartition]) {
        let concerns = |report: &UnderWay| report.places.iter().any(|(known, _)| partitions.contains(known));
        self.when(|state| !state.awaited().any(concerns)).await;
    }

    /// Tells whether the outcome of every report is known, and none is a failure.
    pub fn is_idle(&self) -> bool {
        self.state().under_way.is_empty()
    }

    /// Waits until the outcome of every report is known.
    pub async fn idle(&self) {
        self.when(|state| state.awaited().next().is_none()).await;
    }

    async fn when(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let state = self.state();
                if holds(&state) {
                    return;
                }
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn awaited(&self) -> impl Iterator<Item = &UnderWay> {
        self.under_way.values().filter(|report| report.waits == Waits::ForOutcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::TopicOffset;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("t", number)
    }

    fn offsets(reports: &Reports) -> Vec<i64> {
        let all = [(partition(0), TopicOffset::at(100)), (partition(1), TopicOffset::at(100))];
        reports.cap(all.into()).values().map(|place| place.offset).collect()
    }

    #[test]
    fn no_commit_passes_a_record_whose_report_is_not_safe() {
        let reports = Reports::default();
        let early = reports.begin(vec![(partition(0), 10), (partition(1), 30)], 7);
        let late = reports.begin(vec![(partition(0), 50)], 1);
        assert_eq!(offsets(&reports), [10, 30]);
        reports.end(early);
        assert_eq!(offsets(&reports), [50, 100], "reports end in any order");
        reports.check().unwrap();
        reports.fail(late, Error::connect("refused"));
        assert_eq!(offsets(&reports), [50, 100], "a failure keeps the offset where it is");
        assert_eq!(reports.check().unwrap_err().to_string(), "refused");
        reports.refuse((partition(1), 60), Error::connect("not tolerated"));
        assert_eq!(offsets(&reports), [50, 60]);
        assert_eq!(reports.check().unwrap_err().to_string(), "refused", "the first reason counts");
    }

    #[test]
    fn lost_partitions_are_forgotten_and_room_comes_back() {
        let reports = Reports::default();
        let id = reports.begin(vec![(partition(0), 10)], RECORDS_MAX);
        assert!(reports.is_full());
        reports.forget(&[partition(0)]);
        assert_eq!(offsets(&reports), [100, 100]);
        reports.end(id);
        assert!(!reports.is_full());
    }
}
