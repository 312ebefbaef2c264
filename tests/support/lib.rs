//! Real parts for tests: brokers, workers and clients that a test starts, kills and starts again, each on a free
//! port and in a temporary folder, gone when the test ends in whatever way.
//!
//! What a test reads like:
//!
//! ```ignore
//! let broker = Broker::shared(BrokerKind::Kafka);
//! let mut worker = Worker::millrace(broker);
//! let input = worker.folder().write("in.txt", "one\ntwo\n");
//! worker.add(&file_source("lines", &input, "orders"));
//! worker.start();
//! eventually(SOON, || broker.client().values("orders") == ["one", "two"]);
//! ```
//!
//! These functions panic with a sentence that says what went wrong: they are called by tests only. A tool that is
//! not installed is named together with the package that brings it.

pub mod broker;
pub mod cache;
pub mod client;
pub mod connector;
pub mod databases;
pub mod disk;
pub mod folder;
pub mod java;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod rest;
pub mod wait;
pub mod worker;

pub use broker::{Broker, BrokerKind};
pub use client::{Client, Record};
pub use connector::{Connector, file_sink, file_source};
pub use databases::Database;
pub use disk::SmallDisk;
pub use folder::Folder;
pub use ports::free_port;
pub use process::{Process, Signal};
pub use proxy::Proxy;
pub use rest::{Answer, Rest};
pub use wait::{LATE, SOON, eventually, eventually_some};
pub use worker::{Ended, Worker, millrace};

use std::sync::atomic::{AtomicU32, Ordering};

/// Returns a name that no other test of this run has: brokers are shared between tests, topics are not.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}-{number}", std::process::id())
}

/// Returns whether this is `make test-long`: many more kills and seeds.
pub fn is_long() -> bool {
    std::env::var_os("MILLRACE_LONG").is_some()
}

/// Returns `count` numbered lines of some 40 bytes, without the line ends.
pub fn numbered_lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number:08} of a file that is read once")).collect()
}
