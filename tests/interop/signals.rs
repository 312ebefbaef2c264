//! SIGTERM and SIGINT stop the worker in order and in bounded time; a second one stops it at once.

use std::time::{Duration, Instant};

use millrace_tests::{Broker, BrokerKind, SOON, Signal, Worker, eventually, file_sink, file_source, unique};

#[test]
fn term_ends_with_143_and_the_offsets_are_written() {
    check_signal(Signal::TERM, 143);
}

#[test]
fn int_ends_with_130_and_the_offsets_are_written() {
    check_signal(Signal::INT, 130);
}

#[track_caller]
fn check_signal(signal: Signal, code: i32) {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("signal");
    let mut worker = Worker::under_test(broker);
    worker.set("offset.flush.interval.ms", 600_000);
    let input = worker.folder().write("in.txt", "one\ntwo\n");
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(SOON, || broker.client().count(&topic) == 2);
    let ended = worker.end_by(signal);
    assert_eq!(ended.code, code);
    assert!(ended.log.contains("Kafka Connect stopping"), "{}", ended.log);
    assert!(ended.log.contains("Kafka Connect stopped"), "{}", ended.log);
    let offsets = std::fs::read(worker.offset_file()).unwrap();
    assert!(offsets.ends_with(b"{\"position\":8}x"), "{}", String::from_utf8_lossy(&offsets));
}

#[test]
fn a_signal_during_the_start_ends_the_worker_too() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = Worker::under_test(broker);
    worker.launch();
    eventually(SOON, || worker.log().contains("Kafka Connect worker initializing"));
    assert_eq!(worker.end_by(Signal::TERM).code, 143);
}

/// A frozen broker answers nothing, so that stopping has to wait for its bounds.
#[test]
fn a_broker_that_hangs_does_not_hold_up_the_stop_for_ever() {
    let mut broker = Broker::new(BrokerKind::Embedded);
    let mut worker = worker_in_the_middle_of_its_work(&broker);
    broker.send(Signal::STOP);
    assert_eq!(worker.end_by(Signal::TERM).code, 143);
}

#[test]
fn a_second_signal_ends_the_worker_at_once() {
    let mut broker = Broker::new(BrokerKind::Embedded);
    let mut worker = worker_in_the_middle_of_its_work(&broker);
    broker.send(Signal::STOP);
    worker.send(Signal::TERM);
    eventually(SOON, || worker.log().contains("Kafka Connect stopping"));
    let begin = Instant::now();
    let ended = worker.end_by(Signal::TERM);
    assert!(begin.elapsed() < Duration::from_secs(2), "it took {:?}", begin.elapsed());
    assert!(ended.code == 143 || ended.code == 130, "{}", ended.code);
}

fn worker_in_the_middle_of_its_work(broker: &Broker) -> Worker {
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "one\ntwo\n");
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, "lines")).add(&file_sink("sink", "lines", &output));
    worker.start();
    eventually(SOON, || output.metadata().is_ok_and(|file| file.len() == 8));
    worker
}
