//! Settings looked at together, and tried on the database.

use super::{
    config::JdbcSourceConfig,
    settings::{self, Flavour, Settings},
};
use crate::{
    connection::{Connection, connect},
    error::JdbcError,
    identifier::TableId,
};
use millrace_api::{Config, Properties, Validation};
use std::time::Duration;
use tokio::time::timeout;

/// How long a query may take that is only tried.
const QUERY_WAIT: Duration = Duration::from_secs(60);

/// How many tables are recommended: a form with more helps nobody.
const RECOMMENDED_MAX: usize = 1000;

/// Settings that mean something in certain modes only.
const BY_MODE: [&str; 6] = [
    "incrementing.column.name",
    "timestamp.column.name",
    "timestamp.columns.mapping",
    "incrementing.column.mapping",
    "timestamp.initial",
    "validate.non.null",
];

const OLDER: [&str; 4] =
    ["table.whitelist", "table.blacklist", "timestamp.column.name", "incrementing.column.name"];
const NEWER: [&str; 4] =
    ["table.include.list", "table.exclude.list", "timestamp.columns.mapping", "incrementing.column.mapping"];
const LISTS: [&str; 4] = ["table.whitelist", "table.blacklist", "table.include.list", "table.exclude.list"];

/// Adds to the report what single settings do not show.
pub(super) async fn validate(properties: &Properties, flavour: Flavour, report: &mut Validation) {
    show_by_mode(properties, report);
    let Ok(config) = JdbcSourceConfig::parse(properties) else { return };
    if config.mode.is_empty() {
        for name in BY_MODE {
            report.error(name, "Query mode must be specified");
        }
        return;
    }
    if let Err(problem) = together(properties, &config) {
        for name in problem.settings {
            report.error(name, &problem.text);
        }
        return;
    }
    match Settings::read(properties, flavour) {
        Ok(settings) => ask(&settings, &config, report).await,
        Err(error) => report.error(blamed(&error), error.full()),
    }
}

/// What is wrong with several settings, each of which gets the text.
struct Problem {
    settings: Vec<&'static str>,
    text: String,
}

