//! Runs one sink task: reads, converts, puts, and commits what the sink says is safe.

mod host;
mod progress;

use crate::{
    active_topics::Tracker,
    data::Call,
    driver::HerderHandle,
    errors::SinkErrors,
    panics::Contained,
    pipeline::Pipeline,
    task::{CLEAN_UP, Control, Mode, Services, TaskSpec, kafka_error},
};
use host::{Host, Wishes};
use millrace_api::{
    Batch, Class, CloseReason, Error, Properties, Result, SinkContext, SinkTask, TopicOffsets,
    TopicPartition, plugins::SinkPlugin, regex::JavaRegex,
};
use millrace_kafka::{Consumer, ConsumerLimits, FailureKind, Incoming, KafkaError, Limits, Polled, Topics};
use progress::Progress;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, error::Elapsed, sleep, timeout, timeout_at},
};
use tracing::{error, info, warn};

/// How many records one put may offer, unless `max.poll.records` says otherwise.
///
/// Java's 500 makes a call of every few microseconds of work; a batch of some thousands costs no more memory than the
/// fetch it lies in.
const BATCH_RECORDS: usize = 4096;

/// How many bytes of records one put may offer.
const BATCH_BYTES: usize = 4 << 20;

/// How many bytes the consumer may read ahead of the sink.
const READ_AHEAD_BYTES: usize = 8 << 20;

/// How long a sink rests after taking nothing, or after an error that it calls retriable, without saying how long.
const PUT_RETRY: Duration = Duration::from_secs(1);

/// How often a commit may be made before its time, to let go of what is kept for reports of bad records.
const RELEASE_INTERVAL: Duration = Duration::from_secs(1);

/// How long looking up a position or leaving the group may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long brokers may be unable to say where a partition begins before the task fails: longer than any restart.
const TAKE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long to wait before asking them again.
const TAKE_RETRY: Duration = Duration::from_secs(1);

/// Kafka Connect's own defaults of a connector's consumer.
const DEFAULTS: [(&str, &str); 2] = [("enable.auto.commit", "false"), ("auto.offset.reset", "earliest")];

/// Runs a task until it is stopped or fails.
pub async fn run(
    spec: TaskSpec,
    plugin: Arc<dyn SinkPlugin>,
    services: Arc<Services>,
    wishes: watch::Receiver<Mode>,
    herder: HerderHandle,
) -> Result<()> {
    let mut control = Control::new(&spec, wishes, herder);
    control.wait_while_paused().await;
    if control.mode() == Mode::Stopping {
        return Ok(());
    }
    let pipeline = Pipeline::build(&services.plugins, &services.worker, &spec.connector)?;
    let Some(errors) = control.unless_stopped(SinkErrors::start(&spec, &services)).await else {
        return Ok(());
    };
    let errors = errors?;
    let settings = consumer_settings(&spec, &services);
    let limits = ConsumerLimits { queued_bytes: READ_AHEAD_BYTES };
    let consumer = Consumer::subscribe(&settings, topics(&spec.connector)?, limits)
        .map_err(|error| kafka_error("Failed to start the consumer", error))?;
    let departure = consumer.departure();
    spec.pulse.when_given_up(|| departure.leave());
    let host = Arc::new(Host::new(errors.reporter()));
    let starting = plugin.start_task(spec.settings.as_ref().clone(), SinkContext::new(host.clone()));
    let starting = spec.pulse.during(Call::Start, starting);
    let Some(started) = control.unless_stopped(starting).await else {
        return close(consumer).await;
    };
    let mut running = Running {
        name: format!("WorkerSinkTask{{id={}}}", spec.id),
        limits: Limits { records: batch_records(&settings), bytes: BATCH_BYTES },
        next_commit: Instant::now() + services.flush_interval,
        topics: services.topics.tracker(&spec.id.connector),
        services,
        control,
        pipeline,
        errors,
        consumer,
        host,
        task: Contained::new(started?),
        batch: Batch::default(),
        progress: Progress::default(),
        rest_until: None,
    };
    running.control.report().await;
    let ended = running.move_records().await;
    running.finish(ended).await
}

