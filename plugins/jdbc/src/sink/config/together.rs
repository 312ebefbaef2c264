//! Settings as the task uses them, and what they mean together.

use super::{
    AivenInsertMode, AivenJdbcSinkConfig, CalendarSystem, CommonSinkConfig, DateZone, InsertMode,
    JdbcSinkConfig, PkMode, TimestampPrecision, topic_and_table,
};
use crate::{
    clock::Calendar,
    connection::ConnectionSettings,
    error::JdbcError,
    identifier::Quoting,
    sink::{
        bind::{Binding, Nulls, Precision, Times},
        check::{Deletes, Requirements},
        layout::ColumnRules,
        names::{Characters, TableNames},
        sql::Clock,
        table::DdlRules,
    },
    url::{JdbcUrl, Product},
    zone,
};
use jiff::tz::TimeZone;
use millrace_api::{Config, Properties, Validation};
use std::time::Duration;

/// Everything that a task was told.
#[derive(Debug, Clone)]
pub(crate) struct SinkSettings {
    pub connection: ConnectionSettings,
    pub requirements: Requirements,
    pub insert_mode: InsertMode,
    /// The most rows of a statement.
    pub rows_max: usize,
    pub names: TableNames,
    /// Whether what a table's name does not say is asked of the connection.
    pub completion: Completion,
    pub table_types: Vec<String>,
    pub columns: ColumnRules,
    pub clock: Clock,
    pub precision: Precision,
    pub nulls: Nulls,
    pub ddl: DdlRules,
    pub quoting: Quoting,
    /// What MySQL's columns of texts are.
    pub mysql_text: &'static str,
    /// How often a connection is tried before that counts as a failure of the batch.
    pub connection_attempts: u32,
    pub retries_max: u32,
    pub retry_backoff: Duration,
    pub messages: Messages,
}

/// What becomes of a table's name that has no catalog or schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Those of the connection.
    FromConnection,
    /// None: the database looks where it likes.
    None,
}

/// Whether the database's messages are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Messages {
    Shown,
    Trimmed,
}

impl SinkSettings {
    /// Reads the settings of Confluent's connector.
    pub fn confluent(properties: &Properties) -> Result<Self, millrace_api::Error> {
        let config = JdbcSinkConfig::parse(properties)?;
        let mut settings = Self::of(&config.common, properties)?;
        settings.insert_mode = config.insert_mode;
        settings.table_types = config.table_types.iter().map(|kind| kind.to_uppercase()).collect();
        settings.nulls = if config.replace_null { Nulls::Defaulted } else { Nulls::Kept };
        if config.date_timezone == DateZone::Utc {
            settings.clock.date_zone = TimeZone::UTC;
        }
        settings.columns.timestamp_fields = config.timestamp_fields;
        settings.columns.string_column = config.string_column;
        settings.precision = match config.precision {
            TimestampPrecision::Microseconds => Precision::Microseconds,
            TimestampPrecision::Nanoseconds => Precision::Nanoseconds,
        };
        settings.clock.calendar = match config.calendar {
            CalendarSystem::Legacy => Calendar::Legacy,
            CalendarSystem::ProlepticGregorian => Calendar::Proleptic,
        };
        settings.quoting = config.quote.into();
        settings.messages = if config.trim_log { Messages::Trimmed } else { Messages::Shown };
        Ok(settings)
    }

    /// Reads the settings of Aiven's connector.
    pub fn aiven(properties: &Properties) -> Result<Self, millrace_api::Error> {
        let config = AivenJdbcSinkConfig::parse(properties)?;
        check_aiven_keys(&config.common).map_err(millrace_api::Error::config)?;
        let mut settings = Self::of(&config.common, properties)?;
        settings.insert_mode = match config.insert_mode {
            AivenInsertMode::Insert | AivenInsertMode::Multi => InsertMode::Insert,
            AivenInsertMode::Upsert => InsertMode::Upsert,
            AivenInsertMode::Update => InsertMode::Update,
        };
        let entries = config.mapping.iter().filter_map(|entry| topic_and_table(entry));
        settings.names.mapping =
            entries.map(|(topic, table)| (topic.to_string(), table.to_string())).collect();
        settings.names.characters = if config.normalize { Characters::Normalized } else { Characters::Kept };
        settings.quoting = if config.quote { Quoting::Always } else { Quoting::Never };
        settings.mysql_text = "VARCHAR(256)";
        settings.completion = Completion::None;
        Ok(settings)
    }

    /// Returns how values become cells of this database.
    pub fn binding(&self) -> Binding {
        let times = match self.connection.url.product {
            Product::PostgreSql => Times::Typed,
            Product::MySql | Product::MariaDb => Times::FourDigitYears,
            Product::Sqlite => Times::Milliseconds,
        };
        Binding {
            clock: self.clock.clone(),
            precision: self.precision,
            nulls: self.nulls,
            times,
            mode: self.insert_mode,
        }
    }

