//! What a sink task does with errors.

use super::{
    ErrorCounts, Failure, add,
    dead_letters::{self, DeadLetters, Letters, Order, Refusal},
    errant::{ConverterSettings, Queue, Reporter},
    headers::dead_letter,
    intolerable,
    kept::Kept,
    log::{self, ErrorLog},
    repeated,
    reports::Reports,
    settings::ErrorSettings,
    tolerance::{Fate, Reported, Tolerance, fate},
};
use crate::{
    pipeline::{Pipeline, Trials},
    task::{Services, TaskSpec},
};
use millrace_api::{Result, SinkRecord, TopicOffsets, TopicPartition};
use millrace_kafka::{Incoming, Limits};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use tracing::warn;

/// The errors of one sink task.
pub struct SinkErrors {
    trials: Trials,
    reporter: Arc<Reporter>,
    /// Kept for its end: what writes ends with the task.
    _dead_letters: Option<DeadLetters>,
    /// Records left out since the last time this was said.
    unsaid: usize,
}

impl SinkErrors {
    /// Reads the connector's settings and makes sure that its dead letter queue exists.
    pub async fn start(spec: &TaskSpec, services: &Services) -> Result<Self> {
        let settings = ErrorSettings::of(&spec.connector)?;
        let (counts, reports) = (Arc::<ErrorCounts>::default(), Arc::<Reports>::default());
        let dead_letters = match &settings.dead_letters {
            None => None,
            Some(queue) => {
                dead_letters::create_topic(spec, services, queue).await?;
                Some(DeadLetters::start(spec, services, queue, reports.clone(), counts.clone()))
            }
        };
        let orders = dead_letters.as_ref().map(DeadLetters::orders);
        let queue = settings.dead_letters.zip(orders).map(|(settings, orders)| Queue { settings, orders });
        let (plugins, worker) = (services.plugins.clone(), services.worker.clone());
        let reporter = Reporter {
            task: spec.id.clone(),
            tolerance: settings.policy.tolerance,
            log: ErrorLog::new(spec.id.clone(), settings.log, counts.clone()),
            counts: counts.clone(),
            reports,
            kept: Mutex::new(Kept::default()),
            queue,
            converters: ConverterSettings { plugins, worker, connector: spec.connector.clone() },
        };
        let trials = Trials::new(settings.policy, counts);
        Ok(Self { trials, reporter: Arc::new(reporter), _dead_letters: dead_letters, unsaid: 0 })
    }

    /// Returns what the plugin reports to.
    pub fn reporter(&self) -> Arc<Reporter> {
        self.reporter.clone()
    }

    /// Converts messages. Those that fail are reported and left out, or the first of them ends the task.
    pub async fn decode(
        &mut self,
        pipeline: &mut Pipeline,
        messages: Vec<Incoming>,
    ) -> Result<Vec<SinkRecord>> {
        self.keep(&messages);
        let decoded = pipeline.incoming(messages, &self.trials).await?;
        if decoded.failed.is_empty() {
            return Ok(decoded.records);
        }
        let first = decoded.failed.first().map(|(_, failure)| repeated(&failure.error));
        self.report(decoded.failed);
        // What becomes of the report itself is seen before the next commit.
        match (fate(self.reporter.tolerance, Reported::Safe), first) {
            (Fate::Fail, Some(error)) => Err(intolerable(error)),
            _ => Ok(decoded.records),
        }
    }

    fn keep(&self, messages: &[Incoming]) {
        if self.reporter.queue.is_some() {
            self.reporter.kept().keep(messages.iter().cloned());
        } else if self.reporter.log.is_on() {
            let bare = |message: &Incoming| Incoming {
                key: None,
                value: None,
                headers: Vec::new(),
                ..message.clone()
            };
            self.reporter.kept().keep(messages.iter().map(bare));
        }
    }