fn problem(settings: &[&'static str], text: impl Into<String>) -> Result<(), Problem> {
    Err(Problem { settings: settings.to_vec(), text: text.into() })
}

/// Hides what has no meaning in the mode.
fn show_by_mode(properties: &Properties, report: &mut Validation) {
    let mode = properties.get("mode").unwrap_or_default();
    let (times, numbers) = (mode.contains("timestamp"), mode.contains("incrementing"));
    let known = times || numbers;
    for (name, shown) in [
        ("incrementing.column.name", numbers),
        ("incrementing.column.mapping", numbers),
        ("timestamp.column.name", times),
        ("timestamp.columns.mapping", times),
        ("validate.non.null", known),
        ("timestamp.initial", false),
        ("query.masked", false),
    ] {
        if !shown {
            report.hide(name);
        }
    }
}

/// Checks that need no database. The first that fails ends them, as in the reference.
fn together(properties: &Properties, config: &JdbcSourceConfig) -> Result<(), Problem> {
    let is_set = |name: &&str| properties.get(name).is_some_and(|text| !text.trim().is_empty());
    let set = |names: &[&'static str]| names.iter().copied().filter(|name| is_set(name)).collect::<Vec<_>>();
    let queries = set(&["query", "query.masked"]);
    if config.transaction_isolation_mode.eq_ignore_ascii_case("SQL_SERVER_SNAPSHOT") {
        let text = "Isolation mode of `SQL_SERVER_SNAPSHOT` can only be configured with a Sql Server Dialect";
        return problem(&["transaction.isolation.mode"], text);
    }
    let (older, newer) = (set(&OLDER), set(&NEWER));
    if queries.is_empty() && !older.is_empty() && !newer.is_empty() {
        let text = "Cannot mix legacy and new configuration approaches. Legacy configurations (table.whitelist, table.blacklist, \
            timestamp.column.name, incrementing.column.name) cannot be used together with new configurations \
            (table.include.list, table.exclude.list, timestamp.columns.mapping, incrementing.column.mapping). Please choose \
            one approach: either use all legacy configurations or all new configurations.";
        return problem(&[older, newer].concat(), text);
    }
    if queries.len() > 1 {
        let text = "Both 'query' and 'query.masked' configs cannot be set at the same time. Please use only one of them.";
        return problem(&queries, text);
    }
    match queries.first() {
        Some(key) => query_alone(key, &set(&LISTS), config),
        None => mappings(config),
    }
}

fn query_alone(key: &'static str, lists: &[&'static str], config: &JdbcSourceConfig) -> Result<(), Problem> {
    if !lists.is_empty() {
        let text = "Do not specify table filtering configs with 'query'. Remove table.whitelist / table.blacklist / \
            table.include.list / table.exclude.list when using query mode or 'query' when using table filtering mode.";
        return problem(&[&[key], lists].concat(), text);
    }
    let query = settings::query(config).unwrap_or_default();
    let word: String =
        query.trim_start().chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
    if !word.eq_ignore_ascii_case("select") {
        let text = format!(
            "Only SELECT statements are supported for '{key}'. Please provide a statement that starts with SELECT."
        );
        return problem(&[key], text);
    }
    if config.mode.contains("incrementing") && config.incrementing_column_name.trim().is_empty() {
        let text = "'incrementing.column.name' must be provided when using mode 'incrementing' or 'timestamp+incrementing' \
            with a custom query. The incrementing column cannot be auto-discovered in query mode because there is no table to \
            inspect. Note that 'incrementing.column.mapping' is not applied in query mode (it maps columns by table-name \
            regex, and a custom query has no underlying table to match), so 'incrementing.column.name' must be set \
            explicitly.";
        return problem(&["incrementing.column.name"], text);
    }
    Ok(())
}

/// Checks of the newer settings, which the older ones do without.
fn mappings(config: &JdbcSourceConfig) -> Result<(), Problem> {
    let (times, numbers) =
        (!config.timestamp_columns_mapping.is_empty(), !config.incrementing_column_mapping.is_empty());
    let include = !config.table_include_list.is_empty();
    if !config.table_exclude_list.is_empty() && !include {
        let text = "table.exclude.list cannot be used without table.include.list. Exclude list only applies to tables that \
            match the include list.";
        return problem(&["table.exclude.list"], text);
    }
    if !(include || times || numbers) {
        return Ok(());
    }
    let text = match (config.mode.contains("timestamp"), times, config.mode.contains("incrementing"), numbers)
    {
        (true, false, _, _) => {
            "Timestamp column configuration must be provided when using mode 'timestamp' or 'timestamp+incrementing'. \
             Provide 'timestamp.columns.mapping'."
        }
        (false, true, _, _) => {
            "Timestamp column configurations should not be provided if mode is not 'timestamp' or \
             'timestamp+incrementing'. Remove 'timestamp.columns.mapping'."
        }
        (_, _, true, false) => {
            "Incrementing column configuration must be provided when using mode 'incrementing' or \
             'timestamp+incrementing'. Provide 'incrementing.column.mapping'."
        }
        (_, _, false, true) => {
            "Incrementing column configurations should not be provided if mode is not 'incrementing' or \
             'timestamp+incrementing'. Remove 'incrementing.column.mapping'."
        }
        _ => return Ok(()),
    };
    problem(&["mode"], text)
}

/// Asks the database.
async fn ask(settings: &Settings, config: &JdbcSourceConfig, report: &mut Validation) {
    // A form waits for this: one attempt will do.
    let mut once = settings.connection.clone();
    once.attempts = 1;
    let mut connection = match connect(&once).await {
        Ok(connection) => connection,
        Err(error) => {
            let text = format!("Could not connect to database. {}", error.full());
            return report.error(blamed(&error), text);
        }
    };
    match &settings.query {
        Some(query) => {
            let key = if config.query.trim().is_empty() { "query.masked" } else { "query" };
            if let Err(error) = try_query(connection.as_mut(), query).await {
                report.error(key, refused(&error));
            }
        }
        None => ask_about_tables(connection.as_mut(), settings, config, report).await,
    }
    connection.close().await;
}

/// Runs the query for no rows at all.
async fn try_query(connection: &mut dyn Connection, query: &str) -> Result<(), JdbcError> {
    let query = query.trim().trim_end_matches(';');
    let sql = format!("SELECT * FROM ({query}) millrace_tried WHERE 1 = 0");
    let tried = timeout(QUERY_WAIT, connection.query(&sql, &[])).await;
    // A query that takes long is none that is wrong.
    tried.map_or(Ok(()), |found| found.map(drop))
}

fn refused(error: &JdbcError) -> String {
    let state = error.sql_state().map(|state| format!("SQLState: {state}"));
    let code = Some(error.vendor_code()).filter(|code| *code != 0).map(|code| format!("errorCode: {code}"));
    let both: Vec<_> = state.into_iter().chain(code).collect();
    let around = if both.is_empty() { String::new() } else { format!(" ({})", both.join(", ")) };
    format!(
        "The configured query is not valid and has database/connection errors. Please provide the correct query by \
         validating the query syntax and the existing table/column names with the database being connected{around}"
    )
}

/// Recommends the tables that are there, and names those that are not, and columns that will not do.
async fn ask_about_tables(
    connection: &mut dyn Connection,
    settings: &Settings,
    config: &JdbcSourceConfig,
    report: &mut Validation,
) {
    let found = match connection.tables(&settings.filter).await {
        Ok(found) => found,
        Err(error) => return report.error("connection.url", error.full()),
    };
    let names: Vec<_> = found.iter().take(RECOMMENDED_MAX).map(TableId::unquoted).collect();
    for list in ["table.whitelist", "table.blacklist"] {
        report.recommend(list, names.clone());
    }
    report.recommend("table.types", settings.dialect().table_types().iter().map(|kind| kind.to_string()));
    let rules = settings.dialect().identifiers();
    for name in config.table_whitelist.iter().filter(|name| !name.is_empty()) {
        let only = super::tables::Selection { whitelist: vec![name.clone()], ..Default::default() };
        if only.select(found.clone(), rules).is_ok_and(|tables| tables.is_empty()) {
            report.error("table.whitelist", format!("there is no table {name} among those that are listed"));
        }
    }
    let Ok(selected) = settings.selection.select(found, rules) else { return };
    if let Err(error) = super::progress::check(&selected, settings, connection).await {
        let key = if error.to_string().to_lowercase().contains("incrementing column") {
            "incrementing.column.name"
        } else {
            "timestamp.column.name"
        };
        report.error(key, error.full());
    }
}

/// Returns the setting that an error is about.
fn blamed(error: &JdbcError) -> &'static str {
    let text = error.to_string();
    let named = [
        "dialect.name",
        "transaction.isolation.mode",
        "timestamp.column.name",
        "quote.sql.identifiers",
        "query",
    ];
    match error {
        JdbcError::Setting { .. } => {
            named.into_iter().find(|name| text.contains(name)).unwrap_or("connection.url")
        }
        _ => "connection.url",
    }
}
