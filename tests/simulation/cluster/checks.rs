//! What must hold at each step, and what must hold when everything has come to rest.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use millrace_herder::{ConfigState, REQUEST_TIMEOUT, Target};

use crate::{
    check::{Checked, ensure},
    cluster::{Cluster, HEARTBEAT, WORKERS, act::task, worker::TASK_STOP_TIMEOUT},
    fake::{Fake, Plan, State, What},
};

/// A worker that was cut off finds out within two heartbeats, and then stops what it runs; until then others may have
/// begun with it. The last second is for messages.
const OVERLAP_MAX: Duration = Duration::from_secs(2 * HEARTBEAT.as_secs() + TASK_STOP_TIMEOUT.as_secs() + 3);

impl Cluster {
    pub(super) fn check_step(&mut self) -> Checked {
        let mut runs: BTreeMap<&What, Vec<usize>> = BTreeMap::new();
        for (number, worker) in self.workers.iter().enumerate() {
            for fake in worker.fakes.values().filter(|fake| fake.is_live()) {
                runs.entry(&fake.what).or_default().push(number);
            }
        }
        let twice: BTreeMap<_, _> = runs.into_iter().filter(|(_, workers)| workers.len() > 1).collect();
        let mut since = BTreeMap::new();
        for (what, workers) in twice {
            let began = self.twice.get(what).copied().unwrap_or(self.now);
            let out = |number: &usize| {
                let worker = &self.workers[*number];
                worker.cut || worker.lost || !self.coordinator.is_member(*number, worker.life)
            };
            // Both are in good standing, and have been all the time that both have run it.
            let excused = self.twice.contains_key(what) || workers.iter().any(out);
            ensure(excused, || format!("{what} is run by two workers that are members: {workers:?}"))?;
            ensure(self.now.since(began) <= OVERLAP_MAX, || {
                format!("{what} is run by two workers past the fencing rule: {workers:?}")
            })?;
            since.insert(what.clone(), began);
        }
        self.twice = since;
        for asked in self.asked.values().filter(|asked| asked.open) {
            let (worker, life) = asked.holder;
            let alive = self.workers[worker].life == life && self.workers[worker].herder.is_some();
            // It may be handed on near its end, and has its time anew there.
            let late = self.now.since(asked.at) > 2 * REQUEST_TIMEOUT + Duration::from_secs(10);
            ensure(!alive || !late, || format!("{:?} was never answered", asked.request))?;
        }
        Ok(())
    }

    pub(super) fn check_rest(&mut self) -> Checked {
        let known = self.logs.known();
        for (number, worker) in self.workers.iter().enumerate() {
            let Some(herder) = &worker.herder else {
                return Self::violation(format!("worker {number} does not run"));
            };
            ensure(!herder.is_joining(), || format!("worker {number} is joining for ever"))?;
            let (own, all) = (herder.config(), &known);
            let names: Vec<_> = all.connectors().map(|(name, _)| name).collect();
            ensure(own.connectors().map(|(name, _)| name).eq(names.iter().copied()), || {
                format!("worker {number} knows other connectors than {names:?}")
            })?;
            for name in names {
                // Without the connector's running there is nobody to put right what compaction has torn.
                let torn = self.is_torn(all, name);
                let same = torn
                    || own.connector(name).map(|known| &known.config)
                        == all.connector(name).map(|known| &known.config)
                        && own.target(name) == all.target(name)
                        && own.tasks(name).eq(all.tasks(name));
                ensure(same, || format!("worker {number} knows another {name}"))?;
            }
        }
        let leaders =
            self.workers.iter().filter_map(|worker| worker.herder.as_ref()).filter(|herder| herder.leads());
        let count = leaders.count();
        ensure(count == 1, || format!("{count} workers lead"))?;
        for worker in &self.workers {
            for fake in worker.fakes.values().filter(|fake| fake.is_live()) {
                let name = fake.what.connector();
                ensure(known.connector(name).is_some(), || {
                    format!("{} was deleted and still runs", fake.what)
                })?;
            }
        }
        let names: Vec<_> = known.connectors().map(|(name, _)| name.clone()).collect();
        for name in names {
            let target = known.target(&name);
            let config = known.connector(&name).map(|known| known.config.clone());
            if target == Target::Started {
                let fake = self.runs_once(&What::Connector(name.clone()))?;
                ensure(Some(&fake.config) == config.as_ref(), || {
                    format!("{name} runs with an old configuration")
                })?;
            }
            if self.is_torn(&known, &name) {
                continue;
            }
            for (index, settings) in known.tasks(&name).filter(|_| target != Target::Stopped) {
                let fake = self.runs_once(&task(&name, index))?;
                ensure(fake.settings.as_ref() == Some(settings), || {
                    format!("{name}-{index} runs with old settings")
                })?;
            }
            let live =
                self.workers.iter().flat_map(|worker| worker.fakes.values()).filter(|fake| fake.is_live());
            for fake in live.filter(|fake| *fake.what.connector() == name) {
                let wanted = match &fake.what {
                    What::Connector(_) => target == Target::Started,
                    What::Task(task) => {
                        target != Target::Stopped && known.tasks(&name).any(|(index, _)| index == task.index)
                    }
                };
                ensure(wanted, || format!("{} runs and is not configured to", fake.what))?;
            }
            let planned = target != Target::Started || self.has_planned(&name, &known);
            ensure(planned, || format!("{name} lost its plan"))?;
        }
        let open = self.asked.values().find(|asked| {
            let (worker, life) = asked.holder;
            asked.open && self.workers[worker].life == life
        });
        ensure(open.is_none(), || format!("{:?} was never answered", open.map(|asked| &asked.request)))
    }

    /// Returns the one instance that there is of something, or the one that failed.
    fn runs_once(&self, what: &What) -> Result<&Fake, crate::check::Violation> {
        let owners: Vec<_> = (0..WORKERS)
            .filter(|number| {
                self.workers[*number].herder.as_ref().is_some_and(|herder| match what {
                    What::Connector(name) => herder.may_run(name, None),
                    What::Task(task) => herder.may_run(&task.connector, Some(task.index)),
                })
            })
            .collect();
        ensure(owners.len() == 1, || format!("{what} is assigned to {owners:?}"))?;
        let fakes = &self.workers[owners[0]].fakes;
        let last = fakes.values().rev().find(|fake| fake.what == *what);
        let Some(last) = last else {
            return Err(crate::check::Violation(format!("{what} was never started")));
        };
        ensure(last.is_live() && last.asked_to_stop.is_none() || last.state == State::Failed, || {
            format!("{what} does not run")
        })?;
        Ok(last)
    }

    /// Tells whether what the connector has told last is what is configured, unless it failed.
    fn has_planned(&self, name: &Arc<str>, known: &ConfigState) -> bool {
        let Ok(fake) = self.runs_once(&What::Connector(name.clone())) else { return false };
        match &fake.plan {
            Plan::Told(plan) => known.tasks(name).map(|(_, settings)| &**settings).eq(plan),
            _ => fake.state == State::Failed,
        }
    }

    /// Tells whether compaction has left readers of different times with different tasks. The connector puts that right
    /// when it plans, which it does not before it runs again.
    fn is_torn(&self, known: &ConfigState, name: &Arc<str>) -> bool {
        let config = known.connector(name).map(|connector| &connector.config);
        let applied = known.applied(name) == config;
        let rests = known.target(name) != Target::Started
            || self.runs_once(&What::Connector(name.clone())).is_ok_and(|fake| fake.state == State::Failed);
        rests && (known.is_uncommitted(name) || known.is_inconsistent(name) || !applied)
    }
}
