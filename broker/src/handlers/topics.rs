//! CreateTopics, DeleteTopics, CreatePartitions.

use super::{disk_failed, text};
use crate::shared::{NODE_ID, Shared, lock};
use crate::topics::config::{DEFINITIONS, TopicConfig};
use crate::topics::{Topic, TopicError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// "As many as the broker likes", for partitions and replicas.
const DEFAULT: i32 = -1;
/// Where a setting's value comes from, as DescribeConfigs numbers it.
pub const SOURCE_TOPIC: i8 = 1;
pub const SOURCE_DEFAULT: i8 = 5;

pub fn create(shared: &Shared, version: i16, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut named: BTreeMap<TopicName, usize> = BTreeMap::new();
    for topic in &request.topics {
        *named.entry(topic.name.clone()).or_default() += 1;
    }
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let outcome = if named.get(&topic.name).is_some_and(|times| *times > 1) {
            Err(refused(ResponseError::InvalidRequest, "Duplicate topic name.".to_owned()))
        } else if request.validate_only {
            parse_new(shared, &topic)
                .and_then(|new| shared.topics.check_new(&topic.name, new.partitions).map(|()| (new, None)))
        } else {
            parse_new(shared, &topic).and_then(|new| {
                let created = shared.topics.create(&topic.name, new.partitions, new.config.clone())?;
                Ok((new, Some(created)))
            })
        };
        results.push(render_created(version, topic.name, outcome));
    }
    CreateTopicsResponse::default().with_topics(results)
}

pub fn delete(shared: &Shared, version: i16, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut responses = Vec::new();
    if version < 6 {
        for name in request.topic_names {
            let outcome = delete_one(shared, &name);
            responses.push(render_deleted(version, Some(name), Uuid::nil(), outcome));
        }
    } else {
        for wanted in request.topics {
            let name = match &wanted.name {
                Some(name) => Some(name.clone()),
                None => shared.topics.get_by_id(wanted.topic_id).map(|topic| TopicName(text(&topic.name))),
            };
            let outcome = match &name {
                Some(name) => delete_one(shared, name),
                None => {
                    Err(refused(ResponseError::UnknownTopicId, ResponseError::UnknownTopicId.to_string()))
                }
            };
            responses.push(render_deleted(version, name, wanted.topic_id, outcome));
        }
    }
    DeleteTopicsResponse::default().with_responses(responses)
}

pub fn widen(shared: &Shared, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let outcome = check_wider(shared, &topic).and_then(|()| {
            if request.validate_only { Ok(()) } else { shared.topics.widen(&topic.name, topic.count) }
        });
        let (error, message) = explain(outcome.err());
        results.push(
            CreatePartitionsTopicResult::default()
                .with_name(topic.name)
                .with_error_code(error)
                .with_error_message(message.map(|message| text(&message))),
        );
    }
    CreatePartitionsResponse::default().with_results(results)
}

/// A topic to be created, checked as far as it can be without looking at the others.
struct New {
    partitions: i32,
    config: TopicConfig,
}

fn parse_new(shared: &Shared, topic: &CreatableTopic) -> Result<New, TopicError> {
    let partitions = if topic.assignments.is_empty() {
        match topic.num_partitions {
            DEFAULT => shared.options.default_partitions,
            partitions => partitions,
        }
    } else {
        assigned_partitions(topic)?
    };
    if topic.assignments.is_empty() && !matches!(topic.replication_factor, -1 | 1) {
        let why = format!(
            "Unable to replicate the partition {} time(s): this broker is the only one.",
            topic.replication_factor
        );
        return Err(refused(ResponseError::InvalidReplicationFactor, why));
    }
    let mut given = Vec::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            let why = format!("Null value not supported for topic configs: {}", config.name.as_str());
            return Err(refused(ResponseError::InvalidConfig, why));
        };
        given.push((config.name.as_str(), value.as_str()));
    }
    let config = TopicConfig::parse(given)
        .map_err(|fault| refused(ResponseError::InvalidConfig, fault.to_string()))?;
    Ok(New { partitions, config })
}

