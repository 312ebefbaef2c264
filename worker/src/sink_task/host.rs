//! What a sink asks of the worker between two puts.

use crate::errors::Reporter;
use futures::future::BoxFuture;
use millrace_api::{Error, Result, SinkHost, SinkRecord, TopicOffsets, TopicPartition};
use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The worker's side of a sink task's context. Its lock is held for a few lines at a time, never over a wait.
pub struct Host {
    state: Mutex<State>,
    reporter: Arc<Reporter>,
}

#[derive(Default)]
struct State {
    assignment: BTreeSet<TopicPartition>,
    paused: BTreeSet<TopicPartition>,
    wishes: Wishes,
}

/// What was asked for since the last look.
#[derive(Default)]
pub struct Wishes {
    /// A commit before the next put.
    pub commit: bool,
    /// Another put after this time.
    pub retry_after: Option<Duration>,
    /// Places to read on from.
    pub rewinds: TopicOffsets,
    /// Whether partitions were paused or resumed.
    pub pauses_changed: bool,
}

impl Host {
    /// Returns the host of a task whose bad records go to this reporter.
    pub fn new(reporter: Arc<Reporter>) -> Self {
        Self { state: Mutex::default(), reporter }
    }

    /// Takes what was asked for.
    pub fn take_wishes(&self) -> Wishes {
        mem::take(&mut self.state().wishes)
    }

    /// Takes only the wish for another put.
    pub fn take_wishes_retry(&self) -> Option<Duration> {
        self.state().wishes.retry_after.take()
    }

    /// Returns the partitions that the sink holds back.
    pub fn paused(&self) -> BTreeSet<TopicPartition> {
        self.state().paused.clone()
    }

    /// Sets the partitions that are the task's now that it was given some; what it holds back of them stays held back.
    pub fn assigned(&self, partitions: Vec<TopicPartition>) {
        let mut state = self.state();
        state.assignment = partitions.into_iter().collect();
        let State { assignment, paused, .. } = &mut *state;
        paused.retain(|partition| assignment.contains(partition));
    }

    /// Sets the partitions that are left. An eager rebalance takes all and gives most back: what the sink holds back is
    /// remembered until it is known which.
    pub fn revoked(&self, partitions: Vec<TopicPartition>) {
        self.state().assignment = partitions.into_iter().collect();
    }

    /// Asks for a commit on the worker's own behalf.
    pub fn request_commit_soon(&self) {
        self.state().wishes.commit = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SinkHost for Host {
    fn assignment(&self) -> Vec<TopicPartition> {
        self.state().assignment.iter().cloned().collect()
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        let mut state = self.state();
        check(&state, partitions, "pause")?;
        state.paused.extend(partitions.iter().cloned());
        state.wishes.pauses_changed = true;
        Ok(())
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        let mut state = self.state();
        check(&state, partitions, "resume")?;
        state.paused.retain(|partition| !partitions.contains(partition));
        state.wishes.pauses_changed = true;
        Ok(())
    }

    fn rewind(&self, offsets: TopicOffsets) {
        self.state().wishes.rewinds.extend(offsets);
    }

    fn request_commit(&self) {
        self.request_commit_soon();
    }

    fn retry_after(&self, wait: Duration) {
        self.state().wishes.retry_after = Some(wait);
    }

    fn report(&self, record: SinkRecord, error: Error) -> Option<BoxFuture<'static, Result<()>>> {
        self.reporter.report(record, error)
    }
}

fn check(state: &State, partitions: &[TopicPartition], what: &str) -> Result<()> {
    if partitions.iter().all(|partition| state.assignment.contains(partition)) {
        return Ok(());
    }
    let text = format!("SinkTasks may not {what} partitions that are not currently assigned to them.");
    Err(Error::of(
        millrace_api::Class::Fatal,
        "org.apache.kafka.connect.errors.IllegalWorkerStateException",
        text,
    ))
}
