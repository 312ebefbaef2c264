//! Casts of single values.

use super::{java_numbers, spec::Target};
use crate::big_decimal::{low_bits, nearest_double};
use jiff::tz::TimeZone;
use millrace_api::{Error, Result, Value, text, values};

/// Casts a value that is not null, by what it is itself. Instants are written on the clock of a time zone.
pub(super) fn convert(value: &Value, target: Target, zone: &TimeZone) -> Result<Value> {
    Ok(match target {
        Target::Int8 => match value {
            Value::String(text) => Value::Int8(parsed(text, text.parse().ok())?),
            value => Value::Int8(narrow(value)? as i8),
        },
        Target::Int16 => match value {
            Value::String(text) => Value::Int16(parsed(text, text.parse().ok())?),
            value => Value::Int16(narrow(value)? as i16),
        },
        Target::Int32 => match value {
            Value::String(text) => Value::Int32(parsed(text, text.parse().ok())?),
            value => Value::Int32(narrow(value)?),
        },
        Target::Int64 => match value {
            Value::String(text) => Value::Int64(parsed(text, text.parse().ok())?),
            value => Value::Int64(wide(value)?),
        },
        Target::Float32 => Value::Float32(single(value)?),
        Target::Float64 => Value::Float64(double(value)?),
        Target::Boolean => Value::Boolean(match value {
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            value => wide(value)? != 0,
        }),
        Target::String => values::to_text(value, zone).map_or(Value::Null, Value::from),
    })
}

/// Returns a number as 64 bits: the low ones of a decimal, the nearest of a float.
fn wide(value: &Value) -> Result<i64> {
    Ok(match value {
        Value::Boolean(boolean) => i64::from(*boolean),
        Value::Int8(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        Value::Float32(number) => *number as i64,
        Value::Float64(number) => *number as i64,
        Value::Decimal(number) => low_bits(number),
        other => return Err(unexpected(other)),
    })
}

/// Returns a number as 32 bits, of which bytes and shorts are the low ones: also of floats, as in Java.
fn narrow(value: &Value) -> Result<i32> {
    Ok(match value {
        Value::Float32(number) => *number as i32,
        Value::Float64(number) => *number as i32,
        value => wide(value)? as i32,
    })
}

fn single(value: &Value) -> Result<f32> {
    Ok(match value {
        Value::String(text) => parsed(text, java_numbers::single(text))?,
        Value::Float32(number) => *number,
        Value::Float64(number) => *number as f32,
        Value::Decimal(number) => {
            text::decimal(number).parse().expect("the text of a decimal is one that floats read")
        }
        value => wide(value)? as f32,
    })
}

fn double(value: &Value) -> Result<f64> {
    Ok(match value {
        Value::String(text) => parsed(text, java_numbers::double(text))?,
        Value::Float32(number) => f64::from(*number),
        Value::Float64(number) => *number,
        Value::Decimal(number) => nearest_double(number),
        value => wide(value)? as f64,
    })
}

fn parsed<T>(text: &str, number: Option<T>) -> Result<T> {
    number.ok_or_else(|| Error::data(format!("Value ({text}) was out of range for requested data type")))
}

fn unexpected(value: &Value) -> Error {
    Error::data(format!("Unexpected type in Cast transformation: class {}", value.java_class()))
}
