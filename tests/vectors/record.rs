//! Records as the vectors write them.

use crate::{
    notation::{self, Unknown},
    show,
};
use millrace_api::{Datum, Header, Origin, Record, TimestampType};
use serde_json::{Value as Json, json};

/// Reads a record and where it came from: one with an offset is a sink's.
pub fn read(json: &Json) -> Result<(Record, Origin), Unknown> {
    let datum = |schema: &str, value: &str| read_datum(&json[schema], &json[value]);
    let mut headers = Vec::new();
    for header in json["headers"].as_array().into_iter().flatten() {
        let name = header["key"].as_str().unwrap().into();
        headers.push(Header { name, value: read_datum(&header["schema"], &header["value"])? });
    }
    let sink_offset = json["offset"].as_i64();
    let partition = json["partition"].as_i64().map(|partition| partition as i32);
    let timestamp = json["timestamp"].as_i64();
    let record = Record {
        topic: json["topic"].as_str().map(Into::into),
        partition: partition.or(sink_offset.map(|_| 0)),
        key: datum("keySchema", "key")?,
        value: datum("valueSchema", "value")?,
        headers,
        timestamp,
        timestamp_type: match (sink_offset, timestamp) {
            (Some(_), Some(_)) => TimestampType::CreateTime,
            _ => TimestampType::None,
        },
    };
    let origin = match sink_offset {
        Some(offset) => Origin::Sink {
            topic: record.topic.clone().unwrap_or_default(),
            partition: record.partition.unwrap_or_default(),
            offset,
        },
        None => Origin::Source(None),
    };
    Ok((record, origin))
}

/// Shows all of a record.
pub fn show(record: &Record) -> Json {
    let headers: Json = record
        .headers
        .iter()
        .map(|header| json!([header.name.to_string(), show::datum(&header.value)]))
        .collect();
    json!({
        "topic": record.topic.as_deref(),
        "partition": record.partition,
        "key": show::datum(&record.key),
        "value": show::datum(&record.value),
        "headers": headers,
        "timestamp": record.timestamp,
    })
}

fn read_datum(schema: &Json, value: &Json) -> Result<Datum, Unknown> {
    let schema = notation::schema(schema)?;
    let value = notation::value(value, schema.as_deref())?;
    Ok(Datum { schema, value })
}
