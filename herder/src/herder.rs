//! The state machine: takes events in, keeps what was observed, and derives what to do.
//!
//! What is configured is a fold of the log ([`ConfigState`]); what runs is a table of instances ([`Slot`]). After
//! each event the connectors that it touched are compared: what differs is stopped, what is missing is started,
//! and requests whose goal is reached are answered.

mod membership;
mod offsets;
mod planning;
mod reconcile;
mod reports;
mod requests;
mod status;
mod writing;

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::Duration,
};

use crate::{
    config::{ConfigRecord, ConfigState},
    event::{Action, Begin, Event, Incarnation},
    group::{Group, GroupOptions},
    herder::{membership::Keys, planning::Plans, requests::Line, writing::Outbox},
    request::{Refusal, Response, State},
    slot::{Phase, Slot},
    statuses::Statuses,
    time::Time,
};

/// How long a request waits for what it asked for, as in Kafka Connect.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// How many requests may wait at once. A worker with some thousands of connectors may have each created by a
/// client of its own; more than that is a client gone wild.
pub const REQUESTS_MAX: usize = 10_000;

/// What a herder must be told once.
#[derive(Debug, Clone)]
pub struct Options {
    /// `host:port` of the advertised URL: shown in every status.
    pub worker_id: Arc<str>,
    /// `task.shutdown.graceful.timeout.ms`: how long a task may take to stop.
    pub task_stop_timeout: Duration,
    /// How long a connector may take to stop. Kafka Connect gives it five seconds.
    pub connector_stop_timeout: Duration,
}

/// Decides the life of all connectors and tasks of one worker.
#[derive(Debug)]
pub struct Herder {
    options: Options,
    now: Time,
    mode: Mode,
    /// Nothing for a worker of its own.
    group: Option<Group>,
    keys: Keys,
    /// What the group's workers have written about what they run; of a worker of its own, nothing.
    statuses: Statuses,
    config: ConfigState,
    outbox: Outbox,
    works: BTreeMap<Arc<str>, Work>,
    /// Requests that wait, by connector.
    lines: BTreeMap<Arc<str>, Line>,
    /// The last incarnation that was given out.
    last: Incarnation,
    /// When something of a connector is due by the clock; kept by [`settle`](Self::settle), so that a worker with
    /// thousands of tasks need not look at each of them after every event.
    due: BTreeMap<Arc<str>, Time>,
    /// Connectors that the current event may have changed something for.
    touched: BTreeSet<Arc<str>>,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    Stopping,
    Finished,
}

/// What this worker runs of one connector.
#[derive(Debug, Default)]
struct Work {
    connector: Slot<Plans>,
    tasks: BTreeMap<u32, Slot<TaskDetail>>,
    /// What of it was last written to the status topic: the connector without a number, its tasks with theirs.
    reported: BTreeMap<Option<u32>, (State, Option<Arc<str>>)>,
}

#[derive(Debug)]
struct TaskDetail {
    /// What the task was last told to do. What it does is in its phase.
    told: Begin,
}

// === impl Herder ===

impl Herder {
    pub fn new(options: Options, now: Time) -> Self {
        Self {
            options,
            now,
            mode: Mode::Serving,
            group: None,
            keys: Keys::default(),
            statuses: Statuses::default(),
            config: ConfigState::default(),
            outbox: Outbox::default(),
            works: BTreeMap::new(),
            lines: BTreeMap::new(),
            last: Incarnation(0),
            due: BTreeMap::new(),
            touched: BTreeSet::new(),
            actions: Vec::new(),
        }
    }

    /// A worker that shares the work with others.
    pub fn in_group(options: Options, group: GroupOptions, now: Time) -> Self {
        Self { group: Some(Group::new(group)), ..Self::new(options, now) }
    }

    /// Takes in what happened. Time that seems to go back stands still.
    pub fn handle(&mut self, now: Time, event: Event) {
        self.now = self.now.max(now);
        // What has ended at the last moment is not given up.
        self.absorb(event);
        self.expire();
        self.settle_touched();
        while self.step_group() {
            self.settle_touched();
        }
        if self.mode == Mode::Stopping && !self.works.values().any(Work::is_live) {
            self.mode = Mode::Finished;
            self.leave_group();
            self.actions.push(Action::Finished);
        }
    }

