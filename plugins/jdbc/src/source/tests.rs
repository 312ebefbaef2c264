//! The source on real databases.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod contract;
mod failures;
mod modes;
mod page;
mod tables;
mod types;
mod validation;

use super::{JdbcSource, TABLES, TABLES_FETCHED};
use crate::{
    connection::{Connection, connect},
    identifier::{Quoting, TableId},
    tests::settings,
};
use millrace_api::{
    Config, Properties, Result, Scalar, SourceConnector, SourceRecord, SourceTask, Value,
    testing::{FakeConnectorHost, FakeSourceHost, PATIENCE},
};
use millrace_tests::{
    databases::{Database, PASSWORD, USER},
    unique,
};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::time::timeout;

/// One kind of database, with a connection for the test's own statements.
struct Place {
    url: String,
    connection: Box<dyn Connection>,
    /// SQLite's file lies in it.
    _folder: TempDir,
}

impl Place {
    async fn at(url: impl Into<String>) -> Self {
        let (url, folder) = (url.into(), tempfile::tempdir().unwrap());
        let url = if url == "sqlite" {
            format!("jdbc:sqlite:{}", folder.path().join("a.db").display())
        } else {
            url
        };
        let connection = connect(&settings(&url)).await.unwrap();
        Self { url, connection, _folder: folder }
    }

    async fn postgresql() -> Self {
        Self::at(Database::postgresql().jdbc_url()).await
    }

    async fn mariadb() -> Self {
        Self::at(Database::mariadb().jdbc_url()).await
    }

    async fn sqlite() -> Self {
        Self::at("sqlite").await
    }

    async fn all() -> [Self; 3] {
        [Self::postgresql().await, Self::mariadb().await, Self::sqlite().await]
    }

    async fn run(&mut self, sql: &str) {
        self.connection.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {}", error.full()));
    }

    fn name(&self) -> &'static str {
        self.connection.dialect().name()
    }

    fn is_mysql(&self) -> bool {
        self.name().starts_with("MySql")
    }

    fn is_sqlite(&self) -> bool {
        self.name().starts_with("Sqlite")
    }

    /// Returns settings for one table in a mode; a fast clock and small batches.
    fn settings(&self, table: &str, mode: &str) -> Properties {
        Properties::from([
            ("name", "test"),
            ("connection.url", self.url.as_str()),
            ("connection.user", USER),
            ("connection.password", PASSWORD),
            ("table.whitelist", table),
            ("mode", mode),
            ("topic.prefix", "p-"),
            ("poll.interval.ms", "20"),
            ("poll.linger.ms", "200"),
            ("batch.max.rows", "3"),
        ])
    }

    /// Returns a task that reads one table, with what the host has stored.
    async fn task(
        &self,
        table: &str,
        given: &Properties,
        host: &Arc<FakeSourceHost>,
    ) -> Result<super::JdbcSourceTask> {
        let mut given = given.clone();
        let rules = self.connection.dialect().identifiers();
        let catalog = self.is_mysql().then(|| "test".to_string());
        let schema = self.name().starts_with("Postgre").then(|| "public".to_string());
        let id = TableId { catalog, schema, name: table.to_string() };
        given.insert(TABLES, id.sql(rules, Quoting::Always));
        given.insert(TABLES_FETCHED, "true");
        JdbcSource::start_task(given, host.context()).await
    }
}

/// Starts the connector.
async fn connector(given: &Properties, host: &Arc<FakeConnectorHost>) -> Result<JdbcSource> {
    let config = super::JdbcSourceConfig::parse(given)?;
    JdbcSource::start(config, host.context(given)).await
}

/// Polls until there are that many records.
async fn read(task: &mut super::JdbcSourceTask, count: usize) -> Vec<SourceRecord> {
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            records.extend(task.poll().await.unwrap());
        }
    };
    let complete = timeout(PATIENCE, reading).await.is_ok();
    assert!(complete, "{count} records come, not {}", records.len());
    assert_eq!(records.len(), count);
    records
}

/// Polls until the task fails, and returns the trace.
async fn failure(task: &mut super::JdbcSourceTask) -> String {
    let failing = async {
        loop {
            if let Err(error) = task.poll().await {
                break error.trace("test");
            }
        }
    };
    timeout(PATIENCE, failing).await.unwrap()
}

fn value<'a>(record: &'a SourceRecord, field: &str) -> &'a Value {
    let Value::Struct(fields) = &record.record.as_ref().unwrap().value.value else { panic!("not a struct") };
    fields.get(field).unwrap_or_else(|| panic!("no field {field}"))
}

/// Returns one field of each record as text.
fn texts(records: &[SourceRecord], field: &str) -> Vec<String> {
    records.iter().map(|record| value(record, field).to_string()).collect()
}

/// Returns an entry of each record's offset.
fn offsets(records: &[SourceRecord], entry: &str) -> Vec<Option<i64>> {
    let of = |record: &SourceRecord| match record.origin.as_ref()?.offset.as_ref()?.entries.get(entry) {
        Some(Scalar::Integer(number)) => Some(*number),
        _ => None,
    };
    records.iter().map(of).collect()
}
