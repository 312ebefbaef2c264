//! What the log says of failed records, in Kafka Connect's words; bounded, whatever the records are.

use super::{
    ErrorCounts, Failure, add,
    gate::{Gate, HeldBack, Kind},
    settings::Log,
};
use millrace_api::{Scalar, SourceRecord, TimestampType};
use millrace_herder::TaskId;
use millrace_kafka::Incoming;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tracing::error;

/// How long a line may be; an error may quote the record it is about.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Logs the failed records of one task. Shared with the reporter that a sink holds; its lock is held for a few lines.
pub struct ErrorLog {
    task: TaskId,
    mode: Log,
    began: Instant,
    gate: Mutex<Gate>,
    counts: Arc<ErrorCounts>,
}

impl ErrorLog {
    pub fn new(task: TaskId, mode: Log, counts: Arc<ErrorCounts>) -> Self {
        Self { task, mode, began: Instant::now(), gate: Mutex::default(), counts }
    }

    pub fn is_on(&self) -> bool {
        self.mode != Log::Off
    }

    /// Logs a failure, unless too many like it were logged just now. `details` is asked only when it is shown.
    pub fn failed(&self, failure: &Failure, details: impl FnOnce() -> String) {
        if self.mode == Log::Off {
            return;
        }
        self.turn();
        let kind: Kind = [
            failure.stage.name().to_owned(),
            failure.class.to_string(),
            failure.error.java_class().to_owned(),
        ];
        let now = self.began.elapsed();
        if self.gate.lock().unwrap_or_else(PoisonError::into_inner).admit(now, &kind, 1) == 0 {
            return;
        }
        add(&self.counts.logged, 1);
        let details = if self.mode == Log::Records { details() } else { String::new() };
        let line = format!("{}\n{}", text(&self.task, failure, &details), failure.trace());
        error!(target: "org.apache.kafka.connect.runtime.errors.LogReporter", "{}", shortened(line.trim_end()));
    }

    /// Says how many errors were not logged lately.
    pub fn turn(&self) {
        let now = self.began.elapsed();
        let over = self.gate.lock().unwrap_or_else(PoisonError::into_inner).turn(now);
        self.summarise(over);
    }

    /// Says how many errors were not logged at all.
    pub fn close(&self) {
        let now = self.began.elapsed();
        let rest = self.gate.lock().unwrap_or_else(PoisonError::into_inner).close(now);
        self.summarise(rest);
    }

    fn summarise(&self, all: Vec<HeldBack>) {
        for HeldBack { kind: [stage, class, exception], count, within } in all {
            error!(
                target: "org.apache.kafka.connect.runtime.errors.LogReporter",
                "{count} more errors like the last were encountered in task {} within {:.1} s and not logged one by one. \
                 Executing stage '{stage}' with class '{class}': {exception}",
                self.task,
                within.as_secs_f64(),
            );
        }
    }
}

fn text(task: &TaskId, failure: &Failure, details: &str) -> String {
    format!(
        "Error encountered in task {task}. Executing stage '{}' with class '{}'{details}.",
        failure.stage.name(),
        failure.class,
    )
}

/// Says which message failed. Its data is never shown.
pub fn consumed(message: &Incoming) -> String {
    let Incoming { topic, partition, offset, .. } = message;
    let time = match (message.timestamp_type, message.timestamp.unwrap_or(-1)) {
        (TimestampType::None, _) => String::new(),
        (TimestampType::CreateTime, time) => format!(", timestamp={time}, timestampType=CreateTime"),
        (TimestampType::LogAppendTime, time) => format!(", timestamp={time}, timestampType=LogAppendTime"),
    };
    format!(", where consumed record is {{topic='{topic}', partition={partition}, offset={offset}{time}}}")
}

/// Shows a source's record, data and all: whoever asks for that is told so by the setting.
pub fn polled(record: &SourceRecord) -> String {
    let scalars = |scalars: Option<&millrace_api::Scalars>| match scalars {
        None => "null".to_owned(),
        Some(scalars) => {
            let entries: Vec<_> =
                scalars.iter().map(|(name, value)| format!("{name}={}", scalar(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    };
    let origin = record.origin.as_ref();
    let partition = scalars(origin.map(|origin| &origin.partition.entries));
    let offset = scalars(origin.and_then(|origin| origin.offset.as_ref()).map(|offset| &offset.entries));
    let record = record.record.as_ref().map(shown).unwrap_or_default();
    format!(
        ", where source record is = SourceRecord{{sourcePartition={partition}, sourceOffset={offset}}} {record}"
    )
}

fn scalar(value: &Scalar) -> String {
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => millrace_api::text::double(*value),
        Scalar::String(value) => value.to_string(),
    }
}

/// Java's text form of a record.
fn shown(record: &millrace_api::Record) -> String {
    fn or_null<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "null".to_owned(), |value| value.to_string())
    }
    let schema = |datum: &millrace_api::Datum| or_null(datum.schema.as_deref());
    let headers = record.headers.iter().map(|header| {
        format!(
            "ConnectHeader(key={}, value={}, schema={})",
            header.name,
            header.value.value,
            schema(&header.value)
        )
    });
    format!(
        "ConnectRecord{{topic='{}', kafkaPartition={}, key={}, keySchema={}, value={}, valueSchema={}, timestamp={}, \
         headers=ConnectHeaders(headers={})}}",
        or_null(record.topic.as_deref()),
        or_null(record.partition),
        record.key.value,
        schema(&record.key),
        record.value.value,
        schema(&record.value),
        or_null(record.timestamp),
        headers.collect::<Vec<_>>().join(", "),
    )
}

fn shortened(line: &str) -> String {
    if line.len() <= LINE_BYTES_MAX {
        return line.to_owned();
    }
    let end = line.floor_char_boundary(LINE_BYTES_MAX);
    format!("{} … ({} bytes in all)", &line[..end], line.len())
}
