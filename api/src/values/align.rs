//! Gives the elements of a list the type of their common schema.

use crate::{Kind, Schema, Value, calendar::DAY_MS, schema::logical};

/// Converts an inferred value to an inferred schema, or returns `None` when that fails; null fails always, because
/// inferred schemas are required.
///
/// Instants become numbers of no kind: without their own schema, Java does not know what they count.
pub(super) fn align(value: Value, schema: &Schema) -> Option<Value> {
    let logical = schema.name.as_deref();
    match (&schema.kind, value) {
        (_, Value::Null) => None,
        (Kind::Int8, value) => i8::try_from(integer(&value)?).ok().map(Value::Int8),
        (Kind::Int16, value) => i16::try_from(integer(&value)?).ok().map(Value::Int16),
        (Kind::Int32 | Kind::Int64, value @ Value::Instant(_)) if logical.is_some() => Some(value),
        (Kind::Int32, value) if logical == Some(logical::DATE) => {
            Some(Value::Instant(integer(&value)? * DAY_MS))
        }
        (Kind::Int32, value) if logical == Some(logical::TIME) => {
            integer(&value).filter(|time| (0..=DAY_MS).contains(time)).map(Value::Instant)
        }
        (Kind::Int32, value) => i32::try_from(integer(&value)?).ok().map(Value::Int32),
        (Kind::Int64, value) if logical == Some(logical::TIMESTAMP) => integer(&value).map(Value::Instant),
        (Kind::Int64, value) => integer(&value).map(Value::Int64),
        (Kind::Float32, value) => Some(Value::Float32(number(&value)? as f32)),
        (Kind::Float64, value) => number(&value).map(Value::Float64),
        // What is no number has met its own type only.
        (_, value) => Some(value),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int8(number) => Some((*number).into()),
        Value::Int16(number) => Some((*number).into()),
        Value::Int32(number) => Some((*number).into()),
        Value::Int64(number) => Some(*number),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float32(number) => Some((*number).into()),
        Value::Float64(number) => Some(*number),
        other => integer(other).map(|number| number as f64),
    }
}
