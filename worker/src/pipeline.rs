//! What happens to records between a connector and Kafka: transformations and converters, a batch at a time.
//!
//! A record that fails is taken out of its batch and returned with the reason; what becomes of it is not decided here.

mod build;
mod chain;
mod incoming;
mod outgoing;
mod seen;
mod trial;

pub use build::Pipeline;
pub use outgoing::Converted;
pub use seen::{Seen, State};
pub use trial::Trials;

use millrace_api::{Converter, Error, Result};
use std::sync::Arc;

/// The converters of one task.
struct Converters {
    key: Named,
    value: Named,
    header: Named,
}

/// A converter with the class that reports name.
struct Named {
    class: Arc<str>,
    converter: Box<dyn Converter>,
}

/// Reads a time stamp as Java's clients do: -1 means none, others below zero are invalid.
fn timestamp(timestamp: Option<i64>) -> Result<Option<i64>> {
    match timestamp {
        None | Some(-1) => Ok(None),
        Some(time) if time >= 0 => Ok(Some(time)),
        Some(time) => {
            let text = format!("Invalid record timestamp {time}");
            Err(Error::connect(text).named("org.apache.kafka.common.InvalidRecordException"))
        }
    }
}
