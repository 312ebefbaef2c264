//! Committed offsets of all groups, and the journal that keeps them over restarts.

use crate::BrokerError;
use crate::journal::Journal;
use bytes::{Buf, BufMut};
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The longest metadata text that may be committed with an offset, as in Kafka.
const METADATA_BYTES_MAX: usize = 4_096;
/// Committed offsets of all groups together; at some 150 bytes each this is 150 MB.
const OFFSETS_MAX: usize = 1_000_000;
/// A journal below this size is not worth rewriting.
const JOURNAL_BYTES_MIN: u64 = 1024 * 1024;
/// A journal is rewritten when it has grown by this factor since the last time.
const JOURNAL_GROWTH: u64 = 4;

/// One offset as a group committed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub offset: i64,
    pub leader_epoch: i32,
    pub metadata: String,
}

/// A topic's partition.
pub type TopicPartition = (String, i32);

/// What one group committed.
#[derive(Debug, Default)]
pub struct GroupOffsets {
    /// Empty when the group never had members.
    pub protocol_type: String,
    pub committed: BTreeMap<TopicPartition, Committed>,
}

/// The committed offsets of all groups.
#[derive(Debug)]
pub struct Offsets {
    groups: BTreeMap<String, GroupOffsets>,
    count: usize,
    journal: Journal,
    /// Size of the journal when it was last rewritten.
    compact_size: u64,
}

/// One line of the journal.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Commit { group: String, protocol_type: String, partition: TopicPartition, committed: Committed },
    Forget { group: String, partition: TopicPartition },
    ForgetGroup { group: String },
}

impl Offsets {
    /// Reads the journal, and rewrites it without what later entries replaced.
    pub fn open(folder: &Path) -> Result<Self, BrokerError> {
        let path = folder.join("offsets.journal");
        let mut groups = BTreeMap::new();
        for bytes in Journal::read(&path)? {
            let entry = Entry::decode(&bytes).ok_or_else(|| BrokerError::Unreadable {
                path: path.clone(),
                problem: "an entry has another form".to_owned(),
            })?;
            apply(&mut groups, entry);
        }
        let journal = Journal::rewrite(&path, live_entries(&groups)).map_err(BrokerError::folder(&path))?;
        let count = groups.values().map(|group| group.committed.len()).sum();
        Ok(Self { groups, count, compact_size: journal.size(), journal })
    }

    pub fn group(&self, group: &str) -> Option<&GroupOffsets> {
        self.groups.get(group)
    }

    /// Returns every group that committed something.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &GroupOffsets)> {
        self.groups.iter().map(|(name, group)| (name.as_str(), group))
    }

    /// Returns why an offset may not be committed, if there is a reason.
    pub fn refusal(&self, committed: &Committed) -> Option<ResponseError> {
        if committed.metadata.len() > METADATA_BYTES_MAX {
            return Some(ResponseError::OffsetMetadataTooLarge);
        }
        (self.count >= OFFSETS_MAX).then_some(ResponseError::PolicyViolation)
    }

    /// Keeps a group's offsets; they are with the operating system when this returns.
    pub fn commit(
        &mut self,
        group: &str,
        protocol_type: &str,
        offsets: Vec<(TopicPartition, Committed)>,
    ) -> io::Result<Arc<File>> {
        self.write(offsets.into_iter().map(|(partition, committed)| Entry::Commit {
            group: group.to_owned(),
            protocol_type: protocol_type.to_owned(),
            partition,
            committed,
        }))
    }

    /// Forgets a group's offsets of some partitions.
    pub fn forget(&mut self, group: &str, partitions: Vec<TopicPartition>) -> io::Result<()> {
        let forget = |partition| Entry::Forget { group: group.to_owned(), partition };
        self.write(partitions.into_iter().map(forget)).map(drop)
    }

    pub fn forget_group(&mut self, group: &str) -> io::Result<()> {
        self.write([Entry::ForgetGroup { group: group.to_owned() }]).map(drop)
    }

    /// Forgets what all groups committed for a topic that is gone.
    pub fn forget_topic(&mut self, topic: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        for (group, offsets) in &self.groups {
            for partition in offsets.committed.keys().filter(|partition| partition.0 == topic) {
                entries.push(Entry::Forget { group: group.clone(), partition: partition.clone() });
            }
        }
        self.write(entries).map(drop)
    }

    pub fn flush(&self) -> io::Result<()> {
        self.journal.flush()
    }

    fn write(&mut self, entries: impl IntoIterator<Item = Entry>) -> io::Result<Arc<File>> {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
        let file = self.journal.append(&bytes)?;
        for entry in entries {
            apply(&mut self.groups, entry);
        }
        self.count = self.groups.values().map(|group| group.committed.len()).sum();
        if self.journal.size() > JOURNAL_BYTES_MIN.max(self.compact_size * JOURNAL_GROWTH) {
            let path = self.journal.path().to_owned();
            self.journal = Journal::rewrite(&path, live_entries(&self.groups))?;
            self.compact_size = self.journal.size();
        }
        Ok(file)
    }
}

