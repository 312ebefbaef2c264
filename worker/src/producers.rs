//! Producers that source tasks share: one for equal settings, with a budget for each task.

use crate::task::kafka_error;
use millrace_api::{Error, Properties};
use millrace_kafka::{Budget, Lane, Producer, QueueLimits};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What one task may have in the producer, unless `buffer.memory` says otherwise.
///
/// Eight megabytes are some fifty milliseconds of what one partition takes at its fastest; more only adds weight.
const LANE_BYTES: usize = 8 << 20;

/// How many records one task may have in the producer: each costs librdkafka some hundred bytes beside its data.
const LANE_MESSAGES: usize = 50_000;

/// How many tasks share a producer before a second one is started: its queue must hold the sum of their budgets.
const LANES_MAX: usize = 64;

/// Kafka Connect's own defaults of a connector's producer.
const DEFAULTS: [(&str, &str); 5] = [
    ("max.block.ms", "9223372036854775807"),
    ("enable.idempotence", "false"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "2147483647"),
];

/// The producers of a worker.
pub struct Producers {
    /// `bootstrap.servers` and what the worker's `producer.` settings say.
    base: Properties,
    shared: Mutex<Vec<Shared>>,
}

struct Shared {
    settings: Properties,
    lane_bytes: usize,
    /// Ends with its last lane.
    producer: Weak<Producer>,
    lanes: Weak<()>,
}

/// A task's way to Kafka.
pub struct Lease {
    /// The way itself.
    pub lane: Lane,
    _counted: Arc<()>,
}

impl Producers {
    /// Returns producers with the worker's settings; none is started yet.
    pub fn new(bootstrap_servers: &str, worker: &Properties) -> Self {
        let mut base: Properties = DEFAULTS.into_iter().collect();
        base.insert("bootstrap.servers", bootstrap_servers);
        base.insert("client.id", "connector-producer");
        base.extend(&worker.with_prefix("producer."));
        Self { base, shared: Mutex::default() }
    }

    /// Opens a lane for a task of this connector, in a producer that has room or a new one.
    pub fn lane(&self, connector: &Properties) -> Result<Lease, Error> {
        let mut settings = self.base.clone();
        settings.extend(&connector.with_prefix("producer.override."));
        let lane_bytes = buffer_memory(&settings).unwrap_or(LANE_BYTES);
        let budget = Budget { bytes: lane_bytes, messages: LANE_MESSAGES };
        // Held over the start of a producer, which takes a millisecond and waits for nothing.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|one| one.producer.strong_count() > 0);
        let roomy = shared.iter().find(|one| {
            one.settings == settings && one.lane_bytes == lane_bytes && one.lanes.strong_count() < LANES_MAX
        });
        let usable = roomy.and_then(|one| Some((one.producer.upgrade()?, one.lanes.upgrade()?)));
        if let Some((producer, counted)) = usable.filter(|(producer, _)| producer.fatal().is_none()) {
            return Ok(Lease { lane: producer.lane(budget), _counted: counted });
        }
        let limits = QueueLimits { bytes: lane_bytes * LANES_MAX, messages: LANE_MESSAGES * LANES_MAX };
        let producer = Producer::start(&settings, limits)
            .map_err(|error| kafka_error("Failed to start the producer", error))?;
        let counted = Arc::new(());
        let lane = producer.lane(budget);
        let (producer, lanes) = (Arc::downgrade(&producer), Arc::downgrade(&counted));
        shared.push(Shared { settings, lane_bytes, producer, lanes });
        Ok(Lease { lane, _counted: counted })
    }
}

fn buffer_memory(settings: &Properties) -> Option<usize> {
    settings.get("buffer.memory")?.trim().parse().ok()
}
