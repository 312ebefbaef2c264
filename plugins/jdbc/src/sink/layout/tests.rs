//! Columns of records, by their schemas.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use millrace_api::schema::Fields;

pub(in crate::sink) fn rules(pk_mode: PkMode, pk_fields: &[&str]) -> ColumnRules {
    ColumnRules {
        connector: "s".to_string(),
        pk_mode,
        pk_fields: pk_fields.iter().map(|name| name.to_string()).collect(),
        whitelist: Vec::new(),
        timestamp_fields: Vec::new(),
        string_column: "record_value".to_string(),
    }
}

pub(in crate::sink) fn schema(fields: &[(&str, Arc<Schema>)]) -> Arc<Schema> {
    let mut all = Fields::new();
    for (name, schema) in fields {
        all.push(*name, schema.clone()).unwrap();
    }
    Schema::of(Kind::Struct(all)).into()
}

/// A value with the fields b, a and id.
fn value() -> Arc<Schema> {
    schema(&[("b", Schema::optional_string()), ("a", Schema::optional_int32()), ("id", Schema::int64())])
}

/// Returns the names of keys, of other columns, and of all in the order of CREATE; or the problem.
fn columns(rules: &ColumnRules, key: Option<Arc<Schema>>, value: Option<Arc<Schema>>) -> String {
    let names = |columns: &mut dyn Iterator<Item = &Column>| {
        columns.map(|column| column.name.to_string()).collect::<Vec<_>>().join(" ")
    };
    match Layout::of(rules, "t", key.as_ref(), value.as_ref()) {
        Ok(layout) => {
            let keys = names(&mut layout.keys.iter());
            let others = names(&mut layout.others.iter());
            format!("{keys} | {others} | {}", names(&mut layout.ddl_columns()))
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn without_keys_every_field_is_a_column() {
    assert_eq!(columns(&rules(PkMode::None, &["ignored"]), None, Some(value())), " | b a id | b a id");
}

#[test]
fn the_place_in_kafka_is_a_key() {
    let defaults = "__connect_topic __connect_partition __connect_offset";
    let expected = format!("{defaults} | b a id | {defaults} b a id");
    assert_eq!(columns(&rules(PkMode::Kafka, &[]), None, Some(value())), expected);
    let own = rules(PkMode::Kafka, &["t", "p", "o"]);
    assert_eq!(columns(&own, None, Some(value())), "t p o | b a id | b a id o p t");
    let two = rules(PkMode::Kafka, &["t", "p"]);
    let text = "PK mode for table 't' is KAFKA so there should either be no field names defined for defaults \
        [__connect_topic, __connect_partition, __connect_offset] to be applicable, or exactly 3, defined fields are: [t, p]";
    assert_eq!(columns(&two, None, Some(value())), text);
}

#[test]
fn a_plain_key_is_the_one_named_column() {
    let one = rules(PkMode::RecordKey, &["id"]);
    // The value's own field of that name is not written.
    assert_eq!(columns(&one, Some(Schema::int64()), Some(value())), "id | b a | b a id");
    let none = "Need exactly one PK column defined since the key schema for records is a primitive type, defined columns are: []";
    assert_eq!(columns(&rules(PkMode::RecordKey, &[]), Some(Schema::string()), Some(value())), none);
    let missing = "PK mode for table 't' is RECORD_KEY, but record key schema is missing";
    assert_eq!(columns(&one, None, Some(value())), missing);
    let map = Schema::of(Kind::Map(Some(Schema::string()), Some(Schema::string()))).into();
    assert_eq!(
        columns(&one, Some(map), Some(value())),
        "Key schema must be primitive type or Struct, but is of type: MAP"
    );
}

#[test]
fn fields_of_a_key_are_chosen_by_name() {
    let key = || Some(schema(&[("k2", Schema::string()), ("k1", Schema::int32())]));
    assert_eq!(
        columns(&rules(PkMode::RecordKey, &[]), key(), Some(value())),
        "k2 k1 | b a id | b a id k1 k2"
    );
    assert_eq!(columns(&rules(PkMode::RecordKey, &["k1"]), key(), None), "k1 |  | k1");
    let text = "PK mode for table 't' is RECORD_KEY with configured PK fields [k1, x], but record key schema does not \
        contain field: x";
    assert_eq!(columns(&rules(PkMode::RecordKey, &["k1", "x"]), key(), None), text);
}

#[test]
fn fields_of_the_value_can_be_the_key() {
    assert_eq!(columns(&rules(PkMode::RecordValue, &["id"]), None, Some(value())), "id | b a | b a id");
    assert_eq!(columns(&rules(PkMode::RecordValue, &[]), None, Some(value())), "b a id |  | b a id");
    let text = "PK mode for table 't' is RECORD_VALUE with configured PK fields [x], but record value schema does not \
        contain field: x";
    assert_eq!(columns(&rules(PkMode::RecordValue, &["x"]), None, Some(value())), text);
    let missing = "PK mode for table 't' is RECORD_VALUE, but record value schema is missing";
    assert_eq!(columns(&rules(PkMode::RecordValue, &["x"]), None, None), missing);
    assert_eq!(
        columns(&rules(PkMode::RecordValue, &["x"]), None, Some(Schema::string())),
        "pk.mode record_value is not supported with String value schemas"
    );
}

#[test]
fn the_whitelist_never_removes_a_key() {
    let mut rules = rules(PkMode::RecordValue, &["id"]);
    rules.whitelist = vec!["a".to_string()];
    assert_eq!(columns(&rules, None, Some(value())), "id | a | a id");
    rules.pk_mode = PkMode::None;
    rules.whitelist = vec!["nothing".to_string()];
    assert_eq!(
        columns(&rules, None, Some(value())),
        "No fields found using key and value schemas for table: t"
    );
}

#[test]
fn a_plain_text_has_a_column_of_its_own() {
    let mut kafka = rules(PkMode::Kafka, &["t", "p", "o"]);
    assert_eq!(columns(&kafka, None, Some(Schema::string())), "t p o | record_value | o p record_value t");
    let text =
        "Configured string.output.value.column.name 'p' conflicts with a primary key column for table 't'";
    kafka.string_column = "p".to_string();
    assert_eq!(columns(&kafka, None, Some(Schema::string())), text);
    kafka.whitelist = vec!["a".to_string()];
    let text = "Sink connector 's' is configured with field-level options that are not applicable to String values: \
        fields.whitelist. Remove these options, or have the upstream producer emit Struct values instead.";
    assert_eq!(columns(&kafka, None, Some(Schema::string())), text);
    assert_eq!(
        columns(&rules(PkMode::None, &[]), None, Some(Schema::int32())),
        "Value schema must be of type Struct or String"
    );
}

#[test]
fn types_follow_from_schemas() {
    let mut rules = rules(PkMode::None, &[]);
    rules.timestamp_fields = ["n", "s", "f"].map(str::to_string).to_vec();
    let array = |element| Arc::new(Schema::of(Kind::Array(Some(element))));
    let value = schema(&[
        ("n", Schema::int64()),
        ("s", Schema::string()),
        // A type that cannot be an epoch stays what it is.
        ("f", Schema::float64()),
        ("d", Schema::decimal(3).into()),
        ("l", array(Schema::int8())),
        ("ll", array(array(Schema::int8()))),
        ("r", schema(&[])),
    ]);
    let layout = Layout::of(&rules, "t", None, Some(&value)).unwrap();
    let kinds: Vec<_> = layout.others.iter().map(|column| column.kind.clone()).collect();
    let list = ColumnType::Array(Box::new(ColumnType::Int8));
    let expected = [
        Some(ColumnType::Epoch),
        Some(ColumnType::Epoch),
        Some(ColumnType::Float64),
        Some(ColumnType::Decimal { scale: 3 }),
        Some(list),
        None,
        None,
    ];
    assert_eq!(kinds, expected);
}
