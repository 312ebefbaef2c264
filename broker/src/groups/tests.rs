//! The coordinator by values: no sockets, no clock.

#![allow(clippy::unwrap_used)]

use super::*;
use std::collections::BTreeMap;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(60);

/// A coordinator with a clock of its own and the answers it gave.
struct Scene {
    groups: Groups,
    now: Time,
    answers: BTreeMap<Ticket, Reply>,
    tickets: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with_delay(Duration::ZERO)
    }

    fn with_delay(initial_rebalance_delay: Duration) -> Self {
        let limits = Limits {
            initial_rebalance_delay,
            session_timeout_min: Duration::from_secs(1),
            session_timeout_max: Duration::from_secs(100),
        };
        Self {
            groups: Groups::new(limits),
            now: Duration::from_secs(1_000),
            answers: BTreeMap::new(),
            tickets: 0,
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn collect(&mut self) {
        for (ticket, reply) in self.groups.drain() {
            assert!(self.answers.insert(ticket, reply).is_none(), "{ticket:?} is answered once");
        }
    }

    fn join(&mut self, join: Join) -> Ticket {
        let ticket = self.ticket();
        self.groups.join(self.now, ticket, join);
        self.collect();
        ticket
    }

    fn sync(&mut self, id: &str, generation: i32, assignments: &[(&str, &str)]) -> Ticket {
        let assignments = assignments.iter().map(|(id, text)| ((*id).to_owned(), bytes(text))).collect();
        let sync = Sync { group: "g".into(), member: is(id, generation), assignments, ..Sync::default() };
        let ticket = self.ticket();
        self.groups.sync(self.now, ticket, sync);
        self.collect();
        ticket
    }

    fn heartbeat(&mut self, id: &str, generation: i32) -> Result<(), ResponseError> {
        self.groups.heartbeat(self.now, "g", &is(id, generation))
    }

    fn leave(&mut self, id: &str) -> Result<(), ResponseError> {
        let left = self.groups.leave(self.now, "g", id, None);
        self.collect();
        left
    }

    /// Lets time pass, stopping at each deadline on the way as the driver does.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(deadline) = self.groups.deadline().filter(|deadline| *deadline <= until) {
            self.now = self.now.max(deadline);
            self.groups.tick(self.now);
            self.collect();
            assert!(self.groups.deadline() != Some(deadline), "what is due is done");
        }
        self.now = until;
    }

    #[track_caller]
    fn joined(&self, ticket: Ticket) -> Joined {
        match self.answers.get(&ticket) {
            Some(Reply::Joined(Ok(joined))) => joined.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn join_error(&self, ticket: Ticket) -> ResponseError {
        match self.answers.get(&ticket) {
            Some(Reply::Joined(Err(refused))) => refused.error,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn assignment(&self, ticket: Ticket) -> Result<Bytes, ResponseError> {
        match self.answers.get(&ticket) {
            Some(Reply::Synced(outcome)) => outcome.clone().map(|synced| synced.assignment),
            other => panic!("{other:?}"),
        }
    }

    fn is_waiting(&self, ticket: Ticket) -> bool {
        !self.answers.contains_key(&ticket)
    }

    fn state(&self) -> &'static str {
        self.groups.describe("g").unwrap().state
    }

    /// A settled group of members that joined together, in generation 1.
    fn settled(ids: &[&str]) -> Self {
        let mut scene = Self::with_delay(Duration::from_secs(1));
        let tickets: Vec<_> = ids.iter().map(|id| scene.join(newcomer(id))).collect();
        scene.pass(Duration::from_secs(1));
        let assignments: Vec<_> = ids.iter().map(|id| (*id, *id)).collect();
        for (id, ticket) in ids.iter().zip(tickets) {
            assert_eq!(scene.joined(ticket).generation, 1);
            scene.sync(id, 1, &assignments);
        }
        assert_eq!(scene.state(), "Stable");
        scene
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn is(id: &str, generation: i32) -> Identity {
    Identity { member_id: id.to_owned(), instance_id: None, generation }
}

/// A member that comes without an id and gets `id`, as clients before KIP-394 do.
fn newcomer(id: &str) -> Join {
    Join {
        group: "g".into(),
        member_id: String::new(),
        fresh_id: id.to_owned(),
        first_contact: FirstContact::Joins,
        leader_resumes: LeaderResumes::WithoutAssigning,
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout: SESSION,
        rebalance_timeout: REBALANCE,
        protocol_type: "connect".into(),
        protocols: vec![("sessioned".into(), bytes("s")), ("compatible".into(), bytes("c"))],
    }
}

fn again(id: &str) -> Join {
    Join { member_id: id.to_owned(), ..newcomer("unused") }
}

#[test]
fn a_member_alone_leads_the_first_generation() {
    let mut scene = Scene::new();
    let ticket = scene.join(newcomer("a"));
    let joined = scene.joined(ticket);
    assert_eq!((joined.generation, joined.leader.as_str(), joined.protocol.as_str()), (1, "a", "sessioned"));
    assert_eq!(joined.members[0].metadata, bytes("s"));
    assert_eq!(scene.state(), "CompletingRebalance");
    let ticket = scene.sync("a", 1, &[("a", "work")]);
    assert_eq!(scene.assignment(ticket), Ok(bytes("work")));
    assert_eq!(scene.heartbeat("a", 1), Ok(()));
    assert_eq!(scene.heartbeat("a", 2), Err(ResponseError::IllegalGeneration));
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::UnknownMemberId));
}

#[test]
fn members_that_come_together_are_assigned_once() {
    let mut scene = Scene::with_delay(Duration::from_secs(3));
    let a = scene.join(newcomer("a"));
    scene.pass(Duration::from_secs(2));
    let b = scene.join(newcomer("b"));
    scene.pass(Duration::from_secs(2));
    assert!(scene.is_waiting(a) && scene.is_waiting(b));
    scene.pass(Duration::from_secs(1));
    assert_eq!((scene.joined(a).generation, scene.joined(b).generation), (1, 1));
    assert_eq!((scene.joined(a).members.len(), scene.joined(b).members.len()), (2, 0));
}

#[test]
fn a_crowd_that_never_ends_is_begun_with_after_the_rebalance_timeout() {
    let mut scene = Scene::with_delay(Duration::from_secs(3));
    let first = scene.join(newcomer("m-0"));
    for index in 1..40 {
        scene.pass(Duration::from_secs(2));
        scene.join(newcomer(&format!("m-{index}")));
        if !scene.is_waiting(first) {
            break;
        }
    }
    assert_eq!(scene.joined(first).generation, 1);
    assert!(scene.joined(first).members.len() <= 31);
}

#[test]
fn a_member_without_id_is_given_one_first() {
    let mut scene = Scene::new();
    let ticket = scene.join(Join { first_contact: FirstContact::GivesId, ..newcomer("a-1") });
    assert_eq!(
        scene.answers[&ticket],
        Reply::Joined(Err(JoinRefused { error: ResponseError::MemberIdRequired, member_id: "a-1".into() }))
    );
    let ticket = scene.join(again("a-1"));
    assert_eq!(scene.joined(ticket).member_id, "a-1");
    let ticket = scene.join(again("invented"));
    assert_eq!(scene.join_error(ticket), ResponseError::UnknownMemberId);
}

#[test]
fn a_promised_id_is_waited_for_until_its_session_ends() {
    let mut scene = Scene::settled(&["a"]);
    scene.join(Join { first_contact: FirstContact::GivesId, ..newcomer("b") });
    let a = scene.join(Join { protocols: vec![("sessioned".into(), bytes("new"))], ..again("a") });
    assert!(scene.is_waiting(a));
    scene.pass(SESSION);
    assert_eq!((scene.joined(a).generation, scene.joined(a).members.len()), (2, 1));
    let late = scene.join(again("b"));
    assert_eq!(scene.join_error(late), ResponseError::UnknownMemberId);
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    let mut scene = Scene::settled(&["a"]);
    let b = scene.join(newcomer("b"));
    assert!(scene.is_waiting(b));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let a = scene.join(again("a"));
    assert_eq!((scene.joined(a).generation, scene.joined(b).generation), (2, 2));
    assert_eq!(scene.joined(b).leader, "a");
    let b = scene.sync("b", 2, &[]);
    assert!(scene.is_waiting(b));
    scene.sync("a", 2, &[("a", "1"), ("b", "2")]);
    assert_eq!(scene.assignment(b), Ok(bytes("2")));
}

#[test]
fn a_member_that_does_not_join_again_in_time_is_left_out() {
    let mut scene = Scene::settled(&["a", "b"]);
    let c = scene.join(newcomer("c"));
    let a = scene.join(again("a"));
    for _ in 0..8 {
        scene.pass(Duration::from_secs(8));
        let _rebalancing = scene.heartbeat("b", 1);
    }
    assert_eq!((scene.joined(a).generation, scene.joined(a).members.len()), (2, 2));
    assert_eq!(scene.joined(c).leader, "a");
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_silent_member_is_dropped_after_its_session() {
    let mut scene = Scene::settled(&["a", "b"]);
    scene.pass(SESSION - Duration::from_secs(1));
    assert_eq!(scene.heartbeat("a", 1), Ok(()));
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let a = scene.join(again("a"));
    assert_eq!((scene.joined(a).generation, scene.joined(a).members.len()), (2, 1));
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::UnknownMemberId));
}

#[test]
fn when_all_fall_silent_the_group_is_empty_and_nothing_is_due() {
    let mut scene = Scene::settled(&["a", "b"]);
    scene.pass(SESSION + REBALANCE);
    assert_eq!((scene.state(), scene.groups.deadline()), ("Empty", None));
    let ticket = scene.join(newcomer("c"));
    scene.pass(Duration::from_secs(1));
    assert!(scene.joined(ticket).generation > 1);
}

#[test]
fn a_leader_that_never_brings_assignments_is_dropped() {
    let mut scene = Scene::with_delay(Duration::from_secs(1));
    let a = scene.join(newcomer("a"));
    scene.join(newcomer("b"));
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.joined(a).leader, "a");
    let b = scene.sync("b", 1, &[]);
    for _ in 0..15 {
        scene.pass(Duration::from_secs(4));
        let _alive = scene.heartbeat("a", 1);
    }
    assert_eq!(scene.assignment(b), Err(ResponseError::RebalanceInProgress));
    let b = scene.join(again("b"));
    assert_eq!((scene.joined(b).leader.as_str(), scene.joined(b).members.len()), ("b", 1));
}

