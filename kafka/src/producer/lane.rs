//! One task's way into a producer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::BaseRecord,
    types::RDKafkaErrorCode as Code,
};

use super::{
    Failed, Finished, Outgoing, Report, SendError, SharedProducer, Ticket,
    batch::{Batch, Held, Tracked, Usage},
    client::{Client, Producer},
    length,
};
use crate::Failure;

/// One task's way into a producer, with a budget of its own: no task makes another wait.
///
/// Dropping it never blocks. Records that are then undelivered are given up: the producer is retired, and they are purged
/// as soon as no other lane has records in it.
pub struct Lane {
    home: Arc<SharedProducer>,
    producer: Arc<Producer>,
    usage: Arc<Usage>,
    /// How many records had failed when the lane joined its producer.
    failed_before: usize,
    /// What an earlier lane of the task has left; nothing is sent before it is gone.
    earlier: Option<Remains>,
    next_ticket: u64,
    /// The batch that a cancelled or failed `send` left half handed over.
    open: Option<Open>,
    /// Tickets not yet returned by `finished`, the open one included.
    in_flight: usize,
}

/// What may be left of a lane in its producer, whether it still lives or not.
#[derive(Clone)]
pub struct Remains(Arc<Usage>);

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
    Fatal,
}

/// Why records were handed over no further.
enum Pause {
    /// There are no more.
    Done,
    /// The budget is used up; a record of this weight waits.
    NoRoom(usize),
    QueueFull,
    /// The lane has to wait for something, or to change its producer.
    NotReady,
}

// === impl Lane ===

impl Lane {
    pub(super) fn new(home: Arc<SharedProducer>, producer: Arc<Producer>, usage: Arc<Usage>) -> Self {
        let (failed_before, earlier, open) = (0, None, None);
        Self { home, producer, usage, failed_before, earlier, next_ticket: 0, open, in_flight: 0 }
    }

    /// Takes over from an earlier lane of the same task: that one hands nothing over any more, and this one nothing
    /// before its records are delivered or purged, so that an old record never lands behind a new one.
    pub fn follow(&mut self, earlier: Remains) {
        earlier.0.revoke();
        self.earlier = Some(earlier);
    }

