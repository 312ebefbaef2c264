//! SQLite's driver. The library blocks, so each connection has a thread of its own.

mod parameters;
mod types;

use crate::{
    cell::Cell,
    connection::{Column, Connection, ConnectionSettings, ResultSet, Rows, TableColumn, TableFilter},
    dialect::{self, Dialect},
    error::JdbcError,
    identifier::TableId,
    url::Product,
};
use async_trait::async_trait;
use rusqlite::{Error, InterruptHandle, OpenFlags, Statement, types::Value};
use std::{sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};
use types::{Bound, Reading};

/// Work for the thread. One is enough in the queue, because a connection does one thing at a time.
type Job = Box<dyn FnOnce(&mut rusqlite::Connection) + Send>;
const JOBS_MAX: usize = 1;

/// A connection to an SQLite file.
pub(crate) struct Sqlite {
    jobs: mpsc::Sender<Job>,
    interrupt: InterruptHandle,
    target: String,
    cursor: Option<mpsc::Sender<Fetch>>,
}

/// Where the next rows of the open cursor go.
type Fetch = oneshot::Sender<Result<SqliteRows, JdbcError>>;

impl Sqlite {
    pub(crate) async fn connect(settings: &ConnectionSettings) -> Result<Self, JdbcError> {
        let target = settings.url.target();
        let parameters = parameters::read(settings)?;
        let path = settings.url.database.clone().unwrap_or_default();
        let (jobs, mut queue) = mpsc::channel::<Job>(JOBS_MAX);
        let (opened, opening) = oneshot::channel();
        let work = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = rusqlite::Connection::open_with_flags(path, flags).and_then(|connection| {
                connection.busy_timeout(parameters.busy_wait)?;
                parameters.first.iter().try_for_each(|sql| connection.execute_batch(sql))?;
                Ok(connection)
            });
            let mut connection = match connection {
                Ok(connection) => connection,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(connection.get_interrupt_handle())).is_err() {
                return;
            }
            while let Some(job) = queue.blocking_recv() {
                job(&mut connection);
            }
        };
        // The thread ends when the sender of its jobs is dropped.
        let failed = |source: crate::error::Cause| JdbcError::Connect {
            target: settings.url.target(),
            transient: false,
            source,
        };
        thread::Builder::new()
            .name("sqlite".to_string())
            .spawn(work)
            .map_err(|error| failed(error.into()))?;
        match opening.await {
            Ok(Ok(interrupt)) => Ok(Self { jobs, interrupt, target, cursor: None }),
            Ok(Err(error)) => Err(failed(error.into())),
            Err(_) => Err(JdbcError::Panicked { target }),
        }
    }

    /// Runs work on the connection's thread.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> Result<T, JdbcError> + Send + 'static,
    ) -> Result<T, JdbcError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(answer.send(work(connection))));
        let ended = || JdbcError::Panicked { target: self.target.clone() };
        self.jobs.send(job).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    async fn run(&self, sql: &'static str) -> Result<(), JdbcError> {
        self.call(move |connection| connection.execute_batch(sql).map_err(sql_error)).await
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // A query that still runs would hold its thread, and its lock on the file.
        self.interrupt.interrupt();
    }
}

