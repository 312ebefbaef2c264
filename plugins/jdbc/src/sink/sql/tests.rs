//! Statements, letter by letter.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::{
    clock::Calendar,
    identifier::{IdentifierRules, Qualifier, Quoting},
    sink::{
        config::PkMode,
        layout::tests::{rules, schema},
    },
};
use jiff::tz::TimeZone;
use millrace_api::{
    Blob, Decimal, Schema,
    schema::{Kind, logical},
};
use num_bigint::BigInt;
use std::sync::Arc;

const MYSQL: MySql = MySql { text: "TEXT" };

fn target(mark: char, keys: &[&str], others: &[&str]) -> Target {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("{mark}{name}{mark}")).collect();
    Target { table: format!("{mark}t{mark}"), keys: quoted(keys), others: quoted(others) }
}

#[test]
fn postgresql_writes() {
    let rows = target('"', &["k"], &["a", "b"]);
    let insert = r#"INSERT INTO "t" ("k","a","b") VALUES ($1,$2,$3)"#;
    assert_eq!(PostgreSql.insert(&rows, 1), insert);
    assert_eq!(PostgreSql.insert(&rows, 2), format!("{insert},($4,$5,$6)"));
    let upsert = format!(r#"{insert} ON CONFLICT ("k") DO UPDATE SET "a"=EXCLUDED."a","b"=EXCLUDED."b""#);
    assert_eq!(PostgreSql.upsert(&rows, 1), upsert);
    let keys = target('"', &["k", "k2"], &[]);
    let nothing = r#"INSERT INTO "t" ("k","k2") VALUES ($1,$2) ON CONFLICT ("k","k2") DO NOTHING"#;
    assert_eq!(PostgreSql.upsert(&keys, 1), nothing);
    let rows = target('"', &["k", "k2"], &["a", "b"]);
    let text = r#"UPDATE "t" SET "a" = $1, "b" = $2 WHERE "k" = $3 AND "k2" = $4"#;
    assert_eq!(update(&PostgreSql, &rows), text);
    assert_eq!(delete(&PostgreSql, &rows), r#"DELETE FROM "t" WHERE "k" = $1 AND "k2" = $2"#);
}

#[test]
fn postgresql_writes_whole_columns() {
    let rows = target('"', &["k"], &["a"]);
    let insert = r#"INSERT INTO "t" ("k","a") SELECT * FROM UNNEST($1::bigint[],$2::text[])"#;
    assert_eq!(PostgreSql.insert_columns(&rows, &["bigint", "text"]), insert);
    let upsert = format!(r#"{insert} ON CONFLICT ("k") DO UPDATE SET "a"=EXCLUDED."a""#);
    assert_eq!(PostgreSql.upsert_columns(&rows, &["bigint", "text"]), upsert);
}

#[test]
fn mysql_writes() {
    let rows = target('`', &["k"], &["a"]);
    assert_eq!(MYSQL.insert(&rows, 2), "INSERT INTO `t`(`k`,`a`) VALUES(?,?),(?,?)");
    let upsert = "insert into `t`(`k`,`a`) values(?,?) on duplicate key update `a`=values(`a`)";
    assert_eq!(MYSQL.upsert(&rows, 1), upsert);
    let keys = target('`', &["k"], &[]);
    assert_eq!(
        MYSQL.upsert(&keys, 1),
        "insert into `t`(`k`) values(?) on duplicate key update `k`=values(`k`)"
    );
    assert_eq!(update(&MYSQL, &rows), "UPDATE `t` SET `a` = ? WHERE `k` = ?");
    // Without keys every row of the table changes, as in the reference.
    assert_eq!(update(&MYSQL, &target('`', &[], &["a"])), "UPDATE `t` SET `a` = ?");
}

#[test]
fn sqlite_writes() {
    let rows = target('"', &["k"], &["a"]);
    assert_eq!(Sqlite.insert(&rows, 1), r#"INSERT INTO "t"("k","a") VALUES(?,?)"#);
    assert_eq!(Sqlite.upsert(&rows, 1), r#"INSERT OR REPLACE INTO "t"("k","a") VALUES(?,?)"#);
}

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, date_zone: TimeZone::UTC, calendar: Calendar::Legacy }
}

fn with_default(schema: Schema, default: Value) -> Arc<Schema> {
    Arc::new(Schema { default: Some(Box::new(default)), ..schema })
}

/// Every type, optional, required and with a default.
fn wide() -> Arc<Schema> {
    let optional = |schema: Schema| Arc::new(schema.optional());
    let decimal = Decimal { unscaled: BigInt::from(-15), scale: 2 };
    schema(&[
        ("id", Schema::int64()),
        ("i8", optional(Schema::of(Kind::Int8))),
        ("i16", Schema::of(Kind::Int16).into()),
        ("i32", with_default(Schema::of(Kind::Int32), Value::Int32(5))),
        ("f32", optional(Schema::of(Kind::Float32))),
        ("f64", optional(Schema::of(Kind::Float64))),
        ("flag", with_default(Schema::of(Kind::Boolean), Value::Boolean(true))),
        ("text", with_default(Schema::of(Kind::String).optional(), Value::from("it's"))),
        ("bytes", with_default(Schema::of(Kind::Bytes), Value::Bytes(Blob::from(&[1u8, 255][..])))),
        ("amount", with_default(Schema::decimal(2), Value::Decimal(Box::new(decimal)))),
        ("day", optional(Schema::logical(Kind::Int32, logical::DATE))),
        ("clock", with_default(Schema::logical(Kind::Int32, logical::TIME), Value::Instant(3_723_004))),
        ("at", with_default(Schema::timestamp(), Value::Instant(1_704_164_645_006))),
    ])
}

#[track_caller]
fn created(words: &dyn SinkSql, mark: char) -> String {
    let identifiers = IdentifierRules { quote: mark, qualifier: Qualifier::Schema, bytes_max: None };
    let quote = |name: &str| identifiers.write(name, Quoting::Always);
    let layout = Layout::of(&rules(PkMode::RecordValue, &["id"]), "t", None, Some(&wide())).unwrap();
    let target = target(mark, &["id"], &[]);
    create(words, &target, &layout, &quote, &clock()).unwrap()
}

#[test]
fn postgresql_creates() {
    let expected = r#"CREATE TABLE "t" (
"id" BIGINT NOT NULL,
"i8" SMALLINT NULL,
"i16" SMALLINT NOT NULL,
"i32" INT DEFAULT 5,
"f32" REAL NULL,
"f64" DOUBLE PRECISION NULL,
"flag" BOOLEAN DEFAULT TRUE,
"text" TEXT DEFAULT 'it''s',
"bytes" BYTEA DEFAULT '\x01ff',
"amount" DECIMAL DEFAULT -0.15,
"day" DATE NULL,
"clock" TIME DEFAULT '01:02:03.004',
"at" TIMESTAMP DEFAULT '2024-01-02 03:04:05.006',
PRIMARY KEY("id"))"#;
    assert_eq!(created(&PostgreSql, '"'), expected);
}

#[test]
fn mysql_creates_without_defaults_of_texts() {
    let expected = "CREATE TABLE `t` (
`id` BIGINT NOT NULL,
`i8` TINYINT NULL,
`i16` SMALLINT NOT NULL,
`i32` INT DEFAULT 5,
`f32` FLOAT NULL,
`f64` DOUBLE NULL,
`flag` TINYINT DEFAULT 1,
`text` TEXT NULL,
`bytes` VARBINARY(1024) DEFAULT x'01ff',
`amount` DECIMAL(65,2) DEFAULT -0.15,
`day` DATE NULL,
`clock` TIME(3) DEFAULT '01:02:03.004',
`at` DATETIME(3) DEFAULT '2024-01-02 03:04:05.006',
PRIMARY KEY(`id`))";
    assert_eq!(created(&MYSQL, '`'), expected);
    let aiven = created(&MySql { text: "VARCHAR(256)" }, '`');
    assert!(aiven.contains("`text` VARCHAR(256) DEFAULT 'it''s',"), "{aiven}");
}

#[test]
fn sqlite_creates() {
    let expected = r#"CREATE TABLE "t" (
"id" INTEGER NOT NULL,
"i8" INTEGER NULL,
"i16" INTEGER NOT NULL,
"i32" INTEGER DEFAULT 5,
"f32" REAL NULL,
"f64" REAL NULL,
"flag" INTEGER DEFAULT 1,
"text" TEXT DEFAULT 'it''s',
"bytes" BLOB DEFAULT x'01ff',
"amount" NUMERIC DEFAULT -0.15,
"day" NUMERIC NULL,
"clock" NUMERIC DEFAULT '01:02:03.004',
"at" NUMERIC DEFAULT '2024-01-02 03:04:05.006',
PRIMARY KEY("id"))"#;
    assert_eq!(created(&Sqlite, '"'), expected);
}

