//! Membership of a group with protocol type `connect`.

use std::sync::Arc;

use bytes::Bytes;
use millrace_kafka::{FailureKind, Group, GroupNews, GroupSettings, KafkaError};
use tokio::sync::mpsc::Receiver;

use crate::broker::{Kafka, unique, within};

/// Quick rounds, and members that are missed soon: a broker allows no shorter session than six seconds.
const QUICK: [(&str, &str); 4] = [
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "300"),
    ("rebalance.timeout.ms", "10000"),
    ("client.id", "worker"),
];

struct Worker {
    group: Group,
    news: Receiver<GroupNews>,
    offers: Vec<(String, Bytes)>,
}

/// What a worker was given.
struct Place {
    generation: i32,
    member: Arc<str>,
    protocol: Arc<str>,
    assignment: Bytes,
}

impl Worker {
    async fn join(kafka: &Kafka, group: &str, offers: &[&str]) -> Self {
        let mut settings = kafka.settings(&QUICK);
        settings.insert("group.id", group);
        let (group, news) = Group::start(GroupSettings::of(&settings).unwrap());
        let offer = |name: &&str| ((*name).to_owned(), Bytes::from(format!("state of {name}")));
        let worker = Self { group, news, offers: offers.iter().map(offer).collect() };
        worker.group.join(worker.offers.clone()).await;
        worker
    }

    async fn next(&mut self) -> GroupNews {
        within("news of the group", self.news.recv()).await.expect("the member lives")
    }

    /// Takes part until the worker has its place; leads when it has to, and joins again when it must.
    async fn place(&mut self) -> Place {
        loop {
            match self.next().await {
                GroupNews::Elected { generation, members, .. } => {
                    let give = |(id, state): (Arc<str>, Bytes)| {
                        let given = format!("{id} of {generation}: {}", String::from_utf8_lossy(&state));
                        (id, Bytes::from(given))
                    };
                    self.group.distribute(generation, members.into_iter().map(give).collect()).await;
                }
                GroupNews::Assigned { generation, member, protocol, assignment } => {
                    return Place { generation, member, protocol, assignment };
                }
                GroupNews::RebalanceNeeded | GroupNews::JoinFailed { .. } => {
                    self.group.join(self.offers.clone()).await;
                }
                GroupNews::CoordinatorLost { .. } => {}
                GroupNews::Fatal(error) => panic!("{error}"),
            }
        }
    }
}

fn check_given(place: &Place, protocol: &str) {
    let expected = format!("{} of {}: state of {protocol}", place.member, place.generation);
    assert_eq!(place.assignment, expected.as_bytes());
    assert_eq!(&*place.protocol, protocol);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go() {
    let kafka = Kafka::any().await;
    let group = unique("group");
    let mut first = Worker::join(&kafka, &group, &["sessioned", "compatible", "default"]).await;
    let alone = first.place().await;
    check_given(&alone, "sessioned");

    let mut second = Worker::join(&kafka, &group, &["millrace-1", "compatible", "default"]).await;
    let (one, two) = tokio::join!(first.place(), second.place());
    check_given(&one, "compatible");
    check_given(&two, "compatible");
    assert_eq!(one.generation, two.generation);
    assert_eq!(one.member, alone.member, "a member keeps its name");
    assert_ne!(one.member, two.member);

    within("closing", second.group.close("the consumer is being closed")).await;
    let left = first.place().await;
    check_given(&left, "sessioned");
    assert!(left.generation > one.generation);
}

/// The broker notices a member that is silent, and the others take its place over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_dies_is_missed() {
    let kafka = Kafka::any().await;
    let group = unique("group");
    let mut first = Worker::join(&kafka, &group, &["default"]).await;
    first.place().await;
    let mut second = Worker::join(&kafka, &group, &["default"]).await;
    let (one, _) = tokio::join!(first.place(), second.place());
    // Without a word.
    drop(second);
    let alone = first.place().await;
    assert!(alone.generation > one.generation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_without_a_common_protocol_refuses() {
    let kafka = Kafka::any().await;
    let group = unique("group");
    let mut first = Worker::join(&kafka, &group, &["sessioned"]).await;
    first.place().await;
    let mut second = Worker::join(&kafka, &group, &["default"]).await;
    let GroupNews::Fatal(error) = second.next().await else { panic!("it is let in") };
    assert_eq!(error.class(), "org.apache.kafka.common.errors.InconsistentGroupProtocolException");
    assert_eq!(error.kind(), FailureKind::Fatal);
    assert!(matches!(error, KafkaError::Refused { .. }));
}

/// The coordinator goes away and comes back: the worker hears of it in time, and has its place again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_coordinator_is_reported_and_found_again() {
    let mut kafka = Kafka::own().await;
    let group = unique("group");
    let mut worker = Worker::join(&kafka, &group, &["default"]).await;
    let before = worker.place().await;
    kafka.stop().await;
    let GroupNews::CoordinatorLost { reason } = worker.next().await else { panic!("nobody misses it") };
    assert!(!reason.is_empty());
    worker.group.join(worker.offers.clone()).await;
    kafka.restart().await;
    let after = worker.place().await;
    check_given(&after, "default");
    // This broker keeps no members over a restart.
    assert_ne!(after.member, before.member);
}

/// A worker whose own loop is stuck gives its place up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_stuck_leaves() {
    let kafka = Kafka::any().await;
    let mut settings = kafka.settings(&QUICK);
    let group = unique("group");
    settings.insert("group.id", group.as_str());
    settings.insert("rebalance.timeout.ms", "1000");
    let (member, news) = Group::start(GroupSettings::of(&settings).unwrap());
    let offers = vec![("default".to_owned(), Bytes::from_static(b"state"))];
    let mut worker = Worker { group: member, news, offers };
    worker.group.join(worker.offers.clone()).await;
    let before = worker.place().await;
    // Nobody says that the loop is alive.
    assert!(matches!(worker.next().await, GroupNews::RebalanceNeeded));
    worker.group.join(worker.offers.clone()).await;
    let after = worker.place().await;
    assert_ne!(before.member, after.member, "it is a new member");
}

#[tokio::test]
async fn a_group_that_is_nowhere_is_reported() {
    let settings =
        [("bootstrap.servers", "127.0.0.1:1"), ("group.id", "g"), ("heartbeat.interval.ms", "300")];
    let settings = settings.into_iter().collect();
    let (group, news) = Group::start(GroupSettings::of(&settings).unwrap());
    let mut worker = Worker { group, news, offers: Vec::new() };
    worker.group.join(Vec::new()).await;
    let GroupNews::CoordinatorLost { reason } = worker.next().await else { panic!("it is found") };
    assert!(reason.contains("127.0.0.1:1"), "{reason}");
    // It is looked for still, and can be told to end.
    within("closing", worker.group.close("the consumer is being closed")).await;
}
