//! The driver of MySQL and MariaDB.

mod catalog;
mod parameters;
mod types;

use crate::{
    cell::Cell,
    connection::{
        ALIVE_WAIT, Column, Connection, ConnectionSettings, ResultSet, Rows, TableColumn, TableFilter,
    },
    dialect::{self, Dialect},
    error::JdbcError,
    identifier::TableId,
    url::Product,
};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use mysql_async::{
    BinaryProtocol, Conn, DriverError, Error, OptsBuilder, Params, QueryResult, Row, ServerError, prelude::*,
};
use parameters::Preference;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use types::{Reading, Rules};

/// How long the server may take to say goodbye.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Numbers of server errors after which the connection is gone: shutdown, killed, network.
const LOST: [u16; 8] = [1053, 1077, 1152, 1158, 1159, 1160, 1161, 1927];

/// A connection to MySQL or MariaDB.
pub(crate) struct MySql {
    pub(crate) conn: Conn,
    product: Product,
    target: String,
    zone: TimeZone,
    rules: Rules,
    cursor: Cursor,
}

/// The result that is being read, if any. Its unread rows wait in the server and on the way.
enum Cursor {
    None,
    Open {
        columns: Arc<[Column]>,
        readings: Arc<[Reading]>,
        fetch_size: usize,
    },
    AtEnd,
    /// A connection with unread rows can only be thrown away: reading them may take for ever.
    Abandoned,
}

impl MySql {
    pub(crate) async fn connect(settings: &ConnectionSettings) -> Result<Self, JdbcError> {
        crate::tls::install_provider();
        let parameters = parameters::read(settings)?;
        let mut failure = None;
        for (host, port) in &settings.url.hosts {
            let options = parameters.options.clone().ip_or_hostname(host.clone()).tcp_port(*port);
            match open(options, &parameters).await {
                Ok(conn) => {
                    return Ok(Self {
                        conn,
                        product: settings.url.product,
                        target: settings.url.target(),
                        zone: settings.zone.clone(),
                        rules: parameters.rules,
                        cursor: Cursor::None,
                    });
                }
                Err(error) => failure = Some(error),
            }
        }
        let source = failure.unwrap_or(Error::Driver(DriverError::ConnectionClosed));
        let transient = match &source {
            Error::Server(server) => server.state.starts_with("08") || LOST.contains(&server.code),
            _ => true,
        };
        Err(JdbcError::Connect { target: settings.url.target(), transient, source: source.into() })
    }

    fn error(&self, error: Error) -> JdbcError {
        let lost = |source: Error| JdbcError::Lost { target: self.target.clone(), source: source.into() };
        match error {
            Error::Server(server) if !LOST.contains(&server.code) && !server.state.starts_with("08") => {
                let ServerError { code, message, state } = server;
                JdbcError::Sql { product: self.product, state: Some(state), code: code.into(), message }
            }
            Error::Server(_) | Error::Io(_) | Error::Driver(DriverError::ConnectionClosed) => lost(error),
            Error::Driver(_) | Error::Other(_) | Error::Url(_) => JdbcError::Data { what: error.to_string() },
        }
    }

    fn bind(&self, cells: &[Cell<'_>]) -> Params {
        if cells.is_empty() {
            return Params::Empty;
        }
        Params::Positional(cells.iter().map(|cell| types::bind(cell, &self.zone)).collect())
    }

    /// Runs a prepared statement, leaving its rows unread; returns the description of their columns.
    async fn start(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<Described, JdbcError> {
        let parameters = self.bind(parameters);
        let started = match self.conn.prep(sql).await {
            Ok(statement) => self.conn.exec_iter(statement, parameters).await.map(|result| result.columns()),
            Err(error) => Err(error),
        };
        let columns = started.map_err(|error| self.error(error))?.unwrap_or_else(|| Arc::from([]));
        let described = columns.iter().map(|column| types::describe(column, self.product, self.rules));
        let (columns, readings): (Vec<_>, Vec<_>) = described.unzip();
        Ok((columns.into(), readings.into()))
    }

    /// Reads at most `count` of the rows that are left of the result.
    async fn read(&mut self, count: usize) -> Result<Vec<Row>, JdbcError> {
        let mut rows = Vec::new();
        while rows.len() < count {
            let next = QueryResult::<'_, '_, BinaryProtocol>::new(&mut self.conn).next().await;
            match next.map_err(|error| self.error(error))? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }
}

type Described = (Arc<[Column]>, Arc<[Reading]>);

/// Connects, without TLS when it is only preferred and the server has none.
async fn open(options: OptsBuilder, parameters: &parameters::Parameters) -> Result<Conn, Error> {
    let secured = options.clone().ssl_opts(parameters.tls.clone());
    let connecting = async {
        match Conn::new(secured).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer))
                if parameters.preference == Preference::Prefer =>
            {
                Conn::new(options).await
            }
            found => found,
        }
    };
    timeout(parameters.connect_wait, connecting)
        .await
        .unwrap_or_else(|_| Err(Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut).into())))
}

