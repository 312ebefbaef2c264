//! What is found before a connector is made.

use super::*;
use millrace_api::Validation;

/// Validates as a worker does and returns `setting: error` for each error.
async fn problems(given: &Properties) -> Vec<String> {
    let mut report = Validation::new(super::super::JdbcSourceConfig::definition().validate(given));
    JdbcSource::validate(given, &mut report).await;
    let values = report.into_values();
    let lines = values
        .iter()
        .flat_map(|value| value.errors.iter().map(move |error| format!("{}: {error}", value.name)));
    lines.collect()
}

#[track_caller]
fn check(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

fn with(given: &Properties, more: &[(&str, &str)]) -> Properties {
    let mut given = given.clone();
    for (name, value) in more {
        given.insert(*name, *value);
    }
    given
}

#[tokio::test]
async fn single_settings_have_the_reference_texts() {
    for (name, value, expected) in [
        (
            "mode",
            "upside-down",
            "mode: Invalid value upside-down for configuration mode: String must be one of: , bulk, timestamp, incrementing, timestamp+incrementing",
        ),
        (
            "topic.prefix",
            "a b",
            "topic.prefix: Invalid value a b for configuration topic.prefix: Topic prefix must not contain any character other than ASCII alphanumerics",
        ),
        (
            "connection.attempts",
            "0",
            "connection.attempts: Invalid value 0 for configuration connection.attempts: Value must be at least 1",
        ),
        (
            "db.timezone",
            "Mars/Base",
            "db.timezone: Invalid value Mars/Base for configuration db.timezone: Invalid time zone.",
        ),
        (
            "numeric.mapping",
            "some",
            "numeric.mapping: Invalid value some for configuration numeric.mapping: Invalid enumerator",
        ),
        (
            "dialect.name",
            "MyDialect",
            "dialect.name: Invalid value MyDialect for configuration dialect.name: Invalid enumerator",
        ),
        (
            "timestamp.granularity",
            "hours",
            "timestamp.granularity: Invalid value hours for configuration timestamp.granularity: Invalid enumerator",
        ),
        (
            "timestamp.columns.mapping",
            "a:b",
            "timestamp.columns.mapping: Invalid value [a:b] for configuration timestamp.columns.mapping: Columns list must be enclosed in square brackets",
        ),
        (
            "incrementing.column.mapping",
            "a",
            "incrementing.column.mapping: Invalid value [a] for configuration incrementing.column.mapping: Invalid format. Expected 'regex:columnName'",
        ),
        (
            "table.include.list",
            "(",
            "table.include.list: Invalid value [(] for configuration table.include.list: Must be a valid comma-separated list of regular expression patterns: ",
        ),
    ] {
        let given = Properties::from([
            ("connection.url", "jdbc:sqlite::memory:"),
            ("mode", "bulk"),
            ("topic.prefix", "p-"),
        ]);
        check(&problems(&with(&given, &[(name, value)])).await, &[expected]);
    }
}

#[tokio::test]
async fn settings_are_looked_at_together() {
    let place = Place::sqlite().await;
    let mut base = place.settings("t", "bulk");
    base.remove("table.whitelist");
    let all = problems(&with(&base, &[("mode", "")])).await;
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|line| line.ends_with(": Query mode must be specified")), "{all:?}");
    check(
        &problems(&with(&base, &[("query", "SELECT 1"), ("query.masked", "SELECT 1")])).await,
        &["query: Both 'query' and 'query.masked'", "query.masked: Both 'query' and 'query.masked'"],
    );
    check(
        &problems(&with(&base, &[("query", "SELECT 1"), ("table.blacklist", "t")])).await,
        &["table.blacklist: Do not specify table filtering", "query: Do not specify table filtering"],
    );
    check(
        &problems(&with(&base, &[("query", "WITH x AS (SELECT 1) SELECT 1")])).await,
        &["query: Only SELECT statements are supported for 'query'."],
    );
    check(
        &problems(&with(&base, &[("query", "SELECT 1"), ("mode", "incrementing")])).await,
        &["incrementing.column.name: 'incrementing.column.name' must be provided"],
    );
    let mixed = [("table.whitelist", "t"), ("table.include.list", "t")];
    check(
        &problems(&with(&base, &mixed)).await,
        &["table.whitelist: Cannot mix", "table.include.list: Cannot mix"],
    );
    check(
        &problems(&with(&base, &[("table.exclude.list", "t")])).await,
        &["table.exclude.list: table.exclude.list cannot be used without"],
    );
    let included = [("table.include.list", "t"), ("mode", "timestamp")];
    check(
        &problems(&with(&base, &included)).await,
        &["mode: Timestamp column configuration must be provided"],
    );
    check(
        &problems(&with(&base, &[("transaction.isolation.mode", "SQL_SERVER_SNAPSHOT")])).await,
        &["transaction.isolation.mode: Isolation mode of `SQL_SERVER_SNAPSHOT`"],
    );
    check(&problems(&base).await, &[]);
}

#[tokio::test]
async fn the_database_is_asked() {
    let mut place = Place::postgresql().await;
    let table = unique("asked").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (id INT, at TIMESTAMP)")).await;
    let given = place.settings(&table, "bulk");
    check(&problems(&given).await, &[]);
    let away = format!("jdbc:postgresql://127.0.0.1:{}/postgres", millrace_tests::free_port());
    check(
        &problems(&with(&given, &[("connection.url", &away)])).await,
        &["connection.url: Could not connect to database. connecting to PostgreSQL at 127.0.0.1"],
    );
    check(
        &problems(&with(&given, &[("connection.password", "wrong")])).await,
        &["connection.url: Could not connect to database. connecting to PostgreSQL"],
    );
    check(
        &problems(&with(&given, &[("connection.url", "jdbc:oracle:thin:@h:1:x")])).await,
        &["connection.url: there is no driver for jdbc:oracle:"],
    );
    check(
        &problems(&with(&given, &[("table.whitelist", "no_such_table")])).await,
        &["table.whitelist: there is no table no_such_table"],
    );
    let nullable = [("mode", "incrementing"), ("incrementing.column.name", "id")];
    check(
        &problems(&with(&given, &nullable)).await,
        &["incrementing.column.name: Cannot make incremental queries using incrementing column id"],
    );
    let mut query = with(&given, &[("query", "SELECT nothing FROM nowhere")]);
    query.remove("table.whitelist");
    let found = problems(&query).await;
    check(&found, &["query: The configured query is not valid"]);
    assert!(found[0].ends_with("(SQLState: 42P01)"), "{found:?}");
    let mut report = Validation::default();
    JdbcSource::validate(&given, &mut report).await;
    let tables =
        report.into_values().into_iter().find(|value| value.name.as_ref() == "table.whitelist").unwrap();
    assert!(tables.recommended.contains(&format!("public.{table}")));
}
