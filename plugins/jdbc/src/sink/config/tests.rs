//! Settings and what is wrong with them, in the reference's words.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use millrace_api::{Properties, Validation};

const URL: (&str, &str) = ("connection.url", "jdbc:sqlite:/tmp/a.db");

fn properties(settings: &[(&str, &str)]) -> Properties {
    settings.iter().copied().chain([("name", "s")]).collect()
}

#[track_caller]
fn confluent(settings: &[(&str, &str)], problem: &str) {
    let found = SinkSettings::confluent(&properties(settings)).err().map(|error| error.to_string());
    assert_eq!(found.unwrap_or_default(), problem);
}

#[track_caller]
fn aiven(settings: &[(&str, &str)], problem: &str) {
    let found = SinkSettings::aiven(&properties(settings)).err().map(|error| error.to_string());
    assert_eq!(found.unwrap_or_default(), problem);
}

#[test]
fn the_url_is_needed_and_nothing_else() {
    let missing = "Missing required configuration \"connection.url\" which has no default value.";
    confluent(&[], missing);
    aiven(&[], missing);
    confluent(&[URL], "");
    aiven(&[URL], "");
}

#[test]
fn words_are_taken_in_lower_or_upper_case() {
    for word in ["upsert", "UPSERT"] {
        confluent(&[URL, ("insert.mode", word)], "");
    }
    let problem = "Invalid value Upsert for configuration insert.mode: Invalid enumerator";
    confluent(&[URL, ("insert.mode", "Upsert")], problem);
    let problem = "Invalid value multi for configuration insert.mode: Invalid enumerator";
    confluent(&[URL, ("insert.mode", "multi")], problem);
    aiven(&[URL, ("insert.mode", "multi")], "");
    for setting in
        ["pk.mode", "quote.sql.identifiers", "dialect.name", "date.timezone", "timestamp.precision.mode"]
    {
        confluent(
            &[URL, (setting, "x")],
            &format!("Invalid value x for configuration {setting}: Invalid enumerator"),
        );
    }
    confluent(&[URL, ("dialect.name", "SqliteDatabaseDialect")], "");
}

#[test]
fn what_is_not_built_in_is_refused() {
    let problem = "dialect.name OracleDatabaseDialect is not the dialect of SQLite in connection.url, which is \
        SqliteDatabaseDialect; leave it out";
    confluent(&[URL, ("dialect.name", "OracleDatabaseDialect")], problem);
    let problem = "Invalid value com.example.Vault for configuration jdbc.credentials.provider.class: only the default \
        provider is built in; set connection.user and connection.password";
    confluent(&[URL, ("jdbc.credentials.provider.class", "com.example.Vault")], problem);
    let problem = "there is no driver for jdbc:oracle: in connection.url; there are postgresql, mysql, mariadb and sqlite";
    confluent(&[("connection.url", "jdbc:oracle:thin:@h:1521:x")], problem);
}

#[test]
fn numbers_have_their_limits() {
    for setting in ["batch.size", "max.retries", "retry.backoff.ms"] {
        let problem = format!("Invalid value -1 for configuration {setting}: Value must be at least 0");
        confluent(&[URL, (setting, "-1")], &problem);
        confluent(&[URL, (setting, "0")], "");
    }
    let problem = "Invalid value 0 for configuration connection.attempts: Value must be at least 1";
    confluent(&[URL, ("connection.attempts", "0")], problem);
}

#[test]
fn kinds_of_tables_are_named() {
    let problem = "Invalid value [] for configuration table.types: At least one value must be specified. Valid values are: \
        [table, partitioned table, view]";
    confluent(&[URL, ("table.types", "")], problem);
    let settings = SinkSettings::confluent(&properties(&[URL, ("table.types", "table,VIEW")])).unwrap();
    assert_eq!(settings.table_types, ["TABLE", "VIEW"]);
}

#[test]
fn deletes_need_the_key_of_the_record() {
    let settings = [URL, ("delete.enabled", "true"), ("pk.mode", "record_value")];
    confluent(&settings, "Primary key mode must be 'record_key' when delete support is enabled");
    let mut report = Validation::default();
    check_together(&properties(&settings), &mut report);
    let values = report.into_values();
    let text = "Deletes are only supported for pk.mode record_key";
    let found: Vec<_> = values.iter().map(|value| (value.name.as_ref(), value.errors[0].as_str())).collect();
    assert_eq!(found, [("delete.enabled", text), ("pk.mode", text)]);
    confluent(&[URL, ("delete.enabled", "true"), ("pk.mode", "RECORD_KEY")], "");
}

#[test]
fn aiven_is_strict_about_key_fields() {
    let problem = "Primary key fields should not be set when pkMode is 'none'.";
    aiven(&[URL, ("pk.fields", "id")], problem);
    let problem =
        "Primary key fields must be set with three fields (topic, partition, offset) when pkMode is 'kafka'.";
    aiven(&[URL, ("pk.mode", "kafka")], problem);
    aiven(&[URL, ("pk.mode", "kafka"), ("pk.fields", "t,p,o")], "");
    confluent(&[URL, ("pk.mode", "kafka")], "");
}

#[test]
fn aiven_maps_topics_to_tables() {
    let settings =
        [URL, ("topics.to.tables.mapping", "a.b:public.t, c : d"), ("table.name.normalize", "true")];
    let settings = SinkSettings::aiven(&properties(&settings)).unwrap();
    assert_eq!(settings.names.table_of("a.b").unwrap(), "public.t");
    assert_eq!(settings.names.table_of("c").unwrap(), "d");
    assert_eq!(settings.names.table_of("e.f").unwrap(), "e_f");
    let problem = "Invalid value [a] for configuration topics.to.tables.mapping: entries must have the form topic:table";
    aiven(&[URL, ("topics.to.tables.mapping", "a")], problem);
}

#[test]
fn other_settings_of_the_connection_are_the_drivers() {
    let settings =
        [URL, ("connection.user", "me"), ("connection.sslmode", "require"), ("connection.backoff.ms", "5")];
    let settings = SinkSettings::confluent(&properties(&settings)).unwrap();
    let driver: Vec<_> = settings.connection.driver.iter().collect();
    assert_eq!(driver, [("sslmode", Some("require"))]);
    assert_eq!(settings.connection.backoff, std::time::Duration::from_millis(5));
}

#[test]
fn an_unknown_zone_is_refused() {
    let found = SinkSettings::confluent(&properties(&[URL, ("db.timezone", "Mars/Olympus")])).unwrap_err();
    let begin = "Invalid value Mars/Olympus for configuration db.timezone: Invalid time zone";
    assert!(found.to_string().starts_with(begin), "{found}");
}
