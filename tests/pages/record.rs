//! Records as the pages show them: JSON as it stands in a topic, with `schema` and `payload` where there is a schema.

use jiff::tz::TimeZone;
use millrace_api::{
    Blob, Converter, Datum, Header, Origin, Plugins, Properties, Record, Role, TimestampType, values,
};
use serde_json::{Map, Value as Json, json};

const JSON_CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Reads a record; one with an offset is on its way to a sink.
pub fn read(plugins: &Plugins, json: &Json) -> (Record, Origin) {
    let headers = json["headers"].as_object().into_iter().flatten().map(|(name, text)| Header {
        name: name.as_str().into(),
        value: values::parse(text.as_str().unwrap(), &TimeZone::UTC),
    });
    let timestamp = json["timestamp"].as_i64();
    let record = Record {
        topic: json["topic"].as_str().map(Into::into),
        partition: json["partition"].as_i64().map(|partition| partition as i32),
        key: datum(plugins, &json["key"]),
        value: datum(plugins, &json["value"]),
        headers: headers.collect(),
        timestamp,
        timestamp_type: timestamp.map_or(TimestampType::None, |_| TimestampType::CreateTime),
    };
    let origin = match json["offset"].as_i64() {
        Some(offset) => Origin::Sink {
            topic: record.topic.clone().unwrap_or_default(),
            partition: record.partition.unwrap_or_default(),
            offset,
        },
        None => Origin::Source(None),
    };
    (record, origin)
}

/// Shows a record, without what it does not have.
pub fn show(plugins: &Plugins, record: &Record) -> Json {
    let mut shown = Map::new();
    let mut show = |name: &str, json: Json| {
        if !json.is_null() {
            shown.insert(name.to_owned(), json);
        }
    };
    show("topic", json!(record.topic.as_deref()));
    show("partition", json!(record.partition));
    show("key", text(plugins, &record.key));
    show("value", text(plugins, &record.value));
    if !record.headers.is_empty() {
        let headers = record.headers.iter().map(|header| {
            let text = values::to_text(&header.value.value, &TimeZone::UTC);
            (header.name.to_string(), json!(text))
        });
        show("headers", Json::Object(headers.collect()));
    }
    show("timestamp", json!(record.timestamp));
    Json::Object(shown)
}

/// Reads JSON as the JSON converter does.
pub fn datum(plugins: &Plugins, json: &Json) -> Datum {
    if json.is_null() {
        return Datum::default();
    }
    let has_schema = json.get("schema").is_some() && json.get("payload").is_some();
    let bytes = Blob::from(json.to_string().into_bytes());
    converter(plugins, has_schema).decode("pages", &[], Some(&bytes)).unwrap()
}

fn text(plugins: &Plugins, datum: &Datum) -> Json {
    let encoded = converter(plugins, datum.schema.is_some()).encode("pages", &mut Vec::new(), datum).unwrap();
    encoded.map_or(Json::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
}

fn converter(plugins: &Plugins, has_schema: bool) -> Box<dyn Converter> {
    let settings = Properties::from([("schemas.enable", if has_schema { "true" } else { "false" })]);
    plugins.find_converter(JSON_CONVERTER).unwrap().make(&settings, Role::Value).unwrap()
}
