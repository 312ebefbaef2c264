//! A whole group of workers in one thread: the herders, the coordinator of their group, the topics between them, and
//! all that can go wrong with each.

mod act;
mod checks;
mod coordinator;
mod log;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use millrace_api::Properties;
use millrace_herder::wire::protocol::SubProtocol;
use millrace_herder::{Event, GroupEvent, Incarnation, Include, Request, RequestId, Target, Time, Which};

use crate::{
    check::{Checked, Violation, ensure},
    cluster::{coordinator::Coordinator, log::Logs, worker::Worker},
    fake::{Report, What},
    random::Random,
};

pub const SESSION: Duration = Duration::from_secs(10);
pub const HEARTBEAT: Duration = Duration::from_secs(3);
pub const ROUND_MAX: Duration = Duration::from_secs(60);

/// How long the rough weather lasts.
const ROUGH: Duration = Duration::from_secs(120);

/// How long it may take after that until nothing moves any more: a delayed round, and a plan's longest repetition.
const CALM: Duration = Duration::from_secs(600);

/// More steps than this are a loop.
const STEPS_MAX: u32 = 20_000;

const WORKERS: usize = 3;

/// What a broken worker or its client would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterFault {
    /// Says that everything has stopped as soon as it was asked to.
    HandsOverWhatItHolds,
    /// Says when it joins that it has read more than it has.
    LeadsWithOldConfig,
    /// Worker 1 does not hear what tasks its connectors want.
    ForgetsPlans,
    /// Does not hear that the leader did not get its plan.
    ForgetsLostPlans,
    /// Goes on with its work when it has lost the group.
    IgnoresLostCoordinator,
    /// Does not hear of rounds that others began.
    IgnoresRounds,
    /// Leaves every seventh request without an answer.
    ForgetsAnswers,
    /// Does not learn of deletions.
    ForgetsDeletions,
    /// Takes every second record of the log for broken.
    LosesRecords,
}

/// What is going to happen from outside, in a run that is told apart by its seed.
pub type Plan = Vec<(Time, Happening)>;

pub struct Cluster {
    pub(crate) random: Random,
    /// What was told to the workers and what they wanted, when somebody is going to read it.
    pub(crate) history: Option<Vec<String>>,
    pub(crate) fault: Option<ClusterFault>,
    pub(crate) now: Time,
    steps: u32,
    queue: BTreeMap<(Time, u64), Happening>,
    queued: u64,
    pub(crate) workers: Vec<Worker>,
    pub(crate) coordinator: Coordinator,
    pub(crate) logs: Logs,
    pub(crate) asked: BTreeMap<RequestId, Asked>,
    requests: u64,
    /// What plans of a connector come to.
    pub(crate) wishes: BTreeMap<Arc<str>, u64>,
    /// Since when something runs on two workers.
    pub(crate) twice: BTreeMap<What, Time>,
    pub(crate) rounds: u32,
    /// What the answers were worth.
    pub(crate) answers: u64,
}

/// Something that is going to happen to a worker: to this life of it.
#[derive(Debug, Clone)]
pub enum Happening {
    To {
        worker: usize,
        life: u64,
        what: ToWorker,
    },
    /// A message reaches the coordinator.
    ToCoordinator(coordinator::Message),
    /// The coordinator looks at its clocks.
    Look,
    Ask(Request),
    Kill(usize),
    Stop(usize),
    Start(usize),
    Cut(usize),
    Mend(usize),
    Compact,
}

#[derive(Debug, Clone)]
pub enum ToWorker {
    Event(Event),
    Report(Incarnation, Report),
    /// The coordinator's answer to a join.
    Answer {
        join: u64,
        event: GroupEvent,
        member: Option<Arc<str>>,
    },
    Heartbeat,
    /// Reads on in the logs.
    Read,
    Forwarded {
        id: RequestId,
        request: Request,
    },
    /// The coordinator has been out of reach for a while.
    LostCheck,
}