#[test]
fn leaving_hands_over_at_once() {
    let mut scene = Scene::settled(&["a", "b"]);
    assert_eq!(scene.leave("a"), Ok(()));
    assert_eq!(scene.leave("a"), Err(ResponseError::UnknownMemberId));
    let b = scene.join(again("b"));
    assert_eq!((scene.joined(b).leader.as_str(), scene.joined(b).generation), ("b", 2));
    assert_eq!(scene.leave("b"), Ok(()));
    assert_eq!(scene.state(), "Empty");
}

#[test]
fn only_a_protocol_that_all_have_is_chosen() {
    let mut scene = Scene::with_delay(Duration::from_secs(1));
    let a = scene.join(newcomer("a"));
    scene.join(Join { protocols: vec![("compatible".into(), bytes("old"))], ..newcomer("b") });
    let foreign = scene.join(Join { protocols: vec![("range".into(), bytes(""))], ..newcomer("c") });
    let consumer = scene.join(Join { protocol_type: "consumer".into(), ..newcomer("d") });
    assert_eq!(scene.join_error(foreign), ResponseError::InconsistentGroupProtocol);
    assert_eq!(scene.join_error(consumer), ResponseError::InconsistentGroupProtocol);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.joined(a).protocol, "compatible");
    assert_eq!(scene.joined(a).members[1].metadata, bytes("old"));
}

