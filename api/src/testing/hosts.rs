//! Stand-ins for the worker's side of the contexts.

use crate::{
    Acknowledgement, ConnectorContext, ConnectorHost, Error, Properties, Result, SinkContext, SinkHost,
    SinkRecord, SourceContext, SourceHost, SourceOffset, SourcePartition, SourceRecord, TopicOffset,
    TopicOffsets, TopicPartition,
};
use async_trait::async_trait;
use futures::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// How many acknowledgements wait for a task: so few that one which does not read them is found out.
const ACKNOWLEDGEMENTS_MAX: usize = 2;

/// The worker of a connector: remembers what it was asked.
#[derive(Debug, Default)]
pub struct FakeConnectorHost {
    state: Mutex<ConnectorState>,
}

#[derive(Debug, Default)]
struct ConnectorState {
    reconfigurations: usize,
    errors: Vec<Error>,
}

impl FakeConnectorHost {
    /// Returns a context for a connector with these settings.
    pub fn context(self: &Arc<Self>, settings: &Properties) -> ConnectorContext {
        ConnectorContext::new(Arc::new(settings.clone()), self.clone())
    }

    /// Returns how often new task settings were asked for.
    pub fn reconfigurations(&self) -> usize {
        lock(&self.state).reconfigurations
    }

    /// Takes the errors that the connector raised.
    pub fn take_errors(&self) -> Vec<Error> {
        std::mem::take(&mut lock(&self.state).errors)
    }
}

impl ConnectorHost for FakeConnectorHost {
    fn request_task_reconfiguration(&self) {
        lock(&self.state).reconfigurations += 1;
    }

    fn raise_error(&self, error: Error) {
        lock(&self.state).errors.push(error);
    }
}

/// The worker of a source task: an offset store in memory.
#[derive(Debug, Default)]
pub struct FakeSourceHost {
    state: Mutex<SourceState>,
}

#[derive(Debug, Default)]
struct SourceState {
    offsets: HashMap<SourcePartition, SourceOffset>,
    acknowledge: Option<mpsc::Sender<Acknowledgement>>,
}

impl FakeSourceHost {
    /// Returns a context for a task.
    pub fn context(self: &Arc<Self>) -> SourceContext {
        SourceContext::new(self.clone())
    }

    /// Stores one offset.
    pub fn store(&self, partition: SourcePartition, offset: SourceOffset) {
        lock(&self.state).offsets.insert(partition, offset);
    }

    /// Stores the offsets of records, in their order, as after a commit.
    pub fn commit<'a>(&self, records: impl IntoIterator<Item = &'a SourceRecord>) {
        let mut state = lock(&self.state);
        for origin in records.into_iter().filter_map(|record| record.origin.as_ref()) {
            let partition = origin.partition.as_ref();
            match &origin.offset {
                Some(offset) => state.offsets.insert(partition.clone(), offset.clone()),
                None => state.offsets.remove(partition),
            };
        }
    }

    /// Returns the sender of acknowledgements when the task asked for them. Its queue is short, and sending waits for
    /// the task to read.
    pub fn acknowledgements(&self) -> Option<mpsc::Sender<Acknowledgement>> {
        lock(&self.state).acknowledge.clone()
    }
}

#[async_trait]
impl SourceHost for FakeSourceHost {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        let state = lock(&self.state);
        Ok(partitions.iter().map(|partition| state.offsets.get(partition).cloned()).collect())
    }

    fn acknowledgements(&self) -> mpsc::Receiver<Acknowledgement> {
        let (sender, receiver) = mpsc::channel(ACKNOWLEDGEMENTS_MAX);
        lock(&self.state).acknowledge = Some(sender);
        receiver
    }
}

/// The worker of a sink task: remembers what it was asked.
#[derive(Debug, Default)]
pub struct FakeSinkHost {
    state: Mutex<SinkState>,
}

#[derive(Debug, Default)]
struct SinkState {
    assignment: Vec<TopicPartition>,
    paused: Vec<TopicPartition>,
    rewound: TopicOffsets,
    commit_requested: bool,
    retry_after: Option<Duration>,
    reported: Vec<(SinkRecord, Error)>,
}

impl FakeSinkHost {
    /// Returns a worker that gives the task these partitions.
    pub fn assigning(partitions: impl IntoIterator<Item = TopicPartition>) -> Arc<Self> {
        let host = Self::default();
        host.assign(partitions);
        Arc::new(host)
    }

    /// Returns a context for a task.
    pub fn context(self: &Arc<Self>) -> SinkContext {
        SinkContext::new(self.clone())
    }

    /// Gives the task these partitions and no others.
    pub fn assign(&self, partitions: impl IntoIterator<Item = TopicPartition>) {
        lock(&self.state).assignment = partitions.into_iter().collect();
    }

    /// Returns the partitions that the task has paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        lock(&self.state).paused.clone()
    }

    /// Takes the places that the task wants to read on from.
    pub fn take_rewound(&self) -> Vec<(TopicPartition, TopicOffset)> {
        std::mem::take(&mut lock(&self.state).rewound).into_iter().collect()
    }

    /// Tells whether a commit was asked for since the last call.
    pub fn take_commit_request(&self) -> bool {
        std::mem::take(&mut lock(&self.state).commit_requested)
    }

    /// Returns the wait that the task asked for since the last call.
    pub fn take_retry_after(&self) -> Option<Duration> {
        lock(&self.state).retry_after.take()
    }

    /// Takes the records that were handed over with their errors.
    pub fn take_reported(&self) -> Vec<(SinkRecord, Error)> {
        std::mem::take(&mut lock(&self.state).reported)
    }

    fn check_assigned(&self, partitions: &[TopicPartition]) -> Result<()> {
        let state = lock(&self.state);
        match partitions.iter().find(|partition| !state.assignment.contains(partition)) {
            Some(partition) => Err(Error::connect(format!("partition {partition} is not this task's"))),
            None => Ok(()),
        }
    }
}

impl SinkHost for FakeSinkHost {
    fn assignment(&self) -> Vec<TopicPartition> {
        lock(&self.state).assignment.clone()
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.check_assigned(partitions)?;
        let paused = &mut lock(&self.state).paused;
        let added: Vec<_> =
            partitions.iter().filter(|partition| !paused.contains(partition)).cloned().collect();
        paused.extend(added);
        Ok(())
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.check_assigned(partitions)?;
        lock(&self.state).paused.retain(|partition| !partitions.contains(partition));
        Ok(())
    }

    fn rewind(&self, offsets: TopicOffsets) {
        lock(&self.state).rewound.extend(offsets);
    }

    fn request_commit(&self) {
        lock(&self.state).commit_requested = true;
    }

    fn retry_after(&self, wait: Duration) {
        lock(&self.state).retry_after = Some(wait);
    }

    fn report(&self, record: SinkRecord, error: Error) -> Option<BoxFuture<'static, Result<()>>> {
        lock(&self.state).reported.push((record, error));
        Some(Box::pin(std::future::ready(Ok(()))))
    }
}

/// A test that panics elsewhere must not hide why.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