fn apply(groups: &mut BTreeMap<String, GroupOffsets>, entry: Entry) {
    match entry {
        Entry::Commit { group, protocol_type, partition, committed } => {
            let offsets = groups.entry(group).or_default();
            offsets.protocol_type = protocol_type;
            offsets.committed.insert(partition, committed);
        }
        Entry::Forget { group, partition } => {
            if let Some(offsets) = groups.get_mut(&group) {
                offsets.committed.remove(&partition);
                if offsets.committed.is_empty() {
                    groups.remove(&group);
                }
            }
        }
        Entry::ForgetGroup { group } => {
            groups.remove(&group);
        }
    }
}

/// Returns the fewest entries that say the same.
fn live_entries(groups: &BTreeMap<String, GroupOffsets>) -> impl Iterator<Item = Vec<u8>> {
    groups.iter().flat_map(|(group, offsets)| {
        offsets.committed.iter().map(|(partition, committed)| {
            Entry::Commit {
                group: group.clone(),
                protocol_type: offsets.protocol_type.clone(),
                partition: partition.clone(),
                committed: committed.clone(),
            }
            .encode()
        })
    })
}

// === impl Entry ===

impl Entry {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Commit { group, protocol_type, partition, committed } => {
                out.put_u8(1);
                put_text(&mut out, group);
                put_text(&mut out, protocol_type);
                put_partition(&mut out, partition);
                out.put_i64(committed.offset);
                out.put_i32(committed.leader_epoch);
                put_text(&mut out, &committed.metadata);
            }
            Self::Forget { group, partition } => {
                out.put_u8(2);
                put_text(&mut out, group);
                put_partition(&mut out, partition);
            }
            Self::ForgetGroup { group } => {
                out.put_u8(3);
                put_text(&mut out, group);
            }
        }
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let entry = match from.try_get_u8().ok()? {
            1 => Self::Commit {
                group: text(from)?,
                protocol_type: text(from)?,
                partition: partition(from)?,
                committed: Committed {
                    offset: from.try_get_i64().ok()?,
                    leader_epoch: from.try_get_i32().ok()?,
                    metadata: text(from)?,
                },
            },
            2 => Self::Forget { group: text(from)?, partition: partition(from)? },
            3 => Self::ForgetGroup { group: text(from)? },
            _ => return None,
        };
        from.is_empty().then_some(entry)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u32(text.len() as u32);
    out.put_slice(text.as_bytes());
}

fn text(from: &mut &[u8]) -> Option<String> {
    let length = from.try_get_u32().ok()? as usize;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    String::from_utf8(bytes.to_vec()).ok()
}

fn put_partition(out: &mut Vec<u8>, (topic, partition): &TopicPartition) {
    put_text(out, topic);
    out.put_i32(*partition);
}

fn partition(from: &mut &[u8]) -> Option<TopicPartition> {
    Some((text(from)?, from.try_get_i32().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(offset: i64) -> Committed {
        Committed { offset, leader_epoch: 0, metadata: "m".to_owned() }
    }

    fn partition(index: i32) -> TopicPartition {
        ("orders".to_owned(), index)
    }

    #[test]
    fn offsets_survive_and_the_journal_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let mut offsets = Offsets::open(folder.path()).unwrap();
        for offset in 0..1_000 {
            offsets.commit("g", "consumer", vec![(partition(0), at(offset)), (partition(1), at(7))]).unwrap();
        }
        offsets.commit("gone", "", vec![(partition(0), at(1))]).unwrap();
        offsets.forget_group("gone").unwrap();
        offsets.forget("g", vec![partition(1)]).unwrap();
        let grown = offsets.journal.size();
        let offsets = Offsets::open(folder.path()).unwrap();
        let group = offsets.group("g").unwrap();
        assert_eq!(group.protocol_type, "consumer");
        assert_eq!(group.committed, BTreeMap::from([(partition(0), at(999))]));
        assert!(offsets.group("gone").is_none());
        assert!(offsets.journal.size() < 100 && grown > 10_000);
    }

    #[test]
    fn a_running_broker_rewrites_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        let mut offsets = Offsets::open(folder.path()).unwrap();
        let many = |offset| (0..200).map(|index| (partition(index), at(offset))).collect::<Vec<_>>();
        for offset in 0..500 {
            offsets.commit("g", "consumer", many(offset)).unwrap();
            assert!(offsets.journal.size() < JOURNAL_BYTES_MIN + 20_000);
        }
        assert_eq!(
            Offsets::open(folder.path()).unwrap().group("g").unwrap().committed[&partition(3)],
            at(499)
        );
    }

    #[test]
    fn a_deleted_topic_takes_its_offsets_along() {
        let folder = tempfile::tempdir().unwrap();
        let mut offsets = Offsets::open(folder.path()).unwrap();
        offsets.commit("g", "", vec![(partition(0), at(1)), (("other".to_owned(), 0), at(2))]).unwrap();
        offsets.forget_topic("orders").unwrap();
        assert_eq!(offsets.group("g").unwrap().committed.len(), 1);
    }
}
