//! What a source task does with errors.
//!
//! The dead letter queue of a source is Millrace's own: Kafka Connect has one for sinks only.

use super::{
    ErrorCounts, Failed, Failure, Stage, add,
    dead_letters::{self, DeadLetters, Letters, Order, Refusal},
    failure::SOURCE_TASK,
    headers::reasons,
    intolerable,
    log::{self, ErrorLog},
    repeated,
    reports::Reports,
    settings::{ContextHeaders, DeadLetterSettings, ErrorSettings, Log},
    tolerance::Tolerance,
};
use crate::{
    pipeline::Trials,
    record_json::ShownSource,
    task::{Services, TaskSpec},
};
use bytes::Bytes;
use millrace_api::{Class, Error, Result, SourceRecord};
use millrace_herder::TaskId;
use millrace_kafka::{DeliveryError, FailureKind, Outgoing, Report};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::warn;

/// The errors of one source task.
pub struct SourceErrors {
    task: TaskId,
    trials: Arc<Trials>,
    log: ErrorLog,
    shows_records: bool,
    counts: Arc<ErrorCounts>,
    reports: Arc<Reports>,
    queue: Option<(DeadLetterSettings, DeadLetters)>,
    /// Batches that were sent and may still fail, as they were polled; by ticket.
    sent: HashMap<u64, Sent>,
    /// Records left out since the last time this was said.
    unsaid: usize,
}

struct Sent {
    originals: Vec<SourceRecord>,
    /// For each record sent its place among the originals.
    indexes: Vec<usize>,
}

/// What became of a batch that was converted.
pub enum Outcome {
    /// Its bad records are reported; what is left goes on.
    GoesOn,
    /// No error is tolerated: what stood before the bad record goes on, and then the task fails.
    Fails { index: usize, error: Error },
}

impl SourceErrors {
    /// Reads the connector's settings and makes sure that its dead letter queue exists.
    pub async fn start(spec: &TaskSpec, services: &Services) -> Result<Self> {
        let settings = ErrorSettings::of(&spec.connector)?;
        let (counts, reports) = (Arc::<ErrorCounts>::default(), Arc::<Reports>::default());
        let queue = match settings.dead_letters {
            None => None,
            Some(queue) => {
                dead_letters::create_topic(spec, services, &queue).await?;
                let writer = DeadLetters::start(spec, services, &queue, reports.clone(), counts.clone());
                Some((queue, writer))
            }
        };
        Ok(Self {
            task: spec.id.clone(),
            trials: Arc::new(Trials::new(settings.policy, counts.clone())),
            log: ErrorLog::new(spec.id.clone(), settings.log, counts.clone()),
            shows_records: settings.log == Log::Records,
            counts,
            reports,
            queue,
            sent: HashMap::new(),
            unsaid: 0,
        })
    }

    /// Returns what the task must know of the records it sends.
    pub fn report(&self) -> Report {
        if self.tolerates() { Report::Metadata } else { Report::Counts }
    }

    /// Copies a batch before it is converted, when a report would show its records.
    pub fn originals(&self, batch: &[SourceRecord]) -> Option<Vec<SourceRecord>> {
        (self.shows_records || self.queue.is_some()).then(|| batch.to_vec())
    }

    /// Returns how operations on records are tried again.
    pub fn trials(&self) -> Arc<Trials> {
        self.trials.clone()
    }

    /// Returns what is under way to the dead letter queue.
    pub fn reports(&self) -> Arc<Reports> {
        self.reports.clone()
    }

    /// Reports the records of a batch that were not converted.
    pub fn converted(&mut self, failed: Vec<Failed>, originals: Option<&[SourceRecord]>) -> Outcome {
        let first = failed.first().map(|first| (first.index, repeated(&first.failure.error)));
        self.report_all(failed.into_iter().map(|failed| (failed.index, failed.failure)).collect(), originals);
        match first {
            Some((index, error)) if !self.tolerates() => Outcome::Fails { index, error: intolerable(error) },
            _ => Outcome::GoesOn,
        }
    }

    /// Keeps a batch until its ticket ends, when a report would show its records.
    pub fn sent(&mut self, ticket: u64, originals: Option<Vec<SourceRecord>>, indexes: &[usize]) {
        if let Some(originals) = originals.filter(|_| self.tolerates()) {
            self.sent.insert(ticket, Sent { originals, indexes: indexes.to_vec() });
        }
    }

    /// Notes that all records of a ticket are in Kafka.
    pub fn delivered(&mut self, ticket: u64) {
        self.sent.remove(&ticket);
    }

