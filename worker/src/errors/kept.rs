//! Consumed messages that a sink may still report as bad: a pure account.

use millrace_api::{Blob, TopicOffsets, TopicPartition};
use millrace_kafka::Incoming;
use std::collections::{BTreeMap, VecDeque};

/// How many bytes of messages are kept for each task until their offsets are committed.
///
/// Twice what a task reads ahead, and more than a sink that writes each batch at once ever needs.
pub const BYTES_MAX: usize = 16 << 20;

/// What a kept message costs beside its data.
const OVERHEAD: usize = size_of::<Incoming>();

/// The messages of one task as they were read, until they are committed or the budget is used up; the oldest go first.
#[derive(Debug, Default)]
pub struct Kept {
    partitions: BTreeMap<TopicPartition, VecDeque<Incoming>>,
    bytes: usize,
}

impl Kept {
    /// Keeps messages, in order within each partition.
    pub fn keep(&mut self, messages: impl Iterator<Item = Incoming>) {
        for message in messages {
            self.bytes += weight(&message);
            let partition = TopicPartition { topic: message.topic.clone(), partition: message.partition };
            self.partitions.entry(partition).or_default().push_back(message);
        }
        while self.bytes > BYTES_MAX && self.drop_oldest() {}
    }

    /// Returns a message that is still there.
    pub fn find(&self, partition: &TopicPartition, offset: i64) -> Option<&Incoming> {
        let messages = self.partitions.get(partition)?;
        let at = messages.binary_search_by_key(&offset, |message| message.offset).ok()?;
        messages.get(at)
    }

    /// Lets go of what is committed.
    pub fn release(&mut self, committed: &TopicOffsets) {
        for (partition, place) in committed {
            let Some(messages) = self.partitions.get_mut(partition) else { continue };
            while let Some(message) = messages.pop_front_if(|message| message.offset < place.offset) {
                self.bytes -= weight(&message);
            }
        }
    }

    /// Lets go of partitions that are gone or are read again.
    pub fn forget<'a>(&mut self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        for partition in partitions {
            let messages = self.partitions.remove(partition).unwrap_or_default();
            self.bytes -= messages.iter().map(weight).sum::<usize>();
        }
    }

    /// Tells whether a commit would help: half of the budget is used.
    pub fn wants_commit(&self) -> bool {
        self.bytes > BYTES_MAX / 2
    }

    /// Drops the front of the partition that holds most messages.
    fn drop_oldest(&mut self) -> bool {
        let longest = self.partitions.values_mut().max_by_key(|messages| messages.len());
        let Some(message) = longest.and_then(VecDeque::pop_front) else { return false };
        self.bytes -= weight(&message);
        true
    }
}

fn weight(message: &Incoming) -> usize {
    let length = |bytes: &Option<Blob>| bytes.as_ref().map_or(0, |bytes| bytes.len());
    let headers = message.headers.iter().map(|(name, value)| name.len() + length(value));
    OVERHEAD + length(&message.key) + length(&message.value) + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::{TimestampType, TopicOffset};

    fn message(partition: i32, offset: i64, size: usize) -> Incoming {
        Incoming {
            topic: "t".into(),
            partition,
            offset,
            leader_epoch: None,
            timestamp: None,
            timestamp_type: TimestampType::None,
            key: None,
            value: Some(vec![0; size].into()),
            headers: Vec::new(),
        }
    }

    fn is_there(kept: &Kept, partition: i32, offset: i64) -> bool {
        kept.find(&TopicPartition::new("t", partition), offset).is_some()
    }

    #[test]
    fn messages_are_kept_until_they_are_committed() {
        let mut kept = Kept::default();
        // Offsets have gaps where transactions or compaction made them.
        kept.keep([message(0, 3, 1), message(1, 3, 1), message(0, 7, 1)].into_iter());
        assert!(
            is_there(&kept, 0, 3) && is_there(&kept, 1, 3) && is_there(&kept, 0, 7) && !is_there(&kept, 0, 5)
        );
        kept.release(&[(TopicPartition::new("t", 0), TopicOffset::at(7))].into());
        assert!(!is_there(&kept, 0, 3) && is_there(&kept, 1, 3) && is_there(&kept, 0, 7));
        kept.forget(&[TopicPartition::new("t", 0), TopicPartition::new("t", 1)]);
        assert_eq!(kept.bytes, 0);
    }

    #[test]
    fn the_budget_is_held_and_the_newest_stay() {
        let mut kept = Kept::default();
        kept.keep((0..40).map(|offset| message(0, offset, 1 << 20)));
        assert!(kept.bytes <= BYTES_MAX && kept.wants_commit());
        assert!(!is_there(&kept, 0, 20) && is_there(&kept, 0, 39));
    }
}
