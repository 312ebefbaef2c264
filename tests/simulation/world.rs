//! Everything around the herder: time, the log, those who ask, and what is started.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use millrace_api::Properties;
use millrace_herder::{
    Action, Begin, ConfigRecord, Event, Failure, Incarnation, Include, OffsetsChange, Options,
    REQUEST_TIMEOUT, Refusal, Request, RequestId, Response, Target, TaskId, Time, Which,
};

use crate::{
    SECRET,
    check::{Checked, Violation, ensure},
    fake::{Fake, Plan, Report, State, What},
    model::Model,
    random::Random,
    subject::{Fault, Subject},
};

pub const TASK_STOP_TIMEOUT: Duration = Duration::from_secs(5);
pub const CONNECTOR_STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the rough weather lasts.
const ROUGH: Duration = Duration::from_secs(60);

/// After this nothing may still move: the longest wait is that of a plan's repetition, after that of a request.
const SETTLED: Duration = Duration::from_secs(600);

/// More steps than this are a loop.
const STEPS_MAX: u32 = 20_000;

pub struct World {
    pub(crate) subject: Subject,
    random: Random,
    pub(crate) now: Time,
    steps: u32,
    queue: BTreeMap<(Time, u64), Happening>,
    queued: u64,
    offset: u64,
    /// When the last record that was written will be read.
    log_until: Time,
    pub(crate) model: Model,
    pub(crate) fakes: BTreeMap<Incarnation, Fake>,
    /// What plans of a connector come to; changes when the connector asks for a new plan.
    wishes: BTreeMap<Arc<str>, u64>,
    deleted: BTreeMap<Arc<str>, (Time, Incarnation)>,
    asked: BTreeMap<RequestId, Asked>,
    requests: u64,
    /// Connectors whose offsets are being changed.
    changing: BTreeSet<Arc<str>>,
    stop_asked: Option<Time>,
    pub(crate) finished: bool,
}

enum Happening {
    Report(Incarnation, Report),
    Read(ConfigRecord),
    OffsetsChanged(Arc<str>),
    Ask(Request),
    Drop(RequestId),
    StopAsked,
}

struct Asked {
    at: Time,
    request: Request,
    state: AskedState,
}

