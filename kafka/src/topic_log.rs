//! An internal topic, read from its beginning for as long as the worker lives.
//!
//! One thread reads; whoever needs to know that all is read that was there at some moment asks for it, and those who
//! ask while an earlier answer is being worked out share the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use millrace_api::Properties;
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError as NativeError,
};
use tokio::sync::mpsc;

use crate::{KafkaError, Role, closing, logs::ClientLog, producer::created, translate};

/// How many records may wait for a worker that is busy; the reader waits then.
const QUEUE_MAX: usize = 1_000;

/// How long one look for records takes when there are none: how late a question is noticed.
const LOOK: Duration = Duration::from_millis(50);

/// How long the ends of the partitions are asked for before that is repeated.
const ENDS_WAIT: Duration = Duration::from_secs(10);

/// How long a partition may stand before its end without a record, until it is asked again where its end is: behind the
/// last record there may be gaps of compaction and marks of transactions.
const STALLED: Duration = Duration::from_millis(200);

/// What comes out of the topic.
#[derive(Debug)]
pub enum LogNews {
    /// A record; those of one partition in their order.
    Record(LogRecord),
    /// Everything was handed over that was in the topic when this was asked for, and for every earlier question.
    AtEnd(Question),
    /// Something went wrong, and is tried again; for the log.
    Trouble(KafkaError),
}

/// A record of an internal topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Where it is.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; nothing for a tombstone.
    pub value: Option<Bytes>,
}

/// The number of a question; later ones are greater. The first, which nobody has to ask, is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question(pub u64);

/// Reads a topic. Dropping it ends the reading, on a thread of its own.
pub struct TopicLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// The last question.
    asked: AtomicU64,
    ended: AtomicBool,
}

struct Context {
    log: ClientLog,
}

struct Reader {
    consumer: BaseConsumer<Context>,
    topic: String,
    shared: Arc<Shared>,
    news: mpsc::Sender<LogNews>,
    /// Where each partition's next record is.
    positions: BTreeMap<i32, i64>,
    /// Partitions that were seen at their end since the question that is worked on.
    at_end: BTreeSet<i32>,
    /// The first question that has not been answered.
    next: u64,
    /// The question that is worked on, and where the partitions ended when it was.
    ends: Option<(u64, BTreeMap<i32, i64>)>,
    /// When anything last came.
    moved: Instant,
}

/// Nobody listens any more.
struct Deaf;

// === impl TopicLog ===

impl TopicLog {
    /// Begins to read a topic that exists. The settings are a Java consumer's.
    pub fn start(
        settings: &Properties,
        topic: &str,
        partitions: i32,
    ) -> Result<(Self, mpsc::Receiver<LogNews>), KafkaError> {
        let mut settings = settings.clone();
        settings.insert("auto.offset.reset", "earliest");
        if !settings.contains("group.id") {
            // librdkafka wants the name of a group, which is never joined.
            settings.insert("group.id", topic);
        }
        let translation = translate(Role::Consumer, &settings)?;
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        config.set_log_level(ClientLog::level());
        // Says where a partition ends, which positions alone do not: see `STALLED`.
        config.set("enable.partition.eof", "true");
        let context = Context { log: ClientLog::new(settings.get("client.id").unwrap_or("log")) };
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(|error| created("consumer", &error))?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            let added = list.add_partition_offset(topic, partition, Offset::Beginning);
            added.map_err(|error| KafkaError::of("reading an internal topic", &error))?;
        }
        consumer.assign(&list).map_err(|error| KafkaError::of("reading an internal topic", &error))?;
        let shared = Arc::new(Shared { asked: AtomicU64::new(0), ended: AtomicBool::new(false) });
        let (news, heard) = mpsc::channel(QUEUE_MAX);
        let reader = Reader {
            consumer,
            topic: topic.to_owned(),
            shared: shared.clone(),
            news,
            positions: (0..partitions).map(|partition| (partition, 0)).collect(),
            at_end: BTreeSet::new(),
            next: 0,
            ends: None,
            moved: Instant::now(),
        };
        let thread = std::thread::Builder::new().name(format!("log-{topic}"));
        let thread = thread.spawn(move || reader.run());
        let thread = thread.map_err(|error| KafkaError::Create {
            client: "reader of an internal topic",
            reason: error.to_string(),
        })?;
        Ok((Self { shared, thread: Some(thread) }, heard))
    }

    /// Asks to be told when everything was handed over that is in the topic by now.
    pub fn read_to_end(&self) -> Question {
        Question(self.shared.asked.fetch_add(1, SeqCst) + 1)
    }
}

