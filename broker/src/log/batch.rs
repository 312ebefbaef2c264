//! The header of a record batch (magic 2), and what may be said about a batch without looking into its records.

use bytes::Buf;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes of base offset and length, which the length does not count.
pub const PREFIX_BYTES: usize = 12;
/// Where the bytes that the checksum covers begin.
pub const CHECKED_FROM: usize = 21;
/// The bytes that a broker sets itself: base offset, length, leader epoch. The checksum does not cover them.
pub const OWN_BYTES: usize = 16;

const MAGIC_AT: usize = 16;
const MAGIC: i8 = 2;
const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// The header of one record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    /// Size of the whole batch, header included.
    pub size: usize,
    pub checksum: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

/// Why bytes are not a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    #[error("batch is cut off")]
    Cut,
    #[error("batch length {0} is impossible")]
    Length(i32),
    #[error("batch has magic {0} instead of 2")]
    Magic(i8),
    #[error("batch says {records} records and last offset delta {last_delta}")]
    Count { records: i32, last_delta: i32 },
    #[error("batch has offset {0}, which does not follow the one before")]
    Offset(i64),
    #[error("batch does not match its checksum")]
    Checksum,
}

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl BatchHeader {
    /// Reads a header; the records need not be there yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchFault> {
        if bytes.len() < HEADER_BYTES {
            return Err(BatchFault::Cut);
        }
        let mut at = bytes;
        let base_offset = at.get_i64();
        let length = at.get_i32();
        let size = usize::try_from(length).map_err(|_| BatchFault::Length(length))? + PREFIX_BYTES;
        if size < HEADER_BYTES {
            return Err(BatchFault::Length(length));
        }
        at.advance(4);
        let magic = at.get_i8();
        if magic != MAGIC {
            return Err(BatchFault::Magic(magic));
        }
        let header = Self {
            base_offset,
            size,
            checksum: at.get_u32(),
            attributes: at.get_i16(),
            last_offset_delta: at.get_i32(),
            base_timestamp: at.get_i64(),
            max_timestamp: at.get_i64(),
            producer_id: at.get_i64(),
            producer_epoch: at.get_i16(),
            base_sequence: at.get_i32(),
            record_count: at.get_i32(),
        };
        if header.last_offset_delta < 0 || header.record_count < 0 {
            return Err(BatchFault::Count {
                records: header.record_count,
                last_delta: header.last_offset_delta,
            });
        }
        Ok(header)
    }

    /// Reads the header of a whole batch and checks its checksum. Bytes after the batch are not looked at.
    pub fn check(bytes: &[u8]) -> Result<Self, BatchFault> {
        let header = Self::parse(bytes)?;
        let whole = bytes.get(..header.size).ok_or(BatchFault::Cut)?;
        if crc32c::crc32c(&whole[CHECKED_FROM..]) != header.checksum {
            return Err(BatchFault::Checksum);
        }
        Ok(header)
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Returns the sequence number of the last record; sequence numbers start again at 0 after `i32::MAX`.
    pub fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (last % (i64::from(i32::MAX) + 1)) as i32
    }

    pub fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub fn has_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Returns how the records are compressed; `None` for a codec that does not exist.
    pub fn codec(&self) -> Option<Codec> {
        match self.attributes & CODEC_MASK {
            0 => Some(Codec::None),
            1 => Some(Codec::Gzip),
            2 => Some(Codec::Snappy),
            3 => Some(Codec::Lz4),
            4 => Some(Codec::Zstd),
            _ => None,
        }
    }
}

/// Returns the magic byte of what claims to be a batch.
pub fn magic(bytes: &[u8]) -> Option<i8> {
    bytes.get(MAGIC_AT).map(|byte| *byte as i8)
}

/// Returns the batch's header with the bytes that a broker sets: base offset and leader epoch.
pub fn placed(bytes: &[u8], base_offset: i64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header.copy_from_slice(&bytes[..HEADER_BYTES]);
    header[..8].copy_from_slice(&base_offset.to_be_bytes());
    header[PREFIX_BYTES..OWN_BYTES].copy_from_slice(&LEADER_EPOCH.to_be_bytes());
    header
}

/// Sets the time of all records to the broker's, which changes the checksum too.
pub fn stamp(header: &mut [u8; HEADER_BYTES], records: &[u8], now_millis: i64) {
    let attributes = i16::from_be_bytes([header[21], header[22]]) | LOG_APPEND_TIME;
    header[21..23].copy_from_slice(&attributes.to_be_bytes());
    header[35..43].copy_from_slice(&now_millis.to_be_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&header[CHECKED_FROM..]), records);
    header[17..21].copy_from_slice(&checksum.to_be_bytes());
}

