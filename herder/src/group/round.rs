//! One round: join, lead, be assigned, and begin with what was assigned.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    assign::{Election, Generations, lead},
    config::ConfigState,
    group::{Group, GroupAction, Own, Phase, SLOW_READ, SLOW_READS_MAX, Step},
    time::Time,
    wire::protocol::{
        Assignment, AssignmentError, MemberState, SubProtocol, Work, decode_assignment, decode_state,
        encode_assignment, encode_state,
    },
};

impl Group {
    pub(super) fn join(&mut self, config: &ConfigState) -> Step {
        self.joined_with = config.view();
        self.asked_to_join = false;
        self.owned.clear();
        self.phase = Phase::Joining;
        let state = MemberState {
            url: self.options.url.clone(),
            config_offset: self.joined_with.offset,
            allocation: self.snapshot.clone(),
        };
        let offer = |protocol: &SubProtocol| (*protocol, encode_state(&state, *protocol));
        let offers = self.options.protocol.offers().iter().map(offer).collect();
        Step { action: Some(GroupAction::Join { offers }), changed: true }
    }

    pub(super) fn elected(
        &mut self,
        now: Time,
        generation: i32,
        member: &Arc<str>,
        protocol: SubProtocol,
        members: &[(Arc<str>, Vec<u8>)],
        config: &ConfigState,
    ) -> Step {
        let members: BTreeMap<_, _> =
            members.iter().map(|(id, state)| (id.clone(), decode_state(state).ok())).collect();
        let election = Election {
            now,
            protocol,
            generations: Generations { completed: self.completed, current: generation },
            leader: member,
            joined_with: &self.joined_with,
            latest: &config.view(),
            members: &members,
        };
        let led = lead(&mut self.assignor, &election);
        self.owned = led.owned;
        let assignments = led.assignments.into_iter();
        let assignments = assignments.map(|(id, given)| (id, encode_assignment(&given, protocol))).collect();
        Step { action: Some(GroupAction::Distribute { generation, assignments }), changed: false }
    }

    pub(super) fn assigned(
        &mut self,
        now: Time,
        generation: i32,
        member: Arc<str>,
        protocol: SubProtocol,
        assignment: &[u8],
    ) -> Step {
        if self.phase != Phase::Joining {
            // An answer to a join that is not waited for any more.
            return Step::default();
        }
        let Ok(mut given) = decode_assignment(assignment) else {
            self.phase = Phase::Out { from: now + self.options.sync_timeout };
            return Step::default();
        };
        self.member = Some(member);
        self.completed = generation;
        self.protocol = protocol;
        if protocol == SubProtocol::Eager {
            given.revoked = Work::default();
        } else if let Some(had) = &self.snapshot {
            keep(&mut given, &had.assigned);
        }
        let revoked = Own::of(&given.revoked);
        self.own.connectors.retain(|name| !revoked.connectors.contains(name));
        self.own.tasks.retain(|task| !revoked.tasks.contains(task));
        let delay = u64::try_from(given.delay_ms).unwrap_or(0);
        self.scheduled = (delay > 0).then(|| now + std::time::Duration::from_millis(delay));
        self.snapshot = Some(given);
        self.phase = Phase::Unresolved { until: now + self.options.sync_timeout };
        Step { action: None, changed: true }
    }

    /// Begins with what was assigned, as soon as the config topic was read to where the leader had read it.
    pub(super) fn resolve(&mut self, now: Time, until: Time, config: &ConfigState) -> Step {
        let Some(snapshot) = &mut self.snapshot else { return self.rejoin(now) };
        let offset = config.view_offset();
        if offset < snapshot.config_offset {
            return if now < until { Step::default() } else { self.read_too_slowly(now) };
        }
        self.slow_reads_left = SLOW_READS_MAX;
        let ahead = offset > snapshot.config_offset;
        if snapshot.error != AssignmentError::None || ahead {
            return self.rejoin(now);
        }
        self.own = Own::of(&snapshot.assigned);
        let names = self.own.tasks.iter().map(|task| &task.connector);
        self.taken = names.map(|name| (name.clone(), config.task_revision(name))).collect();
        self.phase = Phase::Member;
        if !snapshot.revoked.is_empty() {
            // What was taken from here is given to others in another round.
            snapshot.revoked = Work::default();
            self.asked_to_join = true;
        }
        Step { action: None, changed: true }
    }

    /// Leaves the group for a while. After some such times the worker gives its work up, too: it cannot know any more
    /// what it should be.
    fn read_too_slowly(&mut self, now: Time) -> Step {
        let wait = match self.slow_reads_left {
            _ if self.protocol == SubProtocol::Eager => self.options.unsync_backoff,
            0 => {
                self.slow_reads_left = SLOW_READS_MAX;
                self.give_up_all();
                self.options.sync_timeout
            }
            left => {
                self.slow_reads_left -= 1;
                self.options.delay_max / 10 / left
            }
        };
        // Others take the work over after the delay, which must not be over before this worker is back.
        if self.protocol == SubProtocol::Eager || self.options.delay_max <= self.options.sync_timeout {
            self.give_up_all();
        }
        self.phase = Phase::Out { from: now + wait };
        Step { action: Some(GroupAction::Leave { reason: SLOW_READ }), changed: true }
    }
}

impl Own {
    fn of(work: &Work) -> Self {
        Self {
            connectors: work.connectors.iter().cloned().collect(),
            tasks: work.tasks.iter().cloned().collect(),
        }
    }
}

/// Adds what a member keeps to what it is given.
fn keep(given: &mut Assignment, had: &Work) {
    let gone: BTreeSet<_> = given.revoked.connectors.iter().chain(&given.assigned.connectors).collect();
    let connectors: Vec<_> = had.connectors.iter().filter(|name| !gone.contains(name)).cloned().collect();
    let gone: BTreeSet<_> = given.revoked.tasks.iter().chain(&given.assigned.tasks).collect();
    let tasks: Vec<_> = had.tasks.iter().filter(|task| !gone.contains(task)).cloned().collect();
    given.assigned.connectors.extend(connectors);
    given.assigned.tasks.extend(tasks);
}