#[test]
fn a_repeated_join_gets_the_lost_answer_again() {
    let mut scene = Scene::settled(&["a", "b"]);
    let b = scene.join(again("b"));
    assert_eq!(scene.joined(b).generation, 1);
    assert_eq!(scene.state(), "Stable");
    let b = scene.join(Join { protocols: vec![("sessioned".into(), bytes("changed"))], ..again("b") });
    assert!(scene.is_waiting(b));
    assert_eq!(scene.state(), "PreparingRebalance");
}

#[test]
fn a_leader_that_joins_again_rebalances_even_with_the_same_metadata() {
    let mut scene = Scene::settled(&["a", "b"]);
    let a = scene.join(again("a"));
    assert!(scene.is_waiting(a));
    assert_eq!(scene.heartbeat("b", 1), Err(ResponseError::RebalanceInProgress));
}

#[test]
fn limits_are_kept() {
    let mut scene = Scene::new();
    let short = scene.join(Join { session_timeout: Duration::from_millis(1), ..newcomer("a") });
    assert_eq!(scene.join_error(short), ResponseError::InvalidSessionTimeout);
    let nameless = scene.join(Join { group: String::new(), ..newcomer("a") });
    assert_eq!(scene.join_error(nameless), ResponseError::InvalidGroupId);
    let typeless = scene.join(Join { protocols: Vec::new(), ..newcomer("a") });
    assert_eq!(scene.join_error(typeless), ResponseError::InconsistentGroupProtocol);
    assert_eq!(scene.groups.all().count(), 0);
}

