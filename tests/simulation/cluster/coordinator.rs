//! The coordinator of the group, as a broker has it: who is a member, and how far the round is.

use std::{collections::BTreeMap, sync::Arc};

use millrace_herder::wire::protocol::SubProtocol;
use millrace_herder::{GroupEvent, Time};

use crate::cluster::{ROUND_MAX, SESSION};

/// What a worker sends.
#[derive(Debug, Clone)]
pub enum Message {
    Join {
        worker: usize,
        life: u64,
        join: u64,
        member: Option<Arc<str>>,
        offers: Vec<(SubProtocol, Vec<u8>)>,
    },
    Sync {
        member: Arc<str>,
        generation: i32,
        assignments: Vec<(Arc<str>, Vec<u8>)>,
    },
    Heartbeat {
        worker: usize,
        life: u64,
        member: Arc<str>,
    },
    Leave {
        member: Arc<str>,
    },
}

/// What a worker is answered.
#[derive(Debug)]
pub enum Answer {
    Join { worker: usize, life: u64, join: u64, event: GroupEvent, member: Option<Arc<str>> },
    Heartbeat { worker: usize, life: u64, event: Option<GroupEvent> },
}

#[derive(Default)]
pub struct Coordinator {
    pub generation: i32,
    stage: Stage,
    members: BTreeMap<Arc<str>, Member>,
    leader: Option<Arc<str>>,
    protocol: Option<SubProtocol>,
    names: u64,
}

#[derive(Default, PartialEq)]
enum Stage {
    #[default]
    Stable,
    /// Everybody is to join, until then.
    Preparing(Time),
    /// The leader is to send what it has decided.
    Completing,
}

struct Member {
    worker: usize,
    life: u64,
    /// The join that waits for its answer.
    join: Option<u64>,
    offers: Vec<(SubProtocol, Vec<u8>)>,
    seen: Time,
}

impl Coordinator {
    pub fn is_member(&self, worker: usize, life: u64) -> bool {
        self.members.values().any(|member| member.worker == worker && member.life == life)
    }

    pub fn take(&mut self, now: Time, message: Message) -> Vec<Answer> {
        match message {
            Message::Join { worker, life, join, member, offers } => {
                let known = member.filter(|id| self.members.contains_key(id));
                let id = known.unwrap_or_else(|| {
                    self.names += 1;
                    format!("w{worker}-{}", self.names).into()
                });
                let mut answers = self.begin_round(now);
                let member = Member { worker, life, join: Some(join), offers, seen: now };
                self.members.insert(id, member);
                answers.extend(self.complete_joining(now));
                answers
            }
            Message::Sync { member, generation, assignments } => self.sync(&member, generation, &assignments),
            Message::Heartbeat { worker, life, member } => {
                let preparing = matches!(self.stage, Stage::Preparing(_));
                let event = match self.members.get_mut(&member) {
                    Some(member) => {
                        member.seen = now;
                        (preparing && member.join.is_none()).then_some(GroupEvent::RebalanceNeeded)
                    }
                    None => Some(GroupEvent::RebalanceNeeded),
                };
                vec![Answer::Heartbeat { worker, life, event }]
            }
            Message::Leave { member } => {
                if self.members.remove(&member).is_none() {
                    return Vec::new();
                }
                let mut answers = self.begin_round(now);
                answers.extend(self.complete_joining(now));
                answers
            }
        }
    }

    /// Forgets members that have been silent for too long, and ends rounds that take too long.
    pub fn look(&mut self, now: Time) -> Vec<Answer> {
        let preparing = matches!(self.stage, Stage::Preparing(_));
        let stays = |member: &Member| now.since(member.seen) <= SESSION || preparing && member.join.is_some();
        let gone: Vec<_> = self.members.extract_if(.., |_, member| !stays(member)).collect();
        let mut answers = Vec::new();
        if !gone.is_empty() {
            answers.extend(self.begin_round(now));
        }
        // Whoever still waits for the round is told that it is no member any more.
        for (_, member) in gone {
            let Member { worker, life, join: Some(join), .. } = member else { continue };
            answers.push(Answer::Join { worker, life, join, event: GroupEvent::JoinFailed, member: None });
        }
        if let Stage::Preparing(until) = self.stage
            && until <= now
        {
            self.members.retain(|_, member| member.join.is_some());
        }
        answers.extend(self.complete_joining(now));
        answers
    }

    fn begin_round(&mut self, now: Time) -> Vec<Answer> {
        let mut answers = Vec::new();
        if self.stage == Stage::Completing {
            // Those who wait for the leader join again.
            for member in self.members.values_mut().filter(|member| member.join.is_some()) {
                if let Some(join) = member.join.take() {
                    let (worker, life) = (member.worker, member.life);
                    answers.push(Answer::Join {
                        worker,
                        life,
                        join,
                        event: GroupEvent::JoinFailed,
                        member: None,
                    });
                }
            }
        }
        if !matches!(self.stage, Stage::Preparing(_)) {
            self.stage = Stage::Preparing(now + ROUND_MAX);
        }
        answers
    }

    fn complete_joining(&mut self, now: Time) -> Vec<Answer> {
        let Stage::Preparing(_) = self.stage else { return Vec::new() };
        if self.members.is_empty() {
            self.stage = Stage::Stable;
            return Vec::new();
        }
        if self.members.values().any(|member| member.join.is_none()) {
            return Vec::new();
        }
        self.generation += 1;
        self.stage = Stage::Completing;
        if self.leader.as_ref().is_none_or(|leader| !self.members.contains_key(leader)) {
            self.leader = self.members.keys().next().cloned();
        }
        let offered = |protocol: &SubProtocol| {
            self.members.values().all(|member| member.offers.iter().any(|(offer, _)| offer == protocol))
        };
        let first = self.members.values().next();
        let common = first.and_then(|member| member.offers.iter().map(|(offer, _)| *offer).find(offered));
        self.protocol = common;
        for member in self.members.values_mut() {
            member.seen = now;
        }
        let (Some(leader), Some(protocol)) = (self.leader.clone(), common) else { return Vec::new() };
        let state = |member: &Member| {
            let offer = member.offers.iter().find(|(offer, _)| *offer == protocol);
            offer.map(|(_, state)| state.clone()).unwrap_or_default()
        };
        let members = self.members.iter().map(|(id, member)| (id.clone(), state(member))).collect();
        let member = &self.members[&leader];
        let Some(join) = member.join else { return Vec::new() };
        let event =
            GroupEvent::Elected { generation: self.generation, member: leader.clone(), protocol, members };
        vec![Answer::Join { worker: member.worker, life: member.life, join, event, member: Some(leader) }]
    }

    fn sync(&mut self, from: &Arc<str>, generation: i32, given: &[(Arc<str>, Vec<u8>)]) -> Vec<Answer> {
        let Some(protocol) = self.protocol else { return Vec::new() };
        if self.stage != Stage::Completing
            || generation != self.generation
            || self.leader.as_ref() != Some(from)
        {
            return Vec::new();
        }
        self.stage = Stage::Stable;
        let mut answers = Vec::new();
        for (id, member) in &mut self.members {
            let Some(join) = member.join.take() else { continue };
            let assignment = given.iter().find(|(to, _)| to == id).map(|(_, bytes)| bytes.clone());
            let event = GroupEvent::Assigned {
                generation,
                member: id.clone(),
                protocol,
                assignment: assignment.unwrap_or_default(),
            };
            let (worker, life) = (member.worker, member.life);
            answers.push(Answer::Join { worker, life, join, event, member: Some(id.clone()) });
        }
        answers
    }
}
