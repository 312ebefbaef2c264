//! Schemas and values in one form, so that they can be compared and shown: types are named, what has no order is
//! sorted.

use millrace_api::{Datum, Kind, Schema, Value, text};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// Shows schema and value.
pub fn datum(datum: &Datum) -> Json {
    json!({ "schema": datum.schema.as_deref().map(schema), "value": value(&datum.value) })
}

/// Shows a schema.
pub fn schema(shown: &Schema) -> Json {
    let parameters: BTreeMap<_, _> =
        shown.parameters.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    let inner = |inner: &Option<std::sync::Arc<Schema>>| inner.as_deref().map(schema);
    let inside = match &shown.kind {
        Kind::Array(element) => json!(inner(element)),
        Kind::Map(key, value) => json!([inner(key), inner(value)]),
        Kind::Struct(fields) => {
            fields.iter().map(|field| json!([field.name.to_string(), schema(&field.schema)])).collect()
        }
        _ => Json::Null,
    };
    json!({
        "type": shown.kind.to_string(),
        "inside": inside,
        "optional": shown.optional,
        "name": shown.name.as_deref(),
        "version": shown.version,
        "doc": shown.doc.as_deref(),
        "default": shown.default.as_deref().map(value),
        "parameters": parameters,
    })
}

/// Shows a value with its type.
pub fn value(shown: &Value) -> Json {
    match shown {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => json!(boolean),
        Value::Int8(number) => json!({ "i8": number }),
        Value::Int16(number) => json!({ "i16": number }),
        Value::Int32(number) => json!({ "i32": number }),
        Value::Int64(number) => json!({ "i64": number }),
        Value::Float32(number) => json!({ "f32": text::float(*number) }),
        Value::Float64(number) => json!({ "f64": text::double(*number) }),
        Value::String(text) => json!(text.as_str()),
        Value::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
        Value::Decimal(decimal) => json!({ "decimal": [decimal.unscaled.to_string(), decimal.scale] }),
        Value::Instant(instant) => json!({ "date": instant }),
        Value::Array(values) => values.iter().map(value).collect(),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, entry)| [value(key), value(entry)]).collect();
            entries.sort_by_key(|[key, _]| key.to_string());
            json!({ "map": entries })
        }
        Value::Struct(fields) => {
            let values: Json = fields.values().iter().map(value).collect();
            json!({ "struct": schema(fields.schema()), "values": values })
        }
    }
}

/// Shows bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
