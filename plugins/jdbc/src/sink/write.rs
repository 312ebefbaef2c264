//! Writes batches: one transaction each, fast when all is well, row by row around what is not.

use super::{
    bind::Binding,
    bisect::Bisection,
    config::{InsertMode, SinkSettings},
    error::RowError,
    last,
    layout::Column,
    plan::{Plan, Run, RunKind},
    sql::{self, SinkSql, Target},
    tables::{TableError, Tables},
    verdict::{self, Verdict},
};
use crate::{
    cell::Cell,
    connection::{self, Connection},
    error::JdbcError,
    url::Product,
};
use millrace_api::SinkRecord;
use std::{ops::Range, sync::Arc};

/// The most parameters of one statement: MySQL counts them in 16 bits.
const PARAMETERS_MAX: usize = 65_535;

/// The most rows of one statement of MySQL. The gain is used up by then, and the statement stays far below the least
/// `max_allowed_packet` that is still met.
const MYSQL_ROWS_MAX: usize = 1000;

/// Makes MySQL refuse what does not fit, whatever the server's own mode is.
const STRICT: &str = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_TRANS_TABLES')";

/// Writes to one database over one connection, which is opened when it is needed.
pub(crate) struct Writer {
    settings: Arc<SinkSettings>,
    words: Arc<dyn SinkSql>,
    binding: Binding,
    connection: Option<Box<dyn Connection>>,
    transaction: Transaction,
    tables: Tables,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
}

/// A row that cannot be written, by the place of its record in the batch.
#[derive(Debug)]
pub(crate) struct BadRow {
    pub index: usize,
    pub error: RowFault,
}

/// Why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowFault {
    #[error(transparent)]
    Record(#[from] RowError),
    #[error("{what}")]
    Ddl { what: String, cause: String },
    #[error("{message}")]
    Database {
        message: String,
        /// The same without values of the row.
        trimmed: String,
    },
}

impl RowFault {
    fn database(error: &JdbcError) -> Self {
        Self::Database { message: error.full(), trimmed: super::trimmed(error) }
    }

    /// Returns the text with its cause.
    pub fn text(&self) -> String {
        match self {
            Self::Ddl { what, cause } => format!("{what}: {cause}"),
            other => other.to_string(),
        }
    }

    /// Returns the text without values of the row.
    pub fn trimmed(&self) -> String {
        match self {
            Self::Database { trimmed, .. } => trimmed.clone(),
            other => other.text(),
        }
    }
}

/// How a run is written.
struct Statement {
    kind: RunKind,
    target: Target,
    width: usize,
    /// For one row.
    one: String,
    /// For whole columns at once, where the database can.
    columns: Option<String>,
}

/// The rows of a run, ready to be sent.
struct Rows<'a> {
    statement: Statement,
    cells: Vec<Vec<Cell<'a>>>,
    /// For each row the place of its record.
    indices: Vec<usize>,
}

impl Writer {
    pub fn new(settings: Arc<SinkSettings>) -> Self {
        let product = settings.connection.url.product;
        let words: Arc<dyn SinkSql> = match product {
            Product::PostgreSql => Arc::new(sql::PostgreSql),
            Product::MySql | Product::MariaDb => Arc::new(sql::MySql { text: settings.mysql_text }),
            Product::Sqlite => Arc::new(sql::Sqlite),
        };
        let binding = settings.binding();
        let tables = Tables::new(settings.clone(), words.clone());
        Self { settings, words, binding, connection: None, transaction: Transaction::None, tables }
    }

    /// Writes all rows that can be written and leaves the transaction open. Returns the others.
    pub async fn write(&mut self, plan: &Plan, records: &[&SinkRecord]) -> Result<Vec<BadRow>, JdbcError> {
        match self.write_fast(plan, records).await {
            Err(error) if verdict::of(&error) == Verdict::LookAgain => {
                // A table was dropped or altered under way: it is made ready anew, once.
                self.undo().await?;
                self.tables.forget();
            }
            Err(error) if verdict::of(&error) == Verdict::BadRow => self.undo().await?,
            other => return other,
        }
        self.write_carefully(plan, records).await
    }

