//! A broker to test against, and what every test does with it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bytes::Bytes;
use millrace_api::Properties;
use millrace_broker::{Broker, Options};
use millrace_kafka::{
    Admin, Budget, Consumer, ConsumerLimits, Finished, Incoming, Lane, Limits, NewTopic, Outgoing, Polled,
    SharedProducer, Sharing, Topics,
};
use tempfile::TempDir;

/// For what a broker and a client do within a moment; far above the measured times.
pub const SOON: Duration = Duration::from_secs(30);

pub const LIMITS: Limits = Limits { records: 1000, bytes: 1 << 20 };

pub const BUDGET: Budget = Budget { bytes: 1 << 20, messages: 1000 };

pub struct Kafka {
    address: String,
    own: Option<Own>,
}

struct Own {
    broker: Option<Broker>,
    listen: SocketAddr,
    folder: TempDir,
}

impl Kafka {
    /// Returns the real broker that the environment names, or starts one.
    pub async fn any() -> Self {
        match std::env::var("MILLRACE_TEST_KAFKA") {
            Ok(address) => Self { address, own: None },
            Err(_) => Self::own().await,
        }
    }

    /// Starts a broker that can be stopped.
    pub async fn own() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(folder.path(), ([127, 0, 0, 1], 0).into(), options()).await.unwrap();
        let listen = broker.address();
        Self { address: listen.to_string(), own: Some(Own { broker: Some(broker), listen, folder }) }
    }

    pub async fn stop(&mut self) {
        let own = self.own.as_mut().expect("only an own broker is stopped");
        own.broker.take().unwrap().stop().await;
    }

    /// Starts a stopped broker again, with the data it had.
    pub async fn restart(&mut self) {
        let own = self.own.as_mut().expect("only an own broker is restarted");
        own.broker = Some(Broker::start(own.folder.path(), own.listen, options()).await.unwrap());
    }

    pub fn settings(&self, more: &[(&str, &str)]) -> Properties {
        let mut settings: Properties = more.iter().copied().collect();
        settings.insert("bootstrap.servers", self.address.as_str());
        settings
    }

    pub async fn topic(&self, partitions: i32) -> String {
        let name = unique("topic");
        self.create(&name, partitions).await;
        name
    }

    pub async fn create(&self, name: &str, partitions: i32) {
        let topic = NewTopic { name: name.to_owned(), partitions: Some(partitions), ..NewTopic::default() };
        let admin = Admin::connect(&self.settings(&[])).unwrap();
        admin.create_topics(&[topic], SOON).await.unwrap().remove(0).unwrap();
    }

    pub fn lane(&self, budget: Budget, more: &[(&str, &str)]) -> Lane {
        let sharing = Sharing { budget, lanes_max: 1, stall: SOON };
        SharedProducer::new(self.settings(more), sharing).unwrap().lane("test").unwrap()
    }

    /// Writes texts to a partition.
    pub async fn write(&self, topic: &str, partition: i32, texts: impl IntoIterator<Item = String>) {
        let mut lane = self.lane(BUDGET, &[]);
        let mut batch: VecDeque<_> =
            texts.into_iter().map(|text| to(topic, Some(partition), &text)).collect();
        lane.send(&mut batch, millrace_kafka::Report::Counts).await.unwrap();
        finished(&mut lane).await.outcome.unwrap();
    }

    pub fn consumer(&self, group: &str, topic: &str, more: &[(&str, &str)]) -> Consumer {
        self.reader(group, Topics::Names(vec![topic.to_owned()]), more)
    }

    pub fn reader(&self, group: &str, topics: Topics, more: &[(&str, &str)]) -> Consumer {
        let mut settings = Properties::from([("group.id", group), ("auto.offset.reset", "earliest")]);
        settings.extend(&self.settings(more));
        Consumer::subscribe(&settings, topics, ConsumerLimits { queued_bytes: 1 << 20 }).unwrap()
    }
}

fn options() -> Options {
    Options::default()
}

/// Returns a name that no other test has, nor an earlier run against the same broker.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{what}-{:x}-{}", now.as_nanos(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn to(topic: &str, partition: Option<i32>, text: &str) -> Outgoing {
    let value = Some(Bytes::copy_from_slice(text.as_bytes()));
    Outgoing { topic: topic.into(), partition, timestamp: None, key: None, value, headers: Vec::new() }
}

pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, work).await;
    done.unwrap_or_else(|_| panic!("{what}: not within {SOON:?}"))
}

pub async fn finished(lane: &mut Lane) -> Finished {
    within("a ticket ends", lane.finished()).await
}

/// Polls until the consumer was given partitions, and takes them; returns how many it has then.
pub async fn join(consumer: &mut Consumer) -> usize {
    loop {
        match within("joining", consumer.next(LIMITS)).await.unwrap() {
            Polled::Assigned(partitions) => {
                consumer.take(&partitions).await.unwrap();
                return consumer.assignment().len();
            }
            Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                consumer.give_up(&partitions).await.unwrap()
            }
            Polled::Messages(messages) => panic!("{} messages before an assignment", messages.len()),
        }
    }
}

/// Reads at least `count` messages, answering rebalances by the way.
pub async fn read(consumer: &mut Consumer, count: usize) -> Vec<Incoming> {
    let mut found = Vec::new();
    while found.len() < count {
        match within("reading", consumer.next(LIMITS)).await.unwrap() {
            Polled::Messages(messages) => found.extend(messages),
            Polled::Assigned(partitions) => consumer.take(&partitions).await.unwrap(),
            Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                consumer.give_up(&partitions).await.unwrap()
            }
        }
    }
    found
}

pub fn texts(messages: &[Incoming]) -> Vec<&str> {
    messages.iter().map(|message| std::str::from_utf8(message.value.as_ref().unwrap()).unwrap()).collect()
}
