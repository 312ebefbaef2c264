//! Checks that every length inside a request lies within its frame, before the request is decoded.
//!
//! The decoder reserves memory for as many elements as an array claims to have. Two billion claimed elements in a frame
//! of forty bytes would end the whole process, not the connection: an allocation failure aborts. So each served
//! request has its shape here: fields in order, with the versions that have them.

use kafka_protocol::messages::ApiKey;

/// Elements that the arrays of one request may have together. A produce or fetch request has one per partition, a
/// metadata request one per topic.
pub const ELEMENTS_MAX: usize = 500_000;

/// Why a request does not have its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeFault {
    #[error("a field ends outside the frame")]
    Outside,
    #[error("a length is negative or too long to be one")]
    Length,
    #[error("arrays have more than {ELEMENTS_MAX} elements")]
    Elements,
}

/// A field, in versions `from..=to`.
struct Field {
    from: i16,
    to: i16,
    form: Form,
}

enum Form {
    /// A value of so many bytes.
    Fixed(usize),
    Text,
    Bytes,
    /// An array of values that are no structures.
    List(&'static Form),
    /// An array of structures.
    Array(&'static [Field]),
}

use Form::{Array, Bytes, Fixed, List, Text};

const fn all(form: Form) -> Field {
    Field { from: 0, to: i16::MAX, form }
}

const fn since(from: i16, form: Form) -> Field {
    Field { from, to: i16::MAX, form }
}

const fn until(to: i16, form: Form) -> Field {
    Field { from: 0, to, form }
}

const BOOL: Form = Fixed(1);
const I8: Form = Fixed(1);
const I16: Form = Fixed(2);
const I32: Form = Fixed(4);
const I64: Form = Fixed(8);
const UUID: Form = Fixed(16);

/// Of each served request, the first version with varint lengths, and the fields.
const SHAPES: &[(ApiKey, i16, &[Field])] = &[
    (ApiKey::Produce, 9, &[all(Text), all(I16), all(I32), all(Array(PRODUCE_TOPIC))]),
    (ApiKey::Fetch, 12, FETCH),
    (ApiKey::ListOffsets, 6, &[all(I32), since(2, I8), all(Array(LIST_OFFSETS_TOPIC))]),
    (ApiKey::Metadata, 9, METADATA),
    (ApiKey::OffsetCommit, 8, OFFSET_COMMIT),
    (ApiKey::OffsetFetch, 6, OFFSET_FETCH),
    (ApiKey::FindCoordinator, 3, &[until(3, Text), since(1, I8), since(4, List(&Text))]),
    (ApiKey::JoinGroup, 6, JOIN_GROUP),
    (ApiKey::Heartbeat, 4, &[all(Text), all(I32), all(Text), since(3, Text)]),
    (ApiKey::LeaveGroup, 4, &[all(Text), until(2, Text), since(3, Array(LEAVING))]),
    (ApiKey::SyncGroup, 4, SYNC_GROUP),
    (ApiKey::DescribeGroups, 5, &[all(List(&Text)), since(3, BOOL)]),
    (ApiKey::ListGroups, 3, &[since(4, List(&Text)), since(5, List(&Text))]),
    (ApiKey::ApiVersions, 3, &[since(3, Text), since(3, Text)]),
    (ApiKey::CreateTopics, 5, &[all(Array(CREATE_TOPIC)), all(I32), all(BOOL)]),
    (ApiKey::DeleteTopics, 4, &[since(6, Array(DELETE_TOPIC)), until(5, List(&Text)), all(I32)]),
    (ApiKey::InitProducerId, 2, &[all(Text), all(I32), since(3, I64), since(3, I16)]),
    (ApiKey::DescribeConfigs, 4, &[all(Array(DESCRIBE_CONFIGS)), all(BOOL), since(3, BOOL)]),
    (ApiKey::CreatePartitions, 2, &[all(Array(CREATE_PARTITIONS)), all(I32), all(BOOL)]),
    (ApiKey::DeleteGroups, 2, &[all(List(&Text))]),
    (ApiKey::OffsetDelete, i16::MAX, &[all(Text), all(Array(OFFSET_DELETE_TOPIC))]),
    (ApiKey::DescribeCluster, 0, &[all(BOOL), since(1, I8)]),
];

const PRODUCE_TOPIC: &[Field] = &[all(Text), all(Array(&[all(I32), all(Bytes)]))];
const FETCH: &[Field] = &[
    all(I32),
    all(I32),
    all(I32),
    all(I32),
    all(I8),
    since(7, I32),
    since(7, I32),
    all(Array(&[all(Text), all(Array(FETCH_PARTITION))])),
    since(7, Array(&[all(Text), all(List(&I32))])),
    since(11, Text),
];
const FETCH_PARTITION: &[Field] =
    &[all(I32), since(9, I32), all(I64), since(12, I32), since(5, I64), all(I32)];
const LIST_OFFSETS_TOPIC: &[Field] = &[all(Text), all(Array(&[all(I32), since(4, I32), all(I64)]))];
const METADATA: &[Field] = &[
    all(Array(&[since(10, UUID), all(Text)])),
    since(4, BOOL),
    Field { from: 8, to: 10, form: BOOL },
    since(8, BOOL),
];
const OFFSET_COMMIT: &[Field] = &[
    all(Text),
    all(I32),
    all(Text),
    since(7, Text),
    until(4, I64),
    all(Array(&[all(Text), all(Array(&[all(I32), all(I64), since(6, I32), all(Text)]))])),
];
const OFFSET_FETCH: &[Field] = &[
    until(7, Text),
    until(7, Array(&[all(Text), all(List(&I32))])),
    since(8, Array(&[all(Text), all(Array(&[all(Text), all(List(&I32))]))])),
    since(7, BOOL),
];
const JOIN_GROUP: &[Field] = &[
    all(Text),
    all(I32),
    since(1, I32),
    all(Text),
    since(5, Text),
    all(Text),
    all(Array(&[all(Text), all(Bytes)])),
    since(8, Text),
];
const LEAVING: &[Field] = &[all(Text), all(Text), since(5, Text)];
const SYNC_GROUP: &[Field] = &[
    all(Text),
    all(I32),
    all(Text),
    since(3, Text),
    since(5, Text),
    since(5, Text),
    all(Array(&[all(Text), all(Bytes)])),
];
const CREATE_TOPIC: &[Field] = &[
    all(Text),
    all(I32),
    all(I16),
    all(Array(&[all(I32), all(List(&I32))])),
    all(Array(&[all(Text), all(Text)])),
];
const DELETE_TOPIC: &[Field] = &[all(Text), all(UUID)];
const DESCRIBE_CONFIGS: &[Field] = &[all(I8), all(Text), all(List(&Text))];
const CREATE_PARTITIONS: &[Field] = &[all(Text), all(I32), all(Array(&[all(List(&I32))]))];
const OFFSET_DELETE_TOPIC: &[Field] = &[all(Text), all(Array(&[all(I32)]))];

/// Checks a whole frame of a served request and returns how many bytes the request takes.
pub fn check(api: ApiKey, version: i16, frame: &[u8]) -> Result<usize, ShapeFault> {
    // A request without a shape here is not in the table of served versions; a test holds that.
    let (_, flexible_from, fields) = SHAPES.iter().find(|(of, ..)| *of == api).ok_or(ShapeFault::Outside)?;
    let mut walk = Walk { rest: frame, version, flexible: version >= *flexible_from, elements: 0 };
    walk.header(api)?;
    walk.fields(fields)?;
    Ok(frame.len() - walk.rest.len())
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    /// Passes api key, version, correlation id, and the client id, whose length is never a varint.
    fn header(&mut self, api: ApiKey) -> Result<(), ShapeFault> {
        self.skip(2 + 2 + 4)?;
        if let Some(length) = length(self.fixed::<2>().map(i16::from_be_bytes)?.into())? {
            self.skip(length)?;
        }
        if api.request_header_version(self.version) >= 2 { self.tags() } else { Ok(()) }
    }

    fn fields(&mut self, fields: &[Field]) -> Result<(), ShapeFault> {
        for field in fields {
            if (field.from..=field.to).contains(&self.version) {
                self.form(&field.form)?;
            }
        }
        if self.flexible { self.tags() } else { Ok(()) }
    }

    fn form(&mut self, form: &Form) -> Result<(), ShapeFault> {
        match form {
            Fixed(bytes) => self.skip(*bytes),
            Text => match self.text_length()? {
                Some(length) => self.skip(length),
                None => Ok(()),
            },
            Bytes => match self.long_length()? {
                Some(length) => self.skip(length),
                None => Ok(()),
            },
            List(element) => self.elements(|walk| walk.form(element)),
            Array(fields) => self.elements(|walk| walk.fields(fields)),
        }
    }

    fn elements(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), ShapeFault>,
    ) -> Result<(), ShapeFault> {
        let count = self.long_length()?.unwrap_or(0);
        // Every element takes a byte at least.
        if count > self.rest.len() {
            return Err(ShapeFault::Outside);
        }
        self.elements += count;
        if self.elements > ELEMENTS_MAX {
            return Err(ShapeFault::Elements);
        }
        (0..count).try_for_each(|_| element(self))
    }

    fn tags(&mut self) -> Result<(), ShapeFault> {
        let count = self.varint()?;
        for _ in 0..count {
            self.varint()?;
            let bytes = self.varint()?;
            self.skip(bytes as usize)?;
        }
        Ok(())
    }

    fn text_length(&mut self) -> Result<Option<usize>, ShapeFault> {
        if self.flexible {
            self.compact_length()
        } else {
            length(self.fixed::<2>().map(i16::from_be_bytes)?.into())
        }
    }

    fn long_length(&mut self) -> Result<Option<usize>, ShapeFault> {
        if self.flexible { self.compact_length() } else { length(self.fixed::<4>().map(i32::from_be_bytes)?) }
    }

    fn compact_length(&mut self) -> Result<Option<usize>, ShapeFault> {
        Ok((self.varint()? as usize).checked_sub(1))
    }

    fn varint(&mut self) -> Result<u32, ShapeFault> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| ShapeFault::Length);
            }
        }
        Err(ShapeFault::Length)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ShapeFault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(ShapeFault::Outside)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ShapeFault> {
        self.rest = self.rest.get(bytes..).ok_or(ShapeFault::Outside)?;
        Ok(())
    }
}

/// Turns a length as it is written (-1 is "null") into an option.
fn length(written: i32) -> Result<Option<usize>, ShapeFault> {
    match written {
        -1 => Ok(None),
        written => usize::try_from(written).map(Some).map_err(|_| ShapeFault::Length),
    }
}
