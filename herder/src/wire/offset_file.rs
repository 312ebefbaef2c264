//! The offset file of standalone mode: one Java-serialised `HashMap<byte[], byte[]>`.
//!
//! The stream is written exactly as a Java worker writes it, so that either can take over the other's file. A
//! reader accepts nothing but that map and arrays of bytes: a file is no place to name classes.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes};

/// Keys and values as they stand in the file. A value of `None` is a tombstone, which is kept.
pub type OffsetMap = BTreeMap<Option<Bytes>, Option<Bytes>>;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OffsetFileError {
    /// A Java worker takes such a file for an empty one.
    #[error("offset file ends after {length} bytes, before {missing}")]
    Truncated { length: usize, missing: &'static str },
    /// The text is Kafka Connect's.
    #[error("Expected HashMap but found class {class}")]
    NotAMap { class: String },
    #[error("offset file has {found:#04x} at byte {at} where {expected} was expected")]
    Foreign { at: usize, found: u8, expected: &'static str },
    #[error("offset file states {found} as {what} at byte {at}")]
    Impossible { at: usize, found: i32, what: &'static str },
}

const STREAM: &[u8] = &[0xAC, 0xED, 0x00, 0x05];
const OBJECT: u8 = 0x73;
const CLASS: u8 = 0x72;
const ARRAY: u8 = 0x75;
const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const END_OF_BLOCK: u8 = 0x78;
const MAP_CLASS_NAME: &[u8] = b"java.util.HashMap";

/// What follows the name of the map's class: its version, and the fields `loadFactor` and `threshold`.
const MAP_CLASS: &[u8] =
    b"\x05\x07\xDA\xC1\xC3\x16\x60\xD1\x03\x00\x02F\x00\x0AloadFactorI\x00\x09thresholdxp";

/// The class of an array of bytes, where it occurs first.
const BYTES_CLASS: &[u8] = b"\x00\x02[B\xAC\xF3\x17\xF8\x06\x08\x54\xE0\x02\x00\x00xp";

/// The class of an array of bytes, where it occurs again.
const BYTES_CLASS_AGAIN: &[u8] = &[0x00, 0x7E, 0x00, 0x02];

/// 0.75, as a float.
const LOAD_FACTOR: &[u8] = &[0x3F, 0x40, 0x00, 0x00];

/// A block of eight bytes follows.
const BLOCK: &[u8] = &[0x77, 0x08];

/// The first array has this number in references: map class, map and array class go before.
const FIRST_ARRAY: i32 = 0x7E_0003;

/// Java's smallest table.
const BUCKETS_MIN: usize = 16;

/// Writes entries in the order given.
pub fn encode<'a, E>(entries: E) -> Vec<u8>
where
    E: IntoIterator<Item = (Option<&'a [u8]>, Option<&'a [u8]>)>,
    E::IntoIter: ExactSizeIterator,
{
    let entries = entries.into_iter();
    let size = entries.len();
    let buckets = buckets(size);
    let threshold = if size == 0 { 0 } else { buckets / 4 * 3 };
    let mut out = Vec::new();
    out.put_slice(STREAM);
    out.put_slice(&[OBJECT, CLASS]);
    out.put_u16(MAP_CLASS_NAME.len() as u16);
    out.put_slice(MAP_CLASS_NAME);
    out.put_slice(MAP_CLASS);
    out.put_slice(LOAD_FACTOR);
    out.put_u32(threshold as u32);
    out.put_slice(BLOCK);
    out.put_u32(buckets as u32);
    out.put_u32(size as u32);
    let mut class = ClassOf::First;
    for (key, value) in entries {
        put(&mut out, key, &mut class);
        put(&mut out, value, &mut class);
    }
    out.put_u8(END_OF_BLOCK);
    out
}

/// Reads a file. What is returned are slices of it, so that no file can ask for more memory than it has bytes, by
/// more than a constant factor.
pub fn decode(file: Bytes) -> Result<OffsetMap, OffsetFileError> {
    let mut reader = Reader { length: file.len(), rest: file, class: ClassOf::First, arrays: Vec::new() };
    reader.header()?;
    let size_at = reader.at();
    let size = reader.i32("the number of entries")?;
    if size < 0 {
        return Err(OffsetFileError::Impossible { at: size_at, found: size, what: "number of entries" });
    }
    let mut map = OffsetMap::new();
    for _ in 0..size {
        let key = reader.object("a key")?;
        let value = reader.object("a value")?;
        map.insert(key, value);
    }
    reader.expect(&[END_OF_BLOCK], "the end of the map")?;
    Ok(map)
}

/// Whether the class of arrays has been written or read.
#[derive(PartialEq)]
enum ClassOf {
    First,
    Again,
}

struct Reader {
    length: usize,
    rest: Bytes,
    class: ClassOf,
    /// By number, for references.
    arrays: Vec<Bytes>,
}

impl Reader {
    fn at(&self) -> usize {
        self.length - self.rest.len()
    }

    fn header(&mut self) -> Result<(), OffsetFileError> {
        self.expect(STREAM, "the mark of a Java object stream")?;
        self.expect(&[OBJECT], "an object")?;
        self.expect(&[CLASS], "a class")?;
        let length = self.take(2, "the name of a class")?.get_u16();
        let name = self.take(usize::from(length), "the name of a class")?;
        if name != MAP_CLASS_NAME {
            return Err(OffsetFileError::NotAMap { class: String::from_utf8_lossy(&name).into_owned() });
        }
        self.expect(MAP_CLASS, "the class of a map")?;
        // Load factor and threshold are hints for a table like Java's.
        self.take(8, "the fields of the map")?;
        self.expect(BLOCK, "a block of eight bytes")?;
        self.take(4, "the number of buckets")?;
        Ok(())
    }

    fn object(&mut self, what: &'static str) -> Result<Option<Bytes>, OffsetFileError> {
        let at = self.at();
        match self.take(1, what)?[0] {
            NULL => Ok(None),
            ARRAY => self.array().map(Some),
            REFERENCE => self.reference().map(Some),
            found => Err(OffsetFileError::Foreign { at, found, expected: what }),
        }
    }

    fn array(&mut self) -> Result<Bytes, OffsetFileError> {
        if self.class == ClassOf::First {
            self.expect(&[CLASS], "the class of an array")?;
            self.expect(BYTES_CLASS, "the class of an array of bytes")?;
            self.class = ClassOf::Again;
        } else {
            self.expect(&[REFERENCE], "the class of an array")?;
            self.expect(BYTES_CLASS_AGAIN, "the class of an array of bytes")?;
        }
        let at = self.at();
        let found = self.i32("the length of an array")?;
        let length = usize::try_from(found).ok();
        let impossible = OffsetFileError::Impossible { at, found, what: "length of an array" };
        let array = self.take(length.ok_or(impossible)?, "the end of an array")?;
        self.arrays.push(array.clone());
        Ok(array)
    }

    fn reference(&mut self) -> Result<Bytes, OffsetFileError> {
        let at = self.at();
        let found = self.i32("a reference")?;
        let index = found.checked_sub(FIRST_ARRAY).and_then(|index| usize::try_from(index).ok());
        let array = index.and_then(|index| self.arrays.get(index));
        array.cloned().ok_or(OffsetFileError::Impossible { at, found, what: "reference to an array" })
    }

    fn i32(&mut self, what: &'static str) -> Result<i32, OffsetFileError> {
        Ok(self.take(4, what)?.get_i32())
    }

    fn take(&mut self, length: usize, missing: &'static str) -> Result<Bytes, OffsetFileError> {
        if length > self.rest.len() {
            return Err(OffsetFileError::Truncated { length: self.length, missing });
        }
        Ok(self.rest.split_to(length))
    }

    /// Compares byte by byte: a file that differs before its end is foreign, however short it is.
    fn expect(&mut self, expected: &[u8], what: &'static str) -> Result<(), OffsetFileError> {
        for byte in expected {
            let at = self.at();
            let found = self.take(1, what)?[0];
            if found != *byte {
                return Err(OffsetFileError::Foreign { at, found, expected: what });
            }
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, object: Option<&[u8]>, class: &mut ClassOf) {
    let Some(array) = object else { return out.put_u8(NULL) };
    out.put_u8(ARRAY);
    if *class == ClassOf::First {
        out.put_u8(CLASS);
        out.put_slice(BYTES_CLASS);
        *class = ClassOf::Again;
    } else {
        out.put_u8(REFERENCE);
        out.put_slice(BYTES_CLASS_AGAIN);
    }
    out.put_u32(array.len() as u32);
    out.put_slice(array);
}

/// Returns the size of Java's table: a power of two of which at most three quarters are used.
fn buckets(size: usize) -> usize {
    let mut buckets = BUCKETS_MIN;
    while size > buckets / 4 * 3 {
        buckets *= 2;
    }
    buckets
}

#[cfg(test)]
mod tests;
