//! The broker with a real client: librdkafka.

#![allow(clippy::unwrap_used)]

#[path = "broker/clients.rs"]
mod clients;
#[path = "broker/groups.rs"]
mod groups;
#[path = "broker/kills.rs"]
mod kills;
#[path = "broker/records.rs"]
mod records;
#[path = "broker/restarts.rs"]
mod restarts;
