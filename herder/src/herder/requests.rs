//! Requests: answered at once, or held until what was written is read back and what was asked for is reached.

use std::{collections::VecDeque, mem, sync::Arc};

use millrace_api::Properties;

use crate::{
    config::{ConfigRecord, Target},
    event::{Action, Failure, Incarnation, RequestId, TaskId},
    group::Place,
    herder::{Herder, Mode, REQUEST_TIMEOUT, REQUESTS_MAX, planning::task_records},
    request::{ConnectorInfo, Include, OffsetsChange, Refusal, Request, Response, Stage, Which},
    slot::{Phase, Stopping},
    time::Time,
};

/// The requests that concern one connector.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Not begun yet: something about the connector was written and not read back.
    held: VecDeque<Held>,
    /// Begun, and not at their goal.
    open: Vec<Open>,
    /// Since when the connector's offsets are being changed; until that is done nothing of it begins.
    changing_offsets: Option<Time>,
}

#[derive(Debug)]
struct Held {
    /// Nobody, when the request was dropped or has timed out: it is carried out all the same.
    id: Option<RequestId>,
    until: Time,
    origin: Origin,
    change: Change,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Client,
    /// Another worker, which took this one for the right one.
    Worker,
}

#[derive(Debug)]
struct Open {
    id: RequestId,
    until: Time,
    /// Its own records were read back, the last one from here.
    read: Option<Read>,
    goal: Goal,
}

#[derive(Debug, Clone, Copy)]
struct Read {
    offset: u64,
    /// The last incarnation given out by then.
    last: Incarnation,
}

/// A request that changes a connector.
#[derive(Debug)]
enum Change {
    Create { config: Properties, initial_state: Target },
    PutConfig { config: Properties },
    Delete,
    Target(Target),
    Restart { include: Include, which: Which },
    RestartTask { index: u32 },
    Offsets(OffsetsChange),
    PutTasks { tasks: Vec<Arc<Properties>> },
}

/// What must come about before a request is answered.
#[derive(Debug)]
enum Goal {
    Created,
    Replaced,
    /// Nothing runs that was started before the records were read.
    Ended,
    Noted,
    Restarted {
        after: Incarnation,
    },
    TaskRestarted {
        index: u32,
        after: Incarnation,
    },
    OffsetsChanged,
}

type Answer = Result<Response, Refusal>;

// === impl Line ===

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.open.is_empty() && self.changing_offsets.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.held.len() + self.open.len()
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let held = self.held.iter().filter(|held| held.id.is_some()).map(|held| held.until);
        held.chain(self.open.iter().map(|open| open.until)).min()
    }

    /// Notes that offsets are being changed.
    pub(super) fn begin_offsets(&mut self, now: Time) {
        self.changing_offsets = Some(now);
    }

    /// Notes that offsets were changed. Returns who asked for it, if anybody still waits.
    pub(super) fn end_offsets(&mut self) -> Option<RequestId> {
        self.changing_offsets = None;
        let index = self.open.iter().position(|open| matches!(open.goal, Goal::OffsetsChanged))?;
        Some(self.open.remove(index).id)
    }

    /// Returns those who wait for an answer.
    pub(super) fn ids(&self) -> impl Iterator<Item = RequestId> {
        let held = self.held.iter().filter_map(|held| held.id);
        held.chain(self.open.iter().map(|open| open.id))
    }
}

// === impl Herder ===

impl Herder {
    pub(super) fn requested(&mut self, id: RequestId, request: Request) {
        self.take_request(id, request, Origin::Client);
    }

    pub(super) fn forwarded(&mut self, id: RequestId, request: Request) {
        self.take_request(id, request, Origin::Worker);
    }