impl Drop for TopicLog {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            closing::keep(thread);
        }
    }
}

// === impl Reader ===

impl Reader {
    fn run(mut self) {
        while !self.shared.ended.load(SeqCst) {
            if self.step().is_err() {
                return;
            }
        }
    }

    fn step(&mut self) -> Result<(), Deaf> {
        self.take_question()?;
        match self.consumer.poll(LOOK) {
            Some(Ok(message)) => {
                let record = LogRecord {
                    partition: message.partition(),
                    offset: message.offset(),
                    key: message.key().map(Bytes::copy_from_slice),
                    value: message.payload().map(Bytes::copy_from_slice),
                };
                self.positions.insert(record.partition, record.offset + 1);
                self.at_end.remove(&record.partition);
                self.moved = Instant::now();
                self.tell(LogNews::Record(record))?;
            }
            Some(Err(NativeError::PartitionEOF(partition))) => {
                self.at_end.insert(partition);
                self.moved = Instant::now();
            }
            Some(Err(error)) => {
                self.tell(LogNews::Trouble(KafkaError::of("reading an internal topic", &error)))?;
            }
            None => self.look_again(),
        }
        self.answer()
    }

    /// Begins with the questions that came since the last answer: all of them at once.
    fn take_question(&mut self) -> Result<(), Deaf> {
        let asked = self.shared.asked.load(SeqCst);
        if self.ends.is_some() || asked < self.next {
            return Ok(());
        }
        let mut ends = BTreeMap::new();
        for partition in self.positions.keys() {
            match self.consumer.fetch_watermarks(&self.topic, *partition, ENDS_WAIT) {
                Ok((_, end)) => ends.insert(*partition, end),
                Err(error) => {
                    // It is asked again in the next step.
                    let error = KafkaError::of("asking for the ends of an internal topic", &error);
                    return self.tell(LogNews::Trouble(error));
                }
            };
        }
        self.at_end.clear();
        self.ends = Some((asked, ends));
        self.moved = Instant::now();
        Ok(())
    }

    fn answer(&mut self) -> Result<(), Deaf> {
        let Some((asked, ends)) = &self.ends else { return Ok(()) };
        let reached = |(partition, end): (&i32, &i64)| {
            self.at_end.contains(partition) || self.positions.get(partition).is_some_and(|at| at >= end)
        };
        if !ends.iter().all(reached) {
            return Ok(());
        }
        let ticket = Question(*asked);
        self.next = asked + 1;
        self.ends = None;
        self.tell(LogNews::AtEnd(ticket))
    }

    /// Has partitions that stand before their end say again that they are there.
    fn look_again(&mut self) {
        let Some((_, ends)) = &self.ends else { return };
        if self.moved.elapsed() < STALLED {
            return;
        }
        self.moved = Instant::now();
        for (partition, end) in ends {
            let at = self.positions.get(partition).copied().unwrap_or(0);
            if at < *end && !self.at_end.contains(partition) {
                let offset = if at == 0 { Offset::Beginning } else { Offset::Offset(at) };
                // A failed seek is repeated with the next look.
                let _ = self.consumer.seek(&self.topic, *partition, offset, Duration::ZERO);
            }
        }
    }

    fn tell(&self, news: LogNews) -> Result<(), Deaf> {
        self.news.blocking_send(news).map_err(|_| Deaf)
    }
}

// === impl Context ===

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: NativeError, text: &str) {
        self.log.error(&error, text);
    }
}

impl ConsumerContext for Context {}
