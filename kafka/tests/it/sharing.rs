//! What tasks that share a producer do not do to each other, on librdkafka's own cluster for tests: it takes a leader away
//! and answers with errors on demand, which a real broker does not.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use millrace_api::Properties;
use millrace_kafka::{
    Budget, Consumer, ConsumerLimits, FailureKind, Lane, Report, SendError, SharedProducer, Sharing, Ticket,
    Topics,
};
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use crate::broker::{SOON, finished, read, texts, to, unique, within};

const BUDGET: Budget = Budget { bytes: 1 << 20, messages: 1000 };

/// Shorter than in a worker: a test waits for it.
const STALL: Duration = Duration::from_secs(1);

/// A cluster with two topics, each on a broker of its own.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    fn start() -> Self {
        let mock = MockCluster::new(2).unwrap();
        for (topic, leader) in [("first", 1), ("second", 2)] {
            mock.create_topic(topic, 1, 1).unwrap();
            mock.partition_leader(topic, 0, Some(leader)).unwrap();
        }
        Self { mock }
    }

    fn settings(&self, more: &[(&str, &str)]) -> Properties {
        // As connectors send.
        let mut settings = Properties::from([
            ("acks", "all"),
            ("enable.idempotence", "false"),
            ("max.in.flight.requests.per.connection", "1"),
            ("delivery.timeout.ms", "2147483647"),
        ]);
        settings.extend(&more.iter().copied().collect());
        settings.insert("bootstrap.servers", self.mock.bootstrap_servers());
        settings
    }

    fn producer(&self, stall: Duration, more: &[(&str, &str)]) -> Arc<SharedProducer> {
        let sharing = Sharing { budget: BUDGET, lanes_max: 2, stall };
        SharedProducer::new(self.settings(more), sharing).unwrap()
    }

    fn take_leader_of(&self, topic: &str) {
        self.mock.partition_leader(topic, 0, None).unwrap();
    }

    fn give_leader_to(&self, topic: &str) {
        self.mock.partition_leader(topic, 0, Some(1)).unwrap();
    }

    async fn texts(&self, topic: &str, count: usize) -> Vec<String> {
        let group = unique("group");
        let mut settings =
            Properties::from([("group.id", group.as_str()), ("auto.offset.reset", "earliest")]);
        settings.insert("bootstrap.servers", self.mock.bootstrap_servers());
        let topics = Topics::Names(vec![topic.to_owned()]);
        let limits = ConsumerLimits { queued_bytes: 1 << 20 };
        let mut consumer = Consumer::subscribe(&settings, topics, limits).unwrap();
        texts(&read(&mut consumer, count).await).into_iter().map(str::to_owned).collect()
    }
}

async fn send(lane: &mut Lane, topic: &str, texts: impl IntoIterator<Item = String>) -> Ticket {
    let mut batch: VecDeque<_> = texts.into_iter().map(|text| to(topic, Some(0), &text)).collect();
    within("sending", lane.send(&mut batch, Report::Counts)).await.unwrap()
}

/// Sends and waits for the acknowledgement.
async fn deliver(lane: &mut Lane, topic: &str, text: &str) {
    let ticket = send(lane, topic, [text.to_owned()]).await;
    loop {
        let end = finished(lane).await;
        end.outcome.unwrap();
        if end.ticket == ticket {
            return;
        }
    }
}

#[tokio::test]
async fn a_task_that_floods_a_leaderless_topic_takes_only_its_own_budget() {
    let cluster = Cluster::start();
    cluster.take_leader_of("first");
    let producer = cluster.producer(SOON, &[]);
    let (mut floods, mut works) = (producer.lane("floods").unwrap(), producer.lane("works").unwrap());
    let mut flood: VecDeque<_> = (0..20_000).map(|index| to("first", Some(0), &index.to_string())).collect();
    let flooding = floods.send(&mut flood, Report::Counts);
    assert!(tokio::time::timeout(Duration::from_millis(300), flooding).await.is_err(), "it has to wait");
    assert_eq!(floods.records_in_flight(), BUDGET.messages);
    assert!(works.shares_with(&floods));
    let texts: Vec<_> = (0..5000).map(|index| index.to_string()).collect();
    send(&mut works, "second", texts.clone()).await;
    finished(&mut works).await.outcome.unwrap();
    assert_eq!(cluster.texts("second", texts.len()).await, texts);
}

