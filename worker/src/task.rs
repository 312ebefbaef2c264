//! What source and sink tasks share: what they are made of, and how they are commanded.

use crate::{driver::HerderHandle, offset_store::FileOffsetStore, producers::Producers};
use millrace_api::{Error, Plugins, Properties};
use millrace_herder::{Begin, Event, Incarnation, TaskId};
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// What every task of a worker uses.
pub struct Services {
    /// Every plugin of the program.
    pub plugins: Arc<Plugins>,
    /// The brokers of the worker, and of its connectors unless they say otherwise.
    pub bootstrap_servers: String,
    /// The worker's settings, as given.
    pub worker: Arc<Properties>,
    /// Where source offsets are kept.
    pub offsets: Arc<FileOffsetStore>,
    /// Where source tasks send to.
    pub producers: Producers,
    /// How often offsets are stored: `offset.flush.interval.ms`.
    pub flush_interval: Duration,
    /// How long storing may take: `offset.flush.timeout.ms`.
    pub flush_timeout: Duration,
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
}

/// What a task is told; also to stop, which ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Take no more records.
    Pause,
    /// Go on.
    Resume,
    /// End in an orderly way.
    Stop,
}

/// How many commands may wait for a task: the herder sends one at a time and waits for none.
pub const COMMANDS: usize = 16;

/// What a task does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Moves records.
    Running,
    /// Waits to be resumed.
    Paused,
    /// Ends.
    Stopping,
}

/// Receives a task's commands and reports what it does.
pub struct Control {
    commands: mpsc::Receiver<Command>,
    herder: HerderHandle,
    task: TaskId,
    incarnation: Incarnation,
    mode: Mode,
}

impl Control {
    /// Returns the control of a task that begins as the specification says.
    pub fn new(spec: &TaskSpec, commands: mpsc::Receiver<Command>, herder: HerderHandle) -> Self {
        let mode = if spec.begin == Begin::Paused { Mode::Paused } else { Mode::Running };
        Self { commands, herder, task: spec.id.clone(), incarnation: spec.incarnation, mode }
    }

    /// Returns what the task is to do now.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Waits for the next command; may be dropped while it waits. A worker that has gone means stop.
    pub async fn next(&mut self) -> Command {
        self.commands.recv().await.unwrap_or(Command::Stop)
    }

    /// Returns a command that is there already.
    pub fn waiting(&mut self) -> Option<Command> {
        match self.commands.try_recv() {
            Ok(command) => Some(command),
            Err(mpsc::error::TryRecvError::Empty) => None,
            Err(mpsc::error::TryRecvError::Disconnected) => Some(Command::Stop),
        }
    }

    /// Takes a command and reports the new mode when it changes.
    pub async fn obey(&mut self, command: Command) {
        let mode = match command {
            _ if self.mode == Mode::Stopping => Mode::Stopping,
            Command::Stop => Mode::Stopping,
            Command::Pause => Mode::Paused,
            Command::Resume => Mode::Running,
        };
        if mode != self.mode {
            self.mode = mode;
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

    /// Waits until the task may run or must end. Reports a pause.
    pub async fn wait_while_paused(&mut self) {
        if self.mode == Mode::Paused {
            self.report().await;
        }
        while self.mode == Mode::Paused {
            let command = self.next().await;
            // Whoever waits here is not running yet: it reports that itself.
            self.mode = match command {
                Command::Pause => Mode::Paused,
                Command::Resume => Mode::Running,
                Command::Stop => Mode::Stopping,
            };
        }
    }

    /// Does some work unless the task is stopped meanwhile, which drops it.
    pub async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                command = self.commands.recv() => match command.unwrap_or(Command::Stop) {
                    Command::Stop => {
                        self.mode = Mode::Stopping;
                        return None;
                    }
                    Command::Pause => self.mode = Mode::Paused,
                    Command::Resume => self.mode = Mode::Running,
                },
                done = &mut work => return Some(done),
            }
        }
    }
}

/// Wraps an error of Kafka's client in one that a task fails with.
pub fn kafka_error(message: &str, error: millrace_kafka::KafkaError) -> Error {
    let class = error.class();
    let cause = Error::of(millrace_api::Class::Fatal, class, error.to_string());
    Error::connect(message).caused_by(cause)
}
