//! Producers, shared by tasks, and the lanes of each task in them.
//!
//! A record costs one call of librdkafka and a few atomic counters: a batch is one `Arc` that travels with each of its
//! records as delivery opaque, and the last delivery report of a batch wakes the lane.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use millrace_api::Properties;
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    message::DeliveryResult,
    producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig},
    types::RDKafkaErrorCode as Code,
};

use crate::{Failure, KafkaError, Role, closing, logs::ClientLog, translate};

mod batch;
mod lane;

use batch::Tracked;
pub use lane::Lane;

/// A producer that many tasks share, each through its own [`Lane`].
///
/// Dropping it never blocks: what is still queued is purged, so that every ticket ends, and the client is destroyed on
/// its own thread ([`crate::all_closed`] waits for that).
pub struct Producer {
    /// Taken when dropped, before the thread is told to stop: the thread's reference must be the last.
    client: Option<Arc<Client>>,
    orders: Arc<Orders>,
}

/// How much a producer may hold: the sum of its lanes' budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Bytes of keys, values and headers.
    pub bytes: usize,
    /// Records.
    pub messages: usize,
}

/// How much one lane may have in the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of keys, values and headers. A larger record goes alone.
    pub bytes: usize,
    /// Records.
    pub messages: usize,
}

/// A record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; chosen by the partitioner when absent.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; the time of sending when absent, or 0, which librdkafka takes for absent.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; a tombstone when absent.
    pub value: Option<Bytes>,
    /// Names and values in order.
    pub headers: Vec<(Arc<str>, Option<Bytes>)>,
}

/// What a lane wants to know of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Whether all were acknowledged.
    Counts,
    /// Where each record went, and which records failed. Costs an allocation a record.
    Metadata,
}

/// The number of a batch handed over; a lane's tickets grow by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Where a record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset; absent with `acks=0`.
    pub offset: Option<i64>,
    /// The timestamp it was written with.
    pub timestamp: Option<i64>,
}

/// The end of a ticket.
#[derive(Debug)]
pub struct Finished {
    /// Which ticket.
    pub ticket: Ticket,
    /// The metadata of each record in the order handed over, empty with `Report::Counts`; or why not all were sent.
    pub outcome: Result<Vec<RecordMetadata>, DeliveryError>,
}

/// Some records of a ticket were not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("sending {failed} of {count} records, the first to topic {topic}: {failure}")]
pub struct DeliveryError {
    /// The topic of the first record that failed.
    pub topic: Arc<str>,
    /// Why the first record failed.
    pub failure: Failure,
    /// How many records failed.
    pub failed: usize,
    /// How many records the ticket had.
    pub count: usize,
    /// What became of each record in the order handed over; empty with `Report::Counts`.
    pub records: Vec<Result<RecordMetadata, Failed>>,
}

/// A record that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its topic.
    pub topic: Arc<str>,
    /// Why.
    pub failure: Failure,
}

/// Why a batch could not be handed over.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The producer met a fatal error: it must be replaced.
    #[error("the producer cannot go on: {0}")]
    Fatal(Failure),
    /// The producer was retired.
    #[error("the producer is retired")]
    Retired,
}

type Client = BaseProducer<Context>;

/// What librdkafka calls back into.
struct Context {
    log: ClientLog,
    client: OnceLock<Weak<Client>>,
    /// The first fatal error.
    fatal: OnceLock<Failure>,
}

/// What the polling thread is told.
#[derive(Default)]
struct Orders {
    stop: AtomicBool,
    /// What is queued or in flight shall be given up. Stays set: nothing is accepted any more.
    purge: AtomicBool,
}

/// How long one wait for delivery reports lasts; an order is seen after that at the latest.
const POLL_WAIT: Duration = Duration::from_millis(50);

/// How long the delivery reports of purged records are waited for when a producer is destroyed. They need no network.
const PURGE_WAIT: Duration = Duration::from_secs(5);

/// How much more than the sum of budgets librdkafka's queue holds. A budget is given back in the delivery report, a
/// place in the queue a little later, when the report is destroyed; without slack a lane would find the queue full.
const QUEUE_SLACK: usize = 2;

// === impl Producer ===

