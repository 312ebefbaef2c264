//! PostgreSQL's driver.

mod bind;
mod catalog;
mod columns;
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
use bind::Parameter;
use columns::ColumnParameter;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use std::{collections::HashMap, error, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, NoTls, Row, Statement,
    config::SslMode,
    types::{FromSql, Kind, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use types::{Decode, Made};

/// How many statements of a batch are under way at a time: enough to hide the way to the server.
const PIPELINE_MAX: usize = 256;

/// How many prepared statements are kept: those of a sink's tables and their variants.
const STATEMENTS_MAX: usize = 64;

/// How long the server may take to say goodbye.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// The name of the one cursor of a connection.
const CURSOR: &str = "millrace_cursor";

/// SQLSTATE classes after which the connection is gone: connection errors, and a server that shuts down or starts up.
const LOST: [&str; 2] = ["08", "57P"];

/// A connection to PostgreSQL.
pub(crate) struct PostgreSql {
    pub(crate) client: Client,
    driver: Driver,
    target: String,
    zone: TimeZone,
    statements: HashMap<String, Statement>,
    cursor: Option<Cursor>,
}

struct Cursor {
    fetch: Statement,
    decode: Arc<[Decode]>,
}

/// The task that moves bytes between the socket and the client; it ends with its connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PostgreSql {
    pub(crate) async fn connect(settings: &ConnectionSettings) -> Result<Self, JdbcError> {
        let target = settings.url.target();
        let parameters = parameters::read(settings)?;
        let failed = |source: tokio_postgres::Error| JdbcError::Connect {
            target: settings.url.target(),
            // A server that answers with an error means it, unless it is starting, stopping or full.
            transient: source.code().is_none_or(|code| matches!(&code.code()[..2], "57" | "53" | "08")),
            source: explained(source),
        };
        let config = &parameters.config;
        let (client, driver) = if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        } else {
            let tls = MakeRustlsConnect::new(parameters.tls);
            let (client, connection) = config.connect(tls).await.map_err(failed)?;
            (client, tokio::spawn(async move { drop(connection.await) }))
        };
        let (driver, zone) = (Driver(driver), settings.zone.clone());
        let connection = Self { client, driver, target, zone, statements: HashMap::new(), cursor: None };
        for sql in parameters.first {
            connection.run(&sql).await?;
        }
        Ok(connection)
    }

    /// Runs statements without parameters or results.
    async fn run(&self, sql: &str) -> Result<(), JdbcError> {
        self.client.batch_execute(sql).await.map_err(|error| self.error(error))
    }

    /// Returns the prepared form of a statement.
    async fn prepared(&mut self, sql: &str) -> Result<Statement, JdbcError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await.map_err(|error| self.error(error))?;
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        self.statements.insert(sql.to_string(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement and forgets its prepared form when it fails: the tables may have changed under it.
    async fn rows(
        &mut self,
        sql: &str,
        statement: &Statement,
        cells: &[Cell<'_>],
    ) -> Result<Vec<Row>, JdbcError> {
        let stream = self.client.query_raw(statement, self.bind(cells)).await;
        let rows = match stream {
            Ok(stream) => stream.try_collect().await,
            Err(error) => Err(error),
        };
        rows.map_err(|error| {
            self.statements.remove(sql);
            self.error(error)
        })
    }

    fn bind<'a>(&'a self, cells: &'a [Cell<'a>]) -> impl ExactSizeIterator<Item = Parameter<'a>> {
        cells.iter().map(|cell| Parameter { cell, zone: &self.zone })
    }

    fn error(&self, error: tokio_postgres::Error) -> JdbcError {
        let target = || self.target.clone();
        match error.as_db_error() {
            Some(server) if !LOST.iter().any(|class| server.code().code().starts_with(class)) => {
                let detail = server.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
                JdbcError::Sql {
                    product: Product::PostgreSql,
                    state: Some(server.code().code().to_string()),
                    code: 0,
                    message: format!("{}: {}{detail}", server.severity(), server.message()),
                }
            }
            Some(_) => JdbcError::Lost { target: target(), source: explained(error) },
            None if error.is_closed() || self.client.is_closed() || is_io(&error) => {
                JdbcError::Lost { target: target(), source: explained(error) }
            }
            None => JdbcError::Data { what: format!("{}", FullText(&error)) },
        }
    }

    async fn result(&mut self, statement: &Statement, rows: Vec<Row>) -> Result<ResultSet, JdbcError> {
        let (columns, decode) = self.describe(statement).await?;
        let rows = PostgreSqlRows { rows, decode, columns: columns.clone() };
        Ok(ResultSet { columns, rows: Box::new(rows) })
    }

    /// Describes the columns of a result: their types, and what the catalogue knows of those that are a table's.
    async fn describe(&self, statement: &Statement) -> Result<(Arc<[Column]>, Arc<[Decode]>), JdbcError> {
        let known = catalog::attributes(&self.client, statement).await.map_err(|error| self.error(error))?;
        let mut columns = Vec::new();
        let mut decode = Vec::new();
        for column in statement.columns() {
            let made = made(column.type_());
            let described = types::describe(column.type_().oid(), made, column.type_modifier());
            let place = column.table_oid().zip(column.column_id());
            let attribute = place.and_then(|place| known.get(&place));
            columns.push(Column {
                label: column.name().to_string(),
                jdbc_type: described.jdbc_type,
                type_name: column.type_().name().to_string(),
                precision: described.precision,
                scale: described.scale,
                nullable: attribute.is_none_or(|attribute| !attribute.not_null),
                signed: true,
                auto_increment: attribute.is_some_and(|attribute| attribute.auto_increment),
            });
            decode.push(described.decode);
        }
        Ok((columns.into(), decode.into()))
    }
}

