//! OffsetCommit, OffsetFetch, OffsetDelete.

use super::groups::identity;
use super::{disk_failed, text};
use crate::offsets::{Committed, Offsets, TopicPartition};
use crate::shared::{Shared, lock};
use bytes::Buf;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest,
    OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use std::collections::{BTreeMap, BTreeSet};

/// Protocol type of consumers, whose members say in their metadata what they read.
const CONSUMER: &str = "consumer";
/// The first version in which one request asks for several groups.
const SEVERAL_GROUPS_SINCE: i16 = 8;

pub async fn commit(shared: &Shared, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let group = request.group_id.as_str();
    let generation = request.generation_id_or_member_epoch;
    let member = identity(&request.member_id, request.group_instance_id.as_ref(), generation);
    let allowed = shared.membership.ask(|groups, now| groups.may_commit(now, group, &member));
    let mut outcomes: BTreeMap<TopicPartition, ResponseError> = BTreeMap::new();
    match allowed {
        Err(error) => {
            for (partition, _) in parse_commit(&request) {
                outcomes.insert(partition, error);
            }
        }
        Ok(protocol_type) => keep(shared, group, &protocol_type, parse_commit(&request), &mut outcomes).await,
    }
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let partition = |index: i32| {
            let outcome = outcomes.get(&(topic.name.to_string(), index));
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(outcome.map_or(0, ResponseError::code))
        };
        let partitions = topic.partitions.iter().map(|wanted| partition(wanted.partition_index)).collect();
        topics.push(OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions));
    }
    OffsetCommitResponse::default().with_topics(topics)
}

pub fn fetch(shared: &Shared, version: i16, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let offsets = lock(&shared.offsets);
    if version < SEVERAL_GROUPS_SINCE {
        let wanted = request.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect::<Vec<_>>()
        });
        let topics = find(&offsets, &request.group_id, wanted);
        let render = |(name, partitions): (TopicName, Vec<FoundOffset>)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(|found| render_single(version, found)).collect())
        };
        return OffsetFetchResponse::default().with_topics(topics.into_iter().map(render).collect());
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    for group in request.groups {
        let wanted = group.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect::<Vec<_>>()
        });
        let topics = find(&offsets, &group.group_id, wanted);
        let render = |(name, partitions): (TopicName, Vec<FoundOffset>)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(partitions.into_iter().map(render_of_several).collect())
        };
        groups.push(
            OffsetFetchResponseGroup::default()
                .with_group_id(group.group_id)
                .with_topics(topics.into_iter().map(render).collect()),
        );
    }
    OffsetFetchResponse::default().with_groups(groups)
}

pub fn delete(shared: &Shared, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let group = request.group_id.as_str();
    let in_use = match topics_in_use(shared, group) {
        Ok(in_use) => in_use,
        Err(error) => return OffsetDeleteResponse::default().with_error_code(error.code()),
    };
    let mut doomed = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let used = in_use.contains(topic.name.as_str());
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            if !used {
                doomed.push((topic.name.to_string(), partition.partition_index));
            }
            let error = if used { ResponseError::GroupSubscribedToTopic.code() } else { 0 };
            partitions.push(
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error),
            );
        }
        topics.push(OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions));
    }
    if let Err(error) = lock(&shared.offsets).forget(group, doomed) {
        let error = disk_failed("forgetting offsets", &error);
        return OffsetDeleteResponse::default().with_error_code(error.code());
    }
    OffsetDeleteResponse::default().with_topics(topics)
}

/// An offset that was asked for, if it was ever committed.
struct FoundOffset {
    partition: i32,
    committed: Option<Committed>,
}

fn parse_commit(request: &OffsetCommitRequest) -> Vec<(TopicPartition, Committed)> {
    let mut offsets = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let committed = Committed {
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.committed_metadata.as_deref().unwrap_or_default().to_owned(),
            };
            offsets.push(((topic.name.to_string(), partition.partition_index), committed));
        }
    }
    offsets
}

/// Keeps the offsets that may be kept, and notes why the others were not.
async fn keep(
    shared: &Shared,
    group: &str,
    protocol_type: &str,
    offsets: Vec<(TopicPartition, Committed)>,
    outcomes: &mut BTreeMap<TopicPartition, ResponseError>,
) {
    let mut kept = Vec::new();
    let written = {
        let mut store = lock(&shared.offsets);
        for (partition, committed) in offsets {
            let unknown = shared.topics.partition(&partition.0, partition.1).is_none();
            let unknown = unknown.then_some(ResponseError::UnknownTopicOrPartition);
            match unknown.or_else(|| store.refusal(&committed)) {
                Some(error) => drop(outcomes.insert(partition, error)),
                None => kept.push((partition, committed)),
            }
        }
        store.commit(group, protocol_type, kept.clone())
    };
    let settled = match written {
        Ok(file) => shared.settle(vec![file]).await,
        Err(error) => Err(error),
    };
    if let Err(error) = settled {
        let error = disk_failed("keeping committed offsets", &error);
        outcomes.extend(kept.into_iter().map(|(partition, _)| (partition, error)));
    }
}

