//! One worker: what runs connectors and tasks, and the REST API over it. Names no plugin.
//!
//! The herder (`millrace-herder`) decides; [`driver`] is the only loop around it. A source task lives in [`source_task`], a
//! sink task in [`sink_task`]; both share [`pipeline`] and know nothing of each other.

mod connector;
pub mod connector_file;
pub mod driver;
mod in_flight;
mod instances;
mod json;
pub mod offset_store;
pub mod panics;
mod pipeline;
mod producers;
pub mod properties_file;
mod sink_task;
mod source_task;
mod task;
