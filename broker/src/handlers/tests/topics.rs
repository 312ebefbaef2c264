//! Requests about topics and the cluster.

use super::client::{Client, text, versions};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::*;

pub async fn check(client: &Client) {
    api_versions(client).await;
    create_and_widen(client).await;
    describe_configs(client).await;
    metadata(client).await;
    cluster(client).await;
    delete(client).await;
}

async fn api_versions(client: &Client) {
    for version in versions(ApiKey::ApiVersions) {
        let mut request = ApiVersionsRequest::default();
        if version >= 3 {
            request =
                request.with_client_software_name(text("tester")).with_client_software_version(text("1"));
        }
        let response = client.call(version, request).await;
        let produce = response.api_keys.iter().find(|api| api.api_key == ApiKey::Produce as i16).unwrap();
        assert_eq!((response.error_code, produce.min_version), (0, 3));
    }
}

fn new_topic(name: &str) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(2)
        .with_replication_factor(1)
}

async fn create_and_widen(client: &Client) {
    let config = |name: &str, value: &str| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    for version in versions(ApiKey::CreateTopics) {
        let name = format!("created-{version}");
        let assigned =
            CreatableReplicaAssignment::default().with_partition_index(0).with_broker_ids(vec![BrokerId(1)]);
        let topics = vec![
            new_topic(&name).with_configs(vec![config("cleanup.policy", "compact")]),
            new_topic("not/legal"),
            new_topic("wide").with_replication_factor(3),
            new_topic("odd").with_configs(vec![config("no.such", "1")]),
            new_topic(&format!("assigned-{version}"))
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_assignments(vec![assigned]),
        ];
        let request = CreateTopicsRequest::default().with_topics(topics);
        let response = client.call(version, request.clone()).await;
        let codes: Vec<i16> = response.topics.iter().map(|topic| topic.error_code).collect();
        let expected = [0, 17, 38, 40, 0];
        assert_eq!(codes, expected, "version {version}");
        if version >= 5 {
            assert_eq!((response.topics[0].num_partitions, response.topics[4].num_partitions), (2, 1));
            let configs = response.topics[0].configs.as_ref().unwrap();
            let cleanup = configs.iter().find(|config| config.name.as_str() == "cleanup.policy").unwrap();
            assert_eq!(cleanup.value, Some(text("compact")));
        }
        let again = client.call(version, request.with_validate_only(true)).await;
        assert_eq!(again.topics[0].error_code, ResponseError::TopicAlreadyExists.code());
        assert!(again.topics[0].error_message.is_some());
    }
    for version in versions(ApiKey::CreatePartitions) {
        let topic = |name: &str, count| {
            CreatePartitionsTopic::default()
                .with_name(TopicName(text(name)))
                .with_count(count)
                .with_assignments(None)
        };
        let assigned = vec![CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(1)])];
        let count = 3 + i32::from(version);
        let request = CreatePartitionsRequest::default().with_topics(vec![
            topic("created-2", count).with_assignments(Some(assigned)),
            topic("created-3", 1),
            topic("nowhere", 9),
        ]);
        let response = client.call(version, request).await;
        let codes: Vec<i16> = response.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [0, ResponseError::InvalidPartitions.code(), 3]);
        assert_eq!(client.shared.topics.get("created-2").unwrap().partition_count(), count);
    }
}

async fn describe_configs(client: &Client) {
    for version in versions(ApiKey::DescribeConfigs) {
        let resource = |kind, name: &str| {
            DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(name))
                .with_configuration_keys(None)
        };
        let some = resource(2, "created-2").with_configuration_keys(Some(vec![text("cleanup.policy")]));
        let request = DescribeConfigsRequest::default()
            .with_resources(vec![some, resource(2, "created-2"), resource(2, "nowhere"), resource(4, "1")])
            .with_include_synonyms(true);
        let response = client.call(version, request).await;
        let codes: Vec<i16> = response.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [0, 0, 3, ResponseError::InvalidRequest.code()]);
        let config = &response.results[0].configs[..];
        assert_eq!(
            (config.len(), config[0].value.as_deref(), config[0].config_source),
            (1, Some("compact"), 1)
        );
        assert_eq!(config[0].synonyms.len(), 2);
        assert!(response.results[1].configs.len() > 20);
    }
}

