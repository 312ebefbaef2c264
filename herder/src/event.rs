//! Everything that reaches the herder and everything it asks for.
//!
//! # What the driver owes the herder
//!
//! - Events are handed over one at a time, in the order in which they happened to one instance.
//! - Every [`Action::Write`] comes back as one [`Event::ConfigRead`] per record, in order.
//! - Every instance that was started ends with exactly one of `...Stopped` and `...Failed`, unless it hangs. After
//!   either, the instance holds nothing and needs no stop. A failure may come at any time; `...Stopped` comes
//!   only after a stop was asked. A stop may reach an instance that is still starting, or one that has ended:
//!   the latter is ignored.
//! - An abandoned instance is not waited for any more. If it ends after all, its last event is still welcome:
//!   it is then no longer shown as hanging.
//! - Every [`Action::PlanTasks`] is answered by one [`Event::TasksPlanned`], unless the instance ends first.
//! - Every [`Action::ChangeOffsets`] is answered by one [`Event::OffsetsChanged`], within the time of a request.
//! - Events of instances that the herder has forgotten are ignored, so that the driver need not keep track.
//!
//! In a group of workers besides:
//!
//! - Every [`Action::Write`] is answered by one [`Event::Written`], in the order of the writes, after the log was read
//!   to the end that it had then: all records of the write that are still there have been handed over. Other workers'
//!   records come in between.
//! - A request that [`Action::Forward`] hands over is answered by the driver. When the other worker cannot be asked or
//!   is not the right one any more, the driver hands the request back as [`Event::Requested`].
//! - Every [`Action::PublishTasks`] is answered by one [`Event::TasksPublished`], and every [`Action::MakeKey`] by one
//!   [`Event::KeyMade`].

use std::{fmt, sync::Arc};

use millrace_api::Properties;

use crate::{
    config::ConfigRecord,
    group::{GroupAction, GroupEvent},
    request::{OffsetsChange, Refusal, Request, Response},
    session::SessionKey,
    task_limit::TaskLimit,
    wire::status::StatusRecord,
};

/// Something that happened outside the herder.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody wants something. It is answered by exactly one [`Action::Respond`] of that id.
    Requested {
        id: RequestId,
        request: Request,
    },
    /// Nobody waits for the answer any more. What was asked for goes on.
    RequestDropped {
        id: RequestId,
    },
    /// A record of the configuration log was read. `offset` is its place in the log.
    ConfigRead {
        offset: u64,
        record: ConfigRecord,
    },
    /// A record that says nothing, and counts as read.
    ConfigSkipped {
        offset: u64,
    },
    /// A record of the status topic was read.
    StatusRead(StatusRecord),
    /// The oldest write that was not answered has come to its end.
    Written {
        outcome: Result<(), Failure>,
    },
    /// Another worker has handed a request over to this one. It is not handed on.
    Forwarded {
        id: RequestId,
        request: Request,
    },
    /// What came of handing a plan to the leader.
    TasksPublished {
        name: Arc<str>,
        incarnation: Incarnation,
        outcome: Result<(), Failure>,
    },
    KeyMade(SessionKey),
    /// A task has written to a topic or read from it, at that many milliseconds since 1970. May come again and again.
    TopicUsed {
        task: TaskId,
        topic: Arc<str>,
        at_ms: i64,
    },
    Group(GroupEvent),
    /// The connector's `start` has returned. `limit` is read from the resolved configuration.
    ConnectorStarted {
        name: Arc<str>,
        incarnation: Incarnation,
        limit: TaskLimit,
    },
    ConnectorFailed {
        name: Arc<str>,
        incarnation: Incarnation,
        failure: Failure,
    },
    ConnectorStopped {
        name: Arc<str>,
        incarnation: Incarnation,
    },
    /// The connector was asked for its tasks. The settings are as they will run, with `task.class`, `topics` and
    /// `topics.regex` added and references resolved; the herder puts the references back before it stores them.
    TasksPlanned {
        name: Arc<str>,
        incarnation: Incarnation,
        plan: Result<Vec<Properties>, Failure>,
    },
    /// The connector found that its tasks may have to change.
    ReplanAsked {
        name: Arc<str>,
        incarnation: Incarnation,
    },
    TaskRunning {
        task: TaskId,
        incarnation: Incarnation,
    },
    TaskPaused {
        task: TaskId,
        incarnation: Incarnation,
    },
    TaskFailed {
        task: TaskId,
        incarnation: Incarnation,
        failure: Failure,
    },
    TaskStopped {
        task: TaskId,
        incarnation: Incarnation,
    },
    /// What came of [`Action::ChangeOffsets`]: how it went in words, or why it did not.
    OffsetsChanged {
        name: Arc<str>,
        outcome: Result<Arc<str>, Refusal>,
    },
    /// The instant returned by [`Herder::deadline`](crate::Herder::deadline) has come.
    DeadlineReached,
    /// The worker is to end. [`Action::Finished`] says when all work has ended.
    StopAsked,
}

