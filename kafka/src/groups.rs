//! The committed offsets of consumer groups, seen and changed from outside the group.

use std::{collections::BTreeMap, ffi::CString, time::Duration};

use millrace_api::TopicPartition;
use rdkafka::{Offset, TopicPartitionList, client::Client, types::RDKafkaErrorCode as Code};

use crate::{
    Admin, KafkaError,
    admin::Context,
    raw::{GroupCall, GroupOffset},
};

/// Why the offsets of a group were not changed.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The group has members, or members that read the topic: only they may change its offsets.
    #[error("{call}: the group is in use: {reason}")]
    InUse {
        /// The call.
        call: &'static str,
        /// The broker's reason.
        reason: String,
    },
    /// There is no such group, so it has no offsets.
    #[error("{call}: there is no such group")]
    Unknown {
        /// The call.
        call: &'static str,
    },
    /// Anything else.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// What is done to a group.
enum Change {
    Alter(TopicPartitionList),
    Delete(TopicPartitionList),
    DeleteGroup,
}

impl Admin {
    /// Returns where the group goes on, for every partition that it has committed; nothing for a group that is unknown.
    pub async fn group_offsets(
        &self,
        group: &str,
        timeout: Duration,
    ) -> Result<BTreeMap<TopicPartition, i64>, KafkaError> {
        const CALL: &str = "listing the group's offsets";
        let name = c_name(CALL, group)?;
        let asked = move |client: &Client<Context>, rest| {
            let offsets = match GroupCall::List.ask(client, &name, rest) {
                Err(Code::GroupIdNotFound) => Vec::new(),
                answer => answer?,
            };
            match offsets.iter().find_map(|offset| offset.error) {
                Some(error) => Err(error),
                None => Ok(offsets),
            }
        };
        let offsets = self.ask(CALL, timeout, asked).await?;
        let committed = offsets.into_iter().filter(|offset| offset.offset >= 0);
        Ok(committed
            .map(|GroupOffset { topic, partition, offset, .. }| {
                (TopicPartition::new(topic.as_str(), partition), offset)
            })
            .collect())
    }

    /// Sets where an unused group goes on; other partitions stay as they are.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, i64>,
        timeout: Duration,
    ) -> Result<(), GroupError> {
        const CALL: &str = "altering the group's offsets";
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let added =
                list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*offset));
            added.map_err(|error| KafkaError::of(CALL, &error))?;
        }
        self.change(CALL, group, Change::Alter(list), timeout).await
    }

    /// Forgets where a group goes on in these partitions. None of its members may read their topics.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: &[TopicPartition],
        timeout: Duration,
    ) -> Result<(), GroupError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        self.change("deleting offsets of the group", group, Change::Delete(list), timeout).await
    }

    /// Deletes an unused group with all its offsets.
    pub async fn delete_group(&self, group: &str, timeout: Duration) -> Result<(), GroupError> {
        self.change("deleting the group", group, Change::DeleteGroup, timeout).await
    }

    async fn change(
        &self,
        call: &'static str,
        group: &str,
        change: Change,
        timeout: Duration,
    ) -> Result<(), GroupError> {
        let name = c_name(call, group)?;
        let asked = move |client: &Client<Context>, rest| {
            let asked = match &change {
                Change::Alter(list) => GroupCall::Alter(list).ask(client, &name, rest),
                Change::Delete(list) => GroupCall::Delete(list).ask(client, &name, rest),
                Change::DeleteGroup => GroupCall::DeleteGroup.ask(client, &name, rest),
            };
            // The call's own codes are told apart here, before they become failures of the client.
            Ok(match asked {
                Ok(offsets) => offsets.into_iter().find_map(|offset| offset.error),
                Err(code) if in_use(code) || code == Code::GroupIdNotFound => Some(code),
                Err(code) => return Err(code),
            })
        };
        match self.ask(call, timeout, asked).await? {
            None => Ok(()),
            Some(code) if in_use(code) => Err(GroupError::InUse { call, reason: code.to_string() }),
            Some(Code::GroupIdNotFound) => Err(GroupError::Unknown { call }),
            Some(code) => Err(KafkaError::refused(call, code).into()),
        }
    }
}

fn in_use(code: Code) -> bool {
    matches!(code, Code::UnknownMemberId | Code::GroupSubscribedToTopic | Code::NonEmptyGroup)
}

fn c_name(call: &'static str, group: &str) -> Result<CString, KafkaError> {
    CString::new(group).map_err(|_| KafkaError::refused(call, Code::InvalidGroupId))
}
