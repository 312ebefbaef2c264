//! Membership of a group of workers: when to join, what to lead with, and which work is this worker's.
//!
//! Decides nothing about instances: the herder tells whether work that was taken away still runs, and asks what is
//! its own. What a round must not overtake waits here, and nothing else does.

mod round;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    assign::{Assignor, View},
    config::ConfigState,
    event::TaskId,
    session::{KeyOptions, Remaining},
    time::Time,
    wire::protocol::{Assignment, AssignmentError, SubProtocol, Work},
};

/// How many times a worker that cannot read the config topic in time waits before it gives its work up.
const SLOW_READS_MAX: u32 = 5;

/// Why a worker leaves that could not read the config topic in time; the words are Kafka Connect's.
const SLOW_READ: &str = "taking too long to read the log";

/// Why a worker leaves that ends; the words are Kafka Connect's.
const CLOSING: &str = "the consumer is being closed";

/// How a worker takes part in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOptions {
    /// The advertised REST URL, with a slash at the end.
    pub url: Arc<str>,
    /// The best protocol that it offers; it offers the older ones after it.
    pub protocol: SubProtocol,
    /// `scheduled.rebalance.max.delay.ms`
    pub delay_max: Duration,
    /// `worker.sync.timeout.ms`
    pub sync_timeout: Duration,
    /// `worker.unsync.backoff.ms`
    pub unsync_backoff: Duration,
    pub key: KeyOptions,
    /// Milliseconds since 1970 when the driver's time began.
    pub epoch_ms: i64,
}

/// What the group says.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupEvent {
    /// All internal topics were read to the ends that they had when the worker started. It comes once, before it all.
    TopicsRead,
    /// A round has begun, or this worker was forgotten: it has to join again.
    RebalanceNeeded,
    /// The last join came to nothing. The client has waited as long as it should.
    JoinFailed,
    /// The coordinator has been out of reach for so long that others may be given this worker's work.
    CoordinatorLost,
    /// This worker leads the round. It is answered by one [`GroupAction::Distribute`].
    Elected { generation: i32, member: Arc<str>, protocol: SubProtocol, members: Vec<(Arc<str>, Vec<u8>)> },
    /// The round has come to its end.
    Assigned { generation: i32, member: Arc<str>, protocol: SubProtocol, assignment: Vec<u8> },
}

/// What is wanted of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAction {
    /// Join, or join again, with these offers, best first. It is answered by `Assigned` (after `Elected` perhaps),
    /// `JoinFailed` or `CoordinatorLost`.
    Join { offers: Vec<(SubProtocol, Vec<u8>)> },
    /// Send the members of the round their assignments.
    Distribute { generation: i32, assignments: Vec<(Arc<str>, Vec<u8>)> },
    /// Leave the group. A later `Join` makes it a new member.
    Leave { reason: &'static str },
}

/// Whether work runs that was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Releasing {
    Done,
    Going,
}

/// What came of a step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) action: Option<GroupAction>,
    /// What this worker may run has changed, or whom to ask.
    pub(crate) changed: bool,
}

/// Where a change can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    /// At the worker with this URL.
    At(Arc<str>),
    /// Nobody can tell before the round is over.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Group {
    options: GroupOptions,
    assignor: Assignor,
    phase: Phase,
    /// The name that the coordinator gave this worker.
    member: Option<Arc<str>>,
    /// The last generation that came to its end.
    completed: i32,
    protocol: SubProtocol,
    /// What was assigned in all, as the next join will tell it.
    snapshot: Option<Assignment>,
    /// What was configured when the last join was sent.
    joined_with: View,
    /// What this worker may run.
    own: Own,
    /// For which commit of its tasks a connector's tasks may run here.
    taken: BTreeMap<Arc<str>, u64>,
    /// Where everything is: what the leader knows. By URL.
    owned: BTreeMap<Arc<str>, Work>,
    /// The place after the last record that changed what there is to share out.
    work_changed: i64,
    /// Somebody else's reason to join again.
    asked_to_join: bool,
    /// When everybody joins again, by the last round.
    scheduled: Option<Time>,
    slow_reads_left: u32,
}

