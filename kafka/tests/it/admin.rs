//! Admin calls.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use millrace_api::Properties;
use millrace_kafka::{Admin, FailureKind, KafkaError, NewTopic};

use crate::broker::{Kafka, SOON, unique};

#[tokio::test]
async fn topics_are_created_and_listed() {
    let kafka = Kafka::any().await;
    let admin = Admin::connect(&kafka.settings(&[])).unwrap();
    assert!(!admin.cluster_id(SOON).await.unwrap().is_empty());

    let name = unique("made");
    let settings = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    let topic = NewTopic { name: name.clone(), partitions: Some(3), replication_factor: Some(1), settings };
    let plain = NewTopic { name: unique("plain"), ..NewTopic::default() };
    let outcomes = admin.create_topics(&[topic.clone(), plain.clone()], SOON).await.unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");

    let again = admin.create_topics(&[topic], SOON).await.unwrap().remove(0).unwrap_err();
    assert_eq!(again.class(), "org.apache.kafka.common.errors.TopicExistsException");

    let absent = unique("absent");
    let found = admin.describe(&[&name, &plain.name, &absent], SOON).await.unwrap();
    assert_eq!(found[&name].partitions, 3);
    assert_eq!(found[&plain.name].partitions, 1);
    assert!(!found.contains_key(&absent));
    assert!(admin.topics(SOON).await.unwrap().iter().all(|topic| topic.name != absent), "asking created it");
}

#[tokio::test]
async fn an_error_names_the_servers_that_are_silent() {
    // Bound and never listened on: connections are refused.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    drop(socket);
    let admin = Admin::connect(&Properties::from([("bootstrap.servers", address.as_str())])).unwrap();
    let timeout = Duration::from_millis(400);
    let begun = Instant::now();
    let errors = [
        admin.cluster_id(timeout).await.unwrap_err(),
        admin.topics(timeout).await.unwrap_err(),
        admin
            .create_topics(&[NewTopic { name: "x".to_owned(), ..NewTopic::default() }], timeout)
            .await
            .unwrap_err(),
    ];
    assert!(begun.elapsed() < SOON / 2);
    for error in errors {
        assert_eq!(error.kind(), FailureKind::Retriable, "{error}");
        assert!(
            matches!(&error, KafkaError::Unreachable { servers, .. } if *servers == address),
            "{error:?}"
        );
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
