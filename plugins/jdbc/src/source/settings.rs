//! The settings of the source, understood: words have become types, and what does not go together is refused. Pure.

use super::{
    check,
    config::JdbcSourceConfig,
    schema::{DecimalPrecision, Mapping, NumericMapping},
    statement::{Progress, Style, Subject},
    tables::Selection,
};
use crate::{
    connection::{ConnectionSettings, TableFilter},
    dialect::Dialect,
    error::JdbcError,
    identifier::{Quoting, TableId},
    url::JdbcUrl,
    zone,
};
use millrace_api::{Config, Properties, regex::JavaRegex};
use std::time::Duration;
use tracing::warn;

/// Which of the two Java connectors is stood in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Confluent,
    Aiven,
}

/// How new rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Bulk,
    Timestamp,
    Incrementing,
    TimestampIncrementing,
}

/// Where a table without a stored offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initial {
    Epoch,
    Millis(i64),
    /// When the task starts, by the database's clock.
    Now,
}

/// The columns that tell what is new, as the user chose them.
#[derive(Debug)]
pub(super) enum Columns {
    Named(Progress),
    /// By the names of tables.
    Mapped {
        timestamps: Vec<(JavaRegex, Vec<String>)>,
        incrementing: Vec<(JavaRegex, String)>,
    },
}

/// Everything that the connector and its tasks need to know.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) flavour: Flavour,
    pub(super) connection: ConnectionSettings,
    pub(super) mode: Mode,
    pub(super) query: Option<String>,
    pub(super) columns: Columns,
    pub(super) selection: Selection,
    pub(super) filter: TableFilter,
    pub(super) quoting: Quoting,
    pub(super) suffix: String,
    pub(super) isolation: Option<&'static str>,
    pub(super) mapping: Mapping,
    pub(super) topic_prefix: String,
    pub(super) batch_max: usize,
    pub(super) poll_interval: Duration,
    pub(super) linger: Duration,
    pub(super) table_poll_interval: Duration,
    pub(super) delay: i64,
    pub(super) initial: Initial,
    /// The incrementing value after which a table without a stored offset begins.
    pub(super) initial_id: i64,
    pub(super) validate_non_null: bool,
    /// How many failures in a row fail the task; none for ever.
    pub(super) failures_max: Option<u32>,
}

/// Settings of `connection.` that are the connector's own, not the driver's.
const OWN: [&str; 5] = ["url", "user", "password", "attempts", "backoff.ms"];

impl Mode {
    pub(super) fn uses_timestamps(self) -> bool {
        matches!(self, Self::Timestamp | Self::TimestampIncrementing)
    }

    pub(super) fn uses_incrementing(self) -> bool {
        matches!(self, Self::Incrementing | Self::TimestampIncrementing)
    }
}

impl Settings {
    /// Reads settings as they were given.
    pub(super) fn read(properties: &Properties, flavour: Flavour) -> Result<Self, JdbcError> {
        let config = JdbcSourceConfig::parse(properties)
            .map_err(|problems| JdbcError::setting(problems.to_string()))?;
        let url = JdbcUrl::parse(&config.connection_url)?;
        let mode = mode(&config)?;
        let mut driver = properties.with_prefix("connection.");
        OWN.iter().for_each(|name| driver.remove(name));
        let word = |name: &str, value: &str| {
            JdbcError::setting(format!("Invalid value {value} for configuration {name}: Invalid enumerator"))
        };
        let zone =
            zone::parse(&config.db_timezone).ok_or_else(|| word("db.timezone", &config.db_timezone))?;
        let connection = ConnectionSettings {
            url,
            user: config.connection_user.clone(),
            password: config.connection_password.clone(),
            attempts: u32::try_from(config.connection_attempts).unwrap_or(1),
            backoff: millis(config.connection_backoff),
            driver,
            zone: zone.clone(),
        };
        check_dialect(&config, &connection)?;
        let is_aiven = flavour == Flavour::Aiven;
        let granularity = &config.timestamp_granularity;
        let mapping = Mapping {
            numeric: numeric_mapping(&config),
            granularity: check::read_granularity(granularity)
                .ok_or_else(|| word("timestamp.granularity", granularity))?,
            zone,
            calendar: check::read_calendar(&config.date_calendar_system)
                .ok_or_else(|| word("date.calendar.system", &config.date_calendar_system))?,
            scale_when_unset: if is_aiven { 0 } else { 127 },
            decimal_precision: if is_aiven { DecimalPrecision::Untold } else { DecimalPrecision::Told },
        };
        let quoting = match (is_aiven, properties.get("sql.quote.identifiers")) {
            (true, Some(given)) if given.trim().eq_ignore_ascii_case("false") => Quoting::Never,
            _ => check::read_quoting(&config.quote_sql_identifiers)
                .ok_or_else(|| word("quote.sql.identifiers", &config.quote_sql_identifiers))?,
        };
        let types = config.table_types.iter().map(|kind| kind.to_uppercase()).collect();
        let settings = Self {
            flavour,
            mode,
            query: query(&config),
            columns: columns(&config, mode)?,
            selection: selection(&config)?,
            filter: TableFilter { catalog: config.catalog_pattern, schema: config.schema_pattern, types },
            quoting,
            suffix: config.query_suffix.trim().to_string(),
            isolation: isolation(&config.transaction_isolation_mode)?,
            mapping,
            topic_prefix: config.topic_prefix.trim().to_string(),
            batch_max: usize::try_from(config.batch_max_rows).unwrap_or(1).max(1),
            poll_interval: millis(config.poll_interval.into()),
            linger: millis(config.poll_linger),
            table_poll_interval: millis(config.table_poll_interval),
            delay: config.timestamp_delay,
            initial: initial(config.timestamp_initial, properties, flavour),
            initial_id: integer(properties, "incrementing.initial", flavour).unwrap_or(-1),
            validate_non_null: config.validate_non_null,
            failures_max: u32::try_from(config.query_retry_attempts).ok().filter(|most| *most > 0),
            connection,
        };
        settings.check()?;
        Ok(settings)
    }

