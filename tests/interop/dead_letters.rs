//! Dead letter queues beside Kafka Connect's, and a topic that holds nothing but bad records.

use std::fs;

use millrace_tests::{
    Broker, BrokerKind, Connector, LATE, Record, SOON, Worker, eventually, eventually_some, file_sink,
    file_source, folder, unique,
};

on_both_brokers!(every_record_of_a_topic_is_bad, a_record_that_is_too_large_is_left_out);

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Bad JSON in all the ways that a converter tells apart, among good records.
fn samples() -> Vec<Record> {
    let record = |value: &[u8]| Record { value: Some(value.to_vec()), ..Record::default() };
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
    vec![
        record(b"\"good\""),
        Record { key: Some(vec![0, 0xff, b'k']), ..record(b"{bad") },
        Record {
            headers: vec![header("origin", b"shop"), header("__connect.errors.topic", b"an earlier failure")],
            ..record(b"{\"a\":1")
        },
        Record { key: Some(b"tombstone".to_vec()), value: None, ..Record::default() },
        record(b"\xff\xfe"),
        record(b"\"last\""),
    ]
}

/// A sink of JSON, and one whose transformation refuses texts.
fn sinks(name: &str, topic: &str, worker: &Worker) -> [Connector; 2] {
    let sink = |kind: &str| {
        let name = format!("{name}-{kind}");
        let output = worker.folder().path(&format!("{name}.txt"));
        file_sink(&name, topic, &output)
            .set("errors.tolerance", "all")
            .set("errors.deadletterqueue.topic.name", format!("{name}-dead"))
            .set("errors.deadletterqueue.topic.replication.factor", 1)
            .set("errors.deadletterqueue.context.headers.enable", true)
    };
    let json = sink("json").set("value.converter", JSON).set("value.converter.schemas.enable", false);
    let insert = sink("insert")
        .set("transforms", "from")
        .set("transforms.from.type", "org.apache.kafka.connect.transforms.InsertField$Value")
        .set("transforms.from.topic.field", "topic");
    [json, insert]
}

/// What can be compared: the connectors have names of their own, and a stack trace names its program's code.
fn comparable(records: Vec<Record>, name: &str) -> Vec<Record> {
    let mut records = records;
    for record in &mut records {
        for (header, value) in &mut record.headers {
            let text = String::from_utf8_lossy(value.as_deref().unwrap_or_default()).into_owned();
            match header.as_str() {
                "__connect.errors.connector.name" => *value = Some(text.replace(name, "NAME").into()),
                "__connect.errors.exception.stacktrace" => {
                    // The first line, and those of the causes' classes.
                    *value = Some(text.lines().next().unwrap_or_default().into());
                }
                _ => {}
            }
        }
    }
    records
}

#[test]
fn a_queue_holds_what_kafka_connects_would() {
    let broker = Broker::shared(BrokerKind::Kafka);
    let (topic, name) = (unique("bad"), unique("queue"));
    broker.client().create_topic(&topic, 1);
    broker.client().produce_records(&topic, &samples());
    let mut found = Vec::new();
    for (program, mut worker) in [("java", Worker::java(broker)), ("ours", Worker::millrace(broker))] {
        let name = format!("{name}-{program}");
        for sink in sinks(&name, &topic, &worker) {
            worker.add(&sink);
        }
        worker.start();
        let read = |kind: &str, count: usize| {
            let queue = format!("{name}-{kind}-dead");
            eventually(LATE, || broker.client().try_count(&queue).is_ok_and(|found| found >= count as u64));
            comparable(broker.client().records(&queue), &name)
        };
        found.push((read("json", 3), read("insert", 5)));
        worker.stop();
    }
    let (java, ours) = (&found[0], &found[1]);
    for (java, ours) in java.0.iter().zip(&ours.0).chain(java.1.iter().zip(&ours.1)) {
        assert_eq!(ours.headers, java.headers, "of {:?}", java.value);
        assert_eq!(ours, java);
    }
    assert_eq!((java.0.len(), java.1.len()), (ours.0.len(), ours.1.len()));
}

