//! Both assignors against Java's, on the same histories of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use millrace_herder::Time;
use millrace_herder::assign::{Assignor, Configured, Election, Generations, View, lead};
use millrace_herder::wire::protocol::{
    Assignment, AssignmentError, MemberState, SubProtocol, Work, decode_assignment, decode_state,
    encode_assignment, encode_state,
};
use millrace_tests::is_long;

use crate::hex::{hex, unhex};
use crate::oracle::ask;
use crate::random::Random;

/// One after the other in a Java hash map of up to twelve, whose order decides between members that are alike.
const IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

const NAMES: [&str; 6] = ["pg", "s3", "es", "a-0", "b", "orders"];

const ROUNDS: usize = 25;

#[test]
fn shares_are_those_of_java() {
    let histories = if is_long() { 5_000 } else { 400 };
    let (mut questions, mut expected) = (Vec::new(), Vec::new());
    for seed in 0..histories {
        History::new(seed).tell(&mut questions, &mut expected);
    }
    let answers = ask(&questions);
    for (number, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
        let begin = questions[..=number].iter().rposition(|question| question.starts_with("assignor"));
        let history = questions[begin.unwrap_or(0)..=number].join("\n");
        assert_eq!(meaning(answer), meaning(expected), "Java's is left, after\n{history}");
    }
}

/// Reads an answer. What is revoked comes in the order of a hash set from Java; all else is compared as it comes.
fn meaning(answer: &str) -> Vec<(&str, Assignment)> {
    let shares = answer.split(',').filter_map(|share| share.split_once('='));
    let read = |(id, share)| {
        let mut share = decode_assignment(&unhex(share)).expect("it is an assignment");
        share.revoked.connectors.sort();
        share.revoked.tasks.sort();
        (id, share)
    };
    shares.map(read).collect()
}

/// A group over some rounds, in which members come, go, lag and forget.
struct History {
    random: Random,
    assignor: Assignor,
    delay_max: u64,
    now: u64,
    generation: i32,
    configured: BTreeMap<Arc<str>, u32>,
    members: BTreeMap<Arc<str>, Option<Assignment>>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let delay_max = [0, 1_000, 60_000, 300_000][random.below(4) as usize];
        Self {
            random,
            assignor: Assignor::new(Duration::from_millis(delay_max)),
            delay_max,
            now: 1_000,
            generation: 0,
            configured: BTreeMap::new(),
            members: BTreeMap::from([("a".into(), None)]),
        }
    }

    fn tell(mut self, questions: &mut Vec<String>, expected: &mut Vec<String>) {
        questions.push(format!("assignor {}", self.delay_max));
        expected.push("ok".to_owned());
        let eager = self.random.percent(10);
        let mut completed = -1;
        for round in 0..ROUNDS {
            self.change();
            self.generation += 1;
            let protocol = match self.random.below(2) {
                _ if eager => SubProtocol::Eager,
                0 => SubProtocol::Compatible,
                _ => SubProtocol::Sessioned,
            };
            let offset = round as i64 + 10;
            let states: BTreeMap<_, _> =
                self.members.keys().map(|id| (id.clone(), self.state(id, offset))).collect();
            let own = if self.random.percent(90) { offset } else { offset - 1 };
            let fresh = if self.random.percent(50) { offset } else { own };
            questions.push(self.question(protocol, completed, own, fresh, &states));
            let led = self.lead(protocol, completed, own, fresh, &states);
            let answer =
                led.iter().map(|(id, share)| format!("{id}={}", hex(&encode_assignment(share, protocol))));
            expected.push(answer.collect::<Vec<_>>().join(","));
            // The leader may miss the end of its own round.
            if self.random.percent(90) {
                completed = self.generation;
            }
            self.take_up(led);
        }
    }

    fn change(&mut self) {
        self.now += [0, 100, 5_000, 70_000, 400_000][self.random.below(5) as usize];
        if self.random.percent(40) {
            let name: Arc<str> = NAMES[self.random.below(6) as usize].into();
            match self.random.below(4) {
                0 => drop(self.configured.remove(&name)),
                _ => drop(self.configured.insert(name, self.random.below(7) as u32)),
            }
        }
        if self.random.percent(40) {
            let id: Arc<str> = IDS[self.random.below(8) as usize].into();
            match self.random.below(3) {
                // It has left, or comes back having forgotten everything.
                0 if self.members.len() > 1 => drop(self.members.remove(&id)),
                _ => drop(self.members.insert(id, None)),
            }
        }
    }

    fn state(&self, id: &Arc<str>, config_offset: i64) -> MemberState {
        let allocation = self.members[id].clone();
        MemberState { url: format!("http://{id}:8083/").into(), config_offset, allocation }
    }

    fn leader(&self) -> Arc<str> {
        self.members.keys().next().expect("there is always a member").clone()
    }

    fn question(
        &self,
        protocol: SubProtocol,
        completed: i32,
        own: i64,
        fresh: i64,
        states: &BTreeMap<Arc<str>, MemberState>,
    ) -> String {
        let counts: Vec<_> = self.configured.iter().map(|(name, count)| format!("{name}:{count}")).collect();
        let states: Vec<_> = states
            .iter()
            .map(|(id, state)| format!("{id}={}", hex(&encode_state(state, protocol))))
            .collect();
        format!(
            "round {} {protocol} {completed} {} {} {own} {fresh} {} {}",
            self.now,
            self.generation,
            self.leader(),
            counts.join(","),
            states.join(",")
        )
    }

    fn lead(
        &mut self,
        protocol: SubProtocol,
        completed: i32,
        own: i64,
        fresh: i64,
        states: &BTreeMap<Arc<str>, MemberState>,
    ) -> BTreeMap<Arc<str>, Assignment> {
        let configured = Configured { tasks: self.configured.clone() };
        // The bytes have an order of their own, by connectors.
        let told = |state| decode_state(&encode_state(state, protocol)).ok();
        let members = states.iter().map(|(id, state)| (id.clone(), told(state))).collect();
        let election = Election {
            now: Time(Duration::from_millis(self.now)),
            protocol,
            generations: Generations { completed, current: self.generation },
            leader: &self.leader(),
            joined_with: &View { offset: own, configured: configured.clone() },
            latest: &View { offset: fresh, configured },
            members: &members,
        };
        lead(&mut self.assignor, &election).assignments
    }

    /// Lets most members take up what they were given; some do not hear of it, or do not stop what they should.
    fn take_up(&mut self, led: BTreeMap<Arc<str>, Assignment>) {
        for (id, mut given) in led {
            if given.error != AssignmentError::None || self.random.percent(8) {
                continue;
            }
            let had = self.members.get(&id).cloned().flatten().map(|had| had.assigned).unwrap_or_default();
            let keeps = self.random.percent(3);
            let stopped: BTreeSet<_> = given.revoked.connectors.iter().collect();
            let kept = had.connectors.iter().filter(|name| keeps || !stopped.contains(name)).cloned();
            given.assigned.connectors.extend(kept);
            let stopped: BTreeSet<_> = given.revoked.tasks.iter().collect();
            let kept = had.tasks.iter().filter(|task| keeps || !stopped.contains(task)).cloned();
            given.assigned.tasks.extend(kept);
            given.revoked = Work::default();
            self.members.insert(id, Some(given));
        }
    }
}
