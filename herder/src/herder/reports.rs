//! What the instances report.

use std::sync::Arc;

use crate::{
    event::{Failure, Incarnation, TaskId},
    herder::Herder,
    slot::{End, Phase},
    task_limit::TaskLimit,
};

impl Herder {
    pub(super) fn connector_started(&mut self, name: Arc<str>, incarnation: Incarnation, limit: TaskLimit) {
        let now = self.now;
        let Some(work) = self.works.get_mut(&name) else { return };
        if work.connector.reached(incarnation, Phase::Running, now)
            && let Some(instance) = work.connector.find(incarnation)
        {
            instance.detail.start(limit);
        }
        self.touched.insert(name);
    }

    pub(super) fn connector_failed(&mut self, name: Arc<str>, incarnation: Incarnation, failure: Failure) {
        self.connector_ended(name, incarnation, End::Failed(failure));
    }

    pub(super) fn connector_stopped(&mut self, name: Arc<str>, incarnation: Incarnation) {
        self.connector_ended(name, incarnation, End::Stopped);
    }

    pub(super) fn task_reached(&mut self, task: TaskId, incarnation: Incarnation, phase: Phase) {
        let now = self.now;
        let slot = self.works.get_mut(&task.connector).and_then(|work| work.tasks.get_mut(&task.index));
        if let Some(slot) = slot {
            slot.reached(incarnation, phase, now);
            self.touched.insert(task.connector);
        }
    }

    pub(super) fn task_failed(&mut self, task: TaskId, incarnation: Incarnation, failure: Failure) {
        self.task_ended(task, incarnation, End::Failed(failure));
    }

    pub(super) fn task_stopped(&mut self, task: TaskId, incarnation: Incarnation) {
        self.task_ended(task, incarnation, End::Stopped);
    }

    fn connector_ended(&mut self, name: Arc<str>, incarnation: Incarnation, end: End) {
        let now = self.now;
        if let Some(work) = self.works.get_mut(&name) {
            work.connector.ended(incarnation, end, now);
            self.touched.insert(name);
        }
    }

    fn task_ended(&mut self, task: TaskId, incarnation: Incarnation, end: End) {
        let now = self.now;
        let slot = self.works.get_mut(&task.connector).and_then(|work| work.tasks.get_mut(&task.index));
        if let Some(slot) = slot {
            slot.ended(incarnation, end, now);
            self.touched.insert(task.connector);
        }
    }
}
