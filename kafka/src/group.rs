//! Membership of a group with protocol type `connect`, which librdkafka cannot join.
//!
//! What the members tell each other is bytes here. Who decides hears of everything through [`GroupNews`] and says when
//! to join; nothing is joined again without being told to, because what a member says may have changed meanwhile.

mod calls;
mod member;
mod settings;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};

pub use settings::GroupSettings;

use crate::{KafkaError, group::member::Member};

/// Commands come one at a time from one loop, and news are read by it: a few of each are under way at most.
const QUEUE_MAX: usize = 16;

/// What is heard of the group.
#[derive(Debug, Clone)]
pub enum GroupNews {
    /// A round has begun, or this member was forgotten: it has to join again.
    RebalanceNeeded,
    /// The last join came to nothing, and may be repeated at once: it was waited for as long as it should be.
    JoinFailed {
        /// Why, for the log.
        reason: String,
    },
    /// The coordinator could not be found for a heartbeat's time. It is looked for until somebody leaves.
    CoordinatorLost {
        /// Why, for the log.
        reason: String,
    },
    /// This member leads the round: [`Group::distribute`] is waited for.
    Elected {
        /// The round.
        generation: i32,
        /// This member's name.
        member: Arc<str>,
        /// The protocol that the coordinator has picked.
        protocol: Arc<str>,
        /// What each member has said.
        members: Vec<(Arc<str>, Bytes)>,
    },
    /// The round has come to its end.
    Assigned {
        /// The round.
        generation: i32,
        /// This member's name.
        member: Arc<str>,
        /// The protocol that the coordinator has picked.
        protocol: Arc<str>,
        /// What the leader gave this member.
        assignment: Bytes,
    },
    /// The group cannot be joined, now or later.
    Fatal(KafkaError),
}

/// A member of a group, or somebody who may become one. Dropping it ends the membership without a word; see
/// [`close`](Self::close).
#[derive(Debug)]
pub struct Group {
    commands: mpsc::Sender<Command>,
    alive: Alive,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Command {
    Join { offers: Vec<(String, Bytes)> },
    Distribute { generation: i32, assignments: Vec<(Arc<str>, Bytes)> },
    Leave { reason: &'static str },
}

/// When the deciding loop was last seen.
#[derive(Debug, Clone)]
struct Alive {
    began: Instant,
    millis: Arc<AtomicU64>,
}

impl Group {
    /// Begins to speak for a member. Nothing is sent before the first [`join`](Self::join).
    pub fn start(settings: GroupSettings) -> (Self, mpsc::Receiver<GroupNews>) {
        let (commands, received) = mpsc::channel(QUEUE_MAX);
        let (news, heard) = mpsc::channel(QUEUE_MAX);
        let alive = Alive { began: Instant::now(), millis: Arc::default() };
        let member = Member::new(settings, received, news, alive.clone());
        let task = tokio::spawn(member.run());
        (Self { commands, alive, task }, heard)
    }

    /// Joins, or joins again, with these protocols, best first. It is answered by news.
    pub async fn join(&self, offers: Vec<(String, Bytes)>) {
        self.send(Command::Join { offers }).await;
    }

    /// Sends what the leader has decided.
    pub async fn distribute(&self, generation: i32, assignments: Vec<(Arc<str>, Bytes)>) {
        self.send(Command::Distribute { generation, assignments }).await;
    }

    /// Leaves the group; a later join makes a new member.
    pub async fn leave(&self, reason: &'static str) {
        self.send(Command::Leave { reason }).await;
    }

    /// Says that the deciding loop is alive. Not said for `rebalance.timeout.ms`, the member leaves the group: others do
    /// its work better.
    pub fn seen(&self) {
        self.alive.now();
    }

    /// Leaves the group and ends; waits until the coordinator has heard of it, or cannot.
    pub async fn close(self, reason: &'static str) {
        self.send(Command::Leave { reason }).await;
        drop(self.commands);
        // The task ends by itself when nobody can command it, and a panic in it was logged.
        let _ = self.task.await;
    }

    async fn send(&self, command: Command) {
        self.seen();
        // The task ends only after fatal news, which its owner has heard.
        let _ = self.commands.send(command).await;
    }
}

// === impl Alive ===

impl Alive {
    fn now(&self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let seen = Duration::from_millis(self.millis.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(seen)
    }
}