    fn take_request(&mut self, id: RequestId, request: Request, origin: Origin) {
        if self.mode != Mode::Serving {
            return self.respond(id, Err(Refusal::ShuttingDown));
        }
        let (name, change) = match request {
            Request::Connectors => return self.respond(id, Ok(self.names())),
            Request::Connector { name } => {
                let info = self.info(&name).map(Response::Connector);
                return self.respond(id, info.ok_or(Refusal::ConnectorNotFound(name)));
            }
            Request::Tasks { name } => {
                let tasks = self.task_infos(&name).map(Response::Tasks);
                return self.respond(id, tasks.ok_or(Refusal::ConnectorNotFound(name)));
            }
            Request::Status { name } => {
                let status = self.status(&name).map(Response::Status);
                return self.respond(id, status.ok_or(Refusal::NoConnectorStatus(name)));
            }
            Request::TaskStatus { task } => {
                let status = self.task_status(&task).map(Response::TaskStatus);
                return self.respond(id, status.ok_or(Refusal::NoTaskStatus(task)));
            }
            Request::Statuses => return self.respond(id, Ok(self.statuses())),
            Request::Health => return self.respond(id, Ok(Response::Done)),
            Request::Topics { name } => {
                let topics = self.statuses.topics(&name).cloned().collect();
                return self.respond(id, Ok(Response::Topics(topics)));
            }
            Request::ResetTopics { name } => {
                self.forget_topics(&name);
                return self.respond(id, Ok(Response::Done));
            }
            Request::SetClusterLevel { logger, level } => {
                return self.write_for(Some(id), vec![ConfigRecord::LoggerLevel { logger, level }]);
            }
            Request::PutTasks { name, tasks } => (name, Change::PutTasks { tasks }),
            Request::Create { name, config, initial_state } => {
                (name, Change::Create { config, initial_state })
            }
            Request::PutConfig { name, config } => (name, Change::PutConfig { config }),
            Request::Delete { name } => (name, Change::Delete),
            Request::Pause { name } => (name, Change::Target(Target::Paused)),
            Request::Resume { name } => (name, Change::Target(Target::Started)),
            Request::Stop { name } => (name, Change::Target(Target::Stopped)),
            Request::RestartConnector { name, include, which } => (name, Change::Restart { include, which }),
            Request::RestartTask { task } => (task.connector, Change::RestartTask { index: task.index }),
            Request::ChangeOffsets { name, change } => (name, Change::Offsets(change)),
        };
        let waiting: usize = self.lines.values().map(Line::len).sum();
        if waiting >= REQUESTS_MAX {
            return self.respond(id, Err(Refusal::TooManyRequests(waiting)));
        }
        let held = Held { id: Some(id), until: self.now + REQUEST_TIMEOUT, origin, change };
        self.lines.entry(name.clone()).or_default().held.push_back(held);
        self.touched.insert(name);
    }

    /// Forgets who asked; what was asked for goes on.
    pub(super) fn request_dropped(&mut self, id: RequestId) {
        for (name, line) in &mut self.lines {
            for held in line.held.iter_mut().filter(|held| held.id == Some(id)) {
                held.id = None;
            }
            line.open.retain(|open| open.id != id);
            if line.is_empty() {
                self.touched.insert(name.clone());
            }
        }
    }

    /// Answers the requests of a connector that have waited too long.
    pub(super) fn expire_requests(&mut self, name: &Arc<str>) {
        let now = self.now;
        let Some(line) = self.lines.get_mut(name) else { return };
        let mut late = Vec::new();
        for held in line.held.iter_mut().filter(|held| held.until <= now) {
            late.extend(held.id.take().map(|id| (id, None)));
        }
        for open in line.open.extract_if(.., |open| open.until <= now) {
            late.push((open.id, Some(open.goal)));
        }
        for (id, goal) in late {
            let (stage, since) = self.stage(name, goal.as_ref());
            self.respond(id, Err(Refusal::TimedOut { stage, since }));
        }
    }

    /// Carries out held requests until one writes something.
    pub(super) fn perform_next(&mut self, name: &Arc<str>) {
        while !self.outbox.holds(name) {
            let line = self.lines.get(name).filter(|line| line.changing_offsets.is_none());
            let Some(held) = line.and_then(|line| line.held.front()) else { return };
            let place = self.place_of(name, &held.change);
            if place == Place::Unknown {
                return;
            }
            let Some(held) = self.lines.get_mut(name).and_then(|line| line.held.pop_front()) else { return };
            match (place, held.id, held.origin) {
                (Place::At(_), None, _) => {}
                (Place::At(_), Some(id), Origin::Worker) => self.respond(id, Err(Refusal::Misplaced)),
                (Place::At(to), Some(id), Origin::Client) => {
                    let request = held.change.into_request(name.clone());
                    self.actions.push(Action::Forward { id, to, request });
                }
                (Place::Here | Place::Unknown, ..) => self.perform(name, held),
            }
        }
    }

