//! The counters of a batch, and of the lane it was sent through.

use std::{
    collections::{BTreeSet, VecDeque},
    ops::Add,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Relaxed, SeqCst},
        },
    },
};

use rdkafka::message::{BorrowedMessage, Message};
use tokio::sync::Notify;

use super::{
    Budget, DeliveryError, Failed, Finished, Outgoing, RecordMetadata, Report, Ticket, client::Producer,
    stall::Sight,
};
use crate::Failure;

/// What librdkafka carries along with a record and gives back with its delivery report.
pub(super) struct Tracked {
    batch: Arc<Batch>,
    /// The place of the record in its batch, when somebody wants to know.
    index: Option<usize>,
    /// The weight of the record's headers, which a delivery report does not count cheaply.
    header_weight: usize,
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
    /// No other lane of this process has it.
    pub(super) id: u64,
    /// The task.
    pub(super) name: String,
    budget: Budget,
    /// What the lane has in the producer, as [`Held::packed`] writes it: one operation a record, for two threads share it.
    held: AtomicU64,
    /// Whether the lane waits for `room`.
    waiting: AtomicBool,
    pub(super) room: Notify,
    /// How many records have failed.
    failed: AtomicUsize,
    /// Whether a later lane of the same task has taken over.
    revoked: AtomicBool,
    /// Whether the lane is no more.
    closed: AtomicBool,
    /// A std mutex, as the other: held for a few lines.
    tickets: Mutex<Tickets>,
    pub(super) ticket_ended: Notify,
    /// Where the lane's records go.
    producer: Mutex<Weak<Producer>>,
}

/// A part of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// How many bits of a packed number count bytes: a terabyte, and sixteen million records above it.
const BYTE_BITS: u32 = 40;

/// The most records that are counted in at once. A producer that is retired meanwhile still gets the rest of them.
const BURST: usize = 256;

#[derive(Default)]
struct Tickets {
    open: BTreeSet<u64>,
    ended: VecDeque<Arc<Batch>>,
    ended_count: u64,
}

// === impl Tracked ===

impl Tracked {
    /// For the records that need nothing of their own.
    pub(super) fn whole(batch: &Arc<Batch>) -> Arc<Self> {
        Arc::new(Self { batch: batch.clone(), index: None, header_weight: 0 })
    }

    pub(super) fn record(batch: &Arc<Batch>, index: Option<usize>, header_weight: usize) -> Arc<Self> {
        Arc::new(Self { batch: batch.clone(), index, header_weight })
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
        let bytes = message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len);
        self.batch.usage.give_back(Held { messages: 1, bytes: weight(bytes, self.header_weight) });
        self.batch.leave();
    }
}

// === impl Batch ===

impl Batch {
    pub(super) fn open(ticket: Ticket, usage: &Arc<Usage>) -> Arc<Self> {
        usage.tickets().open.insert(ticket.0);
        Arc::new(Self {
            ticket,
            usage: usage.clone(),
            left: AtomicUsize::new(1),
            count: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            results: Mutex::default(),
        })
    }

    /// Counts so many records in; returns the place of the first.
    pub(super) fn enter(&self, report: Report, count: usize) -> usize {
        self.left.fetch_add(count, Relaxed);
        if report == Report::Metadata {
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            let records = results.records.len() + count;
            results.records.resize_with(records, || None);
        }
        self.count.fetch_add(count, Relaxed)
    }

    /// Undoes the last so many of an `enter`: these records were not handed over.
    pub(super) fn withdraw(&self, report: Report, count: usize) {
        if report == Report::Metadata {
            let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
            let records = results.records.len() - count;
            results.records.truncate(records);
        }
        self.count.fetch_sub(count, Relaxed);
        self.left.fetch_sub(count, Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Counts a record out, or the handing over itself; the last one ends the ticket.
    pub(super) fn leave(self: &Arc<Self>) {
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.usage.ended(self);
        }
    }

    pub(super) fn fail(&self, index: Option<usize>, failed: Failed) {
        self.failed.fetch_add(1, Relaxed);
        self.usage.failed.fetch_add(1, SeqCst);
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
    pub(super) fn new(name: String, budget: Budget) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            name,
            budget,
            held: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            room: Notify::new(),
            failed: AtomicUsize::new(0),
            revoked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            tickets: Mutex::default(),
            ticket_ended: Notify::new(),
            producer: Mutex::default(),
        }
    }

