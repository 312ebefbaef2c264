//! The source: each finished line of a file or of standard input becomes a record.

mod input;
mod lines;
mod reader;
mod stdin;
mod watch;

use crate::{
    config::{FileSourceConfig, ValueType, path},
    error::FileError,
};
use async_trait::async_trait;
use input::{FileInput, Input, Patience, Stdin};
use lines::{Line, Lines};
use millrace_api::{
    Altered, Config, ConnectorContext, Datum, Error, OffsetChange, Properties, Record, Result, Scalar,
    Scalars, Schema, SourceConnector, SourceContext, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    Support, Text, Value,
};
use reader::Piece;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;
use tracing::info;

/// How long a poll waits for new lines, and how often a file is looked at that no watcher tells of.
const POLL_WAIT: Duration = Duration::from_secs(1);

/// How many bytes of lines one poll collects, so that long lines do not multiply with `batch.size`. At least one line is returned.
const POLL_BYTES_MAX: usize = 4 << 20;

const FILENAME: &str = "filename";
const POSITION: &str = "position";

/// The source connector: one task, whatever `tasks.max` is.
pub struct FileSource {
    context: ConnectorContext,
}

/// Reads one file or standard input.
pub struct FileSourceTask {
    /// What errors call the input.
    name: String,
    input: Input,
    lines: Lines,
    shape: Shape,
    batch_max: usize,
    /// How many records the last batch had: the room made for the next one.
    room: usize,
}

#[async_trait]
impl SourceConnector for FileSource {
    type Config = FileSourceConfig;
    type Task = FileSourceTask;

    async fn start(config: FileSourceConfig, context: ConnectorContext) -> Result<Self> {
        let input = path(config.file.as_deref()).unwrap_or("standard input");
        info!("Starting file source connector reading from {input}");
        Ok(Self { context })
    }

    async fn task_configs(&mut self, _tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.context.settings().clone()])
    }

    async fn start_task(settings: Properties, context: SourceContext) -> Result<FileSourceTask> {
        let config = FileSourceConfig::parse(&settings)?;
        let file = path(config.file.as_deref());
        let partition = file.map(partition);
        let position = match &partition {
            Some(partition) => resume_at(context.offset(partition).await?)?,
            None => 0,
        };
        let input = match file {
            Some(file) => Input::File(FileInput::new(file, position)),
            None => Input::Stdin(Stdin::default()),
        };
        let line_max = usize::try_from(config.line_bytes_max).unwrap_or(usize::MAX);
        Ok(FileSourceTask {
            name: file.map_or_else(|| "standard input".to_string(), |file| format!("file {file}")),
            input,
            lines: Lines::at(position, line_max),
            shape: Shape::new(&config, partition),
            batch_max: usize::try_from(config.batch_size).unwrap_or(1).max(1),
            room: 0,
        })
    }

    fn exactly_once(settings: &Properties) -> Option<Support> {
        match path(settings.get("file")) {
            Some(_) => Some(Support::Supported),
            None => Some(Support::Unsupported),
        }
    }

    async fn alter_offsets(settings: &Properties, changes: &[OffsetChange]) -> Result<Altered> {
        if path(settings.get("file")).is_none() {
            return Err(Error::connect(
                "Offsets cannot be modified if the 'file' configuration is unspecified. \
                 This is because stdin is used for input and offsets are not tracked.",
            ));
        }
        for change in changes {
            check_change(change).map_err(Error::connect)?;
        }
        Ok(Altered::Completely)
    }
}

#[async_trait]
impl SourceTask for FileSourceTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let deadline = Instant::now() + POLL_WAIT;
        let mut records = Vec::new();
        let mut bytes_left = POLL_BYTES_MAX;
        let mut piece = Piece::Full;
        loop {
            self.cut(&mut records, &mut bytes_left)?;
            let full = records.len() >= self.batch_max || bytes_left == 0;
            if full || (!records.is_empty() && piece != Piece::Full) {
                break;
            }
            let patience = if records.is_empty() { Patience::Until(deadline) } else { Patience::None };
            let mut buffer = self.lines.take_unfinished();
            piece = self.input.read(&mut buffer, patience).await?;
            self.lines.refill(buffer);
            if piece == Piece::None {
                break;
            }
        }
        self.room = records.len();
        Ok(records)
    }
}

