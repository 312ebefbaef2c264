//! The sink writing to real databases.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bad_rows;
mod changes;
mod contract;
mod failures;
mod page;
mod speed;
mod types;

use super::*;
use crate::sink::layout::tests::schema;
use millrace_api::{Datum, Properties, Record, Schema, Struct, TimestampType, Value, testing::FakeSinkHost};
use millrace_tests::{databases::Database, unique};
use std::sync::Arc;

/// Makes a test of each function for each database.
macro_rules! on_every_database {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn postgresql() {
                super::$name(crate::sink::tests::Target::postgresql()).await;
            }

            #[tokio::test]
            async fn mariadb() {
                super::$name(crate::sink::tests::Target::mariadb()).await;
            }

            #[tokio::test]
            async fn sqlite() {
                super::$name(crate::sink::tests::Target::sqlite()).await;
            }
        }
    )+};
}
use on_every_database;

/// A database, and a table of its own for each test.
pub(crate) struct Target {
    server: Server,
    table: String,
}

enum Server {
    Postgresql(&'static Database),
    Mariadb(&'static Database),
    Sqlite(tempfile::TempDir),
}

impl Target {
    pub(crate) fn postgresql() -> Self {
        Self { server: Server::Postgresql(Database::postgresql()), table: table() }
    }

    pub(crate) fn mariadb() -> Self {
        Self { server: Server::Mariadb(Database::mariadb()), table: table() }
    }

    pub(crate) fn sqlite() -> Self {
        Self { server: Server::Sqlite(tempfile::tempdir().unwrap()), table: table() }
    }

    /// Returns settings that create tables, with others besides.
    fn settings(&self, more: &[(&str, &str)]) -> Properties {
        let url = match &self.server {
            Server::Postgresql(server) | Server::Mariadb(server) => server.jdbc_url(),
            Server::Sqlite(folder) => format!("jdbc:sqlite:{}", folder.path().join("db").display()),
        };
        let common = [
            ("name", "sink"),
            ("connection.url", url.as_str()),
            ("connection.user", "test"),
            ("connection.password", "secret"),
            ("auto.create", "true"),
            ("retry.backoff.ms", "10"),
        ];
        let mut settings: Properties = common.into_iter().collect();
        more.iter().for_each(|(name, value)| settings.insert(*name, *value));
        settings
    }

    fn start(&self, more: &[(&str, &str)]) -> Sink {
        let host = FakeSinkHost::assigning([]);
        let settings = SinkSettings::confluent(&self.settings(more)).unwrap();
        let task = JdbcSinkTask::new(settings, host.context());
        Sink { task, host, topic: self.table.clone(), next: 0 }
    }

    /// Runs statements, in which `T` stands for the table; returns rows as lines, columns parted by `|`.
    fn sql(&self, sql: &str) -> String {
        let quoted = self.quoted(&self.table);
        let sql = sql.split(' ').map(|word| if word == "T" { quoted.as_str() } else { word });
        let sql = sql.collect::<Vec<_>>().join(" ");
        match &self.server {
            Server::Postgresql(server) => server.sql(&sql).trim_end().to_string(),
            // The client doubles backslashes.
            Server::Mariadb(server) => server.sql(&sql).trim_end().replace("\\\\", "\\"),
            Server::Sqlite(folder) => sqlite(folder, &sql),
        }
    }

    fn quoted(&self, name: &str) -> String {
        match &self.server {
            Server::Mariadb(_) => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    fn quote_mark(&self) -> &'static str {
        if matches!(self.server, Server::Mariadb(_)) { "`" } else { "\"" }
    }

    /// Returns all rows, null as nothing, in the order of the first column.
    fn rows(&self) -> Vec<String> {
        let lines = self.sql("SELECT * FROM T ORDER BY 1");
        let line = |line: &str| {
            let cells = line.split('|').map(|cell| if cell == "NULL" { "" } else { cell });
            cells.collect::<Vec<_>>().join("|")
        };
        lines.lines().map(line).collect()
    }
}

/// Names that need quotes.
fn table() -> String {
    unique("Select-ä")
}

fn sqlite(folder: &tempfile::TempDir, sql: &str) -> String {
    let connection = rusqlite::Connection::open(folder.path().join("db")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    if columns == 0 {
        statement.execute([]).unwrap();
        return String::new();
    }
    let line = |row: &rusqlite::Row<'_>| {
        let text = |index| match row.get_ref(index).unwrap() {
            rusqlite::types::ValueRef::Null => "NULL".to_string(),
            rusqlite::types::ValueRef::Integer(value) => value.to_string(),
            rusqlite::types::ValueRef::Real(value) => value.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
            rusqlite::types::ValueRef::Blob(blob) => format!("{blob:?}"),
        };
        Ok((0..columns).map(text).collect::<Vec<_>>().join("|"))
    };
    let lines: Vec<String> = statement.query_map([], line).unwrap().map(Result::unwrap).collect();
    lines.join("\n")
}

/// A started task, and the worker it believes in.
struct Sink {
    task: JdbcSinkTask,
    host: Arc<FakeSinkHost>,
    topic: String,
    next: i64,
}

impl Sink {
    fn record(&mut self, key: Datum, value: Datum) -> SinkRecord {
        let mut record = Record::new(self.topic.as_str(), value);
        record.key = key;
        record.timestamp_type = TimestampType::CreateTime;
        self.next += 1;
        SinkRecord { record, topic: self.topic.as_str().into(), partition: 3, offset: self.next - 1 }
    }

    /// Offers records of these keys and values; all are taken or none.
    async fn put(&mut self, records: Vec<(Datum, Datum)>) -> Result<()> {
        let records: Vec<_> = records.into_iter().map(|(key, value)| self.record(key, value)).collect();
        let (count, mut batch) = (records.len(), Batch::new(records));
        let result = self.task.put(&mut batch).await;
        assert_eq!(batch.len(), if result.is_ok() { 0 } else { count });
        result
    }

    async fn put_values(&mut self, values: Vec<Datum>) -> Result<()> {
        self.put(values.into_iter().map(|value| (Datum::default(), value)).collect()).await
    }

    async fn stop(self) {
        SinkTask::stop(Box::new(self.task)).await.unwrap();
    }
}

/// A struct of named fields.
fn row(fields: &[(&str, Arc<Schema>, Value)]) -> Datum {
    let schemas: Vec<_> = fields.iter().map(|(name, schema, _)| (*name, schema.clone())).collect();
    let schema = schema(&schemas);
    let values = fields.iter().map(|(_, _, value)| value.clone()).collect();
    Datum::new(schema.clone(), Value::Struct(Struct::from_values(schema, values)))
}

/// A row of a number and a text that may be null.
fn pair(id: i64, text: impl Into<Value>) -> Datum {
    row(&[("id", Schema::int64(), Value::Int64(id)), ("text", Schema::optional_string(), text.into())])
}

fn key(id: i64) -> Datum {
    Datum::new(Schema::int64(), Value::Int64(id))
}
