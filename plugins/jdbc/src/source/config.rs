//! The settings of the source; each doc comment is the user's documentation.

use super::check;
use millrace_api::{Config, Secret, config::at_least};

/// Settings of the source.
#[derive(Debug, Config)]
pub struct JdbcSourceConfig {
    /// Where the database is: `jdbc:postgresql://host:5432/database`, `jdbc:mysql://host:3306/database`,
    /// `jdbc:mariadb://host:3306/database` or `jdbc:sqlite:/path/to/file.db`. Parameters behind `?` are those of the Java
    /// driver; one that is not known here is refused by name.
    #[config(high, default = "", group = "Database", order = 1, long, display = "JDBC URL")]
    pub connection_url: String,

    /// User to connect as.
    #[config(high, group = "Database", order = 2, long, display = "JDBC User")]
    pub connection_user: Option<String>,

    /// Password of the user. It is never shown.
    #[config(high, group = "Database", order = 3, short, display = "JDBC Password")]
    pub connection_password: Option<Secret>,

    /// Java class that would provide user and password. Only the default, which takes them from the two settings above,
    /// can be honoured.
    #[config(
        low, class, name = "jdbc.credentials.provider.class", default = check::CREDENTIALS_PROVIDER,
        check = check::credentials_provider(), group = "Database", order = 4, long, display = "JDBC Credentials Provider Class"
    )]
    pub credentials_provider: String,

    /// How often a connection is tried each time one is needed. A server that refuses user or password is not asked again.
    #[config(low, default = 3, check = at_least(1), group = "Database", order = 5, short, display = "JDBC connection attempts")]
    pub connection_attempts: i32,

    /// Milliseconds between two of those attempts.
    #[config(
        low,
        default = 10_000,
        name = "connection.backoff.ms",
        group = "Database",
        order = 6,
        short,
        display = "JDBC connection backoff in milliseconds"
    )]
    pub connection_backoff: i64,

    /// Tables to copy: their bare names, or with schema or database, quoted or not, exactly as the database writes them. When
    /// nothing selects tables, all of them are copied.
    #[config(default = "", group = "Database", order = 7, long, display = "Table Whitelist")]
    pub table_whitelist: Vec<String>,

    /// Tables not to copy, in the same spellings. Without effect beside `table.whitelist`.
    #[config(default = "", group = "Database", order = 8, long, display = "Table Blacklist")]
    pub table_blacklist: Vec<String>,

    /// Regular expressions of tables to copy. One must match the whole name with its schema or database, unquoted.
    #[config(default = "", check = check::expressions(), group = "Database", order = 9, long, display = "Table Include List")]
    pub table_include_list: Vec<String>,

    /// Regular expressions of tables not to copy although `table.include.list` selects them.
    #[config(default = "", check = check::expressions(), group = "Database", order = 10, long, display = "Table Exclude List")]
    pub table_exclude_list: Vec<String>,

    /// Database whose tables are listed, for MySQL and MariaDB. When it is not set, those of all databases are.
    #[config(group = "Database", order = 11, short, display = "Schema pattern")]
    pub catalog_pattern: Option<String>,

    /// Pattern of the schemas whose tables are listed, in the manner of SQL's LIKE. When it is not set, all schemas are.
    #[config(high, group = "Database", order = 12, short, display = "Schema pattern")]
    pub schema_pattern: Option<String>,

    /// Older form of `numeric.mapping=precision_only`; that setting wins over this one.
    #[config(
        low,
        default = false,
        group = "Database",
        order = 13,
        short,
        display = "Map Numeric Values By Precision (deprecated)"
    )]
    pub numeric_precision_mapping: bool,

    /// What a NUMERIC becomes: `none` a Decimal always; `precision_only` an integer when it has no fraction and at most 18
    /// digits; `best_fit` an integer or a double when it has at most 18 digits; `best_fit_eager_double` a double also when it
    /// has more digits and a fraction. DECIMAL, which is all that MySQL reports, is a Decimal always.
    #[config(low, check = check::numeric_mapping(), group = "Database", order = 14, short, display = "Map Numeric Values, Integral or Decimal, By Precision and Scale")]
    pub numeric_mapping: Option<String>,

    /// Name of the dialect, when it shall not be that of the URL. It must be one that speaks the database's SQL.
    #[config(low, default = "", check = check::dialect_name(), group = "Database", order = 15, long, display = "Database Dialect")]
    pub dialect_name: String,

    /// What dates before 15 October 1582 are: `LEGACY` reads them as the Julian calendar's, as Java's older classes do,
    /// `PROLEPTIC_GREGORIAN` as the Gregorian calendar's, as databases do.
    #[config(low, default = "LEGACY", check = check::calendar(), name = "date.calendar.system", group = "Database", order = 16, short, display = "Date Calendar System")]
    pub date_calendar_system: String,

    /// How new rows are found: `bulk` copies whole tables each time; `incrementing` reads rows whose number is greater than the
    /// last one's; `timestamp` reads rows whose time is later; `timestamp+incrementing` uses both, so that changed rows
    /// are read again and rows of equal times are told apart.
    #[config(high, default = "", check = check::mode(), group = "Mode", order = 1, mid, display = "Table Loading Mode")]
    pub mode: String,

    /// Column whose number only grows. When it is empty, a column that the database fills by itself is looked for.
    #[config(default = "", group = "Mode", order = 2, mid, display = "Incrementing Column Name")]
    pub incrementing_column_name: String,

    /// Columns of times; of several, the first that is not null counts.
    #[config(default = "", group = "Mode", order = 3, mid, display = "Timestamp Column Name")]
    pub timestamp_column_name: Vec<String>,

    /// Columns of times by table, each entry in the form `regex:[column|column]`; the expression matches the whole name of a table.
    #[config(default = "", check = check::timestamp_mapping(), group = "Mode", order = 4, mid, display = "Timestamp Columns Mapping")]
    pub timestamp_columns_mapping: Vec<String>,

    /// Incrementing column by table, each entry in the form `regex:column`.
    #[config(default = "", check = check::incrementing_mapping(), group = "Mode", order = 5, mid, display = "Incrementing Column Mapping")]
    pub incrementing_column_mapping: Vec<String>,

    /// Milliseconds since the epoch from which rows are read when nothing is stored yet; -1 for the time at which the task
    /// starts.
    #[config(low, group = "Mode", order = 6, mid, display = "Unix time value of initial timestamp")]
    pub timestamp_initial: Option<i64>,

    /// Whether a column that may be null is refused as the one that tells what is new: rows with a null there are never read.
    #[config(low, default = true, group = "Mode", order = 7, short, display = "Validate Non Null")]
    pub validate_non_null: bool,

    /// SELECT to run in place of reading tables. In modes other than `bulk`, a WHERE is put behind it, so one of its own
    /// has to stand in a subquery.
    #[config(default = "", group = "Mode", order = 8, short, display = "Query")]
    pub query: String,

    /// The same as `query`, never shown.
    #[config(
        default = "",
        name = "query.masked",
        password,
        group = "Mode",
        order = 9,
        short,
        display = "Query"
    )]
    pub query_masked: String,

    /// Whether names are quoted in SQL: `always` or `never`.
    #[config(default = "ALWAYS", group = "Mode", order = 10, mid, display = "Quote Identifiers")]
    pub quote_sql_identifiers: String,

    /// Text behind every statement that is made, such as `LIMIT 1000`.
    #[config(low, default = "", group = "Mode", order = 11, mid, display = "Query suffix")]
    pub query_suffix: String,

    /// Isolation of the transactions that rows are read in; `DEFAULT` leaves it to the database.
    #[config(
        low,
        default = "DEFAULT",
        group = "Mode",
        order = 12,
        mid,
        display = "Transaction Isolation Mode"
    )]
    pub transaction_isolation_mode: String,

    /// How many failures of a table's statement, one after the other, fail the task; 0 or less tries for ever.
    #[config(low, default = -1, group = "Mode", order = 13, short, display = "Query Retry Attempts")]
    pub query_retry_attempts: i32,

    /// Types of tables to copy, such as `TABLE`, `VIEW`, `PARTITIONED TABLE` or `MATERIALIZED VIEW`, in any case.
    #[config(low, default = "TABLE", group = "Connector", order = 1, mid, display = "Table Types")]
    pub table_types: Vec<String>,

    /// Milliseconds between the end of reading a table and the next time it is read.
    #[config(
        high,
        default = 5000,
        name = "poll.interval.ms",
        group = "Connector",
        order = 2,
        short,
        display = "Poll Interval (ms)"
    )]
    pub poll_interval: i32,

    /// The most records that one poll returns; also how many rows are fetched at a time.
    #[config(low, default = 1000, check = at_least(1), group = "Connector", order = 3, short, display = "Max Rows Per Batch")]
    pub batch_max_rows: i32,

    /// Accepted for files written for the Java connector, and without effect: no more than one batch is held.
    #[config(low, default = 0, group = "Connector", order = 4, short, display = "Max Buffer Size")]
    pub max_buffer_size: i32,

    /// Milliseconds that a poll waits for a first record.
    #[config(
        low,
        default = 5000,
        name = "poll.linger.ms",
        group = "Connector",
        order = 5,
        short,
        display = "Poll Linger Milliseconds"
    )]
    pub poll_linger: i64,

    /// Milliseconds after which the database is asked again which tables there are.
    #[config(
        low,
        default = 60_000,
        name = "table.poll.interval.ms",
        group = "Connector",
        order = 6,
        short,
        display = "Metadata Change Monitoring Interval (ms)"
    )]
    pub table_poll_interval: i64,

    /// What topics are called: this, followed by the table's bare name; with `query`, this alone.
    #[config(high, default = "", check = check::topic_prefix(), group = "Connector", order = 7, mid, display = "Topic Prefix")]
    pub topic_prefix: String,

    /// Milliseconds for which rows with a new timestamp are left alone, so that transactions that began earlier may end.
    #[config(
        high,
        default = 0,
        name = "timestamp.delay.interval.ms",
        group = "Connector",
        order = 8,
        mid,
        display = "Delay Interval (ms)"
    )]
    pub timestamp_delay: i64,

    /// Zone of the clock by which times without one were written: an id such as `Europe/Berlin`, or an offset such as `+02:00`.
    #[config(default = "UTC", check = crate::zone::check(), group = "Connector", order = 9, mid, display = "DB time zone")]
    pub db_timezone: String,

    /// What times become: `connect_logical` for the logical type of milliseconds, else integers (`micros_long`, `nanos_long`),
    /// the same as text (`micros_string`, `nanos_string`), or ISO texts in `db.timezone` (`micros_iso_datetime_string`,
    /// `nanos_iso_datetime_string`).
    #[config(low, default = "connect_logical", check = check::granularity(), group = "Connector", order = 10, mid, display = "Timestamp granularity for timestamp columns")]
    pub timestamp_granularity: String,
}