/// A started task with everything it needs.
struct Running {
    name: String,
    services: Arc<Services>,
    control: Control,
    pipeline: Pipeline,
    topics: Tracker,
    errors: SinkErrors,
    consumer: Consumer,
    host: Arc<Host>,
    task: Contained<Box<dyn SinkTask>>,
    limits: Limits,
    /// What the sink has not taken yet.
    batch: Batch,
    progress: Progress,
    next_commit: Instant,
    /// When a batch that was not taken is offered again.
    rest_until: Option<Instant>,
}

impl Running {
    /// Moves records until the task is stopped.
    async fn move_records(&mut self) -> Result<()> {
        loop {
            while let Some(wish) = self.control.waiting() {
                self.obey(wish).await?;
            }
            if self.control.mode() == Mode::Stopping {
                return Ok(());
            }
            self.errors.check()?;
            let wishes = self.host.take_wishes();
            if wishes.commit || Instant::now() >= self.next_commit || self.must_release() {
                self.commit().await?;
            }
            self.grant(&wishes)?;
            if let Some(polled) = self.poll(wishes.retry_after).await? {
                self.take_in(polled).await?;
            }
            if self.control.mode() != Mode::Stopping && !self.is_resting() {
                self.put().await?;
            }
        }
    }

    /// Waits for something to happen: messages, a rebalance, a command, or the time for a commit or another put.
    async fn poll(&mut self, retry_after: Option<Duration>) -> Result<Option<Polled>> {
        let mut until = self.next_commit;
        if let Some(wait) = retry_after {
            until = until.min(Instant::now() + wait);
        }
        if let Some(rest) = self.rest_until {
            until = until.min(rest);
        } else if !self.batch.is_empty() {
            // The sink took some and left some: it is offered the rest at once. A rebalance must not wait for that.
            let events = self.consumer.next(Limits { records: 0, bytes: 0 });
            return polled(timeout(Duration::ZERO, events).await);
        }
        let limits = self.errors.limits(self.limits);
        tokio::select! {
            biased;
            wish = self.control.next() => {
                self.obey(wish).await?;
                Ok(None)
            }
            () = self.errors.stirred() => Ok(None),
            what = timeout_at(until, self.consumer.next(limits)) => polled(what),
        }
    }

    async fn take_in(&mut self, polled: Polled) -> Result<()> {
        match polled {
            Polled::Messages(messages) => self.convert(messages).await,
            Polled::Assigned(partitions) => self.open(partitions).await,
            Polled::Revoked(partitions) => {
                self.commit_and_close(&partitions, CloseReason::Revoked).await?;
                self.hand_back(&partitions).await
            }
            Polled::Lost(partitions) => {
                self.forget(&partitions);
                self.close_in_sink(&partitions, CloseReason::Lost).await?;
                self.hand_back(&partitions).await
            }
        }
    }

    async fn convert(&mut self, messages: Vec<Incoming>) -> Result<()> {
        let ends = run_ends(&messages);
        let before = self.control.mode();
        let pulse = self.control.pulse.clone();
        let decoding = pulse.during(Call::Convert, self.errors.decode(&mut self.pipeline, messages));
        let Some(records) = self.control.unless_stopped(decoding).await else { return Ok(()) };
        let records = records?;
        for Incoming { topic, partition, offset, leader_epoch, .. } in ends {
            self.topics.note([&topic]);
            self.progress.read(&topic, partition, offset, leader_epoch);
        }
        self.batch.append(records);
        // An operation that is tried again may take long: a wish that came meanwhile was taken up silently.
        if self.control.mode() != before {
            self.control.report().await;
        }
        self.follow(before)
    }

    /// Offers the sink what it has not taken, also when that is nothing.
    async fn put(&mut self) -> Result<()> {
        let offered = self.batch.len();
        let result = self.control.pulse.during(Call::Put, self.task.put(&mut self.batch)).await;
        let taken = offered - self.batch.len().min(offered);
        let was_resting = self.rest_until.take().is_some();
        let rest = match result {
            Ok(()) if self.batch.is_empty() || taken > 0 => None,
            Ok(()) => Some(PUT_RETRY),
            Err(error) => {
                let Class::Retry { after } = error.class() else {
                    let text = "Exiting WorkerSinkTask due to unrecoverable exception.";
                    return Err(Error::connect(text).caused_by(error));
                };
                error!("{} RetriableException from SinkTask: {error}", self.name);
                Some(after.unwrap_or(PUT_RETRY))
            }
        };
        self.progress.delivered(&self.batch);
        let assignment = self.consumer.assignment();
        match rest {
            Some(rest) => {
                let wished = self.host.take_wishes_retry();
                self.rest_until = Some(Instant::now() + wished.unwrap_or(rest));
                self.consumer
                    .pause(&assignment)
                    .map_err(|error| kafka_error("Failed to pause partitions", error))
            }
            None if was_resting => self.resume_reading(),
            None => Ok(()),
        }
    }

