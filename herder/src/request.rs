//! What can be asked of the herder, and its answers.

use std::{fmt, sync::Arc};

use millrace_api::{OffsetChange, Properties};

use crate::{config::Target, event::TaskId, time::Time};

#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The names. Answered by [`Response::Connectors`].
    Connectors,
    /// Answered by [`Response::Connector`].
    Connector { name: Arc<str> },
    /// Answered by [`Response::Tasks`].
    Tasks { name: Arc<str> },
    /// Answered by [`Response::Status`].
    Status { name: Arc<str> },
    /// Answered by [`Response::TaskStatus`].
    TaskStatus { task: TaskId },
    /// All connectors with their status. Answered by [`Response::Statuses`].
    Statuses,
    /// A validated configuration. Answered by [`Response::Created`] when the connector has started and its tasks
    /// are known.
    Create { name: Arc<str>, config: Properties, initial_state: Target },
    /// A validated configuration. Answered like `Create`, by [`Response::Created`] or [`Response::Replaced`].
    PutConfig { name: Arc<str>, config: Properties },
    /// Answered by [`Response::Done`] when tasks and connector have ended.
    Delete { name: Arc<str> },
    /// Answered by [`Response::Done`] as soon as it is noted.
    Pause { name: Arc<str> },
    /// Answered by [`Response::Done`] as soon as it is noted.
    Resume { name: Arc<str> },
    /// Answered by [`Response::Done`] when tasks and connector have ended.
    Stop { name: Arc<str> },
    /// Without tasks and regardless of failures: answered by [`Response::Done`] when the connector runs again and
    /// its tasks are known. Else answered at once by [`Response::Restarting`].
    RestartConnector { name: Arc<str>, include: Include, which: Which },
    /// Answered by [`Response::Done`] when the task has begun again.
    RestartTask { task: TaskId },
    /// Answered by [`Response::OffsetsChanged`] when it is done. Only for a connector that is stopped; until the answer
    /// nothing else about it begins.
    ChangeOffsets { name: Arc<str>, change: OffsetsChange },
    /// What another worker's connector wants its tasks to be, in the form in which it is stored. Answered by
    /// [`Response::Done`] when it was read back.
    PutTasks { name: Arc<str>, tasks: Vec<Arc<Properties>> },
    /// The topics that the connector's tasks have used. Answered by [`Response::Topics`].
    Topics { name: Arc<str> },
    /// Forgets them. Answered by [`Response::Done`].
    ResetTopics { name: Arc<str> },
    /// Every worker of the group sets this level. Answered by [`Response::Done`] when it was written.
    SetClusterLevel { logger: Arc<str>, level: Arc<str> },
    /// Answered at once by [`Response::Done`].
    Health,
}

/// What is to become of a connector's offsets.
#[derive(Debug, Clone, PartialEq)]
pub enum OffsetsChange {
    /// These partitions get these offsets; others keep theirs.
    Alter(Arc<[OffsetChange]>),
    /// All are forgotten.
    Reset,
}

/// What a restart of a connector reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    ConnectorOnly,
    WithTasks,
}

