//! Records on their way from a source to Kafka, and from Kafka to a sink.

use crate::{Datum, Result, SourceOffset, SourcePartition};
use std::{collections::VecDeque, sync::Arc};

/// A record, whichever way it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The topic. A source may leave it to a transformation.
    pub topic: Option<Arc<str>>,
    /// The Kafka partition; none lets the producer choose.
    pub partition: Option<i32>,
    /// The key.
    pub key: Datum,
    /// The value.
    pub value: Datum,
    /// The headers, in order; names may repeat.
    pub headers: Vec<Header>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// What the time stamp of a consumed record means.
    pub timestamp_type: TimestampType,
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The name.
    pub name: Arc<str>,
    /// The value.
    pub value: Datum,
}

/// What a time stamp means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// There is none, or the record does not come from Kafka.
    #[default]
    None,
    /// When the producer made the record.
    CreateTime,
    /// When the broker took it.
    LogAppendTime,
}

impl Record {
    /// Returns a record for a topic with a value and nothing else.
    pub fn new(topic: impl Into<Arc<str>>, value: Datum) -> Self {
        Self {
            topic: Some(topic.into()),
            partition: None,
            key: Datum::default(),
            value,
            headers: Vec::new(),
            timestamp: None,
            timestamp_type: TimestampType::None,
        }
    }

    /// Returns how many bytes the record takes: its own size and what its values own. Budgets, buffers and metrics count with it.
    pub fn weight(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|header| size_of::<Header>() + header.name.len() + header.value.value.owned_bytes());
        let data = self.key.value.owned_bytes() + self.value.value.owned_bytes();
        size_of::<Self>() + data + headers.sum::<usize>()
    }
}

/// Where a record came from, for transformations and reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A source polled it.
    Source(Option<SourceOrigin>),
    /// It was read from this place of a topic, whatever transformations have made of it since.
    Sink {
        /// The topic it was read from.
        topic: Arc<str>,
        /// The partition it was read from.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
}

/// Where a source record came from, and where to resume after it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceOrigin {
    /// What it was read from.
    pub partition: Arc<SourcePartition>,
    /// The place right after it; none makes the store forget the partition.
    pub offset: Option<SourceOffset>,
}

/// What a source task returns from `poll`.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRecord {
    /// The record; none when only the offset moves (a heartbeat, the end of an empty snapshot).
    pub record: Option<Record>,
    /// Where it came from; none stores nothing.
    pub origin: Option<SourceOrigin>,
}

impl SourceRecord {
    /// Returns a record with its place.
    pub fn new(record: Record, partition: Arc<SourcePartition>, offset: SourceOffset) -> Self {
        let origin = SourceOrigin { partition, offset: Some(offset) };
        Self { record: Some(record), origin: Some(origin) }
    }

    /// Returns a record whose source cannot resume: nothing is stored for it.
    pub fn without_offset(record: Record) -> Self {
        Self { record: Some(record), origin: None }
    }

    /// Returns a move of the offset without a record.
    pub fn offset_only(partition: Arc<SourcePartition>, offset: SourceOffset) -> Self {
        Self { record: None, origin: Some(SourceOrigin { partition, offset: Some(offset) }) }
    }
}

/// What a sink task is given.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkRecord {
    /// The record, after transformations.
    pub record: Record,
    /// The topic it was read from.
    pub topic: Arc<str>,
    /// The partition it was read from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// Records offered to a sink. The sink takes what it accepts; what is left is offered again.
///
/// A record that was taken may be committed after the next `pre_commit`; one that was left may not.
#[derive(Debug, Default)]
pub struct Batch {
    records: VecDeque<SinkRecord>,
}

impl Batch {
    /// Returns a batch of these records.
    pub fn new(records: impl Into<VecDeque<SinkRecord>>) -> Self {
        Self { records: records.into() }
    }

    /// Returns the first record that is left.
    pub fn first(&self) -> Option<&SinkRecord> {
        self.records.front()
    }

    /// Takes the first record that is left.
    pub fn take_first(&mut self) -> Option<SinkRecord> {
        self.records.pop_front()
    }

    /// Takes all records that are left.
    pub fn take_all(&mut self) -> impl ExactSizeIterator<Item = SinkRecord> {
        std::mem::take(&mut self.records).into_iter()
    }

    /// Takes the first `count` records, or as many as are left.
    pub fn take(&mut self, count: usize) -> impl ExactSizeIterator<Item = SinkRecord> {
        self.records.drain(..count.min(self.records.len()))
    }

    /// Offers records again, before those that are left: what a failed write gives back.
    pub fn put_back(&mut self, records: impl DoubleEndedIterator<Item = SinkRecord>) {
        records.rev().for_each(|record| self.records.push_front(record));
    }

    /// Adds records behind those that are left.
    pub fn append(&mut self, records: impl Into<VecDeque<SinkRecord>>) {
        let mut records = records.into();
        if self.records.is_empty() {
            // What is usual, and spares moving them.
            self.records = records;
        } else {
            self.records.append(&mut records);
        }
    }

    /// Drops the records for which `keep` is false.
    pub fn retain(&mut self, keep: impl FnMut(&SinkRecord) -> bool) {
        self.records.retain(keep);
    }

    /// Returns what is left, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SinkRecord> {
        self.records.iter()
    }

    /// Writes records one by one; the one that fails and those behind it stay.
    pub fn try_each(&mut self, mut write: impl FnMut(&SinkRecord) -> Result<()>) -> Result<()> {
        while let Some(record) = self.records.front() {
            write(record)?;
            self.records.pop_front();
        }
        Ok(())
    }

    /// Returns how many records are left.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Tells whether no record is left.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