pub struct Asked {
    pub at: Time,
    pub request: Request,
    pub open: bool,
    /// The worker's life that was asked.
    pub origin: (usize, u64),
    /// The worker's life that has it.
    pub holder: (usize, u64),
    /// Set for a plan of another worker: who wants to know.
    pub plan: Option<(usize, u64, Arc<str>, Incarnation)>,
}

impl Cluster {
    pub fn new(seed: u64, fault: Option<ClusterFault>, plan: &Plan) -> Self {
        let mut random = Random::seeded(!seed);
        let protocols =
            [SubProtocol::Eager, SubProtocol::Compatible, SubProtocol::Sessioned, SubProtocol::Millrace1];
        let protocol = protocols[random.below(4) as usize];
        let delay = Duration::from_secs([0, 1, 30, 60][random.below(4) as usize]);
        let workers = (0..WORKERS).map(|number| Worker::new(number, protocol, delay)).collect();
        let mut cluster = Self {
            random,
            history: None,
            fault,
            now: Time::default(),
            steps: 0,
            queue: BTreeMap::new(),
            queued: 0,
            workers,
            coordinator: Coordinator::default(),
            logs: Logs::default(),
            asked: BTreeMap::new(),
            requests: 0,
            wishes: BTreeMap::new(),
            twice: BTreeMap::new(),
            rounds: 0,
            answers: 0,
        };
        for (at, happening) in plan {
            cluster.at(*at, happening.clone());
        }
        cluster.at(Time::default(), Happening::Look);
        for worker in 0..WORKERS {
            // Whatever happened before, all are there in the end.
            cluster.at(Time(ROUGH), Happening::Start(worker));
            cluster.at(Time(ROUGH), Happening::Mend(worker));
        }
        cluster
    }

    /// Runs a seed. What is wrong is told with the shortest plan that still goes wrong, and what happened then.
    pub fn check(seed: u64) -> Checked {
        let mut plan = weather(seed);
        let Err(mut violation) = Self::new(seed, None, &plan).run() else { return Ok(()) };
        let mut place = 0;
        while place < plan.len() {
            let mut shorter = plan.clone();
            shorter.remove(place);
            match Self::new(seed, None, &shorter).run() {
                Ok(()) => place += 1,
                Err(found) => (plan, violation) = (shorter, found),
            }
        }
        let mut last = Self::new(seed, None, &plan);
        last.history = Some(Vec::new());
        // It is the same run again.
        let _ = last.run();
        let plan: Vec<_> = plan.iter().map(|(at, happening)| format!("{:?} {happening:?}", at.0)).collect();
        let history = last.history.unwrap_or_default().join("\n");
        Err(Violation(format!("{violation}\n{}\n{history}", plan.join("\n"))))
    }