    /// Reserves room for as many of these records as there is, within bounds; returns what was reserved. Only the lane
    /// calls it.
    #[must_use]
    pub(super) fn reserve<'a>(&self, records: impl Iterator<Item = &'a Outgoing>) -> Held {
        let held = self.held();
        let mut reserved = Held { messages: 0, bytes: 0 };
        for record in records.take(BURST) {
            let weight = record.weight();
            if !self.has_room(held + reserved, weight) {
                break;
            }
            reserved = reserved + Held { messages: 1, bytes: weight };
        }
        self.held.fetch_add(reserved.packed(), SeqCst);
        reserved
    }

    pub(super) fn fits(&self, weight: usize) -> bool {
        self.has_room(self.held(), weight)
    }

    fn has_room(&self, held: Held, weight: usize) -> bool {
        // A record larger than the budget goes alone, for else it never went.
        held.messages == 0
            || (held.messages < self.budget.messages && held.bytes + weight <= self.budget.bytes)
    }

    fn held(&self) -> Held {
        Held::unpacked(self.held.load(SeqCst))
    }

    /// Says that somebody waits for `room`; it must look again after this and before it waits.
    pub(super) fn wait(&self) {
        self.waiting.store(true, SeqCst);
    }

    /// Gives room back. Who waits is woken when half of the budget is free: waking it for each record would cost more than
    /// the records.
    pub(super) fn give_back(&self, room: Held) {
        let held = Held::unpacked(self.held.fetch_sub(room.packed(), SeqCst) - room.packed());
        if self.waiting.load(SeqCst)
            && held.bytes <= self.budget.bytes / 2
            && held.messages <= self.budget.messages / 2
            && self.waiting.swap(false, SeqCst)
        {
            self.room.notify_one();
        }
    }

    pub(super) fn messages(&self) -> usize {
        self.held().messages
    }

    /// Returns how many records have failed so far.
    pub(super) fn failed(&self) -> usize {
        self.failed.load(SeqCst)
    }

    pub(super) fn next_ended(&self) -> Option<Arc<Batch>> {
        self.tickets().ended.pop_front()
    }

    /// Forgets a ticket that never had a record.
    pub(super) fn forget(&self, ticket: Ticket) {
        self.tickets().open.remove(&ticket.0);
    }

    pub(super) fn sight(&self) -> Sight {
        let tickets = self.tickets();
        Sight { lane: self.id, oldest: tickets.open.first().copied(), ended: tickets.ended_count }
    }

    pub(super) fn joined(&self, producer: &Arc<Producer>) {
        *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(producer);
    }

    /// Lets the lane hand nothing over any more.
    ///
    /// A sender counts its record first and looks for this second: either it sees this, or its record is seen here.
    pub(super) fn revoke(&self) {
        self.revoked.store(true, SeqCst);
        self.give_up();
    }

    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Returns whether the lane is no more and none of its records is in a producer.
    pub(super) fn is_gone(&self) -> bool {
        self.closed.load(SeqCst) && self.messages() == 0
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(SeqCst)
    }

    /// Retires the producer when records are left in it that nobody waits for any more.
    pub(super) fn give_up(&self) {
        let left = self.messages();
        if left == 0 {
            return;
        }
        let producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(producer) = producer {
            producer.retire(format_args!("task {} was given up with {left} records undelivered", self.name));
        }
    }

    fn ended(&self, batch: &Arc<Batch>) {
        let mut tickets = self.tickets();
        tickets.open.remove(&batch.ticket.0);
        tickets.ended.push_back(batch.clone());
        tickets.ended_count += 1;
        drop(tickets);
        self.ticket_ended.notify_one();
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Held ===

impl Held {
    fn packed(self) -> u64 {
        ((self.messages as u64) << BYTE_BITS) | self.bytes as u64
    }

    fn unpacked(packed: u64) -> Self {
        let bytes = packed & ((1 << BYTE_BITS) - 1);
        Self { messages: (packed >> BYTE_BITS) as usize, bytes: bytes as usize }
    }
}

impl Add for Held {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

/// Returns the weight of a record with so many bytes of key and value.
pub(super) fn weight(bytes: usize, header_weight: usize) -> usize {
    size_of::<Outgoing>() + bytes + header_weight
}
