//! Reading one table or query: each result from where the last one ended.

use super::{
    offset::{self, LookAhead, Position},
    progress,
    schema::Shape,
    settings::{Flavour, Initial, Mode, Settings},
    statement::{Bounds, Progress, Subject},
};
use crate::{
    cell::{Cell, Moment},
    clock,
    connection::{Column, Connection, Rows},
    error::JdbcError,
};
use millrace_api::SourceOrigin;
use millrace_api::{Datum, Record, Schema, SourceOffset, SourcePartition, SourceRecord, Struct, Value};
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{debug, info};

/// One table or query, and how far it was read.
pub(super) struct Querier {
    pub(super) subject: Subject,
    topic: Arc<str>,
    partition: Arc<SourcePartition>,
    /// Known once the table was looked at.
    progress: Option<Progress>,
    position: Position,
    shape: Option<Shape>,
    result: Option<Reading>,
    /// The end of the last result; never read when there is none.
    pub(super) last_update: Option<Instant>,
    /// Failures since the last result that was read to its end.
    pub(super) failures: u32,
}

/// The result that is being read.
struct Reading {
    timestamps: Vec<usize>,
    id: Option<usize>,
    ahead: LookAhead<Struct>,
}

impl Querier {
    /// Returns a querier that goes on from a stored position.
    pub(super) fn new(subject: Subject, settings: &Settings, position: Position) -> Result<Self, JdbcError> {
        let partition = match settings.mode {
            Mode::Bulk => offset::older_partition(&subject),
            _ => offset::partition(&subject),
        };
        Ok(Self {
            topic: settings.topic(&subject).into(),
            partition: Arc::new(partition),
            subject,
            progress: None,
            position,
            shape: None,
            result: None,
            last_update: None,
            failures: 0,
        })
    }

    /// Opens the next result.
    pub(super) async fn open(
        &mut self,
        connection: &mut dyn Connection,
        settings: &Settings,
    ) -> Result<(), JdbcError> {
        let progress = match &self.progress {
            Some(progress) => progress.clone(),
            None => progress::of(&self.subject, settings, connection).await?,
        };
        self.progress = Some(progress.clone());
        let bounds = self.bounds(&progress, settings, connection).await?;
        let sql = settings.style().select(&self.subject, &progress);
        debug!("{sql} from {bounds:?}");
        let columns = connection.open_cursor(&sql, &progress.parameters(bounds), settings.batch_max).await?;
        if !self.shape.as_ref().is_some_and(|shape| shape.fits(&columns)) {
            if self.shape.is_some() {
                info!("the columns of {} have changed", settings.style().subject(&self.subject));
            }
            self.shape = Some(Shape::new(self.schema_name(), &columns, &settings.mapping)?);
        }
        let timestamps = progress.timestamps.iter().map(|name| find("Timestamp", name, &columns));
        let id = progress.incrementing.as_deref().map(|name| find("Incrementing", name, &columns));
        self.result = Some(Reading {
            timestamps: timestamps.collect::<Result<_, _>>()?,
            id: id.transpose()?,
            ahead: LookAhead::from(self.position.timestamp),
        });
        Ok(())
    }

    /// Makes records of rows. Fewer rows than were asked for are the last ones.
    pub(super) fn take(
        &mut self,
        rows: &dyn Rows,
        settings: &Settings,
    ) -> Result<Vec<SourceRecord>, JdbcError> {
        let (Some(shape), Some(result)) = (&self.shape, &mut self.result) else {
            return Err(JdbcError::Data { what: "no result is open".to_string() });
        };
        let looks_ahead = settings.mode == Mode::Timestamp && settings.flavour == Flavour::Confluent;
        let maker = Maker {
            topic: &self.topic,
            partition: &self.partition,
            schema: &shape.schema,
            mode: settings.mode,
        };
        let mut records = Vec::with_capacity(rows.len() + 1);
        for row in 0..rows.len() {
            let value = shape.value(&settings.mapping, |column| rows.cell(row, column))?;
            let timestamp = match result.timestamps.is_empty() {
                true => None,
                false => timestamp(rows, row, &result.timestamps, settings)?,
            };
            let id = match result.id {
                Some(column) => Some(incrementing(rows.cell(row, column)?)?),
                None => None,
            };
            if looks_ahead {
                // The statement leaves out rows without a timestamp.
                let timestamp = timestamp.unwrap_or_default();
                if let Some((value, timestamp)) = result.ahead.push(value, timestamp) {
                    self.position.timestamp = timestamp;
                    records.push(maker.record(value, self.position));
                }
                continue;
            }
            self.position =
                Position { timestamp: timestamp.or(self.position.timestamp), id: id.or(self.position.id) };
            records.push(maker.record(value, self.position));
        }
        if rows.len() < settings.batch_max {
            if let Some((value, timestamp)) = result.ahead.finish() {
                self.position.timestamp = timestamp;
                records.push(maker.record(value, self.position));
            }
            self.result = None;
        }
        Ok(records)
    }

    /// Tells whether the result was read to its end.
    pub(super) fn is_at_end(&self) -> bool {
        self.result.is_none()
    }

    /// Forgets the result; the next one begins after the last record that was given out.
    pub(super) fn abandon(&mut self) {
        self.result = None;
        // The table may have become another one.
        self.progress = None;
    }

