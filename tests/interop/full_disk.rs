//! A full disk under the sink's file or the offset file: the task fails and commits nothing, where Connect stays
//! RUNNING and loses the lines.

use std::fs;
use std::path::Path;

use millrace_tests::folder::lines_of;
use millrace_tests::{
    Broker, BrokerKind, SOON, SmallDisk, Worker, eventually, eventually_some, file_sink, file_source,
    numbered_lines, unique,
};

on_both_brokers!(a_sink_on_a_full_disk_fails_and_loses_nothing);

fn a_sink_on_a_full_disk_fails_and_loses_nothing(kind: BrokerKind) {
    // Some 200 of the 5,000 lines fit.
    let Some(disk) = SmallDisk::mount(8) else {
        println!("this user may not mount: /dev/full stands for the full disk, in another test");
        return;
    };
    let broker = Broker::shared(kind);
    let (topic, name) = (unique("full"), unique("sink"));
    let lines = numbered_lines(5_000);
    broker.client().produce(&topic, &lines);
    let mut worker = Worker::under_test(broker);
    let output = disk.path("out.txt");
    worker.add(&file_sink(&name, &topic, &output));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure(&name));
    assert!(trace.contains("No space left on device") && trace.contains("out.txt"), "{trace}");
    let written = lines_of(&output).len();
    let committed = committed(broker, &name);
    assert!(committed <= written as i64, "{committed} are committed, {written} are in the file");
    worker.stop();

    // There is room again, under the same path.
    disk.enlarge(4096);
    worker.start();
    eventually(SOON, || has_all(&output, &lines));
}

#[test]
fn a_sink_to_dev_full_fails_and_commits_nothing() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let (topic, name) = (unique("dev-full"), unique("sink"));
    broker.client().produce(&topic, &["one", "two"]);
    let mut worker = Worker::under_test(broker);
    worker.add(&file_sink(&name, &topic, Path::new("/dev/full")));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure(&name));
    assert!(trace.contains("No space left on device") && trace.contains("/dev/full"), "{trace}");
    worker.stop();
    assert!(committed(broker, &name) <= 0);
}

#[test]
fn a_full_disk_under_the_offset_file_fails_the_task_and_keeps_the_old_file() {
    let Some(disk) = SmallDisk::mount(64) else {
        println!("this user may not mount: /dev/full stands for the full disk, in another test");
        return;
    };
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("full-offsets");
    let mut worker = Worker::under_test(broker);
    let offsets = disk.path("offsets");
    worker.set("offset.storage.file.filename", offsets.display());
    let input = worker.folder().write("in.txt", "one\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || fs::metadata(&offsets).is_ok_and(|file| file.len() > 0));
    let before = eventually_some(SOON, || fs::read(&offsets).ok().filter(|bytes| bytes.ends_with(b"4}x")));

    disk.fill();
    millrace_tests::folder::append(&input, "two\n");
    let trace = eventually_some(SOON, || worker.rest().task_failure("source"));
    assert!(trace.contains("No space left on device") && trace.contains("offsets"), "{trace}");
    assert_eq!(fs::read(&offsets).unwrap(), before, "the old file was damaged");
    worker.kill_9();

    disk.free();
    worker.start();
    eventually(SOON, || fs::read(&offsets).is_ok_and(|bytes| bytes.ends_with(b"8}x")));
    let values = broker.client().values(&topic);
    assert!(values.starts_with(&["one".to_owned(), "two".to_owned()]), "{values:?}");
}

/// `/dev/full` cannot be replaced by a rename, nor read as an offset file: it gives zeros.
#[test]
fn an_offset_file_that_is_a_device_is_refused() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.set("offset.storage.file.filename", "/dev/full");
    let input = worker.folder().write("in.txt", "one\n");
    worker.add(&file_source("source", &input, &unique("device")));
    let ended = worker.run_to_its_end();
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains("/dev/full"), "{}", ended.log);
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
}

#[track_caller]
fn committed(broker: &Broker, name: &str) -> i64 {
    broker.client().committed(&format!("connect-{name}")).iter().map(|(_, _, offset)| *offset).sum()
}

fn has_all(path: &Path, lines: &[String]) -> bool {
    let written: std::collections::BTreeSet<String> = lines_of(path).into_iter().collect();
    lines.iter().all(|line| written.contains(line))
}
