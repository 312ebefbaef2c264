//! Producers of source tasks: where a task's records go.

use crate::task::kafka_error;
use millrace_api::{Error, Properties};
use millrace_herder::TaskId;
use millrace_kafka::{Budget, Lane, Producer, QueueLimits};

/// What one task may have in its producer, unless `buffer.memory` says otherwise.
///
/// Eight megabytes are some fifty milliseconds of what one partition takes at its fastest; more only adds weight.
const LANE_BYTES: usize = 8 << 20;

/// How many records one task may have in its producer: each costs librdkafka some hundred bytes beside its data.
const LANE_MESSAGES: usize = 50_000;

/// Kafka Connect's own defaults of a connector's producer.
const DEFAULTS: [(&str, &str); 5] = [
    ("max.block.ms", "9223372036854775807"),
    ("enable.idempotence", "false"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "2147483647"),
];

/// Opens the ways of tasks to Kafka.
///
/// Each task has a producer of its own, as in Kafka Connect: it ends with the task, and what it then still holds is
/// purged with it, so that records of a task that was given up are never written later. Tasks with equal settings may
/// share one once a producer can be retired under its other tasks; only this type will know.
pub struct Producers {
    /// `bootstrap.servers` and what the worker's `producer.` settings say.
    base: Properties,
    worker: Properties,
}

impl Producers {
    /// Returns producers with the worker's settings; none is started yet.
    pub fn new(bootstrap_servers: &str, worker: &Properties) -> Self {
        let mut base: Properties = DEFAULTS.into_iter().collect();
        base.insert("bootstrap.servers", bootstrap_servers);
        Self { base, worker: worker.with_prefix("producer.") }
    }

    /// Opens the way of a task.
    pub fn lane(&self, task: &TaskId, connector: &Properties) -> Result<Lane, Error> {
        let mut settings = self.base.clone();
        settings.insert("client.id", format!("connector-producer-{task}"));
        settings.extend(&self.worker);
        settings.extend(&connector.with_prefix("producer.override."));
        let bytes = buffer_memory(&settings).unwrap_or(LANE_BYTES);
        let limits = QueueLimits { bytes, messages: LANE_MESSAGES };
        let producer = Producer::start(&settings, limits);
        let producer = producer.map_err(|error| kafka_error("Failed to start the producer", error))?;
        Ok(producer.lane(Budget { bytes, messages: LANE_MESSAGES }))
    }
}

fn buffer_memory(settings: &Properties) -> Option<usize> {
    settings.get("buffer.memory")?.trim().parse().ok()
}