    async fn bounds(
        &self,
        progress: &Progress,
        settings: &Settings,
        connection: &mut dyn Connection,
    ) -> Result<Bounds, JdbcError> {
        let id = self.position.id.unwrap_or(settings.initial_id);
        let begin = self.position.timestamp.unwrap_or_default();
        if progress.timestamps.is_empty() {
            return Ok(Bounds { begin, end: begin, id });
        }
        let now = current_time(connection, settings).await?;
        let end = Moment::from_millis(now.millis().saturating_sub(settings.delay));
        Ok(Bounds { begin, end, id })
    }

    fn schema_name(&self) -> Option<&str> {
        match &self.subject {
            Subject::Table(table) => Some(&table.name),
            Subject::Query(_) => None,
        }
    }
}

/// What the records of a result have in common.
struct Maker<'a> {
    topic: &'a Arc<str>,
    partition: &'a Arc<SourcePartition>,
    schema: &'a Arc<Schema>,
    mode: Mode,
}

impl Maker<'_> {
    fn record(&self, value: Struct, position: Position) -> SourceRecord {
        let record = Record::new(self.topic.clone(), Datum::new(self.schema.clone(), Value::Struct(value)));
        let offset: Option<SourceOffset> = match self.mode {
            // A table that is read whole each time has no place to resume from.
            Mode::Bulk => None,
            _ => Some(position.write()),
        };
        SourceRecord {
            record: Some(record),
            origin: Some(SourceOrigin { partition: self.partition.clone(), offset }),
        }
    }
}

/// Returns where a table without a stored position begins.
pub(super) async fn beginning(
    connection: &mut dyn Connection,
    settings: &Settings,
) -> Result<Option<Moment>, JdbcError> {
    Ok(match settings.initial {
        Initial::Epoch => None,
        Initial::Millis(millis) => Some(Moment::from_millis(millis)),
        Initial::Now if settings.mode.uses_timestamps() => {
            Some(current_time(connection, settings).await?.to_millis())
        }
        Initial::Now => None,
    })
}

/// Asks the database's clock. Without a zone it counts as a clock in `db.timezone`, as columns do.
async fn current_time(connection: &mut dyn Connection, settings: &Settings) -> Result<Moment, JdbcError> {
    let dialect = connection.dialect();
    let found = connection.query(dialect.current_time(), &[]).await?;
    let cell = if found.rows.len() > 0 { found.rows.cell(0, 0)? } else { Cell::Null };
    moment(&cell, settings).ok_or_else(|| JdbcError::Data {
        what: format!(
            "Unable to get current time from DB using {} and query '{}'",
            dialect.name(),
            dialect.current_time()
        ),
    })
}

/// Returns the point in time that a cell stands for.
fn moment(cell: &Cell<'_>, settings: &Settings) -> Option<Moment> {
    let from_wall = |moment| clock::from_wall(moment, &settings.mapping.zone, settings.mapping.calendar);
    match cell {
        Cell::Instant(moment) => Some(*moment),
        Cell::Naive(moment) => Some(from_wall(*moment)),
        Cell::Date(days) => Some(from_wall(Moment { seconds: i64::from(*days) * 86_400, nanos: 0 })),
        Cell::Text(text) => clock::parse(text).map(from_wall),
        _ => None,
    }
}

/// Returns the first of the row's timestamps that is not null.
fn timestamp(
    rows: &dyn Rows,
    row: usize,
    columns: &[usize],
    settings: &Settings,
) -> Result<Option<Moment>, JdbcError> {
    for column in columns {
        let cell = rows.cell(row, *column)?;
        if cell == Cell::Null {
            continue;
        }
        let found = moment(&cell, settings);
        return found.map(Some).ok_or_else(|| JdbcError::Data { what: format!("{cell:?} is no timestamp") });
    }
    Ok(None)
}

/// Returns the row's number, with the reference's texts for what is none.
fn incrementing(cell: Cell<'_>) -> Result<i64, JdbcError> {
    let wrong = |what: &str| Err(JdbcError::Data { what: what.to_string() });
    match cell {
        Cell::Integer(number) => Ok(number),
        Cell::Unsigned(_) => wrong("Decimal value for incrementing column exceeded Long.MAX_VALUE"),
        Cell::Decimal(value) if value.scale != 0 => {
            wrong("Scale of Decimal value for incrementing column must be 0")
        }
        Cell::Decimal(value) => match i64::try_from(&value.unscaled) {
            Ok(number) => Ok(number),
            Err(_) => wrong("Decimal value for incrementing column exceeded Long.MAX_VALUE"),
        },
        Cell::Null => wrong("Null value for incrementing column"),
        other => wrong(&format!("Invalid type for incrementing column: {other:?}")),
    }
}

/// Finds a column by its name, and when there is none of that very name, by the only one that differs in case.
fn find(kind: &str, name: &str, columns: &[Column]) -> Result<usize, JdbcError> {
    if let Some(index) = columns.iter().position(|column| column.label == name) {
        return Ok(index);
    }
    let lower = name.to_lowercase();
    let alike = columns.iter().enumerate().filter(|(_, column)| column.label.to_lowercase() == lower);
    let alike: Vec<_> = alike.map(|(index, _)| index).collect();
    let labels: Vec<_> = columns.iter().map(|column| column.label.as_str()).collect();
    let labels = labels.join(",");
    match alike.as_slice() {
        [index] => Ok(*index),
        [] => Err(JdbcError::Data { what: format!("{kind} column {name} not found in {labels}") }),
        _ => Err(JdbcError::Data {
            what: format!(
                "{kind} column {name} not found in columns read from database: {labels}. Could not fall back to \
                 case-insensitively selecting a column because there were multiple columns whose names \
                 case-insensitively matched the specified name: {name}"
            ),
        }),
    }
}
