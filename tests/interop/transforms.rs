//! The chain of transformations, as the proof that it stands in the path of a record.

use millrace_tests::{Broker, BrokerKind, SOON, Worker, eventually, file_sink, file_source, folder, unique};

on_both_brokers!(regex_router_names_the_topic, insert_field_adds_to_a_sink_record);

fn regex_router_names_the_topic(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("raw");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\n");
    let source = file_source("source", &input, &topic)
        .set("transforms", "route")
        .set("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter")
        .set("transforms.route.regex", "raw-(.*)")
        .set("transforms.route.replacement", "clean-$1");
    worker.add(&source);
    worker.start();
    eventually(SOON, || broker.client().values(&topic.replace("raw", "clean")) == ["one"]);
    assert_eq!(broker.client().count(&topic), 0);
}

/// A string has no fields: the transformation refuses it, in the words of the reference.
fn insert_field_adds_to_a_sink_record(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("insert");
    broker.client().produce(&topic, &["one"]);
    let mut worker = Worker::under_test(broker);
    let output = worker.folder().path("out.txt");
    let name = unique("sink");
    let sink = file_sink(&name, &topic, &output)
        .set("transforms", "from")
        .set("transforms.from.type", "org.apache.kafka.connect.transforms.InsertField$Value")
        .set("transforms.from.topic.field", "topic");
    worker.add(&sink);
    worker.start();
    let refusal = "Only Struct objects supported for [field insertion], found: java.lang.String";
    eventually(SOON, || worker.rest().task_failure(&name).is_some_and(|trace| trace.contains(refusal)));
    assert!(folder::lines_of(&output).is_empty());
}
