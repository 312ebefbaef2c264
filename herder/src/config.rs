//! What is configured: a log of records and the state that a reader folds from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use millrace_api::Properties;

use crate::{
    assign::{Configured, View},
    request::{Include, Which},
    session::SessionKey,
};

/// One record of the configuration log.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigRecord {
    /// Without a configuration: the connector is deleted.
    Connector { name: Arc<str>, config: Option<Arc<Properties>> },
    /// Without a target: what a deleted connector leaves behind.
    TargetState { name: Arc<str>, target: Option<Target> },
    /// Has no effect until the commit of its set.
    TaskConfig { name: Arc<str>, index: u32, settings: Arc<Properties> },
    /// Ends a set of task configurations.
    TasksCommitted { name: Arc<str>, count: u32 },
    /// How many tasks an exactly-once source may have running.
    TasksFenced { name: Arc<str>, count: u32 },
    /// A restart with a plan. It changes what runs, not what is configured.
    Restart { name: Arc<str>, include: Include, which: Which },
    /// The key with which workers sign what they ask of each other from now on.
    SessionKey(SessionKey),
    /// Every worker that runs sets this level; later ones do not.
    LoggerLevel { logger: Arc<str>, level: Arc<str> },
}

/// What a connector is meant to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Target {
    #[default]
    Started,
    Paused,
    Stopped,
}

/// What a reader of the log knows: a pure fold over its records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigState {
    /// The place after the last record that was read. Two workers agree when theirs are equal.
    next: Option<u64>,
    connectors: BTreeMap<Arc<str>, Connector>,
    targets: BTreeMap<Arc<str>, Target>,
    tasks: BTreeMap<Arc<str>, TaskSet>,
    /// Sets whose commit was not read yet.
    deferred: BTreeMap<Arc<str>, BTreeMap<u32, Arc<Properties>>>,
    /// Connectors whose last commit came without all of its tasks.
    inconsistent: BTreeSet<Arc<str>>,
    fenced: BTreeMap<Arc<str>, u32>,
    pending_fencing: BTreeSet<Arc<str>>,
    session_key: Option<SessionKey>,
}

/// Whether tasks were configured after the last fencing record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    Done,
    Pending,
}

/// A connector as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Connector {
    pub config: Arc<Properties>,
    /// The place of the record in the log. A configuration that was written again is another one, even if it
    /// reads the same.
    pub revision: u64,
}

/// The tasks of a connector, as last committed.
#[derive(Debug, Clone, Default, PartialEq)]
struct TaskSet {
    count: u32,
    /// May hold more tasks than `count`: nothing is removed when a set shrinks.
    settings: BTreeMap<u32, Arc<Properties>>,
    /// The place in the log of the last commit that was complete.
    revision: u64,
    /// The connector's configuration when that commit was read.
    applied: Option<Arc<Properties>>,
}

// === impl ConfigRecord ===

impl ConfigRecord {
    /// Returns the connector that the record is about, if it is about one.
    pub fn connector(&self) -> Option<&Arc<str>> {
        match self {
            Self::Connector { name, .. }
            | Self::TargetState { name, .. }
            | Self::TaskConfig { name, .. }
            | Self::TasksCommitted { name, .. }
            | Self::TasksFenced { name, .. }
            | Self::Restart { name, .. } => Some(name),
            Self::SessionKey(_) | Self::LoggerLevel { .. } => None,
        }
    }
}

// === impl ConfigState ===

impl ConfigState {
    /// Takes in the next record of the log.
    pub fn fold(&mut self, offset: u64, record: &ConfigRecord) {
        match record {
            ConfigRecord::Connector { name, config: Some(config) } => {
                let connector = Connector { config: config.clone(), revision: offset };
                self.connectors.insert(name.clone(), connector);
            }
            ConfigRecord::Connector { name, config: None } => self.forget(name),
            ConfigRecord::TargetState { name, target: Some(target) } => {
                self.targets.insert(name.clone(), *target);
            }
            ConfigRecord::TargetState { name, target: None } => {
                self.targets.remove(name);
            }
            ConfigRecord::TaskConfig { name, index, settings } => {
                self.deferred.entry(name.clone()).or_default().insert(*index, settings.clone());
            }
            ConfigRecord::TasksCommitted { name, count } => self.commit(offset, name, *count),
            ConfigRecord::TasksFenced { name, count } => {
                self.fenced.insert(name.clone(), *count);
                self.pending_fencing.remove(name);
            }
            ConfigRecord::SessionKey(key) => self.session_key = Some(key.clone()),
            ConfigRecord::Restart { .. } | ConfigRecord::LoggerLevel { .. } => {}
        }
        self.skip(offset);
    }

