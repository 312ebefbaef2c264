//! What a preview shows, for JSON and for terminals.

use crate::{
    pipeline::{Seen, State},
    record_json::{Shown, ShownRecord, ShownSource, schema},
};
use millrace_api::{Blob, Datum, Error, SourceRecord, TimestampType, Value};
use millrace_kafka::Incoming;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::{RawValue, to_raw_value};

/// What a connector would do to records.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The connector's name.
    pub name: String,
    /// `source` or `sink`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// In the order of the samples.
    pub records: Vec<PreviewedRecord>,
}

/// What it would do to one.
#[derive(Debug, Serialize)]
pub struct PreviewedRecord {
    /// The record as it came.
    pub before: Box<RawValue>,
    /// What each step made of it; the last one may have ended it.
    pub steps: Vec<PreviewedStep>,
    /// `passed`, `dropped` or `failed`.
    pub outcome: &'static str,
}

/// What one step made of a record.
#[derive(Debug, Serialize)]
pub struct PreviewedStep {
    /// The setting that puts the step there.
    pub step: String,
    /// Its class.
    pub class: String,
    /// `converted`, `changed`, `unchanged`, `dropped` or `failed`.
    pub result: &'static str,
    /// The record, or the part of it that was converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
}

/// Why a step failed.
#[derive(Debug, Serialize)]
pub struct StepError {
    /// The Java class of the error.
    pub class: String,
    /// Its message.
    pub message: String,
    /// The messages of its causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

impl PreviewedRecord {
    pub(super) fn new(before: Box<RawValue>, seen: Vec<Seen>) -> Self {
        let outcome = match seen.last().map(|seen| &seen.state) {
            Some(State::Failed(_)) => "failed",
            Some(State::Dropped) => "dropped",
            _ => "passed",
        };
        Self { before, steps: seen.into_iter().map(PreviewedStep::of).collect(), outcome }
    }
}

impl PreviewedStep {
    fn of(seen: Seen) -> Self {
        let Seen { step, class, state } = seen;
        let (result, after, error) = match state {
            State::Decoded(datum) => ("converted", Some(json(&Typed(&datum))), None),
            State::Encoded(bytes) => ("converted", Some(json(&Shown(&value(bytes)))), None),
            State::Headers(headers) => {
                let headers: Vec<_> =
                    headers.iter().map(|header| (&header.name, &header.value.value)).collect();
                ("converted", Some(json(&Entries(headers))), None)
            }
            State::RawHeaders(headers) => {
                let values: Vec<_> = headers.iter().map(|header| value(header.value.clone())).collect();
                let headers: Vec<_> = headers.iter().map(|header| &header.name).zip(&values).collect();
                ("converted", Some(json(&Entries(headers))), None)
            }
            State::Changed(record) => ("changed", Some(json(&ShownRecord(&record))), None),
            State::Unchanged => ("unchanged", None, None),
            State::Dropped => ("dropped", None, None),
            State::Failed(error) => ("failed", None, Some(StepError::of(&error))),
        };
        Self { step, class, result, after, error }
    }
}

impl StepError {
    fn of(error: &Error) -> Self {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Self { class: error.java_class().to_owned(), message: error.to_string(), causes }
    }
}

/// Shows a consumed message.
pub(super) fn message(message: &Incoming) -> Box<RawValue> {
    json(&ShownMessage(message))
}

/// Shows a polled record.
pub(super) fn polled(record: &SourceRecord) -> Box<RawValue> {
    json(&ShownSource(record))
}

struct ShownMessage<'a>(&'a Incoming);

impl Serialize for ShownMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Incoming {
            topic, partition, offset, timestamp, timestamp_type, key, value: data, headers, ..
        } = self.0;
        let bytes = |bytes: &Option<Blob>| value(bytes.clone());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("topic", topic.as_ref())?;
        map.serialize_entry("partition", partition)?;
        map.serialize_entry("offset", offset)?;
        if *timestamp_type != TimestampType::None {
            map.serialize_entry("timestamp", timestamp)?;
        }
        map.serialize_entry("key", &Shown(&bytes(key)))?;
        map.serialize_entry("value", &Shown(&bytes(data)))?;
        let values: Vec<_> = headers.iter().map(|(_, value)| bytes(value)).collect();
        map.serialize_entry(
            "headers",
            &Entries(headers.iter().map(|(name, _)| name).zip(&values).collect()),
        )?;
        map.end()
    }
}

/// A value with its schema.
struct Typed<'a>(&'a Datum);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &schema(self.0))?;
        map.serialize_entry("value", &Shown(&self.0.value))?;
        map.end()
    }
}

/// Headers, which may repeat.
struct Entries<'a>(Vec<(&'a std::sync::Arc<str>, &'a Value)>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |(name, value): &(&std::sync::Arc<str>, &'_ Value)| serde_json::json!({ "name": name.as_ref(), "value": serde_json::to_value(Shown(value)).unwrap_or_default() });
        serializer.collect_seq(self.0.iter().map(entry))
    }
}

fn value(bytes: Option<Blob>) -> Value {
    bytes.map_or(Value::Null, Value::Bytes)
}

fn json(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("keys are text, and what JSON has no number for is too")
}
