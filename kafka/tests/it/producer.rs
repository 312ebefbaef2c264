//! Lanes and tickets.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use millrace_api::{Blob, TimestampType};
use millrace_kafka::{Budget, FailureKind, Outgoing, Report, SharedProducer, Sharing};

use crate::broker::{BUDGET, Kafka, SOON, finished, read, texts, to, unique, within};

#[tokio::test]
async fn a_record_arrives_as_it_was_sent() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(1).await;
    let bytes = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let large = Bytes::from(vec![7; 100_000]);
    let sent: Vec<Outgoing> = [
        (bytes("key"), bytes("value"), vec![("h", bytes("1")), ("h", None), ("", bytes(""))]),
        (None, None, vec![]),
        (bytes(""), bytes(""), vec![]),
        (None, Some(large), vec![("ä", bytes("ö"))]),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (key, value, headers))| Outgoing {
        topic: topic.as_str().into(),
        partition: Some(0),
        timestamp: Some(1_700_000_000_000 + index as i64),
        key,
        value,
        headers: headers.into_iter().map(|(name, value)| (Arc::from(name), value)).collect(),
    })
    .collect();

    let mut lane = kafka.lane(BUDGET, &[]);
    let mut batch = VecDeque::from(sent.clone());
    let ticket = lane.send(&mut batch, Report::Metadata).await.unwrap();
    assert!(batch.is_empty());
    assert_eq!(lane.in_flight(), 1);
    let end = finished(&mut lane).await;
    assert_eq!((end.ticket, lane.in_flight(), lane.records_in_flight()), (ticket, 0, 0));
    let metadata = end.outcome.unwrap();
    let offsets: Vec<_> = metadata.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(metadata[1].timestamp, Some(1_700_000_000_001));
    assert_eq!((&*metadata[1].topic, metadata[1].partition), (topic.as_str(), 0));

    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    let read = read(&mut consumer, 4).await;
    for (index, (read, sent)) in read.iter().zip(&sent).enumerate() {
        assert_eq!(read.offset, index as i64);
        assert_eq!((&read.topic, read.partition), (&sent.topic, 0));
        let blob = |bytes: &Option<Bytes>| bytes.clone().map(Blob::from);
        assert_eq!((&read.key, &read.value), (&blob(&sent.key), &blob(&sent.value)));
        let headers: Vec<_> = sent.headers.iter().map(|(name, value)| (name.clone(), blob(value))).collect();
        assert_eq!(read.headers, headers);
        assert_eq!((read.timestamp, read.timestamp_type), (sent.timestamp, TimestampType::CreateTime));
        assert_eq!(read.leader_epoch, Some(0));
    }
}

#[tokio::test]
async fn a_record_that_is_too_large_fails_alone() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(1).await;
    let large = "x".repeat(20_000);
    for report in [Report::Counts, Report::Metadata] {
        let mut lane = kafka.lane(BUDGET, &[("max.request.size", "10000")]);
        let mut batch: VecDeque<_> = ["a", &large, "b"].map(|text| to(&topic, Some(0), text)).into();
        lane.send(&mut batch, report).await.unwrap();
        let error = finished(&mut lane).await.outcome.unwrap_err();
        assert_eq!((error.failed, error.count), (1, 3), "{error}");
        assert_eq!(error.failure.kind, FailureKind::Record);
        assert_eq!(error.failure.class, "org.apache.kafka.common.errors.RecordTooLargeException");
        assert!(error.to_string().contains(&topic), "{error}");
        assert!(error.to_string().contains("the value of the max.request.size configuration"), "{error}");
        let failed: Vec<_> = error.records.iter().map(Result::is_err).collect();
        assert_eq!(failed, if report == Report::Counts { vec![] } else { vec![false, true, false] });
        assert_eq!(lane.records_in_flight(), 0);
    }
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    assert_eq!(texts(&read(&mut consumer, 4).await), ["a", "b", "a", "b"]);
}