/// At full speed: everything is in the queue, and neither the log nor the memory has grown with it.
fn every_record_of_a_topic_is_bad(kind: BrokerKind) {
    const COUNT: usize = 200_000;
    let broker = Broker::shared(kind);
    let (topic, name) = (unique("all-bad"), unique("all-bad-sink"));
    broker.client().create_topic(&topic, 1);
    let mut worker = Worker::millrace(broker);
    let lines: Vec<String> = (0..COUNT).map(|number| format!("{{bad {number}")).collect();
    let input = worker.folder().write_lines("in.txt", &lines);
    let output = worker.folder().path("out.txt");
    let dead = format!("{name}-dead");
    let sink = file_sink(&name, &topic, &output)
        .set("value.converter", JSON)
        .set("errors.tolerance", "all")
        .set("errors.log.enable", true)
        .set("errors.log.include.messages", true)
        .set("errors.deadletterqueue.topic.name", &dead)
        .set("errors.deadletterqueue.topic.replication.factor", 1)
        .set("errors.deadletterqueue.context.headers.enable", true);
    worker.add(&file_source("lines", &input, &topic)).add(&sink);
    worker.start();
    eventually(LATE, || broker.client().count(&dead) == COUNT as u64);
    let group = format!("connect-{name}");
    eventually(SOON, || broker.client().committed(&group) == [(topic.clone(), 0, COUNT as i64)]);
    let memory = worker.process().memory().unwrap();
    assert!(memory < 200 * 1024 * 1024, "{memory} bytes are resident");
    assert!(worker.rest().is_running(&name));
    let log = worker.stop().log;
    assert!(log.len() < 400_000, "the log has {} bytes", log.len());
    let full = format!(
        "Error encountered in task {name}-0. Executing stage 'VALUE_CONVERTER' with class '{JSON}', where consumed record is {{topic='{topic}', partition=0, offset=0, timestamp="
    );
    assert!(log.contains(&full), "{log}");
    assert!(log.contains("more errors like the last were encountered"), "{log}");
    assert!(log.contains(&format!("total-records-skipped={COUNT}")), "{log}");
    assert_eq!(fs::read(&output).unwrap_or_default(), b"");
}

/// The broker refuses it; the source, told to tolerate errors, names it and goes on.
fn a_record_that_is_too_large_is_left_out(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("large");
    let mut worker = Worker::millrace(broker);
    let input = worker.folder().write("in.txt", format!("one\n{}\ntwo\n", "x".repeat(2_000_000)));
    let dead = format!("{topic}-dead");
    let source = file_source("source", &input, &topic)
        .set("errors.tolerance", "all")
        .set("errors.log.enable", true)
        .set("errors.log.include.messages", true)
        .set("errors.deadletterqueue.topic.name", &dead)
        .set("errors.deadletterqueue.topic.replication.factor", 1);
    worker.add(&source);
    worker.start();
    eventually(SOON, || broker.client().values(&topic) == ["one", "two"]);
    eventually(SOON, || worker.log().contains("Could not produce message to dead letter queue"));
    assert!(worker.rest().is_running("source"));
    let named = "Executing stage 'KAFKA_PRODUCE' with class 'org.apache.kafka.connect.runtime.WorkerSourceTask', where source record is = SourceRecord{sourcePartition={filename=";
    assert!(worker.log().contains(named));
    assert!(worker.log().len() < 200_000, "the log quotes a record of 2 MB");
    folder::append(&input, "three\n");
    eventually(SOON, || broker.client().values(&topic) == ["one", "two", "three"]);
}

#[test]
fn a_queue_that_the_cluster_cannot_hold_fails_the_task() {
    let broker = Broker::shared(BrokerKind::Kafka);
    let topic = unique("replicas");
    broker.client().produce(&topic, &["{bad"]);
    let mut worker = Worker::under_test(broker);
    let output = worker.folder().path("out.txt");
    let name = unique("replicas-sink");
    let sink = file_sink(&name, &topic, &output)
        .set("errors.tolerance", "all")
        .set("errors.deadletterqueue.topic.name", format!("{name}-dead"));
    worker.add(&sink);
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure(&name));
    assert!(
        trace.contains(&format!("Could not initialize dead letter queue with topic={name}-dead")),
        "{trace}"
    );
    assert!(trace.contains("InvalidReplicationFactorException"), "{trace}");
}
