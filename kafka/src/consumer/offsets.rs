//! Positions and committed offsets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use millrace_api::{TopicOffset, TopicOffsets, TopicPartition};
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer as _, types::RDKafkaErrorCode as Code};
use tokio::{sync::Notify, time::Instant};

use super::{Consumer, OffsetReset};
use crate::{
    KafkaError,
    raw::{self, CommitReply},
};

impl Consumer {
    /// Goes on reading a partition at an offset. What was read ahead is dropped.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), KafkaError> {
        if !self.assigned.contains(partition) {
            return Err(KafkaError::refused("seeking", Code::UnknownPartition));
        }
        // Without a time-out the call does not wait; old messages are barred from the moment it returns.
        let sought = self.parts().client.seek(
            &partition.topic,
            partition.partition,
            Offset::Offset(offset),
            Duration::ZERO,
        );
        sought.map_err(|error| KafkaError::of("seeking", &error))?;
        self.positions.insert(partition.clone(), offset);
        Ok(())
    }

    /// Returns the offset of the next message of each partition: after the last one returned, else the committed
    /// one, else where `auto.offset.reset` says. With `none` such a partition is missing in the answer.
    pub async fn position(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<BTreeMap<TopicPartition, i64>, KafkaError> {
        let deadline = Instant::now() + timeout;
        let unknown: Vec<_> =
            partitions.iter().filter(|partition| !self.positions.contains_key(*partition)).cloned().collect();
        let mut found = BTreeMap::new();
        for partition in partitions {
            if let Some(offset) = self.positions.get(partition) {
                found.insert(partition.clone(), *offset);
            }
        }
        for (partition, committed) in self.committed(&unknown, timeout).await? {
            found.insert(partition, committed.offset);
        }
        let reset = self.reset;
        for partition in unknown {
            if reset == OffsetReset::Error || found.contains_key(&partition) {
                continue;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            let TopicPartition { topic, partition: number } = partition.clone();
            let asked = self.blocking("asking for the ends of a partition", move |client| {
                client.fetch_watermarks(&topic, number, rest)
            });
            let (low, high) = asked.await?;
            found.insert(partition, if reset == OffsetReset::Earliest { low } else { high });
        }
        Ok(found)
    }

    /// Returns committed offsets; a partition without one is missing in the answer.
    pub async fn committed(
        &mut self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<TopicOffsets, KafkaError> {
        let list = self.native_committed(partitions, timeout).await?;
        let mut found = BTreeMap::new();
        for (index, (element, partition)) in list.elements().iter().zip(partitions).enumerate() {
            let Offset::Offset(offset) = element.offset() else { continue };
            let metadata = Some(element.metadata()).filter(|text| !text.is_empty()).map(Arc::from);
            let leader_epoch = Self::epoch(&list, index);
            found.insert(partition.clone(), TopicOffset { offset, metadata, leader_epoch });
        }
        Ok(found)
    }

    /// Commits offsets and waits for the group's answer; events are served meanwhile, and announced by `next`.
    ///
    /// When the future is dropped or the time is over, the commit may still happen.
    pub async fn commit(&mut self, offsets: &TopicOffsets, timeout: Duration) -> Result<(), KafkaError> {
        const CALL: &str = "committing offsets";
        if offsets.is_empty() {
            return Ok(());
        }
        let list = native(offsets).map_err(|error| KafkaError::of(CALL, &error))?;
        let answered = Arc::new(Notify::new());
        let reply = CommitReply::to(&self.parts().client, &list, answered.clone())
            .map_err(|code| KafkaError::refused(CALL, code))?;
        let deadline = Instant::now() + timeout;
        let mut events = false;
        loop {
            if let Some(answer) = reply.poll() {
                if events {
                    // Its wake-up was taken here, and messages may have come with it.
                    self.wake.notify_one();
                }
                return answer.map_err(|code| KafkaError::refused(CALL, code));
            }
            self.serve_events();
            tokio::select! {
                () = answered.notified() => {}
                () = self.wake.notified() => events = true,
                () = tokio::time::sleep_until(deadline) => {
                    self.wake.notify_one();
                    return Err(KafkaError::TimedOut { call: CALL, waited: timeout });
                }
            }
        }
    }
}

fn native(offsets: &TopicOffsets) -> rdkafka::error::KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (index, (partition, commit)) in offsets.iter().enumerate() {
        let mut element = list.add_partition(&partition.topic, partition.partition);
        element.set_offset(Offset::Offset(commit.offset))?;
        if let Some(text) = &commit.metadata {
            element.set_metadata(&**text);
        }
        if let Some(epoch) = commit.leader_epoch {
            raw::set_leader_epoch(&mut list, index, epoch);
        }
    }
    Ok(list)
}
