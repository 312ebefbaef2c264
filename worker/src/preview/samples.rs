//! Sample records as people write them: a JSON array of objects, or one object after the other.
//!
//! ```json
//! [{"topic": "orders", "key": "k", "value": {"id": 1}, "headers": {"origin": "shop"}, "timestamp": 1740823200000}]
//! ```

use millrace_api::{Blob, Datum, Header, Map, Record, SourceRecord, TimestampType, Value};
use millrace_kafka::Incoming;
use serde_json::{Map as JsonMap, Value as Json, value::RawValue};
use std::sync::Arc;

/// Samples that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// Not JSON.
    #[error("the samples are not JSON objects, in an array or one after the other: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A record that is not as it should be.
    #[error("sample {number}: {reason}")]
    Record {
        /// Which one, from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
}

const MEMBERS: &str = "topic, partition, offset, timestamp, key, value, headers";

/// Reads samples as messages of a topic, for sinks: a text is the bytes of its characters, anything else the bytes of its JSON.
pub fn messages(text: &str, topic_default: &str) -> Result<Vec<Incoming>, SampleError> {
    let message = |(index, sample): (usize, Sample<'_>)| {
        let bytes = |json: Option<&RawValue>| sample.bytes(json);
        let timestamp = sample.integer("timestamp")?;
        Ok(Incoming {
            topic: sample.text("topic")?.unwrap_or_else(|| topic_default.to_owned()).into(),
            partition: sample.partition()?.unwrap_or(0),
            offset: sample.integer("offset")?.unwrap_or(index as i64),
            leader_epoch: None,
            timestamp,
            timestamp_type: if timestamp.is_some() { TimestampType::CreateTime } else { TimestampType::None },
            key: bytes(sample.member("key"))?,
            value: bytes(sample.member("value"))?,
            headers: sample
                .headers()?
                .into_iter()
                .map(|(name, value)| Ok((name, bytes(Some(&value))?)))
                .collect::<Result<_, String>>()?,
        })
    };
    read(text, message)
}

/// Reads samples as records that a source has polled: values without schemas, as their JSON is.
pub fn polled(text: &str, topic_default: &str) -> Result<Vec<SourceRecord>, SampleError> {
    let record = |(_, sample): (usize, Sample<'_>)| {
        let datum = |json: Option<&RawValue>| sample.datum(json);
        let headers = sample.headers()?.into_iter();
        let headers = headers.map(|(name, value)| Ok(Header { name, value: datum(Some(&value))? }));
        let topic = sample.text("topic")?.or_else(|| Some(topic_default.to_owned()));
        let record = Record {
            topic: topic.filter(|topic| !topic.is_empty()).map(Into::into),
            partition: sample.partition()?,
            key: datum(sample.member("key"))?,
            value: datum(sample.member("value"))?,
            headers: headers.collect::<Result<_, String>>()?,
            timestamp: sample.integer("timestamp")?,
            timestamp_type: TimestampType::None,
        };
        Ok(SourceRecord::without_offset(record))
    };
    read(text, record)
}

fn read<T>(
    text: &str,
    make: impl Fn((usize, Sample<'_>)) -> Result<T, String>,
) -> Result<Vec<T>, SampleError> {
    let raw: Vec<&RawValue> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)?
    } else {
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>()?
    };
    let record = |(index, json): (usize, &&RawValue)| {
        let wrong = |reason| SampleError::Record { number: index + 1, reason };
        let members = crate::json::members(&mut serde_json::Deserializer::from_str(json.get()));
        let members = members.map_err(|_| wrong(format!("it is not an object with {MEMBERS}")))?;
        let unknown = members.iter().find(|(name, _)| !MEMBERS.split(", ").any(|known| known == name));
        if let Some((name, _)) = unknown {
            return Err(wrong(format!("{name} is not one of {MEMBERS}")));
        }
        make((index, Sample { members: &members })).map_err(wrong)
    };
    raw.iter().enumerate().map(record).collect()
}

/// Headers of a sample, in order; names may repeat.
type RawHeaders = Vec<(Arc<str>, Box<RawValue>)>;

/// One sample's members as they were written: numbers keep their digits.
struct Sample<'a> {
    members: &'a crate::json::Members,
}