    fn is_resting(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
    }

    // === commands and wishes ===

    async fn obey(&mut self, wish: Mode) -> Result<()> {
        let before = self.control.mode();
        self.control.obey(wish).await;
        self.follow(before)
    }

    /// Pauses or resumes reading after a change of the mode.
    fn follow(&mut self, before: Mode) -> Result<()> {
        match (before, self.control.mode()) {
            (Mode::Running, Mode::Paused) => {
                let assignment = self.consumer.assignment();
                self.host.request_commit_soon();
                self.consumer
                    .pause(&assignment)
                    .map_err(|error| kafka_error("Failed to pause partitions", error))
            }
            (Mode::Paused, Mode::Running) => self.resume_reading(),
            _ => Ok(()),
        }
    }

    /// Reads again from every partition that neither the connector, the sink nor a batch at rest holds back.
    fn resume_reading(&mut self) -> Result<()> {
        if self.control.mode() == Mode::Paused || self.rest_until.is_some() {
            return Ok(());
        }
        let held = self.host.paused();
        let free: Vec<_> =
            self.consumer.assignment().into_iter().filter(|partition| !held.contains(partition)).collect();
        self.consumer.resume(&free).map_err(|error| kafka_error("Failed to resume partitions", error))
    }

    /// Does what the sink asked for through its context.
    fn grant(&mut self, wishes: &Wishes) -> Result<()> {
        if wishes.pauses_changed && self.control.mode() == Mode::Running && self.rest_until.is_none() {
            let held: Vec<_> = self.host.paused().into_iter().collect();
            self.consumer.pause(&held).map_err(|error| kafka_error("Failed to pause partitions", error))?;
            self.resume_reading()?;
        }
        self.rewind(&wishes.rewinds)
    }

    fn rewind(&mut self, offsets: &TopicOffsets) -> Result<()> {
        self.errors.rewound(offsets.keys());
        for (partition, place) in offsets {
            self.batch.retain(|record| {
                (&record.topic, record.partition) != (&partition.topic, partition.partition)
            });
            self.consumer
                .seek(partition, place.offset)
                .map_err(|error| kafka_error("Failed to rewind", error))?;
            self.progress.rewind(partition.clone(), place.clone());
        }
        Ok(())
    }

    // === partitions ===

    async fn open(&mut self, partitions: Vec<TopicPartition>) -> Result<()> {
        let Some(positions) = self.take(&partitions).await? else { return Ok(()) };
        self.host.assigned(self.consumer.assignment());
        if partitions.is_empty() {
            return Ok(());
        }
        self.progress.assigned(positions);
        let held = if self.control.mode() == Mode::Paused || self.rest_until.is_some() {
            partitions.clone()
        } else {
            let held = self.host.paused();
            partitions.iter().filter(|partition| held.contains(partition)).cloned().collect()
        };
        self.consumer.pause(&held).map_err(|error| kafka_error("Failed to pause partitions", error))?;
        info!("{} took partitions {}", self.name, list(&partitions));
        self.control.pulse.during(Call::Open, self.task.open(&partitions)).await?;
        let wishes = self.host.take_wishes();
        self.grant(&wishes)
    }

