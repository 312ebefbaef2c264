//! What tables lack, and what is done about it.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::{
    clock::Calendar,
    sink::{
        config::PkMode,
        layout::tests::{rules, schema},
    },
};
use jiff::tz::TimeZone;
use millrace_api::{Schema, Value, schema::Kind};
use std::sync::Arc;

const BOTH: DdlRules = DdlRules { auto_create: true, auto_evolve: true };
const NEITHER: DdlRules = DdlRules { auto_create: false, auto_evolve: false };

fn table(kind: TableKind, columns: &[&str]) -> Table {
    let columns = columns.iter().map(|name| (name.to_string(), "any".to_string()));
    Table { kind, columns: columns.collect() }
}

fn plan(rules_: DdlRules, fields: &[(&str, Arc<Schema>)], table: Option<&Table>) -> Result<Ddl, String> {
    let clock = Clock { zone: TimeZone::UTC, date_zone: TimeZone::UTC, calendar: Calendar::Legacy };
    let quote = |name: &str| format!("\"{name}\"");
    let pen = Pen { words: &sql::PostgreSql, clock: &clock, quote: &quote };
    let layout = Layout::of(&rules(PkMode::None, &[]), "t", None, Some(&schema(fields))).unwrap();
    let target = Target { table: "\"t\"".to_string(), keys: Vec::new(), others: Vec::new() };
    rules_.plan(&pen, &target, &layout, table).map_err(|error| error.to_string())
}

fn two_fields() -> Vec<(&'static str, Arc<Schema>)> {
    vec![("a", Schema::optional_string()), ("b", Schema::optional_int32())]
}

#[test]
fn a_missing_table_is_created_where_that_is_allowed() {
    let create = "CREATE TABLE \"t\" (\n\"a\" TEXT NULL,\n\"b\" INT NULL)".to_string();
    assert_eq!(plan(BOTH, &two_fields(), None), Ok(Ddl::Create(create)));
    let text = "Table \"t\" is missing and auto-creation is disabled".to_string();
    assert_eq!(plan(NEITHER, &two_fields(), None), Err(text));
}

#[test]
fn names_that_differ_in_case_are_there() {
    let table = table(TableKind::Table, &["A", "b", "more"]);
    assert_eq!(plan(NEITHER, &two_fields(), Some(&table)), Ok(Ddl::Nothing));
}

#[test]
fn missing_columns_are_added_where_that_is_allowed() {
    let table = table(TableKind::Table, &["a"]);
    let field = "[SinkRecordField{schema=Schema{INT32}, name='b', isPrimaryKey=false}]";
    let statements = vec!["ALTER TABLE \"t\" ADD \"b\" INT NULL".to_string()];
    let alter = Ddl::Alter { statements, fields: field.to_string() };
    assert_eq!(plan(BOTH, &two_fields(), Some(&table)), Ok(alter));
    let text = format!("Table \"t\" is missing fields ({field}) and auto-evolution is disabled");
    assert_eq!(plan(NEITHER, &two_fields(), Some(&table)), Err(text));
}

#[test]
fn a_view_is_never_changed() {
    let view = table(TableKind::View, &["a"]);
    let field = "[SinkRecordField{schema=Schema{INT32}, name='b', isPrimaryKey=false}]";
    let text = format!("View \"t\" is missing fields ({field}) and ALTER VIEW is unsupported");
    assert_eq!(plan(BOTH, &two_fields(), Some(&view)), Err(text));
}

#[test]
fn a_required_column_cannot_be_added_to_rows_that_are_there() {
    let table = table(TableKind::Table, &["a"]);
    let required = [("a", Schema::string()), ("b", Schema::int32())];
    let text = "Cannot ALTER TABLE \"t\" to add missing field SinkRecordField{schema=Schema{INT32}, name='b', \
        isPrimaryKey=false}, as the field is not optional and does not have a default value";
    assert_eq!(plan(BOTH, &required, Some(&table)), Err(text.to_string()));
    let default = Schema { default: Some(Box::new(Value::Int32(3))), ..Schema::of(Kind::Int32) };
    let added = plan(BOTH, &[("a", Schema::string()), ("b", default.into())], Some(&table)).unwrap();
    let Ddl::Alter { statements, .. } = added else { panic!("{added:?}") };
    assert_eq!(statements, ["ALTER TABLE \"t\" ADD \"b\" INT DEFAULT 3"]);
}

#[test]
fn a_type_that_no_column_has_is_an_error() {
    let map = Schema::of(Kind::Map(Some(Schema::string()), Some(Schema::string()))).optional().named("m");
    let text = "m (MAP) type doesn't have a mapping to the SQL database column type".to_string();
    assert_eq!(plan(BOTH, &[("f", map.into())], None), Err(text));
}