impl Sample<'_> {
    fn member(&self, name: &str) -> Option<&RawValue> {
        let found = self.members.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_ref()).filter(|value| value.get() != "null")
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let text = self.member(name).map(|value| serde_json::from_str(value.get()));
        text.transpose().map_err(|_| format!("{name} is not a text"))
    }

    fn integer(&self, name: &str) -> Result<Option<i64>, String> {
        let number = self.member(name).map(|value| value.get().parse());
        number.transpose().map_err(|_| format!("{name} is not an integer"))
    }

    fn partition(&self) -> Result<Option<i32>, String> {
        let number = self.integer("partition")?.map(i32::try_from);
        number.transpose().map_err(|_| "partition is not a number in range".to_owned())
    }

    /// Headers as an object, or as an array of objects with name and value, which may repeat names.
    fn headers(&self) -> Result<RawHeaders, String> {
        #[derive(serde::Deserialize)]
        struct Entry {
            name: String,
            value: Option<Box<RawValue>>,
        }
        let Some(json) = self.member("headers") else { return Ok(Vec::new()) };
        let wrong = |_| "headers is neither an object nor an array of objects with name and value".to_owned();
        if json.get().starts_with('{') {
            let members = crate::json::members(&mut serde_json::Deserializer::from_str(json.get()));
            return Ok(members
                .map_err(wrong)?
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect());
        }
        let entries: Vec<Entry> = serde_json::from_str(json.get()).map_err(wrong)?;
        let null = || RawValue::from_string("null".to_owned()).expect("null is JSON");
        Ok(entries.into_iter().map(|entry| (entry.name.into(), entry.value.unwrap_or_else(null))).collect())
    }

    fn bytes(&self, json: Option<&RawValue>) -> Result<Option<Blob>, String> {
        let Some(json) = json.map(RawValue::get).filter(|json| *json != "null") else { return Ok(None) };
        if !json.starts_with('"') {
            return Ok(Some(Blob::from(json.as_bytes())));
        }
        let text: String = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Ok(Some(Blob::from(text.into_bytes())))
    }

    fn datum(&self, json: Option<&RawValue>) -> Result<Datum, String> {
        let Some(json) = json else { return Ok(Datum::default()) };
        let json: Json = serde_json::from_str(json.get()).map_err(|error| error.to_string())?;
        Ok(match json {
            Json::String(text) => Datum::string(text),
            other => Datum::schemaless(value(other)),
        })
    }
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int64(integer),
            None => Value::Float64(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => Value::Array(values.into_iter().map(value).collect()),
        Json::Object(members) => Value::Map(Box::new(map(members))),
    }
}

fn map(members: JsonMap<String, Json>) -> Map {
    members.into_iter().map(|(name, json)| (name.into(), value(json))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        messages(text, "t").unwrap_err().to_string()
    }

    #[test]
    fn texts_are_their_bytes_and_other_values_their_json() {
        let text =
            r#"{"value": {"price": 1.50}, "key": "k"} {"value": null, "headers": {"h": 7}, "topic": "u"}"#;
        let read = messages(text, "t").unwrap();
        assert_eq!(read[0].value.as_deref(), Some(br#"{"price": 1.50}"#.as_slice()));
        assert_eq!((read[0].key.as_deref(), read[0].offset), (Some(b"k".as_slice()), 0));
        assert_eq!((read[1].value.as_deref(), read[1].topic.as_ref(), read[1].offset), (None, "u", 1));
        assert_eq!(read[1].headers, [("h".into(), Some(Blob::from(b"7".as_slice())))]);
    }

    #[test]
    fn an_array_and_repeated_headers_are_read_too() {
        let text = r#"[{"headers": [{"name": "a", "value": "1"}, {"name": "a"}], "value": [1, "b"]}]"#;
        let read = polled(text, "t").unwrap();
        let record = read[0].record.as_ref().unwrap();
        assert_eq!(record.headers.len(), 2);
        assert_eq!(record.value.value, Value::Array(vec![Value::Int64(1), "b".into()]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(problem("{").starts_with("the samples are not JSON objects"));
        assert_eq!(problem("[1]"), format!("sample 1: it is not an object with {MEMBERS}"));
        assert_eq!(problem(r#"{} {"values": 1}"#), format!("sample 2: values is not one of {MEMBERS}"));
        assert_eq!(problem(r#"{"offset": "a"}"#), "sample 1: offset is not an integer");
        assert_eq!(problem(r#"{"partition": 3000000000}"#), "sample 1: partition is not a number in range");
    }
}
