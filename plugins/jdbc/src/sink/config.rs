//! The settings of both sink connectors; each doc comment is the user's documentation.

mod together;

pub(crate) use together::{Completion, Messages, SinkSettings, check_aiven, check_together};

use crate::identifier::Quoting;
use millrace_api::{
    Config, Secret,
    config::{Check, Parsed, Setting, Type, at_least, non_empty},
};

/// Makes an enum of words that a setting takes in lower or in upper case, never mixed: the reference's enumerators.
macro_rules! enumerator {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl Setting for $name {
            const TYPE: Type = Type::String;

            fn from_parsed(parsed: Parsed) -> Result<Self, String> {
                match &parsed {
                    $(Parsed::Text(text) if is_spelling(text, $word) => Ok(Self::$variant),)*
                    _ => Err(INVALID_ENUMERATOR.to_string()),
                }
            }

            fn implied_check() -> Option<Check> {
                Some(one_of_words(&[$($word),*]))
            }
        }
    };
}

const INVALID_ENUMERATOR: &str = "Invalid enumerator";

enumerator! {
    /// What is done with a record that has a value.
    InsertMode {
        Insert = "insert",
        Upsert = "upsert",
        Update = "update",
    }
}

enumerator! {
    /// The same in the Aiven connector, which has one mode more.
    AivenInsertMode {
        Insert = "insert",
        /// An insert of many rows in one statement, which Millrace does anyway.
        Multi = "multi",
        Upsert = "upsert",
        Update = "update",
    }
}

enumerator! {
    /// Where the primary key comes from.
    PkMode {
        None = "none",
        Kafka = "kafka",
        RecordKey = "record_key",
        RecordValue = "record_value",
    }
}

enumerator! {
    /// When names are quoted.
    Quote {
        Always = "always",
        Never = "never",
    }
}

enumerator! {
    /// The zone of dates.
    DateZone {
        DbTimezone = "db_timezone",
        Utc = "utc",
    }
}

enumerator! {
    /// The unit of numbers that are time stamps.
    TimestampPrecision {
        Microseconds = "microseconds",
        Nanoseconds = "nanoseconds",
    }
}

enumerator! {
    /// What days before October 1582 are called.
    CalendarSystem {
        Legacy = "legacy",
        ProlepticGregorian = "proleptic_gregorian",
    }
}

impl PkMode {
    /// Returns the word that settings and messages have for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kafka => "kafka",
            Self::RecordKey => "record_key",
            Self::RecordValue => "record_value",
        }
    }
}

/// Settings of the connector under Confluent's class name.
#[derive(Debug, Config)]
pub struct JdbcSinkConfig {
    #[config(flatten)]
    pub(crate) common: CommonSinkConfig,

    /// What is done with a record that has a value: `insert` adds a row, `upsert` adds a row or changes the one with its key,
    /// `update` changes the row with its key.
    #[config(high, default = "insert", group = "Writes", order = 1, display = "Insert Mode")]
    pub(crate) insert_mode: InsertMode,

    /// Which kinds of tables a record may go to: `TABLE`, `PARTITIONED TABLE`, `VIEW`.
    #[config(low, default = "TABLE", check = table_types(), group = "Writes", order = 4, display = "Table Types")]
    pub(crate) table_types: Vec<String>,

    /// Whether a null in a field that is no key becomes the default of its schema.
    #[config(name = "replace.null.with.default", low, default = true, group = "Writes", order = 5)]
    pub(crate) replace_null: bool,

    /// The zone of dates: `DB_TIMEZONE` for that of `db.timezone`, or `UTC`.
    #[config(low, default = "DB_TIMEZONE", group = "Data Mapping", order = 6)]
    pub(crate) date_timezone: DateZone,

    /// Fields whose numbers, or texts of digits, are points in time and become time stamps.
    #[config(name = "timestamp.fields.list", default = "", group = "Data Mapping", order = 7)]
    pub(crate) timestamp_fields: Vec<String>,