    /// Takes partitions and looks up where to begin, again and again while the brokers cannot say. `None` when the task
    /// is to stop meanwhile.
    async fn take(&mut self, partitions: &[TopicPartition]) -> Result<Option<BTreeMap<TopicPartition, i64>>> {
        let deadline = Instant::now() + TAKE_TIMEOUT;
        let mode = self.control.mode();
        let taken = loop {
            let consumer = &mut self.consumer;
            let taking = async {
                consumer.take(partitions).await?;
                consumer.position(partitions, CALL_TIMEOUT).await
            };
            match self.control.unless_stopped(taking).await {
                None => break None,
                Some(Ok(positions)) => break Some(positions),
                Some(Err(error)) if error.kind() != FailureKind::Retriable || Instant::now() >= deadline => {
                    return Err(kafka_error("Failed to take partitions", error));
                }
                Some(Err(error)) => warn!("{} taking partitions {}: {error}", self.name, list(partitions)),
            }
            if self.control.unless_stopped(sleep(TAKE_RETRY)).await.is_none() {
                break None;
            }
        };
        // A pause that came meanwhile was taken up silently.
        if self.control.mode() != mode {
            self.control.report().await;
        }
        Ok(taken)
    }

    /// Commits what is safe of these partitions and tells the sink that they are gone.
    async fn commit_and_close(&mut self, partitions: &[TopicPartition], reason: CloseReason) -> Result<()> {
        self.errors.settle(partitions, self.services.closing).await;
        let offsets = self.errors.cap(self.progress.current(partitions));
        if !offsets.is_empty() {
            match self.control.pulse.during(Call::PreCommit, self.task.pre_commit(&offsets)).await {
                Ok(safe) => self.commit_to_kafka(partitions, safe, self.services.closing).await,
                Err(error) => warn!("{} pre_commit of closing partitions: {error}", self.name),
            }
        }
        self.forget(partitions);
        self.close_in_sink(partitions, reason).await
    }

    async fn close_in_sink(&mut self, partitions: &[TopicPartition], reason: CloseReason) -> Result<()> {
        self.control.pulse.during(Call::Close, self.task.close(partitions, reason)).await
    }

    fn forget(&mut self, partitions: &[TopicPartition]) {
        self.progress.forget(partitions);
        self.errors.forget(partitions);
        self.drop_records_of(partitions);
    }

    async fn hand_back(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.consumer
            .give_up(partitions)
            .await
            .map_err(|error| kafka_error("Failed to give up partitions", error))?;
        self.host.revoked(self.consumer.assignment());
        info!("{} gave up partitions {}", self.name, list(partitions));
        Ok(())
    }

    fn drop_records_of(&mut self, partitions: &[TopicPartition]) {
        self.batch.retain(|record| {
            !partitions.iter().any(|one| one.topic == record.topic && one.partition == record.partition)
        });
    }

    // === commits ===

    /// Tells whether to commit before its time: what is kept for reports of bad records has grown too much.
    fn must_release(&self) -> bool {
        let last = self.next_commit.checked_sub(self.services.flush_interval);
        let may = last.is_none_or(|last| last.elapsed() >= RELEASE_INTERVAL);
        may && self.errors.wants_commit()
    }

    /// Commits what the sink says is safe. An error that may pass rewinds to what was committed last; any other
    /// fails the task, because a sink that cannot make anything safe does not run.
    async fn commit(&mut self) -> Result<()> {
        self.next_commit = Instant::now() + self.services.flush_interval;
        self.errors.tick();
        let partitions = self.consumer.assignment();
        let offsets = self.errors.cap(self.progress.current(&partitions));
        if offsets.is_empty() {
            return Ok(());
        }
        match self.control.pulse.during(Call::PreCommit, self.task.pre_commit(&offsets)).await {
            Ok(safe) => {
                self.commit_to_kafka(&partitions, safe, self.services.flush_timeout).await;
                Ok(())
            }
            Err(error) if matches!(error.class(), Class::Retry { .. }) => {
                error!("{} Offset commit failed, rewinding to last committed offsets: {error}", self.name);
                let committed = self.progress.committed(&partitions);
                self.rewind(&committed)
            }
            Err(error) => Err(Error::connect("Offset commit failed").caused_by(error)),
        }
    }

    async fn commit_to_kafka(&mut self, partitions: &[TopicPartition], safe: TopicOffsets, limit: Duration) {
        let (offsets, ignored) = self.progress.to_commit(partitions, self.errors.cap(safe));
        ignored
            .iter()
            .for_each(|reason| warn!("{} Ignoring invalid task provided offset {reason}", self.name));
        if offsets.is_empty() {
            return;
        }
        match self.consumer.commit(&offsets, limit).await {
            Ok(()) => {
                self.errors.committed(&offsets);
                self.progress.note_committed(offsets);
            }
            Err(error) => error!("{} Commit of offsets failed: {error}", self.name),
        }
    }