    pub(super) fn dialect(&self) -> &'static dyn Dialect {
        self.connection.dialect()
    }

    pub(super) fn style(&self) -> Style<'_> {
        Style { dialect: self.dialect(), quoting: self.quoting, suffix: &self.suffix }
    }

    /// Returns the name of the topic for records of a table or query.
    pub(super) fn topic(&self, subject: &Subject) -> String {
        match subject {
            Subject::Table(table) => format!("{}{}", self.topic_prefix, table.name),
            Subject::Query(_) => self.topic_prefix.clone(),
        }
    }

    /// Returns the columns that tell what is new in a table.
    pub(super) fn progress(&self, table: &TableId) -> Result<Progress, JdbcError> {
        match &self.columns {
            Columns::Named(progress) => Ok(progress.clone()),
            Columns::Mapped { timestamps, incrementing } => {
                let name = table.unquoted();
                let sql = table.sql(self.dialect().identifiers(), Quoting::Always);
                let timestamps = match self.mode.uses_timestamps() {
                    true => only_match("timestamp", timestamps, &name, &sql)?,
                    false => Vec::new(),
                };
                let incrementing = match self.mode.uses_incrementing() {
                    true => Some(only_match("incrementing", incrementing, &name, &sql)?),
                    false => None,
                };
                Ok(Progress { timestamps, incrementing })
            }
        }
    }

    fn check(&self) -> Result<(), JdbcError> {
        let lists = !self.selection.whitelist.is_empty()
            || !self.selection.blacklist.is_empty()
            || !self.selection.include.is_empty()
            || !self.selection.exclude.is_empty();
        if self.query.is_some() && lists {
            return Err(JdbcError::setting("query may not be combined with whole-table copying settings."));
        }
        if !self.selection.whitelist.is_empty() && !self.selection.blacklist.is_empty() {
            warn!("table.blacklist has no effect beside table.whitelist");
        }
        Ok(())
    }
}

/// Returns the query, whichever of the two settings it is in.
pub(super) fn query(config: &JdbcSourceConfig) -> Option<String> {
    [&config.query, &config.query_masked].into_iter().find(|query| !query.trim().is_empty()).cloned()
}

fn mode(config: &JdbcSourceConfig) -> Result<Mode, JdbcError> {
    Ok(match config.mode.as_str() {
        "bulk" => Mode::Bulk,
        "timestamp" => Mode::Timestamp,
        "incrementing" => Mode::Incrementing,
        "timestamp+incrementing" => Mode::TimestampIncrementing,
        _ => return Err(JdbcError::setting("Query mode must be specified")),
    })
}

fn check_dialect(config: &JdbcSourceConfig, connection: &ConnectionSettings) -> Result<(), JdbcError> {
    let own = connection.dialect().name();
    match config.dialect_name.as_str() {
        "" => Ok(()),
        name if name == own => Ok(()),
        name => Err(JdbcError::setting(format!(
            "dialect.name is {name}, and connection.url names a database that speaks {own}; leave dialect.name out"
        ))),
    }
}

