//! Tells a task what became of its records, when it has asked.

use millrace_api::{Acknowledgement, Error, RecordMetadata, Result, SourceRecord};
use millrace_kafka::Ticket;
use std::collections::{HashMap, VecDeque};
use tokio::sync::mpsc;

/// How many acknowledgements a task's channel holds; more wait with the worker.
pub const QUEUE: usize = 1024;

/// How many may wait with the worker before the task fails: a task that asked must read.
const WAITING_MAX: usize = 1_000_000;

/// Keeps the records of a task that has asked, and tells it what became of them; costs nothing for one that has not.
pub struct Acknowledger {
    sender: Option<mpsc::Sender<Acknowledgement>>,
    expected: HashMap<u64, Expected>,
    /// What the channel has no room for yet.
    waiting: VecDeque<Acknowledgement>,
}

struct Expected {
    originals: Vec<SourceRecord>,
    /// For each record sent its place among the originals.
    indexes: Vec<usize>,
}

impl Acknowledger {
    /// Returns one for a task with this channel, if it has asked.
    pub fn new(sender: Option<mpsc::Sender<Acknowledgement>>) -> Self {
        Self { sender, expected: HashMap::new(), waiting: VecDeque::new() }
    }

    /// Copies a batch before it is converted, when the task wants to hear of it.
    pub fn originals(&self, batch: &[SourceRecord]) -> Option<Vec<SourceRecord>> {
        self.sender.as_ref().map(|_| batch.to_vec())
    }

    /// Keeps a batch until its ticket ends.
    pub fn expect(&mut self, ticket: Ticket, originals: Vec<SourceRecord>, indexes: Vec<usize>) {
        self.expected.insert(ticket.0, Expected { originals, indexes });
    }

    /// Tells of every record of a ticket; those that a transformation has dropped or that have failed have no metadata.
    /// Fails when the task does not read what it asked for.
    pub fn delivered(
        &mut self,
        ticket: Ticket,
        metadata: Vec<Option<millrace_kafka::RecordMetadata>>,
    ) -> Result<()> {
        let Some(Expected { originals, indexes }) = self.expected.remove(&ticket.0) else { return Ok(()) };
        let mut places = vec![None; originals.len()];
        for (index, metadata) in indexes.into_iter().zip(metadata) {
            places[index] = metadata.map(|metadata| RecordMetadata {
                topic: metadata.topic,
                partition: metadata.partition,
                offset: metadata.offset.unwrap_or(-1),
                timestamp: metadata.timestamp,
            });
        }
        for (record, metadata) in originals.into_iter().zip(places) {
            self.tell(Acknowledgement::Delivered { record: Box::new(record), metadata });
        }
        if self.waiting.len() > WAITING_MAX {
            let text =
                format!("the task asked for acknowledgements and has left {WAITING_MAX} of them unread");
            return Err(Error::connect(text));
        }
        Ok(())
    }

    /// Tells that offsets were stored.
    pub fn committed(&mut self) {
        if self.sender.is_some() {
            self.tell(Acknowledgement::Committed);
        }
    }

    /// Tells whether something waits for room.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Moves what waits into the channel as room comes; may be dropped while it waits.
    pub async fn flush(&mut self) {
        let Some(sender) = &self.sender else { return };
        while !self.waiting.is_empty() {
            let Ok(permit) = sender.reserve().await else {
                // The task has dropped its receiver: it does not want to hear any more.
                self.waiting.clear();
                return;
            };
            let next = self.waiting.pop_front().expect("something waits");
            permit.send(next);
        }
    }

    fn tell(&mut self, acknowledgement: Acknowledgement) {
        self.waiting.push_back(acknowledgement);
        let Some(sender) = &self.sender else { return };
        while let Some(next) = self.waiting.pop_front() {
            if let Err(error) = sender.try_send(next) {
                match error {
                    mpsc::error::TrySendError::Full(next) => self.waiting.push_front(next),
                    mpsc::error::TrySendError::Closed(_) => self.waiting.clear(),
                }
                return;
            }
        }
    }
}
