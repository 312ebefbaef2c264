//! A small single-node Kafka broker for development, demos and tests; never for production.
//!
//! ```no_run
//! # async fn example() -> Result<(), millrace_broker::BrokerError> {
//! use millrace_broker::{Broker, Options};
//!
//! let broker = Broker::start("data".as_ref(), ([127, 0, 0, 1], 0).into(), Options::default()).await?;
//! println!("bootstrap.servers={}", broker.address());
//! broker.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `broker` | start, stop, and the tasks between them |
//! | `wire` | connections, frames, the table of announced versions |
//! | `handlers` | one file per family of requests: parse, ask the parts below, render |
//! | `topics` | topics, their settings and partitions, by name |
//! | `log` | one partition: segment files, recovery, idempotence |
//! | `groups` | the group coordinator, a state machine without I/O |
//! | `membership` | drives that machine: clock, waiting answers |
//! | `offsets`, `journal` | committed offsets and the file that keeps them |
//! | `folder` | the data folder: lock, format version, small files |
//!
//! What it promises: an answer to a produce request with `acks=all` or `acks=1`, or to an offset commit, is given
//! after the bytes were handed to the operating system, so a killed process loses nothing acknowledged. A machine
//! that loses power may, unless [`Fsync::EveryWrite`] is chosen.
//!
//! What it does not do, and therefore does not announce: transactions, retention, compaction, changes of topic
//! settings, fetch sessions, authentication, replication. Topic settings that need those are kept and shown, not
//! applied.

mod broker;
mod error;
mod folder;
mod groups;
mod handlers;
mod journal;
mod log;
mod membership;
mod offsets;
mod options;
mod producer_ids;
mod shared;
mod topics;
mod wire;

pub use broker::Broker;
pub use error::BrokerError;
pub use options::{Fsync, Options};