#[derive(Debug, PartialEq)]
enum AskedState {
    Open,
    Answered,
    Dropped,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>) -> Self {
        let options = Options {
            worker_id: "simulated:8083".into(),
            task_stop_timeout: TASK_STOP_TIMEOUT,
            connector_stop_timeout: CONNECTOR_STOP_TIMEOUT,
        };
        let mut world = Self {
            subject: Subject::new(options, fault),
            random: Random::seeded(seed),
            now: Time::default(),
            steps: 0,
            queue: BTreeMap::new(),
            queued: 0,
            offset: 0,
            log_until: Time::default(),
            model: Model::default(),
            fakes: BTreeMap::new(),
            wishes: BTreeMap::new(),
            deleted: BTreeMap::new(),
            asked: BTreeMap::new(),
            requests: 0,
            changing: BTreeSet::new(),
            stop_asked: None,
            finished: false,
        };
        world.plan_requests();
        world
    }

    /// Lets everything happen until nothing more does.
    pub fn run(&mut self) -> Checked {
        while let Some(next) = self.next_time() {
            self.steps += 1;
            ensure(self.steps < STEPS_MAX, || "it never comes to rest".to_owned())?;
            ensure(next.0 < SETTLED, || format!("something is still due at {next:?}"))?;
            self.now = next;
            let event = match self.queue.first_key_value() {
                Some(((time, _), _)) if *time == next => {
                    let Some((_, happening)) = self.queue.pop_first() else { continue };
                    self.happen(happening)?
                }
                _ => Some(Event::DeadlineReached),
            };
            if let Some(event) = event {
                self.handle(event)?;
            }
        }
        self.check_rest()
    }

    /// Asks something now, and returns the answer, which must come at once.
    pub fn ask_now(&mut self, request: Request) -> Result<Response, Violation> {
        let id = RequestId(u64::MAX);
        for action in self.subject.handle(self.now, Event::Requested { id, request }) {
            if let Action::Respond { id: answered, answer } = action
                && answered == id
            {
                return answer.map_err(|refusal| Violation(refusal.to_string()));
            }
        }
        Err(Violation("a question was not answered at once".to_owned()))
    }

    fn handle(&mut self, event: Event) -> Checked {
        for action in self.subject.handle(self.now, event) {
            self.perform(action)?;
        }
        if let Some(deadline) = self.subject.deadline() {
            ensure(deadline > self.now, || format!("the deadline {deadline:?} has passed already"))?;
        }
        self.check_step()
    }

    fn next_time(&self) -> Option<Time> {
        let queued = self.queue.first_key_value().map(|((time, _), _)| *time);
        queued.into_iter().chain(self.subject.deadline()).min()
    }

    // === what happens ===

    fn happen(&mut self, happening: Happening) -> Result<Option<Event>, Violation> {
        Ok(match happening {
            Happening::Report(incarnation, report) => self.report(incarnation, report),
            Happening::Read(record) => {
                self.model.read(&record)?;
                if let ConfigRecord::Connector { name, config: None } = &record {
                    let last = self.fakes.keys().next_back().copied().unwrap_or(Incarnation(0));
                    self.deleted.insert(name.clone(), (self.now, last));
                }
                let offset = self.offset;
                self.offset += 1;
                Some(Event::ConfigRead { offset, record })
            }
            Happening::OffsetsChanged(name) => {
                self.changing.remove(&name);
                Some(Event::OffsetsChanged { name, outcome: Ok("changed".into()) })
            }
            Happening::Ask(request) => {
                self.requests += 1;
                let id = RequestId(self.requests);
                self.asked
                    .insert(id, Asked { at: self.now, request: request.clone(), state: AskedState::Open });
                if self.random.percent(5) {
                    let wait = self.random.millis(0..5_000);
                    self.later(wait, Happening::Drop(id));
                }
                Some(Event::Requested { id, request })
            }
            Happening::Drop(id) => {
                let asked = self.asked.get_mut(&id).filter(|asked| asked.state == AskedState::Open);
                asked.map(|asked| {
                    asked.state = AskedState::Dropped;
                    Event::RequestDropped { id }
                })
            }
            Happening::StopAsked => {
                self.stop_asked = Some(self.now);
                Some(Event::StopAsked)
            }
        })
    }

    fn report(&mut self, incarnation: Incarnation, report: Report) -> Option<Event> {
        let fake = self.fakes.get_mut(&incarnation)?;
        let too_late = fake.has_ended()
            // It may still run or fail for the herder's last word not having reached it; it does not start anew.
            || (fake.state != State::Starting && matches!((&report, &fake.what), (Report::Running, What::Connector(_))))
            || (fake.asked_to_stop.is_none() && matches!(report, Report::Stopped))
            || (fake.state != State::Running && matches!(report, Report::Planned(_) | Report::Replan));
        if too_late {
            return None;
        }
        let name = fake.what.connector().clone();
        if matches!(report, Report::Replan) {
            *self.wishes.entry(name).or_default() += 1;
        }
        let fake = self.fakes.get_mut(&incarnation)?;
        Some(fake.report(incarnation, report))
    }

    // === what is asked for ===

    fn perform(&mut self, action: Action) -> Checked {
        if self.finished {
            let refusal = matches!(action, Action::Respond { answer: Err(Refusal::ShuttingDown), .. });
            ensure(refusal, || format!("{action:?} comes after the end"))?;
        }
        match action {
            Action::Respond { id, answer } => self.answered(id, answer),
            Action::Write(records) => {
                for record in records {
                    let wait =
                        if self.random.percent(70) { Duration::ZERO } else { self.random.millis(0..300) };
                    self.log_until = self.log_until.max(self.now + wait);
                    self.at(self.log_until, Happening::Read(record));
                }
                Ok(())
            }
            Action::StartConnector { name, incarnation, config } => {
                self.start(What::Connector(name), incarnation, config, None, Begin::Running)
            }
            Action::StartTask { task, incarnation, connector_config, settings, task_count, begin } => {
                let tasks = self.model.connectors.get(&task.connector).map_or(0, |known| known.tasks.len());
                ensure(tasks == task_count, || {
                    format!("{task} is started as one of {task_count}, not {tasks}")
                })?;
                self.start(What::Task(task), incarnation, connector_config, Some(settings), begin)
            }
            Action::PlanTasks { name, incarnation, tasks_max } => self.plan(&name, incarnation, tasks_max),
            Action::StopConnector { incarnation, .. } | Action::StopTask { incarnation, .. } => {
                self.stop(incarnation)
            }
            Action::AbandonConnector { incarnation, .. } => self.abandon(incarnation, CONNECTOR_STOP_TIMEOUT),
            Action::AbandonTask { incarnation, .. } => self.abandon(incarnation, TASK_STOP_TIMEOUT),
            Action::PauseTask { incarnation, .. } => self.turn(incarnation, Report::Paused),
            Action::ResumeTask { incarnation, .. } => self.turn(incarnation, Report::Running),
            Action::ChangeOffsets { name, config, .. } => self.change_offsets(name, &config),
            Action::Group(_)
            | Action::Forward { .. }
            | Action::PublishTasks { .. }
            | Action::MakeKey { .. }
            | Action::SetLevel { .. }
            | Action::WriteStatus(_) => Err(Violation("a worker of its own acts in a group".to_owned())),
            Action::Finished => {
                ensure(self.stop_asked.is_some(), || "finished without having been asked".to_owned())?;
                self.finished = true;
                Ok(())
            }
        }
    }

    fn answered(&mut self, id: RequestId, answer: Result<Response, Refusal>) -> Checked {
        let Some(asked) = self.asked.get_mut(&id) else {
            return Err(Violation(format!("nobody has asked {id:?}")));
        };
        let request = &asked.request;
        ensure(asked.state == AskedState::Open, || {
            format!("{request:?} is {:?} and is answered", asked.state)
        })?;
        ensure(self.now.since(asked.at) <= REQUEST_TIMEOUT, || format!("{request:?} is answered late"))?;
        if let (Request::Create { config, .. } | Request::PutConfig { config, .. }, Ok(response)) =
            (request, &answer)
        {
            let (Response::Created(info) | Response::Replaced(info)) = response else {
                return Err(Violation(format!("{request:?} is answered by {response:?}")));
            };
            ensure(*info.config == *config, || format!("{request:?} is answered by another's {info:?}"))?;
        }
        let refused = matches!(answer, Err(Refusal::ShuttingDown));
        ensure(refused == self.stop_asked.is_some(), || format!("{request:?} is answered by {answer:?}"))?;
        asked.state = AskedState::Answered;
        Ok(())
    }

    fn change_offsets(&mut self, name: Arc<str>, config: &Properties) -> Checked {
        let live = self.fakes.values().find(|fake| *fake.what.connector() == name && fake.is_live());
        ensure(live.is_none(), || format!("offsets of {name} are changed while it runs"))?;
        ensure(self.model.target(&name) == Target::Stopped, || {
            format!("offsets of {name} are changed and it is not stopped")
        })?;
        let known = self.model.connectors.get(&name);
        ensure(known.is_some_and(|known| *known.config == *config && known.tasks.is_empty()), || {
            format!("offsets of {name} are changed under another configuration")
        })?;
        ensure(self.changing.insert(name.clone()), || {
            format!("offsets of {name} are changed twice at once")
        })?;
        let wait = self.random.millis(0..if self.is_rough() { 20_000 } else { 50 });
        self.later(wait, Happening::OffsetsChanged(name));
        Ok(())
    }

    fn start(
        &mut self,
        what: What,
        incarnation: Incarnation,
        config: Arc<Properties>,
        settings: Option<Arc<Properties>>,
        begin: Begin,
    ) -> Checked {
        let beside = self.fakes.values().any(|fake| fake.what == what && fake.is_live());
        ensure(!beside, || format!("{what} is started beside a live one"))?;
        ensure(!self.changing.contains(what.connector()), || {
            format!("{what} is started while its offsets are changed")
        })?;
        let newest = self.fakes.keys().next_back().is_none_or(|last| *last < incarnation);
        ensure(newest, || format!("{what} is started under a name that was used before"))?;
        let Some(known) = self.model.connectors.get(what.connector()) else {
            return Err(Violation(format!("{what} is started and not configured")));
        };
        ensure(known.config == config, || format!("{what} is started with an old configuration"))?;
        if let (What::Task(task), Some(settings)) = (&what, &settings) {
            let fits = known.tasks.get(task.index as usize) == Some(settings);
            ensure(fits, || format!("{what} is started with other settings than configured"))?;
        }
        let fake = Fake {
            what,
            state: State::Starting,
            asked_to_stop: None,
            abandoned: false,
            told_to_pause: begin == Begin::Paused,
            config,
            settings,
            plan: Plan::None,
        };
        self.fakes.insert(incarnation, fake);
        self.fate(incarnation, begin);
        Ok(())
    }

    /// Decides what becomes of an instance.
    fn fate(&mut self, incarnation: Incarnation, begin: Begin) {
        let chance = if self.is_rough() { self.random.below(100) } else { 0 };
        let wait = match chance {
            0..60 => self.random.millis(0..50),
            60..75 => self.random.millis(0..8_000),
            75..90 => {
                let wait = self.random.millis(0..1_000);
                return self.later(wait, Happening::Report(incarnation, Report::Failed));
            }
            90..95 => self.random.millis(0..120_000),
            _ => return,
        };
        let report = if begin == Begin::Paused { Report::Paused } else { Report::Running };
        self.later(wait, Happening::Report(incarnation, report));
        if self.is_rough() && self.random.percent(15) {
            let wait = wait + self.random.millis(0..20_000);
            self.later(wait, Happening::Report(incarnation, Report::Failed));
        }
        while self.is_rough() && self.random.percent(20) {
            let wait = wait + self.random.millis(0..20_000);
            self.later(wait, Happening::Report(incarnation, Report::Replan));
        }
    }

    fn plan(&mut self, name: &Arc<str>, incarnation: Incarnation, tasks_max: usize) -> Checked {
        let wish = self.wishes.get(name).copied().unwrap_or(0);
        let rough = self.is_rough();
        let Some(fake) = self.fakes.get_mut(&incarnation) else {
            return Err(Violation(format!("{name} is asked for a plan and was not started")));
        };
        ensure(fake.plan != Plan::Asked, || format!("{name} is asked for two plans at once"))?;
        ensure(fake.state == State::Running, || {
            format!("{name} is asked for a plan while {:?}", fake.state)
        })?;
        fake.plan = Plan::Asked;
        let chance = if rough { self.random.below(100) } else { 0 };
        let count = match chance {
            97.. => tasks_max + 1,
            _ => (wish as usize * 7 + 1) % (tasks_max + 1),
        };
        let tasks = (0..count).map(|index| {
            Properties::from([
                ("secret", SECRET),
                ("wish", wish.to_string().as_str()),
                ("part", format!("{index}/{count}").as_str()),
            ])
        });
        let plan = match chance {
            80..94 => Err(Failure::new("unreachable", "unreachable")),
            94..96 => return Ok(()),
            _ => Ok(tasks.collect()),
        };
        let wait = self.random.millis(0..if rough { 2_000 } else { 20 });
        self.later(wait, Happening::Report(incarnation, Report::Planned(plan)));
        Ok(())
    }

    fn stop(&mut self, incarnation: Incarnation) -> Checked {
        let Some(fake) = self.fakes.get_mut(&incarnation) else {
            return Err(Violation(format!("{incarnation:?} is stopped and was not started")));
        };
        ensure(fake.asked_to_stop.is_none(), || format!("{} is stopped twice", fake.what))?;
        fake.asked_to_stop = Some(self.now);
        let chance = if self.is_rough() { self.random.below(100) } else { 0 };
        let (wait, report) = match chance {
            0..70 => (self.random.millis(0..100), Report::Stopped),
            70..85 => (self.random.millis(0..7_000), Report::Stopped),
            85..92 => (self.random.millis(0..7_000), Report::Failed),
            _ => return Ok(()),
        };
        self.later(wait, Happening::Report(incarnation, report));
        Ok(())
    }

    fn abandon(&mut self, incarnation: Incarnation, after: Duration) -> Checked {
        let now = self.now;
        let Some(fake) = self.fakes.get_mut(&incarnation) else {
            return Err(Violation(format!("{incarnation:?} is given up and was not started")));
        };
        let waited = fake.asked_to_stop.is_some_and(|at| now.since(at) == after);
        ensure(waited, || format!("{} is given up without having had its time", fake.what))?;
        ensure(fake.is_live(), || format!("{} is given up and has ended", fake.what))?;
        fake.abandoned = true;
        Ok(())
    }

    /// Pauses or resumes a task, sooner, later or never.
    fn turn(&mut self, incarnation: Incarnation, report: Report) -> Checked {
        let Some(fake) = self.fakes.get_mut(&incarnation) else {
            return Err(Violation(format!("{incarnation:?} is paused and was not started")));
        };
        ensure(fake.asked_to_stop.is_none(), || format!("{} is paused while it stops", fake.what))?;
        fake.told_to_pause = matches!(report, Report::Paused);
        if !self.is_rough() || self.random.percent(90) {
            let wait = self.random.millis(0..if self.is_rough() { 3_000 } else { 50 });
            self.later(wait, Happening::Report(incarnation, report));
        }
        Ok(())
    }

    // === what is checked ===

    fn check_step(&self) -> Checked {
        for (incarnation, fake) in &self.fakes {
            let Some((at, last)) = self.deleted.get(fake.what.connector()) else { continue };
            let overdue = fake.is_live()
                && incarnation <= last
                && self.now.since(*at) > TASK_STOP_TIMEOUT + CONNECTOR_STOP_TIMEOUT;
            ensure(!overdue, || format!("{} was deleted and still runs", fake.what))?;
        }
        let Some(at) = self.stop_asked else { return Ok(()) };
        let overdue = !self.finished && self.now.since(at) > TASK_STOP_TIMEOUT + CONNECTOR_STOP_TIMEOUT;
        ensure(!overdue, || "the worker was asked to end and does not".to_owned())
    }

    fn check_rest(&mut self) -> Checked {
        for asked in self.asked.values() {
            ensure(asked.state != AskedState::Open, || format!("{:?} was never answered", asked.request))?;
        }
        if self.stop_asked.is_some() {
            ensure(self.finished, || "the worker was asked to end and never did".to_owned())?;
            let left = self.fakes.values().find(|fake| fake.is_live());
            return ensure(left.is_none(), || "the worker has ended and something still runs".to_owned());
        }
        self.check_settled()
    }

    // === chance ===

    fn is_rough(&self) -> bool {
        self.now.0 < ROUGH
    }

    fn plan_requests(&mut self) {
        for _ in 0..10 + self.random.below(40) {
            let at = Time::default() + self.random.millis(0..60_000);
            let request = self.request();
            self.at(at, Happening::Ask(request));
        }
        if self.random.percent(25) {
            let at = Time::default() + self.random.millis(0..70_000);
            self.at(at, Happening::StopAsked);
        }
    }

    fn request(&mut self) -> Request {
        let name: Arc<str> = ["a", "b", "b-0"][self.random.below(3) as usize].into();
        let task = TaskId { connector: name.clone(), index: self.random.below(3) as u32 };
        let include = if self.random.percent(50) { Include::WithTasks } else { Include::ConnectorOnly };
        let which = if self.random.percent(50) { Which::OnlyFailed } else { Which::All };
        match self.random.below(29) {
            0..5 => {
                let initial_state = [Target::Started, Target::Paused, Target::Stopped]
                    [(self.random.below(9) / 3).saturating_sub(self.random.below(2)) as usize];
                Request::Create { name, config: self.config(), initial_state }
            }
            5..9 => Request::PutConfig { name, config: self.config() },
            9..11 => Request::Delete { name },
            11..13 => Request::Pause { name },
            13..16 => Request::Resume { name },
            16 => Request::Stop { name },
            17..19 => Request::RestartConnector { name, include, which },
            19..21 => Request::RestartTask { task },
            21 => Request::Status { name },
            22 => Request::TaskStatus { task },
            23 => Request::Statuses,
            24 => Request::Tasks { name },
            25..28 => Request::ChangeOffsets { name, change: OffsetsChange::Reset },
            _ => Request::Connector { name },
        }
    }

    fn config(&mut self) -> Properties {
        let (version, tasks_max) = (self.random.below(4).to_string(), (1 + self.random.below(3)).to_string());
        Properties::from([("secret", "${env:SECRET}"), ("v", &version), ("tasks.max", &tasks_max)])
    }

    fn later(&mut self, wait: Duration, happening: Happening) {
        self.at(self.now + wait, happening);
    }

    fn at(&mut self, time: Time, happening: Happening) {
        self.queued += 1;
        self.queue.insert((time, self.queued), happening);
    }
}
