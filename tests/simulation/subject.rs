//! The herder under test, behind a wrapper that can plant a fault in what goes in and out.

use millrace_herder::{Action, ConfigRecord, Event, Herder, Options, Time};

/// What a broken herder would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Takes a task for ended as soon as it is asked to stop.
    StartsBesideAStoppingTask,
    /// The same for connectors.
    StartsBesideAStoppingConnector,
    /// Leaves every seventh request unanswered.
    ForgetsAnswers,
    /// Answers every seventh request twice.
    AnswersTwice,
    /// Does not come back to a plan that has failed.
    ForgetsFailedPlans,
    /// Does not learn of deletions.
    ForgetsDeletions,
    /// Never gives up waiting.
    ForgetsDeadlines,
    /// Takes tasks for stopped without asking them to.
    ForgetsToStopTasks,
    /// Starts tasks with what was configured first.
    StartsWithOldSettings,
    /// Does not pause tasks.
    ForgetsToPause,
    /// Stores what references stand for.
    RevealsSecrets,
}

pub struct Subject {
    herder: Herder,
    fault: Option<Fault>,
    answers: u64,
    first_start: Option<Action>,
}

impl Subject {
    pub fn new(options: Options, fault: Option<Fault>) -> Self {
        let herder = Herder::new(options, Time::default());
        Self { herder, fault, answers: 0, first_start: None }
    }

    pub fn handle(&mut self, now: Time, event: Event) -> Vec<Action> {
        let lost = match &event {
            Event::TasksPlanned { plan: Err(_), .. } => self.fault == Some(Fault::ForgetsFailedPlans),
            Event::ConfigRead { record: ConfigRecord::Connector { config: None, .. }, .. } => {
                self.fault == Some(Fault::ForgetsDeletions)
            }
            _ => false,
        };
        if !lost {
            self.herder.handle(now, event);
        }
        let mut actions = Vec::new();
        loop {
            let new: Vec<_> = self.herder.drain().collect();
            if new.is_empty() {
                return actions;
            }
            for action in new {
                self.mislead(now, &action);
                self.alter(action, &mut actions);
            }
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.herder.deadline().filter(|_| self.fault != Some(Fault::ForgetsDeadlines))
    }

    /// Tells the herder what has not happened.
    fn mislead(&mut self, now: Time, action: &Action) {
        match (self.fault, action.clone()) {
            (
                Some(Fault::StartsBesideAStoppingTask | Fault::ForgetsToStopTasks),
                Action::StopTask { task, incarnation },
            ) => {
                self.herder.handle(now, Event::TaskStopped { task, incarnation });
            }
            (Some(Fault::StartsBesideAStoppingConnector), Action::StopConnector { name, incarnation }) => {
                self.herder.handle(now, Event::ConnectorStopped { name, incarnation });
            }
            _ => {}
        }
    }

    fn alter(&mut self, action: Action, actions: &mut Vec<Action>) {
        let Some(fault) = self.fault else { return actions.push(action) };
        match (fault, &action) {
            (Fault::ForgetsAnswers | Fault::AnswersTwice, Action::Respond { .. }) => {
                self.answers += 1;
                if !self.answers.is_multiple_of(7) {
                    actions.push(action);
                } else if fault == Fault::AnswersTwice {
                    actions.extend([action.clone(), action]);
                }
            }
            (Fault::ForgetsToStopTasks, Action::StopTask { .. })
            | (Fault::ForgetsToPause, Action::PauseTask { .. }) => {}
            (
                Fault::StartsWithOldSettings,
                Action::StartTask { task, incarnation, task_count, begin, .. },
            ) => {
                let (task, incarnation, task_count, begin) =
                    (task.clone(), *incarnation, *task_count, *begin);
                let first = self.first_start.get_or_insert(action);
                if let Action::StartTask { connector_config, settings, .. } = first.clone() {
                    actions.push(Action::StartTask {
                        task,
                        incarnation,
                        connector_config,
                        settings,
                        task_count,
                        begin,
                    });
                }
            }
            (Fault::RevealsSecrets, Action::Write(records)) => {
                let reveal = |record: &ConfigRecord| match record.clone() {
                    ConfigRecord::TaskConfig { name, index, mut settings } => {
                        std::sync::Arc::make_mut(&mut settings).insert("secret", crate::SECRET);
                        ConfigRecord::TaskConfig { name, index, settings }
                    }
                    record => record,
                };
                actions.push(Action::Write(records.iter().map(reveal).collect()));
            }
            _ => actions.push(action),
        }
    }
}
