//! A broker on a folder of its own, and clients for it.

use millrace_broker::{Broker, Options};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

pub async fn start(folder: &Path) -> Broker {
    start_at(folder, ([127, 0, 0, 1], 0).into()).await
}

pub async fn start_at(folder: &Path, address: SocketAddr) -> Broker {
    Broker::start(folder, address, Options::default()).await.unwrap()
}

pub fn config(address: SocketAddr) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address.to_string())
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("message.timeout.ms", "30000");
    config
}

pub fn admin(address: SocketAddr) -> AdminClient<DefaultClientContext> {
    config(address).create().unwrap()
}

pub async fn create_topic(address: SocketAddr, name: &str, partitions: i32) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let created = admin(address).create_topics(&[topic], &AdminOptions::new()).await.unwrap();
    assert_eq!(created, [Ok(name.to_owned())]);
}

pub fn producer(address: SocketAddr, settings: &[(&str, &str)]) -> FutureProducer {
    let mut config = config(address);
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// Produces values `range` with their own number as key, and waits until all are acknowledged.
pub async fn produce(
    producer: &FutureProducer,
    topic: &str,
    range: std::ops::Range<usize>,
) -> Result<(), KafkaError> {
    let mut sent = Vec::new();
    for number in range {
        let (key, value) = (number.to_string(), format!("value {number}"));
        let record = FutureRecord::to(topic).key(&key).payload(&value);
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivery in sent {
        delivery.await.unwrap().map_err(|(error, _)| error)?;
    }
    Ok(())
}

pub fn consumer(address: SocketAddr, group: &str) -> BaseConsumer {
    config(address)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "10")
        .set("topic.metadata.refresh.interval.ms", "500")
        .create()
        .unwrap()
}

/// Polls until `done` says so, collecting the numbers that were read.
pub fn read_until(
    consumer: &BaseConsumer,
    numbers: &mut Vec<usize>,
    done: impl Fn(&BaseConsumer, &[usize]) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    while !done(consumer, numbers) {
        assert!(Instant::now() < deadline, "read {} numbers only", numbers.len());
        if let Some(message) = consumer.poll(POLL) {
            let message = message.unwrap();
            numbers.push(std::str::from_utf8(message.key().unwrap()).unwrap().parse().unwrap());
        }
    }
}

pub fn assigned(consumer: &BaseConsumer) -> usize {
    consumer.assignment().unwrap().count()
}

/// Runs what blocks beside the broker's runtime.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
