//! Consumers, one for each sink task.
//!
//! The main queue of librdkafka's consumer is polled for events only. Each partition's messages are led into a queue of
//! our own before the partition is assigned, and taken from there a batch at a time: to take a batch from the main
//! queue would answer the rebalance events in it with a forced unassign.
//!
//! A rebalance is only noted down when librdkafka announces it; it waits until [`Consumer::take`] or
//! [`Consumer::give_up`] says that the task is ready, and the group's protocol waits with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use millrace_api::{Blob, Properties, TimestampType, TopicPartition};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
    types::RDKafkaErrorCode as Code,
};
use tokio::sync::{Notify, oneshot};

pub use self::departure::Departure;
use self::{context::Context, intake::Intake, watch::Watch};
use crate::{
    Failure, FailureKind, KafkaError, Role, closing,
    logs::ClientLog,
    producer::created,
    raw::{EventQueue, MessageQueue},
    settings, translate,
};

mod context;
mod departure;
mod intake;
mod membership;
mod offsets;
mod watch;

/// A member of a consumer group.
///
/// Dropping it never blocks: it leaves the group on a thread of its own ([`crate::all_closed`] waits for that).
pub struct Consumer {
    /// Taken when closed or dropped.
    parts: Option<Parts>,
    wake: Arc<Notify>,
    intake: Intake,
    watch: Option<Watch>,
    assigned: BTreeSet<TopicPartition>,
    paused: BTreeSet<TopicPartition>,
    /// The offset of the next message of each assigned partition, as far as it is known.
    positions: BTreeMap<TopicPartition, i64>,
    reset: OffsetReset,
    /// Refusals of the credentials since anything last went well.
    refusals: u32,
    /// An error met while something else was waited for.
    error: Option<KafkaError>,
}

/// What to read.
#[derive(Clone)]
pub enum Topics {
    /// These topics.
    Names(Vec<String>),
    /// Every topic for which the function says yes, looked for again every `metadata.max.age.ms`. Kafka's internal
    /// topics are left out.
    Matching(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// How much a consumer may read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerLimits {
    /// Bytes fetched but not yet returned.
    pub queued_bytes: usize,
}

/// How much one call of [`Consumer::next`] may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Records.
    pub records: usize,
    /// Bytes of keys, values and headers; passed by what librdkafka gives at one go at most.
    pub bytes: usize,
}

/// What came.
#[derive(Debug)]
pub enum Polled {
    /// Messages, in order within each partition.
    Messages(Vec<Incoming>),
    /// Partitions offered, perhaps none: to be answered with [`Consumer::take`].
    Assigned(Vec<TopicPartition>),
    /// Partitions to hand back: finish with them, then [`Consumer::give_up`].
    Revoked(Vec<TopicPartition>),
    /// Partitions that others may have already: commit nothing, then [`Consumer::give_up`].
    Lost(Vec<TopicPartition>),
}

/// A message read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The topic; one text for all messages of a partition.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key.
    pub key: Option<Blob>,
    /// The value.
    pub value: Option<Blob>,
    /// Names and values in order.
    pub headers: Vec<(Arc<str>, Option<Blob>)>,
}

/// What librdkafka's client consists of. Dropping it blocks.
struct Parts {
    client: Arc<Client>,
    events: EventQueue<Context>,
    messages: MessageQueue<Context>,
}

type Client = BaseConsumer<Context>;

/// Where a partition without a committed offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffsetReset {
    Earliest,
    Latest,
    Error,
}

/// How long a consumer without messages waits before it looks at its queues in any case.
///
/// Wake-ups come from librdkafka; looking shows it that the task lives (`max.poll.interval.ms`).
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// How many events are served before messages get their turn.
const EVENTS_MAX: usize = 1000;

/// How often a broker may refuse the credentials in a row. A broker that goes down in the middle of a handshake looks
/// like a refusal, too.
const REFUSALS_MAX: u32 = 3;

// === impl Consumer ===

