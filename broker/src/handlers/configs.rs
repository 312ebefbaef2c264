//! DescribeConfigs, for topics.

use super::text;
use super::topics::{SOURCE_DEFAULT, SOURCE_TOPIC};
use crate::shared::Shared;
use crate::topics::Topic;
use crate::topics::config::{DEFINITIONS, Definition};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

const TOPIC_RESOURCE: i8 = 2;

pub fn describe(shared: &Shared, version: i16, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let synonyms = request.include_synonyms;
    let describe = |resource: DescribeConfigsResource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let refused = |error: ResponseError, why: &str| {
            result.clone().with_error_code(error.code()).with_error_message(Some(text(why)))
        };
        if resource.resource_type != TOPIC_RESOURCE {
            return refused(ResponseError::InvalidRequest, "This broker has settings of topics only.");
        }
        let Some(topic) = shared.topics.get(&resource.resource_name) else {
            let error = ResponseError::UnknownTopicOrPartition;
            return refused(error, &error.to_string());
        };
        let wanted = |definition: &&Definition| match &resource.configuration_keys {
            Some(keys) => keys.iter().any(|key| key.as_str() == definition.name),
            None => true,
        };
        let mut configs = Vec::new();
        for definition in DEFINITIONS.iter().filter(wanted) {
            let config = describe_one(&topic, version, definition);
            configs.push(if synonyms { with_synonyms(config, definition) } else { config });
        }
        result.with_configs(configs)
    };
    DescribeConfigsResponse::default().with_results(request.resources.into_iter().map(describe).collect())
}

fn describe_one(topic: &Topic, version: i16, definition: &Definition) -> DescribeConfigsResourceResult {
    let given = topic.config.given().get(definition.name);
    let config = DescribeConfigsResourceResult::default()
        .with_name(text(definition.name))
        .with_value(Some(text(given.map_or(definition.default, String::as_str))))
        .with_config_source(if given.is_some() { SOURCE_TOPIC } else { SOURCE_DEFAULT });
    if version >= 3 { config.with_config_type(definition.kind as i8) } else { config }
}

/// Adds where the value was looked for: on the topic if it is set there, then among the defaults.
fn with_synonyms(
    config: DescribeConfigsResourceResult,
    definition: &Definition,
) -> DescribeConfigsResourceResult {
    let synonym = |value, source| {
        DescribeConfigsSynonym::default()
            .with_name(text(definition.name))
            .with_value(Some(value))
            .with_source(source)
    };
    let mut synonyms = Vec::new();
    if config.config_source == SOURCE_TOPIC {
        synonyms.push(synonym(config.value.clone().unwrap_or_default(), SOURCE_TOPIC));
    }
    synonyms.push(synonym(text(definition.default), SOURCE_DEFAULT));
    config.with_synonyms(synonyms)
}
