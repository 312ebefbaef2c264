//! Bytes that Kafka Connect reads and writes, as pure functions.

pub mod offset;
pub mod offset_file;