    /// Makes what was written last.
    pub async fn commit(&mut self) -> Result<(), JdbcError> {
        let was_open = std::mem::replace(&mut self.transaction, Transaction::None) == Transaction::Open;
        match &mut self.connection {
            Some(connection) if was_open => connection.commit().await,
            _ => Ok(()),
        }
    }

    /// Takes back what was written and not committed.
    pub async fn undo(&mut self) -> Result<(), JdbcError> {
        let was_open = std::mem::replace(&mut self.transaction, Transaction::None) == Transaction::Open;
        match &mut self.connection {
            Some(connection) if was_open => connection.rollback().await,
            _ => Ok(()),
        }
    }

    /// Drops the connection: the next write opens another. What was not committed is gone with it.
    pub async fn disconnect(&mut self) {
        self.tables.forget();
        self.transaction = Transaction::None;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    async fn write_fast(&mut self, plan: &Plan, records: &[&SinkRecord]) -> Result<Vec<BadRow>, JdbcError> {
        let (runs, bad) = self.prepare(plan, records).await?;
        let connection = open(&mut self.connection, &self.settings).await?;
        connection.begin().await?;
        self.transaction = Transaction::Open;
        for rows in &runs {
            for piece in pieces(rows.cells.len(), self.settings.piece_max(rows)) {
                send(connection, self.words.as_ref(), &self.settings, rows, piece).await?;
            }
        }
        Ok(bad)
    }

    /// Writes pieces that either succeed or leave nothing behind, and finds the rows that fail.
    async fn write_carefully(
        &mut self,
        plan: &Plan,
        records: &[&SinkRecord],
    ) -> Result<Vec<BadRow>, JdbcError> {
        let (runs, mut bad) = self.prepare(plan, records).await?;
        let connection = open(&mut self.connection, &self.settings).await?;
        connection.begin().await?;
        self.transaction = Transaction::Open;
        for rows in &runs {
            for piece in pieces(rows.cells.len(), self.settings.whole_piece_max(rows)) {
                let mut search = Bisection::new(piece.len());
                while let Some(part) = search.next() {
                    let part = piece.start + part.start..piece.start + part.end;
                    match send_whole(connection, self.words.as_ref(), &self.settings, rows, part).await {
                        Ok(()) => search.succeeded(),
                        Err(error) if is_passing(&error) => return Err(error),
                        Err(error) => {
                            let found = search.failed().map(|row| rows.indices[piece.start + row]);
                            bad.extend(
                                found.map(|index| BadRow { index, error: RowFault::database(&error) }),
                            );
                        }
                    }
                }
            }
        }
        Ok(bad)
    }

    /// Makes the tables ready and the records rows. Records whose table cannot be made ready are bad rows.
    async fn prepare<'a>(
        &mut self,
        plan: &'a Plan,
        records: &[&'a SinkRecord],
    ) -> Result<(Vec<Rows<'a>>, Vec<BadRow>), JdbcError> {
        let mut bad: Vec<BadRow> = Vec::new();
        let mut runs = Vec::new();
        for run in &plan.runs {
            let rows = match self.statement(run).await {
                Ok(Some(statement)) => rows(&self.binding, statement, run, records, &mut bad),
                // Nothing can be deleted from a table that is not there.
                Ok(None) => continue,
                Err(TableError::Database(error)) => return Err(error),
                Err(error) => {
                    bad.extend(run.rows.iter().map(|index| BadRow { index: *index, error: fault(&error) }));
                    continue;
                }
            };
            runs.push(rows);
        }
        let of_records = plan.bad.iter();
        bad.extend(of_records.map(|(index, error)| BadRow { index: *index, error: error.clone().into() }));
        Ok((runs, bad))
    }

    async fn statement(&mut self, run: &Run) -> Result<Option<Statement>, TableError> {
        let connection = open(&mut self.connection, &self.settings).await?;
        match run.kind {
            RunKind::Write => self.tables.prepare(connection, &run.table, &run.layout).await?,
            RunKind::Delete => {
                self.tables.look_up(connection, &run.table).await?;
                if self.tables.table(&run.table).is_none() && self.settings.ddl.auto_create {
                    return Ok(None);
                }
                self.tables.prepare(connection, &run.table, &run.layout).await?;
            }
        }
        let target = self.tables.target(&run.table, &run.layout);
        let target = target.ok_or_else(|| RowError::TableMissing { table: run.table.to_string() })?;
        let mode = self.settings.insert_mode;
        let one = match (run.kind, mode) {
            (RunKind::Delete, _) if target.keys.is_empty() => return Err(RowError::DeleteWithoutKey.into()),
            (RunKind::Delete, _) => sql::delete(self.words.as_ref(), &target),
            (RunKind::Write, InsertMode::Insert) => self.words.insert(&target, 1),
            (RunKind::Write, InsertMode::Upsert) if target.keys.is_empty() => {
                return Err(RowError::UpsertWithoutKey { table: target.table }.into());
            }
            (RunKind::Write, InsertMode::Upsert) => self.words.upsert(&target, 1),
            (RunKind::Write, InsertMode::Update) => sql::update(self.words.as_ref(), &target),
        };
        let width = match run.kind {
            RunKind::Write => target.columns().count(),
            RunKind::Delete => target.keys.len(),
        };
        let columns = self.columns_statement(run, &target);
        Ok(Some(Statement { kind: run.kind, target, width, one, columns }))
    }

    /// Returns PostgreSQL's statement for many rows. None where a column is an array itself, or not known exactly.
    fn columns_statement(&self, run: &Run, target: &Target) -> Option<String> {
        if self.settings.connection.url.product != Product::PostgreSql || run.kind == RunKind::Delete {
            return None;
        }
        let table = self.tables.table(&run.table)?;
        let type_of = |column: &Column| {
            let found = table.columns.iter().find(|(name, _)| *name == *column.name);
            found.map(|(_, kind)| kind.as_str()).filter(|kind| !kind.ends_with(']'))
        };
        let types = run.layout.columns().map(type_of).collect::<Option<Vec<_>>>()?;
        match self.settings.insert_mode {
            InsertMode::Insert => Some(sql::PostgreSql.insert_columns(target, &types)),
            InsertMode::Upsert => Some(sql::PostgreSql.upsert_columns(target, &types)),
            InsertMode::Update => None,
        }
    }
}

/// Returns the connection, opened now when there is none.
async fn open<'a>(
    connection: &'a mut Option<Box<dyn Connection>>,
    settings: &SinkSettings,
) -> Result<&'a mut dyn Connection, JdbcError> {
    if connection.is_none() {
        let mut opened = connection::connect(&settings.connection).await?;
        if settings.is_mysql() {
            // As Java's driver does: a value that does not fit is an error, and never cut to fit.
            opened.execute(STRICT, &[]).await?;
        }
        *connection = Some(opened);
    }
    Ok(connection.as_mut().expect("one was just put there").as_mut())
}

