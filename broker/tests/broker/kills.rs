//! A broker in a process of its own, killed while it writes.

use crate::clients::{PATIENCE, blocking, config, consumer, create_topic, producer};
use millrace_broker::{Broker, Options};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::FutureRecord;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tells this test binary, started by itself, to be a broker on the folder.
const FOLDER: &str = "MILLRACE_BROKER_TEST_FOLDER";
const ADDRESS: &str = "MILLRACE_BROKER_TEST_ADDRESS";
const ROUNDS: usize = 3;

/// Is a broker when asked to be one; otherwise there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_when_asked() {
    let (Ok(folder), Ok(address)) = (std::env::var(FOLDER), std::env::var(ADDRESS)) else { return };
    let address: SocketAddr = address.parse().unwrap();
    let broker = Broker::start(folder.as_ref(), address, Options::default()).await.unwrap();
    std::fs::write(Path::new(&folder).with_extension("address"), broker.address().to_string()).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("data");
    let (mut process, address) = serve(&folder, ([127, 0, 0, 1], 0).into()).await;
    create_topic(address, "events", 2).await;
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let writing = tokio::spawn(write(address, round * 1_000_000));
        // Killed when it has written a good deal and is writing more.
        let grown = async || folder_bytes(&folder) > (round as u64 + 1) * 300_000;
        eventually("the broker writes", grown).await;
        drop(process);
        acknowledged.extend(writing.await.unwrap());
        (process, _) = serve(&folder, address).await;
    }
    assert!(acknowledged.len() > 1_000, "{} acknowledged", acknowledged.len());
    let read = blocking(move || read_all(address)).await;
    drop(process);
    for (partition, offset, number) in acknowledged {
        assert_eq!(read.get(&(partition, offset)), Some(&number), "partition {partition} offset {offset}");
    }
}

/// A broker process; killed when it is dropped, also by a test that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _already_dead = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a broker process and returns its address as soon as it listens.
async fn serve(folder: &Path, address: SocketAddr) -> (Process, SocketAddr) {
    let answer = folder.with_extension("address");
    let _none_yet = std::fs::remove_file(&answer);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::serves_when_asked"])
        .env(FOLDER, folder)
        .env(ADDRESS, address.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child);
    let listening =
        async || std::fs::read_to_string(&answer).is_ok_and(|text| text.parse::<SocketAddr>().is_ok());
    eventually("the broker listens", listening).await;
    (process, std::fs::read_to_string(&answer).unwrap().parse().unwrap())
}

/// Writes numbers until the broker is gone; returns where each acknowledged one went.
async fn write(address: SocketAddr, first: usize) -> Vec<(i32, i64, usize)> {
    let producer = producer(address, &[("acks", "all"), ("message.timeout.ms", "2000"), ("linger.ms", "1")]);
    let mut acknowledged = Vec::new();
    for burst in 0.. {
        let mut sent = Vec::new();
        for number in (first + burst * 100)..(first + (burst + 1) * 100) {
            let key = number.to_string();
            let record = FutureRecord::to("events").key(&key).payload("some text that makes the file grow");
            sent.push((number, producer.send_result(record).map_err(|(error, _)| error).unwrap()));
        }
        for (number, delivery) in sent {
            match delivery.await.unwrap() {
                Ok(delivered) => acknowledged.push((delivered.partition, delivered.offset, number)),
                Err(_) => return acknowledged,
            }
        }
    }
    unreachable!("the broker is killed at some time")
}

fn read_all(address: SocketAddr) -> BTreeMap<(i32, i64), usize> {
    let ends: BaseConsumer = config(address).set("group.id", "ends").create().unwrap();
    let end = |partition| ends.fetch_watermarks("events", partition, PATIENCE).unwrap().1;
    let total = (end(0) + end(1)) as usize;
    let consumer = consumer(address, "readers");
    consumer.subscribe(&["events"]).unwrap();
    let mut read = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    while read.len() < total {
        assert!(Instant::now() < deadline, "{} of {total} records", read.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let number = std::str::from_utf8(message.key().unwrap()).unwrap().parse().unwrap();
            read.insert((message.partition(), message.offset()), number);
        }
    }
    read
}

fn folder_bytes(folder: &Path) -> u64 {
    let size = |partition: &str| {
        let file = folder.join("topics/events").join(partition).join("00000000000000000000.log");
        std::fs::metadata(file).map_or(0, |metadata| metadata.len())
    };
    size("0") + size("1")
}

/// Waits until a condition holds.
async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what} within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
