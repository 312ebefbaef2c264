//! Drives the group coordinator: gives it the time, and brings its answers to whoever waits for them.

use crate::groups::{Groups, Join, JoinRefused, Joined, Limits, Reply, Sync, Synced, Ticket, Time};
use crate::shared::lock;
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;
use tokio::sync::{Notify, oneshot};

/// The coordinator with its clock and the requests that wait for it.
#[derive(Debug)]
pub struct Membership {
    started: Instant,
    coordinator: Mutex<Coordinator>,
    /// Tells the driver that something may be due earlier than it thought.
    changed: Notify,
}

#[derive(Debug)]
struct Coordinator {
    groups: Groups,
    waiting: BTreeMap<Ticket, oneshot::Sender<Reply>>,
    next_ticket: u64,
}

impl Membership {
    pub fn new(limits: Limits) -> Self {
        let groups = Groups::new(limits);
        let coordinator = Coordinator { groups, waiting: BTreeMap::new(), next_ticket: 0 };
        Self { started: Instant::now(), coordinator: Mutex::new(coordinator), changed: Notify::new() }
    }

    /// Joins a group and waits until its next generation begins.
    pub async fn join(&self, join: Join) -> Result<Joined, JoinRefused> {
        let member_id = join.member_id.clone();
        match self.wait(|groups, now, ticket| groups.join(now, ticket, join)).await {
            Some(Reply::Joined(answer)) => answer,
            _ => Err(JoinRefused { error: ResponseError::CoordinatorNotAvailable, member_id }),
        }
    }

    /// Waits for the assignment of a member.
    pub async fn sync(&self, sync: Sync) -> Result<Synced, ResponseError> {
        match self.wait(|groups, now, ticket| groups.sync(now, ticket, sync)).await {
            Some(Reply::Synced(answer)) => answer,
            _ => Err(ResponseError::CoordinatorNotAvailable),
        }
    }

    /// Asks the coordinator something that it answers at once.
    pub fn ask<T>(&self, question: impl FnOnce(&mut Groups, Time) -> T) -> T {
        let mut coordinator = lock(&self.coordinator);
        let answer = question(&mut coordinator.groups, self.started.elapsed());
        coordinator.deliver();
        drop(coordinator);
        self.changed.notify_one();
        answer
    }

    /// Does what is due whenever it is due. Never returns.
    pub async fn drive(&self) {
        loop {
            let deadline = lock(&self.coordinator).groups.deadline();
            match deadline {
                None => self.changed.notified().await,
                Some(deadline) => {
                    let until = tokio::time::Instant::from_std(self.started + deadline);
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => self.tick(),
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    fn tick(&self) {
        let mut coordinator = lock(&self.coordinator);
        coordinator.groups.tick(self.started.elapsed());
        coordinator.deliver();
    }

    async fn wait(&self, question: impl FnOnce(&mut Groups, Time, Ticket)) -> Option<Reply> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut coordinator = lock(&self.coordinator);
            let ticket = Ticket(coordinator.next_ticket);
            coordinator.next_ticket += 1;
            coordinator.waiting.insert(ticket, sender);
            question(&mut coordinator.groups, self.started.elapsed(), ticket);
            coordinator.deliver();
        }
        self.changed.notify_one();
        receiver.await.ok()
    }
}

// === impl Coordinator ===

impl Coordinator {
    fn deliver(&mut self) {
        for (ticket, reply) in self.groups.drain() {
            // Whoever asked may be gone: its connection closed.
            if let Some(sender) = self.waiting.remove(&ticket) {
                let _gone = sender.send(reply);
            }
        }
    }
}