#[async_trait]
impl Connection for MySql {
    fn dialect(&self) -> &'static dyn Dialect {
        dialect::of(self.product)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<u64, JdbcError> {
        let ran = if parameters.is_empty() {
            self.conn.query_drop(sql).await
        } else {
            let parameters = self.bind(parameters);
            self.conn.exec_drop(sql, parameters).await
        };
        ran.map_err(|error| self.error(error))?;
        Ok(self.conn.affected_rows())
    }

    async fn execute_batch(&mut self, sql: &str, rows: &[Vec<Cell<'_>>]) -> Result<Vec<u64>, JdbcError> {
        let mut touched = Vec::with_capacity(rows.len());
        for row in rows {
            touched.push(self.execute(sql, row).await?);
        }
        Ok(touched)
    }

    async fn query(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<ResultSet, JdbcError> {
        let (columns, readings) = self.start(sql, parameters).await?;
        let rows = self.read(usize::MAX).await?;
        Ok(ResultSet { columns: columns.clone(), rows: Box::new(MySqlRows { rows, columns, readings }) })
    }

    async fn begin(&mut self) -> Result<(), JdbcError> {
        self.execute("START TRANSACTION", &[]).await.map(drop)
    }

    async fn commit(&mut self) -> Result<(), JdbcError> {
        self.execute("COMMIT", &[]).await.map(drop)
    }

    async fn rollback(&mut self) -> Result<(), JdbcError> {
        self.execute("ROLLBACK", &[]).await.map(drop)
    }

    async fn open_cursor(
        &mut self,
        sql: &str,
        parameters: &[Cell<'_>],
        fetch_size: usize,
    ) -> Result<Arc<[Column]>, JdbcError> {
        let (columns, readings) = self.start(sql, parameters).await?;
        self.cursor = Cursor::Open { columns: columns.clone(), readings, fetch_size };
        Ok(columns)
    }

    async fn fetch(&mut self) -> Result<Box<dyn Rows>, JdbcError> {
        let (columns, readings, fetch_size) = match &self.cursor {
            Cursor::Open { columns, readings, fetch_size } => {
                (columns.clone(), readings.clone(), *fetch_size)
            }
            Cursor::None | Cursor::AtEnd | Cursor::Abandoned => {
                return Ok(Box::new(MySqlRows { rows: Vec::new(), columns: [].into(), readings: [].into() }));
            }
        };
        let rows = self.read(fetch_size).await?;
        if rows.len() < fetch_size {
            self.cursor = Cursor::AtEnd;
        }
        Ok(Box::new(MySqlRows { rows, columns, readings }))
    }

    async fn close_cursor(&mut self) -> Result<(), JdbcError> {
        let abandoned = matches!(self.cursor, Cursor::Open { .. } | Cursor::Abandoned);
        self.cursor = if abandoned { Cursor::Abandoned } else { Cursor::None };
        Ok(())
    }

    async fn tables(&mut self, filter: &TableFilter) -> Result<Vec<TableId>, JdbcError> {
        let database = match (&filter.catalog, self.rules.null_catalog_is_current) {
            (Some(catalog), _) => Cell::from(catalog.as_str()),
            (None, true) => Cell::from(self.conn.opts().db_name().unwrap_or_default().to_string()),
            (None, false) => Cell::Null,
        };
        let found = self.query(catalog::TABLES, &[database.clone(), database]).await?;
        catalog::tables(&found, filter)
    }

    async fn columns(&mut self, table: &TableId) -> Result<Vec<TableColumn>, JdbcError> {
        let database = table.catalog.as_deref().map_or(Cell::Null, Cell::from);
        let found = self.query(catalog::COLUMNS, &[database, Cell::from(table.name.as_str())]).await?;
        catalog::columns(&found, self.product, self.rules)
    }

    async fn is_alive(&mut self) -> bool {
        if matches!(self.cursor, Cursor::Abandoned | Cursor::Open { .. }) || self.conn.is_disconnected() {
            return false;
        }
        timeout(ALIVE_WAIT, self.conn.ping()).await.is_ok_and(|answer| answer.is_ok())
    }

    async fn close(self: Box<Self>) {
        if matches!(self.cursor, Cursor::None | Cursor::AtEnd) {
            let _ = timeout(CLOSE_WAIT, self.conn.disconnect()).await;
        }
    }
}

struct MySqlRows {
    rows: Vec<Row>,
    columns: Arc<[Column]>,
    readings: Arc<[Reading]>,
}

impl Rows for MySqlRows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Result<Cell<'_>, JdbcError> {
        let Some(value) = self.rows[row].as_ref(column) else { return Ok(Cell::Null) };
        types::read(self.readings[column], value)
            .map_err(|reason| JdbcError::value(self.columns[column].label.clone(), reason))
    }
}
