//! Records with keys go to the partitions that Java's producer chooses: whoever moves from Kafka Connect keeps the order of
//! each key.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use millrace_tests::java::{Jvm, java};
use millrace_tests::{Broker, BrokerKind, Client, LATE, Worker, eventually, file_source, unique};

const PARTITIONS: u32 = 12;

on_both_brokers!(keys_have_the_partitions_that_java_chooses);

fn keys_have_the_partitions_that_java_chooses(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let client = broker.client();
    let mut keys: Vec<String> = (0..300).map(|number| format!("key {number}")).collect();
    keys.extend(["", "a", "ab", "abc", "abcd", "ä", "日本語", "🦀"].map(str::to_owned));
    let (java, ours) = (unique("java"), unique("ours"));
    client.create_topic(&java, PARTITIONS);
    client.create_topic(&ours, PARTITIONS);
    produce_with_java(broker, &java, &keys);

    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &keys);
    let package = "org.apache.kafka.connect.transforms";
    let source = file_source("source", &input, &ours)
        .set("transforms", "hoist,key,plain")
        .set("transforms.hoist.type", format!("{package}.HoistField$Value"))
        .set("transforms.hoist.field", "line")
        .set("transforms.key.type", format!("{package}.ValueToKey"))
        .set("transforms.key.fields", "line")
        .set("transforms.plain.type", format!("{package}.ExtractField$Key"))
        .set("transforms.plain.field", "line");
    worker.add(&source);
    worker.start();
    eventually(LATE, || client.count(&ours) == keys.len() as u64);
    let (java, ours) = (partitions(&client, &java), partitions(&client, &ours));
    assert_eq!(java.len(), keys.len());
    assert!(java.values().collect::<std::collections::BTreeSet<_>>().len() > 6, "{java:?}");
    assert_eq!(java, ours);
}

fn partitions(client: &Client, topic: &str) -> BTreeMap<Vec<u8>, i64> {
    let records = client.records(topic).into_iter();
    records.map(|record| (record.key.unwrap(), record.partition.unwrap())).collect()
}

fn produce_with_java(broker: &Broker, topic: &str, keys: &[String]) {
    let mut command = java(&Jvm::QuickStart, "org.apache.kafka.tools.ConsoleProducer", &[]).unwrap();
    command.args(["--bootstrap-server", &broker.bootstrap(), "--topic", topic]);
    command.args(["--property", "parse.key=true", "--property", "key.separator=|"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut producer = command.spawn().unwrap();
    let lines: String = keys.iter().map(|key| format!("{key}|value\n")).collect();
    producer.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = producer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
