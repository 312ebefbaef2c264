//! Producers of source tasks: where a task's records go.

use crate::{settings::TaskProducer, task::kafka_error};
use millrace_api::{Error, Properties};
use millrace_herder::TaskId;
use millrace_kafka::{Budget, Lane, Remains, SharedProducer, Sharing};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What one task may have in its producer, unless `buffer.memory` says otherwise.
///
/// Ten megabytes are some fifty milliseconds of what one partition takes at its fastest; more only adds weight.
const LANE_BYTES: usize = 10 << 20;

/// How many records one task may have in its producer: each costs librdkafka some hundred bytes beside its data.
const LANE_MESSAGES: usize = 50_000;

/// How many tasks may share one producer. Its queue is sized for so many budgets, and librdkafka counts no further than
/// 2^31 records; more tasks than that share another one.
const LANES_MAX: usize = 1000;

/// The most producers that are started for the sake of speed. One thread of librdkafka can serve several hundred
/// thousand records a second, and brokers have few cores for any one worker.
const SHARED_MAX: usize = 8;

/// How long the records of a task may be passed over before the others leave its producer: as long as a broker may take
/// for one request (`request.timeout.ms`).
const STALL: Duration = Duration::from_secs(30);

/// Kafka Connect's own defaults of a connector's producer.
pub(crate) const DEFAULTS: [(&str, &str); 5] = [
    ("max.block.ms", "9223372036854775807"),
    ("enable.idempotence", "false"),
    ("acks", "all"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "2147483647"),
];

/// Opens the ways of tasks to Kafka.
///
/// Tasks without client overrides share a few producers, as many as there are cores; one with overrides has its own. The
/// rules that keep tasks which share one out of each other's way are those of [`SharedProducer`].
pub struct Producers {
    /// `bootstrap.servers` and what the worker's `producer.` settings say.
    base: Properties,
    worker: Properties,
    mode: TaskProducer,
    shared_max: usize,
    /// A std mutex: held while a lane is opened.
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    shared: Vec<Arc<SharedProducer>>,
    /// What the last lane of each task may have left in some producer.
    remains: BTreeMap<TaskId, Remains>,
}

impl Producers {
    /// Returns producers with the worker's settings; none is started yet.
    pub fn new(bootstrap_servers: &str, worker: &Properties, mode: TaskProducer) -> Self {
        let mut base: Properties = DEFAULTS.into_iter().collect();
        base.insert("bootstrap.servers", bootstrap_servers);
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        let worker = worker.with_prefix("producer.");
        Self { base, worker, mode, shared_max: cores.min(SHARED_MAX), open: Mutex::default() }
    }

    /// Opens the way of a task. An earlier life of the same task sends nothing any more, and what it has left goes first.
    pub fn lane(&self, task: &TaskId, connector: &Properties) -> Result<Lane, Error> {
        let overrides = connector.with_prefix("producer.override.");
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let producer = if self.mode == TaskProducer::Own || !overrides.is_empty() {
            self.start(&format!("connector-producer-{task}"), &overrides, 1)
        } else {
            self.shared(&mut open)
        };
        let lane = producer.and_then(|producer| producer.lane(task.to_string()));
        let mut lane = lane.map_err(|error| kafka_error("Failed to start the producer", error))?;
        if let Some(earlier) = open.remains.remove(task) {
            lane.follow(earlier);
        }
        open.remains.retain(|_, remains| !remains.is_gone());
        open.remains.insert(task.clone(), lane.remains());
        Ok(lane)
    }

    /// Returns the shared producer with the fewest lanes, or a new one while that may help.
    fn shared(&self, open: &mut Open) -> Result<Arc<SharedProducer>, millrace_kafka::KafkaError> {
        let least = open.shared.iter().min_by_key(|producer| producer.lanes());
        if let Some(least) = least {
            let lanes = least.lanes();
            if lanes == 0 || (lanes < LANES_MAX && open.shared.len() >= self.shared_max) {
                return Ok(least.clone());
            }
        }
        let name = format!("connector-producer-shared-{}", open.shared.len() + 1);
        let producer = self.start(&name, &Properties::default(), LANES_MAX)?;
        open.shared.push(producer.clone());
        Ok(producer)
    }

    fn start(
        &self,
        client_id: &str,
        overrides: &Properties,
        lanes_max: usize,
    ) -> Result<Arc<SharedProducer>, millrace_kafka::KafkaError> {
        let mut settings = self.base.clone();
        settings.insert("client.id", client_id);
        settings.extend(&self.worker);
        settings.extend(overrides);
        let bytes = buffer_memory(&settings).unwrap_or(LANE_BYTES);
        let budget = Budget { bytes, messages: LANE_MESSAGES };
        SharedProducer::new(settings, Sharing { budget, lanes_max, stall: STALL })
    }
}

fn buffer_memory(settings: &Properties) -> Option<usize> {
    settings.get("buffer.memory")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn producers(mode: TaskProducer) -> Producers {
        let mut producers = Producers::new("127.0.0.1:1", &Properties::default(), mode);
        producers.shared_max = 2;
        producers
    }

    fn lanes(producers: &Producers, overrides: &[(&str, &str)]) -> Vec<Lane> {
        let connector = overrides.iter().copied().collect();
        (0..6)
            .map(|index| producers.lane(&TaskId { connector: "c".into(), index }, &connector).unwrap())
            .collect()
    }

    /// Counts the clients behind lanes.
    fn clients(lanes: &[Lane]) -> usize {
        let first = |at: usize| lanes[..at].iter().all(|earlier| !earlier.shares_with(&lanes[at]));
        (0..lanes.len()).filter(|at| first(*at)).count()
    }

    #[tokio::test]
    async fn tasks_share_a_few_producers() {
        let producers = producers(TaskProducer::Shared);
        let lanes = lanes(&producers, &[]);
        assert_eq!(clients(&lanes), 2);
        assert_eq!(producers.open.lock().unwrap().shared.iter().map(|one| one.lanes()).max(), Some(3));
    }

    #[tokio::test]
    async fn a_task_with_overrides_has_its_own() {
        let lanes = lanes(&producers(TaskProducer::Shared), &[("producer.override.linger.ms", "1")]);
        assert_eq!(clients(&lanes), 6);
    }

    #[tokio::test]
    async fn a_setting_brings_back_a_producer_for_each_task() {
        assert_eq!(clients(&lanes(&producers(TaskProducer::Own), &[])), 6);
    }
}
