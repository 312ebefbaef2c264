#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;
use millrace_api::{Decimal, Fields, Kind, Map, Properties, Struct, Value};
use proptest::prelude::*;

fn converter(settings: &[(&str, &str)]) -> JsonConverter {
    let settings: Properties = settings.iter().copied().collect();
    JsonConverter::new(&JsonConverterConfig::parse(&settings).unwrap())
}

fn decode(converter: &mut JsonConverter, text: &[u8]) -> Result<Datum> {
    converter.decode("t", &[], Some(&text.into()))
}

fn encode(converter: &mut JsonConverter, datum: &Datum) -> String {
    let written = converter.encode("t", &mut Vec::new(), datum).unwrap().unwrap();
    String::from_utf8(written.to_vec()).unwrap()
}

/// Reads a text without a schema and compares the value, or the cause of the error, as text.
#[track_caller]
fn check_plain(text: impl AsRef<[u8]>, expected: &str) {
    let read = decode(&mut converter(&[("schemas.enable", "false")]), text.as_ref());
    let shown = match &read {
        Ok(datum) => format!("{:?}", datum.value),
        Err(error) => std::error::Error::source(error).unwrap().to_string(),
    };
    assert_eq!(shown, expected, "{}", text.as_ref().escape_ascii());
}

/// Reads a payload by a schema and compares value or error.
#[track_caller]
fn check(schema: &str, payload: &str, expected: &str) {
    let envelope = format!("{{\"schema\":{schema},\"payload\":{payload}}}");
    let read = decode(&mut converter(&[]), envelope.as_bytes());
    let shown = read.map_or_else(|error| error.to_string(), |datum| format!("{:?}", datum.value));
    assert_eq!(shown, expected, "{envelope}");
}

