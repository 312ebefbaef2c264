//! The group coordinator: membership of all groups, as a state machine without I/O.
//!
//! Time comes in as an argument, identities come in with the requests, and answers that have to wait are collected
//! and handed out by [`Groups::drain`], each with the ticket that its request came with. Committed offsets are not
//! here: a commit is only *allowed* here ([`Groups::may_commit`]) and kept elsewhere.

mod group;
mod member;
mod rebalance;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use group::Group;
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time since the broker started.
pub type Time = Duration;

/// Groups that may have members at the same time.
const GROUPS_MAX: usize = 10_000;

/// The membership of all groups.
#[derive(Debug)]
pub struct Groups {
    limits: Limits,
    by_id: BTreeMap<String, Group>,
    replies: Vec<(Ticket, Reply)>,
}

/// What members may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub initial_rebalance_delay: Duration,
    pub session_timeout_min: Duration,
    pub session_timeout_max: Duration,
}

/// Names a request whose answer has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An answer that was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Joined(Result<Joined, JoinRefused>),
    Synced(Result<Synced, ResponseError>),
}

/// A request to join a group.
#[derive(Debug, Clone)]
pub struct Join {
    pub group: String,
    /// Empty when the member has no id yet.
    pub member_id: String,
    /// The id that a member without one gets.
    pub fresh_id: String,
    pub first_contact: FirstContact,
    pub leader_resumes: LeaderResumes,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout: Duration,
    pub rebalance_timeout: Duration,
    pub protocol_type: String,
    /// In the order that the member prefers.
    pub protocols: Vec<(String, Bytes)>,
}

/// What happens to a member that comes without an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstContact {
    /// It is told its id and has to ask again with it (JoinGroup 4 and later).
    GivesId,
    /// It joins at once.
    Joins,
}

/// Whether a leader can be told to keep its last assignment (JoinGroup 9 and later).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaderResumes {
    WithoutAssigning,
    Never,
}

/// What a member learns when a generation begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub generation: i32,
    pub protocol_type: String,
    pub protocol: String,
    pub leader: String,
    pub member_id: String,
    /// Whether a leader must not assign again.
    pub skips_assignment: bool,
    /// All members, for the leader; empty for the others.
    pub members: Vec<JoinedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub metadata: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRefused {
    pub error: ResponseError,
    pub member_id: String,
}

/// Who a member says it is.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub generation: i32,
}

/// A request for the assignment of a generation; the leader brings the assignments of all.
#[derive(Debug, Clone, Default)]
pub struct Sync {
    pub group: String,
    pub member: Identity,
    pub protocol_type: Option<String>,
    pub protocol: Option<String>,
    pub assignments: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    pub protocol_type: String,
    pub protocol: String,
    pub assignment: Bytes,
}

/// A group as tools see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub state: &'static str,
    pub protocol_type: String,
    pub protocol: String,
    pub members: Vec<DescribedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub metadata: Bytes,
    pub assignment: Bytes,
}

impl Groups {
    pub fn new(limits: Limits) -> Self {
        Self { limits, by_id: BTreeMap::new(), replies: Vec::new() }
    }

    /// Lets a member join; the answer comes out of [`Self::drain`] when its generation begins.
    pub fn join(&mut self, now: Time, ticket: Ticket, join: Join) {
        let refused = |error| Reply::Joined(Err(JoinRefused { error, member_id: join.member_id.clone() }));
        if join.group.is_empty() {
            return self.replies.push((ticket, refused(ResponseError::InvalidGroupId)));
        }
        let session = self.limits.session_timeout_min..=self.limits.session_timeout_max;
        if !session.contains(&join.session_timeout) {
            return self.replies.push((ticket, refused(ResponseError::InvalidSessionTimeout)));
        }
        if !self.by_id.contains_key(&join.group) {
            if !join.member_id.is_empty() {
                return self.replies.push((ticket, refused(ResponseError::UnknownMemberId)));
            }
            if self.by_id.len() >= GROUPS_MAX {
                self.by_id.retain(|_, group| !group.is_vacant());
            }
            if self.by_id.len() >= GROUPS_MAX {
                return self.replies.push((ticket, refused(ResponseError::CoordinatorNotAvailable)));
            }
        }
        let limits = self.limits;
        let id = join.group.clone();
        let group = self.by_id.entry(id.clone()).or_default();
        group.join(now, ticket, join, &limits, &mut self.replies);
        if group.is_vacant() && group.generation == 0 {
            self.by_id.remove(&id);
        }
    }

    /// Asks for a member's assignment; the answer comes out of [`Self::drain`] when the leader has brought it.
    pub fn sync(&mut self, now: Time, ticket: Ticket, sync: Sync) {
        match self.by_id.get_mut(&sync.group) {
            Some(group) => group.sync(now, ticket, sync, &mut self.replies),
            None => self.replies.push((ticket, Reply::Synced(Err(ResponseError::UnknownMemberId)))),
        }
    }

    /// Takes a sign of life.
    pub fn heartbeat(&mut self, now: Time, group: &str, member: &Identity) -> Result<(), ResponseError> {
        match self.by_id.get_mut(group) {
            Some(group) => group.heartbeat(now, member),
            None => Err(ResponseError::UnknownMemberId),
        }
    }

    /// Lets a member go; a member with an instance id may be named by that alone.
    pub fn leave(
        &mut self,
        now: Time,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ResponseError> {
        match self.by_id.get_mut(group) {
            Some(group) => group.leave(now, member_id, instance_id, &mut self.replies),
            None => Err(ResponseError::UnknownMemberId),
        }
    }

    /// Decides whether offsets may be committed in a group, and counts it as a sign of life. Returns the protocol
    /// type of the group, empty when it has none.
    pub fn may_commit(&mut self, now: Time, group: &str, member: &Identity) -> Result<String, ResponseError> {
        match self.by_id.get_mut(group) {
            Some(group) => group.may_commit(now, member),
            None if member.generation < 0 => Ok(String::new()),
            None => Err(ResponseError::IllegalGeneration),
        }
    }

    /// Forgets a group without members; a group with members is refused.
    pub fn delete(&mut self, group: &str) -> Result<(), ResponseError> {
        match self.by_id.get(group) {
            Some(held) if !held.is_vacant() => Err(ResponseError::NonEmptyGroup),
            Some(_) => {
                self.by_id.remove(group);
                Ok(())
            }
            None => Err(ResponseError::GroupIdNotFound),
        }
    }

    pub fn describe(&self, group: &str) -> Option<Description> {
        self.by_id.get(group).map(Group::describe)
    }

    /// Returns every group that has, or just had, members.
    pub fn all(&self) -> impl Iterator<Item = (&str, Description)> {
        self.by_id.iter().map(|(id, group)| (id.as_str(), group.describe()))
    }

    /// Does what is due by now: members that went silent are dropped, rebalances end.
    pub fn tick(&mut self, now: Time) {
        for group in self.by_id.values_mut() {
            group.tick(now, &mut self.replies);
        }
    }

    /// When to call [`Self::tick`], if nothing happens before.
    pub fn deadline(&self) -> Option<Time> {
        self.by_id.values().filter_map(Group::deadline).min()
    }

    /// Takes the answers that are ready.
    pub fn drain(&mut self) -> impl Iterator<Item = (Ticket, Reply)> {
        self.replies.drain(..)
    }
}
