//! The topics in which a cluster keeps its state.

use std::{collections::BTreeMap, time::Duration};

use millrace_kafka::{
    Admin, InternalTopic, InternalTopicError, LogNews, NewTopic, Patience, Question, TopicLog,
};
use tokio::sync::mpsc::Receiver;

use crate::broker::{Kafka, SOON, unique, within};

const PATIENCE: Patience = Patience { timeout: SOON, backoff: Duration::from_millis(100) };

fn internal(name: &str, partitions: i32) -> InternalTopic {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(1),
        settings: BTreeMap::from([("segment.ms".to_owned(), "100000".to_owned())]),
    };
    InternalTopic {
        topic,
        setting: "config.storage.topic",
        purpose: "connector configurations",
        partitions_max: Some(1),
    }
}

/// Reads until everything was handed over that a question asked for.
async fn read_to(news: &mut Receiver<LogNews>, ticket: Question) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        match within("reading to the end", news.recv()).await.unwrap() {
            LogNews::Record(record) => {
                found.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            }
            LogNews::AtEnd(reached) if reached >= ticket => return found,
            LogNews::AtEnd(_) => {}
            LogNews::Trouble(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_read_to_its_end_again_and_again() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(2).await;
    let texts = |range: std::ops::Range<u32>| range.map(|number| number.to_string()).collect::<Vec<_>>();
    kafka.write(&topic, 0, texts(0..50)).await;
    kafka.write(&topic, 1, texts(50..60)).await;
    let (log, mut news) = TopicLog::start(&kafka.settings(&[]), &topic, 2).unwrap();
    let mut found = read_to(&mut news, Question(0)).await;
    found.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert_eq!(found, texts(0..60));

    // There is nothing new.
    let ticket = log.read_to_end();
    assert_eq!(read_to(&mut news, ticket).await, Vec::<String>::new());

    kafka.write(&topic, 1, texts(60..70)).await;
    // Both may share an answer: only the later one's is sure to come.
    let questions = [log.read_to_end(), log.read_to_end()];
    assert!(questions[0] < questions[1]);
    let found = read_to(&mut news, questions[1]).await;
    assert_eq!(found, texts(60..70));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_log_is_at_its_end() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(5).await;
    let (_log, mut news) = TopicLog::start(&kafka.settings(&[]), &topic, 5).unwrap();
    assert!(read_to(&mut news, Question(0)).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_topic_is_created_compacted() {
    let kafka = Kafka::any().await;
    let admin = Admin::connect(&kafka.settings(&[])).unwrap();
    let name = unique("internal");
    assert_eq!(internal(&name, 1).prepare(&admin, PATIENCE).await.unwrap(), 1);
    let settings = admin.topic_settings(&name, SOON).await.unwrap();
    assert_eq!(settings["cleanup.policy"], "compact");
    assert_eq!(settings["segment.ms"], "100000");
    // And found the next time.
    assert_eq!(internal(&name, 1).prepare(&admin, PATIENCE).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_would_lose_state_is_refused() {
    let kafka = Kafka::any().await;
    let admin = Admin::connect(&kafka.settings(&[])).unwrap();
    let name = kafka.topic(1).await;
    let error = internal(&name, 1).prepare(&admin, PATIENCE).await.unwrap_err();
    assert!(matches!(error, InternalTopicError::Policy { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "Topic '{name}' supplied via the 'config.storage.topic' property is required to have \
             'cleanup.policy=compact' to guarantee consistency and durability of connector configurations, but found the \
             topic currently has 'cleanup.policy=delete'. Continuing would likely result in eventually losing connector \
             configurations and problems restarting this Connect cluster in the future. Change the \
             'config.storage.topic' property in the Connect worker configurations to use a topic with \
             'cleanup.policy=compact'."
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_topic_of_several_partitions_is_refused() {
    let kafka = Kafka::any().await;
    let admin = Admin::connect(&kafka.settings(&[])).unwrap();
    let name = unique("internal");
    let mut wide = internal(&name, 3);
    wide.partitions_max = None;
    assert_eq!(wide.prepare(&admin, PATIENCE).await.unwrap(), 3);
    let error = internal(&name, 1).prepare(&admin, PATIENCE).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Topic '{name}' supplied via the 'config.storage.topic' property is required to have a single partition in \
             order to guarantee consistency of connector configurations, but found 3 partitions."
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_topic_settings_are_refused() {
    let kafka = Kafka::any().await;
    let admin = Admin::connect(&kafka.settings(&[])).unwrap();
    let mut wrong = internal(&unique("internal"), 1);
    wrong.topic.settings.insert("segment.ms".to_owned(), "soon".to_owned());
    let error = wrong.prepare(&admin, PATIENCE).await.unwrap_err();
    assert!(error.to_string().starts_with("Unable to create topic(s) 'internal-"), "{error}");
}