impl FileSourceTask {
    /// Makes records of finished lines until the batch is full. A line that is too long waits until those before it are gone.
    fn cut(&mut self, records: &mut Vec<SourceRecord>, bytes_left: &mut usize) -> Result<()> {
        let now = now();
        while records.len() < self.batch_max && *bytes_left > 0 {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(_) if !records.is_empty() => {
                    *bytes_left = 0;
                    break;
                }
                Err(lines::TooLong { position }) => {
                    let (input, limit) = (self.name.clone(), self.lines.line_max());
                    return Err(FileError::LineTooLong { input, position, limit }.into());
                }
            };
            if records.is_empty() {
                records.reserve(self.room.clamp(1, self.batch_max));
            }
            *bytes_left = bytes_left.saturating_sub(line.bytes.len());
            records.push(self.shape.record(line, now));
        }
        Ok(())
    }
}

/// What the records of a task have in common. Each gets a reference to it, no copy.
struct Shape {
    topic: Arc<str>,
    schema: Arc<Schema>,
    value_type: ValueType,
    /// None for standard input, of which nothing is stored.
    partition: Option<Arc<SourcePartition>>,
    position: Arc<str>,
}

impl Shape {
    fn new(config: &FileSourceConfig, partition: Option<SourcePartition>) -> Self {
        let schema = match config.value_type {
            ValueType::String => Schema::string(),
            ValueType::Bytes => Schema::bytes(),
        };
        Self {
            topic: config.topic.as_str().into(),
            schema,
            value_type: config.value_type,
            partition: partition.map(Arc::new),
            position: POSITION.into(),
        }
    }

    fn record(&self, line: Line, now: i64) -> SourceRecord {
        let value = match self.value_type {
            ValueType::String => Value::String(Text::from_utf8_lossy(line.bytes)),
            ValueType::Bytes => Value::Bytes(line.bytes),
        };
        let mut record = Record::new(self.topic.clone(), Datum::new(self.schema.clone(), value));
        record.timestamp = Some(now);
        let Some(partition) = &self.partition else { return SourceRecord::without_offset(record) };
        let position = line.next.cast_signed();
        let offset = SourceOffset::new(Scalars::one(self.position.clone(), position));
        SourceRecord::new(record, partition.clone(), offset)
    }
}

fn partition(file: &str) -> SourcePartition {
    SourcePartition::new(Scalars::one(FILENAME, file))
}

/// Returns the position in a stored offset; 0 when there is none.
fn resume_at(offset: Option<SourceOffset>) -> Result<u64, FileError> {
    match offset.as_ref().and_then(|offset| offset.entries.get(POSITION)) {
        None | Some(Scalar::Null) => Ok(0),
        Some(Scalar::Integer(position)) => Ok(u64::try_from(*position).unwrap_or(0)),
        Some(_) => Err(FileError::OffsetType),
    }
}

/// Checks one change of an offset in the order of the reference, with its texts.
fn check_change(change: &OffsetChange) -> Result<(), &'static str> {
    let Some(offset) = &change.offset else { return Ok(()) };
    match offset.entries.get(POSITION) {
        None => return Err("Offset objects should either be null or contain the key 'position'"),
        Some(Scalar::Integer(position)) if *position < 0 => {
            return Err("The value for the 'position' key in the offset should be a non-negative value");
        }
        Some(Scalar::Integer(_)) => {}
        Some(_) => {
            return Err("The value for the 'position' key in the offset is expected to be a Long value");
        }
    }
    match &change.partition {
        None => Err("Partition objects cannot be null"),
        Some(partition) if partition.entries.get(FILENAME).is_none() => {
            Err("Partition objects should contain the key 'filename'")
        }
        Some(_) => Ok(()),
    }
}

/// Returns the time in milliseconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
