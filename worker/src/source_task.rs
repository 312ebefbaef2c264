//! Runs one source task: polls, converts, sends, and stores the offsets of what Kafka has.

mod acknowledgements;
mod topics;

use crate::{
    active_topics::Tracker,
    data::Call,
    driver::HerderHandle,
    errors::{Outcome, SourceErrors},
    in_flight::{InFlight, Place, last_places},
    panics::Contained,
    pipeline::{Converted, Pipeline},
    task::{CLEAN_UP, Control, Mode, Services, TaskSpec},
};
use acknowledgements::Acknowledger;
use async_trait::async_trait;
use bytes::Bytes;
use millrace_api::{
    Acknowledgement, Class, Error, Result, SourceContext, SourceHost, SourceOffset, SourcePartition,
    SourceRecord, SourceTask, plugins::SourcePlugin,
};
use millrace_herder::wire::offset;
use millrace_kafka::{DeliveryError, Finished, Lane, Report, SendError, Ticket};
use std::{
    collections::HashMap,
    future::Future,
    mem,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{error, info, warn};

/// How long a task rests after an error that it calls retriable without saying how long.
const POLL_RETRY: Duration = Duration::from_millis(100);

/// Runs a task until it is stopped or fails.
pub async fn run(
    spec: TaskSpec,
    plugin: Arc<dyn SourcePlugin>,
    services: Arc<Services>,
    wishes: watch::Receiver<Mode>,
    herder: HerderHandle,
) -> Result<()> {
    let mut control = Control::new(&spec, wishes, herder);
    control.wait_while_paused().await;
    if control.mode() == Mode::Stopping {
        return Ok(());
    }
    let mut pipeline = Pipeline::build(&services.plugins, &services.worker, &spec.connector)?;
    let Some(errors) = control.unless_stopped(SourceErrors::start(&spec, &services)).await else {
        return Ok(());
    };
    let errors = errors?;
    let lane = services.producers.lane(&spec.id, &spec.connector)?;
    let host =
        Arc::new(Host { spec: spec.clone(), services: services.clone(), acknowledged: Mutex::default() });
    let topics = host.topics()?;
    let settings = spec.settings.as_ref().clone();
    let starting = plugin.start_task(settings, SourceContext::new(host.clone()));
    let starting = spec.pulse.during(Call::Start, starting);
    let Some(started) = control.unless_stopped(starting).await else { return Ok(()) };
    let mut task = Contained::new(started?);
    control.report().await;
    let next_commit = Instant::now() + services.flush_interval;
    let mut running = Running {
        acknowledger: Acknowledger::new(host.take_sender()),
        tracker: services.topics.tracker(&spec.id.connector),
        in_flight: InFlight::default(),
        host,
        errors,
        parked: Vec::new(),
        lane,
        control,
        next_commit,
        acknowledged: 0,
        keys: HashMap::new(),
        topics,
    };
    let ended = running.move_records(task.as_mut(), &mut pipeline).await;
    let closing = async {
        let finished = running.finish().await;
        if let Err(error) = spec.pulse.during(Call::Stop, task.into_inner().stop()).await {
            warn!("{} stopping the task: {error}", running.host);
        }
        finished
    };
    match ended {
        // The herder has a deadline for a stop that was asked for.
        Ok(()) => closing.await,
        Err(error) => {
            if timeout(CLEAN_UP, closing).await.is_err() {
                warn!("cleaning up after a failure took longer than {CLEAN_UP:?} and was left");
            }
            Err(error)
        }
    }
}

/// A started task with everything it needs.
struct Running {
    host: Arc<Host>,
    control: Control,
    errors: SourceErrors,
    /// Tickets that ended with records in the dead letter queue that are not safe there yet.
    parked: Vec<Ticket>,
    lane: Lane,
    in_flight: InFlight,
    acknowledger: Acknowledger,
    tracker: Tracker,
    next_commit: Instant,
    /// Records acknowledged since the last commit.
    acknowledged: usize,
    /// Key bytes of the partitions that were stored, so that a name is written once.
    keys: HashMap<Arc<SourcePartition>, Bytes>,
    /// What creates topics, when the connector says how.
    topics: Option<topics::Topics>,
}

impl Running {
    /// Moves records until the task is stopped.
    async fn move_records(&mut self, task: &mut dyn SourceTask, pipeline: &mut Pipeline) -> Result<()> {
        loop {
            let pulse = self.control.pulse.clone();
            let polling = pulse.during(Call::Poll, task.poll());
            let Some(polled) = self.attend(polling).await? else { return Ok(()) };
            match polled {
                Ok(batch) if batch.is_empty() => tokio::task::yield_now().await,
                Ok(batch) => {
                    if !self.send(batch, pipeline).await? {
                        return Ok(());
                    }
                }
                Err(error) => self.rest_after(error).await?,
            }
        }
    }

    /// Waits for some work of the task, seeing to everything else meanwhile. `None` when the task is to stop.
    ///
    /// While the task is paused its work is not dropped, only left alone.
    async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Result<Option<T>> {
        let mut work = pin!(work);
        while self.control.mode() != Mode::Stopping {
            let free = self.control.mode() == Mode::Running;
            tokio::select! {
                biased;
                wish = self.control.next() => self.control.obey(wish).await,
                finished = self.lane.finished(), if self.lane.in_flight() > 0 => self.note(finished)?,
                () = self.acknowledger.flush(), if self.acknowledger.has_waiting() => {}
                () = sleep_until(self.next_commit) => {
                    self.commit().await?;
                    self.errors.check()?;
                }
                done = &mut work, if free => return Ok(Some(done)),
            }
        }
        Ok(None)
    }

    /// Hands a batch to the producer. Returns false when the task was stopped before all of it was taken.
    async fn send(&mut self, mut batch: Vec<SourceRecord>, pipeline: &mut Pipeline) -> Result<bool> {
        let originals = self.acknowledger.originals(&batch);
        let reported = self.errors.originals(&batch);
        let trials = self.errors.trials();
        let pulse = self.control.pulse.clone();
        let converting = pulse.during(Call::Convert, pipeline.outgoing(&mut batch, &trials));
        let Some(converted) = self.attend(converting).await? else { return Ok(false) };
        let Converted { mut records, indexes, failed } = converted?;
        let outcome = self.errors.converted(failed, reported.as_deref());
        let reports = self.errors.reports();
        if self.attend(async { reports.idle().await }).await?.is_none() {
            return Ok(false);
        }
        self.errors.check()?;
        if let Outcome::Fails { index, .. } = &outcome {
            batch.truncate(*index);
        }
        if !self.create_topics(&records).await? {
            return Ok(false);
        }
        self.tracker.note(records.iter().map(|record| &record.topic));
        let places = last_places(batch.iter().filter_map(|polled| polled.origin.as_ref()));
        let report = if originals.is_some() { Report::Metadata } else { self.errors.report() };
        let ticket = loop {
            tokio::select! {
                sent = self.lane.send(&mut records, report) => break sent.map_err(send_error)?,
                wish = self.control.next() => {
                    self.control.obey(wish).await;
                    if self.control.mode() == Mode::Stopping {
                        return Ok(false);
                    }
                }
                () = sleep_until(self.next_commit) => self.commit().await?,
            }
        };
        self.in_flight.push(ticket.0, batch.len(), places);
        self.errors.sent(ticket.0, reported, &indexes);
        if let Some(originals) = originals {
            self.acknowledger.expect(ticket, originals, indexes);
        }
        while let Some(finished) = self.lane.try_finished() {
            self.note(finished)?;
        }
        match outcome {
            Outcome::GoesOn => Ok(true),
            Outcome::Fails { error, .. } => Err(error),
        }
    }

    fn note(&mut self, finished: Finished) -> Result<()> {
        let ticket = finished.ticket;
        let metadata = match finished.outcome {
            Ok(metadata) => {
                self.errors.delivered(ticket.0);
                metadata.into_iter().map(Some).collect()
            }
            Err(error) => self.errors.undelivered(ticket.0, error).map_err(delivery_error)?,
        };
        self.parked.push(ticket);
        self.acknowledge();
        self.acknowledger.delivered(ticket, metadata)
    }

    /// Counts the tickets that have ended as safe, unless bad records of theirs are still on their way to the dead letter
    /// queue.
    fn acknowledge(&mut self) {
        if self.errors.is_settled() {
            for ticket in self.parked.drain(..) {
                self.acknowledged += self.in_flight.acknowledge(ticket.0);
            }
        }
    }

    /// Stores what has become safe. An error of the store fails the task: records must not run ahead of an offset that
    /// cannot be kept.
    async fn commit(&mut self) -> Result<()> {
        self.next_commit = Instant::now() + self.host.services.flush_interval;
        self.errors.tick();
        self.acknowledge();
        let places = self.in_flight.take_committable();
        if places.is_empty() {
            return Ok(());
        }
        let entries = self.encode(&places);
        let storing = self.host.services.offsets.set(entries);
        match timeout(self.host.services.flush_timeout, storing).await {
            Ok(Ok(())) => {
                let acknowledged = mem::take(&mut self.acknowledged);
                info!("{} Committing offsets for {acknowledged} acknowledged messages", self.host);
                self.acknowledger.committed();
                Ok(())
            }
            Ok(Err(error)) => {
                self.in_flight.give_back(places);
                Err(Error::connect(format!("{} Failed to commit offsets", self.host)).caused_by(error))
            }
            Err(_) => {
                self.in_flight.give_back(places);
                error!(
                    "{} Timed out waiting to flush offsets to storage; will try again on next flush interval with latest offsets",
                    self.host
                );
                Ok(())
            }
        }
    }

    fn encode(&mut self, places: &[Place]) -> Vec<(Bytes, Option<Bytes>)> {
        let connector = &self.host.spec.id.connector;
        let entries = places.iter().map(|(partition, place)| {
            let key = self.keys.entry(partition.clone());
            let key = key.or_insert_with(|| offset::encode_key(connector, partition).into());
            (key.clone(), place.as_ref().map(|place| offset::encode_offset(place).into()))
        });
        entries.collect()
    }

    /// Rests after an error that may pass; returns any other.
    async fn rest_after(&mut self, error: Error) -> Result<()> {
        let Class::Retry { after } = error.class() else { return Err(error) };
        warn!("{} polling the task: {error}; trying again", self.host);
        self.attend(sleep(after.unwrap_or(POLL_RETRY))).await.map(|_| ())
    }

    /// Stores what is safe, waits a while for what is in flight, and stores that.
    async fn finish(&mut self) -> Result<()> {
        self.lane.give_up_open();
        // What is safe already does not hang on what is not.
        let mut failed = self.commit().await;
        let deadline = Instant::now() + self.host.services.closing;
        while self.lane.in_flight() > 0 {
            tokio::select! {
                finished = self.lane.finished() => failed = failed.and(self.note(finished)),
                () = sleep_until(deadline) => {
                    let left = self.lane.records_in_flight();
                    warn!("{} {left} records were not acknowledged in time and will be read again", self.host);
                    break;
                }
            }
        }
        self.errors.close(deadline.saturating_duration_since(Instant::now())).await;
        failed.and(self.commit().await)
    }
}

/// The worker's side of a task's context.
struct Host {
    spec: TaskSpec,
    services: Arc<Services>,
    acknowledged: Mutex<Option<mpsc::Sender<Acknowledgement>>>,
}

impl Host {
    fn take_sender(&self) -> Option<mpsc::Sender<Acknowledgement>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl SourceHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        let read = |partition| {
            let key = offset::encode_key(&self.spec.id.connector, partition);
            let stored = self.services.offsets.get(&key);
            stored.map(|value| offset::decode_offset(&value)).transpose()
        };
        let read: Result<Vec<_>, _> = partitions.iter().map(read).collect();
        let offsets = read.map_err(|error| Error::connect("Failed to fetch offsets.").caused_by(error))?;
        Ok(offsets.into_iter().map(Option::flatten).collect())
    }

    fn acknowledgements(&self) -> mpsc::Receiver<Acknowledgement> {
        let (sender, receiver) = mpsc::channel(acknowledgements::QUEUE);
        *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorkerSourceTask{{id={}}}", self.spec.id)
    }
}

fn delivery_error(error: DeliveryError) -> Error {
    let cause = Error::of(Class::Fatal, error.failure.class, error.to_string());
    Error::connect("Unrecoverable exception from producer send callback").caused_by(cause)
}

fn send_error(error: SendError) -> Error {
    let class = match &error {
        SendError::Fatal(failure) => failure.class,
        SendError::Replace(error) => error.class(),
        SendError::GivenUp => "org.apache.kafka.common.KafkaException",
    };
    let cause = Error::of(Class::Fatal, class, error.to_string());
    Error::connect("Unrecoverable exception trying to send").caused_by(cause)
}