    /// Returns what is to be done since the last call, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + use<> {
        mem::take(&mut self.actions).into_iter()
    }

    /// Returns when to call [`handle`](Self::handle) with [`Event::DeadlineReached`], if nothing happens before.
    pub fn deadline(&self) -> Option<Time> {
        self.due.values().copied().chain(self.group_deadline()).min()
    }

    /// Returns what is configured.
    pub fn config(&self) -> &ConfigState {
        &self.config
    }

    fn absorb(&mut self, event: Event) {
        match event {
            Event::Requested { id, request } => self.requested(id, request),
            Event::RequestDropped { id } => self.request_dropped(id),
            Event::ConfigRead { offset, record } => self.config_read(offset, &record),
            Event::ConfigSkipped { offset } => self.config.skip(offset),
            Event::StatusRead(record) => self.statuses.read(record),
            Event::Written { outcome } => self.written(outcome),
            Event::Forwarded { id, request } => self.forwarded(id, request),
            Event::TasksPublished { name, incarnation, outcome } => {
                self.tasks_published(name, incarnation, outcome);
            }
            Event::TopicUsed { task, topic, at_ms } => self.topic_used(&task, topic, at_ms),
            Event::KeyMade(key) => self.key_made(key),
            Event::Group(event) => self.group_event(event),
            Event::ConnectorStarted { name, incarnation, limit } => {
                self.connector_started(name, incarnation, limit);
            }
            Event::ConnectorFailed { name, incarnation, failure } => {
                self.connector_failed(name, incarnation, failure);
            }
            Event::ConnectorStopped { name, incarnation } => self.connector_stopped(name, incarnation),
            Event::TasksPlanned { name, incarnation, plan } => self.tasks_planned(name, incarnation, plan),
            Event::ReplanAsked { name, incarnation } => self.replan_asked(name, incarnation),
            Event::TaskRunning { task, incarnation } => self.task_reached(task, incarnation, Phase::Running),
            Event::TaskPaused { task, incarnation } => self.task_reached(task, incarnation, Phase::Paused),
            Event::TaskFailed { task, incarnation, failure } => self.task_failed(task, incarnation, failure),
            Event::TaskStopped { task, incarnation } => self.task_stopped(task, incarnation),
            Event::OffsetsChanged { name, outcome } => self.offsets_changed(name, outcome),
            Event::DeadlineReached => {}
            Event::StopAsked => self.stop_asked(),
        }
    }

    fn settle_touched(&mut self) {
        while let Some(name) = self.touched.pop_first() {
            self.settle(&name);
        }
    }

    /// Makes what runs of a connector agree with what is configured.
    fn settle(&mut self, name: &Arc<str>) {
        self.perform_next(name);
        self.reconcile_tasks(name);
        self.reconcile_connector(name);
        self.advance_plan(name);
        self.doubt_tasks(name);
        self.answer_reached(name);
        self.report_statuses(name);
        self.tidy(name);
    }

    fn config_read(&mut self, offset: u64, record: &ConfigRecord) {
        self.note_work(offset, record);
        self.config.fold(offset, record);
        if self.group.is_none()
            && let Some(id) = self.outbox.read(record)
        {
            self.respond(id, Ok(Response::Done));
        }
        match record {
            ConfigRecord::Restart { name, include, which } if self.is_ready() => {
                self.apply_restart(name, *include, *which);
            }
            ConfigRecord::LoggerLevel { logger, level } if self.is_ready() => {
                self.actions.push(Action::SetLevel { logger: logger.clone(), level: level.clone() });
            }
            ConfigRecord::SessionKey(_) => self.keys.read(),
            _ => {}
        }
        let Some(name) = record.connector().cloned() else { return };
        if self.group.is_none() && !self.outbox.holds(&name) {
            self.writes_read(&name, offset);
        }
        self.touched.insert(name);
    }

    fn stop_asked(&mut self) {
        if self.mode != Mode::Serving {
            return;
        }
        self.mode = Mode::Stopping;
        for line in mem::take(&mut self.lines).into_values() {
            for id in line.ids() {
                self.respond(id, Err(Refusal::ShuttingDown));
            }
        }
        self.touched.extend(self.works.keys().chain(self.due.keys()).cloned());
    }

    /// Does what is due by the clock alone.
    fn expire(&mut self) {
        let now = self.now;
        let due = self.due.iter().filter(|(_, due)| **due <= now);
        let names: Vec<_> = due.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.expire_requests(&name);
            self.abandon_hanging(&name);
            if let Some(instance) =
                self.works.get_mut(&name).and_then(|work| work.connector.instance.as_mut())
            {
                instance.detail.retry(now);
            }
            self.touched.insert(name);
        }
    }

    fn next_incarnation(&mut self) -> Incarnation {
        self.last = Incarnation(self.last.0 + 1);
        self.last
    }

    /// Forgets what holds nothing, and notes when the connector is to be looked at next.
    fn tidy(&mut self, name: &Arc<str>) {
        if let Some(work) = self.works.get_mut(name) {
            let configured = self.config.connector(name).is_some();
            let empty = work.connector.instance.is_none() && work.tasks.is_empty();
            if !configured && empty && work.reported.is_empty() {
                self.works.remove(name);
            }
        }
        if self.lines.get(name).is_some_and(Line::is_empty) {
            self.lines.remove(name);
        }
        let work = self.works.get(name).and_then(Work::deadline);
        let line = self.lines.get(name).and_then(Line::deadline);
        match work.into_iter().chain(line).min() {
            Some(due) => self.due.insert(name.clone(), due),
            None => self.due.remove(name),
        };
    }
}

// === impl Work ===

impl Work {
    fn is_live(&self) -> bool {
        self.connector.is_live() || self.has_live_tasks()
    }

    fn has_live_tasks(&self) -> bool {
        self.tasks.values().any(Slot::is_live)
    }

    /// Tells whether something still runs that was started up to `last`.
    fn is_live_up_to(&self, last: Incarnation) -> bool {
        let connector = self.connector.live().map(|instance| instance.incarnation);
        let mut tasks = self.tasks.values().filter_map(|slot| Some(slot.live()?.incarnation));
        connector.is_some_and(|incarnation| incarnation <= last)
            || tasks.any(|incarnation| incarnation <= last)
    }

    fn deadline(&self) -> Option<Time> {
        let connector = self.connector.instance.iter().filter_map(|instance| match &instance.phase {
            Phase::Stopping(stopping) => Some(stopping.until),
            Phase::Running => instance.detail.retry_at(),
            _ => None,
        });
        let tasks = self.tasks.values().filter_map(|slot| match &slot.instance.as_ref()?.phase {
            Phase::Stopping(stopping) => Some(stopping.until),
            _ => None,
        });
        connector.chain(tasks).min()
    }
}

#[cfg(test)]
mod tests;
