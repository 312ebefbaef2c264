//! A group with two members, and what is left of it after a restart.

use crate::clients::{
    PATIENCE, assigned, blocking, consumer, create_topic, produce, producer, read_until, start, start_at,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

const RECORDS: usize = 10_000;
const PARTITIONS: i32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_shares_a_topic_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(folder.path()).await;
    let address = broker.address();
    create_topic(address, "orders", PARTITIONS).await;
    let idempotent = producer(address, &[("enable.idempotence", "true")]);
    produce(&idempotent, "orders", 0..RECORDS).await.unwrap();

    let first = blocking(move || share(address)).await;
    assert_eq!(first, (0..RECORDS).collect());

    broker.stop().await;
    let broker = start_at(folder.path(), address).await;
    produce(&idempotent, "orders", RECORDS..RECORDS + 100).await.unwrap();
    let second = blocking(move || read_on(address)).await;
    assert_eq!(second, (RECORDS..RECORDS + 100).collect(), "nothing is read twice, nothing is missed");
    broker.stop().await;
}

/// Reads everything with two members, the second of which comes when the first has begun; commits, and leaves.
fn share(address: SocketAddr) -> BTreeSet<usize> {
    let mut numbers = Vec::new();
    let first = subscribed(address);
    read_until(&first, &mut numbers, |consumer, _| assigned(consumer) == PARTITIONS as usize);
    let second = subscribed(address);
    let deadline = Instant::now() + PATIENCE;
    while assigned(&first) != 2 || assigned(&second) != 2 {
        assert!(Instant::now() < deadline, "{} and {} partitions", assigned(&first), assigned(&second));
        step(&first, &mut numbers);
        step(&second, &mut numbers);
    }
    let mut seen: BTreeSet<usize> = numbers.drain(..).collect();
    while seen.len() < RECORDS {
        assert!(Instant::now() < deadline, "{} records", seen.len());
        step(&first, &mut numbers);
        step(&second, &mut numbers);
        seen.extend(numbers.drain(..));
    }
    for consumer in [&first, &second] {
        consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    }
    seen
}

/// Reads what the group has not read yet, with one member.
fn read_on(address: SocketAddr) -> BTreeSet<usize> {
    let consumer = subscribed(address);
    let mut numbers = Vec::new();
    read_until(&consumer, &mut numbers, |_, numbers| numbers.len() >= 100);
    numbers.into_iter().collect()
}

fn subscribed(address: SocketAddr) -> BaseConsumer {
    let consumer = consumer(address, "readers");
    consumer.subscribe(&["orders"]).unwrap();
    consumer
}

/// Polls a few times.
fn step(consumer: &BaseConsumer, numbers: &mut Vec<usize>) {
    let target = numbers.len() + 100;
    let until = Instant::now() + std::time::Duration::from_millis(20);
    read_until(consumer, numbers, |_, numbers| numbers.len() >= target || Instant::now() >= until);
}
