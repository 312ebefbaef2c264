//! One group: who is in it, and what its members ask. How a generation begins is in `rebalance`.

use super::member::Member;
use super::{
    DescribedMember, Description, FirstContact, Identity, Join, JoinRefused, LeaderResumes, Limits, Reply,
    Sync, Synced, Ticket, Time,
};
use bytes::Bytes;
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;

/// Members of one group, those that were only given an id included.
const MEMBERS_MAX: usize = 1_000;

/// Collects answers that are ready.
pub type Replies = Vec<(Ticket, Reply)>;

/// One group.
#[derive(Debug, Default)]
pub struct Group {
    pub state: State,
    pub generation: i32,
    pub protocol_type: String,
    /// The protocol of this generation; `None` between generations of a group without members.
    pub protocol: Option<String>,
    /// Empty, or the id of a member.
    pub leader: String,
    pub members: BTreeMap<String, Member>,
    /// Ids that were given out and not used yet, and until when they may be.
    pub promised: BTreeMap<String, Time>,
    next_seniority: u64,
}

/// Where a group is between two generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Empty,
    /// The first members of an empty group wait until `until` for others, at most until `limit`.
    Gathering {
        until: Time,
        limit: Time,
    },
    /// Members have to join again by then, or are left out.
    Joining {
        until: Time,
    },
    /// The generation has begun; its members have to ask for their assignment by then.
    Syncing {
        until: Time,
    },
    Stable,
}

/// How a join request stands to the members there are.
enum Admission {
    /// Not a member yet; it gets this id.
    New(String),
    Known(String),
    /// A restarted static member takes the place of its former self.
    Replaces {
        old_id: String,
        new_id: String,
    },
}

impl Group {
    pub fn join(&mut self, now: Time, ticket: Ticket, join: Join, limits: &Limits, replies: &mut Replies) {
        let admission = match self.admit(now, &join) {
            Ok(admission) => admission,
            Err(refused) => return replies.push((ticket, Reply::Joined(Err(refused)))),
        };
        match admission {
            Admission::New(id) => {
                self.add(now, ticket, id, &join);
                self.gather_or_rebalance(now, limits, replies);
            }
            Admission::Known(id) => self.join_again(now, ticket, &id, &join, replies),
            Admission::Replaces { old_id, new_id } => {
                self.replace(now, ticket, &old_id, new_id, &join, replies);
            }
        }
        self.try_begin(now, replies);
    }

    pub fn sync(&mut self, now: Time, ticket: Ticket, sync: Sync, replies: &mut Replies) {
        if let Err(error) = self.check_sync(&sync) {
            return replies.push((ticket, Reply::Synced(Err(error))));
        }
        let id = sync.member.member_id;
        let is_leader = self.leader == id;
        if let Some(member) = self.members.get_mut(&id) {
            member.heard(now);
            if let Some(superseded) = member.syncing.replace(ticket) {
                replies.push((superseded, Reply::Synced(Err(ResponseError::RebalanceInProgress))));
            }
        }
        if matches!(self.state, State::Syncing { .. }) && is_leader {
            for (id, member) in &mut self.members {
                member.assignment = sync.assignments.get(id).cloned().unwrap_or_default();
            }
            self.state = State::Stable;
        }
        if self.state == State::Stable {
            self.answer_syncs(now, replies);
        }
    }

    pub fn heartbeat(&mut self, now: Time, member: &Identity) -> Result<(), ResponseError> {
        self.check_member(member)?;
        if member.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        self.heard(now, &member.member_id);
        match self.state {
            State::Gathering { .. } | State::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            State::Empty | State::Syncing { .. } | State::Stable => Ok(()),
        }
    }

    pub fn leave(
        &mut self,
        now: Time,
        member_id: &str,
        instance_id: Option<&str>,
        replies: &mut Replies,
    ) -> Result<(), ResponseError> {
        if self.promised.remove(member_id).is_some() {
            self.try_begin(now, replies);
            return Ok(());
        }
        let id = match instance_id {
            None => member_id.to_owned(),
            Some(instance) => {
                let id = self.holder_of(instance).ok_or(ResponseError::UnknownMemberId)?;
                if !member_id.is_empty() && member_id != id {
                    return Err(ResponseError::FencedInstanceId);
                }
                id
            }
        };
        if !self.members.contains_key(&id) {
            return Err(ResponseError::UnknownMemberId);
        }
        self.drop_members(now, &[id], replies);
        Ok(())
    }

