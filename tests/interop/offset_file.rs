//! The offset file is Java's, byte for byte: either worker goes on where the other stopped.

use std::fs;
use std::path::Path;

use millrace_tests::folder::{append, with_ends};
use millrace_tests::{
    Broker, BrokerKind, LATE, SOON, Worker, eventually, file_source, numbered_lines, unique,
};

#[test]
fn java_goes_on_where_millrace_stopped() {
    let broker = Broker::shared(BrokerKind::Kafka);
    check_handover(broker, Worker::millrace(broker), Worker::java(broker));
}

#[test]
fn millrace_goes_on_where_java_stopped() {
    let broker = Broker::shared(BrokerKind::Kafka);
    check_handover(broker, Worker::java(broker), Worker::millrace(broker));
}

/// Two connectors, so that the file holds more than one entry; the second worker adds to both, and hands back.
fn check_handover(broker: &Broker, mut first: Worker, mut second: Worker) {
    let topics = [unique("handover-a"), unique("handover-b")];
    let lines = numbered_lines(300);
    // The path is the source partition, so both workers are given the same.
    let inputs = topics.clone().map(|topic| first.folder().path(&format!("{topic}.txt")));
    let offsets = first.offset_file();
    second.set("offset.storage.file.filename", offsets.display());
    for (input, topic) in inputs.iter().zip(&topics) {
        let source = file_source(topic, input, topic);
        first.add(&source);
        second.add(&source);
        append(input, "");
    }
    let run = |worker: &mut Worker, part: usize| {
        for input in &inputs {
            append(input, with_ends(&lines[part * 100..(part + 1) * 100]));
        }
        worker.start();
        let expected = (part as u64 + 1) * 100;
        eventually(LATE, || topics.iter().all(|topic| broker.client().count(topic) >= expected));
        worker.stop();
    };
    run(&mut first, 0);
    run(&mut second, 1);
    run(&mut first, 2);
    for topic in &topics {
        assert_eq!(broker.client().values(topic), lines, "a line came twice, or not at all");
    }
}

#[test]
fn both_write_the_same_bytes() {
    let broker = Broker::shared(BrokerKind::Kafka);
    let topic = unique("same-bytes");
    let (mut ours, mut java) = (Worker::millrace(broker), Worker::java(broker));
    let input = ours.folder().write("in \"ü\".txt", "one\ntwo\n");
    for worker in [&mut ours, &mut java] {
        worker.add(&file_source("source", &input, &topic));
        worker.start();
        eventually(LATE, || worker.offset_file().exists());
        worker.stop();
    }
    assert_eq!(fs::read(ours.offset_file()).unwrap(), fs::read(java.offset_file()).unwrap());
}

#[test]
fn a_file_that_is_not_an_offset_file_is_never_overwritten() {
    let hash_map = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00\x02F\x00\x0aloadFactorI\x00\x09thresholdxp?@\x00\x00";
    let array = b"ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08T\xe0\x02\x00\x00xp";
    let with_map = |rest: &[u8]| [hash_map.as_slice(), rest].concat();
    let sized = |size: &[u8], rest: &[u8]| {
        with_map(&[b"\x00\x00\x00\x0cw\x08\x00\x00\x00\x10".as_slice(), size, rest].concat())
    };
    check_refused("text", b"these are somebody's notes\n");
    check_refused("another class", b"\xac\xed\x00\x05sr\x00\x13java.util.ArrayListx\x81\xd2\x1d\x99\xc7\x61\x9d\x03\x00\x01I\x00\x04sizexp\x00\x00\x00\x00w\x04\x00\x00\x00\x00x");
    check_refused("a string", b"\xac\xed\x00\x05t\x00\x05hello");
    check_refused(
        "a foreign class in the map",
        &sized(b"\x00\x00\x00\x01", b"sr\x00\x04EvilAAAAAAAA\x02\x00\x00xp"),
    );
    check_refused("a reference to nothing", &sized(b"\x00\x00\x00\x01", b"q\x00\x7e\x7f\xff"));
    let huge_array = [array.as_slice(), b"\x7f\xff\xff\xff"].concat();
    check_kept("an array of two gigabytes", &sized(b"\x00\x00\x00\x01", &huge_array));
    check_kept("two thousand million entries", &sized(b"\x7f\xff\xff\xff", b""));
    check_kept("a negative size", &sized(b"\xff\xff\xff\xff", b"x"));
    check_kept("half a file", &sized(b"\x00\x00\x00\x01", array)[..60]);
}

