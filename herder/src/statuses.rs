//! What the workers of a group have written about what they run: a fold of the status topic, and the rule by which
//! a worker that was away does not write over what others wrote meanwhile.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    event::TaskId,
    request::State,
    wire::status::{StatusRecord, StoredStatus, TopicUse},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Statuses {
    connectors: BTreeMap<Arc<str>, StoredStatus>,
    tasks: BTreeMap<TaskId, StoredStatus>,
    /// By connector and topic.
    topics: BTreeMap<Arc<str>, BTreeMap<Arc<str>, TopicUse>>,
}

impl Statuses {
    /// Takes in a record of the topic.
    pub(crate) fn read(&mut self, record: StatusRecord) {
        match record {
            StatusRecord::Connector { name, status: Some(status) } => {
                self.connectors.insert(name, status);
            }
            StatusRecord::Connector { name, status: None } => {
                self.connectors.remove(&name);
                self.tasks.retain(|task, _| task.connector != name);
            }
            StatusRecord::Task { task, status: Some(status) } => {
                let late = status.state == State::Unassigned
                    && self.tasks.get(&task).is_some_and(|known| {
                        known.state == State::Running && known.generation >= status.generation
                    });
                if !late {
                    self.tasks.insert(task, status);
                }
            }
            StatusRecord::Task { task, status: None } => {
                self.tasks.remove(&task);
            }
            StatusRecord::Topic { topic, connector, used: Some(used) } => {
                self.topics.entry(connector).or_default().insert(topic, used);
            }
            StatusRecord::Topic { topic, connector, used: None } => {
                if let Some(topics) = self.topics.get_mut(&connector) {
                    topics.remove(&topic);
                    if topics.is_empty() {
                        self.topics.remove(&connector);
                    }
                }
            }
        }
    }

    pub(crate) fn connector(&self, name: &str) -> Option<&StoredStatus> {
        self.connectors.get(name)
    }

    pub(crate) fn task(&self, task: &TaskId) -> Option<&StoredStatus> {
        self.tasks.get(task)
    }

    /// Returns the tasks of a connector, ascending.
    pub(crate) fn tasks_of(&self, name: &Arc<str>) -> impl Iterator<Item = (u32, &StoredStatus)> {
        let first = TaskId { connector: name.clone(), index: 0 };
        let of_it = self.tasks.range(first..).take_while(move |(task, _)| task.connector == *name);
        of_it.map(|(task, status)| (task.index, status))
    }

    /// Returns everything that has a status: connectors, and tasks.
    pub(crate) fn all(&self) -> (impl Iterator<Item = &Arc<str>>, impl Iterator<Item = &TaskId>) {
        (self.connectors.keys(), self.tasks.keys())
    }

    /// Tells whether a connector is known to use a topic.
    pub(crate) fn has_topic(&self, connector: &str, topic: &str) -> bool {
        self.topics.get(connector).is_some_and(|topics| topics.contains_key(topic))
    }

    /// Returns the topics that a connector is known to use.
    pub(crate) fn topics(&self, connector: &str) -> impl Iterator<Item = &Arc<str>> {
        self.topics.get(connector).into_iter().flat_map(BTreeMap::keys)
    }

    /// Returns the connectors whose topics are known.
    pub(crate) fn connectors_with_topics(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.keys()
    }

    /// Tells whether an end may be written: nobody else has written about a later life of it.
    pub(crate) fn may_end(known: Option<&StoredStatus>, status: &StoredStatus) -> bool {
        known.is_none_or(|known| known.worker_id == status.worker_id || known.generation <= status.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: State, worker: &str, generation: i32) -> StoredStatus {
        StoredStatus { state, trace: None, worker_id: worker.into(), generation, version: None }
    }

    fn task(state: State, generation: i32) -> StatusRecord {
        let task = TaskId { connector: "a".into(), index: 0 };
        StatusRecord::Task { task, status: Some(status(state, "w", generation)) }
    }

    #[track_caller]
    fn check_task(records: &[(State, i32)], expected: State) {
        let mut statuses = Statuses::default();
        for (state, generation) in records {
            statuses.read(task(*state, *generation));
        }
        let shown = statuses.tasks_of(&"a".into()).map(|(_, status)| status.state).collect::<Vec<_>>();
        assert_eq!(shown, [expected]);
    }

    #[test]
    fn a_late_end_does_not_hide_a_new_life() {
        check_task(&[(State::Running, 3), (State::Unassigned, 3)], State::Running);
        check_task(&[(State::Running, 3), (State::Unassigned, 4)], State::Unassigned);
        check_task(&[(State::Failed, 3), (State::Unassigned, 3)], State::Unassigned);
    }

    #[test]
    fn a_connectors_tombstone_takes_its_tasks_along() {
        let mut statuses = Statuses::default();
        statuses.read(task(State::Running, 1));
        statuses.read(StatusRecord::Connector { name: "a".into(), status: None });
        assert_eq!(statuses, Statuses::default());
    }

    #[test]
    fn an_end_is_written_by_the_last_owner_only() {
        let end = status(State::Failed, "old", 3);
        assert!(Statuses::may_end(None, &end));
        assert!(Statuses::may_end(Some(&status(State::Running, "old", 9)), &end));
        assert!(Statuses::may_end(Some(&status(State::Running, "new", 3)), &end));
        assert!(!Statuses::may_end(Some(&status(State::Running, "new", 4)), &end));
    }
}
