//! Lines of a file go to a topic, and values of a topic go to a file.

use std::fs;
use std::time::Duration;

use millrace_tests::folder::{append, lines_of, with_ends};
use millrace_tests::wait::stays;
use millrace_tests::{
    Broker, BrokerKind, LATE, SOON, Worker, eventually, eventually_some, file_sink, file_source,
    numbered_lines, unique,
};

on_both_brokers!(
    a_file_goes_through_a_topic_into_a_file,
    lines_that_are_appended_arrive,
    every_kind_of_line_end_ends_a_line,
    bytes_that_are_not_text_arrive_unchanged,
    what_is_not_text_is_replaced,
    a_file_may_appear_later,
    a_source_without_key_writes_null_keys,
);

/// Complete lines that did not fit into a batch must not wait for more bytes, so small batches of a static file.
fn a_file_goes_through_a_topic_into_a_file(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("copy");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &numbered_lines(100_000));
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, &topic).set("batch.size", 100));
    worker.add(&file_sink(&unique("sink"), &topic, &output));
    worker.start();
    let size = fs::metadata(&input).unwrap().len();
    eventually(LATE, || fs::metadata(&output).is_ok_and(|output| output.len() >= size));
    assert!(fs::read(&input).unwrap() == fs::read(&output).unwrap(), "the two files differ");
    assert_eq!(broker.client().count(&topic), 100_000);
    assert!(worker.rest().is_running("source"));
}

fn lines_that_are_appended_arrive(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("appended");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\n\ntwo\nthr");
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, &topic)).add(&file_sink(&unique("sink"), &topic, &output));
    worker.start();
    eventually(SOON, || lines_of(&output) == ["one", "", "two"]);
    append(&input, "ee");
    stays(Duration::from_millis(1500), || lines_of(&output).len() == 3);
    append(&input, "\nfour\n");
    eventually(SOON, || lines_of(&output) == ["one", "", "two", "three", "four"]);
}

fn every_kind_of_line_end_ends_a_line(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("line-ends");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "partial line finished\nline1\rline2\r\nline3\nline4\n\r");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    let mut expected = vec!["partial line finished", "line1", "line2", "line3", "line4"];
    eventually(SOON, || broker.client().values(&topic) == expected);
    append(&input, "subsequent text");
    expected.push("");
    eventually(SOON, || broker.client().values(&topic) == expected);
    worker.stop();

    // The position is behind the lone \r: what follows is read again, and nothing else.
    worker.start();
    append(&input, " ends\n");
    expected.push("subsequent text ends");
    eventually(SOON, || broker.client().values(&topic) == expected);
}

fn bytes_that_are_not_text_arrive_unchanged(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("bytes");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.bin", b"caf\xe9\n\xff\xfe\x00\n\xc3\xa9\n");
    let bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";
    worker
        .add(&file_source("source", &input, &topic).set("value.type", "bytes").set("value.converter", bytes));
    worker.start();
    let expected: [&[u8]; 3] = [b"caf\xe9", b"\xff\xfe\x00", b"\xc3\xa9"];
    eventually(SOON, || {
        let values: Vec<Option<Vec<u8>>> =
            broker.client().records(&topic).into_iter().map(|it| it.value).collect();
        values == expected.map(|value| Some(value.to_vec()))
    });
}

fn what_is_not_text_is_replaced(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("replaced");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", b"caf\xe9!\nna\xc3\xafve \xf0\x9f\x98\x80\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || broker.client().values(&topic) == ["caf\u{fffd}!", "naïve 😀"]);
}

fn a_file_may_appear_later(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("later");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().path("in.txt");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || worker.rest().is_running("source"));
    eventually(SOON, || worker.log().contains("in.txt"));
    fs::write(&input, "here\n").unwrap();
    eventually(SOON, || broker.client().values(&topic) == ["here"]);
    assert!(worker.rest().is_running("source"));
}

fn a_source_without_key_writes_null_keys(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("keys");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    let record = eventually_some(SOON, || broker.client().records(&topic).pop());
    assert_eq!((record.key, record.headers.len(), record.value), (None, 0, Some(b"one".to_vec())));
    assert!(record.timestamp > 1_600_000_000_000, "not a time in milliseconds: {}", record.timestamp);
}

#[test]
fn a_python_producer_feeds_a_sink_while_the_worker_runs() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("python");
    broker.client().create_topic(&topic, 3);
    let mut worker = Worker::under_test(broker);
    let output = worker.folder().write("out.txt", "what is there stays\n");
    worker.add(&file_sink(&unique("sink"), &topic, &output).set("tasks.max", 2));
    worker.start();
    let lines = numbered_lines(500);
    broker.client().produce(&topic, &lines);
    let mut expected = lines.clone();
    expected.push("what is there stays".to_owned());
    eventually(SOON, || {
        let mut written = lines_of(&output);
        written.sort();
        written == expected
    });
}

/// Appended lines are seen by a watcher, not by a poll each second.
#[test]
fn an_appended_line_arrives_at_once() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("at-once");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "first\n");
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, &topic)).add(&file_sink(&unique("sink"), &topic, &output));
    worker.start();
    eventually(SOON, || lines_of(&output).len() == 1);
    let begin = std::time::Instant::now();
    for count in 2..=11 {
        append(&input, "next\n");
        eventually(SOON, || lines_of(&output).len() == count);
    }
    // Ten polls of a second each would take five seconds on average.
    assert!(begin.elapsed() < Duration::from_secs(3), "ten lines took {:?}", begin.elapsed());
}

#[test]
fn a_truncated_file_is_logged_and_read_on_from_its_old_position() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("truncated");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "12345\n12345\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || broker.client().count(&topic) == 2);
    fs::write(&input, "abc\n").unwrap();
    eventually(SOON, || worker.log().contains("truncated"));
    append(&input, "12345678after\n");
    eventually(SOON, || broker.client().values(&topic) == ["12345", "12345", "after"]);
}

#[test]
fn a_line_beyond_the_bound_fails_the_task_in_bounded_memory() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("long-line");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "short\n");
    append(&input, vec![b'x'; 100 * 1024 * 1024]);
    worker.add(&file_source("source", &input, &topic).set("line.bytes.max", 1024 * 1024));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure("source"));
    assert!(trace.contains("in.txt") && trace.contains('6'), "neither file nor position: {trace}");
    let memory = worker.process().memory().unwrap();
    assert!(memory < 80 * 1024 * 1024, "{memory} bytes are resident");
    assert_eq!(broker.client().values(&topic), ["short"]);
}

#[test]
fn a_line_just_below_the_bound_arrives() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("line-bound");
    let mut worker = Worker::under_test(broker);
    let long = "x".repeat(500_000);
    let input = worker.folder().write("in.txt", with_ends(&[long.clone(), "after".to_owned()]));
    worker.add(&file_source("source", &input, &topic).set("line.bytes.max", 500_000));
    worker.start();
    eventually(SOON, || broker.client().values(&topic) == [long.as_str(), "after"]);
}
