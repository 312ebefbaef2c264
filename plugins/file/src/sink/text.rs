//! The text form of a value. Pure: values in, lines out.

use crate::config::ValueType;
use millrace_api::Value;
use std::io::Write;

/// Adds a value and a line end to the buffer: text as it is, everything else as Java prints it, bytes as the
/// setting says.
pub(super) fn append_line(lines: &mut Vec<u8>, value: &Value, value_type: ValueType) {
    match (value, value_type) {
        (Value::String(text), _) => lines.extend_from_slice(text.as_blob()),
        (Value::Bytes(bytes), ValueType::Bytes) => lines.extend_from_slice(bytes),
        (Value::Bytes(bytes), ValueType::String) => append_hex(lines, bytes),
        (value, _) => write!(lines, "{value}").expect("a vector takes everything"),
    }
    lines.push(b'\n');
}

fn append_hex(lines: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)];
    lines.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use millrace_api::{Blob, Decimal, Fields, Kind, Map, Schema, Struct};
    use std::sync::Arc;

    #[track_caller]
    fn check(value: Value, line: &str) {
        check_as(ValueType::String, value, format!("{line}\n").as_bytes());
    }

    #[track_caller]
    fn check_as(value_type: ValueType, value: Value, line: &[u8]) {
        let mut lines = Vec::new();
        append_line(&mut lines, &value, value_type);
        assert_eq!(lines.escape_ascii().to_string(), line.escape_ascii().to_string());
    }

    #[test]
    fn plain_values_are_written_as_java_prints_them() {
        check(Value::Null, "null");
        check("two\nlines".into(), "two\nlines");
        check(Value::Int64(-7), "-7");
        check(Value::Boolean(true), "true");
        check(Value::Float64(1.0), "1.0");
        check(Value::Float64(1e10), "1.0E10");
        check(Value::Float32(f32::NAN), "NaN");
        check(Value::Float64(f64::INFINITY), "Infinity");
        check(Value::Decimal(Box::new(Decimal { unscaled: 110.into(), scale: 2 })), "1.10");
        check(Value::Decimal(Box::new(Decimal { unscaled: 1.into(), scale: -3 })), "1E+3");
    }

    #[test]
    fn structs_maps_and_lists_are_written_as_java_prints_them() {
        let mut fields = Fields::new();
        fields.push("a", Schema::int32()).unwrap();
        fields.push("b", Schema::optional_string()).unwrap();
        fields.push("none", Schema::optional_string()).unwrap();
        let schema = Arc::new(Schema::of(Kind::Struct(fields)));
        let inner = Struct::from_values(schema, vec![Value::Int32(1), "x".into(), Value::Null]);
        check(Value::Struct(inner), "Struct{a=1,b=x}");
        let map = Map::from_iter([("a".into(), Value::Int64(1)), ("b".into(), "x".into())]);
        check(Value::Map(Box::new(map)), "{a=1, b=x}");
        check(Value::Array(vec![Value::Int8(1), Value::Null]), "[1, null]");
    }

    #[test]
    fn bytes_are_hexadecimal_or_as_they_are() {
        let bytes = || Value::Bytes(Blob::from(&b"\xff\x00a"[..]));
        check(bytes(), "ff0061");
        check_as(ValueType::Bytes, bytes(), b"\xff\x00a\n");
        check_as(ValueType::Bytes, "text".into(), b"text\n");
    }
}
