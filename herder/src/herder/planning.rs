//! Which tasks a connector wants: asked after each start and whenever it says so, written when it differs.

use std::{mem, sync::Arc, time::Duration};

use millrace_api::Properties;

use crate::{
    config::{ConfigRecord, Target},
    event::{Action, Failure, Incarnation},
    group::Place,
    herder::{Herder, Mode},
    plan,
    slot::Phase,
    task_limit::{Beyond, TaskLimit},
    time::Time,
};

/// How long a failed plan waits for its first repetition; the wait doubles each time.
const RETRY_MIN: Duration = Duration::from_millis(250);

/// The longest that a failed plan waits. Kafka Connect repeats for ever with this pace, too.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// How far a connector instance has come with its tasks.
#[derive(Debug)]
pub(super) struct Plans {
    limit: TaskLimit,
    step: Step,
    /// The connector asked for another plan while one was under way.
    again: bool,
    /// How many plans have failed in a row.
    failures: u32,
    /// How many tasks the last plan came to, which was taken in or found to be there already.
    told: Option<usize>,
    /// How the last plan ended; nothing before the first has.
    pub(super) outcome: Option<Result<(), Failure>>,
}

#[derive(Debug)]
enum Step {
    Idle,
    /// A plan is needed, and not asked for yet.
    Needed,
    Asked,
    /// The plan is here, and was not compared yet.
    Ready(Vec<Properties>),
    /// The plan was written, and not read back yet.
    Written,
    /// The plan was handed to the leader, which has not answered.
    Published,
    RetryAt(Time),
    /// Tasks were written by somebody who may not live to commit them, or taken away by a request to stop that was
    /// written in part. If that is still so by then, a plan is needed.
    DoubtUntil(Time),
}

/// Whether the tasks in the log are likely to be what somebody has left behind half written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    None,
    HalfWritten,
}

/// What is to be done with a plan.
enum Verdict {
    Unchanged,
    Changed(Vec<Arc<Properties>>),
    Refused(Failure),
}

impl Plans {
    pub(super) fn new() -> Self {
        let limit = TaskLimit { tasks_max: 0, beyond: Beyond::Refused };
        Self { limit, step: Step::Idle, again: false, failures: 0, told: None, outcome: None }
    }

    /// Notes that the connector has started and can be asked.
    pub(super) fn start(&mut self, limit: TaskLimit) {
        self.limit = limit;
        self.step = Step::Needed;
    }

    pub(super) fn retry_at(&self) -> Option<Time> {
        match self.step {
            Step::RetryAt(at) | Step::DoubtUntil(at) => Some(at),
            _ => None,
        }
    }

    /// Repeats a failed plan when that is due.
    pub(super) fn retry(&mut self, now: Time) {
        if self.retry_at().is_some_and(|at| at <= now) {
            self.step = Step::Needed;
        }
    }

    /// Takes in whether the tasks in the log are in doubt.
    pub(super) fn doubt(&mut self, doubt: Doubt, now: Time) {
        match (&self.step, doubt) {
            (Step::Idle, Doubt::HalfWritten) => self.step = Step::DoubtUntil(now + RETRY_MAX),
            (Step::DoubtUntil(_), Doubt::None) => self.step = Step::Idle,
            _ => {}
        }
    }

    fn ask(&mut self) {
        match self.step {
            Step::Idle | Step::RetryAt(_) | Step::DoubtUntil(_) => self.step = Step::Needed,
            Step::Needed => {}
            Step::Asked | Step::Ready(_) | Step::Written | Step::Published => self.again = true,
        }
    }

    fn arrive(&mut self, plan: Result<Vec<Properties>, Failure>, now: Time) {
        if !matches!(self.step, Step::Asked) {
            return;
        }
        match plan {
            Ok(tasks) => self.step = Step::Ready(tasks),
            Err(failure) => self.fail(failure, now),
        }
    }

    /// Takes in what the leader has answered.
    fn published(&mut self, outcome: Result<(), Failure>, now: Time) {
        match (&self.step, outcome) {
            (Step::Published, Ok(())) => self.done(),
            (Step::Published, Err(failure)) => self.fail(failure, now),
            _ => {}
        }
    }

    pub(super) fn write_failed(&mut self, failure: &Failure, now: Time) {
        if matches!(self.step, Step::Written) {
            self.fail(failure.clone(), now);
        }
    }

    /// Begins anew after a while. What failed may have been the last that anybody heard of a plan.
    fn fail(&mut self, failure: Failure, now: Time) {
        let wait = RETRY_MIN.saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.outcome = Some(Err(failure));
        self.step = Step::RetryAt(now + wait);
    }

    fn done(&mut self) {
        self.failures = 0;
        self.outcome = Some(Ok(()));
        self.step = if mem::take(&mut self.again) { Step::Needed } else { Step::Idle };
    }
}

impl Herder {
    pub(super) fn tasks_planned(
        &mut self,
        name: Arc<str>,
        incarnation: Incarnation,
        plan: Result<Vec<Properties>, Failure>,
    ) {
        let now = self.now;
        if let Some(plans) = self.plans(&name, incarnation) {
            plans.arrive(plan, now);
            self.touched.insert(name);
        }
    }

    pub(super) fn replan_asked(&mut self, name: Arc<str>, incarnation: Incarnation) {
        if let Some(plans) = self.plans(&name, incarnation) {
            plans.ask();
            self.touched.insert(name);
        }
    }