    pub fn may_commit(&mut self, now: Time, member: &Identity) -> Result<String, ResponseError> {
        let by_nobody = member.generation < 0 && member.member_id.is_empty();
        if self.members.is_empty() && by_nobody {
            return Ok(self.protocol_type.clone());
        }
        self.check_member(member)?;
        if member.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        self.heard(now, &member.member_id);
        match self.state {
            State::Syncing { .. } => Err(ResponseError::RebalanceInProgress),
            _ => Ok(self.protocol_type.clone()),
        }
    }

    /// Whether nobody is in it, nor on the way in.
    pub fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.promised.is_empty()
    }

    pub fn describe(&self) -> Description {
        let state = match self.state {
            State::Empty => "Empty",
            State::Gathering { .. } | State::Joining { .. } => "PreparingRebalance",
            State::Syncing { .. } => "CompletingRebalance",
            State::Stable => "Stable",
        };
        let protocol = self.protocol.clone().unwrap_or_default();
        let describe = |(id, member): (&String, &Member)| DescribedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            // As in Kafka, only a settled group shows what its members said and got.
            metadata: if state == "Stable" { member.metadata(&protocol) } else { Bytes::new() },
            assignment: if state == "Stable" { member.assignment.clone() } else { Bytes::new() },
        };
        Description {
            state,
            protocol_type: self.protocol_type.clone(),
            members: self.members.iter().map(describe).collect(),
            protocol,
        }
    }

    /// Returns the id of the member that holds an instance id.
    pub fn holder_of(&self, instance: &str) -> Option<String> {
        let held = self.members.iter().find(|(_, member)| member.instance_id.as_deref() == Some(instance));
        held.map(|(id, _)| id.clone())
    }

    /// Decides how a join request stands to the group, without letting it in yet.
    fn admit(&mut self, now: Time, join: &Join) -> Result<Admission, JoinRefused> {
        let refused = |error| JoinRefused { error, member_id: join.member_id.clone() };
        if !self.protocols_fit(join) {
            return Err(refused(ResponseError::InconsistentGroupProtocol));
        }
        if !join.member_id.is_empty() {
            return self.admit_known(join).map_err(refused);
        }
        let new_id = join.fresh_id.clone();
        if let Some(old_id) = join.instance_id.as_deref().and_then(|instance| self.holder_of(instance)) {
            return Ok(Admission::Replaces { old_id, new_id });
        }
        if self.members.len() + self.promised.len() >= MEMBERS_MAX {
            return Err(refused(ResponseError::GroupMaxSizeReached));
        }
        if join.instance_id.is_none() && join.first_contact == FirstContact::GivesId {
            self.promised.insert(new_id.clone(), now + join.session_timeout);
            return Err(JoinRefused { error: ResponseError::MemberIdRequired, member_id: new_id });
        }
        Ok(Admission::New(new_id))
    }

    fn admit_known(&mut self, join: &Join) -> Result<Admission, ResponseError> {
        let id = join.member_id.clone();
        if let Some(instance) = &join.instance_id {
            let holder = self.holder_of(instance).ok_or(ResponseError::UnknownMemberId)?;
            return if holder == id {
                Ok(Admission::Known(id))
            } else {
                Err(ResponseError::FencedInstanceId)
            };
        }
        if self.members.contains_key(&id) {
            return Ok(Admission::Known(id));
        }
        self.promised.remove(&id).map(|_| Admission::New(id)).ok_or(ResponseError::UnknownMemberId)
    }

    /// Whether a member could take part: same type, and one protocol that all others have too.
    fn protocols_fit(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        let others =
            || self.members.iter().filter(|(id, _)| **id != join.member_id).map(|(_, member)| member);
        if others().next().is_none() {
            return self.members.is_empty() || join.protocol_type == self.protocol_type;
        }
        let shared = |name: &str| others().all(|member| member.supports(name));
        join.protocol_type == self.protocol_type && join.protocols.iter().any(|(name, _)| shared(name))
    }

    fn add(&mut self, now: Time, ticket: Ticket, id: String, join: &Join) {
        if self.members.is_empty() {
            self.protocol_type.clone_from(&join.protocol_type);
        }
        if self.leader.is_empty() {
            self.leader.clone_from(&id);
        }
        let mut member = Member::new(now, join, self.next_seniority);
        self.next_seniority += 1;
        member.joining = Some(ticket);
        self.members.insert(id, member);
    }

    fn join_again(&mut self, now: Time, ticket: Ticket, id: &str, join: &Join, replies: &mut Replies) {
        let is_leader = self.leader == id;
        let Some(member) = self.members.get_mut(id) else { return };
        let says_the_same = member.protocols == join.protocols;
        member.update(now, join);
        let repeats = match self.state {
            // Its answer was lost: it gets it again.
            State::Syncing { .. } => says_the_same,
            State::Stable => says_the_same && !is_leader,
            State::Empty | State::Gathering { .. } | State::Joining { .. } => false,
        };
        if repeats {
            return replies.push((ticket, Reply::Joined(Ok(self.joined(id)))));
        }
        if let Some(superseded) = member.joining.replace(ticket) {
            let refused = JoinRefused { error: ResponseError::RebalanceInProgress, member_id: id.to_owned() };
            replies.push((superseded, Reply::Joined(Err(refused))));
        }
        self.rebalance(now, replies);
    }

    /// Gives a static member's place to its restarted self; a settled group goes on undisturbed.
    fn replace(
        &mut self,
        now: Time,
        ticket: Ticket,
        old_id: &str,
        new_id: String,
        join: &Join,
        replies: &mut Replies,
    ) {
        let Some(mut member) = self.members.remove(old_id) else { return };
        fence(&mut member, old_id, replies);
        member.update(now, join);
        self.members.insert(new_id.clone(), member);
        let led = self.leader == old_id;
        if led {
            self.leader.clone_from(&new_id);
        }
        if self.state == State::Stable && self.choose_protocol() == self.protocol {
            let mut joined = self.joined(&new_id);
            match join.leader_resumes {
                LeaderResumes::WithoutAssigning => joined.skips_assignment = led,
                // An older client that reads another leader's id does not assign.
                LeaderResumes::Never if led => {
                    old_id.clone_into(&mut joined.leader);
                    joined.members.clear();
                }
                LeaderResumes::Never => {}
            }
            return replies.push((ticket, Reply::Joined(Ok(joined))));
        }
        if let Some(member) = self.members.get_mut(&new_id) {
            member.joining = Some(ticket);
        }
        self.rebalance(now, replies);
    }

    fn check_sync(&self, sync: &Sync) -> Result<(), ResponseError> {
        self.check_member(&sync.member)?;
        if sync.member.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        let other_type = sync.protocol_type.as_ref().is_some_and(|kind| *kind != self.protocol_type);
        let other_name = sync.protocol.is_some() && sync.protocol != self.protocol;
        if other_type || other_name {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        match self.state {
            State::Syncing { .. } | State::Stable => Ok(()),
            State::Gathering { .. } | State::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            State::Empty => Err(ResponseError::UnknownMemberId),
        }
    }

    fn check_member(&self, member: &Identity) -> Result<(), ResponseError> {
        if let Some(instance) = &member.instance_id {
            let holder = self.holder_of(instance).ok_or(ResponseError::UnknownMemberId)?;
            return if holder == member.member_id { Ok(()) } else { Err(ResponseError::FencedInstanceId) };
        }
        let known = self.members.contains_key(&member.member_id);
        if known { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    fn heard(&mut self, now: Time, id: &str) {
        if let Some(member) = self.members.get_mut(id) {
            member.heard(now);
        }
    }

    fn answer_syncs(&mut self, now: Time, replies: &mut Replies) {
        let protocol = self.protocol.clone().unwrap_or_default();
        for member in self.members.values_mut() {
            if let Some(ticket) = member.syncing.take() {
                member.heard(now);
                let synced = Synced {
                    protocol_type: self.protocol_type.clone(),
                    protocol: protocol.clone(),
                    assignment: member.assignment.clone(),
                };
                replies.push((ticket, Reply::Synced(Ok(synced))));
            }
        }
    }
}

/// Answers what the former self of a static member still waits for.
fn fence(member: &mut Member, old_id: &str, replies: &mut Replies) {
    if let Some(ticket) = member.joining.take() {
        let refused = JoinRefused { error: ResponseError::FencedInstanceId, member_id: old_id.to_owned() };
        replies.push((ticket, Reply::Joined(Err(refused))));
    }
    if let Some(ticket) = member.syncing.take() {
        replies.push((ticket, Reply::Synced(Err(ResponseError::FencedInstanceId))));
    }
}
