//! The task: reads its tables in turn, the one that has waited longest first.

use super::{
    offset::{self, Position},
    progress, querier,
    querier::Querier,
    settings::{Mode, Settings},
    statement::Subject,
    tables,
};
use crate::{
    connection::{Connection, connect},
    error::JdbcError,
};
use async_trait::async_trait;
use millrace_api::{Error, Properties, Result, SourceContext, SourceRecord, SourceTask};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};

/// The reference's text for a task that got nothing to do.
const NO_TABLES: &str = "Task is being killed because it was not assigned a table nor a query to execute. If run in table \
    mode please make sure that the tables exist on the database. If the table does exist on the database, we recommend using \
    the fully qualified table name.";

/// The longest that an idle poll waits when `poll.linger.ms` is longer: the worker likes to hear from a task.
const LINGER_MAX: Duration = Duration::from_secs(60);

/// Reads the tables that it was given.
pub struct JdbcSourceTask {
    settings: Arc<Settings>,
    connection: Option<Box<dyn Connection>>,
    queriers: Vec<Querier>,
    /// Which querier's result is open.
    current: Option<usize>,
}

impl JdbcSourceTask {
    pub(super) async fn start(
        settings: Settings,
        properties: &Properties,
        context: &SourceContext,
    ) -> Result<Self> {
        let mut task =
            Self { settings: Arc::new(settings), connection: None, queriers: Vec::new(), current: None };
        let settings = task.settings.clone();
        let subjects: Vec<_> = match &settings.query {
            Some(query) => vec![Subject::Query(query.clone())],
            None => {
                let text = properties.get(super::TABLES).unwrap_or_default();
                let tables = tables::cut(text, settings.dialect().identifiers());
                if tables.is_empty() && properties.get(super::TABLES_FETCHED) == Some("false") {
                    info!("the tables are not known yet; the task waits for its share of them");
                    return Ok(task);
                }
                let connection = task.connected().await?;
                progress::check(&tables, &settings, connection).await?;
                tables.into_iter().map(Subject::Table).collect()
            }
        };
        if subjects.is_empty() {
            return Err(Error::config(NO_TABLES));
        }
        let positions = positions(&subjects, &settings, context).await?;
        let beginning = querier::beginning(task.connected().await?, &settings).await?;
        for (subject, position) in subjects.into_iter().zip(positions) {
            let position = position.unwrap_or(Position { timestamp: None, id: None });
            let position = Position { timestamp: position.timestamp.or(beginning), ..position };
            task.queriers.push(Querier::new(subject, &settings, position)?);
        }
        Ok(task)
    }

    /// Returns the connection, a new one when the last is gone.
    async fn connected(&mut self) -> std::result::Result<&mut dyn Connection, JdbcError> {
        if let Some(connection) = &mut self.connection
            && !connection.is_alive().await
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            let mut connection = connect(&self.settings.connection).await?;
            let isolation = self.settings.isolation.and_then(|level| connection.dialect().isolation(level));
            if let Some(sql) = isolation {
                connection.execute(&sql, &[]).await?;
            }
            self.connection = Some(connection);
        }
        Ok(self.connection.as_deref_mut().expect("it was just put there"))
    }

    /// Returns the querier that has waited longest; those of equal waits in the order of their names.
    fn longest_waiting(&self) -> Option<usize> {
        let order = |index: &usize| self.queriers[*index].last_update;
        (0..self.queriers.len()).min_by_key(order)
    }

    async fn open(&mut self, index: usize) -> std::result::Result<(), JdbcError> {
        self.connected().await?;
        let Some(connection) = self.connection.as_deref_mut() else { return Ok(()) };
        self.queriers[index].open(connection, &self.settings).await
    }

    /// Reads the next rows of the open result.
    async fn read(&mut self, index: usize) -> std::result::Result<Vec<SourceRecord>, JdbcError> {
        let Some(connection) = self.connection.as_deref_mut() else { return Ok(Vec::new()) };
        let rows = connection.fetch().await?;
        let querier = &mut self.queriers[index];
        let records = querier.take(rows.as_ref(), &self.settings)?;
        if querier.is_at_end() {
            querier.failures = 0;
            querier.last_update = Some(Instant::now());
            self.current = None;
            if let Err(error) = connection.close_cursor().await {
                // Everything was read; the next result will find out whether the connection lives.
                warn!("ending a result: {}", error.full());
            }
        }
        Ok(records)
    }

    /// Decides what a failure means: the table is tried again after its interval, or the task fails.
    fn failed(&mut self, index: usize, error: JdbcError) -> Result<()> {
        self.current = None;
        // Whatever state the connection is in, nobody wants to know.
        self.connection = None;
        let querier = &mut self.queriers[index];
        querier.abandon();
        querier.last_update = Some(Instant::now());
        querier.failures = querier.failures.saturating_add(1);
        let what = self.settings.style().subject(&querier.subject);
        if !error.is_transient() {
            return Err(match error {
                JdbcError::Value { .. } | JdbcError::Data { .. } | JdbcError::Panicked { .. } => {
                    Error::connect(format!("Error while processing table querier {what}")).caused_by(error)
                }
                error => Error::connect(format!("reading {what}")).caused_by(error),
            });
        }
        if self.settings.failures_max.is_some_and(|most| querier.failures >= most) {
            return Err(Error::connect("Failed to query table after retries").caused_by(error));
        }
        warn!("reading {what} failed ({} in a row), it is tried again: {}", querier.failures, error.full());
        Ok(())
    }
}

#[async_trait]
impl SourceTask for JdbcSourceTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let linger = self.settings.linger.min(LINGER_MAX);
        let deadline = Instant::now() + linger;
        loop {
            if let Some(index) = self.current {
                match self.read(index).await {
                    Ok(records) if records.is_empty() => continue,
                    Ok(records) => return Ok(records),
                    Err(error) => self.failed(index, error)?,
                }
                continue;
            }
            let Some(index) = self.longest_waiting() else {
                sleep(linger.max(super::IDLE_MIN)).await;
                return Ok(Vec::new());
            };
            let due = self.queriers[index].last_update.map(|last| last + self.settings.poll_interval);
            let now = Instant::now();
            if let Some(due) = due.filter(|due| *due > now) {
                if due > deadline {
                    sleep_until(deadline.max(now + super::IDLE_MIN)).await;
                    return Ok(Vec::new());
                }
                sleep_until(due).await;
            }
            match self.open(index).await {
                Ok(()) => self.current = Some(index),
                Err(error) => self.failed(index, error)?,
            }
        }
    }

    async fn stop(mut self: Box<Self>) -> Result<()> {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        Ok(())
    }
}

/// Reads where the tables resume, all in one question, by the newer protocol first.
async fn positions(
    subjects: &[Subject],
    settings: &Settings,
    context: &SourceContext,
) -> Result<Vec<Option<Position>>> {
    if settings.mode == Mode::Bulk {
        return Ok(vec![None; subjects.len()]);
    }
    let mut partitions: Vec<_> = subjects.iter().map(offset::partition).collect();
    partitions.extend(subjects.iter().map(offset::older_partition));
    let mut found = context.offsets(&partitions).await?;
    let older = found.split_off(subjects.len());
    let mut positions = Vec::new();
    for (newer, older) in found.into_iter().zip(older) {
        let position = newer.or(older).map(|offset| Position::read(&offset)).transpose();
        positions.push(position.map_err(Error::connect)?);
    }
    Ok(positions)
}