impl Consumer {
    /// Starts a consumer and subscribes it. No connection is waited for.
    pub fn subscribe(
        settings: &Properties,
        topics: Topics,
        limits: ConsumerLimits,
    ) -> Result<Self, KafkaError> {
        let translation = translate(Role::Consumer, settings)?;
        if translation.get("group.id").is_none_or(str::is_empty) {
            return Err(KafkaError::setting("group.id", "missing"));
        }
        let reset = match translation.get("auto.offset.reset") {
            Some("earliest") => OffsetReset::Earliest,
            Some("error") => OffsetReset::Error,
            _ => OffsetReset::Latest,
        };
        let refresh = settings::refresh_interval(&translation);
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        let kbytes = (limits.queued_bytes / 1024).clamp(1, 2_097_151);
        config.set("queued.max.messages.kbytes", kbytes.to_string());
        config.set_log_level(ClientLog::level());

        let context = Context::new(settings.get("client.id").unwrap_or("consumer"));
        let mut client: Client =
            config.create_with_context(context).map_err(|error| created("consumer", &error))?;
        let wake = Arc::new(Notify::new());
        let woken = wake.clone();
        client.set_nonempty_callback(move || woken.notify_one());
        let client = Arc::new(client);
        let messages = MessageQueue::new(&client, wake.clone(), intake::BATCH);
        let events = EventQueue::of(&client)
            .ok_or_else(|| KafkaError::Create { client: "consumer", reason: "it has no group".to_owned() })?;

        let parts = Parts { client: client.clone(), events, messages };
        let mut consumer = Self::new(parts, wake, reset);
        match topics {
            Topics::Names(names) => {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                client.subscribe(&names).map_err(|error| KafkaError::of("subscribing", &error))?;
            }
            Topics::Matching(matches) => consumer.watch = Some(Watch::new(matches, refresh)),
        }
        Ok(consumer)
    }

    fn new(parts: Parts, wake: Arc<Notify>, reset: OffsetReset) -> Self {
        Self {
            parts: Some(parts),
            wake,
            intake: Intake::default(),
            watch: None,
            assigned: BTreeSet::new(),
            paused: BTreeSet::new(),
            positions: BTreeMap::new(),
            reset,
            refusals: 0,
            error: None,
        }
    }

