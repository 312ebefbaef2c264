//! Real services: Apache Kafka, the embedded broker as a process, a Java Connect worker, a Python client.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod servers;