async fn metadata(client: &Client) {
    let wanted = |name: &str| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    for version in versions(ApiKey::Metadata) {
        let all = if version == 0 { Some(vec![]) } else { None };
        let response = client.call(version, MetadataRequest::default().with_topics(all)).await;
        assert!(response.topics.len() >= 6, "version {version}");
        assert_eq!((response.brokers[0].host.as_str(), response.brokers[0].port), ("127.0.0.1", 9_092));
        let automatic = format!("automatic-{version}");
        let mut topics = vec![wanted("created-2"), wanted("not/legal"), wanted(&automatic)];
        if version >= 10 {
            let id = client.shared.topics.get("created-3").unwrap().id;
            topics.push(MetadataRequestTopic::default().with_name(None).with_topic_id(id));
        }
        if version >= 12 {
            topics.push(
                MetadataRequestTopic::default().with_name(None).with_topic_id(uuid::Uuid::from_u128(1)),
            );
        }
        let request =
            MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(true);
        let response = client.call(version, request).await;
        let codes: Vec<i16> = response.topics.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes[..3], [0, 17, 0], "version {version}");
        assert!(client.shared.topics.get(&automatic).is_some());
        if version >= 12 {
            assert_eq!(codes[3..], [0, ResponseError::UnknownTopicId.code()]);
        }
        if version >= 4 {
            let request = MetadataRequest::default()
                .with_topics(Some(vec![wanted("nowhere")]))
                .with_allow_auto_topic_creation(false);
            assert_eq!(client.call(version, request).await.topics[0].error_code, 3);
        }
    }
}

async fn cluster(client: &Client) {
    for version in versions(ApiKey::DescribeCluster) {
        let response = client.call(version, DescribeClusterRequest::default()).await;
        assert_eq!(response.cluster_id.as_str(), client.shared.folder.cluster_id());
        assert_eq!((response.controller_id, response.brokers.len()), (BrokerId(1), 1));
    }
    for version in versions(ApiKey::FindCoordinator) {
        let mut request = FindCoordinatorRequest::default();
        request = if version >= 4 {
            request.with_coordinator_keys(vec![text("a"), text("b")])
        } else {
            request.with_key(text("a"))
        };
        let response = client.call(version, request.clone()).await;
        let (code, node) = match response.coordinators.last() {
            Some(coordinator) => (coordinator.error_code, coordinator.node_id),
            None => (response.error_code, response.node_id),
        };
        assert_eq!((code, node, version >= 4), (0, BrokerId(1), !response.coordinators.is_empty()));
        if version >= 1 {
            client.call(version, request.with_key_type(9)).await;
        }
    }
}

async fn delete(client: &Client) {
    for version in versions(ApiKey::DeleteTopics) {
        let (first, second) = (TopicName(text(&format!("automatic-{version}"))), TopicName(text("nowhere")));
        let request = if version >= 6 {
            let id = client.shared.topics.get("created-4").unwrap().id;
            DeleteTopicsRequest::default().with_topics(vec![
                DeleteTopicState::default().with_name(Some(first.clone())),
                DeleteTopicState::default().with_name(Some(second)),
                DeleteTopicState::default().with_name(None).with_topic_id(id),
                DeleteTopicState::default().with_name(None).with_topic_id(uuid::Uuid::from_u128(1)),
            ])
        } else {
            DeleteTopicsRequest::default().with_topic_names(vec![first.clone(), second])
        };
        let response = client.call(version, request).await;
        let codes: Vec<i16> = response.responses.iter().map(|response| response.error_code).collect();
        assert_eq!(codes[..2], [0, 3], "version {version}");
        assert!(client.shared.topics.get(&first).is_none());
        if version >= 6 {
            assert_eq!(codes[2..], [0, ResponseError::UnknownTopicId.code()]);
        }
    }
}