/// A single node never elects another leader.
pub const LEADER_EPOCH: i32 = 0;

#[cfg(test)]
pub mod testing {
    //! Batches for tests.
    use super::*;
    use bytes::BufMut;

    /// What a test batch holds.
    #[derive(Debug, Clone)]
    pub struct Sample {
        pub records: Vec<(Option<Vec<u8>>, Vec<u8>)>,
        pub producer: (i64, i16, i32),
        pub timestamp: i64,
        pub codec: Codec,
    }

    impl Sample {
        pub fn of(values: &[&str]) -> Self {
            let records =
                values.iter().map(|value| (Some(b"k".to_vec()), value.as_bytes().to_vec())).collect();
            Self { records, producer: (-1, -1, -1), timestamp: 1_000, codec: Codec::None }
        }

        pub fn by(mut self, id: i64, epoch: i16, sequence: i32) -> Self {
            self.producer = (id, epoch, sequence);
            self
        }

        /// Builds the batch as a producer sends it, at offset 0.
        pub fn build(&self) -> Vec<u8> {
            let mut plain = Vec::new();
            for (delta, (key, value)) in self.records.iter().enumerate() {
                let mut record = vec![0];
                varint(&mut record, delta as i64);
                varint(&mut record, delta as i64);
                varint(&mut record, key.as_ref().map_or(-1, |key| key.len() as i64));
                record.extend(key.iter().flatten());
                varint(&mut record, value.len() as i64);
                record.extend(value);
                varint(&mut record, 0);
                varint(&mut plain, record.len() as i64);
                plain.extend(record);
            }
            let (codec, records) = compress(self.codec, plain);
            let last_delta = self.records.len() as i32 - 1;
            let mut checked = Vec::new();
            checked.put_i16(codec);
            checked.put_i32(last_delta);
            checked.put_i64(self.timestamp);
            checked.put_i64(self.timestamp + i64::from(last_delta));
            checked.put_i64(self.producer.0);
            checked.put_i16(self.producer.1);
            checked.put_i32(self.producer.2);
            checked.put_i32(self.records.len() as i32);
            checked.extend(records);
            let mut batch = Vec::new();
            batch.put_i64(0);
            batch.put_i32((checked.len() + CHECKED_FROM - PREFIX_BYTES) as i32);
            batch.put_i32(-1);
            batch.put_i8(MAGIC);
            batch.put_u32(crc32c::crc32c(&checked));
            batch.extend(checked);
            batch
        }
    }

    fn compress(codec: Codec, plain: Vec<u8>) -> (i16, Vec<u8>) {
        use std::io::Write;
        match codec {
            Codec::None => (0, plain),
            Codec::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&plain).expect("a vector takes all");
                (1, encoder.finish().expect("a vector takes all"))
            }
            Codec::Snappy => (2, snap::raw::Encoder::new().compress_vec(&plain).expect("small enough")),
            Codec::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(&plain).expect("a vector takes all");
                (3, encoder.finish().expect("a vector takes all"))
            }
            Codec::Zstd => (4, zstd::stream::encode_all(&plain[..], 1).expect("a vector takes all")),
        }
    }

    fn varint(out: &mut Vec<u8>, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)) as u64;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::testing::Sample;
    use super::*;

    #[test]
    fn a_whole_batch_passes_and_any_changed_byte_does_not() {
        let batch = Sample::of(&["a", "b"]).by(7, 0, 0).build();
        let header = BatchHeader::check(&batch).unwrap();
        assert_eq!((header.size, header.last_offset_delta, header.record_count), (batch.len(), 1, 2));
        for at in CHECKED_FROM..batch.len() {
            let mut changed = batch.clone();
            changed[at] ^= 1;
            assert!(BatchHeader::check(&changed).is_err(), "byte {at}");
        }
        assert_eq!(BatchHeader::check(&batch[..batch.len() - 1]), Err(BatchFault::Cut));
    }

    #[test]
    fn a_stamped_batch_has_the_new_time_and_a_right_checksum() {
        let batch = Sample::of(&["a"]).build();
        let mut header = placed(&batch, 41);
        stamp(&mut header, &batch[HEADER_BYTES..], 123_456);
        let whole = [&header[..], &batch[HEADER_BYTES..]].concat();
        let read = BatchHeader::check(&whole).unwrap();
        assert_eq!((read.base_offset, read.max_timestamp, read.has_append_time()), (41, 123_456, true));
    }

    #[test]
    fn sequences_start_again_after_the_largest() {
        let mut header = BatchHeader::check(&Sample::of(&["a", "b"]).by(1, 0, i32::MAX).build()).unwrap();
        assert_eq!(header.last_sequence(), 0);
        header.base_sequence = 5;
        assert_eq!(header.last_sequence(), 6);
    }
}