    /// Returns where a change can be carried out.
    fn place_of(&self, name: &Arc<str>, change: &Change) -> Place {
        let Some(group) = &self.group else { return Place::Here };
        match change {
            Change::Target(Target::Started | Target::Paused) => match group.leader() {
                Place::Unknown => Place::Unknown,
                Place::Here | Place::At(_) => Place::Here,
            },
            Change::Restart { include: Include::ConnectorOnly, which: Which::All }
                if self.config.connector(name).is_some() =>
            {
                group.owner(name, None)
            }
            Change::RestartTask { index } if self.is_task(name, *index) => group.owner(name, Some(*index)),
            _ => group.leader(),
        }
    }

    /// Takes out those who wait for a write about a connector.
    pub(super) fn take_unwritten(&mut self, name: &str) -> Vec<RequestId> {
        let Some(line) = self.lines.get_mut(name) else { return Vec::new() };
        let waits = |open: &mut Open| open.read.is_none() && open.goal.is_written();
        line.open.extract_if(.., waits).map(|open| open.id).collect()
    }

    /// Notes that everything which was written about a connector was read back.
    pub(super) fn writes_read(&mut self, name: &str, offset: u64) {
        let read = Read { offset, last: self.last };
        let Some(line) = self.lines.get_mut(name) else { return };
        for open in &mut line.open {
            open.read.get_or_insert(read);
        }
    }

    /// Answers the requests of a connector that have reached their goal.
    pub(super) fn answer_reached(&mut self, name: &Arc<str>) {
        let Some(line) = self.lines.get_mut(name) else { return };
        let open = mem::take(&mut line.open);
        let mut waiting = Vec::new();
        for open in open {
            match self.reached(name, &open) {
                Some(answer) => self.respond(open.id, answer),
                None => waiting.push(open),
            }
        }
        if let Some(line) = self.lines.get_mut(name) {
            line.open = waiting;
        }
    }

    pub(super) fn respond(&mut self, id: RequestId, answer: Answer) {
        self.actions.push(Action::Respond { id, answer });
    }

    fn names(&self) -> Response {
        Response::Connectors(self.config.connectors().map(|(name, _)| name.clone()).collect())
    }

    fn statuses(&self) -> Response {
        let both = |(name, _): (&Arc<str>, _)| Some((self.info(name)?, self.status(name)?));
        Response::Statuses(self.config.connectors().filter_map(both).collect())
    }

    fn perform(&mut self, name: &Arc<str>, held: Held) {
        match self.begin(name, held.change) {
            Ok(goal) => {
                let Some(id) = held.id else { return };
                let open = Open { id, until: held.until, read: None, goal };
                self.lines.entry(name.clone()).or_default().open.push(open);
            }
            Err(answer) => {
                if let Some(id) = held.id {
                    self.respond(id, answer);
                }
            }
        }
    }

    /// Sets a change going. Returns what to wait for, or the answer when there is nothing to wait for.
    fn begin(&mut self, name: &Arc<str>, change: Change) -> Result<Goal, Answer> {
        let exists = self.config.connector(name).is_some();
        match change {
            Change::Create { .. } if exists => Err(Err(Refusal::AlreadyExists(name.clone()))),
            Change::Create { config, initial_state } => {
                let mut records = Vec::new();
                if initial_state != Target::Started {
                    records
                        .push(ConfigRecord::TargetState { name: name.clone(), target: Some(initial_state) });
                }
                records.push(ConfigRecord::Connector { name: name.clone(), config: Some(Arc::new(config)) });
                self.write(records);
                Ok(Goal::Created)
            }
            Change::PutConfig { config } => {
                self.write(vec![ConfigRecord::Connector {
                    name: name.clone(),
                    config: Some(Arc::new(config)),
                }]);
                Ok(if exists { Goal::Replaced } else { Goal::Created })
            }
            Change::Delete if !exists => Err(Err(Refusal::ConnectorNotFound(name.clone()))),
            Change::Delete => {
                self.write(vec![
                    ConfigRecord::Connector { name: name.clone(), config: None },
                    ConfigRecord::TargetState { name: name.clone(), target: None },
                ]);
                Ok(Goal::Ended)
            }
            Change::Target(_) if !exists => Err(Err(Refusal::UnknownConnector(name.clone()))),
            Change::Target(target) => Ok(self.begin_target(name, target)),
            Change::Restart { include, which } => self.begin_restart(name, include, which),
            Change::RestartTask { index } => self.begin_task_restart(name, index),
            Change::Offsets(change) => {
                self.begin_offsets(name, change).map(|()| Goal::OffsetsChanged).map_err(Err)
            }
            Change::PutTasks { .. } if !exists => Err(Err(Refusal::ConnectorNotFound(name.clone()))),
            Change::PutTasks { tasks } => {
                self.write(task_records(name, tasks));
                Ok(Goal::Noted)
            }
        }
    }

