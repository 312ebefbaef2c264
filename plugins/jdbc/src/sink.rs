//! The sink: each record becomes a row of a table.
//!
//! What is pure stands in files of its own: `layout.rs` chooses columns, `plan.rs` cuts batches into runs, `bind.rs` makes cells,
//! `sql/` writes statements, `table.rs` finds what a table lacks, `bisect.rs` searches for bad rows and `verdict.rs` judges errors.
//! `tables.rs` and `write.rs` talk to the database.

mod bind;
mod bisect;
mod catalog;
mod check;
mod config;
mod connector;
mod error;
mod last;
mod layout;
mod names;
mod plan;
mod sql;
mod table;
mod tables;
mod types;
mod verdict;
mod write;

pub use config::{AivenJdbcSinkConfig, JdbcSinkConfig};
pub use connector::{AivenJdbcSink, JdbcSink};

use crate::error::JdbcError;
use async_trait::async_trait;
use config::{Messages, SinkSettings};
use millrace_api::{
    Batch, Class, Error, PluginInfo, Plugins, Result, SinkContext, SinkRecord, SinkTask, TopicOffsets, java,
};
use plan::Planner;
use std::sync::Arc;
use tables::Tables;
use tracing::warn;
use verdict::Verdict;
use write::{BadRow, Writer};

/// The Java class names of the sinks.
pub const SINK_CLASSES: [&str; 2] =
    ["io.confluent.connect.jdbc.JdbcSinkConnector", "io.aiven.connect.jdbc.JdbcSinkConnector"];

/// Adds both sinks to a program.
pub(crate) fn register(plugins: &mut Plugins) {
    let [confluent, aiven] = SINK_CLASSES;
    let task = "io.confluent.connect.jdbc.sink.JdbcSinkTask";
    plugins.sink::<JdbcSink>(PluginInfo::connector(confluent, task));
    let task = "io.aiven.connect.jdbc.sink.JdbcSinkTask";
    plugins.sink::<AivenJdbcSink>(PluginInfo::connector(aiven, task));
}

/// Writes batches to tables. What `put` has taken is committed in the database, so nothing is left for `pre_commit`.
pub struct JdbcSinkTask {
    settings: Arc<SinkSettings>,
    context: SinkContext,
    planner: Planner,
    writer: Writer,
    /// How often a batch may yet be tried again.
    retries_left: u32,
    /// How often a connection has been tried in vain since the last retry.
    attempts: u32,
}

impl JdbcSinkTask {
    /// Prepares a task; the database is reached with the first records, as in the reference.
    pub(crate) fn new(settings: SinkSettings, context: SinkContext) -> Self {
        let settings = Arc::new(settings);
        let deletes = settings.requirements.deletes;
        let planner =
            Planner::new(settings.columns.clone(), settings.names.clone(), deletes, settings.rows_max);
        let writer = Writer::new(settings.clone());
        let retries_left = settings.retries_max;
        Self { settings, context, planner, writer, retries_left, attempts: 0 }
    }

    /// Writes everything that can be written in one transaction, and reports the rest before it is committed: a report
    /// that fails takes the whole batch back.
    async fn write(&mut self, records: &[&SinkRecord]) -> Result<(), Failure> {
        let settings = self.settings.clone();
        let plan = self.planner.plan(records.iter().copied(), &|name| Tables::bare_name(&settings, name));
        let bad = self.writer.write(&plan, records).await?;
        self.report(bad, records).await.map_err(Failure::Final)?;
        self.writer.commit().await?;
        Ok(())
    }

    async fn report(&mut self, mut bad: Vec<BadRow>, records: &[&SinkRecord]) -> Result<()> {
        bad.sort_by_key(|row| row.index);
        let mut reports = Vec::new();
        for row in bad {
            let record = records[row.index];
            let error = self.row_error(record, &row);
            let Some(report) = self.context.report(record.clone(), error) else {
                return Err(self.row_error(record, &row));
            };
            let place = format!("{}-{} at offset {}", record.topic, record.partition, record.offset);
            reports.push((place, report));
        }
        for (place, report) in reports {
            let failed =
                |error| Error::connect(format!("the record of {place} cannot be written")).caused_by(error);
            report.await.map_err(failed)?;
        }
        Ok(())
    }

    fn row_error(&self, record: &SinkRecord, row: &BadRow) -> Error {
        let text = match self.settings.messages {
            Messages::Shown => row.error.text(),
            Messages::Trimmed => row.error.trimmed(),
        };
        let (topic, partition, offset) = (&record.topic, record.partition, record.offset);
        let what = format!(
            "the record of topic {topic}, partition {partition}, offset {offset} cannot be written to its table"
        );
        Error::of(Class::BadRecord, java::CONNECT, format!("{what}: {text}"))
    }

    /// Decides whether the batch is tried again.
    async fn after(&mut self, failure: Failure) -> Error {
        let error = match failure {
            Failure::Final(error) => {
                if let Err(error) = self.writer.undo().await {
                    warn!("taking back a batch: {}", error.full());
                    self.writer.disconnect().await;
                }
                return error;
            }
            Failure::Database(error) => error,
        };
        // The connection may be dead or in any state; what it had not committed is taken back by the server.
        self.writer.disconnect().await;
        let passing = verdict::of(&error) == Verdict::TryAgain;
        let message = match self.settings.messages {
            Messages::Shown => error.full(),
            Messages::Trimmed => trimmed(&error),
        };
        if passing && matches!(error, JdbcError::Connect { .. }) {
            self.attempts += 1;
            if self.attempts < self.settings.connection_attempts {
                warn!(
                    "attempt {} of {} to connect failed: {message}",
                    self.attempts, self.settings.connection_attempts
                );
                let wait = Some(self.settings.connection.backoff);
                return Error::of(Class::Retry { after: wait }, java::RETRIABLE, message);
            }
        }
        self.attempts = 0;
        if !passing || self.retries_left == 0 {
            let cause =
                Error::connect(format!("Exception chain:\n{message}\n")).named("java.sql.SQLException");
            let tries =
                if passing { format!(" after {} retries", self.settings.retries_max) } else { String::new() };
            let database = self.settings.connection.url.target();
            return Error::connect(format!("writing a batch to {database} failed{tries}")).caused_by(cause);
        }
        self.retries_left -= 1;
        warn!("writing a batch failed, {} retries are left: {message}", self.retries_left);
        Error::of(Class::Retry { after: Some(self.settings.retry_backoff) }, java::RETRIABLE, message)
    }
}

/// Why a batch was not written.
enum Failure {
    Database(JdbcError),
    Final(Error),
}

impl From<JdbcError> for Failure {
    fn from(error: JdbcError) -> Self {
        Self::Database(error)
    }
}

#[async_trait]
impl SinkTask for JdbcSinkTask {
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        batch.iter().try_for_each(|record| self.settings.requirements.check(record))?;
        let records: Vec<&SinkRecord> = batch.iter().collect();
        if let Err(failure) = self.write(&records).await {
            return Err(self.after(failure).await);
        }
        self.retries_left = self.settings.retries_max;
        self.attempts = 0;
        drop(batch.take_all());
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }

    async fn stop(mut self: Box<Self>) -> Result<()> {
        self.writer.disconnect().await;
        Ok(())
    }
}

/// Returns what an error is, without the values that the database repeats.
fn trimmed(error: &JdbcError) -> String {
    match error {
        JdbcError::Sql { state, code, .. } => {
            format!("SQL error (state {}, code {code})", state.as_deref().unwrap_or("unknown"))
        }
        error => error.full(),
    }
}

#[cfg(test)]
mod tests;
