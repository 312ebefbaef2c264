//! One worker: what runs connectors and tasks, and the REST API over it. Names no plugin.
//!
//! The herder (`millrace-herder`) decides; [`driver`] is the only loop around it. A source task lives in `source_task`, a
//! sink task in `sink_task`; both share `pipeline` and know nothing of each other.

mod active_topics;
mod clients;
mod connector;
pub mod connector_file;
pub mod data;
pub mod driver;
mod errors;
#[cfg(test)]
mod fake_plugins;
mod in_flight;
mod instances;
mod json;
pub mod loggers;
pub mod offset_store;
mod offsets;
pub mod panics;
mod pipeline;
pub mod preview;
mod producers;
pub mod properties_file;
pub mod providers;
mod record_json;
pub mod rest;
pub mod secrets;
pub mod settings;
mod sink_task;
mod source_task;
pub mod standalone;
mod task;
mod topic_creation;
pub mod validate;
mod watchdog;
