//! What one worker decides, without I/O: which connectors and tasks run, and how requests are answered.
//!
//! The [`Herder`] is told what happened ([`Event`]) and says what to do ([`Action`]). It owns no clock, socket,
//! thread or random source, so a test can run a whole worker in one thread and replay any run from its seed.

pub mod assign;
mod config;
mod event;
mod group;
mod herder;
mod plan;
mod request;
mod session;
mod slot;
mod statuses;
mod task_limit;
mod time;
pub mod wire;

pub use config::{ConfigRecord, ConfigState, Connector, Fencing, Target};
pub use event::{Action, Begin, Event, Failure, Incarnation, RequestId, TaskId};
pub use group::{GroupAction, GroupEvent, GroupOptions};
pub use herder::{Herder, Options, REQUEST_TIMEOUT, REQUESTS_MAX};
pub use request::{
    ConnectorInfo, ConnectorStatus, Include, OffsetsChange, Refusal, RefusalKind, Request, Response, Stage,
    State, TaskInfo, TaskStatus, Which,
};
pub use session::{KeyOptions, SessionKey};
pub use task_limit::{Beyond, TaskLimit, TooManyTasks};
pub use time::Time;
