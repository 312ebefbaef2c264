//! Records as JSON for people and for dead letters: values without schemas, fields in their order.

use millrace_api::{Datum, Header, Record, Scalar, Scalars, SourceRecord, Value};
use serde::{Serialize, Serializer, ser::SerializeMap, ser::SerializeSeq};

/// A value. Bytes that are UTF-8 are text, others lower-case hex; instants are milliseconds; what JSON has no number for is
/// text.
pub struct Shown<'a>(pub &'a Value);

/// The entries of a source partition or offset.
pub struct ShownScalars<'a>(pub &'a Scalars);

/// A record with everything that it has.
pub struct ShownRecord<'a>(pub &'a Record);

/// A record with the place that it came from.
pub struct ShownSource<'a>(pub &'a SourceRecord);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Int8(value) => serializer.serialize_i8(*value),
            Value::Int16(value) => serializer.serialize_i16(*value),
            Value::Int32(value) => serializer.serialize_i32(*value),
            Value::Int64(value) | Value::Instant(value) => serializer.serialize_i64(*value),
            Value::Float32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::Float64(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float32(_) | Value::Float64(_) | Value::Decimal(_) => serializer.collect_str(self.0),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(blob) => match std::str::from_utf8(blob) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => serializer.collect_str(self.0),
            },
            Value::Array(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| list.serialize_element(&Shown(value)))?;
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries.iter() {
                    map.serialize_entry(&key.to_string(), &Shown(value))?;
                }
                map.end()
            }
            Value::Struct(fields) => {
                let names = fields.schema().fields().into_iter().flat_map(|fields| fields.iter());
                let mut map = serializer.serialize_map(Some(fields.values().len()))?;
                for (field, value) in names.zip(fields.values()) {
                    map.serialize_entry(field.name.as_ref(), &Shown(value))?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for ShownScalars<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, scalar) in self.0.iter() {
            match scalar {
                Scalar::Null => map.serialize_entry(name.as_ref(), &())?,
                Scalar::Boolean(value) => map.serialize_entry(name.as_ref(), value)?,
                Scalar::Integer(value) => map.serialize_entry(name.as_ref(), value)?,
                Scalar::Float(value) => map.serialize_entry(name.as_ref(), value)?,
                Scalar::String(value) => map.serialize_entry(name.as_ref(), value.as_str())?,
            }
        }
        map.end()
    }
}

impl Serialize for ShownRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        add_record(&mut map, self.0)?;
        map.end()
    }
}

impl Serialize for ShownSource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(origin) = &self.0.origin {
            map.serialize_entry("sourcePartition", &ShownScalars(&origin.partition.entries))?;
            let offset = origin.offset.as_ref().map(|offset| ShownScalars(&offset.entries));
            map.serialize_entry("sourceOffset", &offset)?;
        }
        if let Some(record) = &self.0.record {
            add_record(&mut map, record)?;
        }
        map.end()
    }
}

fn add_record<M: SerializeMap>(map: &mut M, record: &Record) -> Result<(), M::Error> {
    map.serialize_entry("topic", &record.topic.as_deref())?;
    map.serialize_entry("partition", &record.partition)?;
    map.serialize_entry("timestamp", &record.timestamp)?;
    map.serialize_entry("key", &Shown(&record.key.value))?;
    map.serialize_entry("keySchema", &schema(&record.key))?;
    map.serialize_entry("value", &Shown(&record.value.value))?;
    map.serialize_entry("valueSchema", &schema(&record.value))?;
    let headers: Vec<_> = record.headers.iter().map(ShownHeader).collect();
    map.serialize_entry("headers", &headers)
}

/// The name or type of a schema; none for data without one.
pub fn schema(datum: &Datum) -> Option<String> {
    let schema = datum.schema.as_deref()?;
    Some(schema.name.as_deref().map_or_else(|| schema.kind.to_string(), str::to_owned))
}

struct ShownHeader<'a>(&'a Header);

impl Serialize for ShownHeader<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", self.0.name.as_ref())?;
        map.serialize_entry("value", &Shown(&self.0.value.value))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::{Scalars, SourceOffset, SourcePartition};
    use std::sync::Arc;

    #[test]
    fn a_record_shows_what_it_has() {
        let mut record = Record::new("orders", Datum::string("one"));
        record.key = Datum::schemaless(Value::Bytes(vec![0xff, 0].into()));
        record.headers.push(Header { name: "h".into(), value: Datum::schemaless(Value::Float64(f64::NAN)) });
        let partition = Arc::new(SourcePartition::new(Scalars::one("file", "a.txt")));
        let polled = SourceRecord::new(record, partition, SourceOffset::new(Scalars::one("at", 7)));
        assert_eq!(
            serde_json::to_string(&ShownSource(&polled)).unwrap(),
            r#"{"sourcePartition":{"file":"a.txt"},"sourceOffset":{"at":7},"topic":"orders","partition":null,"timestamp":null,"key":"ff00","keySchema":null,"value":"one","valueSchema":"STRING","headers":[{"name":"h","value":"NaN"}]}"#
        );
    }
}
