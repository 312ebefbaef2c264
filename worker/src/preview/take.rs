//! Samples from the real thing: the first records of a source, or of a sink's topics.

use super::RECORDS_MAX;
use crate::sink_task::topics;
use async_trait::async_trait;
use millrace_api::{
    Acknowledgement, ConnectorContext, ConnectorHost, Error, Properties, SourceContext, SourceHost,
    SourceOffset, SourcePartition, SourceRecord, plugins::SourcePlugin,
};
use millrace_kafka::{Consumer, ConsumerLimits, Incoming, KafkaError, Limits, Polled};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

/// How long samples are waited for. A source may have nothing to say, and a topic no messages.
const TAKE_WAIT: Duration = Duration::from_secs(15);

/// How long a source or consumer may take to end.
const END_WAIT: Duration = Duration::from_secs(5);

/// How much a consumer may read ahead.
const READ_AHEAD: usize = 1 << 20;

/// Samples could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The source did not start or poll.
    #[error("taking records of the source: {0}")]
    Source(Error),
    /// It wants no tasks.
    #[error("taking records of the source: it has no task to run")]
    NoTask,
    /// The sink's topics are not named.
    #[error(transparent)]
    Topics(Error),
    /// Kafka does not answer.
    #[error("reading the connector's topics")]
    Kafka(#[from] KafkaError),
}

/// Starts a source and one task of it, without any offset, and takes the first records it polls. What it reports back to
/// where it reads from, it reports; nothing goes to Kafka, and no offset is stored.
pub async fn from_source(
    plugin: &Arc<dyn SourcePlugin>,
    connector: &Properties,
    count: usize,
) -> Result<Vec<SourceRecord>, TakeError> {
    let host = Arc::new(Nobody);
    let context = ConnectorContext::new(Arc::new(connector.clone()), host.clone());
    let deadline = Instant::now() + TAKE_WAIT;
    let mut running = plugin.start(connector, context).await.map_err(TakeError::Source)?;
    let taken = async {
        let settings = running.task_configs(1).await.map_err(TakeError::Source)?;
        let settings = settings.into_iter().next().ok_or(TakeError::NoTask)?;
        let mut task =
            plugin.start_task(settings, SourceContext::new(host)).await.map_err(TakeError::Source)?;
        let mut taken = Vec::new();
        let polled = async {
            while taken.len() < count.min(RECORDS_MAX) {
                let batch = task.poll().await.map_err(TakeError::Source)?;
                if batch.is_empty() {
                    tokio::task::yield_now().await;
                }
                taken.extend(batch.into_iter().filter(|polled| polled.record.is_some()));
            }
            Ok::<(), TakeError>(())
        };
        let ended = timeout_at(deadline, polled).await;
        // A source that does not stop in time is left behind: the program ends soon.
        let _ = timeout(END_WAIT, task.stop()).await;
        if let Ok(Err(error)) = ended {
            return Err(error);
        }
        taken.truncate(count);
        Ok(taken)
    };
    let taken = taken.await;
    let _ = timeout(END_WAIT, running.stop()).await;
    taken
}

/// Reads the first messages of a sink's topics. The consumer's group is its own and commits nothing.
pub async fn from_topics(
    worker: &Properties,
    connector: &Properties,
    bootstrap_servers: &str,
    count: usize,
) -> Result<Vec<Incoming>, TakeError> {
    let mut settings = worker.with_prefix("consumer.");
    settings.extend(&connector.with_prefix("consumer.override."));
    settings.insert("bootstrap.servers", bootstrap_servers);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    settings.insert("group.id", format!("millrace-preview-{}-{}", std::process::id(), now.as_nanos()));
    settings.insert("enable.auto.commit", "false");
    settings.insert("auto.offset.reset", "earliest");
    let topics = topics(connector).map_err(TakeError::Topics)?;
    let mut consumer = Consumer::subscribe(&settings, topics, ConsumerLimits { queued_bytes: READ_AHEAD })?;
    let deadline = Instant::now() + TAKE_WAIT;
    let mut taken: Vec<Incoming> = Vec::new();
    let count = count.min(RECORDS_MAX);
    while taken.len() < count {
        let limits = Limits { records: count - taken.len(), bytes: READ_AHEAD };
        match timeout_at(deadline, consumer.next(limits)).await {
            Err(_) => break,
            Ok(polled) => match polled? {
                Polled::Messages(messages) => taken.extend(messages),
                Polled::Assigned(partitions) => consumer.take(&partitions).await?,
                Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                    consumer.give_up(&partitions).await?
                }
            },
        }
    }
    let _ = timeout(END_WAIT, consumer.close(END_WAIT)).await;
    taken.sort_by(|one, other| {
        (&one.topic, one.partition, one.offset).cmp(&(&other.topic, other.partition, other.offset))
    });
    taken.truncate(count);
    Ok(taken)
}

/// A worker that keeps nothing.
struct Nobody;

impl ConnectorHost for Nobody {
    fn request_task_reconfiguration(&self) {}

    fn raise_error(&self, error: Error) {
        tracing::error!("the connector raised an error: {error}");
    }
}

#[async_trait]
impl SourceHost for Nobody {
    async fn offsets(
        &self,
        partitions: &[SourcePartition],
    ) -> millrace_api::Result<Vec<Option<SourceOffset>>> {
        Ok(vec![None; partitions.len()])
    }

    fn acknowledgements(&self) -> mpsc::Receiver<Acknowledgement> {
        // The sender is dropped: the task hears nothing, and its wait for more never ends.
        mpsc::channel(1).1
    }
}
