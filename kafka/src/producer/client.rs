//! One client of librdkafka with the thread that serves it, from its start to its end.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use millrace_api::Properties;
use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    message::{DeliveryResult, Message},
    producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig},
    types::RDKafkaErrorCode as Code,
};

use super::{
    Budget,
    batch::{Tracked, Usage},
    shared::Sharing,
    stall::Stalls,
};
use crate::{Failure, FailureKind, KafkaError, Role, closing, logs::ClientLog, translate};

/// A client, the lanes in it, and whether it still takes records.
///
/// It ends by itself, on the thread that serves it: when it is retired and no living lane has records in it.
pub(super) struct Producer {
    name: String,
    /// Taken by the serving thread when it ends. A std mutex: held to copy the reference.
    client: Mutex<Option<Arc<Client>>>,
    state: AtomicU8,
    fatal: Arc<OnceLock<Failure>>,
    /// Those that have joined and not left. A std mutex: held to look through the list.
    lanes: Mutex<Vec<Arc<Usage>>>,
    stall: Duration,
    /// The largest record that the client takes.
    pub(super) record_max: usize,
}

pub(super) type Client = BaseProducer<Context>;

/// What librdkafka calls back into.
pub(super) struct Context {
    log: ClientLog,
    client: OnceLock<Weak<Client>>,
    /// The first fatal error.
    fatal: Arc<OnceLock<Failure>>,
}

/// It takes records.
const SERVING: u8 = 0;
/// It takes no more records; those in it are still delivered.
const RETIRED: u8 = 1;
/// It met a fatal error: nothing in it is delivered any more.
const FATAL: u8 = 2;

/// How long one wait for delivery reports lasts; that the producer was retired is seen after that at the latest.
const POLL_WAIT: Duration = Duration::from_millis(50);

/// How often it is looked for lanes that make no progress.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How long one wait for a sender lasts that still has the client in its hands when it ends.
const SENDER_WAIT: Duration = Duration::from_millis(1);

/// How long the delivery reports of purged records are waited for when a producer is destroyed. They need no network.
const PURGE_WAIT: Duration = Duration::from_secs(5);

/// How much more than the sum of budgets librdkafka's queue holds. A budget is given back in the delivery report, a
/// place in the queue a little later, when the report is destroyed; without slack a lane would find the queue full.
const QUEUE_SLACK: usize = 2;

/// What librdkafka takes as the largest record unless `max.request.size` says otherwise.
const RECORD_MAX: usize = 1 << 20;

// === impl Producer ===

impl Producer {
    /// Starts a client with librdkafka's queue sized for the sum of budgets. No connection is waited for.
    pub(super) fn start(settings: &Properties, sharing: &Sharing) -> Result<Arc<Self>, KafkaError> {
        let translation = translate(Role::Producer, settings)?;
        let name = settings.get("client.id").unwrap_or("producer").to_owned();
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        let record_max =
            config.get("message.max.bytes").and_then(|text| text.parse().ok()).unwrap_or(RECORD_MAX);
        set_queue(&mut config, sharing, record_max);
        config.set_log_level(ClientLog::level());
        let fatal = Arc::<OnceLock<Failure>>::default();
        let log = ClientLog::new(name.as_str());
        let context = Context { log, client: OnceLock::new(), fatal: fatal.clone() };
        let client: Client =
            config.create_with_context(context).map_err(|error| created("producer", &error))?;
        let client = Arc::new(client);
        client.context().client.get_or_init(|| Arc::downgrade(&client));
        let producer = Arc::new(Self {
            name,
            client: Mutex::new(Some(client.clone())),
            state: AtomicU8::new(SERVING),
            fatal,
            lanes: Mutex::default(),
            stall: sharing.stall,
            record_max,
        });
        let served = producer.clone();
        let thread = thread::Builder::new()
            .name("kafka-producer".to_owned())
            .spawn(move || served.serve(client))
            .map_err(|error| KafkaError::Create { client: "producer", reason: error.to_string() })?;
        closing::keep(thread);
        Ok(producer)
    }

    /// Lets a lane in; false when the producer takes no more records.
    #[must_use]
    pub(super) fn join(self: &Arc<Self>, usage: &Arc<Usage>) -> bool {
        let mut lanes = self.lanes();
        if self.is_leaving() {
            return false;
        }
        lanes.push(usage.clone());
        usage.joined(self);
        true
    }

    /// Lets a lane go, with its records or without. Nobody comes after the last one.
    pub(super) fn leave(&self, usage: &Arc<Usage>) {
        let mut lanes = self.lanes();
        lanes.retain(|lane| !Arc::ptr_eq(lane, usage));
        if lanes.is_empty() {
            self.close(RETIRED);
        }
    }

    /// Takes no more records. Each lane goes on with a fresh producer once its own records are delivered.
    pub(super) fn retire(&self, why: std::fmt::Arguments<'_>) {
        if self.close(RETIRED) && self.lanes().len() > 1 {
            tracing::warn!(
                "Kafka producer {} is retired: {why}. Other tasks go on with a fresh one",
                self.name
            );
        }
    }

    /// Notes that the client told a sender of a fatal error.
    pub(super) fn fail(&self) {
        self.close(FATAL);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.state.load(SeqCst) != SERVING
    }

    /// Returns the fatal error that the client met, if any.
    pub(super) fn fatal(&self) -> Option<Failure> {
        (self.state.load(SeqCst) == FATAL)
            .then(|| self.fatal.get().cloned().unwrap_or_else(|| Failure::of(Code::Fatal)))
    }