#[test]
fn columns_are_added_one_by_one_or_together() {
    let two = ["\"a\" TEXT NULL".to_string(), "\"b\" INT NULL".to_string()];
    assert_eq!(PostgreSql.alter("t", &two[..1]), ["ALTER TABLE t ADD \"a\" TEXT NULL"]);
    assert_eq!(PostgreSql.alter("t", &two), ["ALTER TABLE t \nADD \"a\" TEXT NULL,\nADD \"b\" INT NULL"]);
    assert_eq!(
        Sqlite.alter("t", &two),
        ["ALTER TABLE t ADD \"a\" TEXT NULL", "ALTER TABLE t ADD \"b\" INT NULL"]
    );
}

#[test]
fn only_postgresql_has_arrays() {
    let kind = ColumnType::Array(Box::new(ColumnType::Int8));
    assert_eq!(PostgreSql.type_name(&kind, Role::Other).as_deref(), Some("SMALLINT[]"));
    assert_eq!(MYSQL.type_name(&kind, Role::Other), None);
    assert_eq!(Sqlite.type_name(&kind, Role::Other), None);
    let default = Value::Array(vec![Value::Int8(1), Value::Null]);
    assert_eq!(
        PostgreSql.default_literal(&kind, Role::Other, &default, &clock()).as_deref(),
        Some("ARRAY[1,NULL]::SMALLINT[]")
    );
}

#[test]
fn a_key_of_text_has_a_length_in_mysql() {
    assert_eq!(MYSQL.type_name(&ColumnType::Text, Role::Key).as_deref(), Some("VARCHAR(256)"));
}
