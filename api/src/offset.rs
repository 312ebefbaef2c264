//! Where records come from: source partitions and offsets, topics and their partitions.

use crate::Text;
use std::{collections::BTreeMap, hash, sync::Arc};

/// One value of a source partition or offset: every JSON primitive.
#[derive(Debug, Clone)]
pub enum Scalar {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer; the store gives back 64 bits whatever was written.
    Integer(i64),
    /// A number with a fraction or exponent.
    Float(f64),
    /// Text.
    String(Text),
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(one), Self::Boolean(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::String(one), Self::String(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Scalar {}

impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

/// Names and scalars in the order they were given, compared without it.
///
/// Most have one entry, which is kept in place: a record's offset then costs no allocation.
#[derive(Debug, Clone, Default)]
pub struct Scalars {
    first: Option<(Arc<str>, Scalar)>,
    rest: Vec<(Arc<str>, Scalar)>,
}

impl Scalars {
    /// Returns the value of a name.
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        self.iter().find(|(entry, _)| entry.as_ref() == name).map(|(_, scalar)| scalar)
    }

    /// Sets a value; one that is there keeps its place.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, scalar: impl Into<Scalar>) {
        let (name, scalar) = (name.into(), scalar.into());
        let mut entries = self.first.iter_mut().chain(&mut self.rest);
        if let Some(entry) = entries.find(|(entry, _)| *entry == name) {
            entry.1 = scalar;
        } else if self.first.is_none() {
            self.first = Some((name, scalar));
        } else {
            self.rest.push((name, scalar));
        }
    }

    /// Returns names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Scalar)> {
        self.first.iter().chain(&self.rest).map(|(name, scalar)| (name, scalar))
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.first.iter().len() + self.rest.len()
    }

    /// Tells whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Returns the entry of a map with one name.
    pub fn one(name: impl Into<Arc<str>>, scalar: impl Into<Scalar>) -> Self {
        Self { first: Some((name.into(), scalar.into())), rest: Vec::new() }
    }
}

impl PartialEq for Scalars {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, scalar)| other.get(name) == Some(scalar))
    }
}

impl Eq for Scalars {}

impl hash::Hash for Scalars {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        // Order does not count in equality, so names are hashed one by one and summed up.
        let hash = |name: &str| {
            let mut hasher = hash::DefaultHasher::new();
            hash::Hash::hash(name, &mut hasher);
            hash::Hasher::finish(&hasher)
        };
        state.write_u64(self.iter().map(|(name, _)| hash(name)).fold(0, u64::wrapping_add));
    }
}

/// What a source reads from, such as a file or a table: the unit of order, and the key of its offset.
///
/// One that was read from the store keeps its original key bytes, because a store finds offsets by bytes.
#[derive(Debug, Clone, Default)]
pub struct SourcePartition {
    /// What identifies the partition.
    pub entries: Scalars,
    stored_key: Option<Arc<[u8]>>,
}

impl SourcePartition {
    /// Returns a partition of these entries.
    pub fn new(entries: Scalars) -> Self {
        Self { entries, stored_key: None }
    }

    /// Returns a partition as it was read from the store under these key bytes.
    pub fn stored(entries: Scalars, key: impl Into<Arc<[u8]>>) -> Self {
        Self { entries, stored_key: Some(key.into()) }
    }

    /// Returns the key bytes under which the store holds it, when it came from there.
    pub fn stored_key(&self) -> Option<&[u8]> {
        self.stored_key.as_deref()
    }
}

impl PartialEq for SourcePartition {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for SourcePartition {}

impl hash::Hash for SourcePartition {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.entries.hash(state);
    }
}

/// How far a source has read in one partition: enough to resume right after a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceOffset {
    /// What identifies the place.
    pub entries: Scalars,
}

impl SourceOffset {
    /// Returns an offset of these entries.
    pub fn new(entries: Scalars) -> Self {
        Self { entries }
    }
}

/// A partition of a Kafka topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Returns a partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A place in a topic partition: the offset of the next record to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicOffset {
    /// The offset of the next record.
    pub offset: i64,
    /// Text that is stored with the offset.
    pub metadata: Option<Arc<str>>,
    /// The leader epoch of the last record read.
    pub leader_epoch: Option<i32>,
}

impl TopicOffset {
    /// Returns a bare offset.
    pub fn at(offset: i64) -> Self {
        Self { offset, ..Self::default() }
    }
}

/// Places in topic partitions.
pub type TopicOffsets = BTreeMap<TopicPartition, TopicOffset>;