/// Returns the number of partitions of a topic that is created with an assignment of its own.
fn assigned_partitions(topic: &CreatableTopic) -> Result<i32, TopicError> {
    if topic.num_partitions != DEFAULT || i32::from(topic.replication_factor) != DEFAULT {
        let why = "Both an assignment and a number of partitions or replicas were given.".to_owned();
        return Err(refused(ResponseError::InvalidRequest, why));
    }
    let mut indexes: Vec<i32> = topic.assignments.iter().map(|assigned| assigned.partition_index).collect();
    indexes.sort_unstable();
    let count = indexes.len() as i32;
    let here = topic.assignments.iter().all(|assigned| assigned.broker_ids == [BrokerId(NODE_ID)]);
    if !here || !indexes.iter().copied().eq(0..count) {
        let why = format!("Partitions must be numbered from 0 and assigned to broker {NODE_ID} alone.");
        return Err(refused(ResponseError::InvalidReplicaAssignment, why));
    }
    Ok(count)
}

fn delete_one(shared: &Shared, name: &str) -> Result<Arc<Topic>, TopicError> {
    let topic = shared.topics.delete(name)?;
    lock(&shared.offsets).forget_topic(name).map_err(TopicError::Disk)?;
    Ok(topic)
}

fn check_wider(shared: &Shared, topic: &CreatePartitionsTopic) -> Result<(), TopicError> {
    let held = shared.topics.check_wider(&topic.name, topic.count)?.partition_count();
    let Some(assignments) = &topic.assignments else { return Ok(()) };
    let here = assignments.iter().all(|assigned| assigned.broker_ids == [BrokerId(NODE_ID)]);
    if !here || assignments.len() as i32 != topic.count - held {
        let why = format!("Each new partition must be assigned to broker {NODE_ID} alone.");
        return Err(refused(ResponseError::InvalidReplicaAssignment, why));
    }
    Ok(())
}

fn render_created(
    version: i16,
    name: TopicName,
    outcome: Result<(New, Option<Arc<Topic>>), TopicError>,
) -> CreatableTopicResult {
    let result = CreatableTopicResult::default().with_name(name);
    let (new, created) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let (error, message) = explain(Some(error));
            return result.with_error_code(error).with_error_message(message.map(|message| text(&message)));
        }
    };
    if version < 5 {
        return result;
    }
    let id = if version >= 7 { created.map_or(Uuid::nil(), |topic| topic.id) } else { Uuid::nil() };
    result
        .with_topic_id(id)
        .with_num_partitions(new.partitions)
        .with_replication_factor(1)
        .with_configs(Some(render_configs(&new.config)))
}

fn render_configs(config: &TopicConfig) -> Vec<CreatableTopicConfigs> {
    let render = |definition: &crate::topics::config::Definition| {
        let given = config.given().get(definition.name);
        CreatableTopicConfigs::default()
            .with_name(text(definition.name))
            .with_value(Some(text(given.map_or(definition.default, String::as_str))))
            .with_config_source(if given.is_some() { SOURCE_TOPIC } else { SOURCE_DEFAULT })
    };
    DEFINITIONS.iter().map(render).collect()
}

fn render_deleted(
    version: i16,
    name: Option<TopicName>,
    id: Uuid,
    outcome: Result<Arc<Topic>, TopicError>,
) -> DeletableTopicResult {
    let id = outcome.as_ref().map_or(id, |topic| topic.id);
    let (error, message) = explain(outcome.err());
    DeletableTopicResult::default()
        .with_name(name)
        .with_topic_id(if version >= 6 { id } else { Uuid::nil() })
        .with_error_code(error)
        .with_error_message(message.filter(|_| version >= 5).map(|message| text(&message)))
}

/// Returns the code and the words for a failure; 0 and none for none.
fn explain(error: Option<TopicError>) -> (i16, Option<String>) {
    match error {
        None => (0, None),
        Some(TopicError::Refused(error, why)) => (error.code(), Some(why)),
        Some(TopicError::Disk(error)) => {
            let code = disk_failed("changing a topic", &error).code();
            (code, Some("the data folder cannot be written".to_owned()))
        }
    }
}

fn refused(error: ResponseError, why: String) -> TopicError {
    TopicError::Refused(error, why)
}