/// Which of those a restart restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    OnlyFailed,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    Connectors(Vec<Arc<str>>),
    Connector(ConnectorInfo),
    Tasks(Vec<TaskInfo>),
    Status(ConnectorStatus),
    TaskStatus(TaskStatus),
    Statuses(Vec<(ConnectorInfo, ConnectorStatus)>),
    /// Ascending.
    Topics(Vec<Arc<str>>),
    Created(ConnectorInfo),
    Replaced(ConnectorInfo),
    /// The status in which everything that is going to be restarted shows as restarting.
    Restarting(ConnectorStatus),
    /// How the change went, in words.
    OffsetsChanged(Arc<str>),
    Done,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorInfo {
    pub name: Arc<str>,
    /// As it was given: references are not resolved.
    pub config: Arc<Properties>,
    pub tasks: Vec<TaskId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskInfo {
    pub task: TaskId,
    /// As stored: references are not resolved.
    pub settings: Arc<Properties>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorStatus {
    pub name: Arc<str>,
    pub state: State,
    pub worker_id: Arc<str>,
    pub trace: Option<Arc<str>>,
    /// Ascending by index.
    pub tasks: Vec<TaskStatus>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TaskStatus {
    pub index: u32,
    pub state: State,
    pub worker_id: Arc<str>,
    pub trace: Option<Arc<str>>,
}

/// What a connector or task is shown as. `Display` is the word of Kafka Connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Unassigned,
    Running,
    Paused,
    Stopped,
    Failed,
    Restarting,
}

/// Why a request was not fulfilled. `Display` is the text of the answer, in Kafka Connect's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Connector {0} not found")]
    ConnectorNotFound(Arc<str>),
    /// The same for pause, resume and stop.
    #[error("Unknown connector {0}")]
    UnknownConnector(Arc<str>),
    /// The same for a restart with a plan.
    #[error("Unknown connector: {0}")]
    NothingToRestart(Arc<str>),
    #[error("Task {0} not found")]
    TaskNotFound(TaskId),
    #[error("No status found for connector {0}")]
    NoConnectorStatus(Arc<str>),
    #[error("No status found for task {0}")]
    NoTaskStatus(TaskId),
    #[error("Connector {0} already exists")]
    AlreadyExists(Arc<str>),
    /// The connector was stored, but did not start or did not name its tasks. The text is the cause's.
    #[error("{0}")]
    StartFailed(Arc<str>),
    #[error("Failed to start connector: {0}")]
    RestartFailed(Arc<str>),
    #[error("Failed to start task: {0}")]
    TaskRestartFailed(TaskId),
    #[error(
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
         specified connector by issuing a 'PUT' request to the '/connectors/{0}/stop' endpoint"
    )]
    NotStopped(Arc<str>),
    /// The offsets that were asked for make no sense.
    #[error("{0}")]
    WrongOffsets(Arc<str>),
    #[error("{0}")]
    OffsetsFailed(Arc<str>),
    /// A later request made this one pointless before it was done.
    #[error("Request for connector {0} was pre-empted by a newer request to change the same connector")]
    PreEmpted(Arc<str>),
    /// It may be fulfilled later all the same. The caller, who knows what o'clock `since` was, adds
    /// `, which began at <instant>.` to the text.
    #[error("Request timed out. The worker is currently {stage}")]
    TimedOut { stage: Stage, since: Time },
    /// Another worker took this one for the right one to ask. It will know better after the round.
    #[error("Cannot complete request because of a conflicting operation (e.g. worker rebalance)")]
    Misplaced,
    /// The text says what could not be written, and why.
    #[error("{0}")]
    WriteFailed(Arc<str>),
    #[error("Worker is shutting down")]
    ShuttingDown,
    #[error("Worker cannot take more requests, {0} are waiting already")]
    TooManyRequests(usize),
}

/// What kind of refusal it is: the status code depends on this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    Wrong,
    NotFound,
    Conflict,
    Failed,
    TimedOut,
    ShuttingDown,
    Overloaded,
}

/// What a request was waiting for, in Kafka Connect's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    WritingConfig(Arc<str>),
    StartingConnector,
    StoppingConnector(Arc<str>),
    PlanningTasks(Arc<str>),
    RestartingTask(TaskId),
    ModifyingOffsets(Arc<str>),
}

// === impl Response ===

impl Response {
    /// Tells whether the request has left something new behind.
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

// === impl State ===

impl State {
    /// Returns the state of that name.
    pub fn named(name: &str) -> Option<Self> {
        use State::{Failed, Paused, Restarting, Running, Stopped, Unassigned};
        let all = [Unassigned, Running, Paused, Stopped, Failed, Restarting];
        all.into_iter().find(|state| state.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
            Self::Restarting => "RESTARTING",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Refusal ===

impl Refusal {
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::ConnectorNotFound(_)
            | Self::UnknownConnector(_)
            | Self::NothingToRestart(_)
            | Self::TaskNotFound(_)
            | Self::NoConnectorStatus(_)
            | Self::NoTaskStatus(_) => RefusalKind::NotFound,
            Self::AlreadyExists(_) | Self::PreEmpted(_) | Self::Misplaced => RefusalKind::Conflict,
            Self::NotStopped(_) | Self::WrongOffsets(_) => RefusalKind::Wrong,
            Self::StartFailed(_)
            | Self::RestartFailed(_)
            | Self::TaskRestartFailed(_)
            | Self::OffsetsFailed(_)
            | Self::WriteFailed(_) => RefusalKind::Failed,
            Self::TimedOut { .. } => RefusalKind::TimedOut,
            Self::ShuttingDown => RefusalKind::ShuttingDown,
            Self::TooManyRequests(_) => RefusalKind::Overloaded,
        }
    }
}

// === impl Stage ===

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WritingConfig(name) => {
                write!(f, "writing a config for connector {name} to the config topic")
            }
            Self::StartingConnector => f.write_str("starting the connector"),
            Self::StoppingConnector(name) => write!(f, "stopping connector {name}"),
            Self::PlanningTasks(name) => write!(f, "generating task configs for connector {name}"),
            Self::RestartingTask(task) => write!(f, "restarting task {task}"),
            Self::ModifyingOffsets(name) => write!(f, "modifying offsets for connector {name}"),
        }
    }
}