    /// The unit of the fields in `timestamp.fields.list` since 1970: `microseconds` or `nanoseconds`.
    #[config(
        name = "timestamp.precision.mode",
        low,
        default = "MICROSECONDS",
        group = "Data Mapping",
        order = 8
    )]
    pub(crate) precision: TimestampPrecision,

    /// What days before October 1582 are called: `LEGACY` as in Java's old calendar, `PROLEPTIC_GREGORIAN` as in databases.
    #[config(name = "date.calendar.system", low, default = "LEGACY", group = "Data Mapping", order = 9)]
    pub(crate) calendar: CalendarSystem,

    /// The column of records whose value is a plain text.
    #[config(name = "string.output.value.column.name", low, default = "record_value", check = non_empty(),
        group = "Data Mapping", order = 10)]
    pub(crate) string_column: String,

    /// Whether names of tables and columns are quoted in SQL: `always` or `never`. What is not quoted is folded by the database.
    #[config(name = "quote.sql.identifiers", default = "ALWAYS", group = "DDL Support", order = 3)]
    pub(crate) quote: Quote,

    /// Has no effect: it concerns SQL Server.
    #[config(name = "mssql.use.merge.holdlock", low, default = true, group = "DML Support", order = 1)]
    pub holdlock: bool,

    /// Where user and password come from. There is only the default, which is `connection.user` and `connection.password`.
    #[config(name = "jdbc.credentials.provider.class", class, low, default = PROVIDER, check = provider(),
        group = "Connection", order = 4)]
    pub provider: String,

    /// Whether values are left out of the database's messages, in traces, in the log and in headers of dead letters.
    #[config(name = "trim.sensitive.log", low, default = false, group = "Connection", order = 8)]
    pub(crate) trim_log: bool,
}

/// Settings of the connector under Aiven's class name.
#[derive(Debug, Config)]
pub struct AivenJdbcSinkConfig {
    #[config(flatten)]
    pub(crate) common: CommonSinkConfig,

    /// What is done with a record that has a value: `insert` adds a row (so does `multi`), `upsert` adds a row or changes the one
    /// with its key, `update` changes the row with its key.
    #[config(high, default = "insert", group = "Writes", order = 1, display = "Insert Mode")]
    pub(crate) insert_mode: AivenInsertMode,

    /// Whether characters of a topic's name that are no ASCII letter, digit or underscore become underscores.
    #[config(name = "table.name.normalize", default = false, group = "Data Mapping", order = 6)]
    pub(crate) normalize: bool,

    /// Tables of topics, as `topic:table`; they win over `table.name.format`.
    #[config(name = "topics.to.tables.mapping", default = "", check = mapping(), group = "Data Mapping", order = 7)]
    pub(crate) mapping: Vec<String>,

    /// Whether names of tables and columns are quoted in SQL. What is not quoted is folded by the database.
    #[config(name = "sql.quote.identifiers", default = true, group = "DDL Support", order = 3)]
    pub(crate) quote: bool,
}

/// What both have.
#[derive(Debug, Config)]
pub(crate) struct CommonSinkConfig {
    /// The database, as `jdbc:postgresql://host:5432/database`, `jdbc:mariadb://..`, `jdbc:mysql://..` or
    /// `jdbc:sqlite:/path/to/file.db`.
    #[config(high, group = "Connection", order = 1, display = "JDBC URL", long)]
    pub(crate) connection_url: String,

    /// User of the database.
    #[config(high, group = "Connection", order = 2, display = "JDBC User")]
    pub(crate) connection_user: Option<String>,

    /// Password of the user.
    #[config(high, group = "Connection", order = 3, display = "JDBC Password")]
    pub(crate) connection_password: Option<Secret>,

    /// The dialect of the database; when empty, that of the URL.
    #[config(name = "dialect.name", low, default = "", check = dialect(), group = "Connection", order = 5)]
    pub(crate) dialect: String,

    /// How often a connection is tried each time one is needed.
    #[config(low, default = 3, check = at_least(1), group = "Connection", order = 6)]
    pub(crate) connection_attempts: u32,

    /// The wait between two of these tries, in milliseconds.
    #[config(name = "connection.backoff.ms", low, default = 10000, check = at_least(0), group = "Connection", order = 7)]
    pub(crate) connection_backoff: std::time::Duration,

    /// The most rows of one statement.
    #[config(default = 3000, check = at_least(0), group = "Writes", order = 2, display = "Batch Size")]
    pub(crate) batch_size: u32,

