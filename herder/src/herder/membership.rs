//! The herder's part in a group: what is its own, what it does when it leads, and what it writes about its work.

use std::{mem, sync::Arc};

use crate::{
    config::ConfigRecord,
    event::{Action, TaskId},
    group::{GroupEvent, Place, Releasing},
    herder::{Herder, Mode},
    request::State,
    session::{Remaining, SessionKey},
    slot::Slot,
    statuses::Statuses,
    time::Time,
    wire::status::{StatusRecord, StoredStatus, TopicUse},
};

/// How far the leader is with replacing the session key.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// A key was asked for, or written and not read back.
    underway: bool,
}

// === impl Keys ===

impl Keys {
    /// Notes that a key was read, or could not be written.
    pub(super) fn read(&mut self) {
        self.underway = false;
    }
}

// === impl Herder ===

impl Herder {
    /// Tells whether what is read from the log happens now, and did not before this worker started.
    pub(super) fn is_ready(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.has_read())
    }

    pub(super) fn is_own_connector(&self, name: &str) -> bool {
        self.group.as_ref().is_none_or(|group| group.owns_connector(name))
    }

    /// Tells whether a task may run here, as committed at `revision`.
    pub(super) fn is_own_task(&self, name: &str, index: u32, revision: u64) -> bool {
        let Some(group) = &self.group else { return true };
        let task = TaskId { connector: name.into(), index };
        group.owns_task(&task) && group.has_taken(name, revision)
    }

    pub(super) fn leader_place(&self) -> Place {
        self.group.as_ref().map_or(Place::Here, |group| group.leader())
    }

    pub(super) fn group_deadline(&self) -> Option<Time> {
        let group = self.group.as_ref().filter(|_| self.mode == Mode::Serving)?;
        let key = match group.key_remaining(&self.config, self.now) {
            Remaining::Some(rest) if group.leads() && group.is_signed() => Some(self.now + rest),
            _ => None,
        };
        group.deadline().into_iter().chain(key).filter(|at| *at > self.now).min()
    }

    pub(super) fn group_event(&mut self, event: GroupEvent) {
        if self.mode != Mode::Serving {
            // The group is about to be left; a leader's last round is computed by the next one.
            return;
        }
        let Some(group) = &mut self.group else { return };
        let step = group.handle(self.now, event, &self.config);
        self.actions.extend(step.action.map(Action::Group));
        if step.changed {
            self.touch_all();
        }
    }

    /// Notes that a record changes what there is to share out.
    pub(super) fn note_work(&mut self, offset: u64, record: &ConfigRecord) {
        let Some(group) = &mut self.group else { return };
        let exists = |name: &Arc<str>| self.config.connector(name).is_some();
        let changes = match record {
            ConfigRecord::Connector { name, config } => exists(name) != config.is_some(),
            ConfigRecord::TasksCommitted { name, .. } => exists(name),
            _ => false,
        };
        if changes {
            group.work_changed(offset);
        }
    }

    /// Takes the group's next step. Tells whether anything may have changed by it.
    pub(super) fn step_group(&mut self) -> bool {
        if self.mode != Mode::Serving {
            return false;
        }
        let Some(group) = &self.group else { return false };
        let releasing = if group.is_restless() { self.releasing() } else { Releasing::Done };
        let Some(group) = &mut self.group else { return false };
        let led = group.leads();
        let step = group.step(self.now, &self.config, releasing);
        let begins_to_lead = group.leads() && !led;
        self.actions.extend(step.action.map(Action::Group));
        if begins_to_lead {
            self.clean_statuses();
        }
        self.renew_key();
        if step.changed {
            self.touch_all();
        }
        step.changed
    }

    pub(super) fn leave_group(&mut self) {
        let left = self.group.as_mut().and_then(|group| group.leave());
        self.actions.extend(left.map(Action::Group));
    }

    /// Takes in a new session key, which a leader that was not replaced meanwhile writes.
    pub(super) fn key_made(&mut self, key: SessionKey) {
        if self.group.as_ref().is_some_and(|group| group.leads()) {
            self.write(vec![ConfigRecord::SessionKey(key)]);
        } else {
            self.keys.underway = false;
        }
    }

    fn renew_key(&mut self) {
        let Some(group) = self.group.as_ref().filter(|group| group.leads() && group.is_signed()) else {
            return;
        };
        if self.keys.underway || group.key_remaining(&self.config, self.now) != Remaining::Nothing {
            return;
        }
        self.keys.underway = true;
        let (algorithm, bytes) = (group.key_options().algorithm.clone(), group.key_options().bytes);
        self.actions.push(Action::MakeKey { algorithm, bytes });
    }

    /// Tells whether something still runs that is not this worker's any more.
    fn releasing(&self) -> Releasing {
        let going = self.works.iter().any(|(name, work)| {
            let own = |index: &u32| {
                let task = TaskId { connector: name.clone(), index: *index };
                self.group.as_ref().is_some_and(|group| group.owns_task(&task))
            };
            work.connector.is_live() && !self.is_own_connector(name)
                || work.tasks.iter().any(|(index, slot)| slot.is_live() && !own(index))
        });
        if going { Releasing::Going } else { Releasing::Done }
    }

    fn touch_all(&mut self) {
        let configured = self.config.connectors().map(|(name, _)| name);
        let all = self.works.keys().chain(self.lines.keys()).chain(configured);
        self.touched.extend(all.cloned());
    }

    /// Takes from the status topic what was said about things that are not configured any more. A leader's duty.
    fn clean_statuses(&mut self) {
        let (connectors, tasks) = self.statuses.all();
        let gone = |name: &Arc<str>| self.config.connector(name).is_none();
        let stray = |task: &&TaskId| {
            gone(&task.connector) || task.index as usize >= self.config.task_count(&task.connector)
        };
        let tasks = tasks.filter(stray).map(|task| StatusRecord::Task { task: task.clone(), status: None });
        let connectors = connectors.filter(|name| gone(name));
        let connectors = connectors.map(|name| StatusRecord::Connector { name: name.clone(), status: None });
        let records: Vec<_> = tasks.chain(connectors).collect();
        self.actions.extend(records.into_iter().map(Action::WriteStatus));
        let stale: Vec<_> =
            self.statuses.connectors_with_topics().filter(|name| gone(name)).cloned().collect();
        for name in stale {
            self.forget_topics(&name);
        }
    }

    /// Notes that a task of this worker has used a topic.
    pub(super) fn topic_used(&mut self, task: &TaskId, topic: Arc<str>, at_ms: i64) {
        let own = self.works.get(&task.connector).is_some_and(|work| work.tasks.contains_key(&task.index));
        if own && !self.statuses.has_topic(&task.connector, &topic) {
            let used = Some(TopicUse { task: task.index, discovered_ms: at_ms });
            self.write_topic(StatusRecord::Topic { topic, connector: task.connector.clone(), used });
        }
    }

    /// Forgets which topics a connector has used.
    pub(super) fn forget_topics(&mut self, name: &Arc<str>) {
        let topics: Vec<_> = self.statuses.topics(name).cloned().collect();
        for topic in topics {
            self.write_topic(StatusRecord::Topic { topic, connector: name.clone(), used: None });
        }
    }

    /// A worker of its own keeps in mind what a group has in its topic.
    fn write_topic(&mut self, record: StatusRecord) {
        match &self.group {
            Some(_) => self.actions.push(Action::WriteStatus(record)),
            None => self.statuses.read(record),
        }
    }

    /// Writes what has changed about a connector's work on this worker.
    pub(super) fn report_statuses(&mut self, name: &Arc<str>) {
        if self.group.is_none() {
            return;
        }
        let shown = self.own_status(name);
        let own_connector = self.is_own_connector(name) && self.config.connector(name).is_some();
        let Some(work) = self.works.get_mut(name) else { return };
        let mut reported = mem::take(&mut work.reported);
        let connector = held(&work.connector) || own_connector;
        let tasks: Vec<_> =
            work.tasks.iter().filter(|(_, slot)| held(slot)).map(|(index, _)| *index).collect();
        let mut now = Vec::new();
        if connector {
            now.push((None, shown.state, shown.trace));
        }
        let tasks = shown.tasks.into_iter().filter(|task| tasks.contains(&task.index));
        now.extend(tasks.map(|task| (Some(task.index), task.state, task.trace)));
        let gone: Vec<_> =
            reported.keys().filter(|place| now.iter().all(|(held, ..)| held != *place)).copied().collect();
        for place in gone {
            reported.remove(&place);
            self.report(name, place, State::Unassigned, None);
        }
        for (place, state, trace) in now {
            // What is starting has no state of its own to tell.
            let told = reported.get(&place).is_some_and(|told| *told == (state, trace.clone()));
            if state != State::Unassigned && !told {
                reported.insert(place, (state, trace.clone()));
                self.report(name, place, state, trace);
            }
        }
        if let Some(work) = self.works.get_mut(name) {
            work.reported = reported;
        }
    }

    fn report(&mut self, name: &Arc<str>, place: Option<u32>, state: State, trace: Option<Arc<str>>) {
        let status = StoredStatus {
            state,
            trace,
            worker_id: self.options.worker_id.clone(),
            generation: self.group.as_ref().map_or(0, |group| group.generation()),
            version: None,
        };
        let task = place.map(|index| TaskId { connector: name.clone(), index });
        let known = match &task {
            Some(task) => self.statuses.task(task),
            None => self.statuses.connector(name),
        };
        let ends = matches!(state, State::Unassigned | State::Failed);
        if ends && !Statuses::may_end(known, &status) || self.config.connector(name).is_none() {
            return;
        }
        let status = Some(status);
        self.actions.push(Action::WriteStatus(match task {
            Some(task) => StatusRecord::Task { task, status },
            None => StatusRecord::Connector { name: name.clone(), status },
        }));
    }

    /// Tells whether this worker leads its group; one of its own does.
    pub fn leads(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.leads())
    }

    /// Tells whether requests between the workers of the group are signed now.
    pub fn is_signed(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.is_signed())
    }

    /// Tells whether a connector, or with an index a task of it, may run here.
    pub fn may_run(&self, name: &Arc<str>, index: Option<u32>) -> bool {
        match index {
            None => self.is_own_connector(name),
            Some(index) => self.is_own_task(name, index, self.config.task_revision(name)),
        }
    }

    /// Tells whether a round is under way, or about to be.
    pub fn is_joining(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.leader() == Place::Unknown)
    }
}

fn held<D>(slot: &Slot<D>) -> bool {
    slot.instance.is_some()
}
