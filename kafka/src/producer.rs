//! Producers that tasks share, and the lanes of each task in them.
//!
//! A record costs one call of librdkafka and a few atomic counters: a batch is one `Arc` that travels with each of its
//! records as delivery opaque, and the last delivery report of a batch wakes the lane.
//!
//! Four rules keep tasks that share a producer out of each other's way. A lane has a budget of its own, and the queue of
//! the producer holds the sum of them. Nobody waits for anything but its own counters. A producer that holds records
//! which somebody gave up, or which Kafka does not take while it takes those of others, is *retired*: each lane waits for
//! its own records and goes on with a fresh one, and what nobody waits for is purged. After a fatal error of the client
//! the same happens at once, and only the lanes with records in it fail.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Failure, KafkaError};

mod batch;
mod client;
mod lane;
mod shared;
mod stall;

pub(crate) use client::created;
pub use lane::{Lane, Remains};
pub use shared::{SharedProducer, Sharing};

/// How much one lane may have in the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The weight of records, as [`Outgoing::weight`] counts it. A heavier record goes alone.
    pub bytes: usize,
    /// Records.
    pub messages: usize,
}

/// A record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; chosen by the partitioner when absent.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch; the time of sending when absent, or 0, which librdkafka takes for absent.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; a tombstone when absent.
    pub value: Option<Bytes>,
    /// Names and values in order.
    pub headers: Vec<(Arc<str>, Option<Bytes>)>,
}

/// What a lane wants to know of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Whether all were acknowledged.
    Counts,
    /// Where each record went, and which records failed. Costs an allocation a record.
    Metadata,
}

/// The number of a batch handed over; a lane's tickets grow by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Where a record was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset; absent with `acks=0`.
    pub offset: Option<i64>,
    /// The timestamp it was written with.
    pub timestamp: Option<i64>,
}

/// The end of a ticket.
#[derive(Debug)]
pub struct Finished {
    /// Which ticket.
    pub ticket: Ticket,
    /// The metadata of each record in the order handed over, empty with `Report::Counts`; or why not all were sent.
    pub outcome: Result<Vec<RecordMetadata>, DeliveryError>,
}

/// Some records of a ticket were not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("sending {failed} of {count} records, the first to topic {topic}: {failure}")]
pub struct DeliveryError {
    /// The topic of the first record that failed.
    pub topic: Arc<str>,
    /// Why the first record failed.
    pub failure: Failure,
    /// How many records failed.
    pub failed: usize,
    /// How many records the ticket had.
    pub count: usize,
    /// What became of each record in the order handed over; empty with `Report::Counts`.
    pub records: Vec<Result<RecordMetadata, Failed>>,
}

/// A record that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its topic.
    pub topic: Arc<str>,
    /// Why.
    pub failure: Failure,
}

/// Why a batch could not be handed over.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    /// The producer met a fatal error with records of this lane in it.
    #[error("the producer cannot go on: {0}")]
    Fatal(Failure),
    /// No producer could be started in place of one that was retired.
    #[error("replacing the producer: {0}")]
    Replace(KafkaError),
    /// A later lane of the same task has taken over.
    #[error("the task was given up and has begun anew elsewhere")]
    GivenUp,
}

// === impl Outgoing ===

impl Outgoing {
    /// Returns how many bytes the record takes: its own size and what it owns, counted as `Record::weight` counts.
    pub fn weight(&self) -> usize {
        batch::weight(length(&self.key) + length(&self.value), self.header_weight())
    }

    fn header_weight(&self) -> usize {
        let entry = size_of::<(Arc<str>, Option<Bytes>)>();
        self.headers.iter().map(|(name, value)| entry + name.len() + length(value)).sum()
    }
}

fn length(bytes: &Option<Bytes>) -> usize {
    bytes.as_ref().map_or(0, Bytes::len)
}
