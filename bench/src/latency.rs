//! Latency: records that carry the time at which they were written, at a steady rate, and a reader at the other end.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::Bench;
use crate::bare::assign;
use crate::cases::{Flow, Place};
use crate::figures::{Figures, of_latencies};
use crate::kafka::config;
use crate::payload::{Payload, stamp_now, stamp_of};

/// How long records are written, and how much of the begin is left out.
const TIME: Duration = Duration::from_secs(12);
const LEFT_OUT: Duration = Duration::from_secs(4);

/// The same in the short form.
const SHORT_TIME: Duration = Duration::from_millis(1500);
const SHORT_LEFT_OUT: Duration = Duration::from_millis(300);

/// Records are written in steps this long.
const TICK: Duration = Duration::from_millis(1);

/// How long the last record may take after the last one was written.
const TAIL_WAIT: Duration = Duration::from_secs(20);

/// How long a reader waits when nothing new is there: the most that it adds to a latency.
const READ_STEP: Duration = Duration::from_micros(200);

/// How much of a file is read at a time.
const BLOCK: usize = 256 * 1024;

/// Makes the file that a connector reads, empty.
pub fn prepare(flow: &Flow, path: &Path) -> Result<()> {
    match flow.from {
        Place::File => File::create(path).map(drop).context("making the file to read"),
        Place::Topic => Ok(()),
    }
}

/// Writes at `flow.latency_rate` where the connector reads, and reads where it writes.
pub fn measure(bench: &Bench, flow: &Flow, path: &Path, topic: &str) -> Result<Figures> {
    let (time, left_out) = bench.times((TIME, LEFT_OUT), (SHORT_TIME, SHORT_LEFT_OUT));
    let mut steady = Steady::new(flow, time);
    let (total, counted_from) = (steady.total, stamp_now() + micros(left_out));
    let given_up = AtomicBool::new(false);
    let latencies = scope(|scope| -> Result<Vec<u64>> {
        let mut seen = Seen { counted_from, read: 0, latencies: Vec::new() };
        let (given_up, bootstrap) = (&given_up, bench.topics.bootstrap());
        let reader =
            Builder::new().name("latency".to_owned()).spawn_scoped(scope, move || -> Result<Vec<u64>> {
                let end = Instant::now() + time + TAIL_WAIT;
                let is_over = || given_up.load(Ordering::Relaxed) || Instant::now() > end;
                match flow.to {
                    Place::Topic => read_topic(bootstrap, topic, total, &mut seen, is_over)?,
                    Place::File => read_file(path, total, &mut seen, is_over)?,
                }
                Ok(seen.latencies)
            })?;
        let written = match flow.from {
            Place::File => steady.write_file(path),
            Place::Topic => steady.write_topic(bootstrap, topic),
        };
        if written.is_err() {
            given_up.store(true, Ordering::Relaxed);
        }
        let read = reader.join().map_err(|_| anyhow!("the reader of the latency run panicked"))?;
        written.and(read)
    })?;
    if flow.to == Place::File {
        fs::remove_file(path)?;
    }
    Ok(of_latencies(latencies))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

// === impl Steady ===

/// Lines at a steady rate.
struct Steady {
    payload: Payload,
    rate: u64,
    total: u64,
}

impl Steady {
    fn new(flow: &Flow, time: Duration) -> Self {
        let total = flow.latency_rate * u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / 1000;
        Self { payload: Payload::new(stamp_now(), flow.bytes), rate: flow.latency_rate, total }
    }

    fn write_file(&mut self, path: &Path) -> Result<()> {
        let mut file = OpenOptions::new().append(true).open(path)?;
        let mut block = Vec::new();
        self.each_tick(|payload, count| {
            block.clear();
            for _ in 0..count {
                payload.stamped_line(stamp_now(), &mut block);
                block.push(b'\n');
            }
            file.write_all(&block).context("appending to the file")
        })
    }

    fn write_topic(&mut self, bootstrap: &str, topic: &str) -> Result<()> {
        // Room for all records, should the broker stand still for a while: the writer must not.
        let producer: BaseProducer = config(bootstrap)
            .set("linger.ms", "0")
            .set("queue.buffering.max.messages", self.total.max(1).to_string())
            .set("queue.buffering.max.kbytes", "1048576")
            .create()?;
        let mut line = Vec::new();
        self.each_tick(|payload, count| {
            for _ in 0..count {
                line.clear();
                payload.stamped_line(stamp_now(), &mut line);
                let record = BaseRecord::<(), [u8]>::to(topic).payload(&line).partition(0);
                producer.send(record).map_err(|(error, _)| error).context("sending")?;
            }
            producer.poll(Duration::ZERO);
            Ok(())
        })?;
        producer.flush(TAIL_WAIT).context("sending the last records")
    }

    /// Calls `write` with how many lines are due, until all were written.
    fn each_tick(&mut self, mut write: impl FnMut(&mut Payload, u64) -> Result<()>) -> Result<()> {
        let begin = Instant::now();
        let mut written = 0;
        while written < self.total {
            let due = u128::from(self.rate) * begin.elapsed().as_micros() / 1_000_000;
            let due = u64::try_from(due)?.min(self.total);
            if due > written {
                write(&mut self.payload, due - written)?;
                written = due;
            }
            sleep(TICK);
        }
        Ok(())
    }
}

// === impl Seen ===

/// What the reader has seen.
struct Seen {
    /// Stamps before this are of the begin that is left out.
    counted_from: u64,
    read: u64,
    latencies: Vec<u64>,
}

impl Seen {
    fn note(&mut self, line: &[u8], now: u64) -> Result<()> {
        let stamp = stamp_of(line).context("a record without time stamp arrived")?;
        self.read += 1;
        if stamp >= self.counted_from {
            self.latencies.push(now.saturating_sub(stamp));
        }
        Ok(())
    }
}

fn read_topic(
    bootstrap: &str,
    topic: &str,
    total: u64,
    seen: &mut Seen,
    is_over: impl Fn() -> bool,
) -> Result<()> {
    let consumer: BaseConsumer =
        config(bootstrap).set("group.id", "latency").set("enable.auto.commit", "false").create()?;
    assign(&consumer, topic)?;
    while seen.read < total {
        match consumer.poll(Duration::from_millis(100)) {
            Some(message) => seen.note(message?.payload().unwrap_or_default(), stamp_now())?,
            None if is_over() => bail!("{} of {total} records arrived at a steady rate", seen.read),
            None => (),
        }
    }
    Ok(())
}

fn read_file(path: &Path, total: u64, seen: &mut Seen, is_over: impl Fn() -> bool) -> Result<()> {
    let mut file = None;
    let mut pending = Vec::new();
    let mut block = vec![0; BLOCK];
    while seen.read < total {
        if file.is_none() {
            file = File::open(path).ok();
        }
        let read = file.as_mut().map_or(Ok(0), |file| file.read(&mut block))?;
        let now = stamp_now();
        if read == 0 {
            if is_over() {
                bail!("{} of {total} records arrived at a steady rate", seen.read);
            }
            sleep(READ_STEP);
            continue;
        }
        pending.extend_from_slice(&block[..read]);
        let end = pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
        for line in pending[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            seen.note(line, now)?;
        }
        pending.drain(..end);
    }
    Ok(())
}