    /// Takes a ticket whose records did not all reach Kafka. Those that are at fault themselves are reported and left out,
    /// when errors are tolerated; any other failure is the task's.
    pub fn undelivered(
        &mut self,
        ticket: u64,
        error: DeliveryError,
    ) -> Result<Vec<Option<millrace_kafka::RecordMetadata>>, DeliveryError> {
        let at_fault = |failure: &millrace_kafka::Failure| failure.kind == FailureKind::Record;
        let all = error.records.iter().filter_map(|record| record.as_ref().err());
        let tolerable = self.tolerates()
            && !error.records.is_empty()
            && all.clone().all(|failed| at_fault(&failed.failure));
        if !tolerable {
            return Err(error);
        }
        let sent = self.sent.remove(&ticket);
        let mut failed = Vec::new();
        let mut outcomes = Vec::with_capacity(error.records.len());
        for (place, outcome) in error.records.into_iter().enumerate() {
            match outcome {
                Ok(metadata) => outcomes.push(Some(metadata)),
                Err(refused) => {
                    let text = format!("sending to topic {}: {}", refused.topic, refused.failure);
                    let error = Error::of(Class::BadRecord, refused.failure.class, text);
                    let index = sent.as_ref().and_then(|sent| sent.indexes.get(place).copied());
                    let class = SOURCE_TASK.into();
                    failed
                        .push((index.unwrap_or(place), Failure { stage: Stage::KafkaProduce, class, error }));
                    outcomes.push(None);
                }
            }
        }
        add(&self.counts.failures, failed.len());
        self.report_all(failed, sent.as_ref().map(|sent| sent.originals.as_slice()));
        Ok(outcomes)
    }

    /// Tells whether the offsets of what was sent may be stored: nothing is under way to the dead letter queue.
    pub fn is_settled(&self) -> bool {
        self.reports.is_idle()
    }

    /// Returns why the task must fail, if so: a report that was not made.
    pub fn check(&self) -> Result<()> {
        self.reports.check()
    }

    /// Says now and then what is otherwise silent.
    pub fn tick(&mut self) {
        self.log.turn();
        let left_out = std::mem::take(&mut self.unsaid);
        if left_out > 0 && !self.log.is_on() {
            warn!(
                "WorkerSourceTask{{id={}}} {left_out} records failed and were left out (errors.tolerance=all); \
                 errors.log.enable=true logs why",
                self.task
            );
        }
    }

    /// Waits, for a while, for what is under way, and says what was not said.
    pub async fn close(&mut self, limit: Duration) {
        if timeout(limit, self.reports.idle()).await.is_err() {
            warn!(
                "WorkerSourceTask{{id={}}} the dead letter queue did not take all records within {limit:?}: they will be \
                 read again",
                self.task
            );
        }
        self.log.close();
        self.tick();
        self.counts.log(&format!("WorkerSourceTask{{id={}}}", self.task));
    }

    fn tolerates(&self) -> bool {
        self.trials.tolerance() == Tolerance::All
    }

    fn report_all(&mut self, failed: Vec<(usize, Failure)>, originals: Option<&[SourceRecord]>) {
        if failed.is_empty() {
            return;
        }
        self.counts.note_errors(failed.len());
        if self.tolerates() {
            add(&self.counts.skipped, failed.len());
            self.unsaid += failed.len();
        }
        let original = |index: usize| originals.and_then(|originals| originals.get(index));
        for (index, failure) in &failed {
            self.log.failed(failure, || original(*index).map(log::polled).unwrap_or_default());
        }
        let Some((settings, queue)) = &self.queue else { return };
        let letter = |(index, failure): &(usize, Failure)| {
            Some(dead_letter(settings, original(*index)?, &self.task, failure))
        };
        let records: Vec<_> = failed.iter().filter_map(letter).collect();
        let report = self.reports.begin(Vec::new(), records.len());
        let records = Letters::Ready(records);
        // The other end lives as long as this task.
        let _ = queue.orders().send(Order { report, records, refusal: Refusal::LeaveOut, answer: None });
    }
}

/// Returns what a dead letter queue gets for a polled record: all of it as JSON, and why it failed.
fn dead_letter(
    settings: &DeadLetterSettings,
    polled: &SourceRecord,
    task: &TaskId,
    failure: &Failure,
) -> Outgoing {
    let json = serde_json::to_vec(&ShownSource(polled))
        .expect("keys are text, and what JSON has no number for is too");
    let record = polled.record.as_ref();
    let mut headers = Vec::new();
    if settings.headers == ContextHeaders::Added {
        let topic = record.and_then(|record| record.topic.as_deref());
        let topic = topic.map(|topic| Bytes::copy_from_slice(topic.as_bytes()));
        headers.extend(topic.map(|topic| ("__connect.errors.topic".into(), Some(topic))));
        headers.extend(reasons(task, failure));
    }
    Outgoing {
        topic: settings.topic.clone(),
        partition: None,
        timestamp: record.and_then(|record| record.timestamp).filter(|time| *time >= 0),
        key: None,
        value: Some(json.into()),
        headers,
    }
}
