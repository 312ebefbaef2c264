//! How far a sink task is in each of its partitions: a pure account of read, taken and committed.

use millrace_api::{Batch, TopicOffset, TopicOffsets, TopicPartition};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The places of one task in its partitions; each is the offset of the next record.
#[derive(Debug, Default)]
pub struct Progress {
    /// After the last record read, dropped ones included.
    read: TopicOffsets,
    /// After the last record that the sink has taken with all before it.
    taken: TopicOffsets,
    committed: TopicOffsets,
}

impl Progress {
    /// Begins with new partitions at their positions.
    pub fn assigned(&mut self, positions: BTreeMap<TopicPartition, i64>) {
        for (partition, offset) in positions {
            self.rewind(partition, TopicOffset::at(offset));
        }
    }

    /// Begins again at a place.
    pub fn rewind(&mut self, partition: TopicPartition, place: TopicOffset) {
        self.read.insert(partition.clone(), place.clone());
        self.taken.insert(partition.clone(), place.clone());
        self.committed.insert(partition, place);
    }

    /// Notes a record that was read.
    pub fn read(&mut self, topic: &Arc<str>, partition: i32, offset: i64, leader_epoch: Option<i32>) {
        let partition = TopicPartition { topic: topic.clone(), partition };
        let place = TopicOffset { offset: offset + 1, metadata: None, leader_epoch };
        self.read.insert(partition, place);
    }

    /// Notes what a put has left: everything read before the first record left in a partition is taken.
    pub fn delivered(&mut self, left: &Batch) {
        if left.is_empty() {
            self.taken.clone_from(&self.read);
            return;
        }
        let mut first: BTreeMap<(&str, i32), i64> = BTreeMap::new();
        for record in left.iter() {
            let offset = first.entry((&record.topic, record.partition)).or_insert(record.offset);
            *offset = record.offset.min(*offset);
        }
        for (partition, read) in &self.read {
            let place = match first.get(&(partition.topic.as_ref(), partition.partition)) {
                Some(offset) => TopicOffset::at(*offset),
                None => read.clone(),
            };
            self.taken.insert(partition.clone(), place);
        }
    }

    /// Returns the places after what was taken, for `pre_commit`.
    pub fn current(&self, partitions: &[TopicPartition]) -> TopicOffsets {
        within(&self.taken, partitions)
    }

    /// Returns the places that were committed last.
    pub fn committed(&self, partitions: &[TopicPartition]) -> TopicOffsets {
        within(&self.committed, partitions)
    }

    /// Chooses from what the sink calls safe what is to be committed, and says why the rest is not.
    pub fn to_commit(
        &self,
        partitions: &[TopicPartition],
        safe: TopicOffsets,
    ) -> (TopicOffsets, Vec<String>) {
        let requested: BTreeSet<_> = partitions.iter().collect();
        let (mut offsets, mut ignored) = (TopicOffsets::new(), Vec::new());
        for (partition, place) in safe {
            let Some(current) = self.taken.get(&partition) else {
                let assignment: Vec<_> = self.taken.keys().map(TopicPartition::to_string).collect();
                let assignment = assignment.join(", ");
                let reason = format!(
                    "{partition}/{} -- partition not assigned, assignment=[{assignment}]",
                    place.offset
                );
                ignored.push(reason);
                continue;
            };
            if place.offset > current.offset {
                ignored.push(format!(
                    "{partition}/{0} -- not yet consumed, taskOffset={0} currentOffset={1}",
                    place.offset, current.offset
                ));
            } else if requested.contains(&partition) && self.committed.get(&partition) != Some(&place) {
                offsets.insert(partition, place);
            }
        }
        (offsets, ignored)
    }

    /// Notes what was committed.
    pub fn note_committed(&mut self, offsets: TopicOffsets) {
        self.committed.extend(offsets);
    }

    /// Forgets partitions that are gone.
    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.read.remove(partition);
            self.taken.remove(partition);
            self.committed.remove(partition);
        }
    }
}

fn within(places: &TopicOffsets, partitions: &[TopicPartition]) -> TopicOffsets {
    let found =
        partitions.iter().filter_map(|partition| Some((partition.clone(), places.get(partition)?.clone())));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::{Datum, Record, SinkRecord};

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("t", number)
    }

    fn record(number: i32, offset: i64) -> SinkRecord {
        let record = Record::new("t", Datum::default());
        SinkRecord { record, topic: "t".into(), partition: number, offset }
    }

    fn reading(offsets: &[(i32, i64)]) -> Progress {
        let mut progress = Progress::default();
        progress.assigned([(partition(0), 0), (partition(1), 0)].into());
        for (number, offset) in offsets {
            progress.read(&"t".into(), *number, *offset, None);
        }
        progress
    }

    fn current(progress: &Progress) -> Vec<i64> {
        let places = progress.current(&[partition(0), partition(1)]);
        places.values().map(|place| place.offset).collect()
    }

    #[test]
    fn what_is_left_holds_back_its_own_partition_only() {
        let mut progress = reading(&[(0, 0), (1, 0), (0, 1), (1, 1)]);
        assert_eq!(current(&progress), [0, 0], "nothing is taken before a put");
        progress.delivered(&Batch::new([record(0, 1)]));
        assert_eq!(current(&progress), [1, 2]);
        progress.delivered(&Batch::default());
        assert_eq!(current(&progress), [2, 2]);
    }

    #[test]
    fn a_record_left_among_taken_ones_is_not_passed() {
        let mut progress = reading(&[(0, 0), (0, 1), (0, 2)]);
        progress.delivered(&Batch::new([record(0, 0), record(0, 2)]));
        assert_eq!(current(&progress), [0, 0]);
    }

    #[test]
    fn offsets_that_the_sink_made_up_are_not_committed() {
        let mut progress = reading(&[(0, 0), (0, 1)]);
        progress.delivered(&Batch::default());
        let safe = [(partition(0), TopicOffset::at(3)), (partition(7), TopicOffset::at(1))].into();
        let (offsets, ignored) = progress.to_commit(&[partition(0)], safe);
        assert!(offsets.is_empty());
        assert_eq!(
            ignored,
            [
                "t-0/3 -- not yet consumed, taskOffset=3 currentOffset=2",
                "t-7/1 -- partition not assigned, assignment=[t-0, t-1]"
            ]
        );
        let safe: TopicOffsets = [(partition(0), TopicOffset::at(1))].into();
        let (offsets, _) = progress.to_commit(&[partition(0)], safe.clone());
        assert_eq!(offsets, safe);
        progress.note_committed(offsets);
        assert!(progress.to_commit(&[partition(0)], safe).0.is_empty(), "the same is not committed twice");
    }
}