fn rows<'a>(
    binding: &Binding,
    statement: Statement,
    run: &'a Run,
    records: &[&'a SinkRecord],
    bad: &mut Vec<BadRow>,
) -> Rows<'a> {
    let (mut cells, mut indices) = (Vec::with_capacity(run.rows.len()), Vec::with_capacity(run.rows.len()));
    let columns = run.columns(binding.mode);
    for index in &run.rows {
        let row: Result<Vec<_>, _> =
            columns.iter().map(|column| binding.cell(column, records[*index])).collect();
        match row {
            Ok(row) => {
                cells.push(row);
                indices.push(*index);
            }
            Err(error) => bad.push(BadRow { index: *index, error: error.into() }),
        }
    }
    Rows { statement, cells, indices }
}

/// Sends rows by the fastest way of the database.
async fn send(
    connection: &mut dyn Connection,
    words: &dyn SinkSql,
    settings: &SinkSettings,
    rows: &Rows<'_>,
    piece: Range<usize>,
) -> Result<(), JdbcError> {
    let cells = &rows.cells[piece];
    if let Some(sql) = &rows.statement.columns {
        let chosen = match settings.insert_mode {
            InsertMode::Upsert => last::of_each_key(cells, rows.statement.target.keys.len()),
            InsertMode::Insert | InsertMode::Update => cells.iter().map(Vec::as_slice).collect(),
        };
        connection.execute_columns(sql, &chosen).await?;
        return Ok(());
    }
    if settings.writes_many(rows) {
        let sql = match settings.insert_mode {
            InsertMode::Upsert => words.upsert(&rows.statement.target, cells.len()),
            InsertMode::Insert | InsertMode::Update => words.insert(&rows.statement.target, cells.len()),
        };
        let flat: Vec<_> = cells.iter().flatten().cloned().collect();
        connection.execute(&sql, &flat).await?;
        return Ok(());
    }
    connection.execute_batch(&rows.statement.one, cells).await?;
    Ok(())
}

