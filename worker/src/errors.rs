//! What happens when a record is bad: tried again, left out, logged, kept in a dead letter queue, or the end of the task.
//!
//! [`tolerance`] decides and is pure, as are the accounts in `gate`, `kept` and `reports`. `SinkErrors` and `SourceErrors`
//! are what a task holds; `dead_letters` is the only part that talks to Kafka.

mod counts;
mod dead_letters;
mod errant;
mod failure;
mod gate;
mod headers;
mod kept;
mod log;
mod reports;
mod settings;
mod sink;
mod source;
pub(crate) mod tolerance;

pub use counts::{ErrorCounts, add};
pub use errant::Reporter;
pub use failure::{Failed, Failure, Stage, intolerable, repeated};
pub(crate) use settings::source_problems;
pub use sink::SinkErrors;
pub use source::{Outcome, SourceErrors};
