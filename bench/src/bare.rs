//! The ceilings: what librdkafka alone does with the same lines. Each runs in a process of its own, so that its CPU
//! time is known, and writes one line of JSON.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use crate::kafka::config;
use crate::proc::usage;

/// How long a bare client may go without progress.
const STALL_WAIT: Duration = Duration::from_secs(60);

/// How long one poll waits.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// Delivery reports and the clock are looked at after so many records: for each, it would cost more than the records.
const POLL_EVERY: usize = 1000;

/// What a bare client did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bare {
    pub records: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

/// Sends the lines of `file`, which are in memory before the clock starts, and waits until all are acknowledged. Stops
/// after `limit`, when there is one.
pub fn produce(bootstrap: &str, topic: &str, file: &Path, limit: Option<Duration>) -> Result<Bare> {
    let lines = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let producer: BaseProducer = config(bootstrap)
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        .set("linger.ms", "5")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "500000")
        .set("queue.buffering.max.kbytes", "262144")
        .create()
        .context("making a producer")?;
    let clock = Clock::start()?;
    let mut records = 0;
    for (index, line) in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
        send(&producer, topic, line)?;
        records += 1;
        if index % POLL_EVERY == 0 {
            producer.poll(Duration::ZERO);
            if clock.is_over(limit) {
                break;
            }
        }
    }
    producer.flush(STALL_WAIT).context("waiting for the last records")?;
    clock.stop(records)
}

fn send(producer: &BaseProducer, topic: &str, line: &[u8]) -> Result<()> {
    let end = Instant::now() + STALL_WAIT;
    let mut record = BaseRecord::<(), [u8]>::to(topic).payload(line).partition(0);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((error, back)) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                if Instant::now() > end {
                    bail!("the queue of the bare producer stays full");
                }
                producer.poll(POLL_WAIT);
                record = back;
            }
            Err((error, _)) => return Err(error).context("sending"),
        }
    }
}

/// Reads `records` records from the beginning of the topic's one partition, or as many as come within `limit`.
pub fn consume(bootstrap: &str, topic: &str, records: u64, limit: Option<Duration>) -> Result<Bare> {
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        // With the default of a second a fast reader waits most of the time.
        .set("fetch.queue.backoff.ms", "10")
        .set("max.partition.fetch.bytes", "8388608")
        .create()
        .context("making a consumer")?;
    assign(&consumer, topic)?;
    let clock = Clock::start()?;
    let (mut read, mut bytes) = (0, 0);
    let mut last = Instant::now();
    while read < records {
        match consumer.poll(POLL_WAIT) {
            Some(message) => {
                bytes += message.context("consuming")?.payload().map_or(0, <[u8]>::len);
                read += 1;
                if read % POLL_EVERY as u64 == 0 {
                    last = Instant::now();
                    if clock.is_over(limit) {
                        break;
                    }
                }
            }
            None if last.elapsed() > STALL_WAIT => bail!("only {read} of {records} records came"),
            None => (),
        }
    }
    if bytes == 0 {
        bail!("the records are empty");
    }
    clock.stop(read)
}

/// Has the consumer read the topic's one partition from its beginning.
pub fn assign(consumer: &BaseConsumer, topic: &str) -> Result<()> {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&partitions).with_context(|| format!("reading topic {topic}"))
}

/// Wall time and CPU time of this process since its start.
struct Clock {
    begin: Instant,
    cpu: Duration,
}

impl Clock {
    fn start() -> Result<Self> {
        Ok(Self { cpu: usage(std::process::id())?.cpu, begin: Instant::now() })
    }

    fn is_over(&self, limit: Option<Duration>) -> bool {
        limit.is_some_and(|limit| self.begin.elapsed() > limit)
    }

    fn stop(&self, records: u64) -> Result<Bare> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let cpu = usage(std::process::id())?.cpu.saturating_sub(self.cpu);
        Ok(Bare { records, seconds, cpu_seconds: cpu.as_secs_f64() })
    }
}
