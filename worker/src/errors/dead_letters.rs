//! A task's way into its dead letter queue: the topic, and what writes to it.

use super::{
    ErrorCounts, add,
    reports::Reports,
    settings::DeadLetterSettings,
    tolerance::{Fate, Reported, Tolerance, fate},
};
use crate::{
    producers,
    task::{Services, TaskSpec, kafka_error},
};
use futures::future::BoxFuture;
use millrace_api::{Class, Error, Properties, Result};
use millrace_kafka::{
    Admin, Budget, DeliveryError, FailureKind, Finished, KafkaError, Lane, NewTopic, Outgoing, Report,
    SendError, SharedProducer, Sharing, Ticket,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tracing::error;

/// What one task may have on its way to its dead letter queue.
const LANE_BYTES: usize = 4 << 20;

/// How many records that may be.
const LANE_MESSAGES: usize = 10_000;

/// How long looking for the topic, and creating it, may take each, unless `default.api.timeout.ms` says otherwise.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a record may stay unsent before it counts as passed over; a queue's producer has one lane, which waits.
const STALL: Duration = Duration::from_secs(30);

/// Java's exception of a topic that is there already.
const EXISTS: &str = "org.apache.kafka.common.errors.TopicExistsException";

/// What writes a task's dead letters. Dropping it ends that at once.
pub struct DeadLetters {
    orders: mpsc::UnboundedSender<Order>,
    writer: JoinSet<()>,
}

/// Records for a dead letter queue.
pub struct Order {
    /// What is under way with it.
    pub report: u64,
    pub records: Letters,
    pub refusal: Refusal,
    /// Who waits for it, if anybody.
    pub answer: Option<oneshot::Sender<Result<()>>>,
}

/// What is to be written.
pub enum Letters {
    Ready(Vec<Outgoing>),
    /// One whose bytes have to be made first.
    ToEncode(BoxFuture<'static, Result<Outgoing>>),
}

/// What follows when the queue can never take a record, though it takes others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is left out with a line in the log: the connector tolerates bad records, and its source still has it.
    LeaveOut,
    /// The task fails: whoever has reported the record relies on the report.
    Fail,
}

/// Makes sure that the topic exists.
pub async fn create_topic(spec: &TaskSpec, services: &Services, settings: &DeadLetterSettings) -> Result<()> {
    let topic = settings.topic.as_ref();
    let failed = |error: KafkaError| {
        kafka_error(&format!("Could not initialize dead letter queue with topic={topic}"), error)
    };
    let client = admin_settings(spec, services);
    let given = client.get("default.api.timeout.ms").and_then(|text| text.trim().parse().ok());
    let limit = given.map_or(ADMIN_TIMEOUT, Duration::from_millis);
    let admin = Admin::connect(&client).map_err(failed)?;
    if admin.describe(&[topic], limit).await.map_err(failed)?.contains_key(topic) {
        return Ok(());
    }
    error!("Topic {topic} doesn't exist. Will attempt to create topic.");
    let replication_factor = Some(settings.replication_factor);
    let new =
        NewTopic { name: topic.to_owned(), partitions: Some(1), replication_factor, ..NewTopic::default() };
    let created = admin.create_topics(&[new], limit).await.map_err(failed)?;
    match created.into_iter().next() {
        Some(Err(error)) if error.class() != EXISTS => Err(failed(error)),
        _ => Ok(()),
    }
}

fn admin_settings(spec: &TaskSpec, services: &Services) -> Properties {
    // The worker's own settings count for admin clients, but not those of its other clients.
    let own = services.worker.iter().filter(|(name, _)| {
        !["admin.", "producer.", "consumer."].iter().any(|prefix| name.starts_with(prefix))
    });
    let mut settings = services.worker.as_ref().clone();
    let kept: std::collections::BTreeSet<&str> = own.map(|(name, _)| name).collect();
    for (name, _) in services.worker.iter().filter(|(name, _)| !kept.contains(name)) {
        settings.remove(name);
    }
    settings.insert("bootstrap.servers", services.bootstrap_servers.as_str());
    settings.insert("client.id", "connector-dlq-adminclient-");
    settings.extend(&services.worker.with_prefix("admin."));
    settings.extend(&spec.connector.with_prefix("admin.override."));
    settings
}

fn producer_settings(spec: &TaskSpec, services: &Services) -> Properties {
    let mut settings: Properties = producers::DEFAULTS.into_iter().collect();
    settings.insert("bootstrap.servers", services.bootstrap_servers.as_str());
    settings.insert("client.id", format!("connector-dlq-producer-{}", spec.id));
    settings.extend(&services.worker.with_prefix("producer."));
    settings.extend(&spec.connector.with_prefix("producer.override."));
    settings
}

// === impl DeadLetters ===

impl DeadLetters {
    /// Starts what writes. Its producer is started with the first record: most tasks never need one.
    pub fn start(
        spec: &TaskSpec,
        services: &Services,
        settings: &DeadLetterSettings,
        reports: Arc<Reports>,
        counts: Arc<ErrorCounts>,
    ) -> Self {
        // Bounded by its users: a task takes no more records while `reports` is full.
        let (orders, received) = mpsc::unbounded_channel();
        let writer = Writer {
            topic: settings.topic.clone(),
            producer: producer_settings(spec, services),
            lane: None,
            reports,
            counts,
            under_way: HashMap::new(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run(received));
        Self { orders, writer: tasks }
    }

    /// Returns where orders go.
    pub fn orders(&self) -> mpsc::UnboundedSender<Order> {
        self.orders.clone()
    }
}

impl Drop for DeadLetters {
    fn drop(&mut self) {
        self.writer.abort_all();
    }
}

/// What owns the producer.
struct Writer {
    topic: Arc<str>,
    producer: Properties,
    lane: Option<Lane>,
    reports: Arc<Reports>,
    counts: Arc<ErrorCounts>,
    under_way: HashMap<Ticket, Waiting>,
}

/// An order that was handed over.
struct Waiting {
    report: u64,
    refusal: Refusal,
    answer: Option<oneshot::Sender<Result<()>>>,
}

impl Writer {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        loop {
            let finished = async {
                match &mut self.lane {
                    Some(lane) if lane.in_flight() > 0 => lane.finished().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                finished = finished => self.note(finished),
                order = orders.recv() => match order {
                    Some(order) => self.send(order).await,
                    // The task holds an end of the channel until it ends, and this with it.
                    None => return,
                },
            }
        }
    }

    async fn send(&mut self, order: Order) {
        let Order { report, records, refusal, answer } = order;
        let waiting = Waiting { report, refusal, answer };
        let records = match records {
            Letters::Ready(records) => records,
            Letters::ToEncode(encoding) => match encoding.await {
                Ok(record) => vec![record],
                Err(error) => return self.end(waiting, Err((Reported::Broken, error))),
            },
        };
        add(&self.counts.dead_letters, records.len());
        let lane = match self.open() {
            Ok(lane) => lane,
            Err(error) => return self.end(waiting, Err((Reported::Broken, error))),
        };
        match lane.send(&mut records.into(), Report::Metadata).await {
            Ok(ticket) => drop(self.under_way.insert(ticket, waiting)),
            Err(error) => self.end(waiting, Err((Reported::Broken, send_error(&error)))),
        }
    }

    fn open(&mut self) -> Result<&mut Lane> {
        if self.lane.is_none() {
            let budget = Budget { bytes: LANE_BYTES, messages: LANE_MESSAGES };
            let sharing = Sharing { budget, lanes_max: 1, stall: STALL };
            let lane = SharedProducer::new(self.producer.clone(), sharing)
                .and_then(|producer| producer.lane(self.topic.to_string()))
                .map_err(|error| {
                    kafka_error("Failed to start the producer of the dead letter queue", error)
                })?;
            self.lane = Some(lane);
        }
        Ok(self.lane.as_mut().expect("the line above has opened it"))
    }

    fn note(&mut self, finished: Finished) {
        let Some(waiting) = self.under_way.remove(&finished.ticket) else { return };
        let outcome = finished.outcome.map(drop).map_err(|error| {
            add(&self.counts.dead_letter_failures, error.failed);
            let refused = |failure: &millrace_kafka::Failure| failure.kind == FailureKind::Record;
            let mut failures = error.records.iter().filter_map(|record| record.as_ref().err());
            let all = failures.all(|failed| refused(&failed.failure)) && refused(&error.failure);
            (if all { Reported::Refused } else { Reported::Broken }, delivery_error(error))
        });
        self.end(waiting, outcome);
    }

    fn end(&self, waiting: Waiting, result: Result<(), (Reported, Error)>) {
        let Waiting { report, refusal, answer } = waiting;
        let answered = match result {
            Ok(()) => {
                self.reports.end(report);
                Ok(())
            }
            Err((reported, error)) => {
                error!("Could not produce message to dead letter queue. topic={}: {error}", self.topic);
                let text = format!("Could not produce message to dead letter queue. topic={}", self.topic);
                let goes_on = fate(Tolerance::All, reported) == Fate::Skip && refusal == Refusal::LeaveOut;
                if goes_on {
                    self.reports.end(report);
                } else {
                    self.reports
                        .fail(report, Error::connect(text.as_str()).caused_by(super::repeated(&error)));
                }
                Err(Error::connect(text).caused_by(error))
            }
        };
        if let Some(answer) = answer {
            // Nobody may be waiting.
            let _ = answer.send(answered);
        }
    }
}

fn delivery_error(error: DeliveryError) -> Error {
    Error::of(Class::Fatal, error.failure.class, error.to_string())
}

fn send_error(error: &SendError) -> Error {
    let class = match error {
        SendError::Fatal(failure) => failure.class,
        SendError::Replace(error) => error.class(),
        SendError::GivenUp => "org.apache.kafka.common.KafkaException",
    };
    Error::of(Class::Fatal, class, error.to_string())
}
