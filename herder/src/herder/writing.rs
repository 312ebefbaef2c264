//! What was written to the log and has not come back.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    config::ConfigRecord,
    event::{Action, Failure, RequestId},
    herder::Herder,
    request::{Refusal, Response},
};

/// Records that were written and not read back yet. Nothing is decided about a connector on the ground of a
/// state that is known to be old.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By writes, oldest first.
    unread: VecDeque<Sent>,
    count: BTreeMap<Arc<str>, usize>,
}

#[derive(Debug, Default)]
struct Sent {
    records: VecDeque<ConfigRecord>,
    /// Who is answered when the write has come to its end.
    asker: Option<RequestId>,
}

// === impl Outbox ===

impl Outbox {
    fn add(&mut self, records: &[ConfigRecord], asker: Option<RequestId>) {
        for name in records.iter().filter_map(ConfigRecord::connector) {
            *self.count.entry(name.clone()).or_default() += 1;
        }
        self.unread.push_back(Sent { records: records.to_vec().into(), asker });
    }

    /// Notes a record of the log of a worker of its own, where all come back in order. Returns who asked for a write
    /// that has come back.
    pub(super) fn read(&mut self, record: &ConfigRecord) -> Option<RequestId> {
        let sent = self.unread.front_mut()?;
        if sent.records.front() != Some(record) {
            return None;
        }
        sent.records.pop_front();
        let done = sent.records.is_empty();
        self.release(record);
        if done { self.unread.pop_front()?.asker } else { None }
    }

    /// Notes that the oldest write has come to its end.
    fn written(&mut self) -> Option<Sent> {
        let sent = self.unread.pop_front()?;
        for record in &sent.records {
            self.release(record);
        }
        Some(sent)
    }

    /// Tells whether something about that connector was written and not read back.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.count.contains_key(name)
    }

    fn release(&mut self, record: &ConfigRecord) {
        let Some(name) = record.connector() else { return };
        match self.count.get_mut(name) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.count.remove(name);
            }
        }
    }
}

// === impl Herder ===

impl Herder {
    pub(super) fn write(&mut self, records: Vec<ConfigRecord>) {
        self.write_for(None, records);
    }

    /// Writes for somebody who is answered when that is done.
    pub(super) fn write_for(&mut self, asker: Option<RequestId>, records: Vec<ConfigRecord>) {
        self.outbox.add(&records, asker);
        self.actions.push(Action::Write(records));
    }

    /// Takes in that the oldest write has come to its end, in a group.
    pub(super) fn written(&mut self, outcome: Result<(), Failure>) {
        let Some(sent) = self.outbox.written() else { return };
        if let Some(id) = sent.asker {
            let answer = outcome.clone().map(|()| Response::Done);
            self.respond(id, answer.map_err(|failure| Refusal::WriteFailed(failure.message)));
        }
        if sent.records.iter().any(|record| matches!(record, ConfigRecord::SessionKey(_))) {
            self.keys.read();
        }
        let names: BTreeSet<_> = sent.records.iter().filter_map(ConfigRecord::connector).cloned().collect();
        for name in names {
            match &outcome {
                Ok(()) => self.own_write_read(&name, &sent.records),
                Err(failure) => self.write_failed(&name, failure),
            }
            self.touched.insert(name);
        }
    }

    /// Tells who asked for it which configuration came of it: another may have been written over it.
    fn own_write_read(&mut self, name: &Arc<str>, records: &VecDeque<ConfigRecord>) {
        let written = records.iter().rev().find_map(|record| match record {
            ConfigRecord::Connector { config, .. } => Some(config.as_deref()),
            _ => None,
        });
        let found = self.config.connector(name);
        let offset = match (written, found) {
            (Some(Some(written)), Some(found)) if *found.config != *written => None,
            (_, found) => found.map(|found| found.revision),
        };
        self.writes_read(name, offset.unwrap_or(u64::MAX));
    }

    fn write_failed(&mut self, name: &Arc<str>, failure: &Failure) {
        let now = self.now;
        for id in self.take_unwritten(name) {
            self.respond(id, Err(Refusal::WriteFailed(failure.message.clone())));
        }
        let instance = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut());
        if let Some(instance) = instance {
            instance.detail.write_failed(failure, now);
        }
    }
}