/// Returns what a group committed, for the wanted partitions or for all.
fn find(
    offsets: &Offsets,
    group: &str,
    wanted: Option<Vec<(TopicName, Vec<i32>)>>,
) -> Vec<(TopicName, Vec<FoundOffset>)> {
    let committed = offsets.group(group).map(|group| &group.committed);
    let Some(wanted) = wanted else {
        let mut all: BTreeMap<&str, Vec<FoundOffset>> = BTreeMap::new();
        for ((topic, partition), committed) in committed.into_iter().flatten() {
            let found = FoundOffset { partition: *partition, committed: Some(committed.clone()) };
            all.entry(topic).or_default().push(found);
        }
        return all.into_iter().map(|(topic, found)| (TopicName(text(topic)), found)).collect();
    };
    let look_up = |topic: &str, partition: i32| FoundOffset {
        partition,
        committed: committed.and_then(|committed| committed.get(&(topic.to_owned(), partition))).cloned(),
    };
    let of_topic = |(topic, partitions): (TopicName, Vec<i32>)| {
        let found = partitions.into_iter().map(|partition| look_up(&topic, partition)).collect();
        (topic, found)
    };
    wanted.into_iter().map(of_topic).collect()
}

fn render_single(version: i16, found: FoundOffset) -> OffsetFetchResponsePartition {
    let response = OffsetFetchResponsePartition::default().with_partition_index(found.partition);
    match found.committed {
        None => response.with_committed_offset(-1).with_metadata(Some(StrBytes::default())),
        Some(committed) => response
            .with_committed_offset(committed.offset)
            .with_committed_leader_epoch(if version >= 5 { committed.leader_epoch } else { -1 })
            .with_metadata(Some(text(&committed.metadata))),
    }
}

fn render_of_several(found: FoundOffset) -> OffsetFetchResponsePartitions {
    let response = OffsetFetchResponsePartitions::default().with_partition_index(found.partition);
    match found.committed {
        None => response.with_committed_offset(-1).with_metadata(Some(StrBytes::default())),
        Some(committed) => response
            .with_committed_offset(committed.offset)
            .with_committed_leader_epoch(committed.leader_epoch)
            .with_metadata(Some(text(&committed.metadata))),
    }
}

/// Returns the topics that a group's members read, whose offsets must stay.
fn topics_in_use(shared: &Shared, group: &str) -> Result<BTreeSet<String>, ResponseError> {
    let Some(description) = shared.membership.ask(|groups, _| groups.describe(group)) else {
        let known = lock(&shared.offsets).group(group).is_some();
        return if known { Ok(BTreeSet::new()) } else { Err(ResponseError::GroupIdNotFound) };
    };
    if description.members.is_empty() {
        return Ok(BTreeSet::new());
    }
    if description.protocol_type != CONSUMER {
        return Err(ResponseError::NonEmptyGroup);
    }
    if description.state != "Stable" {
        return Err(ResponseError::RebalanceInProgress);
    }
    Ok(description.members.iter().flat_map(|member| subscribed_topics(&member.metadata)).collect())
}

/// Reads the topics out of a consumer's subscription: a version, then an array of texts, the same in all versions.
fn subscribed_topics(mut metadata: &[u8]) -> Vec<String> {
    let mut topics = Vec::new();
    let rest = &mut metadata;
    let (Ok(_version), Ok(count)) = (rest.try_get_i16(), rest.try_get_i32()) else { return topics };
    for _ in 0..count {
        let Ok(length) = rest.try_get_u16() else { break };
        let Some((topic, after)) = rest.split_at_checked(length.into()) else { break };
        topics.push(String::from_utf8_lossy(topic).into_owned());
        *rest = after;
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_read_as_far_as_they_go() {
        let metadata = b"\0\x01\0\0\0\x02\0\x06orders\0\x05shops\xff\xff\xff\xff";
        assert_eq!(subscribed_topics(metadata), ["orders", "shops"]);
        assert_eq!(subscribed_topics(&metadata[..15]), ["orders"]);
        assert_eq!(subscribed_topics(b"\0\0\x7f\xff\xff\xff"), Vec::<String>::new());
    }
}
