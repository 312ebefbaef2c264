//! How a group gets from one generation to the next.

use super::group::{Group, Replies, State};
use super::member::Member;
use super::{JoinRefused, Joined, JoinedMember, Limits, Reply, Time};
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;
use std::time::Duration;

impl Group {
    /// Starts a rebalance for a new member; an empty group first waits a little for others.
    pub fn gather_or_rebalance(&mut self, now: Time, limits: &Limits, replies: &mut Replies) {
        let delay = limits.initial_rebalance_delay;
        match self.state {
            State::Empty if !delay.is_zero() => {
                let limit = now + self.rebalance_timeout();
                self.state = State::Gathering { until: limit.min(now + delay), limit };
            }
            State::Gathering { limit, .. } => {
                self.state = State::Gathering { until: limit.min(now + delay), limit };
            }
            _ => self.rebalance(now, replies),
        }
    }

    /// Asks all members to join again, unless they are already asked.
    pub fn rebalance(&mut self, now: Time, replies: &mut Replies) {
        if matches!(self.state, State::Gathering { .. } | State::Joining { .. }) {
            return;
        }
        for member in self.members.values_mut() {
            if let Some(ticket) = member.syncing.take() {
                member.heard(now);
                replies.push((ticket, Reply::Synced(Err(ResponseError::RebalanceInProgress))));
            }
        }
        self.state = State::Joining { until: now + self.rebalance_timeout() };
    }

    /// Begins the next generation when everybody is there.
    pub fn try_begin(&mut self, now: Time, replies: &mut Replies) {
        let all_here =
            self.promised.is_empty() && self.members.values().all(|member| member.joining.is_some());
        if matches!(self.state, State::Joining { .. }) && all_here {
            self.begin(now, replies);
        }
    }

    /// Removes members, and rebalances the others.
    pub fn drop_members(&mut self, now: Time, ids: &[String], replies: &mut Replies) {
        for id in ids {
            let Some(member) = self.members.remove(id) else { continue };
            refuse(member, id, replies);
            if self.leader == *id {
                self.leader = self.eldest(|_| true).unwrap_or_default();
            }
        }
        if matches!(self.state, State::Syncing { .. } | State::Stable) {
            self.rebalance(now, replies);
        }
        self.try_begin(now, replies);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Time, replies: &mut Replies) {
        let promised = self.promised.len();
        self.promised.retain(|_, until| *until > now);
        let silent = self.ids(|member| !member.is_waiting() && member.expires <= now);
        if !silent.is_empty() {
            self.drop_members(now, &silent, replies);
        } else if self.promised.len() < promised {
            self.try_begin(now, replies);
        }
        match self.state {
            State::Gathering { until, .. } | State::Joining { until } if until <= now => {
                self.begin(now, replies)
            }
            State::Syncing { until } if until <= now => {
                let late = self.ids(|member| member.syncing.is_none());
                self.drop_members(now, &late, replies);
            }
            _ => {}
        }
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Time> {
        let state = match self.state {
            State::Gathering { until, .. } | State::Joining { until } | State::Syncing { until } => {
                Some(until)
            }
            State::Empty | State::Stable => None,
        };
        let members =
            self.members.values().filter(|member| !member.is_waiting()).map(|member| member.expires);
        members.chain(self.promised.values().copied()).chain(state).min()
    }

    /// Returns the protocol that all members have and most prefer; `None` without members.
    pub fn choose_protocol(&self) -> Option<String> {
        let shared = |name: &str| self.members.values().all(|member| member.supports(name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| shared(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max().copied()?;
        // Of equals the one that the leader prefers.
        let preferences = self.members.get(&self.leader).or_else(|| self.members.values().next())?;
        let won = |name: &&(String, _)| votes.get(name.0.as_str()) == Some(&most);
        preferences.protocols.iter().find(won).map(|(name, _)| name.clone())
    }

    /// Returns what a member is told about the present generation.
    pub fn joined(&self, id: &str) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_default();
        let describe = |(id, member): (&String, &Member)| JoinedMember {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(&protocol),
        };
        let is_leader = self.leader == id;
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            leader: self.leader.clone(),
            member_id: id.to_owned(),
            skips_assignment: false,
            members: if is_leader { self.members.iter().map(describe).collect() } else { Vec::new() },
            protocol,
        }
    }

    /// Begins the next generation with those who are there.
    fn begin(&mut self, now: Time, replies: &mut Replies) {
        // A static member that is away keeps its place until its session ends.
        let absent = self.ids(|member| member.joining.is_none() && !member.is_static());
        for id in absent {
            self.members.remove(&id);
        }
        let present = self.eldest(|member| member.joining.is_some());
        let Some(eldest) = present else {
            if self.members.is_empty() {
                self.generation += 1;
                self.state = State::Empty;
                self.protocol = None;
                self.leader.clear();
            } else {
                self.state = State::Joining { until: now + self.rebalance_timeout() };
            }
            return;
        };
        if self.members.get(&self.leader).is_none_or(|leader| leader.joining.is_none()) {
            self.leader = eldest;
        }
        self.generation += 1;
        self.protocol = self.choose_protocol();
        self.state = State::Syncing { until: now + self.rebalance_timeout() };
        for id in self.ids(|member| member.joining.is_some()) {
            let joined = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.heard(now);
            if let Some(ticket) = member.joining.take() {
                replies.push((ticket, Reply::Joined(Ok(joined))));
            }
        }
    }

    /// Returns the longest time that any member asks for to join again.
    fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    fn eldest(&self, wanted: impl Fn(&Member) -> bool) -> Option<String> {
        let candidates = self.members.iter().filter(|(_, member)| wanted(member));
        candidates.min_by_key(|(_, member)| member.seniority).map(|(id, _)| id.clone())
    }

    fn ids(&self, wanted: impl Fn(&Member) -> bool) -> Vec<String> {
        self.members.iter().filter(|(_, member)| wanted(member)).map(|(id, _)| id.clone()).collect()
    }
}

/// Answers what a dropped member still waits for.
fn refuse(member: Member, id: &str, replies: &mut Replies) {
    let error = ResponseError::UnknownMemberId;
    if let Some(ticket) = member.joining {
        replies.push((ticket, Reply::Joined(Err(JoinRefused { error, member_id: id.to_owned() }))));
    }
    if let Some(ticket) = member.syncing {
        replies.push((ticket, Reply::Synced(Err(error))));
    }
}