    pub(super) fn tasks_published(
        &mut self,
        name: Arc<str>,
        incarnation: Incarnation,
        outcome: Result<(), Failure>,
    ) {
        let now = self.now;
        if let Some(plans) = self.plans(&name, incarnation) {
            plans.published(outcome, now);
            self.touched.insert(name);
        }
    }

    /// Takes the plan of a connector as far as it goes now.
    pub(super) fn advance_plan(&mut self, name: &Arc<str>) {
        if !self.may_plan(name) || self.outbox.holds(name) {
            return;
        }
        let now = self.now;
        let Some(instance) = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut())
        else {
            return;
        };
        let plans = &mut instance.detail;
        match &plans.step {
            Step::RetryAt(at) | Step::DoubtUntil(at) if *at <= now => plans.step = Step::Needed,
            Step::Written => plans.done(),
            _ => {}
        }
        let place = self.leader_place();
        let Some(plans) = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut()) else {
            return;
        };
        let plans = &mut plans.detail;
        if let Step::Ready(tasks) = &mut plans.step
            && place != Place::Unknown
        {
            let tasks = mem::take(tasks);
            plans.told = Some(tasks.len());
            let limit = plans.limit;
            let verdict = self.judge(name, limit, tasks);
            self.carry_out(name, verdict, place);
        }
        self.ask_for_plan(name);
    }

    /// Sees to tasks that were written without a commit, and to tasks that are not as many as the connector has told:
    /// what wrote them may be gone. A worker of its own writes all or nothing.
    pub(super) fn doubt_tasks(&mut self, name: &str) {
        let (uncommitted, count) = (self.config.is_uncommitted(name), self.config.task_count(name));
        let (now, grouped) = (self.now, self.group.is_some());
        if let Some(instance) = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut()) {
            let others = grouped && instance.detail.told.is_some_and(|told| told != count);
            let doubt = if uncommitted || others { Doubt::HalfWritten } else { Doubt::None };
            instance.detail.doubt(doubt, now);
        }
    }

    /// Tells whether plans of the connector count: it runs, is meant to, and with this configuration.
    fn may_plan(&self, name: &str) -> bool {
        let (Some(connector), Some(work)) = (self.config.connector(name), self.works.get(name)) else {
            return false;
        };
        let running = work.connector.live().is_some_and(|instance| matches!(instance.phase, Phase::Running));
        self.mode == Mode::Serving
            && self.config.target(name) == Target::Started
            && running
            && work.connector.fits(connector.revision)
    }

    fn judge(&self, name: &str, limit: TaskLimit, tasks: Vec<Properties>) -> Verdict {
        let Some(connector) = self.config.connector(name) else { return Verdict::Unchanged };
        if let Err(refused) = limit.check(name, tasks.len()) {
            let trace = format!("org.apache.kafka.connect.runtime.TooManyTasksException: {refused}");
            return Verdict::Refused(Failure::new(refused.to_string(), trace));
        }
        let stored = |settings| Arc::new(plan::stored_form(&connector.config, settings));
        let tasks: Vec<_> = tasks.into_iter().map(stored).collect();
        if plan::differs(&self.config, name, &tasks) { Verdict::Changed(tasks) } else { Verdict::Unchanged }
    }

    fn carry_out(&mut self, name: &Arc<str>, verdict: Verdict, place: Place) {
        let (now, until) = (self.now, self.now + self.options.connector_stop_timeout);
        let Some(instance) = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut())
        else {
            return;
        };
        match verdict {
            Verdict::Unchanged => instance.detail.done(),
            Verdict::Changed(tasks) => match place {
                Place::At(to) => {
                    instance.detail.step = Step::Published;
                    let incarnation = instance.incarnation;
                    self.actions.push(Action::PublishTasks { to, name: name.clone(), incarnation, tasks });
                }
                Place::Here | Place::Unknown => {
                    instance.detail.step = Step::Written;
                    self.write(task_records(name, tasks));
                }
            },
            Verdict::Refused(failure) => {
                // Its tasks go on: a failed connector does not stop them.
                instance.stop(until, Some(failure), now);
                let incarnation = instance.incarnation;
                self.actions.push(Action::StopConnector { name: name.clone(), incarnation });
            }
        }
    }

    fn ask_for_plan(&mut self, name: &Arc<str>) {
        let Some(instance) = self.works.get_mut(name).and_then(|work| work.connector.instance.as_mut())
        else {
            return;
        };
        if matches!(instance.phase, Phase::Running) && matches!(instance.detail.step, Step::Needed) {
            instance.detail.step = Step::Asked;
            let (incarnation, tasks_max) = (instance.incarnation, instance.detail.limit.tasks_max);
            self.actions.push(Action::PlanTasks { name: name.clone(), incarnation, tasks_max });
        }
    }

    fn plans(&mut self, name: &str, incarnation: Incarnation) -> Option<&mut Plans> {
        let instance = self.works.get_mut(name)?.connector.find(incarnation)?;
        matches!(instance.phase, Phase::Running).then_some(&mut instance.detail)
    }
}

/// Returns the records that replace a connector's tasks.
pub(super) fn task_records(name: &Arc<str>, tasks: Vec<Arc<Properties>>) -> Vec<ConfigRecord> {
    let count = tasks.len() as u32;
    let task = |(index, settings)| ConfigRecord::TaskConfig { name: name.clone(), index, settings };
    let mut records: Vec<_> = (0..).zip(tasks).map(task).collect();
    records.push(ConfigRecord::TasksCommitted { name: name.clone(), count });
    records
}
