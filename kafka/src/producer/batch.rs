//! The counters of a batch, and of the lane it was sent through.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Relaxed, SeqCst},
        },
    },
};

use rdkafka::message::{BorrowedMessage, Message};
use tokio::sync::Notify;

use super::{Budget, DeliveryError, Failed, Finished, Outgoing, RecordMetadata, Report, Ticket};
use crate::Failure;

/// What librdkafka carries along with a record and gives back with its delivery report.
pub(super) struct Tracked {
    batch: Arc<Batch>,
    /// The place of the record in its batch, when somebody wants to know.
    index: Option<usize>,
    /// Bytes of the record's headers, which a delivery report does not count cheaply.
    header_bytes: usize,
}

/// A batch handed over, or being handed over.
pub(super) struct Batch {
    pub(super) ticket: Ticket,
    usage: Arc<Usage>,
    /// Records neither acknowledged nor failed, and one more while records are still added.
    left: AtomicUsize,
    count: AtomicUsize,
    failed: AtomicUsize,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    first: Option<Failed>,
    /// One place a record, with `Report::Metadata`.
    records: Vec<Option<Result<RecordMetadata, Failed>>>,
}

/// What a lane has in the producer, and its tickets that have ended.
pub(super) struct Usage {
    budget: Budget,
    bytes: AtomicUsize,
    messages: AtomicUsize,
    /// Whether the lane waits for `room`.
    waiting: AtomicBool,
    pub(super) room: Notify,
    ended: Mutex<VecDeque<Arc<Batch>>>,
    pub(super) ticket_ended: Notify,
}

// === impl Tracked ===

impl Tracked {
    /// For the records that need nothing of their own.
    pub(super) fn whole(batch: &Arc<Batch>) -> Arc<Self> {
        Arc::new(Self { batch: batch.clone(), index: None, header_bytes: 0 })
    }

    pub(super) fn record(batch: &Arc<Batch>, index: Option<usize>, header_bytes: usize) -> Arc<Self> {
        Arc::new(Self { batch: batch.clone(), index, header_bytes })
    }

    pub(super) fn delivered(&self, message: &BorrowedMessage<'_>) {
        if let Some(index) = self.index {
            let topic = Arc::from(message.topic());
            let offset = Some(message.offset()).filter(|offset| *offset >= 0);
            let timestamp = message.timestamp().to_millis();
            let metadata = RecordMetadata { topic, partition: message.partition(), offset, timestamp };
            self.batch.note(index, Ok(metadata));
        }
        self.done(message);
    }

    pub(super) fn failed(&self, message: &BorrowedMessage<'_>, failure: Failure) {
        self.batch.fail(self.index, Failed { topic: Arc::from(message.topic()), failure });
        self.done(message);
    }

    fn done(&self, message: &BorrowedMessage<'_>) {
        let bytes = self.header_bytes
            + message.key().map_or(0, <[u8]>::len)
            + message.payload().map_or(0, <[u8]>::len);
        self.batch.usage.give_back(bytes);
        self.batch.leave();
    }
}

// === impl Batch ===

impl Batch {
    pub(super) fn open(ticket: Ticket, usage: &Arc<Usage>) -> Arc<Self> {
        Arc::new(Self {
            ticket,
            usage: usage.clone(),
            left: AtomicUsize::new(1),
            count: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            results: Mutex::default(),
        })
    }

    /// Counts a record in; returns its place.
    pub(super) fn enter(&self, report: Report) -> usize {
        self.left.fetch_add(1, Relaxed);
        if report == Report::Metadata {
            self.results.lock().unwrap_or_else(PoisonError::into_inner).records.push(None);
        }
        self.count.fetch_add(1, Relaxed)
    }

    /// Undoes the last `enter`: the record was not handed over.
    pub(super) fn withdraw(&self, report: Report) {
        if report == Report::Metadata {
            self.results.lock().unwrap_or_else(PoisonError::into_inner).records.pop();
        }
        self.count.fetch_sub(1, Relaxed);
        self.left.fetch_sub(1, Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Counts a record out, or the handing over itself; the last one ends the ticket.
    pub(super) fn leave(self: &Arc<Self>) {
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.usage.ended.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.clone());
            self.usage.ticket_ended.notify_one();
        }
    }

    pub(super) fn fail(&self, index: Option<usize>, failed: Failed) {
        self.failed.fetch_add(1, Relaxed);
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if results.first.is_none() {
            results.first = Some(failed.clone());
        }
        if let Some(index) = index {
            results.records[index] = Some(Err(failed));
        }
    }

    /// Returns what became of the ticket. To be called once, after its end.
    pub(super) fn finish(&self) -> Finished {
        let results = std::mem::take(&mut *self.results.lock().unwrap_or_else(PoisonError::into_inner));
        let records = results
            .records
            .into_iter()
            .map(|record| record.expect("a ticket ends when every record has an outcome"));
        let outcome = match results.first {
            None => Ok(records.filter_map(Result::ok).collect()),
            Some(Failed { topic, failure }) => {
                let (failed, count) = (self.failed.load(Relaxed), self.count());
                Err(DeliveryError { topic, failure, failed, count, records: records.collect() })
            }
        };
        Finished { ticket: self.ticket, outcome }
    }

    fn note(&self, index: usize, result: Result<RecordMetadata, Failed>) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).records[index] = Some(result);
    }
}

// === impl Usage ===

impl Usage {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            bytes: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            room: Notify::new(),
            ended: Mutex::default(),
            ticket_ended: Notify::new(),
        }
    }

    /// Reserves room for a record; returns whether there was some. Only the lane calls it.
    #[must_use]
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        if !self.fits(bytes) {
            return false;
        }
        self.bytes.fetch_add(bytes, SeqCst);
        self.messages.fetch_add(1, SeqCst);
        true
    }

    pub(super) fn fits(&self, bytes: usize) -> bool {
        let (held, messages) = (self.bytes.load(SeqCst), self.messages.load(SeqCst));
        // A record larger than the budget goes alone, for else it never went.
        messages == 0 || (messages < self.budget.messages && held + bytes <= self.budget.bytes)
    }

    /// Says that the lane waits for `room`; it must look again after this and before it waits.
    pub(super) fn wait(&self) {
        self.waiting.store(true, SeqCst);
    }

    /// Gives a record's room back. The lane is woken when half of its budget is free: waking it for each record would
    /// cost more than the records.
    pub(super) fn give_back(&self, bytes: usize) {
        let held = self.bytes.fetch_sub(bytes, SeqCst) - bytes;
        let messages = self.messages.fetch_sub(1, SeqCst) - 1;
        if self.waiting.load(SeqCst)
            && held <= self.budget.bytes / 2
            && messages <= self.budget.messages / 2
            && self.waiting.swap(false, SeqCst)
        {
            self.room.notify_one();
        }
    }

    pub(super) fn messages(&self) -> usize {
        self.messages.load(SeqCst)
    }

    pub(super) fn next_ended(&self) -> Option<Arc<Batch>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Returns the bytes of a record's headers.
pub(super) fn header_bytes(record: &Outgoing) -> usize {
    record.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, bytes::Bytes::len)).sum()
}
