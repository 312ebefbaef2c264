//! Reading, seeking, pausing, committing.

use std::{sync::Arc, time::Duration};

use millrace_api::{TopicOffset, TopicOffsets, TopicPartition};
use millrace_kafka::{Limits, Polled, Topics};

use crate::broker::{Kafka, LIMITS, SOON, join, read, texts, unique, within};

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_group_goes_on_where_it_committed() {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(1).await, unique("group"));
    kafka.write(&topic, 0, numbers(0..10)).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let here = std::slice::from_ref(&partition);

    let mut consumer = kafka.consumer(&group, &topic, &[]);
    assert_eq!(join(&mut consumer).await, 1);
    assert_eq!(consumer.committed(here, SOON).await.unwrap(), TopicOffsets::new());
    assert_eq!(consumer.position(here, SOON).await.unwrap()[&partition], 0);
    read(&mut consumer, 10).await;
    assert_eq!(consumer.position(here, SOON).await.unwrap()[&partition], 10);
    let commit = TopicOffset { offset: 4, metadata: Some("märk".into()), leader_epoch: Some(0) };
    let offsets = TopicOffsets::from([(partition.clone(), commit)]);
    consumer.commit(&offsets, SOON).await.unwrap();
    assert_eq!(consumer.committed(here, SOON).await.unwrap(), offsets);
    consumer.close(SOON).await.unwrap();

    let mut consumer = kafka.consumer(&group, &topic, &[]);
    join(&mut consumer).await;
    assert_eq!(consumer.position(here, SOON).await.unwrap()[&partition], 4);
    assert_eq!(texts(&read(&mut consumer, 6).await), numbers(4..10));
}

#[tokio::test]
async fn a_seek_right_after_the_assignment_holds() {
    let kafka = Kafka::any().await;
    let (topic, group) = (kafka.topic(1).await, unique("group"));
    kafka.write(&topic, 0, numbers(0..100)).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    for (reset, offset) in [("earliest", 90), ("latest", 50), ("earliest", 0)] {
        let mut consumer = kafka.consumer(&group, &topic, &[("auto.offset.reset", reset)]);
        join(&mut consumer).await;
        consumer.seek(&partition, offset as i64).unwrap();
        assert_eq!(texts(&read(&mut consumer, 100 - offset).await), numbers(offset..100));
        // And again with messages read ahead.
        consumer.seek(&partition, 20).unwrap();
        assert_eq!(texts(&read(&mut consumer, 80).await), numbers(20..100));
        consumer.close(SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_paused_partition_is_silent_and_loses_nothing() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(2).await;
    let partitions = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    for partition in [0, 1] {
        kafka.write(&topic, partition, numbers(0..1000)).await;
    }
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    join(&mut consumer).await;
    // Some of both are read ahead by now.
    let first = loop {
        if let Polled::Messages(messages) =
            within("reading", consumer.next(Limits { records: 10, ..LIMITS })).await.unwrap()
        {
            break messages;
        }
    };
    assert_eq!(first.len(), 10);
    let count = |messages: &[millrace_kafka::Incoming], partition| {
        messages.iter().filter(|message| message.partition == partition).count()
    };
    consumer.pause(&partitions[..1]).unwrap();
    let others = read(&mut consumer, 1000 - count(&first, 1)).await;
    assert_eq!(count(&others, 0), 0);
    consumer.resume(&partitions).unwrap();
    let rest = read(&mut consumer, 1000 - count(&first, 0)).await;
    assert_eq!(count(&rest, 0) + count(&first, 0), 1000);
    let mut all: Vec<_> = first.iter().chain(&rest).filter(|message| message.partition == 0).collect();
    all.sort_by_key(|message| message.offset);
    assert!(all.iter().enumerate().all(|(index, message)| message.offset == index as i64));
}

#[tokio::test]
async fn a_call_returns_no_more_than_asked_for() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(1).await;
    kafka.write(&topic, 0, (0..3000).map(|number| format!("{number:0>100}"))).await;
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    join(&mut consumer).await;
    let mut next = 0;
    while next < 3000 {
        let limits = Limits { records: 700, bytes: 60_000 };
        let Polled::Messages(messages) = within("reading", consumer.next(limits)).await.unwrap() else {
            panic!("a rebalance of one member");
        };
        assert!(!messages.is_empty() && messages.len() <= 700);
        let bytes: usize = messages.iter().map(|message| message.value.as_ref().unwrap().len()).sum();
        assert!(bytes <= 60_000 + 500 * 100, "{bytes}");
        for message in messages {
            assert_eq!(message.offset, next);
            next += 1;
        }
    }
}

#[tokio::test]
async fn topics_that_match_are_found_as_they_appear() {
    let kafka = Kafka::any().await;
    let prefix = unique("match");
    let matching = {
        let prefix = prefix.clone();
        Topics::Matching(Arc::new(move |name: &str| name.starts_with(&prefix)))
    };
    let mut consumer = kafka.reader(&unique("group"), matching, &[("metadata.max.age.ms", "500")]);
    let waits = tokio::time::timeout(Duration::from_millis(300), consumer.next(LIMITS)).await;
    assert!(waits.is_err(), "there is nothing to join for");
    for number in ["1", "2"] {
        let name = format!("{prefix}-{number}");
        kafka.create(&name, 1).await;
        kafka.write(&name, 0, [number.to_owned()]).await;
        // Joining again begins at the start: nothing was committed.
        let mut found = read(&mut consumer, 1).await;
        while texts(&found).last() != Some(&number) {
            found.extend(read(&mut consumer, 1).await);
        }
        assert_eq!(found.last().unwrap().topic.as_ref(), name);
    }
    assert_eq!(consumer.assignment().len(), 2);
}

#[tokio::test]
async fn a_topic_may_appear_after_the_subscription() {
    let kafka = Kafka::any().await;
    let topic = unique("later");
    let settings = [("metadata.max.age.ms", "500"), ("allow.auto.create.topics", "false")];
    let mut consumer = kafka.consumer(&unique("group"), &topic, &settings);
    let waits = tokio::time::timeout(Duration::from_millis(500), consumer.next(LIMITS)).await;
    assert!(!matches!(waits, Ok(Ok(Polled::Messages(_)) | Err(_))), "{waits:?}");
    if let Ok(Ok(Polled::Assigned(none))) = waits {
        consumer.take(&none).await.unwrap();
    }
    kafka.create(&topic, 1).await;
    kafka.write(&topic, 0, ["x".to_owned()]).await;
    assert_eq!(texts(&read(&mut consumer, 1).await), ["x"]);
}
