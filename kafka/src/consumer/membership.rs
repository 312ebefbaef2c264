//! Answers to rebalances; pausing and resuming.

use std::time::{Duration, Instant};

use millrace_api::TopicPartition;
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer as _, types::RDKafkaErrorCode as Code};

use super::{
    Consumer, OPEN, OffsetReset,
    context::{self, Change, list},
};
use crate::{KafkaError, raw};

/// How long the offsets at which offered partitions begin are waited for; Java's `default.api.timeout.ms`.
const START_WAIT: Duration = Duration::from_secs(60);

impl Consumer {
    /// Accepts what [`super::Polled::Assigned`] offered and begins to read it.
    ///
    /// Finds out the offsets to begin at first, so that `position` and `seek` hold from the moment this returns. Left to
    /// librdkafka, its own question for the beginning or the end of a partition may be answered after a `seek`, which it
    /// then undoes. After an error of kind `Retriable` it may be called again.
    pub async fn take(&mut self, assigned: &[TopicPartition]) -> Result<(), KafkaError> {
        if !matches!(self.owed(), Some(Change::Assign(_))) {
            return Err(unasked("take"));
        }
        let deadline = Instant::now() + START_WAIT;
        let starts = self.native_committed(assigned, START_WAIT).await?;
        let starts = self.reset(starts, deadline).await?;
        let mut known = Vec::new();
        for (element, partition) in starts.elements().iter().zip(assigned) {
            if let Offset::Offset(offset) = element.offset() {
                known.push((partition.clone(), offset));
            }
        }
        let parts = self.parts.as_ref().expect(OPEN);
        for partition in assigned {
            if parts.messages.lead_here(&partition.topic, partition.partition).is_none() {
                return Err(KafkaError::refused("assigning", Code::UnknownPartition));
            }
        }
        self.blocking("assigning", move |client| context::assign(client, &starts)).await?;
        self.parts().client.context().answered();
        self.assigned.extend(assigned.iter().cloned());
        self.positions.extend(known);
        self.recovered();
        Ok(())
    }

    /// Replaces what was not committed by the beginning or the end of the partition, as `auto.offset.reset` says.
    async fn reset(
        &self,
        mut starts: TopicPartitionList,
        deadline: Instant,
    ) -> Result<TopicPartitionList, KafkaError> {
        const CALL: &str = "asking where partitions begin and end";
        let end = match self.reset {
            OffsetReset::Earliest => Offset::Beginning,
            OffsetReset::Latest => Offset::End,
            // Left to librdkafka, which answers with the error.
            OffsetReset::Error => return Ok(starts),
        };
        let mut asked = TopicPartitionList::new();
        for element in starts.elements() {
            if !matches!(element.offset(), Offset::Offset(_)) {
                let added = asked.add_partition_offset(element.topic(), element.partition(), end);
                added.map_err(|error| KafkaError::of(CALL, &error))?;
            }
        }
        if asked.count() == 0 {
            return Ok(starts);
        }
        let wait = deadline.saturating_duration_since(Instant::now());
        // The beginning and the end are special timestamps in the protocol.
        let found = self.blocking(CALL, move |client| client.offsets_for_times(asked, wait)).await?;
        for element in found.elements() {
            element.error().map_err(|error| KafkaError::of(CALL, &error))?;
            let set = starts.set_partition_offset(element.topic(), element.partition(), element.offset());
            set.map_err(|error| KafkaError::of(CALL, &error))?;
        }
        Ok(starts)
    }

    /// Hands back what [`super::Polled::Revoked`] or [`super::Polled::Lost`] named.
    pub async fn give_up(&mut self, revoked: &[TopicPartition]) -> Result<(), KafkaError> {
        let change = match self.owed() {
            Some(Change::Revoke(_)) => Change::Revoke(revoked.to_vec()),
            Some(Change::Lose(_)) => Change::Lose(revoked.to_vec()),
            Some(Change::Assign(_)) | None => return Err(unasked("give_up")),
        };
        // A pause outlives the assignment inside librdkafka: the partition would stay silent when it comes back.
        let paused: Vec<_> =
            revoked.iter().filter(|partition| self.paused.contains(*partition)).cloned().collect();
        self.resume(&paused)?;
        self.blocking("giving partitions up", move |client| context::answer(client, &change)).await?;
        self.parts().client.context().answered();
        for partition in revoked {
            self.assigned.remove(partition);
            self.positions.remove(partition);
        }
        Ok(())
    }

    /// Returns the partitions taken and not given up.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.assigned.iter().cloned().collect()
    }

    /// Stops reading partitions until they are resumed or given up. What was read ahead of them is dropped and read again.
    pub fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let result = self.parts().client.pause(&list(partitions));
        result.map_err(|error| KafkaError::of("pausing", &error))?;
        self.paused.extend(partitions.iter().cloned());
        Ok(())
    }

    /// Goes on reading paused partitions; others are left as they are.
    pub fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let paused: Vec<_> = partitions.iter().filter(|partition| self.paused.contains(*partition)).collect();
        if paused.is_empty() {
            return Ok(());
        }
        let result = self.parts().client.resume(&list(paused));
        result.map_err(|error| KafkaError::of("resuming", &error))?;
        for partition in partitions {
            self.paused.remove(partition);
        }
        Ok(())
    }

    fn owed(&self) -> Option<Change> {
        self.parts().client.context().owed()
    }

    /// Runs a call that waits for librdkafka's main thread on a blocking thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        call: &'static str,
        run: impl FnOnce(&super::Client) -> rdkafka::error::KafkaResult<T> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let client = self.parts().client.clone();
        let answer = tokio::task::spawn_blocking(move || run(&client)).await;
        match answer {
            Ok(answer) => answer.map_err(|error| KafkaError::of(call, &error)),
            Err(_) => Err(KafkaError::Closed { client: "consumer" }),
        }
    }

    /// Asks for committed offsets. The answer's elements stand in the order of `partitions`.
    pub(super) async fn native_committed(
        &self,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<TopicPartitionList, KafkaError> {
        const CALL: &str = "reading committed offsets";
        let asked = list(partitions);
        if partitions.is_empty() {
            return Ok(asked);
        }
        let answer = self.blocking(CALL, move |client| client.committed_offsets(asked, timeout)).await?;
        for element in answer.elements() {
            element.error().map_err(|error| KafkaError::of(CALL, &error))?;
        }
        debug_assert!(answer.elements().iter().zip(partitions).all(|(element, partition)| {
            element.topic() == &*partition.topic && element.partition() == partition.partition
        }));
        Ok(answer)
    }

    pub(super) fn epoch(list: &TopicPartitionList, index: usize) -> Option<i32> {
        raw::leader_epoch(list, index)
    }
}

fn unasked(call: &'static str) -> KafkaError {
    let failure = crate::Failure::because(Code::State, "no rebalance waits for this answer");
    KafkaError::Refused { call, failure }
}