    fn begin_target(&mut self, name: &Arc<str>, target: Target) -> Goal {
        let state = ConfigRecord::TargetState { name: name.clone(), target: Some(target) };
        if target != Target::Stopped {
            self.write(vec![state]);
            return Goal::Noted;
        }
        self.write(vec![ConfigRecord::TasksCommitted { name: name.clone(), count: 0 }, state]);
        Goal::Ended
    }

    fn begin_restart(&mut self, name: &Arc<str>, include: Include, which: Which) -> Result<Goal, Answer> {
        if (include, which) == (Include::ConnectorOnly, Which::All) {
            if self.config.connector(name).is_none() {
                return Err(Err(Refusal::ConnectorNotFound(name.clone())));
            }
            let after = self.last;
            self.works.entry(name.clone()).or_default().connector.restart(after);
            return Ok(Goal::Restarted { after });
        }
        let Some(plan) = self.restart_plan(name, include, which) else {
            return Err(Err(Refusal::NothingToRestart(name.clone())));
        };
        self.write(vec![ConfigRecord::Restart { name: name.clone(), include, which }]);
        Err(Ok(Response::Restarting(plan)))
    }

    fn begin_task_restart(&mut self, name: &Arc<str>, index: u32) -> Result<Goal, Answer> {
        if self.config.connector(name).is_none() {
            return Err(Err(Refusal::ConnectorNotFound(name.clone())));
        }
        if !self.is_task(name, index) {
            return Err(Err(Refusal::TaskNotFound(TaskId { connector: name.clone(), index })));
        }
        let after = self.last;
        self.works.entry(name.clone()).or_default().tasks.entry(index).or_default().restart(after);
        Ok(Goal::TaskRestarted { index, after })
    }

    fn is_task(&self, name: &str, index: u32) -> bool {
        self.config.tasks(name).any(|(known, _)| known == index)
    }

    /// Returns the answer of a request that is at its goal or cannot reach it any more.
    fn reached(&self, name: &Arc<str>, open: &Open) -> Option<Answer> {
        match open.goal {
            Goal::Created => Some(self.started(name, open.read?)?.map(Response::Created)),
            Goal::Replaced => Some(self.started(name, open.read?)?.map(Response::Replaced)),
            Goal::Ended if self.group.is_some() => open.read.map(|_| Ok(Response::Done)),
            Goal::Ended => {
                let last = open.read?.last;
                let live = self.works.get(name).is_some_and(|work| work.is_live_up_to(last));
                (!live).then_some(Ok(Response::Done))
            }
            Goal::Noted => open.read.map(|_| Ok(Response::Done)),
            Goal::Restarted { after } => self.restarted(name, after),
            Goal::TaskRestarted { index, after } => self.task_restarted(name, index, after),
            // The report of whoever changes them is the answer.
            Goal::OffsetsChanged => None,
        }
    }

    /// Tells what came of a configuration that was read from `read.offset`.
    fn started(&self, name: &Arc<str>, read: Read) -> Option<Result<ConnectorInfo, Refusal>> {
        let info = self.info(name).filter(|_| {
            self.config.connector(name).is_some_and(|connector| connector.revision == read.offset)
        });
        let Some(info) = info else { return Some(Err(Refusal::PreEmpted(name.clone()))) };
        // In a group it starts wherever the next round has it start.
        if self.config.target(name) != Target::Started || self.group.is_some() {
            return Some(Ok(info));
        }
        let slot = &self.works.get(name)?.connector;
        if !slot.fits(read.offset) {
            return None;
        }
        let outcome =
            outcome(&slot.instance.as_ref()?.phase, || slot.instance.as_ref()?.detail.outcome.clone())?;
        Some(outcome.map(|()| info).map_err(|failure| Refusal::StartFailed(failure.message)))
    }

    fn restarted(&self, name: &Arc<str>, after: Incarnation) -> Option<Answer> {
        if self.config.connector(name).is_none() {
            return Some(Err(Refusal::PreEmpted(name.clone())));
        }
        if self.config.target(name) != Target::Started {
            return Some(Ok(Response::Done));
        }
        let instance = self.works.get(name)?.connector.instance.as_ref()?;
        if instance.incarnation <= after {
            return None;
        }
        let outcome = outcome(&instance.phase, || instance.detail.outcome.clone())?;
        Some(outcome.map(|()| Response::Done).map_err(|_| Refusal::RestartFailed(name.clone())))
    }

