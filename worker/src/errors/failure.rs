//! A record that failed: where, in what, and why.

use millrace_api::Error;
use std::sync::Arc;

/// What was being done to a record. The names are Kafka Connect's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Transformation,
    KeyConverter,
    ValueConverter,
    HeaderConverter,
    KafkaProduce,
    TaskPut,
}

/// Why a record failed.
#[derive(Debug)]
pub struct Failure {
    pub stage: Stage,
    /// The Java name of what failed: a converter's or a transformation's class.
    pub class: Arc<str>,
    pub error: Error,
}

/// A record of a batch that failed.
#[derive(Debug)]
pub struct Failed {
    /// Its place in the batch.
    pub index: usize,
    pub failure: Failure,
}

/// Class that Kafka Connect names for a send that failed.
pub const SOURCE_TASK: &str = "org.apache.kafka.connect.runtime.WorkerSourceTask";

/// Class that Kafka Connect names for a record that a sink has reported.
pub const SINK_TASK: &str = "org.apache.kafka.connect.sink.SinkTask";

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Transformation => "TRANSFORMATION",
            Self::KeyConverter => "KEY_CONVERTER",
            Self::ValueConverter => "VALUE_CONVERTER",
            Self::HeaderConverter => "HEADER_CONVERTER",
            Self::KafkaProduce => "KAFKA_PRODUCE",
            Self::TaskPut => "TASK_PUT",
        }
    }
}

impl Failure {
    /// Returns the stack trace as headers and the log show it.
    pub fn trace(&self) -> String {
        self.error.trace("millrace.worker.pipeline")
    }
}

/// Returns what a task fails with when no errors are tolerated.
pub fn intolerable(cause: Error) -> Error {
    Error::connect("Tolerance exceeded in error handler").caused_by(cause)
}

/// Returns an equal error, for another record that failed for the same reason.
pub fn repeated(error: &Error) -> Error {
    let copy = Error::of(error.class(), error.java_class().to_owned(), error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => copy.caused_by(repeated_cause(cause)),
        None => copy,
    }
}

fn repeated_cause(cause: &(dyn std::error::Error + 'static)) -> Error {
    if let Some(error) = cause.downcast_ref::<Error>() {
        return repeated(error);
    }
    let copy = Error::connect(cause.to_string());
    match cause.source() {
        Some(deeper) => copy.caused_by(repeated_cause(deeper)),
        None => copy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_error_has_the_same_trace() {
        let io = std::io::Error::other("connection refused");
        let error = Error::retry("registry away").caused_by(Error::data("no schema 7").caused_by(io));
        assert_eq!(repeated(&error).trace("here"), error.trace("here"));
        assert_eq!(repeated(&error).class(), error.class());
    }
}
