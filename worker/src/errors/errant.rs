//! Records that a sink reports as bad: the worker's side of `context.report`.

use super::{
    ErrorCounts, Failure, Stage, add,
    dead_letters::{Letters, Order, Refusal},
    failure::SINK_TASK,
    headers::dead_letter,
    intolerable,
    kept::Kept,
    log::{self, ErrorLog},
    repeated,
    reports::Reports,
    settings::DeadLetterSettings,
    tolerance::Tolerance,
};
use crate::pipeline::{Pipeline, Trials};
use futures::future::BoxFuture;
use millrace_api::{
    Blob, Error, Plugins, Properties, Result, SinkRecord, SourceRecord, TimestampType, TopicPartition,
};
use millrace_herder::TaskId;
use millrace_kafka::Incoming;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// What a sink's task and its plugin share of errors.
pub struct Reporter {
    pub task: TaskId,
    pub tolerance: Tolerance,
    pub log: ErrorLog,
    pub counts: Arc<ErrorCounts>,
    pub reports: Arc<Reports>,
    pub kept: Mutex<Kept>,
    pub queue: Option<Queue>,
    pub converters: ConverterSettings,
}

/// A dead letter queue as reporters see it.
pub struct Queue {
    pub settings: DeadLetterSettings,
    pub orders: mpsc::UnboundedSender<Order>,
}

/// What it takes to make a task's converters again.
pub struct ConverterSettings {
    pub plugins: Arc<Plugins>,
    pub worker: Arc<Properties>,
    pub connector: Arc<Properties>,
}

impl Reporter {
    /// Takes a record that the sink could not write. `None` when there is nothing to report to.
    pub fn report(
        self: &Arc<Self>,
        record: SinkRecord,
        error: Error,
    ) -> Option<BoxFuture<'static, Result<()>>> {
        if !self.log.is_on() && self.queue.is_none() {
            return None;
        }
        let failure = Failure { stage: Stage::TaskPut, class: SINK_TASK.into(), error };
        add(&self.counts.failures, 1);
        self.counts.note_errors(1);
        let partition = TopicPartition { topic: record.topic.clone(), partition: record.partition };
        let kept = self.kept().find(&partition, record.offset).cloned();
        self.log.failed(&failure, || match &kept {
            Some(message) => log::consumed(message),
            None => log::consumed(&place_of(&record)),
        });
        let place = (partition, record.offset);
        let intolerable = match self.tolerance {
            Tolerance::None => {
                self.reports.refuse(place.clone(), intolerable(repeated(&failure.error)));
                Some(intolerable(repeated(&failure.error)))
            }
            Tolerance::All => {
                add(&self.counts.skipped, 1);
                None
            }
        };
        let Some(queue) = &self.queue else {
            return Some(Box::pin(async move { intolerable.map_or(Ok(()), Err) }));
        };
        // From here on no commit passes the record, whether anybody awaits the report or not.
        let report = self.reports.begin(vec![place], 1);
        let (answer, answered) = oneshot::channel();
        let records = self.letters(queue, record, kept, failure);
        let order = Order { report, records, refusal: Refusal::Fail, answer: Some(answer) };
        // The other end lives as long as the task; after that nobody commits anything.
        let _ = queue.orders.send(order);
        Some(Box::pin(async move {
            let written = answered.await.unwrap_or_else(|_| Err(Error::connect("the task has ended")));
            intolerable.map_or(written, Err)
        }))
    }

    /// Makes the dead letter. The bytes of a record whose message is not kept any more, or that the sink has made itself,
    /// are made anew by the task's converters, as Kafka Connect does.
    fn letters(
        self: &Arc<Self>,
        queue: &Queue,
        record: SinkRecord,
        kept: Option<Incoming>,
        failure: Failure,
    ) -> Letters {
        let (reporter, settings) = (self.clone(), queue.settings.clone());
        let letter = move |message: Incoming, reporter: &Self| {
            dead_letter(&settings.topic, message, &reporter.task, &failure, settings.headers)
        };
        match kept {
            Some(message) => Letters::Ready(vec![letter(message, self)]),
            None => Letters::ToEncode(Box::pin(async move {
                let message = reporter.encode(record).await?;
                Ok(letter(message, &reporter))
            })),
        }
    }

    async fn encode(&self, record: SinkRecord) -> Result<Incoming> {
        let ConverterSettings { plugins, worker, connector } = &self.converters;
        let mut bare = connector.as_ref().clone();
        bare.remove("transforms");
        let mut pipeline = Pipeline::build(plugins, worker, &bare)?;
        let place = place_of(&record);
        let trials = Trials::intolerant(self.counts.clone());
        let converted =
            pipeline.outgoing(&mut [SourceRecord::without_offset(record.record)], &trials).await?;
        if let Some(failed) = converted.failed.into_iter().next() {
            return Err(failed.failure.error);
        }
        let Some(encoded) = converted.records.into_iter().next() else { return Ok(place) };
        let headers = encoded.headers.into_iter().map(|(name, value)| (name, value.map(Blob::from)));
        let (key, value) = (encoded.key.map(Blob::from), encoded.value.map(Blob::from));
        Ok(Incoming { key, value, headers: headers.collect(), ..place })
    }

    pub fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a message without data at a record's place.
fn place_of(record: &SinkRecord) -> Incoming {
    let timestamp_type = record.record.timestamp_type;
    Incoming {
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset,
        leader_epoch: None,
        timestamp: record.record.timestamp.filter(|_| timestamp_type != TimestampType::None),
        timestamp_type,
        key: None,
        value: None,
        headers: Vec::new(),
    }
}
