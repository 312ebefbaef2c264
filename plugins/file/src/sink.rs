//! The sink: each record becomes a line of a file or of standard output.

mod output;
mod text;

use crate::{
    config::{FileSinkConfig, ValueType, path},
    error::FileError,
};
use async_trait::async_trait;
use millrace_api::{
    Altered, Batch, Config, ConnectorContext, Properties, Result, SinkConnector, SinkContext, SinkTask,
    TopicOffsets, TopicPartition,
};
use output::Output;
use std::collections::BTreeMap;
use tokio::task::spawn_blocking;

/// How many bytes of lines are collected for one write. A longer line is one write of its own.
///
/// Large enough that calls and thread changes do not count, small enough to stay in the processor's cache.
const WRITE_BYTES: usize = 256 << 10;

/// The sink connector: as many tasks as `tasks.max`, which append to the same file.
pub struct FileSink {
    context: ConnectorContext,
}

/// Appends lines. Nothing is kept back: what `put` has taken, the operating system has.
pub struct FileSinkTask {
    /// What errors call the output.
    name: String,
    /// Away while a blocking thread works with it, and for good when that has panicked.
    output: Option<Output>,
    value_type: ValueType,
    lines: Vec<u8>,
}

#[async_trait]
impl SinkConnector for FileSink {
    type Config = FileSinkConfig;
    type Task = FileSinkTask;

    async fn start(_config: FileSinkConfig, context: ConnectorContext) -> Result<Self> {
        Ok(Self { context })
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.context.settings().clone(); tasks_max])
    }

    async fn start_task(settings: Properties, _context: SinkContext) -> Result<FileSinkTask> {
        let config = FileSinkConfig::parse(&settings)?;
        let file = path(config.file.as_deref()).map(str::to_string);
        let name = file.as_ref().map_or_else(|| "standard output".to_string(), |file| format!("file {file}"));
        let opening = spawn_blocking(move || match file {
            Some(file) => Output::open(&file).map_err(|source| FileError::Create { file, source }),
            None => Output::stdout().map_err(|source| FileError::Stdout { source }),
        });
        let output = opening.await.map_err(|_| FileError::Panicked { name: name.clone() })??;
        Ok(FileSinkTask { name, output: Some(output), value_type: config.value_type, lines: Vec::new() })
    }

    /// Accepts everything: lines that were written stay, whatever the offsets are.
    async fn alter_offsets(
        _settings: &Properties,
        _changes: &BTreeMap<TopicPartition, Option<i64>>,
    ) -> Result<Altered> {
        Ok(Altered::Completely)
    }
}

#[async_trait]
impl SinkTask for FileSinkTask {
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.is_empty() {
            // Nothing to do: a good time to give the room back.
            self.lines = Vec::new();
        }
        while !batch.is_empty() {
            let count = self.collect(batch);
            self.write(count).await?;
            drop(batch.take(count));
        }
        Ok(())
    }

    /// Everything that was taken has been written, so all of it is safe to commit.
    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }
}

impl FileSinkTask {
    /// Makes lines of the first records of a batch and returns of how many.
    fn collect(&mut self, batch: &Batch) -> usize {
        self.lines.clear();
        let mut count = 0;
        for record in batch.iter() {
            text::append_line(&mut self.lines, &record.record.value.value, self.value_type);
            count += 1;
            if self.lines.len() >= WRITE_BYTES {
                break;
            }
        }
        count
    }

    async fn write(&mut self, count: usize) -> Result<(), FileError> {
        let panicked = || FileError::Panicked { name: self.name.clone() };
        let mut output = self.output.take().ok_or_else(panicked)?;
        let lines = std::mem::take(&mut self.lines);
        let writing = spawn_blocking(move || {
            let written = output.write(&lines);
            (output, lines, written)
        });
        let (output, lines, written) = writing.await.map_err(|_| panicked())?;
        (self.output, self.lines) = (Some(output), lines);
        written.map_err(|source| FileError::Write { output: self.name.clone(), lines: count, source })
    }
}

#[cfg(test)]
mod tests;