    fn task_restarted(&self, name: &Arc<str>, index: u32, after: Incarnation) -> Option<Answer> {
        if self.config.connector(name).is_none() {
            return Some(Err(Refusal::PreEmpted(name.clone())));
        }
        let task = TaskId { connector: name.clone(), index };
        if !self.is_task(name, index) {
            return Some(Err(Refusal::TaskNotFound(task)));
        }
        let instance = self.works.get(name)?.tasks.get(&index)?.instance.as_ref()?;
        match &instance.phase {
            _ if instance.incarnation <= after => None,
            Phase::Running | Phase::Paused => Some(Ok(Response::Done)),
            Phase::Failed(_) => Some(Err(Refusal::TaskRestartFailed(task))),
            Phase::Starting | Phase::Stopping(_) | Phase::Abandoned(_) => None,
        }
    }

    /// Tells what a request that has timed out was waiting for, and since when.
    fn stage(&self, name: &Arc<str>, goal: Option<&Goal>) -> (Stage, Time) {
        let work = self.works.get(name);
        let connector = work.and_then(|work| work.connector.instance.as_ref());
        let since = connector.map_or(self.now, |instance| instance.since);
        match (goal, connector.map(|instance| &instance.phase)) {
            (Some(Goal::OffsetsChanged), _) => {
                let since = self.lines.get(name).and_then(|line| line.changing_offsets);
                (Stage::ModifyingOffsets(name.clone()), since.unwrap_or(self.now))
            }
            (Some(Goal::TaskRestarted { index, .. }), _) => {
                let task = work.and_then(|work| work.tasks.get(index)?.instance.as_ref());
                let stage = Stage::RestartingTask(TaskId { connector: name.clone(), index: *index });
                (stage, task.map_or(self.now, |instance| instance.since))
            }
            (Some(Goal::Created | Goal::Replaced | Goal::Restarted { .. }), Some(Phase::Starting)) => {
                (Stage::StartingConnector, since)
            }
            (Some(Goal::Created | Goal::Replaced | Goal::Restarted { .. }), Some(Phase::Running)) => {
                (Stage::PlanningTasks(name.clone()), since)
            }
            (Some(Goal::Ended), _) | (Some(_), Some(Phase::Stopping(_))) => {
                (Stage::StoppingConnector(name.clone()), since)
            }
            (Some(_), _) | (None, _) => (Stage::WritingConfig(name.clone()), self.now),
        }
    }
}

// === impl Change ===

impl Change {
    /// Returns the request that asks for this.
    fn into_request(self, name: Arc<str>) -> Request {
        match self {
            Self::Create { config, initial_state } => Request::Create { name, config, initial_state },
            Self::PutConfig { config } => Request::PutConfig { name, config },
            Self::Delete => Request::Delete { name },
            Self::Target(Target::Started) => Request::Resume { name },
            Self::Target(Target::Paused) => Request::Pause { name },
            Self::Target(Target::Stopped) => Request::Stop { name },
            Self::Restart { include, which } => Request::RestartConnector { name, include, which },
            Self::RestartTask { index } => Request::RestartTask { task: TaskId { connector: name, index } },
            Self::Offsets(change) => Request::ChangeOffsets { name, change },
            Self::PutTasks { tasks } => Request::PutTasks { name, tasks },
        }
    }
}

// === impl Goal ===

impl Goal {
    /// Tells whether the way to it begins with a write.
    fn is_written(&self) -> bool {
        match self {
            Self::Created | Self::Replaced | Self::Ended | Self::Noted => true,
            Self::Restarted { .. } | Self::TaskRestarted { .. } | Self::OffsetsChanged => false,
        }
    }
}

/// Tells whether a connector has started and its tasks are known.
fn outcome(
    phase: &Phase,
    planned: impl FnOnce() -> Option<Result<(), Failure>>,
) -> Option<Result<(), Failure>> {
    match phase {
        Phase::Running => planned(),
        Phase::Failed(failure) | Phase::Stopping(Stopping { failure: Some(failure), .. }) => {
            Some(Err(failure.clone()))
        }
        Phase::Starting | Phase::Paused | Phase::Stopping(_) | Phase::Abandoned(_) => None,
    }
}