    /// Returns the client; none when it has ended. To be held for a moment only.
    pub(super) fn client(&self) -> Option<Arc<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether the state is new.
    fn close(&self, state: u8) -> bool {
        self.state.fetch_max(state, SeqCst) < state
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Arc<Usage>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves delivery reports until nobody needs the client any more, then destroys it.
    fn serve(&self, client: Arc<Client>) {
        let mut stalls = Stalls::after(self.stall);
        let mut next_look = Instant::now() + LOOK_INTERVAL;
        while !self.is_done() {
            client.poll(POLL_WAIT);
            if self.fatal.get().is_some() {
                if self.close(FATAL) {
                    tracing::error!("Kafka producer {} met a fatal error and is replaced", self.name);
                }
                // Again each time: a record may have slipped in beside the error.
                client.purge(PurgeConfig::default().queue().inflight().non_blocking());
            }
            let now = Instant::now();
            if now >= next_look {
                next_look = now + LOOK_INTERVAL;
                self.look_for_stalls(&mut stalls, now);
            }
        }
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
        let client = sole(client);
        tracing::debug!(purged = client.in_flight_count(), "Kafka producer {} ends", self.name);
        client.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = client.flush(PURGE_WAIT) {
            tracing::warn!(%error, "the delivery reports of a Kafka producer did not all come");
        }
    }

    /// Tells whether no living lane has records here, nor ever will.
    ///
    /// A sender counts its record first and looks at the state second, this looks at the counters after the state was
    /// changed: one of the two sees the other.
    fn is_done(&self) -> bool {
        self.is_leaving() && self.lanes().iter().all(|lane| lane.messages() == 0 || lane.is_revoked())
    }

    fn look_for_stalls(&self, stalls: &mut Stalls, now: Instant) {
        let lanes = self.lanes().clone();
        let sights: Vec<_> = lanes.iter().map(|lane| lane.sight()).collect();
        if let Some(stalled) = stalls.look(now, &sights) {
            let name = lanes.iter().find(|lane| lane.id == stalled).map_or("", |lane| &lane.name);
            let stall = self.stall;
            self.retire(format_args!(
                "Kafka took no records of task {name} for {stall:?} while it took those of others"
            ));
        }
    }
}

/// Sets librdkafka's own limits, which nobody is to meet: the budgets of the lanes are the bound.
fn set_queue(config: &mut ClientConfig, sharing: &Sharing, record_max: usize) {
    let Sharing { budget: Budget { bytes, messages }, lanes_max, .. } = *sharing;
    let messages = messages.saturating_mul(lanes_max).saturating_mul(QUEUE_SLACK);
    // A record larger than its lane's budget goes alone, and must find room, too.
    let bytes = bytes.saturating_mul(QUEUE_SLACK).saturating_add(record_max).saturating_mul(lanes_max);
    let limit = |number: usize| number.clamp(1, i32::MAX as usize).to_string();
    config.set("queue.buffering.max.messages", limit(messages));
    config.set("queue.buffering.max.kbytes", limit(bytes / 1024 + 1));
}

/// Waits until no sender has the client in its hands: it must end here, on a thread that may block.
fn sole(mut client: Arc<Client>) -> Client {
    loop {
        match Arc::try_unwrap(client) {
            Ok(client) => return client,
            Err(shared) => {
                shared.poll(SENDER_WAIT);
                client = shared;
            }
        }
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
        if error.rdkafka_error_code() == Some(Code::Fatal) {
            let failure = self.fatal().unwrap_or_else(|| Failure::because(Code::Fatal, text));
            self.fatal.get_or_init(|| failure);
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Arc<Tracked>;

    fn delivery(&self, result: &DeliveryResult<'_>, tracked: Arc<Tracked>) {
        match result {
            Ok(message) => tracked.delivered(message),
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                tracked.failed(message, self.why(code, message.topic()));
            }
        }
    }
}

impl Context {
    /// Returns the fatal error of the client. Its records fail before the error itself is told.
    fn fatal(&self) -> Option<Failure> {
        if self.fatal.get().is_none() {
            let client = self.client.get().and_then(Weak::upgrade)?;
            let (code, text) = client.client().fatal_error()?;
            self.fatal.get_or_init(|| Failure { kind: FailureKind::Fatal, ..Failure::because(code, text) });
        }
        self.fatal.get().cloned()
    }

    /// Says why a record failed, with the way out where there is one.
    fn why(&self, code: Code, topic: &str) -> Failure {
        match code {
            // A record purged after a fatal error failed because of that.
            Code::PurgeQueue | Code::PurgeInflight | Code::Fatal => {
                self.fatal().unwrap_or_else(|| Failure::of(code))
            }
            Code::MessageTimedOut => match self.log.last_error() {
                Some((_, trouble)) => Failure::because(code, format!("{code}; {trouble}")),
                None => Failure::of(code),
            },
            Code::MessageSizeTooLarge => Failure::because(
                code,
                format!(
                    "The request included a message larger than the max message size the server will accept. \
                     The limit is max.message.bytes of topic {topic}, or message.max.bytes of the broker"
                ),
            ),
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => Failure::because(
                code,
                format!(
                    "{code}. Topic {topic} does not exist (any more) and the broker did not create it: create it, or \
                     let the connector do so (topic.creation.default.partitions and \
                     topic.creation.default.replication.factor), and restart the task"
                ),
            ),
            code => Failure::of(code),
        }
    }
}