impl Producer {
    /// Starts a producer with librdkafka's queue sized for `limits`. No connection is waited for.
    pub fn start(settings: &Properties, limits: QueueLimits) -> Result<Arc<Self>, KafkaError> {
        let translation = translate(Role::Producer, settings)?;
        let name = settings.get("client.id").unwrap_or("producer");
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        let messages = limits.messages.saturating_mul(QUEUE_SLACK).clamp(1, i32::MAX as usize);
        // A record larger than its lane's budget goes alone, and must find room, too.
        let largest = config.get("message.max.bytes").and_then(|text| text.parse().ok()).unwrap_or(1 << 20);
        let bytes = limits.bytes.saturating_mul(QUEUE_SLACK).saturating_add(largest);
        let kbytes = (bytes / 1024 + 1).clamp(1, i32::MAX as usize);
        config.set("queue.buffering.max.messages", messages.to_string());
        config.set("queue.buffering.max.kbytes", kbytes.to_string());
        config.set_log_level(ClientLog::level());
        let context = Context { log: ClientLog::new(name), client: OnceLock::new(), fatal: OnceLock::new() };
        let client: Client =
            config.create_with_context(context).map_err(|error| created("producer", &error))?;
        let client = Arc::new(client);
        let orders = Arc::new(Orders::default());
        client.context().client.get_or_init(|| Arc::downgrade(&client));
        let thread = thread::Builder::new()
            .name("kafka-producer".to_owned())
            .spawn({
                let (client, orders) = (client.clone(), orders.clone());
                move || serve(client, &orders)
            })
            .map_err(|error| KafkaError::Create { client: "producer", reason: error.to_string() })?;
        closing::keep(thread);
        Ok(Arc::new(Self { client: Some(client), orders }))
    }

    /// Opens a lane.
    pub fn lane(self: &Arc<Self>, budget: Budget) -> Lane {
        Lane::new(self.clone(), budget)
    }

    /// Returns the fatal error that the client met, if any.
    pub fn fatal(&self) -> Option<Failure> {
        self.fatal_ref().cloned()
    }

    /// Returns the last error that a connection met and that was not followed by a delivery.
    pub fn trouble(&self) -> Option<Failure> {
        let (code, text) = self.client().context().log.last_error()?;
        Some(Failure::because(code, text))
    }

    /// Gives up what is queued or in flight, so that its tickets end with an error within moments, and takes nothing more.
    pub fn retire(&self) {
        self.orders.purge.store(true, SeqCst);
    }

    fn client(&self) -> &Arc<Client> {
        self.client.as_ref().expect("only drop takes the client")
    }

    fn fatal_ref(&self) -> Option<&Failure> {
        self.client().context().fatal.get()
    }

    fn retired(&self) -> bool {
        self.orders.purge.load(SeqCst)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.client = None;
        self.orders.stop.store(true, SeqCst);
    }
}

/// Serves delivery reports until told to stop, then destroys the client.
fn serve(client: Arc<Client>, orders: &Orders) {
    let mut purged = false;
    while !orders.stop.load(SeqCst) {
        client.poll(POLL_WAIT);
        if orders.purge.load(SeqCst) {
            // Again each time: a record may have slipped in beside the order.
            client.purge(PurgeConfig::default().queue().inflight().non_blocking());
            purged = true;
        }
    }
    if !purged {
        tracing::debug!(in_flight = client.in_flight_count(), "a Kafka producer ends");
    }
    client.purge(PurgeConfig::default().queue().inflight());
    if let Err(error) = client.flush(PURGE_WAIT) {
        tracing::warn!(%error, "the delivery reports of a Kafka producer did not all come");
    }
}

/// Turns a failed creation into our error. A value that librdkafka did not accept is not shown.
pub(crate) fn created(client: &'static str, error: &rdkafka::error::KafkaError) -> KafkaError {
    match KafkaError::of("creating a client", error) {
        KafkaError::Refused { failure, .. } => KafkaError::Create { client, reason: failure.reason },
        setting => setting,
    }
}

// === impl Context ===

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: rdkafka::error::KafkaError, text: &str) {
        self.log.error(&error, text);
        if error.rdkafka_error_code() != Some(Code::Fatal) {
            return;
        }
        let exact =
            self.client.get().and_then(Weak::upgrade).and_then(|client| client.client().fatal_error());
        let (code, text) = exact.unwrap_or((Code::Fatal, text.to_owned()));
        let mut failure = Failure::because(code, text);
        failure.kind = crate::FailureKind::Fatal;
        self.fatal.get_or_init(|| failure);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Tracked>;

    fn delivery(&self, result: &DeliveryResult<'_>, tracked: Arc<Tracked>) {
        match result {
            Ok(message) => tracked.delivered(message),
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                tracked.failed(message, self.why(code));
            }
        }
    }
}

impl Context {
    /// Says why a record failed: a record purged after a fatal error failed because of that.
    fn why(&self, code: Code) -> Failure {
        if matches!(code, Code::PurgeQueue | Code::PurgeInflight | Code::Fatal)
            && let Some(fatal) = self.fatal.get()
        {
            return fatal.clone();
        }
        if code == Code::MessageTimedOut
            && let Some((_, trouble)) = self.log.last_error()
        {
            return Failure::because(code, format!("{code}; {trouble}"));
        }
        Failure::of(code)
    }
}
