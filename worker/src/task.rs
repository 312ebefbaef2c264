//! What source and sink tasks share: what they are made of, and how they are commanded.

use crate::{
    active_topics::ActiveTopics, data::Pulse, driver::HerderHandle, offset_store::FileOffsetStore,
    offsets::Offsets, producers::Producers, providers::Providers,
};
use millrace_api::{Error, Plugins, Properties};
use millrace_herder::{Begin, Event, Incarnation, TaskId};
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::sync::watch;

/// What every task of a worker uses.
pub struct Services {
    /// Every plugin of the program.
    pub plugins: Arc<Plugins>,
    /// The brokers of the worker, and of its connectors unless they say otherwise.
    pub bootstrap_servers: String,
    /// The worker's settings, as given.
    pub worker: Arc<Properties>,
    /// What resolves references in the settings of connectors.
    pub providers: Arc<Providers>,
    /// Where source offsets are kept.
    pub offsets: Arc<FileOffsetStore>,
    /// Where source tasks send to.
    pub producers: Producers,
    /// Whether source connectors may create topics: `topic.creation.enable`.
    pub creates_topics: bool,
    /// Which topics connectors have used.
    pub topics: Arc<ActiveTopics>,
    /// How often offsets are stored: `offset.flush.interval.ms`.
    pub flush_interval: Duration,
    /// How long storing may take: `offset.flush.timeout.ms`.
    pub flush_timeout: Duration,
    /// How long a task that ends may wait for the last of its records or commits. Shorter than the herder's patience,
    /// so that what is left to do after it is still done.
    pub closing: Duration,
}

impl Services {
    /// Resolves the references in settings.
    pub async fn resolve(&self, settings: Arc<Properties>) -> Result<Arc<Properties>, Error> {
        self.providers.resolve_away(settings).await.map_err(|error| Error::config(error.to_string()))
    }

    /// Returns what reads and changes the offsets of connectors.
    pub fn offset_service(&self) -> Offsets {
        Offsets {
            plugins: self.plugins.clone(),
            store: self.offsets.clone(),
            bootstrap_servers: self.bootstrap_servers.clone(),
            worker: self.worker.clone(),
            providers: self.providers.clone(),
        }
    }
}

/// One start of one task.
#[derive(Clone)]
pub struct TaskSpec {
    /// Which task.
    pub id: TaskId,
    /// Which start of it.
    pub incarnation: Incarnation,
    /// The connector's settings.
    pub connector: Arc<Properties>,
    /// The task's settings.
    pub settings: Arc<Properties>,
    /// Whether it begins paused.
    pub begin: Begin,
    /// What the watchdog sees of it.
    pub pulse: Arc<Pulse>,
}

/// What a task does, and what it is told to do. Only the last wish counts, and the end is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Moves records.
    Running,
    /// Waits to be resumed.
    Paused,
    /// Ends in an orderly way.
    Stopping,
}

/// Tells a task what to do; forgets what was told before and not heard yet.
pub struct Wishes {
    sender: watch::Sender<Mode>,
}

impl Wishes {
    /// Returns the two ends of the line to a task that begins as the specification says.
    pub fn new(begin: Begin) -> (Self, watch::Receiver<Mode>) {
        let (sender, wishes) = watch::channel(match begin {
            Begin::Running => Mode::Running,
            Begin::Paused => Mode::Paused,
        });
        (Self { sender }, wishes)
    }

    /// Tells the task; nothing counts after the end was asked for.
    pub fn tell(&self, mode: Mode) {
        self.sender.send_if_modified(|wish| {
            let is_new = *wish != Mode::Stopping && *wish != mode;
            if is_new {
                *wish = mode;
            }
            is_new
        });
    }
}

/// Hears what a task is to do, and reports what it does.
pub struct Control {
    wishes: watch::Receiver<Mode>,
    herder: HerderHandle,
    task: TaskId,
    incarnation: Incarnation,
    mode: Mode,
    /// To be told of every call of the plugin.
    pub pulse: Arc<Pulse>,
}

impl Control {
    /// Returns the control of a task.
    pub fn new(spec: &TaskSpec, mut wishes: watch::Receiver<Mode>, herder: HerderHandle) -> Self {
        let mode = *wishes.borrow_and_update();
        let (task, incarnation) = (spec.id.clone(), spec.incarnation);
        Self { wishes, herder, task, incarnation, mode, pulse: spec.pulse.clone() }
    }

    /// Returns what the task is to do now.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Waits for the next wish; may be dropped while it waits. A worker that has gone means the end.
    pub async fn next(&mut self) -> Mode {
        match self.wishes.changed().await {
            Ok(()) => *self.wishes.borrow_and_update(),
            Err(_) => Mode::Stopping,
        }
    }

    /// Returns a wish that is there already.
    pub fn waiting(&mut self) -> Option<Mode> {
        match self.wishes.has_changed() {
            Ok(false) => None,
            Ok(true) => Some(*self.wishes.borrow_and_update()),
            Err(_) => Some(Mode::Stopping),
        }
    }

    /// Takes up a wish and reports the new mode when it changes.
    pub async fn obey(&mut self, wish: Mode) {
        if wish != self.mode && self.mode != Mode::Stopping {
            self.mode = wish;
            self.report().await;
        }
    }

    /// Tells the herder that the task runs or is paused; its end is told by whoever runs it.
    pub async fn report(&self) {
        let (task, incarnation) = (self.task.clone(), self.incarnation);
        match self.mode {
            Mode::Running => self.herder.tell(Event::TaskRunning { task, incarnation }).await,
            Mode::Paused => self.herder.tell(Event::TaskPaused { task, incarnation }).await,
            Mode::Stopping => {}
        }
    }

    /// Waits until the task may run or must end. Reports a pause; whoever goes on from here reports the rest.
    pub async fn wait_while_paused(&mut self) {
        if self.mode == Mode::Paused {
            self.report().await;
        }
        while self.mode == Mode::Paused {
            self.mode = self.next().await;
        }
    }

    /// Does some work unless the task is stopped meanwhile, which drops it. Other wishes are taken up and not reported.
    pub async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        while self.mode != Mode::Stopping {
            tokio::select! {
                biased;
                wish = self.next() => self.mode = wish,
                done = &mut work => return Some(done),
            }
        }
        None
    }
}

/// How long a task that has failed may clean up before its failure is told all the same.
pub const CLEAN_UP: Duration = Duration::from_secs(10);

/// Wraps an error of Kafka's client in one that a task fails with.
pub fn kafka_error(message: &str, error: millrace_kafka::KafkaError) -> Error {
    let class = error.class();
    let cause = Error::of(millrace_api::Class::Fatal, class, error.to_string());
    Error::connect(message).caused_by(cause)
}
