//! One task's way into a producer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::BaseRecord,
    types::RDKafkaErrorCode as Code,
};

use super::{
    Budget, Failed, Finished, Outgoing, Producer, Report, SendError, Ticket,
    batch::{Batch, Tracked, Usage, header_bytes},
};
use crate::Failure;

/// One task's way into a producer, with a budget of its own: no task makes another wait.
///
/// Dropping it gives its records up, as [`Lane::abandon`] does.
pub struct Lane {
    producer: Arc<Producer>,
    usage: Arc<Usage>,
    next_ticket: u64,
    /// The batch that a cancelled or failed `send` left half handed over.
    open: Option<Open>,
    /// Tickets not yet returned by `finished`, the open one included.
    in_flight: usize,
}

#[derive(Clone)]
struct Open {
    batch: Arc<Batch>,
    whole: Arc<Tracked>,
    report: Report,
}

/// How long a lane waits before it tries a full queue again. Rare: the queue is larger than the sum of budgets.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(5);

/// How long a lane waits for room before it looks at the producer again, which may have been retired meanwhile.
const ROOM_WAIT: Duration = Duration::from_millis(500);

/// What became of the attempt to hand one record over.
enum Handed {
    Over,
    /// The record can never be taken; the others can.
    Refused(Failure),
    QueueFull,
    Fatal(Failure),
}

// === impl Lane ===

impl Lane {
    pub(super) fn new(producer: Arc<Producer>, budget: Budget) -> Self {
        Self { producer, usage: Arc::new(Usage::new(budget)), next_ticket: 0, open: None, in_flight: 0 }
    }

    /// Hands the records over in order, waiting while the lane's budget is used up or the producer's queue is full.
    ///
    /// Records leave `batch` as they are handed over. Cancel safe: when the future was dropped, a call with what is
    /// left goes on with the same ticket (and the same report). On an error the records handed over before it end
    /// in that ticket too, if there were any; what is left stays in `batch`.
    pub async fn send(
        &mut self,
        batch: &mut VecDeque<Outgoing>,
        report: Report,
    ) -> Result<Ticket, SendError> {
        let open = self.open(report);
        while let Some(record) = batch.front() {
            if let Err(error) = self.check() {
                self.close_after_error(&open);
                return Err(error);
            }
            let headers = header_bytes(record);
            let bytes = headers + length(&record.key) + length(&record.value);
            if !self.usage.reserve(bytes) {
                self.room(bytes).await;
                continue;
            }
            match self.hand_over(&open, record, headers) {
                Handed::Over => drop(batch.pop_front()),
                Handed::Refused(failure) => {
                    let index = (open.report == Report::Metadata).then(|| open.batch.count() - 1);
                    open.batch.fail(index, Failed { topic: record.topic.clone(), failure });
                    self.usage.give_back(bytes);
                    open.batch.leave();
                    batch.pop_front();
                }
                Handed::QueueFull => {
                    self.usage.give_back(bytes);
                    tokio::time::sleep(QUEUE_FULL_WAIT).await;
                }
                Handed::Fatal(failure) => {
                    self.usage.give_back(bytes);
                    self.close_after_error(&open);
                    return Err(SendError::Fatal(failure));
                }
            }
        }
        self.close(&open);
        Ok(open.batch.ticket)
    }

    /// Ends a batch that a dropped call of [`send`](Self::send) left open: what was handed over of it ends in its
    /// ticket.
    pub fn give_up_open(&mut self) {
        if let Some(open) = self.open.clone() {
            self.close_after_error(&open);
        }
    }

    /// Waits for a ticket to end: every record acknowledged or failed. Tickets may end out of order.
    ///
    /// Cancel safe. Waits for ever while nothing is in flight.
    pub async fn finished(&mut self) -> Finished {
        loop {
            if let Some(finished) = self.try_finished() {
                return finished;
            }
            self.usage.ticket_ended.notified().await;
        }
    }

    /// Returns a ticket that has ended already.
    pub fn try_finished(&mut self) -> Option<Finished> {
        let batch = self.usage.next_ended()?;
        self.in_flight -= 1;
        Some(batch.finish())
    }

    /// Returns how many tickets `finished` will still return.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns how many records have neither been acknowledged nor failed.
    pub fn records_in_flight(&self) -> usize {
        self.usage.messages()
    }

    /// Gives the lane up: what becomes of its records no longer matters. Returns how many were undelivered; when there
    /// were any, the producer should be retired, for they stay in its queue until it delivers them or gives up.
    pub fn abandon(self) -> usize {
        self.usage.messages()
    }

    /// Goes on with the batch that an earlier call left open, or begins one.
    fn open(&mut self, report: Report) -> Open {
        if let Some(open) = &self.open {
            return open.clone();
        }
        let batch = Batch::open(Ticket(self.next_ticket), &self.usage);
        self.next_ticket += 1;
        self.in_flight += 1;
        let open = Open { whole: Tracked::whole(&batch), batch, report };
        self.open = Some(open.clone());
        open
    }

    /// Ends the handing over. A batch without a record is forgotten after an error: nobody knows its ticket.
    fn close_after_error(&mut self, open: &Open) {
        if open.batch.count() > 0 {
            return self.close(open);
        }
        self.open = None;
        self.in_flight -= 1;
    }

    fn close(&mut self, open: &Open) {
        self.open = None;
        open.batch.leave();
    }

    /// Returns why nothing can be handed over, if so.
    fn check(&self) -> Result<(), SendError> {
        if let Some(failure) = self.producer.fatal_ref() {
            return Err(SendError::Fatal(failure.clone()));
        }
        if self.producer.retired() { Err(SendError::Retired) } else { Ok(()) }
    }

    /// Waits until there may be room for a record.
    async fn room(&self, bytes: usize) {
        self.usage.wait();
        if self.usage.fits(bytes) {
            return;
        }
        // Looked at again in any case, so the end of the time-out says nothing.
        let _ = tokio::time::timeout(ROOM_WAIT, self.usage.room.notified()).await;
    }

    fn hand_over(&self, open: &Open, record: &Outgoing, headers: usize) -> Handed {
        let index = open.batch.enter(open.report);
        let tracked = match open.report {
            Report::Counts if headers == 0 => open.whole.clone(),
            Report::Counts => Tracked::record(&open.batch, None, headers),
            Report::Metadata => Tracked::record(&open.batch, Some(index), headers),
        };
        let mut out = BaseRecord::<[u8], [u8], _>::with_opaque_to(&record.topic, tracked);
        out.partition = record.partition;
        out.timestamp = record.timestamp;
        out.key = record.key.as_deref();
        out.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            let mut native = OwnedHeaders::new_with_capacity(record.headers.len());
            for (name, value) in &record.headers {
                native = native.insert(Header { key: name, value: value.as_deref() });
            }
            out.headers = Some(native);
        }
        let error = match self.producer.client().send(out) {
            Ok(()) => return Handed::Over,
            Err((error, _)) => error,
        };
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => {
                open.batch.withdraw(open.report);
                Handed::QueueFull
            }
            Some(Code::Fatal) => {
                open.batch.withdraw(open.report);
                Handed::Fatal(self.producer.fatal().unwrap_or_else(|| Failure::of(Code::Fatal)))
            }
            Some(code) => Handed::Refused(Failure::of(code)),
            None => Handed::Refused(Failure::because(Code::InvalidTopic, error.to_string())),
        }
    }
}

fn length(bytes: &Option<bytes::Bytes>) -> usize {
    bytes.as_ref().map_or(0, bytes::Bytes::len)
}