    /// What both connectors have, with the values of a connector that has no more.
    fn of(config: &CommonSinkConfig, properties: &Properties) -> Result<Self, millrace_api::Error> {
        let zone = zone::parse(&config.db_timezone).unwrap_or(TimeZone::UTC);
        let connector = properties.get("name").unwrap_or_default().to_string();
        let deletes = if config.delete_enabled { Deletes::Enabled } else { Deletes::Disabled };
        if deletes == Deletes::Enabled && config.pk_mode != PkMode::RecordKey {
            let text = "Primary key mode must be 'record_key' when delete support is enabled";
            return Err(millrace_api::Error::config(text));
        }
        let mut connection = connection(config, properties, zone.clone())?;
        check_dialect(config, &connection)?;
        // `put` must not wait for the server: the worker waits, and offers the batch again.
        connection.attempts = 1;
        Ok(Self {
            connection,
            requirements: Requirements { connector: connector.clone(), pk_mode: config.pk_mode, deletes },
            insert_mode: InsertMode::Insert,
            rows_max: config.batch_size as usize,
            names: TableNames {
                format: config.table_name_format.clone(),
                characters: Characters::Kept,
                mapping: Default::default(),
            },
            completion: Completion::FromConnection,
            table_types: vec!["TABLE".to_string(), "PARTITIONED TABLE".to_string()],
            columns: ColumnRules {
                connector,
                pk_mode: config.pk_mode,
                pk_fields: names(&config.pk_fields),
                whitelist: names(&config.whitelist),
                timestamp_fields: Vec::new(),
                string_column: "record_value".to_string(),
            },
            clock: Clock { zone: zone.clone(), date_zone: zone, calendar: Calendar::Legacy },
            precision: Precision::Microseconds,
            nulls: Nulls::Defaulted,
            ddl: DdlRules { auto_create: config.auto_create, auto_evolve: config.auto_evolve },
            quoting: Quoting::Always,
            mysql_text: "TEXT",
            connection_attempts: config.connection_attempts,
            retries_max: config.retries_max,
            retry_backoff: config.retry_backoff.0,
            messages: Messages::Shown,
        })
    }
}

/// Adds the problems that settings have only together, in the texts of the reference.
pub(crate) fn check_together(properties: &Properties, report: &mut Validation) {
    let given = |name: &str| properties.get(name).unwrap_or_default().trim().to_string();
    let pk_mode = given("pk.mode");
    if given("delete.enabled").eq_ignore_ascii_case("true") && !pk_mode.eq_ignore_ascii_case("record_key") {
        for setting in ["delete.enabled", "pk.mode"] {
            report.error(setting, "Deletes are only supported for pk.mode record_key");
        }
    }
}

/// The dialect is that of the driver, so another one can only be a mistake.
fn check_dialect(config: &CommonSinkConfig, connection: &ConnectionSettings) -> Result<(), JdbcError> {
    let (wanted, there) = (config.dialect.as_str(), connection.dialect().name());
    if wanted.is_empty() || wanted == there {
        return Ok(());
    }
    let database = connection.url.product.name();
    Err(JdbcError::setting(format!(
        "dialect.name {wanted} is not the dialect of {database} in connection.url, which is {there}; leave it out"
    )))
}

/// Aiven's connector is strict about `pk.fields`.
fn check_aiven_keys(config: &CommonSinkConfig) -> Result<(), &'static str> {
    let fields = names(&config.pk_fields).len();
    match config.pk_mode {
        PkMode::None if fields > 0 => Err("Primary key fields should not be set when pkMode is 'none'."),
        PkMode::Kafka if fields != 3 => Err(
            "Primary key fields must be set with three fields (topic, partition, offset) when pkMode is 'kafka'.",
        ),
        _ => Ok(()),
    }
}

/// The same for the report of a validation.
pub(crate) fn check_aiven(properties: &Properties, report: &mut Validation) {
    if let Ok(config) = AivenJdbcSinkConfig::parse(properties)
        && let Err(problem) = check_aiven_keys(&config.common)
    {
        report.error("pk.fields", problem);
    }
}

/// Reads what is needed to connect.
pub(crate) fn connection(
    config: &CommonSinkConfig,
    properties: &Properties,
    zone: TimeZone,
) -> Result<ConnectionSettings, JdbcError> {
    let mut driver = properties.with_prefix("connection.");
    for own in ["url", "user", "password", "attempts", "backoff.ms"] {
        driver.remove(own);
    }
    Ok(ConnectionSettings {
        url: JdbcUrl::parse(&config.connection_url)?,
        user: config.connection_user.clone(),
        password: config.connection_password.clone(),
        attempts: config.connection_attempts,
        backoff: config.connection_backoff,
        driver,
        zone,
    })
}

fn names(list: &[String]) -> Vec<String> {
    list.iter().filter(|name| !name.is_empty()).cloned().collect()
}
