//! Sinks: what takes records from Kafka elsewhere.

use crate::{
    Altered, Batch, Config, Error, Properties, Result, SinkRecord, TopicOffset, TopicOffsets, TopicPartition,
    Validation, connector::ConnectorContext,
};
use async_trait::async_trait;
use futures::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Cuts the work of a sink into tasks. Kafka's consumer group gives each its partitions.
///
/// One value lives on one worker at a time, from `start` to `stop`; a change of its settings makes a new one.
#[async_trait]
pub trait SinkConnector: Sized + Send + 'static {
    /// The connector's own settings.
    type Config: Config;
    /// What writes.
    type Task: SinkTask;

    /// Starts the connector. An error makes it FAILED.
    async fn start(config: Self::Config, context: ConnectorContext) -> Result<Self>;

    /// Returns the settings of each task, at most `tasks_max` of them. Raw settings, as for sources.
    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>>;

    /// Starts one task from its raw settings, which it parses itself.
    async fn start_task(settings: Properties, context: SinkContext) -> Result<Self::Task>;

    /// Watches the outside; as for sources.
    async fn watch(&mut self) -> Result<()> {
        std::future::pending().await
    }

    /// Looks at settings together, or asks the outside about them; may take seconds.
    async fn validate(_settings: &Properties, _report: &mut Validation) {}

    /// Checks a change of the group's offsets that a user asked for; none removes one.
    async fn alter_offsets(
        _settings: &Properties,
        _changes: &BTreeMap<TopicPartition, Option<i64>>,
    ) -> Result<Altered> {
        Ok(Altered::InTheFramework)
    }

    /// Ends the connector. An error is logged.
    async fn stop(self) -> Result<()> {
        Ok(())
    }
}

/// Writes the records of the partitions it is given.
///
/// The worker calls one method at a time and waits for it, so nothing here needs a lock.
#[async_trait]
pub trait SinkTask: Send + 'static {
    /// Learns of partitions that are now this task's; called before their first record.
    async fn open(&mut self, _partitions: &[TopicPartition]) -> Result<()> {
        Ok(())
    }

    /// Takes what it accepts out of the batch, writing or buffering it; what is left is offered again.
    ///
    /// Called after every read from Kafka, also with nothing new, so that files can be rotated by time. A
    /// retriable error keeps what is left and offers it again for as long as it takes; any other fails the task.
    async fn put(&mut self, batch: &mut Batch) -> Result<()>;

    /// Makes taken records durable and returns the offsets that are now safe to commit; fewer or lower ones than
    /// `offsets`, the places after the records taken so far, are fine. A retriable error rewinds to what was committed
    /// last; any other fails the task.
    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets>;

    /// Learns of partitions that are no longer this task's; after the last `pre_commit` that names them.
    async fn close(&mut self, _partitions: &[TopicPartition], _reason: CloseReason) -> Result<()> {
        Ok(())
    }

    /// Ends the task; called last, whether the task failed or not.
    async fn stop(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Why a task has lost partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Another task gets them; what was written has been committed.
    Revoked,
    /// Another task may have them already: nothing can be committed any more.
    Lost,
    /// The task stops.
    Stop,
}

// === impl SinkContext ===

/// What a sink task may ask of its worker.
#[derive(Clone)]
pub struct SinkContext {
    host: Arc<dyn SinkHost>,
}

/// The worker's side of a [`SinkContext`].
pub trait SinkHost: Send + Sync {
    /// Returns the partitions that are the task's now.
    fn assignment(&self) -> Vec<TopicPartition>;
    /// Stops reading these partitions.
    fn pause(&self, partitions: &[TopicPartition]) -> Result<()>;
    /// Reads these partitions again.
    fn resume(&self, partitions: &[TopicPartition]) -> Result<()>;
    /// Reads on from these places before the next `put`.
    fn rewind(&self, offsets: TopicOffsets);
    /// Asks for a commit before the next `put`.
    fn request_commit(&self);
    /// Calls `put` again after this time even when there is nothing new.
    fn retry_after(&self, wait: Duration);
    /// Hands over a record that could not be written.
    fn report(&self, record: SinkRecord, error: Error) -> Option<BoxFuture<'static, Result<()>>>;
}

impl SinkContext {
    /// Returns a context for tasks of this host.
    pub fn new(host: Arc<dyn SinkHost>) -> Self {
        Self { host }
    }

    /// Returns the partitions that are the task's now.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.host.assignment()
    }

    /// Stops reading these partitions until they are resumed. Fails for one that is not the task's.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.host.pause(partitions)
    }

    /// Reads these partitions again. Fails for one that is not the task's.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.host.resume(partitions)
    }

    /// Reads on from these places: for sinks that keep offsets themselves. In force before the next `put`.
    pub fn rewind(&self, offsets: impl IntoIterator<Item = (TopicPartition, i64)>) {
        let places = offsets.into_iter().map(|(partition, offset)| (partition, TopicOffset::at(offset)));
        self.host.rewind(places.collect());
    }

    /// Asks for a commit before the next `put`.
    pub fn request_commit(&self) {
        self.host.request_commit();
    }

    /// Asks for the next `put` after this time, even when there is nothing new.
    pub fn retry_after(&self, wait: Duration) {
        self.host.retry_after(wait);
    }

    /// Hands over a record that could not be written, for the dead letter queue and the log.
    ///
    /// `None` when the connector has neither: the task must then fail by itself. The future ends when the report is safe, or
    /// with an error when the connector does not tolerate errors; the worker awaits it too before it commits.
    pub fn report(&self, record: SinkRecord, error: Error) -> Option<BoxFuture<'static, Result<()>>> {
        self.host.report(record, error)
    }
}
