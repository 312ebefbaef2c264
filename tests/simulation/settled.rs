//! At rest: exactly what is configured runs, and what is shown is so.

use std::{collections::BTreeMap, sync::Arc};

use millrace_api::Properties;
use millrace_herder::{
    ConnectorStatus, Request, Response, State as Shown, Target, TaskId, TaskLimit, TaskStatus,
};

use crate::{
    check::{Checked, Violation, ensure},
    fake::{Fake, Plan, State, What},
    model::Configured,
    world::World,
};

impl World {
    pub fn check_settled(&mut self) -> Checked {
        let Response::Statuses(all) = self.ask_now(Request::Statuses)? else {
            return Err(Violation("statuses are answered by something else".to_owned()));
        };
        let shown: Vec<_> = all.iter().map(|(info, _)| &info.name).collect();
        let configured: Vec<_> = self.model.connectors.keys().collect();
        ensure(shown == configured, || format!("{shown:?} are shown and {configured:?} are configured"))?;
        let latest = self.latest();
        for fake in self.fakes.values().filter(|fake| fake.is_live()) {
            let known = self.model.connectors.get(fake.what.connector());
            ensure(known.is_some(), || format!("{} runs and is not configured", fake.what))?;
        }
        for (_, status) in &all {
            let known = &self.model.connectors[&status.name];
            let target = self.model.target(&status.name);
            check_connector(status, known, target, latest.get(&What::Connector(status.name.clone())))?;
            self.check_tasks(status, known, target, &latest)?;
        }
        Ok(())
    }

    /// Returns the last instance of everything that was ever started.
    fn latest(&self) -> BTreeMap<What, &Fake> {
        self.fakes.values().map(|fake| (fake.what.clone(), fake)).collect()
    }

    fn check_tasks(
        &self,
        status: &ConnectorStatus,
        known: &Configured,
        target: Target,
        latest: &BTreeMap<What, &Fake>,
    ) -> Checked {
        let count = known.tasks.len() as u32;
        for (index, settings) in (0..).zip(&known.tasks) {
            let task = TaskId { connector: status.name.clone(), index };
            let Some(fake) = latest.get(&What::Task(task.clone())) else {
                return Err(Violation(format!("task {task} was never started")));
            };
            ensure(fake.settings.as_ref() == Some(settings), || {
                format!("task {task} runs with old settings")
            })?;
            let shown = status.tasks.iter().find(|task| task.index == index);
            check_task(&task, fake, target, shown)?;
        }
        for fake in self.fakes.values().filter(|fake| fake.is_live() && fake.what.connector() == &status.name)
        {
            let What::Task(task) = &fake.what else { continue };
            ensure(task.index < count, || format!("task {task} runs and is not configured"))?;
        }
        for shown in status.tasks.iter().filter(|task| task.index >= count) {
            let task = TaskId { connector: status.name.clone(), index: shown.index };
            let hangs =
                latest.get(&What::Task(task.clone())).is_some_and(|fake| fake.abandoned && !fake.has_ended());
            ensure(hangs && shown.state == Shown::Failed, || {
                format!("task {task} is shown as {}", shown.state)
            })?;
        }
        Ok(())
    }
}

fn check_connector(
    status: &ConnectorStatus,
    known: &Configured,
    target: Target,
    fake: Option<&&Fake>,
) -> Checked {
    let name = &status.name;
    let live = fake.filter(|fake| fake.is_live());
    let hangs = fake.is_some_and(|fake| fake.abandoned && !fake.has_ended());
    let resting = match target {
        Target::Started => return check_started(status, known, fake),
        Target::Paused => Shown::Paused,
        Target::Stopped => Shown::Stopped,
    };
    ensure(live.is_none(), || format!("connector {name} is {target:?} and runs"))?;
    ensure(target != Target::Stopped || known.tasks.is_empty(), || {
        format!("connector {name} is stopped and has tasks")
    })?;
    let failed = hangs || target == Target::Paused && fake.is_some_and(|fake| has_failed(name, fake));
    let fits = status.state == resting || failed && status.state == Shown::Failed;
    ensure(fits, || format!("connector {name} is {target:?} and is shown as {}", status.state))
}

fn check_started(status: &ConnectorStatus, known: &Configured, fake: Option<&&Fake>) -> Checked {
    let name = &status.name;
    let Some(fake) = fake else { return Err(Violation(format!("connector {name} was never started"))) };
    ensure(fake.config == known.config, || format!("connector {name} runs with an old configuration"))?;
    let failed = has_failed(name, fake);
    ensure(failed || fake.is_live(), || format!("connector {name} does not run"))?;
    ensure(failed || fake.asked_to_stop.is_none(), || format!("connector {name} is stopping for ever"))?;
    let fits = match fake.state {
        _ if failed => status.state == Shown::Failed && status.trace.is_some(),
        State::Running => status.state == Shown::Running,
        _ => matches!(status.state, Shown::Unassigned | Shown::Restarting),
    };
    ensure(fits, || format!("connector {name} is {:?} and is shown as {}", fake.state, status.state))?;
    if failed || fake.state != State::Running {
        return Ok(());
    }
    match &fake.plan {
        Plan::Told(plan) => {
            ensure(is_stored(plan, &known.tasks), || format!("connector {name} lost its plan"))
        }
        Plan::Asked => Ok(()),
        Plan::None | Plan::Failed => Err(Violation(format!("connector {name} is not asked for its tasks"))),
    }
}

/// Tells whether an instance has failed, or was stopped because it wanted too many tasks.
fn has_failed(name: &str, fake: &Fake) -> bool {
    let limit = TaskLimit::of(&fake.config);
    let refused = matches!(&fake.plan, Plan::Told(plan) if limit.check(name, plan.len()).is_err());
    fake.state == State::Failed || refused
}

fn check_task(task: &TaskId, fake: &Fake, target: Target, shown: Option<&TaskStatus>) -> Checked {
    let Some(shown) = shown else { return Err(Violation(format!("task {task} is not shown"))) };
    let fits = match fake.state {
        State::Starting => matches!(shown.state, Shown::Unassigned | Shown::Restarting),
        State::Running => shown.state == Shown::Running,
        State::Paused => shown.state == Shown::Paused,
        State::Failed => shown.state == Shown::Failed && shown.trace.is_some(),
        State::Stopped => false,
    };
    ensure(fits, || format!("task {task} is {:?} and is shown as {}", fake.state, shown.state))?;
    ensure(fake.asked_to_stop.is_none(), || format!("task {task} is stopping for ever"))?;
    let told = match target {
        Target::Started => !fake.told_to_pause,
        Target::Paused => fake.told_to_pause || fake.has_ended(),
        Target::Stopped => false,
    };
    ensure(told || fake.has_ended(), || format!("task {task} was not told that its connector is {target:?}"))
}

/// Compares a plan with what is stored, in which secrets are references.
fn is_stored(plan: &[Properties], stored: &[Arc<Properties>]) -> bool {
    let stored_form = |settings: &Properties| {
        let mut settings = settings.clone();
        settings.insert("secret", "${env:SECRET}");
        settings
    };
    plan.len() == stored.len() && plan.iter().zip(stored).all(|(plan, stored)| stored_form(plan) == **stored)
}
