//! Metadata, DescribeCluster, FindCoordinator: where everything is, which is always here.

use super::{Caller, disk_failed, text};
use crate::log::batch::LEADER_EPOCH;
use crate::shared::{NODE_ID, Shared};
use crate::topics::config::TopicConfig;
use crate::topics::{Topic, TopicError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
    MetadataResponse, TopicName,
};
use std::sync::Arc;
use uuid::Uuid;

const GROUP_KEY: i8 = 0;
const TRANSACTION_KEY: i8 = 1;

pub fn metadata(
    shared: &Shared,
    caller: &Caller,
    version: i16,
    request: MetadataRequest,
) -> MetadataResponse {
    let creates = shared.options.auto_create_topics && (version < 4 || request.allow_auto_topic_creation);
    let topics = match request.topics {
        // In version 0 an empty list means all topics; later only a missing one does.
        Some(wanted) if version > 0 || !wanted.is_empty() => {
            wanted.iter().map(|wanted| describe_wanted(shared, wanted, creates)).collect()
        }
        _ => shared.topics.all().iter().map(|topic| describe_topic(topic)).collect(),
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(text(&caller.reached.ip().to_string()))
        .with_port(caller.reached.port().into());
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id((version >= 2).then(|| text(shared.folder.cluster_id())))
        .with_controller_id(BrokerId(NODE_ID))
        .with_topics(topics)
}

pub fn describe(shared: &Shared, caller: &Caller) -> DescribeClusterResponse {
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(NODE_ID))
        .with_host(text(&caller.reached.ip().to_string()))
        .with_port(caller.reached.port().into());
    DescribeClusterResponse::default()
        .with_cluster_id(text(shared.folder.cluster_id()))
        .with_controller_id(BrokerId(NODE_ID))
        .with_brokers(vec![broker])
}

/// Names this broker for every group. It does so for transactional ids too: what refuses them is InitProducerId, whose
/// answer is final, where an error here would be asked again until a time-out.
pub fn find_coordinator(
    caller: &Caller,
    version: i16,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let known = matches!(request.key_type, GROUP_KEY | TRANSACTION_KEY);
    let error = if known { 0 } else { ResponseError::InvalidRequest.code() };
    let (host, port) = (text(&caller.reached.ip().to_string()), i32::from(caller.reached.port()));
    if version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_node_id(BrokerId(NODE_ID))
            .with_host(host)
            .with_port(port);
    }
    let coordinator = |key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(error)
            .with_node_id(BrokerId(NODE_ID))
            .with_host(host.clone())
            .with_port(port)
    };
    FindCoordinatorResponse::default()
        .with_coordinators(request.coordinator_keys.into_iter().map(coordinator).collect())
}

/// Describes one topic that a client named, by name or by id.
fn describe_wanted(shared: &Shared, wanted: &MetadataRequestTopic, creates: bool) -> MetadataResponseTopic {
    let Some(name) = &wanted.name else {
        return match shared.topics.get_by_id(wanted.topic_id) {
            Some(topic) => describe_topic(&topic),
            None => MetadataResponseTopic::default()
                .with_topic_id(wanted.topic_id)
                .with_name(None)
                .with_error_code(ResponseError::UnknownTopicId.code()),
        };
    };
    match find_or_create(shared, name, creates) {
        Ok(topic) => describe_topic(&topic),
        Err(error) => MetadataResponseTopic::default()
            .with_name(Some(name.clone()))
            .with_topic_id(Uuid::nil())
            .with_error_code(error.code()),
    }
}

fn find_or_create(shared: &Shared, name: &str, creates: bool) -> Result<Arc<Topic>, ResponseError> {
    if let Some(topic) = shared.topics.get(name) {
        return Ok(topic);
    }
    if !creates {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    match shared.topics.create(name, shared.options.default_partitions, TopicConfig::default()) {
        Ok(topic) => Ok(topic),
        // Another client asked at the same time.
        Err(TopicError::Refused(ResponseError::TopicAlreadyExists, _)) => {
            shared.topics.get(name).ok_or(ResponseError::UnknownTopicOrPartition)
        }
        Err(TopicError::Refused(error, _)) => Err(error),
        Err(TopicError::Disk(error)) => Err(disk_failed("creating a topic", &error)),
    }
}

fn describe_topic(topic: &Topic) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    };
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&topic.name))))
        .with_topic_id(topic.id)
        .with_partitions((0..topic.partition_count()).map(partition).collect())
}
