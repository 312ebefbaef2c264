//! The servers that other tests stand on: each does here what those tests rely on.

use millrace_tests::{
    Broker, BrokerKind, LATE, Record, Worker, eventually, file_sink, file_source, folder, unique,
};

#[test]
fn kafka_keeps_records_over_kill_9_on_the_same_port() {
    let mut kafka = Broker::new(BrokerKind::Kafka);
    let bootstrap = kafka.bootstrap();
    kafka.client().create_topic("orders", 2);
    let record = Record {
        partition: Some(1),
        key: Some(vec![0, 0xff, b'k']),
        value: Some("käse".into()),
        headers: vec![("origin".to_owned(), Some(b"shop".to_vec())), ("empty".to_owned(), Some(vec![]))],
        ..Record::default()
    };
    kafka.client().produce_records("orders", &[record.clone(), Record { value: None, ..record.clone() }]);

    kafka.kill_9();
    assert!(kafka.client().try_count("orders").is_err());
    kafka.start();
    assert_eq!(kafka.bootstrap(), bootstrap);

    let read = kafka.client().records("orders");
    assert_eq!(read.len(), 2);
    for (offset, read) in (0..).zip(&read) {
        let value = if offset == 0 { record.value.clone() } else { None };
        let timestamp = read.timestamp;
        assert_eq!(*read, Record { offset, timestamp, value, ..record.clone() });
    }
    assert_eq!(kafka.client().count("orders"), 2);
}

#[test]
fn an_unknown_topic_is_empty() {
    let kafka = Broker::shared(BrokerKind::Kafka);
    assert_eq!(kafka.client().count(&unique("nobody-made-this")), 0);
    assert!(kafka.client().records(&unique("nobody-made-this")).is_empty());
}

#[test]
fn a_java_worker_copies_a_file_and_ends_with_143() {
    let kafka = Broker::shared(BrokerKind::Kafka);
    let topic = unique("java-copy");
    let mut worker = Worker::java(kafka);
    let input = worker.folder().write("in.txt", "one\ntwo\nthree\n");
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, &topic)).add(&file_sink("sink", &topic, &output));
    worker.start();
    eventually(LATE, || folder::lines_of(&output) == ["one", "two", "three"]);
    assert_eq!(kafka.client().values(&topic), ["one", "two", "three"]);
    assert!(worker.rest().is_running("source"));
    assert_eq!(worker.stop().code, 143);
    let offsets = std::fs::read(worker.offset_file()).unwrap();
    assert!(offsets.starts_with(&[0xac, 0xed, 0x00, 0x05]), "not a Java serialization stream: {offsets:?}");
}