#[test]
fn commits_are_allowed_to_members_and_to_nobody_in_an_empty_group() {
    let mut scene = Scene::settled(&["a"]);
    let now = scene.now;
    let commit = |scene: &mut Scene, group: &str, id: &str, generation| {
        scene.groups.may_commit(now, group, &is(id, generation))
    };
    assert_eq!(commit(&mut scene, "g", "a", 1), Ok("connect".into()));
    assert_eq!(commit(&mut scene, "g", "a", 2), Err(ResponseError::IllegalGeneration));
    assert_eq!(commit(&mut scene, "g", "", -1), Err(ResponseError::UnknownMemberId));
    assert_eq!(commit(&mut scene, "other", "", -1), Ok(String::new()));
    assert_eq!(commit(&mut scene, "other", "x", 3), Err(ResponseError::IllegalGeneration));
    scene.leave("a").unwrap();
    assert_eq!(commit(&mut scene, "g", "", -1), Ok("connect".into()));
    assert_eq!(scene.groups.delete("g"), Ok(()));
    assert_eq!(scene.groups.delete("g"), Err(ResponseError::GroupIdNotFound));
}

#[test]
fn a_group_with_members_is_not_deleted() {
    let mut scene = Scene::settled(&["a"]);
    assert_eq!(scene.groups.delete("g"), Err(ResponseError::NonEmptyGroup));
}

fn fixed(instance: &str, id: &str) -> Join {
    Join { instance_id: Some(instance.into()), ..newcomer(id) }
}

#[test]
fn a_restarted_static_member_takes_its_place_without_a_rebalance() {
    let mut scene = Scene::with_delay(Duration::from_secs(1));
    scene.join(fixed("one", "a"));
    scene.join(fixed("two", "b"));
    scene.pass(Duration::from_secs(1));
    scene.sync("b", 1, &[]);
    let named = Identity { instance_id: Some("one".into()), ..is("a", 1) };
    let ticket = scene.ticket();
    let assignments = BTreeMap::from([("a".to_owned(), bytes("A")), ("b".to_owned(), bytes("B"))]);
    let sync = Sync { group: "g".into(), member: named.clone(), assignments, ..Sync::default() };
    scene.groups.sync(scene.now, ticket, sync);
    scene.collect();
    assert_eq!(scene.state(), "Stable");

    let ticket = scene.join(fixed("one", "a-again"));
    let joined = scene.joined(ticket);
    assert_eq!((joined.generation, joined.member_id.as_str(), joined.skips_assignment), (1, "a-again", true));
    assert_eq!(scene.state(), "Stable");
    assert_eq!(scene.groups.heartbeat(scene.now, "g", &named), Err(ResponseError::FencedInstanceId));
    let ticket = scene.sync("a-again", 1, &[]);
    assert_eq!(scene.assignment(ticket), Ok(bytes("A")));
    assert_eq!(scene.groups.leave(scene.now, "g", "", Some("two")), Ok(()));
    assert_eq!(scene.groups.leave(scene.now, "g", "", Some("two")), Err(ResponseError::UnknownMemberId));
}