#[test]
fn what_jackson_reads_is_read() {
    check_plain("\u{feff} [ 007 , -0 ] trailing", "Array([Int64(7), Int64(0)])");
    check_plain(" \t\r\n", "Null");
    check_plain("-0.0", "Float64(0.0)");
    check_plain("1e400", "Float64(inf)");
    check_plain("12]", "expected a blank behind the value at byte 2");
    check_plain("null]", "Null");
    check_plain("nullx", "expected a blank behind the value at byte 4");
    check_plain(r#""\u00e9\ud83d\ude00\ud83dx\ude00\/\b""#, "String(\"é😀\u{fffd}x\u{fffd}/\\u{8}\")");
    check_plain(r#"{"a":1,"b":2,"\u0061":3}"#, "Map({String(\"a\"): Int64(3), String(\"b\"): Int64(2)})");
    check_plain(b"{} \xff", "Map({})");
}

#[test]
fn what_jackson_refuses_is_refused() {
    check_plain("", "Null");
    check_plain("[1,]", "unexpected character at byte 3");
    check_plain("[,1]", "unexpected character at byte 1");
    check_plain("[1 2]", "expected a comma at byte 3");
    check_plain("{\"a\" 1}", "expected a colon at byte 5");
    check_plain("{a:1}", "expected the name of a member in quotes at byte 1");
    check_plain("{\"a\":1,}", "expected the name of a member in quotes at byte 7");
    check_plain("1.", "expected a digit at byte 2");
    check_plain("+1", "unexpected character at byte 0");
    check_plain("-", "expected a digit at byte 1");
    check_plain("'a'", "unexpected character at byte 0");
    check_plain("NaN", "unexpected character at byte 0");
    check_plain("\"a\nb\"", "a control character in a text at byte 2");
    check_plain(r#""\x""#, "unknown escape at byte 1");
    check_plain(r#""\u00g0""#, "expected four hexadecimal digits at byte 1");
    check_plain("\"a", "unexpected end of input in a text at byte 2");
    check_plain(b"\"a\xff\"", "unexpected end of input in a text at byte 2");
    check_plain(b"5\xff", "expected a blank behind the value at byte 1");
    check_plain("1e3000000000", "exponent out of range at byte 12");
}

#[test]
fn nothing_overflows() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(&mut converter(&[("schemas.enable", "false")]), deep(1000).as_bytes()).is_ok());
    check_plain(deep(1001), "arrays and objects nested more than 1000 deep at byte 1000");
    check_plain("[".repeat(1_000_000), "arrays and objects nested more than 1000 deep at byte 1000");
    check_plain("9".repeat(1001), "a number of more than 1000 digits at byte 1001");
    check(r#"{"type":"int32"}"#, "1e2000000000", "Int32(0)");
    check(r#"{"type":"int64"}"#, "9223372036854775808", "Int64(-9223372036854775808)");

    let mut value = Value::Null;
    for _ in 0..1000 {
        value = Value::Array(vec![value]);
    }
    let mut plain = converter(&[("schemas.enable", "false")]);
    let mut write = |value: Value| plain.encode("t", &mut Vec::new(), &Datum::schemaless(value));
    assert!(write(value.clone()).is_ok());
    let error = write(Value::Array(vec![value])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Converting Kafka Connect data to byte[] failed due to serialization error: "
    );
}

#[test]
fn a_null_that_was_made_of_a_number_does_not_fit_a_required_field() {
    let schema = |inner: &str| format!(r#"{{"type":"struct","fields":[{{{inner},"field":"f"}}]}}"#);
    let refused = "Invalid value: null used for required";
    check(
        &schema(r#""type":"string""#),
        r#"{"f":5}"#,
        &format!("{refused} field: \"f\", schema type: STRING"),
    );
    check(
        &schema(
            r#""type":"map","keys":{"type":"string"},"values":{"type":"array","items":{"type":"bytes"}}"#,
        ),
        r#"{"f":{"k":[5]}}"#,
        &format!("{refused} element of array value of map field: \"f\", schema type: BYTES"),
    );
    check(r#"{"type":"array","items":{"type":"string"}}"#, "[5]", "Array([Null])");
    check(r#"{"type":"string","default":5}"#, "\"a\"", "Invalid default value");
}

#[test]
fn schemas_are_checked() {
    check(r#"{"type":"array","items":null}"#, "[]", "Array schema did not specify the element type");
    check(r#"{"type":"struct","fields":[null]}"#, "{}", "Struct schema's field name not specified properly");
    check(r#"{"type":"struct","fields":[{"field":"","type":"int8"}]}"#, "{}", "fieldName cannot be null.");
    check(r#"{"type":"int32","default":null}"#, "1", "Invalid null value for required INT32 field");
    check(r#"{"type":"int32","default":null,"optional":true}"#, "1", "Int32(1)");
    check("[]", "1", "Schema must contain 'type' field");
    check("null", "1", "Int64(1)");
}

#[test]
fn a_schema_of_known_bytes_is_not_read_again() {
    let mut converter = converter(&[("schemas.cache.size", "1")]);
    let mut schema = |text: &str, payload: &str| {
        let envelope = format!("{{\"schema\":{text},\"payload\":{payload}}}");
        decode(&mut converter, envelope.as_bytes()).unwrap().schema.unwrap()
    };
    let (long, short) = (r#"{"type":"int64"}"#, r#"{"type":"int16"}"#);
    let first = schema(long, "1");
    assert!(Arc::ptr_eq(&first, &schema(long, "2")));
    assert!(!Arc::ptr_eq(&first, &schema(r#"{"type": "int64"}"#, "2")));
    assert_eq!(schema(short, "2").kind, Kind::Int16);
    assert!(!Arc::ptr_eq(&first, &schema(long, "1")));
}

#[test]
fn a_document_that_goes_on_after_a_known_schema_is_no_envelope() {
    let mut converter = converter(&[]);
    let known = br#"{"schema":{"type":"int8"},"payload":1}"#;
    decode(&mut converter, known).unwrap();
    decode(&mut converter, known).unwrap();
    assert!(decode(&mut converter, br#"{"schema":{"type":"int8"}1,"payload":1}"#).is_err());
    let swapped = br#" { "payload" : 2 , "schema" : {"type":"int8"} } "#;
    assert_eq!(decode(&mut converter, swapped).unwrap().value, Value::Int8(2));
}

#[test]
fn text_is_a_view_of_the_message() {
    let mut converter = converter(&[("schemas.enable", "false")]);
    let blob = Blob::from(br#"{"a":"some text"}"#.as_slice());
    let datum = converter.decode("t", &[], Some(&blob)).unwrap();
    let Value::Map(map) = datum.value else { panic!("an object is a map") };
    let Some(Value::String(text)) = map.get(&Value::from("a")) else { panic!("the member is text") };
    assert_eq!(text.as_blob().as_ptr(), blob[6..].as_ptr());
}

#[test]
fn keys_that_are_not_text_in_json_become_names() {
    let optional = Arc::new(Schema::of(Kind::Map(Some(Schema::optional_string()), Some(Schema::int8()))));
    let map = Map::from_iter([(Value::Null, Value::Int8(1))]);
    let mut converter = converter(&[("schemas.enable", "false")]);
    assert_eq!(encode(&mut converter, &Datum::new(optional, Value::Map(Box::new(map)))), "{\"null\":1}");
}

#[test]
fn a_schema_has_its_members_in_the_order_of_jackson_and_its_parameters_in_their_own() {
    let text = |text: &str| Some(Arc::<str>::from(text));
    let schema = Schema {
        optional: true,
        name: text("n"),
        version: Some(7),
        doc: text("d"),
        parameters: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
        default: Some(Box::new(Value::Int32(3))),
        ..Schema::of(Kind::Int32)
    };
    let datum = Datum::new(Arc::new(schema), Value::Int32(4));
    let mut converter = converter(&[]);
    let written = encode(&mut converter, &datum);
    assert_eq!(
        written,
        "{\"schema\":{\"type\":\"int32\",\"optional\":true,\"name\":\"n\",\"version\":7,\"doc\":\"d\",\
         \"parameters\":{\"b\":\"2\",\"a\":\"1\"},\"default\":3},\"payload\":4}"
    );
    assert_eq!(decode(&mut converter, written.as_bytes()).unwrap(), datum);
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(datum in datum(), replace in any::<bool>(), numeric in any::<bool>()) {
        let settings = [
            ("replace.null.with.default", if replace { "true" } else { "false" }),
            ("decimal.format", if numeric { "NUMERIC" } else { "BASE64" }),
        ];
        let mut converter = converter(&settings);
        // Once into empty caches, once out of full ones.
        for _ in 0..2 {
            let text = encode(&mut converter, &datum);
            let read = decode(&mut converter, text.as_bytes()).unwrap();
            let mut expected = datum.clone();
            if replace {
                expected.value = with_defaults(expected.schema.as_deref().unwrap(), expected.value);
            }
            prop_assert_eq!(read, expected, "{}", text);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "([\\[\\]{}:,\"\\\\u0-9eE.+\\- a-f]|schema|payload|\"type\"|null|true){0,40}") {
        for form in ["true", "false"] {
            let _ = decode(&mut converter(&[("schemas.enable", form)]), text.as_bytes());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode(&mut converter(&[("schemas.enable", "false")]), &bytes);
    }
}

/// Puts defaults in the place of nulls, as a read with replacement leaves a value.
fn with_defaults(schema: &Schema, value: Value) -> Value {
    match (&schema.kind, value) {
        (_, Value::Null) => schema.default.as_deref().cloned().unwrap_or_default(),
        (Kind::Array(Some(element)), Value::Array(values)) => {
            Value::Array(values.into_iter().map(|value| with_defaults(element, value)).collect())
        }
        (Kind::Map(Some(_), Some(inner)), Value::Map(map)) => Value::Map(Box::new(
            map.into_iter().map(|(key, value)| (key, with_defaults(inner, value))).collect(),
        )),
        (Kind::Struct(fields), Value::Struct(found)) => {
            let values = fields.iter().zip(found.values());
            let values = values.map(|(field, value)| with_defaults(&field.schema, value.clone())).collect();
            Value::Struct(Struct::from_values(Arc::clone(found.schema()), values))
        }
        (_, value) => value,
    }
}

/// Schemas of every kind, with a value each.
fn datum() -> impl Strategy<Value = Datum> {
    schema()
        .prop_flat_map(|schema| value(&schema).prop_map(move |value| Datum::new(Arc::clone(&schema), value)))
}

fn schema() -> impl Strategy<Value = Arc<Schema>> {
    let leaf = prop_oneof![
        proptest::sample::select(vec![
            Kind::Int8,
            Kind::Int16,
            Kind::Int32,
            Kind::Int64,
            Kind::Float32,
            Kind::Float64,
            Kind::Boolean,
            Kind::String,
            Kind::Bytes,
        ])
        .prop_map(Schema::of),
        (-3..9).prop_map(Schema::decimal),
        Just(Schema::timestamp()),
        Just(Schema::logical(Kind::Int32, millrace_api::schema::logical::DATE)),
        Just(Schema::logical(Kind::Int32, millrace_api::schema::logical::TIME)),
    ];
    leaf.prop_flat_map(with_attributes).prop_recursive(4, 24, 4, |inner| {
        let shape = prop_oneof![
            inner.clone().prop_map(|element| Kind::Array(Some(element))),
            (required_key(), inner.clone()).prop_map(|(key, value)| Kind::Map(Some(key), Some(value))),
            proptest::collection::vec(inner, 0..4).prop_map(|schemas| {
                let mut fields = Fields::new();
                for (index, schema) in schemas.into_iter().enumerate() {
                    fields.push(format!("f\"{index}"), schema).unwrap();
                }
                Kind::Struct(fields)
            }),
        ];
        shape.prop_map(Schema::of).prop_flat_map(with_attributes)
    })
}

/// Keys without defaults: two nulls would become one.
fn required_key() -> impl Strategy<Value = Arc<Schema>> {
    proptest::sample::select(vec![Schema::string(), Schema::int32(), Schema::bytes(), Schema::boolean()])
}

fn with_attributes(schema: Schema) -> impl Strategy<Value = Arc<Schema>> {
    // The reader refuses defaults of structs, as Java's does.
    let can_have_default = !matches!(schema.kind, Kind::Struct(_));
    let default = proptest::option::of(value(&Arc::new(schema.clone())));
    let name = if schema.name.is_some() {
        Just(schema.name.clone()).boxed()
    } else {
        proptest::option::of("[a-zé😀]{1,3}".prop_map(|text: String| Arc::<str>::from(text))).boxed()
    };
    let doc = proptest::option::of(".{0,3}".prop_map(|text: String| Arc::<str>::from(text)));
    (name, any::<bool>(), doc, default).prop_map(move |(name, optional, doc, default)| {
        // A null in a default is written as what it stands for, so it would not come back.
        let default = default.filter(|_| can_have_default);
        let default = default.map(|default| Box::new(with_defaults(&schema, default)));
        Arc::new(Schema { name, optional, doc, default, ..schema.clone() })
    })
}

/// Values of a schema, null among them where it may be.
fn value(schema: &Arc<Schema>) -> BoxedStrategy<Value> {
    if schema.optional || schema.default.is_some() {
        let required = Schema { optional: false, default: None, ..Schema::clone(schema) };
        let owner = Arc::clone(schema);
        // A null with a default is only well-formed where null is allowed.
        let null = if schema.optional {
            Just(Value::Null).boxed()
        } else {
            Just(schema.default.as_deref().cloned().unwrap()).boxed()
        };
        let some = value(&Arc::new(required)).prop_map(move |value| match value {
            Value::Struct(fields) => {
                Value::Struct(Struct::from_values(Arc::clone(&owner), fields.values().to_vec()))
            }
            other => other,
        });
        return prop_oneof![1 => null, 4 => some].boxed();
    }
    match (schema.name.as_deref(), &schema.kind) {
        (Some(millrace_api::schema::logical::DECIMAL), _) => {
            let scale = logical::scale(schema).unwrap();
            any::<i128>()
                .prop_map(move |digits| Value::Decimal(Box::new(Decimal { unscaled: digits.into(), scale })))
                .boxed()
        }
        (Some(millrace_api::schema::logical::DATE), _) => {
            any::<i32>().prop_map(|days| Value::Instant(i64::from(days) * 86_400_000)).boxed()
        }
        (Some(millrace_api::schema::logical::TIME), _) => {
            (0..=86_400_000_i64).prop_map(Value::Instant).boxed()
        }
        (Some(millrace_api::schema::logical::TIMESTAMP), _) => any::<i64>().prop_map(Value::Instant).boxed(),
        (_, Kind::Int8) => any::<i8>().prop_map(Value::Int8).boxed(),
        (_, Kind::Int16) => any::<i16>().prop_map(Value::Int16).boxed(),
        (_, Kind::Int32) => any::<i32>().prop_map(Value::Int32).boxed(),
        (_, Kind::Int64) => any::<i64>().prop_map(Value::Int64).boxed(),
        // The sign of zero is lost, and so is what JSON has no number for.
        (_, Kind::Float32) => any::<f32>()
            .prop_map(|number| Value::Float32(if number.is_finite() { number + 0.0 } else { 0.5 }))
            .boxed(),
        (_, Kind::Float64) => any::<f64>()
            .prop_map(|number| Value::Float64(if number.is_finite() { number + 0.0 } else { 0.5 }))
            .boxed(),
        (_, Kind::Boolean) => any::<bool>().prop_map(Value::Boolean).boxed(),
        (_, Kind::String) => any::<String>().prop_map(Value::from).boxed(),
        (_, Kind::Bytes) => any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        (_, Kind::Array(element)) => {
            proptest::collection::vec(value(element.as_ref().unwrap()), 0..4).prop_map(Value::Array).boxed()
        }
        (_, Kind::Map(key, entry)) => {
            let entry = (value(key.as_ref().unwrap()), value(entry.as_ref().unwrap()));
            proptest::collection::vec(entry, 0..4)
                .prop_map(|entries| Value::Map(Box::new(entries.into_iter().collect())))
                .boxed()
        }
        (_, Kind::Struct(fields)) => {
            let schema = Arc::clone(schema);
            let values: Vec<_> = fields.iter().map(|field| value(&field.schema)).collect();
            values
                .prop_map(move |values| Value::Struct(Struct::from_values(Arc::clone(&schema), values)))
                .boxed()
        }
    }
}
