//! The incremental cooperative assignor: what runs well stays where it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    assign::{Configured, WorkSet, java_order},
    event::TaskId,
    time::Time,
    wire::protocol::Work,
};

/// What each repetition of a round that takes work from members multiplies the wait with.
const BACKOFF_FACTOR: f64 = 40.0;

/// Computes rounds, and remembers what it needs of the last ones. It means something only while its worker leads.
#[derive(Debug)]
pub struct Assignor {
    /// `scheduled.rebalance.max.delay.ms`
    delay_max: u64,
    /// What was assigned after the last round, as far as this leader knows.
    previous: WorkSet,
    /// What the last round took from members.
    previous_revocation: WorkSet,
    /// The generation of the last round.
    previous_generation: i32,
    previous_members: BTreeSet<Arc<str>>,
    /// The last round took work from members to balance the load.
    balanced_before: bool,
    /// How many such rounds came one after the other.
    balanced_in_a_row: u32,
    /// Members without work that were seen while lost work waited, in the order in which they were.
    candidates: Vec<Arc<str>>,
    /// When everybody is to join again.
    scheduled: Option<Time>,
    delay: u64,
}

/// What a round is computed from.
#[derive(Debug)]
pub struct Round<'a> {
    pub now: Time,
    pub configured: &'a Configured,
    pub generations: Generations,
    /// What each member says that it has.
    pub members: &'a BTreeMap<Arc<str>, Work>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    /// The last one that this worker saw to its end.
    pub completed: i32,
    /// That of the round.
    pub current: i32,
}

/// What a round comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    pub members: BTreeMap<Arc<str>, Share>,
    /// When everybody is to join again, in milliseconds; 0 for not at all.
    pub delay_ms: u64,
}

/// What a round comes to for one member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    pub assigned: Work,
    pub revoked: Work,
    /// Everything that the member has after the round.
    pub owned: Work,
}

/// A member while a round is computed.
#[derive(Debug)]
struct Load<'a> {
    id: &'a Arc<str>,
    /// What it had, without what was deleted.
    current: WorkSet,
    next: Work,
    revoked: Work,
}

// === impl Assignor ===

impl Assignor {
    pub fn new(delay_max: Duration) -> Self {
        Self {
            delay_max: u64::try_from(delay_max.as_millis()).unwrap_or(u64::MAX),
            previous: WorkSet::default(),
            previous_revocation: WorkSet::default(),
            previous_generation: -1,
            previous_members: BTreeSet::new(),
            balanced_before: false,
            balanced_in_a_row: 0,
            candidates: Vec::new(),
            scheduled: None,
            delay: 0,
        }
    }

    /// Computes a round.
    pub fn assign(&mut self, round: &Round<'_>) -> Shares {
        if self.previous_generation != round.generations.completed {
            // Others led meanwhile, or the last round was never taken up.
            self.previous = WorkSet::default();
        }
        let configured = round.configured.all();
        let mut active = WorkSet::default();
        for work in round.members.values() {
            active.extend(work);
        }
        if self.previous_revocation.contains_any(&active) {
            // What was revoked still runs: the round was not taken up by everybody.
            self.previous = active.clone();
        }
        self.previous_revocation = WorkSet::default();
        let deleted = self.previous.minus(&configured);
        let lost = self.previous.minus(&active).minus(&deleted);
        let created = configured.minus(&self.previous).minus(&active);
        let mut loads = loads(round.members, &deleted);
        let reassigned = self.handle_lost(round.now, &lost, &mut loads);
        self.balance(round.now, round.configured, &mut loads);
        let (created, reassigned) = (created.sorted(), reassigned.sorted());
        deal_connectors(&mut loads, created.connectors.into_iter().chain(reassigned.connectors));
        deal_tasks(&mut loads, created.tasks.into_iter().chain(reassigned.tasks));
        self.remember(round, &loads, &lost);
        let members = loads.into_iter().map(|load| (load.id.clone(), load.share()));
        Shares { members: members.collect(), delay_ms: self.delay }
    }

