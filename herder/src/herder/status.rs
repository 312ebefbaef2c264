//! What is shown: derived from configuration and instances at the moment of asking.

use std::{collections::BTreeSet, sync::Arc};

use millrace_api::Properties;

use crate::{
    config::Target,
    event::TaskId,
    herder::{Herder, TaskDetail},
    request::{ConnectorInfo, ConnectorStatus, Include, State, TaskInfo, TaskStatus, Which},
    slot::Slot,
    wire::status::StoredStatus,
};

/// What a restart stops and starts.
struct ReachedByRestart {
    connector: Reached,
    tasks: BTreeSet<u32>,
}

#[derive(PartialEq, Eq)]
enum Reached {
    Yes,
    No,
}

impl Herder {
    pub(super) fn info(&self, name: &str) -> Option<ConnectorInfo> {
        let (name, connector) = self.config.entry(name)?;
        let tasks = self.config.tasks(name).map(|(index, _)| TaskId { connector: name.clone(), index });
        Some(ConnectorInfo { name: name.clone(), config: connector.config.clone(), tasks: tasks.collect() })
    }

    pub(super) fn task_infos(&self, name: &str) -> Option<Vec<TaskInfo>> {
        let (name, _) = self.config.entry(name)?;
        let info = |(index, settings): (u32, &Arc<Properties>)| {
            let task = TaskId { connector: name.clone(), index };
            TaskInfo { task, settings: settings.clone() }
        };
        Some(self.config.tasks(name).map(info).collect())
    }

    pub(super) fn status(&self, name: &str) -> Option<ConnectorStatus> {
        let (name, _) = self.config.entry(name)?;
        if self.group.is_some() {
            return self.written_status(name);
        }
        Some(self.own_status(name))
    }

    /// Returns what this worker knows of what it runs itself.
    pub(super) fn own_status(&self, name: &Arc<str>) -> ConnectorStatus {
        let resting = match self.config.target(name) {
            Target::Started => State::Unassigned,
            Target::Paused => State::Paused,
            Target::Stopped => State::Stopped,
        };
        let work = self.works.get(name);
        let (state, trace) = work.map_or((resting, None), |work| shown(&work.connector, resting));
        let mut indexes: BTreeSet<_> = self.config.tasks(name).map(|(index, _)| index).collect();
        if let Some(work) = work {
            let held = work.tasks.iter().filter(|(_, slot)| slot.instance.is_some());
            indexes.extend(held.map(|(index, _)| *index));
        }
        let tasks = indexes.into_iter().map(|index| self.shown_task(name, index)).collect();
        ConnectorStatus { name: name.clone(), state, worker_id: self.options.worker_id.clone(), trace, tasks }
    }

    /// Returns what the group's workers have written.
    fn written_status(&self, name: &Arc<str>) -> Option<ConnectorStatus> {
        let written = self.statuses.connector(name)?;
        let tasks = self.statuses.tasks_of(name).map(|(index, written)| written_task(index, written));
        Some(ConnectorStatus {
            name: name.clone(),
            state: written.state,
            worker_id: written.worker_id.clone(),
            trace: written.trace.clone(),
            tasks: tasks.collect(),
        })
    }

    pub(super) fn task_status(&self, task: &TaskId) -> Option<TaskStatus> {
        self.config.entry(&task.connector)?;
        if self.group.is_some() {
            return self.statuses.task(task).map(|written| written_task(task.index, written));
        }
        let configured = self.config.tasks(&task.connector).any(|(index, _)| index == task.index);
        let slot = self.works.get(&task.connector).and_then(|work| work.tasks.get(&task.index));
        let held = slot.is_some_and(|slot| slot.instance.is_some());
        (configured || held).then(|| self.shown_task(&task.connector, task.index))
    }

    /// Returns the status in which everything that a restart reaches shows as restarting.
    pub(super) fn restart_plan(&self, name: &str, include: Include, which: Which) -> Option<ConnectorStatus> {
        let mut status = self.status(name)?;
        let reached = self.reached_by_restart(&status, include, which);
        if reached.connector == Reached::Yes {
            status.state = State::Restarting;
        }
        for task in status.tasks.iter_mut().filter(|task| reached.tasks.contains(&task.index)) {
            task.state = State::Restarting;
        }
        Some(status)
    }

    /// Carries out a restart that was read from the log.
    pub(super) fn apply_restart(&mut self, name: &Arc<str>, include: Include, which: Which) {
        let Some(status) = self.status(name) else { return };
        let reached = self.reached_by_restart(&status, include, which);
        let last = self.last;
        let revision = self.config.task_revision(name);
        let own = |index: &u32| self.is_own_task(name, *index, revision);
        let tasks: Vec<_> = reached.tasks.into_iter().filter(own).collect();
        let own_connector = self.is_own_connector(name);
        let work = self.works.entry(name.clone()).or_default();
        if reached.connector == Reached::Yes && own_connector {
            work.connector.restart(last);
            work.connector.restarting = true;
        }
        for index in tasks {
            let slot = work.tasks.entry(index).or_default();
            slot.restart(last);
            slot.restarting = true;
        }
    }

    /// Tasks that are not configured any more are never restarted, whatever they show.
    fn reached_by_restart(
        &self,
        status: &ConnectorStatus,
        include: Include,
        which: Which,
    ) -> ReachedByRestart {
        let chosen = |state| which == Which::All || state == State::Failed;
        let configured: BTreeSet<_> = self.config.tasks(&status.name).map(|(index, _)| index).collect();
        let tasks = status.tasks.iter().filter(|task| {
            include == Include::WithTasks && chosen(task.state) && configured.contains(&task.index)
        });
        ReachedByRestart {
            connector: if chosen(status.state) { Reached::Yes } else { Reached::No },
            tasks: tasks.map(|task| task.index).collect(),
        }
    }

    fn shown_task(&self, name: &str, index: u32) -> TaskStatus {
        let slot: Option<&Slot<TaskDetail>> = self.works.get(name).and_then(|work| work.tasks.get(&index));
        let (state, trace) = slot.map_or((State::Unassigned, None), |slot| shown(slot, State::Unassigned));
        TaskStatus { index, state, worker_id: self.options.worker_id.clone(), trace }
    }
}

fn written_task(index: u32, written: &StoredStatus) -> TaskStatus {
    TaskStatus {
        index,
        state: written.state,
        worker_id: written.worker_id.clone(),
        trace: written.trace.clone(),
    }
}

fn shown<D>(slot: &Slot<D>, without: State) -> (State, Option<Arc<str>>) {
    if slot.restarting {
        return (State::Restarting, None);
    }
    slot.instance.as_ref().map_or((without, None), |instance| instance.phase.shown())
}
