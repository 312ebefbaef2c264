//! What both connectors ask of a database, whichever it is.

use crate::{
    cell::Cell,
    dialect::{self, Dialect},
    error::JdbcError,
    identifier::TableId,
    mysql::MySql,
    postgresql::PostgreSql,
    sqlite::Sqlite,
    url::{JdbcUrl, Product},
};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use millrace_api::{Properties, Secret};
use std::{sync::Arc, time::Duration};
use tracing::warn;

/// How long a connection may take to answer that it is alive.
pub(crate) const ALIVE_WAIT: Duration = Duration::from_secs(5);

/// Where the database is and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    pub(crate) url: JdbcUrl,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// How often a connection is tried, each time one is needed.
    pub(crate) attempts: u32,
    /// The wait between two tries.
    pub(crate) backoff: Duration,
    /// What follows `connection.` in names that are no setting of the connector: parameters of the driver.
    pub(crate) driver: Properties,
    /// The zone of the clock that times without one were written by.
    pub(crate) zone: TimeZone,
}

/// A connection of one owner. After an error that [`JdbcError::is_transient`], it may be dead: ask `is_alive`.
#[allow(dead_code, reason = "transactions are for who writes")]
#[async_trait]
pub(crate) trait Connection: Send {
    fn dialect(&self) -> &'static dyn Dialect;

    /// Runs a statement and returns how many rows it touched.
    async fn execute(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<u64, JdbcError>;

    /// Runs one statement for each row of parameters, in order; stops at the first that fails.
    async fn execute_batch(&mut self, sql: &str, rows: &[Vec<Cell<'_>>]) -> Result<Vec<u64>, JdbcError>;

    /// Runs one statement for many rows at once, in which parameter n is an array of the n-th cells of all rows. Only
    /// PostgreSQL has arrays.
    async fn execute_columns(&mut self, _sql: &str, _rows: &[&[Cell<'_>]]) -> Result<u64, JdbcError> {
        Err(JdbcError::Data { what: "the database has no arrays".to_string() })
    }

    /// Runs a query whose result is small, and returns all of it.
    async fn query(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<ResultSet, JdbcError>;

    async fn begin(&mut self) -> Result<(), JdbcError>;
    async fn commit(&mut self) -> Result<(), JdbcError>;
    async fn rollback(&mut self) -> Result<(), JdbcError>;

    /// Opens a result of any size, of which the driver never holds more than some `fetch_size` rows. Nothing else may be asked
    /// of the connection until `close_cursor`.
    async fn open_cursor(
        &mut self,
        sql: &str,
        parameters: &[Cell<'_>],
        fetch_size: usize,
    ) -> Result<Arc<[Column]>, JdbcError>;

    /// Returns the next rows, at most `fetch_size`; none at the end.
    async fn fetch(&mut self) -> Result<Box<dyn Rows>, JdbcError>;

    /// Ends the result, read to its end or not.
    async fn close_cursor(&mut self) -> Result<(), JdbcError>;

    /// Returns the tables that pass, in the order of the database's Java driver.
    async fn tables(&mut self, filter: &TableFilter) -> Result<Vec<TableId>, JdbcError>;

    /// Returns the columns of a table in their order; none when there is no such table.
    async fn columns(&mut self, table: &TableId) -> Result<Vec<TableColumn>, JdbcError>;

    /// Tells whether the server still answers.
    async fn is_alive(&mut self) -> bool;

    /// Ends the connection in order.
    async fn close(self: Box<Self>);
}

/// Rows that were read, one after the other.
pub(crate) trait Rows: Send {
    fn len(&self) -> usize;
    fn cell(&self, row: usize, column: usize) -> Result<Cell<'_>, JdbcError>;
}

/// A result that was read whole.
pub(crate) struct ResultSet {
    #[allow(dead_code, reason = "only who reads into tables asks for the types of a small result")]
    pub(crate) columns: Arc<[Column]>,
    pub(crate) rows: Box<dyn Rows>,
}

/// A column of a result, as the database's Java driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its alias, or its name.
    pub(crate) label: String,
    pub(crate) jdbc_type: JdbcType,
    /// What the database calls the type.
    pub(crate) type_name: String,
    pub(crate) precision: i32,
    pub(crate) scale: i32,
    /// Whether it may be null; so may what nobody knows about.
    pub(crate) nullable: bool,
    pub(crate) signed: bool,
    pub(crate) auto_increment: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub(crate) column: Column,
    /// Its place in the primary key, counted from 1.
    pub(crate) key_ordinal: Option<u16>,
    pub(crate) has_default: bool,
}

/// The types of `java.sql.Types`, those that are treated alike as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JdbcType {
    Boolean,
    Bit,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    Real,
    /// FLOAT and DOUBLE.
    Double,
    Decimal,
    Numeric,
    /// Everything of characters.
    Text,
    /// Everything of bytes.
    Binary,
    Date,
    Time,
    Timestamp,
    /// Arrays, intervals, addresses, geometry: what has no place in a record.
    Other,
}

/// Which tables to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableFilter {
    /// The database in MySQL; others have none.
    pub(crate) catalog: Option<String>,
    /// A pattern of SQL's LIKE.
    pub(crate) schema: Option<String>,
    /// In upper case.
    pub(crate) types: Vec<String>,
}

/// Connects, trying as often as the settings say while the server may yet come up.
pub(crate) async fn connect(settings: &ConnectionSettings) -> Result<Box<dyn Connection>, JdbcError> {
    let mut attempt = 1;
    loop {
        let error = match connect_once(settings).await {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if !error.is_transient() || attempt >= settings.attempts {
            return Err(error);
        }
        warn!(
            "attempt {attempt} of {} failed, next in {} ms: {}",
            settings.attempts,
            settings.backoff.as_millis(),
            error.full()
        );
        tokio::time::sleep(settings.backoff).await;
        attempt += 1;
    }
}

impl ConnectionSettings {
    /// Returns the dialect of the database.
    pub(crate) fn dialect(&self) -> &'static dyn Dialect {
        dialect::of(self.url.product)
    }

    /// Returns the driver's parameters: those of the URL, then those of settings that the URL does not name.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = self.url.parameters.clone();
        for (name, value) in self.driver.iter() {
            if !self.url.parameters.iter().any(|(known, _)| known == name) {
                parameters.push((name.to_string(), value.unwrap_or_default().to_string()));
            }
        }
        parameters
    }
}

async fn connect_once(settings: &ConnectionSettings) -> Result<Box<dyn Connection>, JdbcError> {
    Ok(match settings.url.product {
        Product::PostgreSql => Box::new(PostgreSql::connect(settings).await?),
        Product::MySql | Product::MariaDb => Box::new(MySql::connect(settings).await?),
        Product::Sqlite => Box::new(Sqlite::connect(settings).await?),
    })
}