fn owned(cells: &[Cell<'_>]) -> Vec<Bound> {
    cells.iter().map(|cell| Bound(cell.clone().into_owned())).collect()
}

fn sql_error(error: Error) -> JdbcError {
    let code = match &error {
        Error::SqliteFailure(failure, _) => failure.extended_code,
        _ => 0,
    };
    JdbcError::Sql { product: Product::Sqlite, state: None, code, message: error.to_string() }
}

#[async_trait]
impl Connection for Sqlite {
    fn dialect(&self) -> &'static dyn Dialect {
        dialect::of(Product::Sqlite)
    }

    async fn execute(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<u64, JdbcError> {
        let touched = self.execute_batch(sql, &[parameters.to_vec()]).await?;
        Ok(touched.into_iter().sum())
    }

    async fn execute_batch(&mut self, sql: &str, rows: &[Vec<Cell<'_>>]) -> Result<Vec<u64>, JdbcError> {
        let sql = sql.to_string();
        let rows: Vec<_> = rows.iter().map(|row| owned(row)).collect();
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(&sql).map_err(sql_error)?;
            let mut touched = Vec::with_capacity(rows.len());
            for row in rows {
                let count = match statement.execute(rusqlite::params_from_iter(row)) {
                    Ok(count) => count,
                    // A PRAGMA answers with a row.
                    Err(Error::ExecuteReturnedResults) => 0,
                    Err(error) => return Err(sql_error(error)),
                };
                touched.push(count as u64);
            }
            Ok(touched)
        })
        .await
    }

    async fn query(&mut self, sql: &str, parameters: &[Cell<'_>]) -> Result<ResultSet, JdbcError> {
        let (sql, parameters) = (sql.to_string(), owned(parameters));
        let rows = self
            .call(move |connection| {
                let mut statement = connection.prepare(&sql).map_err(sql_error)?;
                bind(&mut statement, parameters)?;
                let mut reader = Reader::new(&mut statement)?;
                reader.read(usize::MAX)
            })
            .await?;
        Ok(ResultSet { columns: rows.columns.clone(), rows: Box::new(rows) })
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
        let (sql, parameters) = (sql.to_string(), owned(parameters));
        let (described, description) = oneshot::channel();
        let (fetches, mut requests) = mpsc::channel::<Fetch>(JOBS_MAX);
        let job: Job = Box::new(move |connection| {
            let opened = connection.prepare(&sql).map_err(sql_error).and_then(|mut statement| {
                bind(&mut statement, parameters)?;
                Ok(statement)
            });
            let mut statement = match opened {
                Ok(statement) => statement,
                Err(error) => return drop(described.send(Err(error))),
            };
            let mut reader = match Reader::new(&mut statement) {
                Ok(reader) => reader,
                Err(error) => return drop(described.send(Err(error))),
            };
            let _ = described.send(Ok(reader.columns.clone()));
            while let Some(answer) = requests.blocking_recv() {
                let _ = answer.send(reader.read(fetch_size));
            }
        });
        let ended = || JdbcError::Panicked { target: self.target.clone() };
        self.jobs.send(job).await.map_err(|_| ended())?;
        let columns = description.await.map_err(|_| ended())??;
        self.cursor = Some(fetches);
        Ok(columns)
    }

    async fn fetch(&mut self) -> Result<Box<dyn Rows>, JdbcError> {
        let ended = || JdbcError::Panicked { target: self.target.clone() };
        let Some(cursor) = &self.cursor else {
            return Err(JdbcError::Data { what: "no cursor is open".to_string() });
        };
        let (answer, answered) = oneshot::channel();
        cursor.send(answer).await.map_err(|_| ended())?;
        Ok(Box::new(answered.await.map_err(|_| ended())??))
    }

    async fn close_cursor(&mut self) -> Result<(), JdbcError> {
        self.cursor = None;
        Ok(())
    }

    async fn tables(&mut self, filter: &TableFilter) -> Result<Vec<TableId>, JdbcError> {
        let filter = filter.types.clone();
        self.call(move |connection| {
            let sql = "SELECT upper(type), name FROM sqlite_master WHERE type IN ('table', 'view')
                       AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name";
            let mut statement = connection.prepare(sql).map_err(sql_error)?;
            let found = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(sql_error)?;
            let passing = found.into_iter().filter(|(kind, _)| filter.contains(kind));
            Ok(passing.map(|(_, name)| TableId::bare(name)).collect())
        })
        .await
    }

    async fn columns(&mut self, table: &TableId) -> Result<Vec<TableColumn>, JdbcError> {
        let table = table.name.clone();
        self.call(move |connection| types::table_columns(connection, &table).map_err(sql_error)).await
    }

    async fn is_alive(&mut self) -> bool {
        self.run("SELECT 1").await.is_ok()
    }

    async fn close(self: Box<Self>) {
        // Nothing to say: the thread closes the file when its jobs end.
    }
}

fn bind(statement: &mut Statement<'_>, parameters: Vec<Bound>) -> Result<(), JdbcError> {
    for (index, parameter) in parameters.into_iter().enumerate() {
        statement.raw_bind_parameter(index + 1, parameter).map_err(sql_error)?;
    }
    Ok(())
}

/// Steps through a result. Its first row is read ahead, because what a column holds decides some types.
struct Reader<'a> {
    rows: rusqlite::Rows<'a>,
    ahead: Option<Vec<Value>>,
    columns: Arc<[Column]>,
    readings: Arc<[Reading]>,
}

impl<'a> Reader<'a> {
    fn new(statement: &'a mut Statement<'_>) -> Result<Self, JdbcError> {
        let before = types::declared(statement).map_err(sql_error)?;
        let mut rows = statement.raw_query();
        // The first step finds out when a table has other columns than when the statement was prepared.
        let (described, ahead) = match rows.next().map_err(sql_error)? {
            None => (before, None),
            Some(row) => {
                let described = types::declared(row.as_ref()).map_err(sql_error)?;
                let values = values(row, described.len())?;
                (described, Some(values))
            }
        };
        let described = described
            .into_iter()
            .enumerate()
            .map(|(index, declared)| types::describe(declared, ahead.as_ref().map(|row| &row[index])));
        let (columns, readings): (Vec<_>, Vec<_>) = described.unzip();
        Ok(Self { rows, ahead, columns: columns.into(), readings: readings.into() })
    }

    fn read(&mut self, count: usize) -> Result<SqliteRows, JdbcError> {
        let mut rows: Vec<_> = self.ahead.take().into_iter().collect();
        while rows.len() < count {
            match next(&mut self.rows, self.columns.len())? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(SqliteRows { rows, columns: self.columns.clone(), readings: self.readings.clone() })
    }
}

fn next(rows: &mut rusqlite::Rows<'_>, width: usize) -> Result<Option<Vec<Value>>, JdbcError> {
    match rows.next().map_err(sql_error)? {
        Some(row) => values(row, width).map(Some),
        None => Ok(None),
    }
}

fn values(row: &rusqlite::Row<'_>, width: usize) -> Result<Vec<Value>, JdbcError> {
    let values = (0..width).map(|index| row.get::<_, Value>(index)).collect::<Result<_, _>>();
    values.map_err(sql_error)
}

struct SqliteRows {
    rows: Vec<Vec<Value>>,
    columns: Arc<[Column]>,
    readings: Arc<[Reading]>,
}

impl Rows for SqliteRows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: usize) -> Result<Cell<'_>, JdbcError> {
        types::read(self.readings[column], &self.rows[row][column])
            .map_err(|reason| JdbcError::value(self.columns[column].label.clone(), reason))
    }
}
