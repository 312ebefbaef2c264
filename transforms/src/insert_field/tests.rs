#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;
use millrace_api::{Datum, Map, Properties};

/// Applies the transformation to a value of a record of topic `test`, partition 3, offset 77, time 1000; the result is
/// shown as schema and value, or as the class and text of the error. Settings are written `name=text`.
#[track_caller]
fn check(settings: &[&str], value: Datum, expected: &str) {
    let settings: Properties = settings.iter().map(|setting| setting.split_once('=').unwrap()).collect();
    let mut record = Record::new("test", value);
    record.partition = Some(3);
    record.timestamp = Some(1000);
    let origin = Origin::Sink { topic: "first".into(), partition: 9, offset: 77 };
    let made = InsertFieldConfig::parse(&settings).map_err(Error::from);
    let made = made.and_then(|config| InsertField::new(config, Operand::Value));
    let shown = match made.and_then(|mut transform| transform.apply(record, &origin)) {
        Ok(record) => show(&record.unwrap().value),
        Err(error) => format!("{}: {error}", error.java_class().rsplit('.').next().unwrap()),
    };
    assert_eq!(shown, expected);
}

fn show(datum: &Datum) -> String {
    let Some(schema) = &datum.schema else { return datum.value.to_string() };
    let fields = schema.fields().unwrap().iter().map(|field| {
        let mark = if field.schema.optional { "?" } else { "" };
        format!("{}:{}{mark}", field.name, field.schema)
    });
    let mark = if schema.optional { "?" } else { "" };
    format!("{schema}{mark} {} {}", fields.collect::<Vec<_>>().join(" "), datum.value)
}

/// A struct `n` with a field `m` (optional, default `d`) and a required one `r`.
fn input(m: Value, r: Value) -> Datum {
    let mut fields = Fields::new();
    let m_schema =
        Schema { default: Some(Box::new("d".into())), ..Schema::clone(&Schema::optional_string()) };
    fields.push("m", Arc::new(m_schema)).unwrap();
    fields.push("r", Schema::int32()).unwrap();
    let schema = Arc::new(Schema::of(Kind::Struct(fields)).named("n").optional());
    let value = Value::Struct(Struct::from_values(schema.clone(), vec![m, r]));
    Datum::new(schema, value)
}

fn map(key: &str, value: &str) -> Datum {
    Datum::schemaless(Value::Map(Box::new(Map::from_iter([(key.into(), value.into())]))))
}

#[test]
fn fields_are_appended_in_their_order() {
    check(
        &["static.field=s", "static.value=v", "topic.field=t!", "offset.field=o", "partition.field=p?"],
        input("x".into(), Value::Int32(1)),
        "Schema{n:STRUCT} m:Schema{STRING}? r:Schema{INT32} t:Schema{STRING} p:Schema{INT32}? o:Schema{INT64}? \
         s:Schema{STRING}? Struct{m=x,r=1,t=test,p=3,o=77,s=v}",
    );
}

#[test]
fn the_time_stamp_is_a_logical_value_where_there_is_a_schema() {
    let config = InsertFieldConfig::parse(&Properties::from([("timestamp.field", "ts!")])).unwrap();
    let mut transform = InsertField::new(config, Operand::Value).unwrap();
    let mut record = Record::new("test", input("x".into(), Value::Int32(1)));
    record.timestamp = Some(1000);
    let Value::Struct(fields) = transform.apply(record, &Origin::Source(None)).unwrap().unwrap().value.value
    else {
        panic!("a struct stays a struct");
    };
    assert_eq!(fields.get("ts"), Some(&Value::Instant(1000)));
    assert_eq!(*fields.schema().fields().unwrap()[2].schema, Schema::timestamp());
}

#[test]
fn nulls_become_defaults_unless_they_are_to_be_kept() {
    let schema = "Schema{n:STRUCT} m:Schema{STRING}? r:Schema{INT32} t:Schema{STRING}?";
    check(
        &["topic.field=t"],
        input(Value::Null, Value::Int32(1)),
        &format!("{schema} Struct{{m=d,r=1,t=test}}"),
    );
    let kept = ["topic.field=t", "replace.null.with.default=false"];
    check(&kept, input(Value::Null, Value::Int32(1)), &format!("{schema} Struct{{r=1,t=test}}"));
    check(
        &kept,
        input(Value::Null, Value::Null),
        "DataException: Invalid value: null used for required field: \"r\", schema type: INT32",
    );
}

#[test]
fn keys_of_a_map_are_overwritten() {
    check(&["topic.field=m!", "timestamp.field=ts"], map("m", "x"), "{m=test, ts=1000}");
    check(
        &["topic.field=t"],
        Datum::schemaless("x".into()),
        "DataException: Only Map objects supported in absence of schema for [field insertion], found: java.lang.String",
    );
}

#[test]
fn names_that_cannot_be_added_are_errors() {
    let duplicate = "SchemaBuilderException: Cannot create field because of field name duplication m";
    check(&["topic.field=m"], input("x".into(), Value::Int32(1)), duplicate);
    let empty = "SchemaBuilderException: fieldName cannot be null.";
    check(&["topic.field=!"], input("x".into(), Value::Int32(1)), empty);
}

#[test]
fn settings_that_insert_nothing_are_refused() {
    check(&[], map("m", "x"), "ConfigException: No field insertion configured");
    check(&["static.value=v"], map("m", "x"), "ConfigException: No field insertion configured");
    check(
        &["static.field=s!"],
        map("m", "x"),
        "ConfigException: Invalid value null for configuration static.value: No value specified for static field: \
         org.apache.kafka.connect.transforms.InsertField$InsertionSpec@s!",
    );
}

#[test]
fn a_null_value_passes_as_it_is() {
    check(&["topic.field=t"], Datum::default(), "null");
}

#[test]
fn records_with_one_schema_share_the_new_one() {
    let config = InsertFieldConfig::parse(&Properties::from([("topic.field", "t")])).unwrap();
    let mut transform = InsertField::new(config, Operand::Key).unwrap();
    let mut schema_of = || {
        let mut record = Record::new("test", Datum::default());
        record.key = input("x".into(), Value::Int32(1));
        transform.apply(record, &Origin::Source(None)).unwrap().unwrap().key.schema.unwrap()
    };
    assert!(Arc::ptr_eq(&schema_of(), &schema_of()));
}
