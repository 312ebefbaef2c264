//! Sources: what brings records to Kafka.
//!
//! A connector decides how the work is cut into tasks; tasks read. The worker calls everything here; an author never
//! spawns, locks or waits for the worker.

use crate::{
    Config, Properties, RecordMetadata, Result, SourceOffset, SourcePartition, SourceRecord, Validation,
    connector::ConnectorContext,
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Cuts the work of a source into tasks.
///
/// One value lives on one worker at a time, from `start` to `stop`; a change of its settings makes a new one.
#[async_trait]
pub trait SourceConnector: Sized + Send + 'static {
    /// The connector's own settings.
    type Config: Config;
    /// What reads.
    type Task: SourceTask;

    /// Starts the connector. An error makes it FAILED.
    async fn start(config: Self::Config, context: ConnectorContext) -> Result<Self>;

    /// Returns the settings of each task, at most `tasks_max` of them. Raw settings: what the user gave goes through
    /// unchanged and nothing is added that was not there before, or tasks would seem to have changed.
    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>>;

    /// Starts one task from its raw settings, which it parses itself.
    async fn start_task(settings: Properties, context: SourceContext) -> Result<Self::Task>;

    /// Watches the outside (new tables, for example) and asks for new task settings through the context.
    ///
    /// Runs from `start` on. It is dropped at any of its waits when the worker needs the connector, and called
    /// again after that. When it returns, it is not called again; an error makes the connector FAILED.
    async fn watch(&mut self) -> Result<()> {
        std::future::pending().await
    }

    /// Looks at settings together, or asks the outside about them; may take seconds.
    async fn validate(_settings: &Properties, _report: &mut Validation) {}

    /// Tells whether the connector can give each record exactly once with these settings; `None` for no answer.
    fn exactly_once(_settings: &Properties) -> Option<Support> {
        None
    }

    /// Tells whether its tasks can say where transactions end.
    fn transaction_boundaries(_settings: &Properties) -> Support {
        Support::Unsupported
    }

    /// Checks, and where it keeps offsets of its own makes, a change of offsets that a user asked for.
    async fn alter_offsets(_settings: &Properties, _changes: &[OffsetChange]) -> Result<Altered> {
        Ok(Altered::InTheFramework)
    }

    /// Ends the connector. An error is logged.
    async fn stop(self) -> Result<()> {
        Ok(())
    }
}

/// Reads one share of a source.
#[async_trait]
pub trait SourceTask: Send + 'static {
    /// Waits for the next records.
    ///
    /// A batch may be empty. A retriable error is logged and the task polled again; any other fails the task. The
    /// future is dropped only when the task stops or is given up, and the task is not polled again after that.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>>;

    /// Ends the task; called after the last poll, whether the task failed or not.
    async fn stop(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Whether a connector can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It can.
    Supported,
    /// It cannot.
    Unsupported,
}

/// One change of a stored offset, as a user asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetChange {
    /// The partition; a user may send null.
    pub partition: Option<SourcePartition>,
    /// The new offset; none forgets it.
    pub offset: Option<SourceOffset>,
}

/// Who keeps the offsets that were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Altered {
    /// The connector knows of them: the change is complete.
    Completely,
    /// The framework's copy was changed; the connector may keep more elsewhere.
    InTheFramework,
}

// === impl SourceContext ===

/// What a source task may ask of its worker.
#[derive(Clone)]
pub struct SourceContext {
    host: Arc<dyn SourceHost>,
}

/// The worker's side of a [`SourceContext`].
#[async_trait]
pub trait SourceHost: Send + Sync {
    /// Reads stored offsets, one for each partition asked for.
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>>;

    /// Turns on acknowledgements and returns their receiver.
    fn acknowledgements(&self) -> mpsc::Receiver<Acknowledgement>;
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Acknowledgement {
    /// Kafka has the record, or the worker has dropped it for good (then without metadata).
    Delivered {
        /// The record as it was polled, before transformations.
        record: Box<SourceRecord>,
        /// Where it lies in Kafka.
        metadata: Option<RecordMetadata>,
    },
    /// Everything delivered so far has its offset stored.
    Committed,
}

impl SourceContext {
    /// Returns a context for tasks of this host.
    pub fn new(host: Arc<dyn SourceHost>) -> Self {
        Self { host }
    }

    /// Returns the stored offset of a partition: where the task resumes.
    pub async fn offset(&self, partition: &SourcePartition) -> Result<Option<SourceOffset>> {
        let offsets = self.offsets(std::slice::from_ref(partition)).await?;
        Ok(offsets.into_iter().next().flatten())
    }

    /// Returns the stored offsets of many partitions in one read, in their order.
    pub async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        self.host.offsets(partitions).await
    }

    /// Asks to be told what becomes of every record; once, in `start_task`.
    ///
    /// The receiver is bounded and nothing is lost: a task that asks must read it, best while it waits in `poll`, and fails
    /// when it leaves a million unread. A task that never asks costs nothing.
    pub fn acknowledgements(&self) -> Acknowledgements {
        Acknowledgements { receiver: self.host.acknowledgements() }
    }
}

/// What became of a task's records, in the order in which it was known.
pub struct Acknowledgements {
    receiver: mpsc::Receiver<Acknowledgement>,
}

impl Acknowledgements {
    /// Waits for the next one; may be dropped while it waits. Never ends before the task does.
    pub async fn next(&mut self) -> Acknowledgement {
        match self.receiver.recv().await {
            Some(acknowledgement) => acknowledgement,
            None => std::future::pending().await,
        }
    }
}