/// The worker ends with 3, names the file, and leaves it as it is.
#[track_caller]
fn check_refused(what: &str, content: &[u8]) {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = Worker::under_test(broker);
    let offsets = worker.folder().write("offsets", content);
    let input = worker.folder().write("in.txt", "one\n");
    worker.add(&file_source("source", &input, &unique("refused")));
    let ended = worker.run_to_its_end();
    assert_eq!(ended.code, 3, "{what}: {}", ended.log);
    assert!(
        ended.log.contains(&*offsets.to_string_lossy()),
        "{what}: the log does not name it: {}",
        ended.log
    );
    assert_eq!(fs::read(&offsets).unwrap(), content, "{what}: it was overwritten");
}

/// The worker may also start without offsets, as Connect does after an unexpected end; then it keeps the bytes in a
/// file beside.
#[track_caller]
fn check_kept(what: &str, content: &[u8]) {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = Worker::under_test(broker);
    worker.folder().write("offsets", content);
    let input = worker.folder().write("in.txt", "one\n");
    let topic = unique("kept");
    worker.add(&file_source("source", &input, &topic));
    worker.launch();
    eventually(SOON, || !worker.is_alive() || broker.client().count(&topic) == 1);
    if worker.is_alive() {
        worker.stop();
    } else {
        assert_eq!(worker.wait_for_its_end().code, 3, "{what}");
    }
    assert!(some_file_holds(worker.folder().root(), content), "{what}: the bytes are gone");
}

fn some_file_holds(folder: &Path, content: &[u8]) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().any(|file| fs::read(file).is_ok_and(|bytes| bytes == content))
}

#[test]
fn an_empty_offset_file_is_a_fresh_start() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("empty-offsets");
    let mut worker = Worker::under_test(broker);
    worker.folder().write("offsets", "");
    let input = worker.folder().write("in.txt", "one\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || broker.client().values(&topic) == ["one"]);
    eventually(SOON, || fs::metadata(worker.offset_file()).is_ok_and(|file| file.len() > 0));
}

#[test]
fn a_position_of_the_wrong_kind_fails_the_task() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\n");
    let key = format!("[\"source\",{{\"filename\":\"{}\"}}]", input.display());
    worker.folder().write("offsets", one_entry(key.as_bytes(), b"{\"position\":\"four\"}"));
    worker.add(&file_source("source", &input, &unique("wrong-kind")));
    worker.start();
    eventually(SOON, || {
        let trace = worker.rest().task_failure("source");
        trace.is_some_and(|trace| trace.contains("Offset position is the incorrect type"))
    });
}

#[test]
fn a_position_beyond_the_end_waits_for_the_file_to_grow() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("beyond");
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\n");
    let key = format!("[\"source\",{{\"filename\":\"{}\"}}]", input.display());
    worker.folder().write("offsets", one_entry(key.as_bytes(), b"{\"position\":8}"));
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || worker.rest().is_running("source"));
    append(&input, "two\nthree\n");
    eventually(SOON, || broker.client().values(&topic) == ["three"]);
}

/// An offset file as Java writes it.
fn one_entry(key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let parts: [&[u8]; 10] = [
        b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap\x05\x07\xda\xc1\xc3\x16\x60\xd1\x03\x00\x02F\x00\x0aloadFactor",
        b"I\x00\x09thresholdxp?@\x00\x00\x00\x00\x00\x0cw\x08\x00\x00\x00\x10\x00\x00\x00\x01",
        b"ur\x00\x02[B\xac\xf3\x17\xf8\x06\x08T\xe0\x02\x00\x00xp",
        &length(key),
        key,
        b"uq\x00\x7e\x00\x02",
        &length(value),
        value,
        b"x",
        b"",
    ];
    parts.concat()
}
