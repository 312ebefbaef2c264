//! The records inside a batch: read only where the header is not enough (keys of compacted topics, exact times).

use super::batch::{BatchHeader, Codec, HEADER_BYTES};
use std::io::{self, Read};
use std::ops::ControlFlow;

/// The most bytes the records of one batch may take after decompression.
///
/// A batch is at most about a megabyte by default; a hundredfold ratio is ordinary for repeated text, and more than
/// this is a bomb.
const PLAIN_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What the broker wants to know of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub offset_delta: i32,
    pub timestamp_delta: i64,
    pub key: Option<&'a [u8]>,
}

/// Why the records of a batch cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordsFault {
    #[error("records end in the middle")]
    Cut,
    #[error("records do not decompress")]
    Compression(#[source] io::Error),
    #[error("records take more than {PLAIN_BYTES_MAX} bytes")]
    Size,
    #[error("compression codec does not exist")]
    Codec,
}

/// Calls `visit` with each record of a whole batch until it breaks.
pub fn visit(
    batch: &[u8],
    header: &BatchHeader,
    mut visit: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> Result<(), RecordsFault> {
    let stored = batch.get(HEADER_BYTES..header.size).ok_or(RecordsFault::Cut)?;
    let plain;
    let mut rest = match header.codec().ok_or(RecordsFault::Codec)? {
        Codec::None => stored,
        codec => {
            plain = decompress(codec, stored)?;
            &plain[..]
        }
    };
    for _ in 0..header.record_count {
        let length = length(varint(&mut rest)?)?.ok_or(RecordsFault::Cut)?;
        let mut record = take(&mut rest, length)?;
        if visit(parse(&mut record)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn parse<'a>(record: &mut &'a [u8]) -> Result<Record<'a>, RecordsFault> {
    take(record, 1)?;
    let timestamp_delta = varint(record)?;
    let offset_delta = i32::try_from(varint(record)?).map_err(|_| RecordsFault::Cut)?;
    let key = length(varint(record)?)?.map(|length| take(record, length)).transpose()?;
    Ok(Record { offset_delta, timestamp_delta, key })
}

/// Turns a length as it is written (-1 is "null") into an option.
fn length(written: i64) -> Result<Option<usize>, RecordsFault> {
    match written {
        -1 => Ok(None),
        written => usize::try_from(written).map(Some).map_err(|_| RecordsFault::Cut),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], RecordsFault> {
    let (taken, left) = rest.split_at_checked(length).ok_or(RecordsFault::Cut)?;
    *rest = left;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<i64, RecordsFault> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(RecordsFault::Cut)
}

fn decompress(codec: Codec, stored: &[u8]) -> Result<Vec<u8>, RecordsFault> {
    match codec {
        Codec::None => Ok(stored.to_vec()),
        Codec::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(stored)),
        Codec::Snappy => snappy(stored),
        Codec::Lz4 => read_bounded(lz4_flex::frame::FrameDecoder::new(stored)),
        Codec::Zstd => {
            read_bounded(zstd::stream::read::Decoder::new(stored).map_err(RecordsFault::Compression)?)
        }
    }
}

fn read_bounded(from: impl Read) -> Result<Vec<u8>, RecordsFault> {
    let mut plain = Vec::new();
    from.take(PLAIN_BYTES_MAX as u64 + 1).read_to_end(&mut plain).map_err(RecordsFault::Compression)?;
    if plain.len() > PLAIN_BYTES_MAX { Err(RecordsFault::Size) } else { Ok(plain) }
}

/// Reads snappy in both forms that clients send: one raw block, or the blocks of the Java library.
fn snappy(stored: &[u8]) -> Result<Vec<u8>, RecordsFault> {
    const JAVA_MAGIC: &[u8] = b"\x82SNAPPY\0";
    const JAVA_HEADER_BYTES: usize = 16;
    let mut plain = Vec::new();
    if !stored.starts_with(JAVA_MAGIC) {
        snappy_block(stored, &mut plain)?;
        return Ok(plain);
    }
    let mut rest = stored.get(JAVA_HEADER_BYTES..).ok_or(RecordsFault::Cut)?;
    while !rest.is_empty() {
        let length =
            take(&mut rest, 4)?.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
        snappy_block(take(&mut rest, length)?, &mut plain)?;
    }
    Ok(plain)
}

fn snappy_block(block: &[u8], plain: &mut Vec<u8>) -> Result<(), RecordsFault> {
    let fault = |error: snap::Error| RecordsFault::Compression(error.into());
    let length = snap::raw::decompress_len(block).map_err(fault)?;
    let start = plain.len();
    if start + length > PLAIN_BYTES_MAX {
        return Err(RecordsFault::Size);
    }
    plain.resize(start + length, 0);
    snap::raw::Decoder::new().decompress(block, &mut plain[start..]).map_err(fault)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::batch::testing::Sample;
    use super::*;

    #[track_caller]
    fn check(codec: Codec) {
        let mut sample = Sample::of(&["one", "two", "three"]);
        sample.records[1].0 = None;
        sample.codec = codec;
        let batch = sample.build();
        let header = BatchHeader::check(&batch).unwrap();
        let mut seen = Vec::new();
        visit(&batch, &header, |record| {
            seen.push((record.offset_delta, record.timestamp_delta, record.key.map(<[u8]>::to_vec)));
            ControlFlow::Continue(())
        })
        .unwrap();
        let key = Some(b"k".to_vec());
        assert_eq!(seen, [(0, 0, key.clone()), (1, 1, None), (2, 2, key)], "{codec:?}");
    }

    #[test]
    fn records_are_read_in_every_codec() {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            check(codec);
        }
    }

    #[test]
    fn java_snappy_blocks_are_joined() {
        let block = |text: &[u8]| snap::raw::Encoder::new().compress_vec(text).unwrap();
        let mut stored = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for part in [block(b"mill"), block(b"race")] {
            stored.extend((part.len() as u32).to_be_bytes());
            stored.extend(part);
        }
        assert_eq!(snappy(&stored).unwrap(), b"millrace");
    }

    #[test]
    fn a_record_count_beyond_the_records_is_a_fault() {
        let batch = Sample::of(&["one"]).build();
        let mut header = BatchHeader::check(&batch).unwrap();
        header.record_count = 2;
        assert!(visit(&batch, &header, |_| ControlFlow::Continue(())).is_err());
    }
}
