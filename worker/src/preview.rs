//! What a connector would do to records, without running it: its converters and transformations on samples, a step at a
//! time. Nothing is written anywhere.

mod answer;
mod samples;
mod take;

pub use answer::{Preview, PreviewedRecord, PreviewedStep, StepError};
pub use samples::{SampleError, messages, polled};
pub use take::{TakeError, from_source, from_topics};

use crate::pipeline::Pipeline;
use millrace_api::{ConnectorPlugin, Error, Plugins, Properties, SourceRecord};
use millrace_kafka::Incoming;

/// The most records of one preview: what a person reads, and a bound for requests.
pub const RECORDS_MAX: usize = 1000;

/// Records to look at.
#[derive(Debug)]
pub enum Samples {
    /// As a sink would read them.
    Messages(Vec<Incoming>),
    /// As a source would poll them.
    Polled(Vec<SourceRecord>),
}

/// A preview could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The connector's class is unknown.
    #[error("{0}")]
    UnknownClass(String),
    /// The connector has no class.
    #[error("the connector names no class: set connector.class")]
    NoClass,
    /// Its converters or transformations could not be made.
    #[error("making the connector's converters and transformations: {0}")]
    Build(Error),
}

/// Looks a connector's class up.
pub fn plugin(plugins: &Plugins, connector: &Properties) -> Result<ConnectorPlugin, PreviewError> {
    let class = connector.get("connector.class").map(str::trim).filter(|class| !class.is_empty());
    let class = class.ok_or(PreviewError::NoClass)?;
    plugins.connector(class).map_err(|error| PreviewError::UnknownClass(error.to_string()))
}

/// Takes samples through a connector's converters and transformations. `worker` has the converters of connectors that
/// name none.
pub async fn preview(
    plugins: &Plugins,
    worker: &Properties,
    connector: &Properties,
    samples: Samples,
) -> Result<Preview, PreviewError> {
    let plugin = plugin(plugins, connector)?;
    let mut pipeline =
        Pipeline::build(plugins, worker, connector).map_err(|error| PreviewError::Build(error.into()))?;
    let mut records = Vec::new();
    match samples {
        Samples::Messages(messages) => {
            for message in messages.into_iter().take(RECORDS_MAX) {
                let before = answer::message(&message);
                records.push(PreviewedRecord::new(before, pipeline.watch_incoming(message).await));
            }
        }
        Samples::Polled(polled) => {
            for record in polled.into_iter().take(RECORDS_MAX) {
                let before = answer::polled(&record);
                records.push(PreviewedRecord::new(before, pipeline.watch_outgoing(record).await));
            }
        }
    }
    let kind = if matches!(plugin, ConnectorPlugin::Source(_)) { "source" } else { "sink" };
    Ok(Preview { name: connector.get("name").unwrap_or_default().to_owned(), kind, records })
}
