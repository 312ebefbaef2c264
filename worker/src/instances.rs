//! The connectors and tasks that run now: starts them on the data runtime, commands them, and sees them end.

use crate::{
    connector::{self, ConnectorSpec, failure},
    data::{Abort, Data, Ended, Owner, Pulse},
    driver::HerderHandle,
    panics, secrets, sink_task, source_task,
    task::{Mode, Services, TaskSpec, Wishes},
};
use futures::FutureExt;
use millrace_api::{Class, ConnectorPlugin, Error, Plugins, Properties, Result};
use millrace_herder::{Event, Failure, Incarnation, OffsetsChange, REQUEST_TIMEOUT, Refusal, TaskLimit};
use std::{collections::HashMap, future::Future, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use tracing::{Instrument, Span, error, info, info_span, warn};

/// Everything that runs.
pub struct Instances {
    services: Arc<Services>,
    herder: HerderHandle,
    /// Where plugins run; nothing of theirs runs anywhere else.
    data: Arc<Data>,
    running: HashMap<Incarnation, Instance>,
    /// One for each instance and change of offsets, on the control runtime: it waits for the end and reports it.
    watchers: JoinSet<Option<Incarnation>>,
}

struct Instance {
    commands: Commands,
    abort: Abort,
}

enum Commands {
    Connector(mpsc::Sender<connector::Command>),
    Task(Wishes),
}

/// How something ended.
enum End {
    Stopped,
    Failed(Failure),
}

impl Instances {
    /// Returns an empty set whose plugins will run on `data`.
    pub fn new(services: Arc<Services>, herder: HerderHandle, data: Arc<Data>) -> Self {
        Self { services, herder, data, running: HashMap::new(), watchers: JoinSet::new() }
    }

    /// Starts a connector.
    pub fn start_connector(&mut self, spec: ConnectorSpec) {
        let (sender, commands) = mpsc::channel(connector::COMMANDS);
        let (name, incarnation) = (spec.name.clone(), spec.incarnation);
        let span = info_span!("connector", context = %format_args!("[{name}|worker] "));
        let pulse = spec.pulse.clone();
        let (services, herder) = (self.services.clone(), self.herder.clone());
        let work = async move {
            let resolved = services.resolve(spec.config.clone()).await?;
            let plugin = plugin_of(&services.plugins, &resolved)?;
            connector::run(spec, resolved, plugin, commands, herder).await
        };
        let report = move |end| match end {
            End::Stopped => Event::ConnectorStopped { name, incarnation },
            End::Failed(failure) => Event::ConnectorFailed { name, incarnation, failure },
        };
        self.spawn(incarnation, Commands::Connector(sender), pulse, work, report, span);
    }

    /// Starts a task, unless its connector has more of them than it may.
    pub fn start_task(&mut self, mut spec: TaskSpec, task_count: usize) {
        let (sender, wishes) = Wishes::new(spec.begin);
        let (task, incarnation) = (spec.id.clone(), spec.incarnation);
        let span = info_span!("task", context = %format_args!("[{}|task-{}] ", task.connector, task.index));
        let pulse = spec.pulse.clone();
        let (services, herder) = (self.services.clone(), self.herder.clone());
        let work = async move {
            spec.connector = services.resolve(spec.connector).await?;
            spec.settings = services.resolve(spec.settings).await?;
            check_limit(&spec, task_count)?;
            match plugin_of(&services.plugins, &spec.connector)? {
                ConnectorPlugin::Source(plugin) => {
                    source_task::run(spec, plugin, services, wishes, herder).await
                }
                ConnectorPlugin::Sink(plugin) => sink_task::run(spec, plugin, services, wishes, herder).await,
            }
        };
        let report = move |end| match end {
            End::Stopped => Event::TaskStopped { task, incarnation },
            End::Failed(failure) => {
                error!(
                    "Task {task} threw an uncaught and unrecoverable exception. Task is being killed and will not \
                     recover until manually restarted: {}",
                    failure.trace
                );
                Event::TaskFailed { task, incarnation, failure }
            }
        };
        self.spawn(incarnation, Commands::Task(sender), pulse, work, report, span);
    }

    /// Tells a task what to do.
    pub fn tell_task(&self, incarnation: Incarnation, wish: Mode) {
        if let Some(Instance { commands: Commands::Task(wishes), .. }) = self.running.get(&incarnation) {
            wishes.tell(wish);
        }
    }

    /// Tells a connector something.
    pub fn command_connector(&self, incarnation: Incarnation, command: connector::Command) {
        let Some(Instance { commands: Commands::Connector(commands), .. }) = self.running.get(&incarnation)
        else {
            return;
        };
        if commands.try_send(command).is_err() {
            warn!("a connector does not take commands any more: {command:?} of {incarnation:?} is not heard");
        }
    }

    /// Drops what did not end in time, at its next wait.
    pub fn abandon(&mut self, incarnation: Incarnation, what: &str) {
        let Some(instance) = self.running.get(&incarnation) else { return };
        error!("Graceful stop of {what} failed.");
        instance.abort.abort();
    }

    /// Changes offsets of a connector of which nothing runs, in bounded time. The plugin has a say in it, so it happens
    /// where plugins run.
    pub fn change_offsets(&mut self, name: Arc<str>, config: Arc<Properties>, change: OffsetsChange) {
        let (offsets, herder, connector) =
            (self.services.offset_service(), self.herder.clone(), name.clone());
        let (sender, answer) = oneshot::channel();
        let changing = async move {
            let changed = offsets.change(&connector, config, change).await;
            // Nobody waits any more when the time is over.
            let _ = sender.send(changed.map_err(|refusal| match refusal {
                Refusal::OffsetsFailed(text) => {
                    Refusal::OffsetsFailed(secrets::without(&text).as_ref().into())
                }
                other => other,
            }));
            Ok(())
        };
        let (_, abort) = self.data.spawn(Pulse::new(Owner::Connector(name.clone())), changing.boxed());
        self.watchers.spawn(async move {
            let outcome = match timeout(REQUEST_TIMEOUT, answer).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => {
                    let text = format!("Failed to modify offsets for connector {name}: the plugin panicked");
                    Err(Refusal::OffsetsFailed(text.into()))
                }
                Err(_) => {
                    abort.abort();
                    let text = format!("Timed out while attempting to modify offsets for connector {name}");
                    Err(Refusal::OffsetsFailed(text.into()))
                }
            };
            herder.tell(Event::OffsetsChanged { name, outcome }).await;
            None
        });
    }

    /// Waits for the next end and forgets it; pending for ever while nothing runs.
    pub async fn next_end(&mut self) {
        match self.watchers.join_next().await {
            Some(Ok(Some(incarnation))) => drop(self.running.remove(&incarnation)),
            Some(Ok(None)) => {}
            Some(Err(error)) => error!("watching an instance: {error}"),
            None => std::future::pending().await,
        }
    }

    fn spawn(
        &mut self,
        incarnation: Incarnation,
        commands: Commands,
        pulse: Arc<Pulse>,
        work: impl Future<Output = Result<()>> + Send + 'static,
        report: impl FnOnce(End) -> Event + Send + 'static,
        span: Span,
    ) {
        let place = match &commands {
            Commands::Connector(_) => "millrace.worker.connector",
            Commands::Task(_) => "millrace.worker.task",
        };
        let (ended, abort) = self.data.spawn(pulse, work.instrument(span.clone()).boxed());
        let herder = self.herder.clone();
        let watcher = async move {
            let end = match ended.await {
                Ok(Ended::Done(Ok(())) | Ended::Aborted) => End::Stopped,
                Ok(Ended::Done(Err(error))) => End::Failed(failure(&error, place)),
                Ok(Ended::Panicked(panic)) => End::Failed(panicked(&panic, place)),
                Err(_) => End::Failed(panicked("the worker has lost it", place)),
            };
            herder.tell(report(end)).await;
            Some(incarnation)
        };
        self.watchers.spawn(watcher.instrument(span));
        self.running.insert(incarnation, Instance { commands, abort });
    }
}

fn plugin_of(plugins: &Plugins, connector: &Properties) -> Result<ConnectorPlugin> {
    let class = connector.get("connector.class").unwrap_or_default();
    Ok(plugins.connector(class)?)
}

fn check_limit(spec: &TaskSpec, task_count: usize) -> Result<()> {
    let limit = TaskLimit::of(&spec.connector);
    limit.check(&spec.id.connector, task_count).map_err(|error| {
        Error::of(Class::Fatal, "org.apache.kafka.connect.runtime.TooManyTasksException", error.to_string())
    })?;
    info!("Instantiated task {} of type {}", spec.id, spec.settings.get("task.class").unwrap_or_default());
    Ok(())
}

/// Returns what the status shows of a panic: its message, then where it happened.
fn panicked(panic: &str, place: &str) -> Failure {
    let (message, backtrace) = panic.split_once(panics::BACKTRACE).unwrap_or((panic, ""));
    let first = message.lines().collect::<Vec<_>>().join(" ");
    let trace = format!("java.lang.RuntimeException: {first}\n\tat {place}\n{backtrace}");
    Failure::new(
        secrets::without(&format!("the plugin panicked: {first}")).as_ref(),
        secrets::without(&trace).as_ref(),
    )
}
