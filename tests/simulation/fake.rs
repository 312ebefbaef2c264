//! Connectors and tasks that start, run, pause and end as chance has it.

use std::{fmt, sync::Arc};

use millrace_api::Properties;
use millrace_herder::{Event, Failure, Incarnation, TaskId, TaskLimit, Time};

/// One start of one connector or task.
pub struct Fake {
    pub what: What,
    pub state: State,
    /// When it was asked to stop.
    pub asked_to_stop: Option<Time>,
    pub abandoned: bool,
    /// What a task was last told.
    pub told_to_pause: bool,
    pub config: Arc<Properties>,
    /// Settings of a task.
    pub settings: Option<Arc<Properties>>,
    pub plan: Plan,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Connector(Arc<str>),
    Task(TaskId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Starting,
    Running,
    Paused,
    Failed,
    Stopped,
}

/// How far a connector is with its last plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    None,
    Asked,
    Told(Vec<Properties>),
    Failed,
}

/// What an instance reports.
#[derive(Debug, Clone)]
pub enum Report {
    /// A connector has started, or a task runs.
    Running,
    Paused,
    Failed,
    Stopped,
    Planned(Result<Vec<Properties>, Failure>),
    Replan,
}

impl Fake {
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Failed | State::Stopped)
    }

    /// Tells whether the herder still answers for it.
    pub fn is_live(&self) -> bool {
        !self.has_ended() && !self.abandoned
    }

    /// Notes what is reported, and returns the event.
    pub fn report(&mut self, incarnation: Incarnation, report: Report) -> Event {
        let failure = || Failure::new("boom", "boom\n\tat simulation");
        match &report {
            Report::Running => self.state = State::Running,
            Report::Paused => self.state = State::Paused,
            Report::Failed => self.state = State::Failed,
            Report::Stopped => self.state = State::Stopped,
            Report::Planned(Ok(tasks)) => self.plan = Plan::Told(tasks.clone()),
            Report::Planned(Err(_)) => self.plan = Plan::Failed,
            Report::Replan => {}
        }
        match (self.what.clone(), report) {
            (What::Connector(name), Report::Running | Report::Paused) => {
                Event::ConnectorStarted { name, incarnation, limit: TaskLimit::of(&self.config) }
            }
            (What::Connector(name), Report::Failed) => {
                Event::ConnectorFailed { name, incarnation, failure: failure() }
            }
            (What::Connector(name), Report::Stopped) => Event::ConnectorStopped { name, incarnation },
            (What::Connector(name), Report::Planned(plan)) => Event::TasksPlanned { name, incarnation, plan },
            (What::Connector(name), Report::Replan) => Event::ReplanAsked { name, incarnation },
            (What::Task(task), Report::Paused) => Event::TaskPaused { task, incarnation },
            (What::Task(task), Report::Failed) => Event::TaskFailed { task, incarnation, failure: failure() },
            (What::Task(task), Report::Stopped) => Event::TaskStopped { task, incarnation },
            (What::Task(task), Report::Running | Report::Planned(_) | Report::Replan) => {
                Event::TaskRunning { task, incarnation }
            }
        }
    }
}

impl What {
    pub fn connector(&self) -> &Arc<str> {
        match self {
            Self::Connector(name) => name,
            Self::Task(task) => &task.connector,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector(name) => write!(f, "connector {name}"),
            Self::Task(task) => write!(f, "task {task}"),
        }
    }
}
