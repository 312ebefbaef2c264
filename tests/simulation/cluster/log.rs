//! The config and the status topic, as bytes, and how far everybody has read them.

use std::collections::BTreeMap;

use millrace_herder::wire::config::Read;
use millrace_herder::wire::{config, status};
use millrace_herder::{ConfigRecord, ConfigState};

type Bytes = (String, Option<Vec<u8>>);

#[derive(Default)]
pub struct Logs {
    /// By offset; compaction leaves gaps.
    pub config: BTreeMap<u64, Bytes>,
    pub config_end: u64,
    pub status: BTreeMap<u64, Bytes>,
    pub status_end: u64,
}

impl Logs {
    pub fn append_config(&mut self, record: &ConfigRecord) {
        self.config.insert(self.config_end, config::encode(record));
        self.config_end += 1;
    }

    pub fn append_status(&mut self, record: &status::StatusRecord) {
        self.status.insert(self.status_end, status::encode(record));
        self.status_end += 1;
    }

    /// Leaves of each key the last record only.
    pub fn compact(&mut self) {
        for log in [&mut self.config, &mut self.status] {
            let last: BTreeMap<_, _> = log.iter().map(|(offset, (key, _))| (key.clone(), *offset)).collect();
            log.retain(|offset, (key, _)| last[key] == *offset);
        }
    }

    /// Returns what somebody knows who has read everything.
    pub fn known(&self) -> ConfigState {
        let mut state = ConfigState::default();
        for (offset, (key, value)) in &self.config {
            match config::decode(Some(key.as_bytes()), value.as_deref()) {
                Read::Record(record) => state.fold(*offset, &record),
                Read::Skipped(_) => state.skip(*offset),
                Read::Broken(_) => {}
            }
        }
        state
    }
}