    // === the end ===

    async fn finish(self, ended: Result<()>) -> Result<()> {
        let Err(error) = ended else { return self.clean_up().await };
        let name = self.name.clone();
        if timeout(CLEAN_UP, self.clean_up()).await.is_err() {
            warn!("{name} cleaning up after a failure took longer than {CLEAN_UP:?} and was left");
        }
        Err(error)
    }

    async fn clean_up(mut self) -> Result<()> {
        let partitions = self.consumer.assignment();
        let closed = if partitions.is_empty() {
            Ok(())
        } else {
            self.commit_and_close(&partitions, CloseReason::Stop).await
        };
        let stopped = self.control.pulse.during(Call::Stop, self.task.into_inner().stop()).await;
        for error in [closed, stopped].into_iter().filter_map(Result::err) {
            warn!("{} closing the task: {error}", self.name);
        }
        self.errors.close(self.services.closing).await;
        close(self.consumer).await
    }
}

/// Returns the last message of each run of one partition, without its data: only that says how far it was read.
fn run_ends(messages: &[Incoming]) -> Vec<Incoming> {
    let ends_run = |(index, message): &(usize, &Incoming)| {
        messages.get(index + 1).is_none_or(|next: &Incoming| {
            next.partition != message.partition || !Arc::ptr_eq(&next.topic, &message.topic)
        })
    };
    let ends = messages.iter().enumerate().filter(ends_run);
    ends.map(|(_, message)| Incoming { key: None, value: None, headers: Vec::new(), ..message.clone() })
        .collect()
}

/// Returns what came, if something did before the time was over.
fn polled(what: Result<Result<Polled, KafkaError>, Elapsed>) -> Result<Option<Polled>> {
    match what {
        Ok(polled) => polled.map(Some).map_err(|error| kafka_error("Failed to read from Kafka", error)),
        Err(_) => Ok(None),
    }
}

async fn close(consumer: Consumer) -> Result<()> {
    match timeout(CALL_TIMEOUT, consumer.close(CALL_TIMEOUT)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!("closing the consumer: {error}"),
        Err(_) => warn!("closing the consumer took longer than {CALL_TIMEOUT:?}"),
    }
    Ok(())
}

// === settings ===

fn consumer_settings(spec: &TaskSpec, services: &Services) -> Properties {
    let mut settings: Properties = DEFAULTS.into_iter().collect();
    settings.insert("bootstrap.servers", services.bootstrap_servers.as_str());
    settings.insert("group.id", format!("connect-{}", spec.id.connector));
    settings.insert("client.id", format!("connector-consumer-{}", spec.id));
    settings.extend(&services.worker.with_prefix("consumer."));
    settings.extend(&spec.connector.with_prefix("consumer.override."));
    settings
}

fn batch_records(settings: &Properties) -> usize {
    let given = settings.get("max.poll.records").and_then(|text| text.trim().parse().ok());
    given.filter(|records| *records > 0).unwrap_or(BATCH_RECORDS)
}

/// Returns what a sink reads, as its settings say.
pub(crate) fn topics(connector: &Properties) -> Result<Topics> {
    let names = connector.get("topics").unwrap_or_default().split(',').map(str::trim);
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_string).collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        return Ok(Topics::Names(names));
    }
    let Some(pattern) = connector.get("topics.regex").map(str::trim).filter(|text| !text.is_empty()) else {
        return Err(Error::config("Must configure one of topics or topics.regex"));
    };
    let regex = JavaRegex::new(pattern).map_err(|reason| {
        Error::config(format!("Invalid value {pattern} for configuration topics.regex: {reason}"))
    })?;
    Ok(Topics::Matching(Arc::new(move |topic| regex.matches(topic).unwrap_or(false))))
}

fn list(partitions: &[TopicPartition]) -> String {
    let names: Vec<_> = partitions.iter().map(TopicPartition::to_string).collect();
    names.join(", ")
}
