//! Changes of offsets: only while nothing of the connector runs, and nothing of it begins until they are done.

use std::sync::Arc;

use crate::{
    config::Target,
    event::Action,
    herder::{Herder, Work},
    request::{OffsetsChange, Refusal, Response},
};

impl Herder {
    /// Sets a change going.
    pub(super) fn begin_offsets(&mut self, name: &Arc<str>, change: OffsetsChange) -> Result<(), Refusal> {
        let Some(connector) = self.config.connector(name) else {
            return Err(Refusal::ConnectorNotFound(name.clone()));
        };
        let is_stopped = self.config.target(name) == Target::Stopped && self.config.task_count(name) == 0;
        if !is_stopped || self.works.get(name).is_some_and(Work::is_live) {
            return Err(Refusal::NotStopped(name.clone()));
        }
        let config = connector.config.clone();
        self.lines.entry(name.clone()).or_default().begin_offsets(self.now);
        self.actions.push(Action::ChangeOffsets { name: name.clone(), config, change });
        Ok(())
    }

    /// Passes the outcome on, and lets what has waited begin.
    pub(super) fn offsets_changed(&mut self, name: Arc<str>, outcome: Result<Arc<str>, Refusal>) {
        let Some(line) = self.lines.get_mut(&name) else { return };
        if let Some(id) = line.end_offsets() {
            self.respond(id, outcome.map(Response::OffsetsChanged));
        }
        self.touched.insert(name);
    }
}