#[tokio::test]
async fn tasks_part_from_one_whose_topic_makes_no_progress_and_meet_it_again() {
    let cluster = Cluster::start();
    cluster.take_leader_of("first");
    let producer = cluster.producer(STALL, &[]);
    let (mut stuck, mut works) = (producer.lane("stuck").unwrap(), producer.lane("works").unwrap());
    let texts: Vec<_> = (0..100).map(|index| index.to_string()).collect();
    send(&mut stuck, "first", texts.clone()).await;
    let mut sent = 0;
    while works.shares_with(&stuck) {
        assert!(sent < 100_000, "the producer was never retired");
        deliver(&mut works, "second", &sent.to_string()).await;
        sent += 1;
    }
    assert_eq!(stuck.records_in_flight(), texts.len(), "what is stuck is kept");
    assert!(stuck.try_finished().is_none());

    cluster.give_leader_to("first");
    finished(&mut stuck).await.outcome.unwrap();
    deliver(&mut stuck, "first", "again").await;
    assert!(works.shares_with(&stuck), "both go on with the fresh producer");
    assert_eq!(cluster.texts("first", 101).await, [texts, vec!["again".to_owned()]].concat());
    assert_eq!(cluster.texts("second", sent).await.len(), sent, "nothing was sent twice by the change");
}

#[tokio::test]
async fn records_of_a_task_that_was_given_up_are_never_written() {
    let cluster = Cluster::start();
    cluster.take_leader_of("first");
    let producer = cluster.producer(SOON, &[]);
    let (mut given_up, mut works) = (producer.lane("task").unwrap(), producer.lane("works").unwrap());
    deliver(&mut works, "second", "before").await;
    send(&mut given_up, "first", (0..100).map(|index| format!("late {index}"))).await;
    let remains = given_up.remains();
    drop(given_up);
    // The other one has nothing in it and does nothing, and the records are purged all the same.
    within("the records are purged", async {
        while remains.records() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut anew = producer.lane("task").unwrap();
    anew.follow(remains);
    cluster.give_leader_to("first");
    deliver(&mut anew, "first", "anew").await;
    deliver(&mut works, "second", "after").await;
    assert!(works.shares_with(&anew));
    deliver(&mut anew, "first", "last").await;
    assert_eq!(cluster.texts("first", 2).await, ["anew", "last"]);
    assert_eq!(cluster.texts("second", 2).await, ["before", "after"]);
}

#[tokio::test]
async fn a_task_that_begins_anew_waits_for_what_its_earlier_life_has_left() {
    let cluster = Cluster::start();
    cluster.take_leader_of("first");
    let producer = cluster.producer(SOON, &[]);
    // The other one has records there too: they must not be purged, and so neither are those of the first.
    let (mut zombie, mut works) = (producer.lane("task").unwrap(), producer.lane("works").unwrap());
    send(&mut works, "first", ["other".to_owned()]).await;
    send(&mut zombie, "first", ["old 1".to_owned()]).await;
    // It is not even gone: it hangs somewhere, and wakes up too late.
    let mut anew = producer.lane("task").unwrap();
    anew.follow(zombie.remains());
    let mut batch: VecDeque<_> = [to("first", Some(0), "old 2")].into();
    let refused = within("sending", zombie.send(&mut batch, Report::Counts)).await;
    assert!(matches!(refused, Err(SendError::GivenUp)), "{refused:?}");
    let mut batch: VecDeque<_> = [to("first", Some(0), "new")].into();
    let waits = tokio::time::timeout(Duration::from_millis(700), anew.send(&mut batch, Report::Counts)).await;
    assert!(waits.is_err(), "{waits:?}");
    assert_eq!(anew.records_in_flight(), 0);
    cluster.give_leader_to("first");
    within("sending", anew.send(&mut batch, Report::Counts)).await.unwrap();
    finished(&mut anew).await.outcome.unwrap();
    finished(&mut works).await.outcome.unwrap();
    assert_eq!(cluster.texts("first", 3).await, ["other", "old 1", "new"]);
}

#[tokio::test]
async fn a_fatal_error_fails_the_tasks_with_records_in_the_producer_and_no_other() {
    let cluster = Cluster::start();
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.mock.request_errors(RDKafkaApiKey::InitProducerId, &[refused]);
    let producer = cluster.producer(SOON, &[("enable.idempotence", "true")]);
    let (mut sends, mut rests) = (producer.lane("sends").unwrap(), producer.lane("rests").unwrap());
    send(&mut sends, "first", ["lost".to_owned()]).await;
    let error = finished(&mut sends).await.outcome.unwrap_err();
    assert_eq!(error.failure.kind, FailureKind::Fatal, "{error}");
    assert_eq!(
        error.failure.class, "org.apache.kafka.common.errors.ClusterAuthorizationException",
        "{error}"
    );
    let mut batch: VecDeque<_> = [to("first", Some(0), "later")].into();
    let refused = within("sending", sends.send(&mut batch, Report::Counts)).await;
    assert!(matches!(refused, Err(SendError::Fatal(_))), "{refused:?}");
    assert_eq!((batch.len(), sends.in_flight()), (1, 0), "what was refused stays");

    deliver(&mut rests, "second", "fine").await;
    assert!(!rests.shares_with(&sends));
    drop(sends);
    let mut anew = producer.lane("sends").unwrap();
    deliver(&mut anew, "first", "anew").await;
    assert_eq!(cluster.texts("first", 1).await, ["anew"]);
}
