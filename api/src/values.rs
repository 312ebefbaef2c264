//! Texts of values, and values of texts: what Connect calls `Values`.
//!
//! The text of a value resembles JSON. Reading one back infers type and schema, so it is not symmetric: `007` comes
//! back as a number, a time stamp at midnight as a date. The simple header converter is made of [`to_text`] and [`parse`];
//! transformations that take values from settings read them so too. Instants are shown and read on the clock of a
//! time zone, in Connect the worker's.

mod align;
mod convert;
mod infer;
mod merge;
mod number;
mod parser;
mod project;
mod temporal;
mod tokens;
mod validate;

pub use convert::{Target, convert};
pub use infer::infer;
pub use project::project;
pub use validate::{validate, validate_field};

use crate::{Datum, Schema, Value, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::tz::TimeZone;
use std::fmt::Write as _;

/// Returns the text of a value, or `None` for null: text as it is, all else in the form that [`parse`] reads.
pub fn to_text(value: &Value, zone: &TimeZone) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.to_string()),
        Value::Bytes(bytes) => Some(STANDARD.encode(&**bytes)),
        other => {
            let mut out = String::new();
            embed(other, zone, &mut out);
            Some(out)
        }
    }
}

/// Returns the value that a text stands for, with its schema; text that is nothing else is a string.
pub fn parse(text: &str, zone: &TimeZone) -> Datum {
    if text.is_empty() {
        return Datum::new(Schema::string(), Value::from(text));
    }
    parser::parse(text, zone)
}

/// Writes a value as it stands inside another.
fn embed(value: &Value, zone: &TimeZone, out: &mut String) {
    match value {
        Value::String(text) => embed_text(text, out),
        Value::Bytes(bytes) => {
            out.push('"');
            STANDARD.encode_string(&**bytes, out);
            out.push('"');
        }
        Value::Float32(number) => out.push_str(&text::float(*number)),
        Value::Float64(number) => out.push_str(&text::double(*number)),
        Value::Instant(instant) => temporal::write(*instant, zone, out),
        Value::Array(values) => {
            out.push('[');
            embed_all(values, out, |value, out| embed(value, zone, out));
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            embed_all(map.iter(), out, |(key, value), out| {
                embed(key, zone, out);
                out.push(':');
                embed(value, zone, out);
            });
            out.push('}');
        }
        Value::Struct(fields) => {
            let names = fields.schema().fields().into_iter().flat_map(|fields| fields.iter().enumerate());
            out.push('{');
            embed_all(names, out, |(index, field), out| {
                embed_text(&field.name, out);
                out.push(':');
                embed(fields.or_default(index), zone, out);
            });
            out.push('}');
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Int64(_)
        | Value::Decimal(_) => drop(write!(out, "{value}")),
    }
}

fn embed_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        out.push(char);
    }
    out.push('"');
}

fn embed_all<T>(items: impl IntoIterator<Item = T>, out: &mut String, embed: impl Fn(T, &mut String)) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        embed(item, out);
    }
}

#[cfg(test)]
mod tests;
