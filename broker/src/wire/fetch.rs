//! The answer to a fetch, written by hand so that records go from the file into the response without a copy between.

use crate::log::Slice;
use bytes::{BufMut, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;
use std::io;

/// The version from which lengths are varints and structures end with tagged fields.
const FLEXIBLE: i16 = 12;

/// What was found for a fetch.
#[derive(Debug, Default)]
pub struct Fetched {
    pub error: Option<ResponseError>,
    pub topics: Vec<FetchedTopic>,
}

#[derive(Debug)]
pub struct FetchedTopic {
    pub name: StrBytes,
    pub partitions: Vec<FetchedPartition>,
}

#[derive(Debug)]
pub struct FetchedPartition {
    pub index: i32,
    pub error: Option<ResponseError>,
    pub high_watermark: i64,
    pub start_offset: i64,
    pub records: Option<Slice>,
}

impl Fetched {
    /// Writes the body of the answer. No session is ever opened, which session id 0 says.
    pub fn encode(&self, out: &mut BytesMut, version: i16) {
        out.put_i32(0);
        if version >= 7 {
            out.put_i16(code(self.error));
            out.put_i32(0);
        }
        put_count(out, version, self.topics.len());
        for topic in &self.topics {
            put_text(out, version, &topic.name);
            put_count(out, version, topic.partitions.len());
            for partition in &topic.partitions {
                partition.encode(out, version);
            }
            put_no_tags(out, version);
        }
        put_no_tags(out, version);
    }
}

impl FetchedPartition {
    /// Writes the partition; one whose file cannot be read says so.
    fn encode(&self, out: &mut BytesMut, version: i16) {
        let start = out.len();
        if let Err(error) = self.put(out, version) {
            tracing::error!(partition = self.index, "reading records failed: {error}");
            out.truncate(start);
            self.put_head(out, version, Some(ResponseError::KafkaStorageError));
            put_length(out, version, 0);
            put_no_tags(out, version);
        }
    }

    fn put(&self, out: &mut BytesMut, version: i16) -> io::Result<()> {
        self.put_head(out, version, self.error);
        put_length(out, version, self.records.as_ref().map_or(0, |records| records.length));
        if let Some(records) = &self.records {
            records.read_into(out)?;
        }
        put_no_tags(out, version);
        Ok(())
    }

    fn put_head(&self, out: &mut BytesMut, version: i16, error: Option<ResponseError>) {
        out.put_i32(self.index);
        out.put_i16(code(error));
        out.put_i64(self.high_watermark);
        // Without transactions everything is stable.
        out.put_i64(self.high_watermark);
        if version >= 5 {
            out.put_i64(self.start_offset);
        }
        put_count(out, version, 0);
        if version >= 11 {
            out.put_i32(NO_REPLICA);
        }
    }
}

const NO_REPLICA: i32 = -1;

fn code(error: Option<ResponseError>) -> i16 {
    error.map_or(0, |error| error.code())
}

fn put_count(out: &mut BytesMut, version: i16, count: usize) {
    put_length(out, version, count);
}

fn put_length(out: &mut BytesMut, version: i16, length: usize) {
    if version >= FLEXIBLE {
        put_varint(out, length as u32 + 1);
    } else {
        out.put_i32(length as i32);
    }
}

fn put_text(out: &mut BytesMut, version: i16, text: &str) {
    if version >= FLEXIBLE {
        put_varint(out, text.len() as u32 + 1);
    } else {
        out.put_i16(text.len() as i16);
    }
    out.put_slice(text.as_bytes());
}

fn put_no_tags(out: &mut BytesMut, version: i16) {
    if version >= FLEXIBLE {
        put_varint(out, 0);
    }
}

fn put_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
