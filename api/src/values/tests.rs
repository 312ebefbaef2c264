#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;
use crate::{Decimal, Fields, Kind, Struct};
use std::sync::Arc;

/// Reads a text in UTC and compares schema and value, both as text.
#[track_caller]
fn check(text: &str, schema: &str, value: &str) {
    check_in(&TimeZone::UTC, text, schema, value);
}

#[track_caller]
fn check_in(zone: &TimeZone, text: &str, schema: &str, value: &str) {
    let datum = parse(text, zone);
    let shown = datum.schema.as_deref().map_or("none".to_string(), show);
    assert_eq!((shown.as_str(), format!("{:?}", datum.value).as_str()), (schema, value), "{text:?}");
}

fn show(schema: &Schema) -> String {
    let inner = |schema: &Option<Arc<Schema>>| schema.as_deref().map_or("?".to_string(), show);
    match (&schema.kind, schema.name.as_deref()) {
        (Kind::Array(element), _) => format!("[{}]", inner(element)),
        (Kind::Map(key, value), _) => format!("{{{}:{}}}", inner(key), inner(value)),
        (_, Some(name)) => name.rsplit('.').next().unwrap().to_string(),
        (kind, None) => kind.to_string().to_lowercase(),
    }
}

#[test]
fn plain_text_is_a_string() {
    for text in
        [" ", "abc", "a,b", "true}", "{true", "True", "1 2", "0x10", "\"quoted\"", "[a,b]", "{a:1}", "[1,2"]
    {
        check(text, "string", &format!("String({text:?})"));
    }
}

#[test]
fn literals_and_numbers_have_their_types() {
    check("null", "none", "Null");
    check(" true ", "boolean", "Boolean(true)");
    check("-128", "int8", "Int8(-128)");
    check("1e3", "int16", "Int16(1000)");
    check("-9223372036854775808", "int64", "Int64(-9223372036854775808)");
    check("0e999999999", "int8", "Int8(0)");
    check("1.10", "float32", "Float32(1.1)");
    check("1e-999999999", "float32", "Float32(0.0)");
    check("3.4e39", "float64", "Float64(3.4e39)");
    check("1e999999999", "Decimal", "Decimal(Decimal { unscaled: 1, scale: -999999999 })");
    check("9223372036854775808", "Decimal", "Decimal(Decimal { unscaled: 9223372036854775808, scale: 0 })");
    check("1e9999999999", "string", "String(\"1e9999999999\")");
    check("1e", "string", "String(\"1e\")");
    check("١٢", "int8", "Int8(12)");
}

#[test]
fn what_stands_behind_a_value_is_ignored() {
    check("1,2,3", "int8", "Int8(1)");
    check("[1,2],3", "[int8]", "Array([Int8(1), Int8(2)])");
    check("{\"a\":1}x", "{string:int8}", "Map({String(\"a\"): Int8(1)})");
}

#[test]
fn a_broken_list_after_a_blank_is_the_blank() {
    check(" [a]", "string", "String(\" \")");
}

#[test]
fn elements_get_their_common_type() {
    check("[1,2147483648,1.5]", "[float32]", "Array([Float32(1.0), Float32(2147483600.0), Float32(1.5)])");
    check("[1,\"a\"]", "[?]", "Array([Int8(1), String(\"a\")])");
    check("[null]", "[?]", "Array([Null])");
    check("[1,null]", "string", "String(\"[1,null]\")");
    check("[5,1970-01-02]", "[Date]", "Array([Instant(432000000), Instant(86400000)])");
    check("[00:00:00.005Z,5]", "[Time]", "Array([Instant(5), Instant(5)])");
    check("[00:00:00.005Z,-5]", "string", "String(\"[00:00:00.005Z,-5]\")");
    check("[1970-01-02,1.5]", "string", "String(\"[1970-01-02,1.5]\")");
    check("{1:1,300:2}", "{int16:int8}", "Map({Int16(1): Int8(1), Int16(300): Int8(2)})");
    check(
        "{\"a\":1,\"b\":\"x\"}",
        "{string:?}",
        "Map({String(\"a\"): Int8(1), String(\"b\"): String(\"x\")})",
    );
}

#[test]
fn dates_are_lenient() {
    check("2019-13-45", "Date", "Instant(1581638400000)");
    check("555-123-45", "Date", "Instant(-44328384000000)");
    check("2019-08-2x", "Date", "Instant(1564704000000)");
    check("99:99:99.999Z", "Time", "Instant(362439999)");
    check("14:34:54.346", "int8", "Int8(14)");
    check("2019-08-23T14\\:34\\:54.346Z", "Timestamp", "Instant(1566570894346)");
}

#[test]
fn the_clock_is_that_of_the_zone() {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    check_in(&zone, "1970-01-01T02:00:00.000Z", "Timestamp", "Instant(0)");
    assert_eq!(to_text(&Value::Instant(0), &zone).unwrap(), "02:00:00.000Z");
    assert_eq!(to_text(&Value::Instant(2 * 86_400_000), &zone).unwrap(), "1970-01-03");
}

#[test]
fn deep_nesting_is_a_string_and_no_overflow() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(matches!(parse(&deep(200), &TimeZone::UTC).value, Value::Array(_)));
    assert!(matches!(parse(&deep(201), &TimeZone::UTC).value, Value::String(_)));
    assert!(matches!(parse(&"[{\"".repeat(100_000), &TimeZone::UTC).value, Value::String(_)));
}

#[test]
fn values_have_a_text() {
    let mut fields = Fields::new();
    fields.push("a\"", Schema::int32()).unwrap();
    let with_default = Schema { default: Some(Box::new("z".into())), ..Schema::clone(&Schema::string()) };
    fields.push("b", Arc::new(with_default)).unwrap();
    let schema = Arc::new(Schema::of(Kind::Struct(fields)));
    let fields = Struct::from_values(schema, vec![Value::Int32(1), Value::Null]);
    let decimal = Decimal { unscaled: 150.into(), scale: 2 };
    let cases = [
        (Value::Null, None),
        (Value::from("a\"b"), Some("a\"b")),
        (Value::Bytes(b"\xff".as_slice().into()), Some("/w==")),
        (Value::Float32(1e10), Some("1.0E10")),
        (Value::Decimal(Box::new(decimal)), Some("1.50")),
        (Value::Instant(-1), Some("23:59:59.999Z")),
        (Value::Instant(86_400_001), Some("1970-01-02T00:00:00.001Z")),
        (
            Value::Array(vec![Value::from("a\\"), Value::Null, Value::Boolean(true)]),
            Some("[\"a\\\\\",null,true]"),
        ),
        (Value::Struct(fields), Some("{\"a\\\"\":1,\"b\":\"z\"}")),
    ];
    for (value, text) in cases {
        assert_eq!(to_text(&value, &TimeZone::UTC).as_deref(), text);
    }
}
