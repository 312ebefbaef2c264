//! The clients against a broker: the embedded one, or with `MILLRACE_TEST_KAFKA=host:port` a real one wherever a test
//! does not have to stop it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod admin;
mod broker;
mod consumer;
mod group;
mod internal;
mod outage;
mod producer;
mod rebalance;
mod sharing;