/// What this worker may run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    connectors: BTreeSet<Arc<str>>,
    tasks: BTreeSet<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The internal topics are being read for the first time.
    Reading,
    /// A join is due, from then on.
    Out {
        from: Time,
    },
    Joining,
    /// Assigned, and nothing done about it yet: the config topic must have been read so far, by then.
    Unresolved {
        until: Time,
    },
    Member,
}

// === impl Group ===

impl Group {
    pub(crate) fn new(options: GroupOptions) -> Self {
        Self {
            assignor: Assignor::new(options.delay_max),
            protocol: options.protocol,
            options,
            phase: Phase::Reading,
            member: None,
            completed: -1,
            snapshot: None,
            joined_with: View::default(),
            own: Own::default(),
            taken: BTreeMap::new(),
            owned: BTreeMap::new(),
            work_changed: -1,
            asked_to_join: false,
            scheduled: None,
            slow_reads_left: SLOW_READS_MAX,
        }
    }

    /// Tells whether the worker has read what was there when it started.
    pub(crate) fn has_read(&self) -> bool {
        self.phase != Phase::Reading
    }

    /// Returns the generation in which statuses are written.
    pub(crate) fn generation(&self) -> i32 {
        self.completed
    }

    pub(crate) fn owns_connector(&self, name: &str) -> bool {
        self.own.connectors.contains(name)
    }

    pub(crate) fn owns_task(&self, task: &TaskId) -> bool {
        self.own.tasks.contains(task)
    }

    /// Tells whether the tasks of that commit may run: others may have those of an earlier one still.
    pub(crate) fn has_taken(&self, name: &str, revision: u64) -> bool {
        self.taken.get(name) == Some(&revision)
    }

    /// Tells whether this worker leads, and the round is over.
    pub(crate) fn leads(&self) -> bool {
        self.phase == Phase::Member && self.leader_is_me()
    }

    /// Tells whether requests between workers are signed.
    pub(crate) fn is_signed(&self) -> bool {
        self.protocol.is_signed()
    }

    /// Returns where what only the leader may do is done.
    pub(crate) fn leader(&self) -> Place {
        match &self.snapshot {
            _ if self.phase != Phase::Member => Place::Unknown,
            Some(_) if self.leader_is_me() => Place::Here,
            Some(snapshot) => Place::At(snapshot.leader_url.clone()),
            None => Place::Unknown,
        }
    }

    /// Returns where a connector or, with an index, a task of it runs.
    pub(crate) fn owner(&self, name: &Arc<str>, index: Option<u32>) -> Place {
        let task = index.map(|index| TaskId { connector: name.clone(), index });
        let has = |work: &Work| match &task {
            Some(task) => work.tasks.contains(task),
            None => work.connectors.contains(name),
        };
        let own = task.as_ref().map_or_else(|| self.owns_connector(name), |task| self.owns_task(task));
        match self.leader() {
            Place::Unknown => Place::Unknown,
            _ if own => Place::Here,
            Place::Here => {
                let found = self.owned.iter().find(|(url, work)| **url != self.options.url && has(work));
                found.map_or(Place::Unknown, |(url, _)| Place::At(url.clone()))
            }
            elsewhere => elsewhere,
        }
    }

    /// Notes a record that may change what there is to share out.
    pub(crate) fn work_changed(&mut self, offset: u64) {
        self.work_changed = i64::try_from(offset).unwrap_or(i64::MAX).saturating_add(1);
    }

    /// Returns for how long the newest session key is still good; this worker replaces it when it leads.
    pub(crate) fn key_remaining(&self, config: &ConfigState, now: Time) -> Remaining {
        let elapsed = i64::try_from(now.0.as_millis()).unwrap_or(i64::MAX);
        let wall_ms = self.options.epoch_ms.saturating_add(elapsed);
        self.options.key.remaining(config.session_key(), wall_ms)
    }