fn numeric_mapping(config: &JdbcSourceConfig) -> NumericMapping {
    let named = config.numeric_mapping.as_deref().and_then(check::read_numeric_mapping);
    named.unwrap_or(match config.numeric_precision_mapping {
        true => NumericMapping::PrecisionOnly,
        false => NumericMapping::None,
    })
}

fn columns(config: &JdbcSourceConfig, mode: Mode) -> Result<Columns, JdbcError> {
    if !config.timestamp_columns_mapping.is_empty() || !config.incrementing_column_mapping.is_empty() {
        let timestamps =
            config.timestamp_columns_mapping.iter().map(|entry| check::read_timestamp_mapping(entry));
        let incrementing =
            config.incrementing_column_mapping.iter().map(|entry| check::read_incrementing_mapping(entry));
        return Ok(Columns::Mapped {
            timestamps: timestamps.collect::<Result<_, _>>().map_err(JdbcError::setting)?,
            incrementing: incrementing.collect::<Result<_, _>>().map_err(JdbcError::setting)?,
        });
    }
    let timestamps: Vec<_> =
        config.timestamp_column_name.iter().filter(|name| !name.is_empty()).cloned().collect();
    if mode.uses_timestamps() && timestamps.is_empty() {
        return Err(JdbcError::setting(
            "timestamp.column.name must name a column in the modes with timestamp",
        ));
    }
    let incrementing = Some(config.incrementing_column_name.clone()).filter(|name| !name.is_empty());
    Ok(Columns::Named(Progress {
        timestamps: if mode.uses_timestamps() { timestamps } else { Vec::new() },
        incrementing: incrementing.filter(|_| mode.uses_incrementing()),
    }))
}

fn selection(config: &JdbcSourceConfig) -> Result<Selection, JdbcError> {
    let list = |names: &[String]| names.iter().filter(|name| !name.is_empty()).cloned().collect();
    let expressions = |patterns: &[String]| {
        let found =
            patterns.iter().filter(|pattern| !pattern.is_empty()).map(|pattern| JavaRegex::new(pattern));
        found.collect::<Result<Vec<_>, _>>().map_err(JdbcError::setting)
    };
    Ok(Selection {
        whitelist: list(&config.table_whitelist),
        blacklist: list(&config.table_blacklist),
        include: expressions(&config.table_include_list)?,
        exclude: expressions(&config.table_exclude_list)?,
    })
}

fn isolation(name: &str) -> Result<Option<&'static str>, JdbcError> {
    Ok(match name.to_uppercase().as_str() {
        "DEFAULT" | "" => None,
        "READ_UNCOMMITTED" => Some("READ UNCOMMITTED"),
        "READ_COMMITTED" => Some("READ COMMITTED"),
        "REPEATABLE_READ" => Some("REPEATABLE READ"),
        "SERIALIZABLE" => Some("SERIALIZABLE"),
        "SQL_SERVER_SNAPSHOT" => {
            return Err(JdbcError::setting(
                "Isolation mode of `SQL_SERVER_SNAPSHOT` can only be configured with a Sql Server Dialect",
            ));
        }
        _ => return Err(JdbcError::setting(format!("transaction.isolation.mode {name} is not known"))),
    })
}

fn initial(confluent: Option<i64>, properties: &Properties, flavour: Flavour) -> Initial {
    match integer(properties, "timestamp.initial.ms", flavour).or(confluent) {
        None => Initial::Epoch,
        Some(-1) => Initial::Now,
        Some(millis) => Initial::Millis(millis),
    }
}

/// Reads one of the settings that only Aiven's connector has; they are checked by its definition.
fn integer(properties: &Properties, name: &str, flavour: Flavour) -> Option<i64> {
    let given = properties.get(name).filter(|_| flavour == Flavour::Aiven)?;
    given.trim().parse().ok()
}

fn millis(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}

fn only_match<T: Clone>(
    kind: &str,
    mapping: &[(JavaRegex, T)],
    name: &str,
    table: &str,
) -> Result<T, JdbcError> {
    let mut found = Vec::new();
    for (expression, columns) in mapping {
        if expression.matches(name).map_err(|error| JdbcError::setting(error.to_string()))? {
            found.push(columns);
        }
    }
    let problem = match found.as_slice() {
        [columns] => return Ok((*columns).clone()),
        [] => "does not match any of the provided regexes",
        _ => "matches more than one of the provided regexes",
    };
    Err(JdbcError::setting(format!(
        "Error while validating {kind} column mappings: Included table '{table}' {problem}"
    )))
}
