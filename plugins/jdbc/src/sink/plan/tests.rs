//! Batches cut into runs.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::sink::{
    layout::tests::{rules, schema},
    names::Characters,
};
use millrace_api::{Datum, Record, Struct, Value};

fn planner(pk_mode: PkMode, deletes: Deletes, rows_max: usize) -> Planner {
    let names = TableNames {
        format: "${topic}".to_string(),
        characters: Characters::Kept,
        mapping: Default::default(),
    };
    let fields: &[&str] = if pk_mode == PkMode::RecordKey { &["k"] } else { &[] };
    Planner::new(rules(pk_mode, fields), names, deletes, rows_max)
}

/// A record of a topic; version 0 is a tombstone, others are schemas with so many fields.
fn record(topic: &str, version: usize) -> SinkRecord {
    let names: Vec<String> = (0..version).map(|index| format!("f{index}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), Schema::optional_int32())).collect();
    let value = match version {
        0 => Datum::default(),
        _ => {
            let schema = schema(&fields);
            let value = Struct::from_values(schema.clone(), vec![Value::Int32(1); version]);
            Datum::new(schema, Value::Struct(value))
        }
    };
    let mut record = Record::new(topic, value);
    record.key = Datum::string("key");
    SinkRecord { record, topic: topic.into(), partition: 0, offset: 0 }
}

/// Plans records written as `topic:version` and shows the runs as `table kind columns rows`.
#[track_caller]
fn check(mut planner: Planner, records: &[&str], runs: &[&str]) {
    let records: Vec<_> = records
        .iter()
        .map(|text| {
            let (topic, version) = text.split_once(':').unwrap();
            record(topic, version.parse().unwrap())
        })
        .collect();
    let plan = planner.plan(records.iter(), &|name| name.to_string());
    let shown: Vec<_> = plan
        .runs
        .iter()
        .map(|run| {
            let columns = run.columns(InsertMode::Insert).len();
            format!("{} {:?} {columns} {:?}", run.table, run.kind, run.rows)
        })
        .collect();
    assert_eq!(shown, runs);
    assert!(plan.bad.is_empty(), "{:?}", plan.bad);
}

#[test]
fn records_of_one_schema_are_one_run() {
    let none = || planner(PkMode::None, Deletes::Disabled, 3000);
    check(none(), &["a:1", "a:1", "a:1"], &["a Write 1 [0, 1, 2]"]);
    check(none(), &["a:1", "b:2", "a:1"], &["a Write 1 [0, 2]", "b Write 2 [1]"]);
}

#[test]
fn another_schema_begins_another_run() {
    let none = planner(PkMode::None, Deletes::Disabled, 3000);
    check(none, &["a:1", "a:2", "a:1", "a:1"], &["a Write 1 [0]", "a Write 2 [1]", "a Write 1 [2, 3]"]);
}

#[test]
fn a_run_has_no_more_rows_than_the_batch_size() {
    check(
        planner(PkMode::None, Deletes::Disabled, 2),
        &["a:1"; 5],
        &["a Write 1 [0, 1]", "a Write 1 [2, 3]", "a Write 1 [4]"],
    );
    // As in the reference, 0 behaves as 1.
    check(planner(PkMode::None, Deletes::Disabled, 0), &["a:1"; 2], &["a Write 1 [0]", "a Write 1 [1]"]);
}

#[test]
fn deletes_keep_their_place_among_writes() {
    check(
        planner(PkMode::RecordKey, Deletes::Enabled, 3000),
        &["a:1", "a:0", "a:0", "a:1"],
        &["a Write 2 [0]", "a Delete 1 [1, 2]", "a Write 2 [3]"],
    );
}

#[test]
fn a_record_without_columns_is_bad_and_the_others_are_not() {
    let mut planner = planner(PkMode::RecordKey, Deletes::Disabled, 3000);
    let mut records = [record("a", 1), record("a", 1), record("a", 1)];
    records[1].record.key = Datum::default();
    let plan = planner.plan(records.iter(), &|name| name.to_string());
    assert_eq!(plan.runs.len(), 1);
    assert_eq!(plan.runs[0].rows, [0, 2]);
    let error = RowError::KeySchemaMissing { table: "a".to_string() };
    assert_eq!(plan.bad, [(1, error)]);
}

#[test]
fn a_topic_that_was_renamed_goes_to_the_new_names_table() {
    let mut planner = planner(PkMode::None, Deletes::Disabled, 3000);
    let mut renamed = record("a", 1);
    renamed.record.topic = Some("b".into());
    let plan = planner.plan([&renamed].into_iter(), &|name| name.to_string());
    assert_eq!(plan.runs[0].table.as_ref(), "b");
}