    /// Decides about work whose member has gone. Returns what is to be dealt now; some may be dealt already.
    fn handle_lost(&mut self, now: Time, lost: &WorkSet, loads: &mut [Load<'_>]) -> WorkSet {
        if lost.is_empty() && !self.balanced_before {
            self.reset_delay();
            return WorkSet::default();
        }
        let stayed = self.previous_members.iter().all(|id| loads.iter().any(|load| load.id == id));
        if self.scheduled.is_none() && stayed || self.delay_max == 0 {
            // Nobody has left: somebody missed the last assignment.
            return lost.clone();
        }
        if self.scheduled.is_some_and(|scheduled| now >= scheduled) {
            let reassigned = self.give_to_candidates(lost, loads);
            self.reset_delay();
            self.balanced_before = false;
            return reassigned;
        }
        for load in loads.iter().filter(|load| load.next.is_empty()) {
            if !self.candidates.contains(load.id) {
                self.candidates.push(load.id.clone());
            }
        }
        self.delay = match self.scheduled {
            Some(scheduled) => millis(scheduled.since(now)).min(self.delay_max),
            None => self.delay_max,
        };
        self.scheduled = Some(now + Duration::from_millis(self.delay));
        WorkSet::default()
    }

    /// Gives lost work to members that came without any, which may be the ones that lost it.
    fn give_to_candidates(&self, lost: &WorkSet, loads: &mut [Load<'_>]) -> WorkSet {
        let place = |id: &Arc<str>| loads.iter().position(|load| load.id == id);
        let places: Vec<_> = self.candidates.iter().filter_map(place).collect();
        if places.is_empty() {
            return lost.clone();
        }
        let lost = lost.sorted();
        for (name, place) in lost.connectors.into_iter().zip(places.iter().cycle()) {
            loads[*place].next.connectors.push(name);
        }
        for (task, place) in lost.tasks.into_iter().zip(places.iter().cycle()) {
            loads[*place].next.tasks.push(task);
        }
        WorkSet::default()
    }

    /// Takes work from members that have more than their share, but not in round after round without a pause.
    fn balance(&mut self, now: Time, configured: &Configured, loads: &mut [Load<'_>]) {
        if self.delay != 0 {
            self.balanced_before = false;
            return;
        }
        let surplus = surplus(configured, loads);
        let found = surplus.iter().any(|work| !work.is_empty());
        if found && self.balanced_before {
            self.balanced_in_a_row += 1;
            self.delay = self.backoff(self.balanced_in_a_row);
            if self.delay != 0 {
                self.scheduled = Some(now + Duration::from_millis(self.delay));
                return;
            }
        } else if !found && self.balanced_before {
            self.balanced_in_a_row = 0;
        }
        self.balanced_before = found;
        for (load, surplus) in loads.iter_mut().zip(surplus) {
            load.revoke(&surplus);
        }
    }

    fn backoff(&self, attempt: u32) -> u64 {
        if self.delay_max <= 1 {
            return self.delay_max;
        }
        let longest = self.delay_max as f64;
        let exponent = f64::from(attempt).min(longest.ln() / BACKOFF_FACTOR.ln());
        (BACKOFF_FACTOR.powf(exponent) as u64).min(self.delay_max)
    }

    fn reset_delay(&mut self) {
        self.candidates.clear();
        self.scheduled = None;
        self.delay = 0;
    }

    fn remember(&mut self, round: &Round<'_>, loads: &[Load<'_>], lost: &WorkSet) {
        let mut assigned = WorkSet::default();
        let mut revoked = WorkSet::default();
        for load in loads {
            assigned.extend(&load.next);
            revoked.extend(&load.revoked);
        }
        self.previous = assigned.minus(&revoked);
        self.previous.connectors.extend(lost.connectors.iter().cloned());
        self.previous.tasks.extend(lost.tasks.iter().cloned());
        self.previous_revocation = revoked;
        self.previous_generation = round.generations.current;
        self.previous_members = round.members.keys().cloned().collect();
    }
}

// === impl Load ===

impl Load<'_> {
    /// Takes work away from the member.
    fn revoke(&mut self, work: &Work) {
        self.next = self.next.without(&work.set());
        self.revoked.connectors.extend(work.connectors.iter().cloned());
        self.revoked.tasks.extend(work.tasks.iter().cloned());
    }

    fn share(self) -> Share {
        let assigned = self.next.without(&self.current);
        let owned = self.next.without(&self.revoked.set());
        Share { assigned, revoked: self.revoked, owned }
    }
}

/// Sets members up for a round. What was deleted is taken from them, and what two of them have from all of them: it is
/// dealt in the next round, when nobody runs it.
fn loads<'a>(members: &'a BTreeMap<Arc<str>, Work>, deleted: &WorkSet) -> Vec<Load<'a>> {
    let mut once = WorkSet::default();
    let mut duplicated = WorkSet::default();
    for work in members.values() {
        let twice = work.within(&once);
        duplicated.extend(&twice);
        once.extend(work);
    }
    let mut loads: Vec<_> = members
        .iter()
        .map(|(id, work)| {
            let current = work.set().minus(deleted);
            let mut load = Load { id, current, next: work.clone(), revoked: Work::default() };
            load.revoke(&work.within(deleted));
            let duplicated = load.next.within(&duplicated);
            load.revoke(&duplicated);
            load
        })
        .collect();
    loads.sort_by(|left, right| java_order(left.id, right.id));
    loads
}