    /// Waits for messages or a change of the assignment. Returns what is there rather than wait for more.
    ///
    /// Cancel safe. Waits for ever while nothing comes. An error ends the consumer, except one of kind `Retriable`.
    pub async fn next(&mut self, limits: Limits) -> Result<Polled, KafkaError> {
        loop {
            self.serve_events();
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if let Some(change) = self.parts().client.context().next() {
                return Ok(change.announce());
            }
            let messages = self.take_messages(limits)?;
            if !messages.is_empty() {
                self.recovered();
                return Ok(Polled::Messages(messages));
            }
            let client = self.parts().client.clone();
            let watched = async {
                match &mut self.watch {
                    Some(watch) => watch.refreshed(&client).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = watched => {}
                () = tokio::time::sleep(IDLE_WAIT) => {}
            }
        }
    }

    /// Returns what takes this consumer out of its group while its owner hangs.
    pub fn departure(&self) -> Departure {
        Departure::of(&self.parts().client)
    }

    /// Returns the last error that a connection met, while nothing has come since.
    pub fn trouble(&self) -> Option<Failure> {
        let (code, text) = self.parts().client.context().log.last_error()?;
        Some(Failure::because(code, text))
    }

    /// Leaves the group and waits for the end of the client's threads. Nothing is committed.
    pub async fn close(mut self, timeout: Duration) -> Result<(), KafkaError> {
        let Some(parts) = self.parts.take() else { return Ok(()) };
        let (ended, end) = oneshot::channel();
        closing::run(move || {
            parts.close();
            // Nobody may be waiting any more.
            let _ = ended.send(());
        });
        match tokio::time::timeout(timeout, end).await {
            Ok(_) => Ok(()),
            Err(_) => Err(KafkaError::TimedOut { call: "leaving a consumer group", waited: timeout }),
        }
    }

    /// Polls the main queue for events. What they mean is noted down by the context or in `error`.
    fn serve_events(&mut self) {
        let parts = self.parts.as_ref().expect(OPEN);
        for round in 0..EVENTS_MAX {
            // The first poll comes also when there is nothing: it alone shows librdkafka that the task lives. A member
            // that does not poll for `max.poll.interval.ms` is taken out of its group.
            if round > 0 && parts.events.len() == 0 {
                return;
            }
            let error = match parts.client.poll(Duration::ZERO) {
                None => continue,
                Some(Err(error)) => error,
                Some(Ok(message)) => {
                    // Cannot be: every partition is led away before it is assigned. Going on would lose it.
                    let reason =
                        format!("a message of {} came by the main queue", rdkafka::Message::topic(&message));
                    let failure =
                        Failure { kind: FailureKind::Fatal, ..Failure::because(Code::State, reason) };
                    self.error = Some(KafkaError::Fatal { client: "consumer", failure });
                    return;
                }
            };
            let text = parts.client.context().log.last_error().map(|(_, text)| text);
            let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
            let fatal = matches!(error, rdkafka::error::KafkaError::MessageConsumptionFatal(_));
            let exact = if fatal { parts.client.client().fatal_error() } else { None };
            let (code, text) = exact.unwrap_or_else(|| (code, text.unwrap_or_else(|| code.to_string())));
            if let Some(error) = judge(code, text, fatal, &mut self.refusals) {
                self.error = Some(error);
            }
        }
        // The rest gets its turn with the next call; librdkafka does not announce it again.
        self.wake.notify_one();
    }

    fn take_messages(&mut self, limits: Limits) -> Result<Vec<Incoming>, KafkaError> {
        let parts = self.parts.as_mut().expect(OPEN);
        let taken = self.intake.take(&mut parts.messages, limits, &mut self.positions);
        for (code, text) in taken.errors {
            parts.client.context().log.error(&rdkafka::error::KafkaError::MessageConsumption(code), &text);
            if let Some(error) = judge(code, text, false, &mut self.refusals) {
                // Messages taken before an error that ends the consumer are lost to it, and read again by the next.
                return Err(error);
            }
        }
        Ok(taken.messages)
    }

    fn recovered(&mut self) {
        self.refusals = 0;
        self.parts().client.context().log.recovered();
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect(OPEN)
    }
}

const OPEN: &str = "only close and drop take the parts, and they consume the consumer";

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            closing::run(move || parts.close());
        }
    }
}

// === impl Parts ===

impl Parts {
    /// Leaves the group and destroys the client. Blocks until both have happened.
    fn close(self) {
        let Self { client, events, messages } = self;
        departure::answer_all(&client);
        drop((events, messages));
        drop(client);
    }
}

/// Says whether an error ends the consumer: what Java's `poll` throws does. The others are states that pass, such as
/// brokers being down.
fn judge(code: Code, text: String, fatal: bool, refusals: &mut u32) -> Option<KafkaError> {
    let failure = Failure { kind: FailureKind::Fatal, ..Failure::because(code, text) };
    match code {
        _ if fatal => Some(KafkaError::Fatal { client: "consumer", failure }),
        Code::Authentication | Code::SaslAuthenticationFailed => {
            *refusals += 1;
            (*refusals >= REFUSALS_MAX).then_some(KafkaError::Fatal { client: "consumer", failure })
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::Fenced
        | Code::FencedInstanceId
        | Code::InconsistentGroupProtocol
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::GroupMaxSizeReached
        | Code::UnsupportedAssignor
        | Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::UnsupportedCompressionType
        | Code::InvalidTopic
        | Code::AutoOffsetReset
        | Code::BadMessage
        | Code::BadCompression => Some(KafkaError::Fatal { client: "consumer", failure }),
        _ => None,
    }
}
