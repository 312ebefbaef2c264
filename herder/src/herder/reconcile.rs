//! What is configured against what runs.

use std::{collections::BTreeMap, sync::Arc};

use millrace_api::Properties;

use crate::{
    config::Target,
    event::{Action, Begin, Failure, TaskId},
    herder::{Herder, Mode, TaskDetail, planning::Plans},
    slot::{Instance, Phase, Slot},
};

/// What is to become of a connector's instance.
enum Wanted {
    Running {
        config: Arc<Properties>,
        revision: u64,
    },
    /// Paused: nothing runs, but a failure is remembered until the connector is restarted or changed.
    Resting {
        revision: u64,
    },
    /// Stopped: nothing runs, and failures are forgiven.
    Stopped,
    /// Deleted, or the worker ends.
    Gone,
    /// Another worker has it, or will.
    Elsewhere,
}

/// What is to run of a connector's tasks.
struct WantedTasks {
    revision: u64,
    begin: Begin,
    connector_config: Arc<Properties>,
    /// How many tasks the connector has in all.
    count: usize,
    /// Those that are to run here.
    settings: BTreeMap<u32, Arc<Properties>>,
}

impl Herder {
    /// Stops, starts, pauses and resumes tasks.
    pub(super) fn reconcile_tasks(&mut self, name: &Arc<str>) {
        let wanted = self.wanted_tasks(name);
        self.stop_tasks(name, wanted.as_ref());
        if let Some(wanted) = wanted {
            self.start_tasks(name, &wanted);
        }
    }

    /// Stops the connector or starts it.
    pub(super) fn reconcile_connector(&mut self, name: &Arc<str>) {
        let wanted = self.wanted_connector(name);
        let Some(work) = self.works.get_mut(name) else {
            return self.start_wanted(name, wanted);
        };
        let slot = &mut work.connector;
        if !matches!(wanted, Wanted::Running { .. }) {
            slot.restarting = false;
        }
        let fits = match wanted {
            Wanted::Running { revision, .. } | Wanted::Resting { revision } => slot.fits(revision),
            Wanted::Stopped | Wanted::Gone | Wanted::Elsewhere => false,
        };
        let ends = matches!(wanted, Wanted::Stopped | Wanted::Gone);
        // Tasks end before the connector that they may lean on.
        let wait_for_tasks = ends && work.tasks.values().any(Slot::is_live);
        if ends {
            // Its tasks are gone: a connector that is resumed before it was stopped has to plan anew.
            slot.restart(self.last);
        }
        let Some(instance) = &mut slot.instance else {
            return self.start_wanted(name, wanted);
        };
        match (&instance.phase, &wanted) {
            (Phase::Starting | Phase::Running | Phase::Paused, Wanted::Running { .. }) if fits => {}
            (Phase::Starting | Phase::Running | Phase::Paused, _) if wait_for_tasks => {}
            (Phase::Starting | Phase::Running | Phase::Paused, _) => {
                instance.stop(self.now + self.options.connector_stop_timeout, None, self.now);
                let incarnation = instance.incarnation;
                self.actions.push(Action::StopConnector { name: name.clone(), incarnation });
            }
            (Phase::Stopping(_), _) => {}
            (Phase::Failed(_), _) if fits => {}
            (Phase::Abandoned(_), Wanted::Resting { .. } | Wanted::Stopped) => {}
            (Phase::Failed(_) | Phase::Abandoned(_), _) => {
                slot.instance = None;
                self.start_wanted(name, wanted);
            }
        }
    }

    /// Gives up what was to stop and has not, in time.
    pub(super) fn abandon_hanging(&mut self, name: &Arc<str>) {
        let Some(work) = self.works.get_mut(name) else { return };
        let (now, options) = (self.now, &self.options);
        for (index, slot) in &mut work.tasks {
            let Some(instance) = &mut slot.instance else { continue };
            let task = TaskId { connector: name.clone(), index: *index };
            if instance
                .give_up(now, || hanging(format!("task {task}"), options.task_stop_timeout.as_millis()))
            {
                self.actions.push(Action::AbandonTask { task, incarnation: instance.incarnation });
            }
        }
        if let Some(instance) = &mut work.connector.instance
            && instance.give_up(now, || {
                hanging(format!("connector {name}"), options.connector_stop_timeout.as_millis())
            })
        {
            let incarnation = instance.incarnation;
            self.actions.push(Action::AbandonConnector { name: name.clone(), incarnation });
        }
    }

    fn wanted_connector(&self, name: &str) -> Wanted {
        let Some(connector) = self.config.connector(name).filter(|_| self.mode == Mode::Serving) else {
            return Wanted::Gone;
        };
        if !self.is_own_connector(name) {
            return Wanted::Elsewhere;
        }
        let revision = connector.revision;
        match self.config.target(name) {
            Target::Started => Wanted::Running { config: connector.config.clone(), revision },
            Target::Paused => Wanted::Resting { revision },
            Target::Stopped => Wanted::Stopped,
        }
    }