/// Something the driver must do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Respond {
        id: RequestId,
        answer: Result<Response, Refusal>,
    },
    Group(GroupAction),
    /// Ask the worker with this URL, and answer with its answer.
    Forward {
        id: RequestId,
        to: Arc<str>,
        request: Request,
    },
    /// Hand a plan to the leader, which has this URL, as `POST /connectors/NAME/tasks`, signed.
    PublishTasks {
        to: Arc<str>,
        name: Arc<str>,
        incarnation: Incarnation,
        tasks: Vec<Arc<Properties>>,
    },
    /// Make a session key of so many random bytes.
    MakeKey {
        algorithm: Arc<str>,
        bytes: usize,
    },
    /// Set the level of a logger and of those below it.
    SetLevel {
        logger: Arc<str>,
        level: Arc<str>,
    },
    /// Write to the status topic, in this order for one key; nothing waits for it.
    WriteStatus(StatusRecord),
    /// Append these records to the configuration log, in this order, and read them back.
    Write(Vec<ConfigRecord>),
    /// Start a connector with this configuration, whose references are not resolved yet.
    StartConnector {
        name: Arc<str>,
        incarnation: Incarnation,
        config: Arc<Properties>,
    },
    PlanTasks {
        name: Arc<str>,
        incarnation: Incarnation,
        tasks_max: usize,
    },
    StopConnector {
        name: Arc<str>,
        incarnation: Incarnation,
    },
    /// Wait no longer for the end of this instance: cancel what can be cancelled and log it.
    AbandonConnector {
        name: Arc<str>,
        incarnation: Incarnation,
    },
    /// Start a task. References are not resolved in either map.
    StartTask {
        task: TaskId,
        incarnation: Incarnation,
        connector_config: Arc<Properties>,
        settings: Arc<Properties>,
        /// How many tasks the connector has: to be held against its [`TaskLimit`] before the task is created.
        task_count: usize,
        begin: Begin,
    },
    PauseTask {
        task: TaskId,
        incarnation: Incarnation,
    },
    ResumeTask {
        task: TaskId,
        incarnation: Incarnation,
    },
    StopTask {
        task: TaskId,
        incarnation: Incarnation,
    },
    /// Wait no longer for the end of this task: no commit, no status, no retry of it counts any more.
    AbandonTask {
        task: TaskId,
        incarnation: Incarnation,
    },
    /// Change the stored offsets of a connector of which nothing runs. References in its configuration are not resolved.
    ChangeOffsets {
        name: Arc<str>,
        config: Arc<Properties>,
        change: OffsetsChange,
    },
    /// After [`Event::StopAsked`]: everything has ended or was abandoned. It comes once; only refusals may follow.
    Finished,
}

/// Chosen by whoever asks; unique while the request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names one start of one connector or task, so that a late report of an earlier start is not taken for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    pub connector: Arc<str>,
    pub index: u32,
}

/// Why a connector, a task or a plan failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Goes into the answer of the request that caused the failure.
    pub message: Arc<str>,
    /// Is shown in the status.
    pub trace: Arc<str>,
}

/// The state in which a task is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    Running,
    /// Without any call to the task until it is resumed.
    Paused,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.index)
    }
}

impl Failure {
    pub fn new(message: impl Into<Arc<str>>, trace: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), trace: trace.into() }
    }
}

impl Event {
    /// Returns the instance that this event reports about.
    pub fn incarnation(&self) -> Option<Incarnation> {
        match self {
            Self::ConnectorStarted { incarnation, .. }
            | Self::ConnectorFailed { incarnation, .. }
            | Self::ConnectorStopped { incarnation, .. }
            | Self::TasksPlanned { incarnation, .. }
            | Self::ReplanAsked { incarnation, .. }
            | Self::TaskRunning { incarnation, .. }
            | Self::TaskPaused { incarnation, .. }
            | Self::TaskFailed { incarnation, .. }
            | Self::TaskStopped { incarnation, .. } => Some(*incarnation),
            Self::TasksPublished { incarnation, .. } => Some(*incarnation),
            Self::Requested { .. }
            | Self::Forwarded { .. }
            | Self::ConfigSkipped { .. }
            | Self::StatusRead(_)
            | Self::Written { .. }
            | Self::KeyMade(_)
            | Self::TopicUsed { .. }
            | Self::Group(_)
            | Self::RequestDropped { .. }
            | Self::ConfigRead { .. }
            | Self::OffsetsChanged { .. }
            | Self::DeadlineReached
            | Self::StopAsked => None,
        }
    }
}