    /// Returns what a later lane may [`follow`](Self::follow).
    pub fn remains(&self) -> Remains {
        Remains(self.usage.clone())
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
        loop {
            match self.hand_over(&open, batch) {
                Pause::Done => break,
                Pause::NoRoom(weight) => self.room(weight).await,
                Pause::QueueFull => tokio::time::sleep(QUEUE_FULL_WAIT).await,
                Pause::NotReady => {
                    if let Err(error) = self.make_ready().await {
                        self.close_after_error(&open);
                        return Err(error);
                    }
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

    /// Tells whether both lanes use the same client now.
    pub fn shares_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.producer, &other.producer)
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
        self.usage.forget(open.batch.ticket);
    }

    fn close(&mut self, open: &Open) {
        self.open = None;
        open.batch.leave();
    }

    /// Hands records over as long as nothing has to be waited for.
    fn hand_over(&self, open: &Open, batch: &mut VecDeque<Outgoing>) -> Pause {
        if self.earlier.is_some() {
            return Pause::NotReady;
        }
        let Some(client) = self.producer.client() else { return Pause::NotReady };
        while let Some(first) = batch.front() {
            let reserved = self.usage.reserve(batch.iter());
            if reserved.messages == 0 {
                return Pause::NoRoom(first.weight());
            }
            // In this order: see `Producer::is_done` and `Usage::revoke`.
            if self.producer.is_leaving() || self.usage.is_revoked() {
                self.usage.give_back(reserved);
                return Pause::NotReady;
            }
            if let Some(pause) = self.burst(&client, open, batch, reserved) {
                return pause;
            }
        }
        Pause::Done
    }

    /// Hands over the records that there is room for.
    fn burst(
        &self,
        client: &Client,
        open: &Open,
        batch: &mut VecDeque<Outgoing>,
        mut reserved: Held,
    ) -> Option<Pause> {
        let mut index = open.batch.enter(open.report, reserved.messages);
        while reserved.messages > 0 {
            let record = batch.front().expect("room was reserved for records that are there");
            let room = Held { messages: 1, bytes: record.weight() };
            match self.produce(client, open, index, record) {
                Handed::Over => {}
                Handed::Refused(failure) => {
                    let index = (open.report == Report::Metadata).then_some(index);
                    open.batch.fail(index, Failed { topic: record.topic.clone(), failure });
                    self.usage.give_back(room);
                    open.batch.leave();
                }
                Handed::QueueFull => {
                    self.withdraw(open, reserved);
                    return Some(Pause::QueueFull);
                }
                Handed::Fatal => {
                    self.withdraw(open, reserved);
                    self.producer.fail();
                    return Some(Pause::NotReady);
                }
            }
            batch.pop_front();
            index += 1;
            reserved.messages -= 1;
            reserved.bytes -= room.bytes;
        }
        None
    }

    fn withdraw(&self, open: &Open, reserved: Held) {
        open.batch.withdraw(open.report, reserved.messages);
        self.usage.give_back(reserved);
    }

    /// Waits a while for what stands in the way, or changes to a fresh producer.
    async fn make_ready(&mut self) -> Result<(), SendError> {
        if self.usage.is_revoked() {
            return Err(SendError::GivenUp);
        }
        if let Some(Remains(earlier)) = &self.earlier {
            if earlier.messages() > 0 {
                emptier(earlier).await;
            } else {
                self.earlier = None;
            }
            return Ok(());
        }
        if let Some(failure) = self.producer.fatal()
            && (self.usage.messages() > 0 || self.usage.failed() > self.failed_before)
        {
            return Err(SendError::Fatal(failure));
        }
        if self.usage.messages() > 0 {
            emptier(&self.usage).await;
            return Ok(());
        }
        self.producer.leave(&self.usage);
        self.producer = self.home.join(&self.usage).map_err(SendError::Replace)?;
        self.failed_before = self.usage.failed();
        Ok(())
    }

    /// Waits until there may be room for a record.
    async fn room(&self, weight: usize) {
        self.usage.wait();
        if self.usage.fits(weight) {
            return;
        }
        // Looked at again in any case, so the end of the time-out says nothing.
        let _ = tokio::time::timeout(ROOM_WAIT, self.usage.room.notified()).await;
    }

    fn produce(&self, client: &Client, open: &Open, index: usize, record: &Outgoing) -> Handed {
        let tracked = match open.report {
            Report::Counts if record.headers.is_empty() => open.whole.clone(),
            Report::Counts => Tracked::record(&open.batch, None, record.header_weight()),
            Report::Metadata => Tracked::record(&open.batch, Some(index), record.header_weight()),
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
        let error = match client.send(out) {
            Ok(()) => return Handed::Over,
            Err((error, _)) => error,
        };
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => Handed::QueueFull,
            Some(Code::Fatal) => Handed::Fatal,
            Some(code @ Code::MessageSizeTooLarge) => {
                Handed::Refused(Failure::because(code, self.too_large(record)))
            }
            Some(code) => Handed::Refused(Failure::of(code)),
            None => Handed::Refused(Failure::because(Code::InvalidTopic, error.to_string())),
        }
    }

    /// Says it in the words of Java's producer.
    fn too_large(&self, record: &Outgoing) -> String {
        let headers = record.headers.iter().map(|(name, value)| name.len() + length(value));
        let bytes = length(&record.key) + length(&record.value) + headers.sum::<usize>();
        let limit = self.producer.record_max;
        format!(
            "The message is {bytes} bytes when serialized which is larger than {limit}, which is the value of the \
             max.request.size configuration."
        )
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.usage.close();
        self.usage.give_up();
        self.producer.leave(&self.usage);
        self.home.lane_closed();
    }
}

// === impl Remains ===

impl Remains {
    /// Returns how many records are neither delivered nor purged.
    pub fn records(&self) -> usize {
        self.0.messages()
    }

    /// Returns whether the lane is no more and nothing of it is left.
    pub fn is_gone(&self) -> bool {
        self.0.is_gone()
    }
}

/// Waits until a lane has fewer records in its producer, or a while.
async fn emptier(usage: &Usage) {
    usage.wait();
    if usage.messages() > 0 {
        // Looked at again in any case, so the end of the time-out says nothing.
        let _ = tokio::time::timeout(ROOM_WAIT, usage.room.notified()).await;
    }
}