    pub(crate) fn key_options(&self) -> &KeyOptions {
        &self.options.key
    }

    pub(crate) fn handle(&mut self, now: Time, event: GroupEvent, config: &ConfigState) -> Step {
        match event {
            GroupEvent::TopicsRead => {
                if self.phase == Phase::Reading {
                    self.phase = Phase::Out { from: now };
                }
            }
            GroupEvent::RebalanceNeeded => self.asked_to_join = true,
            GroupEvent::JoinFailed => {
                if self.phase == Phase::Joining {
                    self.phase = Phase::Out { from: now };
                }
            }
            GroupEvent::CoordinatorLost => return self.coordinator_lost(now),
            GroupEvent::Elected { generation, member, protocol, members } => {
                return self.elected(now, generation, &member, protocol, &members, config);
            }
            GroupEvent::Assigned { generation, member, protocol, assignment } => {
                return self.assigned(now, generation, member, protocol, &assignment);
            }
        }
        Step::default()
    }

    /// Takes the next step, if one can be taken. It is asked again until none is.
    pub(crate) fn step(&mut self, now: Time, config: &ConfigState, releasing: Releasing) -> Step {
        match self.phase {
            Phase::Reading | Phase::Joining => Step::default(),
            _ if releasing == Releasing::Going => Step::default(),
            Phase::Out { from } if now < from => Step::default(),
            Phase::Out { .. } => self.join(config),
            Phase::Unresolved { until } => self.resolve(now, until, config),
            Phase::Member if self.scheduled.is_some_and(|at| at <= now) => {
                self.scheduled = None;
                self.rejoin(now)
            }
            Phase::Member if self.must_join() => self.rejoin(now),
            Phase::Member => Step::default(),
        }
    }

    /// Tells whether [`step`](Self::step) wants to know what is still being released.
    pub(crate) fn is_restless(&self) -> bool {
        match self.phase {
            Phase::Reading | Phase::Joining => false,
            Phase::Out { .. } | Phase::Unresolved { .. } => true,
            Phase::Member => self.scheduled.is_some() || self.must_join(),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.phase {
            Phase::Reading | Phase::Joining => None,
            Phase::Out { from } => Some(from),
            Phase::Unresolved { until } => Some(until),
            Phase::Member => self.scheduled,
        }
    }

    /// Gives everything up, because the worker ends.
    pub(crate) fn leave(&mut self) -> Option<GroupAction> {
        let member = self.phase != Phase::Reading;
        self.phase = Phase::Reading;
        self.own = Own::default();
        member.then_some(GroupAction::Leave { reason: CLOSING })
    }

    fn leader_is_me(&self) -> bool {
        let leader = self.snapshot.as_ref().map(|snapshot| &snapshot.leader);
        leader.is_some() && leader == self.member.as_ref()
    }

    /// What a round has not seen yet, and what somebody else has asked for.
    fn must_join(&self) -> bool {
        let known = self.snapshot.as_ref().map_or(-1, |snapshot| snapshot.config_offset);
        self.asked_to_join || self.work_changed > known
    }

    fn rejoin(&mut self, now: Time) -> Step {
        self.phase = Phase::Out { from: now };
        let mut changed = true;
        if self.protocol == SubProtocol::Eager {
            // Everything is stopped before the worker joins; see `Releasing`.
            changed |= self.give_up_all();
        }
        Step { action: None, changed }
    }

    fn give_up_all(&mut self) -> bool {
        let had = self.own != Own::default();
        self.own = Own::default();
        self.taken.clear();
        had
    }

    /// Others may run this worker's work by now.
    fn coordinator_lost(&mut self, now: Time) -> Step {
        if self.phase == Phase::Reading {
            return Step::default();
        }
        self.phase = Phase::Out { from: now };
        let failed = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.error != AssignmentError::None);
        if !failed {
            self.snapshot = None;
            self.give_up_all();
        }
        Step { action: None, changed: true }
    }
}
