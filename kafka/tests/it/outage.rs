//! Brokers that are down at the start, go down in the middle, and come back.

use std::{collections::VecDeque, time::Duration};

use millrace_kafka::Report;

use crate::broker::{BUDGET, Kafka, SOON, finished, join, read, texts, to, unique, within};

#[tokio::test]
async fn a_producer_may_start_before_its_broker() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    kafka.stop().await;
    let mut lane = kafka.lane(BUDGET, &[]);
    let mut batch: VecDeque<_> = [to(&topic, None, "early")].into();
    lane.send(&mut batch, Report::Counts).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), lane.finished()).await.is_err());
    kafka.restart().await;
    finished(&mut lane).await.outcome.unwrap();
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    assert_eq!(texts(&read(&mut consumer, 1).await), ["early"]);
}

#[tokio::test]
async fn no_ticket_is_lost_when_the_broker_restarts() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    // As connectors send: not idempotent, one request in flight.
    let settings = [("enable.idempotence", "false"), ("max.in.flight.requests.per.connection", "1")];
    let mut lane = kafka.lane(BUDGET, &settings);
    let mut sent = Vec::new();
    for round in 0..3 {
        for batch in 0..20 {
            let texts: Vec<_> = (0..100).map(|index| format!("{round}-{batch}-{index}")).collect();
            let mut records: VecDeque<_> = texts.iter().map(|text| to(&topic, Some(0), text)).collect();
            sent.extend(texts);
            if batch == 5 {
                kafka.stop().await;
            }
            // While the broker is down the budget fills up: then the call waits, is cancelled, and goes on later.
            let step = lane.send(&mut records, Report::Counts);
            if tokio::time::timeout(Duration::from_millis(300), step).await.is_err() {
                kafka.restart().await;
                within("sending", lane.send(&mut records, Report::Counts)).await.unwrap();
            }
        }
        while lane.in_flight() > 0 {
            finished(&mut lane).await.outcome.unwrap();
        }
    }
    assert_eq!(lane.records_in_flight(), 0);
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    let found = read(&mut consumer, sent.len()).await;
    // A batch that was written but not acknowledged is written again; the order is kept, nothing is missing.
    let mut found: VecDeque<_> = texts(&found).into_iter().map(str::to_owned).collect();
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|text| seen.insert(text.clone()));
    assert_eq!(found, VecDeque::from(sent));
}

#[tokio::test]
async fn a_consumer_may_start_before_its_broker_and_outlive_it() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    kafka.write(&topic, 0, ["1".to_owned()]).await;
    kafka.stop().await;
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[("heartbeat.interval.ms", "200")]);
    let waits = tokio::time::timeout(Duration::from_millis(500), consumer.next(crate::broker::LIMITS)).await;
    assert!(waits.is_err(), "{waits:?}");
    assert!(consumer.trouble().is_some());
    kafka.restart().await;
    join(&mut consumer).await;
    assert_eq!(texts(&read(&mut consumer, 1).await), ["1"]);
    assert_eq!(consumer.trouble(), None);

    kafka.stop().await;
    let waits = tokio::time::timeout(Duration::from_millis(500), consumer.next(crate::broker::LIMITS)).await;
    assert!(waits.is_err(), "{waits:?}");
    kafka.restart().await;
    kafka.write(&topic, 0, ["2".to_owned()]).await;
    // The embedded broker may have forgotten the group: it is joined again, and nothing was committed.
    let found = read(&mut consumer, 1).await;
    assert_eq!(texts(&found).last(), Some(&"2"), "{:?}", texts(&found));
}

#[tokio::test]
async fn a_consumer_closes_without_its_broker() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    join(&mut consumer).await;
    kafka.stop().await;
    within("closing", consumer.close(SOON)).await.unwrap();
}