    /// Whether a record without a value deletes the row of its key. Needs `pk.mode=record_key`.
    #[config(
        name = "delete.enabled",
        default = false,
        group = "Writes",
        order = 3,
        display = "Enable deletes"
    )]
    pub(crate) delete_enabled: bool,

    /// The table of a topic, in which `${topic}` stands for the topic's name. Dots outside quotes part catalog, schema and table.
    #[config(name = "table.name.format", default = "${topic}", check = non_empty(), group = "Data Mapping", order = 1)]
    pub(crate) table_name_format: String,

    /// Where the primary key comes from: `none`, `kafka` (topic, partition and offset), `record_key` or `record_value`.
    #[config(name = "pk.mode", high, default = "none", group = "Data Mapping", order = 2)]
    pub(crate) pk_mode: PkMode,

    /// Names of the primary key's columns: with `kafka` three or none, with `record_key` one for a plain key or fields of the key,
    /// with `record_value` fields of the value. When empty, all fields.
    #[config(name = "pk.fields", default = "", group = "Data Mapping", order = 3)]
    pub(crate) pk_fields: Vec<String>,

    /// Fields of the value that become columns; when empty, all of them. Key columns are always there.
    #[config(name = "fields.whitelist", default = "", group = "Data Mapping", order = 4)]
    pub(crate) whitelist: Vec<String>,

    /// The zone of the database's clock, for columns without a zone.
    #[config(name = "db.timezone", default = "UTC", check = crate::zone::check(), group = "Data Mapping", order = 5)]
    pub(crate) db_timezone: String,

    /// Whether tables that are missing are created.
    #[config(name = "auto.create", default = false, group = "DDL Support", order = 1)]
    pub(crate) auto_create: bool,

    /// Whether columns that are missing are added.
    #[config(name = "auto.evolve", default = false, group = "DDL Support", order = 2)]
    pub(crate) auto_evolve: bool,

    /// How often a batch that failed for a reason that may pass is tried again before the task fails.
    #[config(name = "max.retries", default = 10, check = at_least(0), group = "Retries", order = 1)]
    pub(crate) retries_max: u32,

    /// The wait before such a try, in milliseconds.
    #[config(name = "retry.backoff.ms", default = 3000, check = at_least(0), group = "Retries", order = 2)]
    pub(crate) retry_backoff: RetryBackoff,
}

/// A time in milliseconds that the reference shows as 32 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryBackoff(pub(crate) std::time::Duration);

impl Setting for RetryBackoff {
    const TYPE: Type = Type::Int;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        std::time::Duration::from_parsed(parsed).map(Self)
    }
}

impl From<Quote> for Quoting {
    fn from(quote: Quote) -> Self {
        match quote {
            Quote::Always => Self::Always,
            Quote::Never => Self::Never,
        }
    }
}

/// The only provider of credentials that there is.
const PROVIDER: &str = "io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider";

fn provider() -> Check {
    Check::new(|value| match value {
        Parsed::Text(class) if class != PROVIDER => {
            Err("only the default provider is built in; set connection.user and connection.password"
                .to_string())
        }
        _ => Ok(()),
    })
}

fn is_spelling(text: &str, word: &str) -> bool {
    text == word || text == word.to_uppercase()
}

fn one_of_words(words: &'static [&'static str]) -> Check {
    Check::new(move |value| match value {
        Parsed::Text(text) if words.iter().any(|word| is_spelling(text, word)) => Ok(()),
        _ => Err(INVALID_ENUMERATOR.to_string()),
    })
}

fn dialect() -> Check {
    Check::new(|value| match value {
        Parsed::Text(text) if text.is_empty() || crate::dialect::NAMES.contains(&text.as_str()) => Ok(()),
        _ => Err(INVALID_ENUMERATOR.to_string()),
    })
}

/// The kinds of tables, as `table.types` names them.
const TABLE_TYPES: [&str; 3] = ["table", "partitioned table", "view"];

fn table_types() -> Check {
    Check::new(|value| match value {
        Parsed::List(types) if types.is_empty() => Err(format!(
            "At least one value must be specified. Valid values are: [{}]",
            TABLE_TYPES.join(", ")
        )),
        Parsed::List(types) => {
            let known = |given: &String| TABLE_TYPES.iter().any(|word| is_spelling(given, word));
            if types.iter().all(known) { Ok(()) } else { Err(INVALID_ENUMERATOR.to_string()) }
        }
        _ => Err(INVALID_ENUMERATOR.to_string()),
    })
}

fn mapping() -> Check {
    Check::new(|value| match value {
        Parsed::List(entries) if entries.iter().all(|entry| topic_and_table(entry).is_some()) => Ok(()),
        _ => Err("entries must have the form topic:table".to_string()),
    })
}

/// Splits an entry of `topics.to.tables.mapping`.
fn topic_and_table(entry: &str) -> Option<(&str, &str)> {
    let (topic, table) = entry.split_once(':')?;
    let (topic, table) = (topic.trim(), table.trim());
    if topic.is_empty() || table.is_empty() { None } else { Some((topic, table)) }
}

#[cfg(test)]
mod tests;
