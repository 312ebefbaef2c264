//! Runs one connector instance: starts it, asks it for its tasks, lets it watch the outside.

use crate::{
    data::{Call, Pulse},
    driver::HerderHandle,
    panics::Contained,
    secrets,
    task::CLEAN_UP,
};
use millrace_api::{
    ConnectorContext, ConnectorHost, ConnectorPlugin, Error, Properties, Result, plugins::RunningConnector,
};
use millrace_herder::{Event, Failure, Incarnation, TaskLimit};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tracing::{info, warn};

/// What a connector instance is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Say which tasks there are to be.
    Plan {
        /// The most there may be.
        tasks_max: usize,
    },
    /// End in an orderly way.
    Stop,
}

/// How many commands may wait for a connector: the herder plans once at a time, and stops once.
pub const COMMANDS: usize = 16;

/// One start of one connector.
pub struct ConnectorSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Which start of it.
    pub incarnation: Incarnation,
    /// Its settings.
    pub config: Arc<Properties>,
    /// What the watchdog sees of it.
    pub pulse: Arc<Pulse>,
}

/// Runs a connector until it is stopped or fails.
///
/// `config` is its configuration with the references in it resolved.
pub async fn run(
    spec: ConnectorSpec,
    config: Arc<Properties>,
    plugin: ConnectorPlugin,
    mut commands: mpsc::Receiver<Command>,
    herder: HerderHandle,
) -> Result<()> {
    let host = Arc::new(Host::default());
    let context = ConnectorContext::new(config.clone(), host.clone());
    info!("Creating connector {} of type {}", spec.name, plugin.info().class);
    let starting = async {
        match &plugin {
            ConnectorPlugin::Source(source) => source.start(&config, context).await,
            ConnectorPlugin::Sink(sink) => sink.start(&config, context).await,
        }
    };
    let connector = tokio::select! {
        started = spec.pulse.during(Call::Start, starting) => Contained::new(started?),
        () = stop_asked(&mut commands) => return Ok(()),
    };
    let info = plugin.info();
    info!("Instantiated connector {} with version {} of type {}", spec.name, info.version, info.class);
    let (name, incarnation) = (spec.name.clone(), spec.incarnation);
    let limit = TaskLimit::of(&config);
    herder.tell(Event::ConnectorStarted { name, incarnation, limit }).await;
    Running { spec, config, plugin, host, connector, herder, watch: Watch::Running }
        .serve(&mut commands)
        .await
}

/// Waits for the command to stop; the herder plans nothing before a connector has started.
async fn stop_asked(commands: &mut mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        if command == Command::Stop {
            return;
        }
    }
}

/// A started connector.
struct Running {
    spec: ConnectorSpec,
    /// The configuration with references resolved.
    config: Arc<Properties>,
    plugin: ConnectorPlugin,
    host: Arc<Host>,
    connector: Contained<Box<dyn RunningConnector>>,
    herder: HerderHandle,
    watch: Watch,
}

/// Whether the connector's own loop is still to be run.
#[derive(PartialEq, Eq)]
enum Watch {
    Running,
    Ended,
}

impl Running {
    /// Serves until the connector is stopped or fails, and ends it either way: nobody stops it later.
    async fn serve(mut self, commands: &mut mpsc::Receiver<Command>) -> Result<()> {
        let ended = self.attend(commands).await;
        let Self { spec: ConnectorSpec { name, pulse, .. }, connector, .. } = self;
        let stopping = pulse.during(Call::Stop, connector.into_inner().stop());
        let stopped = match &ended {
            // The herder has a deadline for a stop that was asked for.
            Ok(()) => stopping.await,
            Err(_) => timeout(CLEAN_UP, stopping).await.unwrap_or(Ok(())),
        };
        if let Err(error) = stopped {
            warn!("stopping connector {name}: {error}");
        }
        ended
    }

    async fn attend(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<()> {
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Plan { tasks_max }) => self.plan(tasks_max).await,
                    Some(Command::Stop) | None => return Ok(()),
                },
                error = self.host.raised() => return Err(error),
                () = self.host.replan.notified() => {
                    let (name, incarnation) = (self.spec.name.clone(), self.spec.incarnation);
                    self.herder.tell(Event::ReplanAsked { name, incarnation }).await;
                }
                ended = self.spec.pulse.during(Call::Watch, self.connector.watch()), if self.watch == Watch::Running => {
                    ended?;
                    self.watch = Watch::Ended;
                }
            }
        }
    }

    async fn plan(&mut self, tasks_max: usize) {
        let planning = self.connector.task_configs(tasks_max);
        let planned = self.spec.pulse.during(Call::TaskConfigs, planning).await;
        let plan = match planned {
            Ok(tasks) => Ok(tasks.into_iter().map(|task| self.complete(task)).collect()),
            Err(error) => Err(failure(&error, "millrace.worker.connector")),
        };
        let (name, incarnation) = (self.spec.name.clone(), self.spec.incarnation);
        self.herder.tell(Event::TasksPlanned { name, incarnation, plan }).await;
    }

    /// Adds what the framework adds to a task's settings.
    fn complete(&self, mut task: Properties) -> Properties {
        task.insert("task.class", self.plugin.info().task_class.as_ref());
        for topics in ["topics", "topics.regex"] {
            if let Some(text) = self.config.get(topics) {
                task.insert(topics, text);
            }
        }
        self.put_references_back(&mut task);
        task
    }

    /// Replaces what a reference stands for by the reference, also under another name than the connector's own: task
    /// settings are stored and shown.
    fn put_references_back(&self, task: &mut Properties) {
        let secret = self.config.iter().filter(|(name, _)| self.config.is_secret(name));
        let references: HashMap<&str, &str> =
            secret.filter_map(|(name, text)| Some((text?, self.spec.config.get(name)?))).collect();
        if references.is_empty() {
            return;
        }
        let held: Vec<_> =
            task.iter().filter_map(|(name, text)| Some((name.to_owned(), *references.get(text?)?))).collect();
        for (name, reference) in held {
            task.insert(name, reference);
        }
    }
}

/// The worker's side of a connector's context.
#[derive(Default)]
struct Host {
    replan: Notify,
    raising: Notify,
    raised: Mutex<Option<Error>>,
}

impl Host {
    async fn raised(&self) -> Error {
        loop {
            if let Some(error) = self.raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return error;
            }
            self.raising.notified().await;
        }
    }
}

impl ConnectorHost for Host {
    fn request_task_reconfiguration(&self) {
        self.replan.notify_one();
    }

    fn raise_error(&self, error: Error) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.get_or_insert(error);
        self.raising.notify_one();
    }
}

/// Returns what the status shows of an error.
pub fn failure(error: &Error, place: &str) -> Failure {
    let (message, trace) = (error.to_string(), error.trace(place));
    Failure::new(secrets::without(&message).as_ref(), secrets::without(&trace).as_ref())
}