#[async_trait]
impl Connection for PostgreSql {
    fn dialect(&self) -> &'static dyn Dialect {
        dialect::of(Product::PostgreSql)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<u64, JdbcError> {
        if parameters.is_empty() {
            // Statements that change tables cannot all be prepared, and a plan would be stale at once.
            let touched = self.client.execute(sql, &[]).await;
            return touched.map_err(|error| self.error(error));
        }
        let statement = self.prepared(sql).await?;
        let touched = self.client.execute_raw(&statement, self.bind(parameters)).await;
        touched.map_err(|error| {
            self.statements.remove(sql);
            self.error(error)
        })
    }

    async fn execute_batch(&mut self, sql: &str, rows: &[Vec<Cell<'_>>]) -> Result<Vec<u64>, JdbcError> {
        let statement = self.prepared(sql).await?;
        let mut running = Vec::with_capacity(rows.len());
        for row in rows {
            running.push(self.client.execute_raw(&statement, self.bind(row)));
        }
        // Futures that wait side by side are sent one behind the other without waiting for answers.
        let touched = stream::iter(running).buffered(PIPELINE_MAX).try_collect().await;
        touched.map_err(|error| {
            self.statements.remove(sql);
            self.error(error)
        })
    }

    async fn execute_columns(&mut self, sql: &str, rows: &[&[Cell<'_>]]) -> Result<u64, JdbcError> {
        let statement = self.prepared(sql).await?;
        let columns = 0..statement.params().len();
        let parameters = columns.map(|index| ColumnParameter { rows, index, zone: &self.zone });
        let touched = self.client.execute_raw(&statement, parameters).await;
        touched.map_err(|error| {
            self.statements.remove(sql);
            self.error(error)
        })
    }

    async fn query(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<ResultSet, JdbcError> {
        let statement = self.prepared(sql).await?;
        let rows = self.rows(sql, &statement, parameters).await?;
        self.result(&statement, rows).await
    }

    async fn begin(&mut self) -> Result<(), JdbcError> {
        self.run("BEGIN").await
    }

    async fn commit(&mut self) -> Result<(), JdbcError> {
        self.run("COMMIT").await
    }

    async fn rollback(&mut self) -> Result<(), JdbcError> {
        self.run("ROLLBACK").await
    }

    async fn open_cursor(
        &mut self,
        sql: &str,
        parameters: &[Cell<'_>],
        fetch_size: usize,
    ) -> Result<Arc<[Column]>, JdbcError> {
        self.run("BEGIN").await?;
        let declare = format!("DECLARE {CURSOR} NO SCROLL CURSOR FOR {sql}");
        let declare = self.client.prepare(&declare).await.map_err(|error| self.error(error))?;
        let declared = self.client.execute_raw(&declare, self.bind(parameters)).await;
        declared.map_err(|error| self.error(error))?;
        let fetch = format!("FETCH FORWARD {fetch_size} FROM {CURSOR}");
        let fetch = self.client.prepare(&fetch).await.map_err(|error| self.error(error))?;
        // FETCH does not tell which table a column is of; the query itself does.
        let query = self.client.prepare(sql).await.map_err(|error| self.error(error))?;
        let (columns, decode) = self.describe(&query).await?;
        self.cursor = Some(Cursor { fetch, decode });
        Ok(columns)
    }

    async fn fetch(&mut self) -> Result<Box<dyn Rows>, JdbcError> {
        let Some(cursor) = &self.cursor else {
            return Err(JdbcError::Data { what: "no cursor is open".to_string() });
        };
        let (fetch, decode) = (cursor.fetch.clone(), cursor.decode.clone());
        let rows = self.rows("", &fetch, &[]).await?;
        let columns = Arc::from([]);
        Ok(Box::new(PostgreSqlRows { rows, decode, columns }))
    }

    async fn close_cursor(&mut self) -> Result<(), JdbcError> {
        self.cursor = None;
        self.run("COMMIT").await
    }

    async fn tables(&mut self, filter: &TableFilter) -> Result<Vec<TableId>, JdbcError> {
        catalog::tables(&self.client, filter).await.map_err(|error| self.error(error))
    }

    async fn columns(&mut self, table: &TableId) -> Result<Vec<TableColumn>, JdbcError> {
        catalog::columns(&self.client, table).await.map_err(|error| self.error(error))
    }

    async fn is_alive(&mut self) -> bool {
        !self.client.is_closed()
            && timeout(ALIVE_WAIT, self.client.check_connection()).await.is_ok_and(|found| found.is_ok())
    }

    async fn close(self: Box<Self>) {
        let Self { client, mut driver, .. } = *self;
        drop(client);
        let _ = timeout(CLOSE_WAIT, &mut driver.0).await;
    }
}

struct PostgreSqlRows {
    rows: Vec<Row>,
    decode: Arc<[Decode]>,
    columns: Arc<[Column]>,
}

impl Rows for PostgreSqlRows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Result<Cell<'_>, JdbcError> {
        let name =
            || self.columns.get(column).map_or_else(|| column.to_string(), |column| column.label.clone());
        let raw: Option<Raw<'_>> =
            self.rows[row].try_get(column).map_err(|error| JdbcError::value(name(), error.to_string()))?;
        match raw {
            None => Ok(Cell::Null),
            Some(Raw(bytes)) => {
                types::decode(self.decode[column], bytes).map_err(|reason| JdbcError::value(name(), reason))
            }
        }
    }
}

/// The bytes of a value as they came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn made(ty: &Type) -> Made {
    if matches!(ty.kind(), Kind::Enum(_)) { Made::Enum } else { Made::Otherwise }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>())
}

/// The server's own words, where there are any: the library's own message only says that there was an error.
fn explained(error: tokio_postgres::Error) -> Box<dyn error::Error + Send + Sync> {
    match error.as_db_error() {
        Some(server) => format!("{}: {}", server.severity(), server.message()).into(),
        None => error.into(),
    }
}

/// An error with its causes in one line.
struct FullText<'a>(&'a dyn error::Error);

impl std::fmt::Display for FullText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
