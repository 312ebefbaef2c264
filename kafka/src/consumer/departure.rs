//! Leaving a group when the consumer's owner does not.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use rdkafka::consumer::Consumer as _;

use super::{Client, context};
use crate::closing;

/// Takes a consumer out of its group from outside.
///
/// A member whose owner hangs keeps its partitions, and every rebalance of its group waiting, until
/// `max.poll.interval.ms` is over.
pub struct Departure {
    client: Weak<Client>,
}

/// How long one look at the events of a consumer that leaves its group may take.
const LEAVE_POLL: Duration = Duration::from_millis(100);

impl Departure {
    pub(super) fn of(client: &Arc<Client>) -> Self {
        Self { client: Arc::downgrade(client) }
    }

    /// Leaves the group, on a thread of its own ([`crate::all_closed`] waits for that). Nothing is committed, and the
    /// consumer is of no use any more.
    pub fn leave(self) {
        let leave = move || {
            // Without its client the consumer has left already.
            let Some(client) = self.client.upgrade() else { return };
            answer_all(&client);
            if let Err(error) = client.close_queue() {
                tracing::debug!(%error, "leaving a group for an owner that hangs");
                return;
            }
            while !client.closed() {
                if let Some(Err(error)) = client.poll(LEAVE_POLL) {
                    tracing::debug!(%error, "leaving a group for an owner that hangs");
                }
            }
        };
        closing::run(leave);
    }
}

/// Answers what librdkafka waits for, which does not end before, and lets later rebalances be answered at once.
pub(super) fn answer_all(client: &Client) {
    client.context().close();
    for change in client.context().take_unanswered() {
        if let Err(error) = context::answer(client, &change) {
            tracing::debug!(%error, "answering a rebalance while closing");
        }
    }
}