/// Returns what each member has too much of, connectors and tasks each on their own.
fn surplus(configured: &Configured, loads: &[Load<'_>]) -> Vec<Work> {
    let all = configured.all();
    if all.is_empty() || loads.iter().all(|load| load.next.is_empty()) {
        return loads.iter().map(|_| Work::default()).collect();
    }
    let connectors: Vec<_> = loads.iter().map(|load| load.next.connectors.len()).collect();
    let tasks: Vec<_> = loads.iter().map(|load| load.next.tasks.len()).collect();
    let connectors = surplus_counts(all.connectors.len(), &connectors);
    let tasks = surplus_counts(all.tasks.len(), &tasks);
    let counts = connectors.into_iter().zip(tasks);
    let work = |(load, (connectors, tasks)): (&Load<'_>, (usize, usize))| Work {
        connectors: load.next.connectors[..connectors].to_vec(),
        tasks: load.next.tasks[..tasks].to_vec(),
    };
    loads.iter().zip(counts).map(work).collect()
}

/// Returns by how much each count is above its fair part of the total.
fn surplus_counts(total: usize, counts: &[usize]) -> Vec<usize> {
    let (low, extra) = (total / counts.len(), total % counts.len());
    let at_low = counts.iter().filter(|count| **count == low).count();
    let above_low = counts.iter().filter(|count| **count == low + 1).count();
    if above_low == extra && at_low + above_low == counts.len() {
        return vec![0; counts.len()];
    }
    let mut given = 0;
    let limit = |count: &usize| {
        if *count <= low {
            return 0;
        }
        if given < extra {
            given += 1;
            return count - (low + 1);
        }
        count - low
    };
    counts.iter().map(limit).collect()
}

fn deal_connectors(loads: &mut [Load<'_>], connectors: impl Iterator<Item = Arc<str>>) {
    deal(loads, connectors, |load| load.next.connectors.len(), |load, name| load.next.connectors.push(name));
}

fn deal_tasks(loads: &mut [Load<'_>], tasks: impl Iterator<Item = TaskId>) {
    deal(loads, tasks, |load| load.next.tasks.len(), |load, task| load.next.tasks.push(task));
}

/// Gives one thing after the other to those that have least. Members are put in order once only, as Kafka Connect does.
fn deal<T>(
    loads: &mut [Load<'_>],
    mut things: impl Iterator<Item = T>,
    count: impl Fn(&Load<'_>) -> usize,
    give: impl Fn(&mut Load<'_>, T),
) {
    loads.sort_by(|left, right| java_order(left.id, right.id));
    // The sort keeps the order of members that have the same number.
    loads.sort_by_key(|load| count(load));
    let Some(mut level) = loads.first().map(&count) else { return };
    loop {
        let up_to = loads.iter().position(|load| count(load) > level).unwrap_or(loads.len());
        for load in &mut loads[..up_to] {
            let Some(thing) = things.next() else { return };
            give(load, thing);
        }
        level += 1;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
