//! Schemas and values as the vectors write them.

use crate::suite::Verdict;
use millrace_api::{Decimal, Field, Fields, Kind, Map, Schema, Struct, Value};
use serde_json::Value as Json;
use std::sync::Arc;

/// Something that the data model here does not have, such as an object of an unknown class.
#[derive(Debug)]
pub struct Unknown(String);

impl From<Unknown> for Verdict {
    fn from(unknown: Unknown) -> Self {
        Self::Failed(format!("not in this data model: {}", unknown.0))
    }
}

type Read<T> = Result<T, Unknown>;

/// Reads a schema; none for null.
pub fn schema(json: &Json) -> Read<Option<Arc<Schema>>> {
    Ok(match json {
        Json::Null => None,
        Json::String(short) => {
            let optional = short.strip_suffix('?');
            let schema = Schema::of(primitive(optional.unwrap_or(short))?);
            Some(Arc::new(if optional.is_some() { schema.optional() } else { schema }))
        }
        Json::Object(_) if !json["$recursive"].is_null() => return Err(unknown(json)),
        long => Some(Arc::new(long_schema(long)?)),
    })
}

/// Reads a value against its schema.
pub fn value(json: &Json, schema: Option<&Schema>) -> Read<Value> {
    if let Some((tag, content)) = tag(json) {
        return tagged(tag, content, schema);
    }
    let kind = schema.map(|schema| &schema.kind);
    Ok(match (json, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Number(_), Some(Kind::Int8)) => Value::Int8(integer(json)?),
        (Json::Number(_), Some(Kind::Int16)) => Value::Int16(integer(json)?),
        (Json::Number(_), Some(Kind::Int32)) => Value::Int32(integer(json)?),
        (Json::Number(_), Some(Kind::Float32)) => Value::Float32(json.as_f64().unwrap() as f32),
        (Json::Number(_), Some(Kind::Float64)) => Value::Float64(json.as_f64().unwrap()),
        (Json::Number(number), _) if number.is_f64() => Value::Float64(json.as_f64().unwrap()),
        (Json::Number(_), _) => Value::Int64(integer(json)?),
        (Json::Bool(boolean), _) => Value::Boolean(*boolean),
        (Json::String(text), _) => Value::from(text.as_str()),
        (Json::Array(elements), kind) => {
            let element = match kind {
                Some(Kind::Array(element)) => element.as_deref(),
                _ => None,
            };
            Value::Array(elements.iter().map(|json| value(json, element)).collect::<Read<_>>()?)
        }
        (Json::Object(members), Some(Kind::Struct(fields))) => {
            assert!(
                members.keys().all(|name| fields.index(name).is_some()),
                "a field without a schema: {json}"
            );
            let values = fields.iter().map(|field| value(&json[field.name.as_ref()], Some(&field.schema)));
            let schema = Arc::new(schema.unwrap().clone());
            Value::Struct(Struct::from_values(schema, values.collect::<Read<_>>()?))
        }
        (Json::Object(members), _) => {
            let entries = members.iter().map(|(name, json)| (Json::from(name.as_str()), json.clone()));
            map(entries, schema)?
        }
    })
}

fn long_schema(json: &Json) -> Read<Schema> {
    let inner = |member: &str| schema(&json[member]);
    let kind = match json["type"].as_str().unwrap() {
        "array" => Kind::Array(inner("items")?),
        "map" => Kind::Map(inner("keys")?, inner("values")?),
        "struct" => {
            let mut fields = Fields::new();
            for field in json["fields"].as_array().unwrap() {
                let field_schema = schema(&field["schema"])?.unwrap();
                let pushed: Result<(), Field> = fields.push(field["name"].as_str().unwrap(), field_schema);
                pushed.unwrap();
            }
            Kind::Struct(fields)
        }
        primitive_name => primitive(primitive_name)?,
    };
    let text = |member: &str| json[member].as_str().map(Arc::from);
    let parameters = json["parameters"].as_object().into_iter().flatten();
    let mut schema = Schema {
        optional: json["optional"] == true,
        name: text("name"),
        version: json["version"].as_i64().map(|version| version.try_into().unwrap()),
        doc: text("doc"),
        parameters: parameters
            .map(|(name, text)| (name.as_str().into(), text.as_str().unwrap().into()))
            .collect(),
        ..Schema::of(kind)
    };
    if let Some(default) = json.get("default") {
        schema.default = Some(Box::new(value(default, Some(&schema))?));
    }
    Ok(schema)
}

fn primitive(name: &str) -> Read<Kind> {
    Ok(match name {
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "float32" => Kind::Float32,
        "float64" => Kind::Float64,
        "boolean" => Kind::Boolean,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        other => return Err(Unknown(format!("type {other}"))),
    })
}

fn tag(json: &Json) -> Option<(&str, &Json)> {
    let members = json.as_object().filter(|members| members.len() == 1)?;
    let (name, content) = members.iter().next()?;
    Some((name.strip_prefix('$')?, content))
}

fn tagged(tag: &str, content: &Json, schema: Option<&Schema>) -> Read<Value> {
    Ok(match tag {
        "i8" => Value::Int8(integer(content)?),
        "i16" => Value::Int16(integer(content)?),
        "i32" => Value::Int32(integer(content)?),
        "i64" => Value::Int64(integer(content)?),
        "f32" => Value::Float32(float(content) as f32),
        "f64" => Value::Float64(float(content)),
        "bytes" | "bytebuffer" => Value::Bytes(bytes(content.as_str().unwrap()).into()),
        "decimal" => Value::Decimal(Box::new(decimal(content.as_str().unwrap()))),
        "date" => Value::Instant(content.as_i64().unwrap()),
        "map" => {
            let entries = content.as_array().unwrap().iter();
            map(entries.map(|entry| (entry[0].clone(), entry[1].clone())), schema)?
        }
        "struct" => {
            let schema = self::schema(&content["schema"])?;
            value(&content["value"], schema.as_deref())?
        }
        _ => return Err(Unknown(format!("${tag} {content}"))),
    })
}

fn map(entries: impl Iterator<Item = (Json, Json)>, schema: Option<&Schema>) -> Read<Value> {
    let (keys, values) = match schema.map(|schema| &schema.kind) {
        Some(Kind::Map(keys, values)) => (keys.as_deref(), values.as_deref()),
        _ => (None, None),
    };
    let mut map = Map::new();
    for (key, entry) in entries {
        map.insert(value(&key, keys)?, value(&entry, values)?);
    }
    Ok(Value::Map(Box::new(map)))
}

fn integer<T: TryFrom<i64>>(json: &Json) -> Read<T> {
    json.as_i64().and_then(|integer| T::try_from(integer).ok()).ok_or_else(|| unknown(json))
}

fn float(json: &Json) -> f64 {
    match json.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(text) => text.parse().unwrap(),
        None => json.as_f64().unwrap(),
    }
}

fn decimal(text: &str) -> Decimal {
    let (mantissa, exponent) = text.split_once('E').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap();
    let scale = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
    Decimal { unscaled: mantissa.replace('.', "").parse().unwrap(), scale: scale - exponent }
}

/// Reads hexadecimal digits.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().map(|char| char.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn unknown(json: &Json) -> Unknown {
    Unknown(json.to_string())
}
