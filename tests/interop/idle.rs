//! What a worker takes while nothing happens.

use std::time::Duration;

use millrace_tests::wait::stays;
use millrace_tests::{Broker, BrokerKind, LATE, Worker, eventually, file_source, unique};

/// A debug build of the program and its test plugins stays below twice what a release build may take.
const MEMORY_MAX: u64 = 100 << 20;

#[test]
fn threads_do_not_grow_with_source_tasks() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let few = threads_of(broker, 8);
    let many = threads_of(broker, 100);
    // The pool that reads files grows to its bound only when reads coincide.
    assert!(many <= few + 16, "{few} threads with 8 idle sources, {many} with 100");
}

/// Starts a worker with so many file sources, each of which has sent one line, and counts its threads when all are idle.
fn threads_of(broker: &Broker, sources: usize) -> u64 {
    let topic = unique("idle");
    let mut worker = Worker::millrace(broker);
    let input = worker.folder().write("in.txt", "one line\n");
    for source in 0..sources {
        worker.add(&file_source(&format!("source-{source}"), &input, &topic));
    }
    worker.start();
    eventually(LATE, || broker.client().count(&topic) == sources as u64);
    stays(Duration::from_secs(2), || worker.is_alive());
    let threads = worker.process().threads().expect("the worker runs");
    let memory = worker.process().memory().expect("the worker runs");
    println!("{sources} idle file sources: {threads} threads, {} KiB", memory >> 10);
    assert!(memory < MEMORY_MAX, "{sources} idle sources take {memory} bytes");
    threads
}
