//! Bytes that Kafka Connect reads and writes, as pure functions.

pub mod config;
mod json;
pub mod offset;
pub mod offset_file;
pub mod protocol;
pub mod status;
