//! Topics that source connectors create, and what happens when a topic cannot be had or takes no record.

use millrace_tests::{
    Broker, BrokerKind, Connector, LATE, Worker, eventually, eventually_some, file_source, numbered_lines,
    unique,
};

on_both_brokers!(
    topics_are_created_as_their_groups_say,
    a_topic_that_exists_is_left_as_it_is,
    a_topic_that_cannot_be_created_fails_the_task,
    a_worker_may_forbid_the_creation_of_topics,
    a_record_that_is_too_large_fails_the_task_and_names_the_setting,
    a_topic_that_is_deleted_is_made_anew_by_the_broker,
);

/// A broker that refuses what somebody else has reserved.
const AUTHORIZER: [&str; 2] = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=true",
];

fn creates(connector: Connector) -> Connector {
    connector
        .set("topic.creation.default.partitions", 3)
        .set("topic.creation.default.replication.factor", 1)
        .set("topic.creation.groups", "logs")
        .set("topic.creation.logs.include", "trace,logs-.*")
        .set("topic.creation.logs.partitions", 5)
        .set("topic.creation.logs.retention.ms", 123_456_789)
}

#[track_caller]
fn eventually_fails(worker: &Worker, name: &str, reasons: &[&str]) {
    let failure = eventually_some(LATE, || worker.rest().task_failure(name));
    for reason in reasons {
        assert!(failure.contains(reason), "{reason} is not in {failure}");
    }
}

fn topics_are_created_as_their_groups_say(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let (logs, other) = (unique("logs"), unique("other"));
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(500));
    worker.add(&creates(file_source("first", &input, &logs)));
    worker.add(&creates(file_source("second", &input, &other)));
    worker.start();
    let client = broker.client();
    eventually(LATE, || client.count(&logs) == 500 && client.count(&other) == 500);
    let (logs, other) = (client.describe(&logs), client.describe(&other));
    assert_eq!((&logs["partitions"], &logs["settings"]["retention.ms"]), (&5.into(), &"123456789".into()));
    assert_eq!((&other["partitions"], other["settings"].get("retention.ms")), (&3.into(), None), "{other}");
    let log = worker.log();
    assert!(
        log.contains("using creation group logs") && log.contains("using creation group default"),
        "{log}"
    );
}

fn a_topic_that_exists_is_left_as_it_is(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("logs");
    broker.client().create_topic(&topic, 2);
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    worker.add(&creates(file_source("source", &input, &topic)));
    worker.start();
    eventually(LATE, || broker.client().count(&topic) == 10);
    assert_eq!(broker.client().describe(&topic)["partitions"], 2);
}

fn a_topic_that_cannot_be_created_fails_the_task(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("other");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    let source = creates(file_source("source", &input, &topic));
    worker.add(&source.set("topic.creation.default.replication.factor", 7));
    worker.start();
    eventually_fails(&worker, "source", &[&topic]);
    assert_eq!(broker.client().describe(&topic)["partitions"], 0);
}

fn a_worker_may_forbid_the_creation_of_topics(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("other");
    let mut worker = Worker::under_test(broker);
    worker.set("topic.creation.enable", false);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    worker.add(&creates(file_source("source", &input, &topic)));
    worker.start();
    eventually(LATE, || broker.client().count(&topic) == 10);
    assert_eq!(broker.client().describe(&topic)["partitions"], 1, "the broker has made it");
}

fn a_record_that_is_too_large_fails_the_task_and_names_the_setting(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let (small, any) = (unique("small"), unique("any"));
    broker.client().create_topic_with(&small, 1, &["max.message.bytes=2000"]);
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", format!("{}\n", "x".repeat(5000)));
    worker.add(&file_source("broker", &input, &small));
    let source = file_source("client", &input, &any);
    worker.add(&source.set("producer.override.max.request.size", 4000));
    worker.start();
    let class = "org.apache.kafka.common.errors.RecordTooLargeException";
    eventually_fails(&worker, "broker", &[class, &small, "max.message.bytes of topic"]);
    eventually_fails(&worker, "client", &[class, &any, "max.request.size configuration"]);
}

fn a_topic_that_is_deleted_is_made_anew_by_the_broker(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("deleted");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(LATE, || broker.client().count(&topic) == 10);
    broker.client().delete_topic(&topic);
    millrace_tests::folder::append(&input, "after\n");
    eventually(LATE, || broker.client().values(&topic).contains(&"after".to_owned()));
    assert!(worker.rest().is_running("source"));
}

/// The broker makes no topics: librdkafka gives one up after half a minute, and the error says what can be done.
#[test]
fn a_topic_that_is_gone_for_good_fails_the_task() {
    let broker = Broker::kafka_with(&["auto.create.topics.enable=false"]);
    let (missing, gone, made) = (unique("missing"), unique("gone"), unique("made"));
    broker.client().create_topic(&gone, 1);
    let mut worker = Worker::millrace(&broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    worker.add(&file_source("missing", &input, &missing));
    worker.add(&file_source("gone", &input, &gone));
    worker.add(&creates(file_source("made", &input, &made)));
    worker.start();
    let client = broker.client();
    eventually(LATE, || client.count(&gone) == 10 && client.count(&made) == 10);
    client.delete_topic(&gone);
    millrace_tests::folder::append(&input, "after\n");
    for (name, topic) in [("missing", &missing), ("gone", &gone)] {
        eventually_fails(&worker, name, &[topic, "topic.creation.default.partitions"]);
    }
    assert!(worker.rest().is_running("made"), "the tasks share a producer, and no more than that");
    eventually(LATE, || client.count(&made) == 11);
}

#[test]
fn a_topic_that_is_refused_fails_its_task_only() {
    let broker = Broker::kafka_with(&AUTHORIZER);
    let (mine, existing, absent) = (unique("mine"), unique("existing"), unique("absent"));
    let client = broker.client();
    client.create_topic(&existing, 1);
    client.reserve(&existing);
    client.reserve(&absent);
    let mut worker = Worker::millrace(&broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(10));
    worker.add(&file_source("mine", &input, &mine));
    worker.add(&file_source("existing", &input, &existing));
    worker.add(&creates(file_source("absent", &input, &absent)));
    worker.start();
    let class = "org.apache.kafka.common.errors.TopicAuthorizationException";
    eventually_fails(&worker, "existing", &[class, &existing]);
    let reason = "Ensure that the task is authorized to create topics or that the topic exists";
    eventually_fails(&worker, "absent", &[class, &absent, reason]);
    eventually(LATE, || client.count(&mine) == 10);
    assert!(worker.rest().is_running("mine"));
    millrace_tests::folder::append(&input, "after\n");
    eventually(LATE, || client.count(&mine) == 11);
}