/// Sends rows so that a failure leaves none of them behind.
async fn send_whole(
    connection: &mut dyn Connection,
    words: &dyn SinkSql,
    settings: &SinkSettings,
    rows: &Rows<'_>,
    piece: Range<usize>,
) -> Result<(), JdbcError> {
    if settings.connection.url.product != Product::PostgreSql {
        // One statement, which the database itself takes back when it fails.
        return send(connection, words, settings, rows, piece).await;
    }
    connection.execute("SAVEPOINT millrace", &[]).await?;
    let sent = send(connection, words, settings, rows, piece).await;
    if sent.as_ref().is_err_and(|error| !is_passing(error)) {
        connection.execute("ROLLBACK TO SAVEPOINT millrace", &[]).await?;
    }
    if sent.is_ok() {
        connection.execute("RELEASE SAVEPOINT millrace", &[]).await?;
    }
    sent
}

/// Tells whether an error is about the whole batch rather than its rows.
fn is_passing(error: &JdbcError) -> bool {
    matches!(verdict::of(error), Verdict::TryAgain | Verdict::Fatal)
}

impl SinkSettings {
    fn is_mysql(&self) -> bool {
        matches!(self.connection.url.product, Product::MySql | Product::MariaDb)
    }

    /// Tells whether many rows are written by one statement with all their values.
    fn writes_many(&self, rows: &Rows<'_>) -> bool {
        self.is_mysql() && rows.statement.kind == RunKind::Write && self.insert_mode != InsertMode::Update
    }

    /// Returns the most rows that are sent at a time.
    fn piece_max(&self, rows: &Rows<'_>) -> usize {
        if !self.writes_many(rows) {
            return usize::MAX;
        }
        (PARAMETERS_MAX / rows.statement.width.max(1)).clamp(1, MYSQL_ROWS_MAX)
    }

    /// Returns the most rows that are sent at a time and taken back together when they fail.
    fn whole_piece_max(&self, rows: &Rows<'_>) -> usize {
        match self.connection.url.product {
            Product::PostgreSql => usize::MAX,
            _ if self.writes_many(rows) => self.piece_max(rows),
            _ => 1,
        }
    }
}

fn pieces(count: usize, max: usize) -> impl Iterator<Item = Range<usize>> {
    let step = max.max(1);
    (0..count).step_by(step.min(count.max(1))).map(move |start| start..count.min(start.saturating_add(step)))
}

fn fault(error: &TableError) -> RowFault {
    match error {
        TableError::Rows(error) => RowFault::Record(error.clone()),
        TableError::Ddl { what, source } => RowFault::Ddl { what: what.clone(), cause: source.full() },
        TableError::Database(error) => RowFault::database(error),
    }
}
