//! Real services: Apache Kafka, the embedded broker as a process, a Java Connect worker, a Python client.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

/// Makes a test of each function for each kind of broker: `NAME::embedded` and `NAME::kafka`.
macro_rules! on_both_brokers {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn embedded() {
                super::$name(millrace_tests::BrokerKind::Embedded);
            }

            #[test]
            fn kafka() {
                super::$name(millrace_tests::BrokerKind::Kafka);
            }
        }
    )+};
}

mod bad_files;
mod bad_start;
mod connector_files;
mod crashes;
mod dead_letters;
mod embedded;
mod full_disk;
mod idle;
mod jdbc;
mod jdbc_sink;
mod lines;
mod offset_file;
mod partitions;
mod preview;
mod servers;
mod signals;
mod sink_faults;
mod source_topics;
mod transforms;
