//! The REST API of a standalone worker on the embedded broker: paths, status codes, bodies and texts.
//!
//! `MILLRACE_PEER=java` runs these tests against Java Connect 4.1.1 on Apache Kafka, which they hold for too, but for
//! what is said at a test.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod bad_input;
mod connectors;
mod errors;
mod life;
mod loggers;
mod offsets;
mod plugins;
mod root;
mod secrets;
mod server;
mod topics;

use millrace_tests::{Broker, BrokerKind, Connector, Worker, file_source};

/// Starts a worker without connectors.
fn worker() -> Worker {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.folder().write("in.txt", "one\ntwo\n");
    worker.start();
    worker
}

/// A file source on the worker's `in.txt`.
fn source(worker: &Worker, name: &str) -> Connector {
    file_source(name, &worker.folder().path("in.txt"), &millrace_tests::unique("rest"))
}