    /// Notes a record that says nothing.
    pub fn skip(&mut self, offset: u64) {
        self.next = Some(offset + 1);
    }

    /// Returns the place after the last record that was read.
    pub fn next(&self) -> Option<u64> {
        self.next
    }

    pub fn connectors(&self) -> impl Iterator<Item = (&Arc<str>, &Connector)> {
        self.connectors.iter()
    }

    /// Returns a connector with its name.
    pub fn entry(&self, name: &str) -> Option<(&Arc<str>, &Connector)> {
        self.connectors.get_key_value(name)
    }

    pub fn connector(&self, name: &str) -> Option<&Connector> {
        self.connectors.get(name)
    }

    pub fn target(&self, name: &str) -> Target {
        self.targets.get(name).copied().unwrap_or_default()
    }

    /// Returns the tasks of a connector; none while its set is incomplete.
    pub fn tasks(&self, name: &str) -> impl Iterator<Item = (u32, &Arc<Properties>)> {
        let set = self.tasks.get(name).filter(|_| !self.inconsistent.contains(name));
        set.into_iter()
            .flat_map(|set| (0..set.count).filter_map(|index| Some((index, set.settings.get(&index)?))))
    }

    /// Returns how many tasks the last commit named, be its set complete or not.
    pub fn task_count(&self, name: &str) -> usize {
        self.tasks.get(name).map_or(0, |set| set.count as usize)
    }

    /// Returns the place of the last complete commit in the log.
    pub fn task_revision(&self, name: &str) -> u64 {
        self.tasks.get(name).map_or(0, |set| set.revision)
    }

    /// Returns the configuration that was in force when the connector's tasks were last committed.
    pub fn applied(&self, name: &str) -> Option<&Arc<Properties>> {
        self.tasks.get(name)?.applied.as_ref()
    }

    /// Returns what the members of a group share out.
    pub fn view(&self) -> View {
        let tasks = self.connectors.keys().map(|name| {
            let count = if self.inconsistent.contains(name) { 0 } else { self.task_count(name) };
            (name.clone(), count as u32)
        });
        View { offset: self.view_offset(), configured: Configured { tasks: tasks.collect() } }
    }

    /// Returns the place after the last record as workers tell it each other.
    pub(crate) fn view_offset(&self) -> i64 {
        self.next.map_or(-1, |next| i64::try_from(next).unwrap_or(i64::MAX))
    }

    /// Returns how many tasks the connector's fencing record names, and whether tasks were configured since.
    pub fn fenced(&self, name: &str) -> (Option<u32>, Fencing) {
        let state = if self.pending_fencing.contains(name) { Fencing::Pending } else { Fencing::Done };
        (self.fenced.get(name).copied(), state)
    }

    /// Returns the newest session key.
    pub fn session_key(&self) -> Option<&SessionKey> {
        self.session_key.as_ref()
    }

    /// Tells whether tasks of the connector were written whose commit is missing. Who reads the log after its compaction
    /// then misses those that they were to replace.
    pub fn is_uncommitted(&self, name: &str) -> bool {
        self.deferred.contains_key(name)
    }

    pub fn is_inconsistent(&self, name: &str) -> bool {
        self.inconsistent.contains(name)
    }

    fn commit(&mut self, offset: u64, name: &Arc<str>, count: u32) {
        if !self.connectors.contains_key(name) {
            // What compaction leaves of a deleted connector.
            self.forget(name);
            return;
        }
        let deferred = self.deferred.remove(name);
        let complete = match &deferred {
            Some(deferred) => (0..count).all(|index| deferred.contains_key(&index)),
            None => count == 0,
        };
        let set = self.tasks.entry(name.clone()).or_default();
        set.count = count;
        self.pending_fencing.insert(name.clone());
        if !complete {
            self.inconsistent.insert(name.clone());
            return;
        }
        if let Some(deferred) = deferred {
            set.settings.extend(deferred);
            set.revision = offset;
        }
        set.applied = self.connectors.get(name).map(|connector| connector.config.clone());
        self.inconsistent.remove(name);
    }

    /// Targets and fencing outlive the connector, as they do in Kafka Connect.
    fn forget(&mut self, name: &str) {
        self.connectors.remove(name);
        self.tasks.remove(name);
        self.deferred.remove(name);
    }
}

#[cfg(test)]
mod tests;
