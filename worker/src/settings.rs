//! Settings of workers and of connectors: their definitions, and what is not built yet.

pub mod connector;
pub mod listener;
mod not_built;
pub mod policy;
pub mod response_headers;
pub mod table;
pub(crate) mod unknown;
pub mod version;
pub mod worker;

pub use listener::ListenerUrl;
pub use policy::OverridePolicy;
pub use worker::{Bootstrap, CommonSettings, RestSettings, TaskProducer, WorkerConfig, WorkerConfigError};