    /// Lets everything happen until the end of the calm.
    pub fn run(&mut self) -> Checked {
        let end = Time(ROUGH + CALM);
        let mut rounds_before_the_end = None;
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            self.steps += 1;
            ensure(self.steps < STEPS_MAX, || "it never comes to rest".to_owned())?;
            self.now = self.now.max(next);
            if rounds_before_the_end.is_none() && self.now.0 + Duration::from_secs(90) > end.0 {
                rounds_before_the_end = Some(self.rounds);
            }
            self.step(next)?;
            self.check_step()?;
        }
        ensure(rounds_before_the_end == Some(self.rounds), || "the group goes round for ever".to_owned())?;
        self.check_rest()
    }

    fn step(&mut self, next: Time) -> Checked {
        if let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= next) {
            let happening = entry.remove();
            return self.happen(happening);
        }
        for worker in 0..WORKERS {
            if self.workers[worker].deadline().is_some_and(|at| at <= next) {
                self.tell(worker, Event::DeadlineReached)?;
            }
        }
        Ok(())
    }

    fn next_time(&self) -> Option<Time> {
        let queued = self.queue.first_key_value().map(|((time, _), _)| *time);
        queued.into_iter().chain(self.workers.iter().filter_map(Worker::deadline)).min()
    }

    pub(crate) fn is_rough(&self) -> bool {
        self.now.0 < ROUGH
    }

    // === chance ===

    pub(crate) fn later(&mut self, wait: Duration, happening: Happening) {
        self.at(self.now + wait, happening);
    }

    pub(crate) fn at(&mut self, time: Time, happening: Happening) {
        self.queued += 1;
        self.queue.insert((time, self.queued), happening);
    }

    /// Hands something to a worker after a while, unless it has died by then.
    pub(crate) fn send(&mut self, worker: usize, wait: Duration, what: ToWorker) {
        let life = self.workers[worker].life;
        self.later(wait, Happening::To { worker, life, what });
    }

    /// How long a message takes.
    pub(crate) fn latency(&mut self) -> Duration {
        if self.is_rough() && self.random.percent(10) {
            return self.random.millis(0..2_000);
        }
        self.random.millis(0..20)
    }

    pub(crate) fn ask(&mut self, request: Request) -> Checked {
        let alive: BTreeSet<_> =
            (0..WORKERS).filter(|worker| self.workers[*worker].herder.is_some()).collect();
        let Some(worker) = alive.iter().nth(self.random.below(alive.len().max(1) as u64) as usize).copied()
        else {
            return Ok(());
        };
        self.requests += 1;
        let id = RequestId(self.requests);
        let holder = (worker, self.workers[worker].life);
        self.asked.insert(
            id,
            Asked { at: self.now, request: request.clone(), open: true, origin: holder, holder, plan: None },
        );
        self.tell(worker, Event::Requested { id, request })
    }

    pub(crate) fn new_request(&mut self, asked: Asked) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.asked.insert(id, asked);
        id
    }

    pub(crate) fn violation(text: impl Into<String>) -> Checked {
        Err(Violation(text.into()))
    }
}

/// Plans what a seed brings from outside.
pub fn weather(seed: u64) -> Plan {
    let mut random = Random::seeded(seed);
    let mut plan = Plan::new();
    for worker in 0..WORKERS {
        plan.push((Time(random.millis(0..20_000)), Happening::Start(worker)));
        troubles(&mut random, worker, &mut plan);
    }
    for _ in 0..8 + random.below(30) {
        let at = Time(random.millis(0..110_000));
        plan.push((at, Happening::Ask(request(&mut random))));
    }
    if random.percent(40) {
        plan.push((Time(random.millis(0..120_000)), Happening::Compact));
    }
    plan
}

fn troubles(random: &mut Random, worker: usize, plan: &mut Plan) {
    while random.percent(40) {
        let at = Time(random.millis(0..100_000));
        let end = if random.percent(50) { Happening::Kill(worker) } else { Happening::Stop(worker) };
        plan.push((at, end));
        plan.push((at + random.millis(100..40_000), Happening::Start(worker)));
    }
    while random.percent(40) {
        let at = Time(random.millis(0..100_000));
        plan.push((at, Happening::Cut(worker)));
        plan.push((at + random.millis(100..30_000), Happening::Mend(worker)));
    }
}

fn request(random: &mut Random) -> Request {
    let name: Arc<str> = ["a", "b", "b-0"][random.below(3) as usize].into();
    match random.below(20) {
        0..6 => {
            let initial_state =
                [Target::Started, Target::Started, Target::Paused, Target::Stopped][random.below(4) as usize];
            Request::Create { name, config: config(random), initial_state }
        }
        6..11 => Request::PutConfig { name, config: config(random) },
        11..13 => Request::Delete { name },
        13 => Request::Pause { name },
        14..17 => Request::Resume { name },
        17 => Request::Stop { name },
        _ => Request::RestartConnector { name, include: Include::WithTasks, which: Which::All },
    }
}

fn config(random: &mut Random) -> Properties {
    let (version, tasks_max) = (random.below(4).to_string(), (1 + random.below(5)).to_string());
    Properties::from([("v", version.as_str()), ("tasks.max", &tasks_max)])
}