    fn wanted_tasks(&self, name: &str) -> Option<WantedTasks> {
        let connector = self.config.connector(name).filter(|_| self.mode == Mode::Serving)?;
        let begin = match self.config.target(name) {
            Target::Started => Begin::Running,
            Target::Paused => Begin::Paused,
            Target::Stopped => return None,
        };
        let revision = self.config.task_revision(name);
        let own = self.config.tasks(name).filter(|(index, _)| self.is_own_task(name, *index, revision));
        Some(WantedTasks {
            revision,
            begin,
            connector_config: connector.config.clone(),
            count: self.config.task_count(name),
            settings: own.map(|(index, settings)| (index, settings.clone())).collect(),
        })
    }

    /// Brings every task that runs nearer to what is wanted, without starting any.
    fn stop_tasks(&mut self, name: &Arc<str>, wanted: Option<&WantedTasks>) {
        let Some(work) = self.works.get_mut(name) else { return };
        let until = self.now + self.options.task_stop_timeout;
        let deleted = self.config.connector(name).is_none();
        for (index, slot) in &mut work.tasks {
            let wanted = wanted.filter(|wanted| wanted.settings.contains_key(index));
            if wanted.is_none() {
                slot.restarting = false;
            }
            let fits = wanted.is_some_and(|wanted| slot.fits(wanted.revision));
            let Some(instance) = &mut slot.instance else { continue };
            let task = TaskId { connector: name.clone(), index: *index };
            let incarnation = instance.incarnation;
            match (&instance.phase, wanted) {
                (Phase::Starting | Phase::Running | Phase::Paused, Some(wanted)) if fits => {
                    if instance.detail.told != wanted.begin {
                        instance.detail.told = wanted.begin;
                        self.actions.push(match wanted.begin {
                            Begin::Running => Action::ResumeTask { task, incarnation },
                            Begin::Paused => Action::PauseTask { task, incarnation },
                        });
                    }
                }
                (Phase::Starting | Phase::Running | Phase::Paused, _) => {
                    instance.stop(until, None, self.now);
                    self.actions.push(Action::StopTask { task, incarnation });
                }
                (Phase::Stopping(_), _) => {}
                (Phase::Failed(_), Some(_)) if fits => {}
                // A hanging task is shown as long as it is not replaced, even if it is not configured any more.
                (Phase::Abandoned(_), None) if !deleted => {}
                (Phase::Failed(_) | Phase::Abandoned(_), _) => slot.instance = None,
            }
        }
        let kept = |index: &u32| wanted.is_some_and(|wanted| wanted.settings.contains_key(index));
        work.tasks.retain(|index, slot| slot.instance.is_some() || kept(index));
    }

    /// Starts the tasks that are missing. While tasks of an earlier set are stopping none is: they may hold what
    /// the new ones are to take over.
    fn start_tasks(&mut self, name: &Arc<str>, wanted: &WantedTasks) {
        let task_count = wanted.count;
        let earlier = |slot: &Slot<TaskDetail>| {
            slot.live().is_some_and(|instance| instance.revision != wanted.revision)
        };
        if self.works.get(name).is_some_and(|work| work.tasks.values().any(earlier)) {
            return;
        }
        for (index, settings) in &wanted.settings {
            let missing = self
                .works
                .get(name)
                .and_then(|work| work.tasks.get(index))
                .is_none_or(|slot| slot.instance.is_none());
            if !missing {
                continue;
            }
            let incarnation = self.next_incarnation();
            let detail = TaskDetail { told: wanted.begin };
            let instance = Instance::new(incarnation, wanted.revision, detail, self.now);
            let work = self.works.entry(name.clone()).or_default();
            work.tasks.entry(*index).or_default().instance = Some(instance);
            self.actions.push(Action::StartTask {
                task: TaskId { connector: name.clone(), index: *index },
                incarnation,
                connector_config: wanted.connector_config.clone(),
                settings: settings.clone(),
                task_count,
                begin: wanted.begin,
            });
        }
    }

    /// Starts the connector, whose slot is free, if it is to run.
    fn start_wanted(&mut self, name: &Arc<str>, wanted: Wanted) {
        let Wanted::Running { config, revision } = wanted else { return };
        let incarnation = self.next_incarnation();
        let instance = Instance::new(incarnation, revision, Plans::new(), self.now);
        self.works.entry(name.clone()).or_default().connector.instance = Some(instance);
        self.actions.push(Action::StartConnector { name: name.clone(), incarnation, config });
    }
}

fn hanging(what: String, millis: u128) -> Failure {
    let message = format!(
        "{what} was asked to stop and has not ended within {millis} ms: it is waited for no longer and may still hold \
         resources"
    );
    let trace = format!("org.apache.kafka.connect.errors.ConnectException: {message}");
    Failure::new(message, trace)
}
