//! From librdkafka's messages to ours.
//!
//! Keys, values and headers are copied, once, and shared from then on. Sharing the message's memory would pin the fetch
//! response it lies in and the client behind it, which would then end, blocking, on whichever thread drops the last
//! record. Small texts of a batch are copied into one piece of memory, which costs an allocation a batch instead of two a
//! record.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use millrace_api::{Blob, TimestampType, TopicPartition};
use rdkafka::types::RDKafkaErrorCode as Code;

use super::{Incoming, Limits, context::Context};
use crate::raw::{Clock, Message, MessageQueue};

/// How many messages are taken from librdkafka at one go.
pub(super) const BATCH: usize = 500;

/// The largest key or value that shares memory with others of its batch.
///
/// It bounds what a record that a sink keeps pins: this times twice [`BATCH`], 1 MB.
const SMALL_MAX: usize = 1024;

/// Turns messages into ours; remembers what consecutive ones share.
#[derive(Default)]
pub(super) struct Intake {
    names: BTreeMap<Box<str>, Arc<str>>,
}

/// What was taken.
pub(super) struct Taken {
    pub(super) messages: Vec<Incoming>,
    /// Errors that stood in the partitions' queues.
    pub(super) errors: Vec<(Code, String)>,
}

/// How many names of topics and headers are kept. What is beyond is not shared.
const NAMES_MAX: usize = 10_000;

impl Intake {
    /// Takes messages up to the limits, without waiting, and moves the positions of their partitions.
    pub(super) fn take(
        &mut self,
        queue: &mut MessageQueue<Context>,
        limits: Limits,
        positions: &mut BTreeMap<TopicPartition, i64>,
    ) -> Taken {
        let mut taken = Taken { messages: Vec::new(), errors: Vec::new() };
        let mut bytes = 0;
        while taken.messages.len() < limits.records && bytes < limits.bytes {
            let expected = queue.len();
            if expected == 0 {
                break;
            }
            let room = limits.records - taken.messages.len();
            // All at once: growing by the batch would move what is there again and again.
            taken.messages.reserve(expected.min(room));
            let batch = queue.take(room);
            if batch.iter().len() == 0 {
                break;
            }
            bytes += self.convert(batch.iter(), &mut taken, positions);
        }
        taken
    }

    /// Converts one batch; returns the bytes in it.
    fn convert<'a>(
        &mut self,
        batch: impl Iterator<Item = Message<'a>> + Clone,
        taken: &mut Taken,
        positions: &mut BTreeMap<TopicPartition, i64>,
    ) -> usize {
        let mut arena = Arena::of(batch.clone());
        let mut bytes = 0;
        let mut run: Option<Run> = None;
        for message in batch {
            if let Some(error) = message.error() {
                taken.errors.push(error);
                continue;
            }
            let same = run.as_ref().is_some_and(|run| run.is_of(message));
            if !same {
                let next = Run::of(message, self.name(message.topic()));
                if let Some(last) = run.replace(next) {
                    last.end(positions);
                }
            }
            let run = run.as_mut().expect("a run was begun just above");
            run.next = message.offset() + 1;
            let (clock, timestamp) = message.timestamp();
            let mut incoming = Incoming {
                topic: run.partition.topic.clone(),
                partition: run.partition.partition,
                offset: message.offset(),
                leader_epoch: message.leader_epoch(),
                timestamp: (clock != Clock::Unknown).then_some(timestamp),
                timestamp_type: TimestampType::from(clock),
                key: arena.share(message.key()),
                value: arena.share(message.value()),
                headers: Vec::new(),
            };
            message.headers(|name, value| {
                bytes += name.len() + value.map_or(0, <[u8]>::len);
                incoming.headers.push((self.name(name), value.map(Blob::from)));
            });
            bytes += length(&incoming.key) + length(&incoming.value);
            taken.messages.push(incoming);
        }
        if let Some(last) = run {
            last.end(positions);
        }
        bytes
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let shared: Arc<str> = name.into();
        if self.names.len() < NAMES_MAX {
            self.names.insert(name.into(), shared.clone());
        }
        shared
    }
}

/// Consecutive messages of one partition.
struct Run {
    topic_id: usize,
    partition: TopicPartition,
    next: i64,
}

impl Run {
    fn of(message: Message<'_>, topic: Arc<str>) -> Self {
        let partition = TopicPartition { topic, partition: message.partition() };
        Self { topic_id: message.topic_id(), partition, next: 0 }
    }

    fn is_of(&self, message: Message<'_>) -> bool {
        self.topic_id == message.topic_id() && self.partition.partition == message.partition()
    }

    fn end(self, positions: &mut BTreeMap<TopicPartition, i64>) {
        positions.insert(self.partition, self.next);
    }
}

impl From<Clock> for TimestampType {
    fn from(clock: Clock) -> Self {
        match clock {
            Clock::Unknown => Self::None,
            Clock::Producer => Self::CreateTime,
            Clock::Broker => Self::LogAppendTime,
        }
    }
}

/// The small texts of a batch, one behind the other.
struct Arena {
    texts: Arc<Bytes>,
    /// Where the next one that is shared begins.
    next: usize,
}

impl Arena {
    /// Copies the small keys and values of messages, in their order.
    fn of<'a>(batch: impl Iterator<Item = Message<'a>> + Clone) -> Self {
        let small = || {
            let messages = batch.clone().filter(|message| !message.is_error());
            let texts = messages.flat_map(|message| [message.key(), message.value()]);
            texts.flatten().filter(|text| text.len() <= SMALL_MAX)
        };
        let mut texts = Vec::with_capacity(small().map(<[u8]>::len).sum());
        small().for_each(|text| texts.extend_from_slice(text));
        Self { texts: Arc::new(texts.into()), next: 0 }
    }

    /// Returns the copy of a text; to be asked for the texts in the order in which they were copied.
    fn share(&mut self, text: Option<&[u8]>) -> Option<Blob> {
        let text = text?;
        if text.len() > SMALL_MAX {
            return Some(Blob::from(text));
        }
        let start = self.next;
        self.next += text.len();
        let blob = Blob::view(&self.texts, start, self.next);
        debug_assert_eq!(&*blob, text, "texts are shared in the order of their copies");
        Some(blob)
    }
}

fn length(bytes: &Option<Blob>) -> usize {
    bytes.as_ref().map_or(0, |bytes| bytes.len())
}