    fn report(&mut self, failed: Vec<(Incoming, Failure)>) {
        let reporter = &self.reporter;
        reporter.counts.note_errors(failed.len());
        if reporter.tolerance == Tolerance::All {
            add(&reporter.counts.skipped, failed.len());
            self.unsaid += failed.len();
        }
        for (message, failure) in &failed {
            reporter.log.failed(failure, || log::consumed(message));
        }
        let Some(queue) = &reporter.queue else { return };
        let places = first_places(failed.iter().map(|(message, _)| message));
        let settings = &queue.settings;
        let letter = |(message, failure): (Incoming, Failure)| {
            dead_letter(&settings.topic, message, &reporter.task, &failure, settings.headers)
        };
        let records: Vec<_> = failed.into_iter().map(letter).collect();
        let report = reporter.reports.begin(places, records.len());
        let records = Letters::Ready(records);
        // The other end lives as long as this task.
        let _ = queue.orders.send(Order { report, records, refusal: Refusal::LeaveOut, answer: None });
    }

    // === commits ===

    /// Returns why the task must fail, if so: a report that was not made, or an errant record that is not tolerated.
    pub fn check(&self) -> Result<()> {
        self.reporter.reports.check()
    }

    /// Lowers offsets to what is safe: no commit passes a bad record that is still on its way to the dead letter queue.
    pub fn cap(&self, offsets: TopicOffsets) -> TopicOffsets {
        self.reporter.reports.cap(offsets)
    }

    /// Tells whether a commit would free what is kept for reports.
    pub fn wants_commit(&self) -> bool {
        self.reporter.kept().wants_commit()
    }

    /// Notes what was committed, and says what there is to say.
    pub fn committed(&mut self, offsets: &TopicOffsets) {
        self.reporter.kept().release(offsets);
    }

    /// Says now and then what is otherwise silent.
    pub fn tick(&mut self) {
        self.reporter.log.turn();
        let left_out = std::mem::take(&mut self.unsaid);
        if left_out > 0 && !self.reporter.log.is_on() {
            warn!(
                "WorkerSinkTask{{id={}}} {left_out} records failed and were left out (errors.tolerance=all); \
                 errors.log.enable=true logs why",
                self.reporter.task
            );
        }
    }

    /// Forgets partitions that are read again.
    pub fn rewound<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        self.reporter.kept().forget(partitions);
    }

    /// Forgets partitions that are gone.
    pub fn forget(&self, partitions: &[TopicPartition]) {
        self.reporter.kept().forget(partitions);
        self.reporter.reports.forget(partitions);
    }

    /// Waits, for a while, until the bad records of these partitions are safe.
    pub async fn settle(&self, partitions: &[TopicPartition], limit: Duration) {
        if timeout(limit, self.reporter.reports.settled(partitions)).await.is_err() {
            warn!(
                "WorkerSinkTask{{id={}}} the dead letter queue did not take all records within {limit:?}: their offsets \
                 are not committed, and they will be read again",
                self.reporter.task
            );
        }
    }

    /// Returns how much may be taken for now: nothing while the dead letter queue lags behind.
    pub fn limits(&self, limits: Limits) -> Limits {
        if self.reporter.reports.is_full() { Limits { records: 0, bytes: 0 } } else { limits }
    }

    /// Waits until something has changed that the task's loop must look at: room for more, or a failure.
    pub async fn stirred(&self) {
        self.reporter.reports.stirred().await;
    }

    /// Waits, for a while, for what is under way, and says what was not said.
    pub async fn close(&mut self, limit: Duration) {
        // Who waits longer says so where the partitions are.
        let _ = timeout(limit, self.reporter.reports.idle()).await;
        self.reporter.log.close();
        self.tick();
        self.reporter.counts.log(&format!("WorkerSinkTask{{id={}}}", self.reporter.task));
    }
}

/// Returns the first offset of each partition.
fn first_places<'a>(messages: impl Iterator<Item = &'a Incoming>) -> Vec<(TopicPartition, i64)> {
    let mut places: Vec<(TopicPartition, i64)> = Vec::new();
    for Incoming { topic, partition, offset, .. } in messages {
        match places.iter_mut().find(|(known, _)| known.partition == *partition && known.topic == *topic) {
            Some((_, first)) => *first = (*first).min(*offset),
            None => places.push((TopicPartition { topic: topic.clone(), partition: *partition }, *offset)),
        }
    }
    places
}
