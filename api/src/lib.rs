//! What a plugin author needs: the data model, settings, and the traits of connectors, converters, transformations
//! and predicates.
//!
//! Start with [`SourceConnector`] or [`SinkConnector`]; `docs/plugins.md` builds one of each on a page. What the
//! worker does with a plugin stands at the traits and nowhere else.
#![deny(missing_docs)]

pub mod calendar;
pub mod config;
pub mod plugins;
pub mod regex;
pub mod schema;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod values;

mod bytes;
mod connector;
mod converter;
mod error;
mod offset;
mod properties;
mod record;
mod sink;
mod source;
mod transform;
mod value;

pub use bytes::{Blob, Text};
pub use config::{Config, ConfigDef, Problems, Secret};
pub use connector::{ConnectorContext, ConnectorHost, RecordMetadata, Validation};
pub use converter::{Converter, RawHeader, Role};
pub use error::{Class, Error, Result, java};
pub use millrace_api_derive::Config;
pub use offset::{Scalar, Scalars, SourceOffset, SourcePartition, TopicOffset, TopicOffsets, TopicPartition};
pub use plugins::{CONNECT_VERSION, ConnectorPlugin, PluginInfo, PluginKind, Plugins};
pub use properties::{HIDDEN, Properties};
pub use record::{Batch, Header, Origin, Record, SinkRecord, SourceOrigin, SourceRecord, TimestampType};
pub use schema::{Field, Fields, Kind, Schema};
pub use sink::{CloseReason, SinkConnector, SinkContext, SinkHost, SinkTask};
pub use source::{
    Acknowledgement, Acknowledgements, Altered, OffsetChange, SourceConnector, SourceContext, SourceHost,
    SourceTask, Support,
};
pub use transform::{Predicate, Transform};
pub use value::{Datum, Decimal, Map, Struct, Value};