#[tokio::test]
async fn a_lane_keeps_within_its_budget() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(1).await;
    let budget = Budget { bytes: 4000, messages: 20 };
    let mut lane = kafka.lane(budget, &[("linger.ms", "0")]);
    let mut texts_sent = Vec::new();
    for round in 0..10 {
        // The last one of each is larger than the whole budget, and goes alone.
        let mut round: Vec<_> = (0..100).map(|index| format!("{round}-{index}")).collect();
        round.push("x".repeat(5000));
        texts_sent.extend(round);
    }
    let mut batch: VecDeque<_> = texts_sent.iter().map(|text| to(&topic, Some(0), text)).collect();
    // Looked at whenever the lane waits.
    loop {
        let step =
            tokio::time::timeout(Duration::from_millis(1), lane.send(&mut batch, Report::Counts)).await;
        assert!(lane.records_in_flight() <= budget.messages, "{}", lane.records_in_flight());
        if let Ok(ticket) = step {
            assert_eq!(ticket.unwrap(), millrace_kafka::Ticket(0), "cancelled calls go on with their ticket");
            break;
        }
    }
    assert_eq!(lane.in_flight(), 1);
    finished(&mut lane).await.outcome.unwrap();
    let mut consumer = kafka.consumer(&unique("group"), &topic, &[]);
    assert_eq!(texts(&read(&mut consumer, texts_sent.len()).await), texts_sent);
}

#[tokio::test]
async fn lanes_do_not_mix() {
    let kafka = Kafka::any().await;
    let topic = kafka.topic(4).await;
    let sharing = Sharing { budget: BUDGET, lanes_max: 2, stall: SOON };
    let producer = SharedProducer::new(kafka.settings(&[]), sharing).unwrap();
    let mut lanes = [producer.lane("a").unwrap(), producer.lane("b").unwrap()];
    for lane in &mut lanes {
        for _ in 0..5 {
            let mut batch: VecDeque<_> = (0..200).map(|index| to(&topic, None, &index.to_string())).collect();
            lane.send(&mut batch, Report::Metadata).await.unwrap();
        }
        let mut empty = VecDeque::new();
        lane.send(&mut empty, Report::Counts).await.unwrap();
    }
    for lane in &mut lanes {
        let mut tickets = Vec::new();
        while lane.in_flight() > 0 {
            let end = finished(lane).await;
            tickets.push((end.ticket.0, end.outcome.unwrap().len()));
        }
        tickets.sort_unstable();
        assert_eq!(tickets, [(0, 200), (1, 200), (2, 200), (3, 200), (4, 200), (5, 0)]);
    }
}

#[tokio::test]
async fn dropping_a_producer_never_blocks() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    kafka.stop().await;
    let mut lane = kafka.lane(BUDGET, &[]);
    let mut batch: VecDeque<_> = (0..100).map(|index| to(&topic, None, &index.to_string())).collect();
    lane.send(&mut batch, Report::Counts).await.unwrap();
    let begun = std::time::Instant::now();
    drop(lane);
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    // Other tests close clients at the same time: all of them end, if not together.
    within("all clients close", async {
        while millrace_kafka::all_closed(Duration::from_secs(1)).await > 20 {}
    })
    .await;
}

#[tokio::test]
async fn a_record_that_nobody_takes_times_out_as_retriable() {
    let mut kafka = Kafka::own().await;
    let topic = kafka.topic(1).await;
    kafka.stop().await;
    let mut lane = kafka.lane(BUDGET, &[("delivery.timeout.ms", "1000"), ("linger.ms", "0")]);
    let mut batch: VecDeque<_> = [to(&topic, None, "x")].into();
    lane.send(&mut batch, Report::Counts).await.unwrap();
    let error = finished(&mut lane).await.outcome.unwrap_err();
    assert_eq!(error.failure.kind, FailureKind::Retriable);
    assert_eq!(error.failure.class, "org.apache.kafka.common.errors.TimeoutException");
    assert!(error.to_string().contains("refused"), "it says what the connection met: {error}");
}
