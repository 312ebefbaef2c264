//! What happens, and what comes of it.

use std::{sync::Arc, time::Duration};

use millrace_api::Properties;
use millrace_herder::wire::config::Read;
use millrace_herder::wire::{config, status};
use millrace_herder::{
    Action, Begin, ConfigRecord, Event, Failure, GroupAction, GroupEvent, Incarnation, REQUEST_TIMEOUT,
    Refusal, Request, RequestId, Response, SessionKey, TaskId,
};

use crate::{
    check::{Checked, ensure},
    cluster::{
        Asked, Cluster, ClusterFault, HEARTBEAT, Happening, ToWorker, WORKERS,
        coordinator::{Answer, Message},
    },
    fake::{Fake, Plan, Report, State, What},
};

/// How long a client waits before it says that something did not work.
const RETRY: Duration = Duration::from_secs(1);

impl Cluster {
    pub(super) fn happen(&mut self, happening: Happening) -> Checked {
        match happening {
            Happening::To { worker, life, what } if self.workers[worker].life == life => {
                if self.workers[worker].herder.is_some() { self.reach(worker, what) } else { Ok(()) }
            }
            // It was for an earlier life. What was on its way to it is lost.
            Happening::To { worker, what, .. } => self.unreached(worker, what),
            Happening::ToCoordinator(message) => {
                let answers = self.coordinator.take(self.now, message);
                self.spread(answers);
                Ok(())
            }
            Happening::Look => {
                let answers = self.coordinator.look(self.now);
                self.spread(answers);
                self.later(Duration::from_secs(1), Happening::Look);
                Ok(())
            }
            Happening::Ask(request) => self.ask(request),
            Happening::Kill(worker) => {
                self.workers[worker].kill();
                Ok(())
            }
            Happening::Stop(worker) if self.workers[worker].herder.is_some() => {
                self.tell(worker, Event::StopAsked)
            }
            Happening::Stop(_) => Ok(()),
            Happening::Start(worker) => {
                if self.workers[worker].herder.is_none() {
                    self.workers[worker].start(self.now);
                    self.read_soon(worker);
                    self.send(worker, HEARTBEAT, ToWorker::Heartbeat);
                }
                Ok(())
            }
            Happening::Cut(worker) => {
                self.workers[worker].cut = true;
                Ok(())
            }
            Happening::Mend(worker) => {
                self.workers[worker].cut = false;
                let unsent = std::mem::take(&mut self.workers[worker].unsent);
                for record in unsent {
                    self.logs.append_status(&record);
                }
                self.read_all_soon();
                Ok(())
            }
            Happening::Compact => {
                self.logs.compact();
                Ok(())
            }
        }
    }

    fn reach(&mut self, worker: usize, what: ToWorker) -> Checked {
        match what {
            ToWorker::Event(event) => self.tell(worker, event),
            ToWorker::Report(incarnation, report) => self.report(worker, incarnation, report),
            ToWorker::Answer { join, event, member } => self.joined(worker, join, event, member),
            ToWorker::Heartbeat => {
                self.send(worker, HEARTBEAT, ToWorker::Heartbeat);
                self.heartbeat(worker);
                Ok(())
            }
            ToWorker::LostCheck => {
                let ignored = self.fault == Some(ClusterFault::IgnoresLostCoordinator);
                if !self.workers[worker].cut || ignored {
                    return Ok(());
                }
                self.workers[worker].lost = true;
                self.tell(worker, Event::Group(GroupEvent::CoordinatorLost))
            }
            ToWorker::Read => self.read(worker),
            ToWorker::Forwarded { .. } if self.workers[worker].cut => self.unreached(worker, what),
            ToWorker::Forwarded { id, request } => {
                let life = self.workers[worker].life;
                if let Some(asked) = self.asked.get_mut(&id).filter(|asked| asked.open) {
                    asked.holder = (worker, life);
                    return self.tell(worker, Event::Forwarded { id, request });
                }
                Ok(())
            }
        }
    }

    /// What was meant for a worker that is not there.
    fn unreached(&mut self, _: usize, what: ToWorker) -> Checked {
        if let ToWorker::Forwarded { id, .. } = what {
            self.hand_back(id, Refusal::Misplaced);
        }
        Ok(())
    }

    /// The asker's worker tries again, or gives up; a plan's worker is told.
    fn hand_back(&mut self, id: RequestId, refusal: Refusal) {
        let now = self.now;
        let Some(asked) = self.asked.get_mut(&id).filter(|asked| asked.open) else { return };
        let request = asked.request.clone();
        if asked.plan.is_some() {
            return self.answered_plan(id, Err(refusal));
        }
        let (worker, life) = asked.origin;
        if now.since(asked.at) > REQUEST_TIMEOUT {
            asked.open = false;
            return;
        }
        asked.holder = (worker, life);
        let what = ToWorker::Event(Event::Requested { id, request });
        self.later(RETRY, Happening::To { worker, life, what });
    }

    fn answered_plan(&mut self, id: RequestId, answer: Result<Response, Refusal>) {
        let Some(asked) = self.asked.get_mut(&id) else { return };
        asked.open = false;
        let Some((worker, life, name, incarnation)) = asked.plan.clone() else { return };
        let failed = |refusal: Refusal| Failure::new(refusal.to_string(), refusal.to_string());
        let mut outcome = answer.map(|_| ()).map_err(failed);
        if self.fault == Some(ClusterFault::ForgetsLostPlans) {
            outcome = Ok(());
        }
        let event = Event::TasksPublished { name, incarnation, outcome };
        let wait = self.latency();
        self.later(wait, Happening::To { worker, life, what: ToWorker::Event(event) });
    }

    pub(super) fn tell(&mut self, worker: usize, event: Event) -> Checked {
        let lost = match &event {
            Event::ConfigRead { record: ConfigRecord::Connector { config: None, .. }, .. } => {
                self.fault == Some(ClusterFault::ForgetsDeletions)
            }
            Event::TasksPlanned { .. } => self.fault == Some(ClusterFault::ForgetsPlans) && worker == 1,
            Event::Group(GroupEvent::RebalanceNeeded) => {
                self.fault == Some(ClusterFault::IgnoresRounds) && worker == 1
            }
            Event::ConfigRead { offset, record: ConfigRecord::Connector { .. } } => {
                self.fault == Some(ClusterFault::LosesRecords) && worker == 0 && offset % 2 == 0
            }
            _ => false,
        };
        let now = self.now;
        if let Some(history) = &mut self.history {
            let note = if lost { " (lost)" } else { "" };
            history.push(format!("{:?} worker {worker} <- {event:?}{note}", now.0));
        }
        let Some(herder) = &mut self.workers[worker].herder else { return Ok(()) };
        match event {
            Event::ConfigRead { offset, .. } if lost => herder.handle(now, Event::ConfigSkipped { offset }),
            _ if lost => {}
            event => herder.handle(now, event),
        }
        loop {
            let Some(herder) = &mut self.workers[worker].herder else { return Ok(()) };
            let actions: Vec<_> = herder.drain().collect();
            if actions.is_empty() {
                return Ok(());
            }
            for action in actions {
                if let Some(history) = &mut self.history {
                    history.push(format!("{:?} worker {worker} -> {action:?}", now.0));
                }
                self.perform(worker, action)?;
            }
        }
    }

    // === the group ===

    fn spread(&mut self, answers: Vec<Answer>) {
        for answer in answers {
            let wait = self.latency();
            let (worker, life, what) = match answer {
                Answer::Join { worker, life, join, event, member } => {
                    if matches!(event, GroupEvent::Elected { .. }) {
                        self.rounds += 1;
                    }
                    (worker, life, ToWorker::Answer { join, event, member })
                }
                Answer::Heartbeat { worker, life, event } => {
                    if self.workers[worker].life == life && !self.workers[worker].cut {
                        self.workers[worker].seen = self.now;
                        self.workers[worker].lost = false;
                    }
                    let Some(event) = event else { continue };
                    (worker, life, ToWorker::Event(Event::Group(event)))
                }
            };
            self.later(wait, Happening::To { worker, life, what });
        }
    }

    fn joined(&mut self, worker: usize, join: u64, event: GroupEvent, member: Option<Arc<str>>) -> Checked {
        let client = &mut self.workers[worker];
        if join != client.join || !client.joining {
            return Ok(());
        }
        if client.cut {
            // The answer does not arrive; the client finds its connection broken.
            let what = ToWorker::Answer { join, event: GroupEvent::JoinFailed, member: None };
            if event == GroupEvent::JoinFailed {
                client.joining = false;
                return self.tell(worker, Event::Group(event));
            }
            self.send(worker, RETRY, what);
            return Ok(());
        }
        client.member = member.or(client.member.take());
        if !matches!(event, GroupEvent::Elected { .. }) {
            client.joining = false;
        }
        self.tell(worker, Event::Group(event))
    }

    fn heartbeat(&mut self, worker: usize) {
        let client = &self.workers[worker];
        let (cut, lost, life) = (client.cut, client.lost, client.life);
        let Some(member) = client.member.clone() else { return };
        if cut && !lost {
            return self.send(worker, HEARTBEAT, ToWorker::LostCheck);
        }
        if !cut {
            let wait = self.latency();
            self.later(wait, Happening::ToCoordinator(Message::Heartbeat { worker, life, member }));
        }
    }

    fn act_in_group(&mut self, worker: usize, action: GroupAction) {
        let wait = self.latency();
        let fault = self.fault;
        let client = &mut self.workers[worker];
        let (cut, life, member) = (client.cut, client.life, client.member.clone());
        match action {
            GroupAction::Join { mut offers } => {
                client.join += 1;
                client.joining = true;
                let join = client.join;
                if fault == Some(ClusterFault::LeadsWithOldConfig) {
                    offers.iter_mut().for_each(|(_, state)| lie(state));
                }
                if cut {
                    let what = ToWorker::Answer { join, event: GroupEvent::JoinFailed, member: None };
                    return self.send(worker, RETRY, what);
                }
                self.later(
                    wait,
                    Happening::ToCoordinator(Message::Join { worker, life, join, member, offers }),
                );
            }
            GroupAction::Distribute { generation, assignments } => {
                let Some(member) = member.filter(|_| !cut) else { return };
                self.later(wait, Happening::ToCoordinator(Message::Sync { member, generation, assignments }));
            }
            GroupAction::Leave { .. } => {
                client.member = None;
                let Some(member) = member.filter(|_| !cut) else { return };
                self.later(wait, Happening::ToCoordinator(Message::Leave { member }));
            }
        }
    }

    // === the topics ===

    fn read_soon(&mut self, worker: usize) {
        if !self.workers[worker].reading && self.workers[worker].herder.is_some() {
            self.workers[worker].reading = true;
            let wait = self.latency();
            self.send(worker, wait, ToWorker::Read);
        }
    }

    fn read_all_soon(&mut self) {
        (0..WORKERS).for_each(|worker| self.read_soon(worker));
    }

    fn read(&mut self, worker: usize) -> Checked {
        self.workers[worker].reading = false;
        if self.workers[worker].cut {
            return Ok(());
        }
        let from = self.workers[worker].config_read;
        let until = if self.is_rough() && self.random.percent(20) { from + 1 } else { self.logs.config_end };
        let records: Vec<_> =
            self.logs.config.range(from..until).map(|(offset, bytes)| (*offset, bytes.clone())).collect();
        self.workers[worker].config_read = until.min(self.logs.config_end);
        for (offset, (key, value)) in records {
            let event = match config::decode(Some(key.as_bytes()), value.as_deref()) {
                Read::Record(record) => Event::ConfigRead { offset, record },
                Read::Skipped(_) => Event::ConfigSkipped { offset },
                Read::Broken(_) => continue,
            };
            self.tell(worker, event)?;
        }
        let from = self.workers[worker].status_read;
        let records: Vec<_> = self.logs.status.range(from..).map(|(_, bytes)| bytes.clone()).collect();
        self.workers[worker].status_read = self.logs.status_end;
        for (key, value) in records {
            if let Ok(record) = status::decode(Some(key.as_bytes()), value.as_deref()) {
                self.tell(worker, Event::StatusRead(record))?;
            }
        }
        self.finish_writes(worker)?;
        if self.workers[worker].config_read < self.logs.config_end {
            self.read_soon(worker);
        } else if !self.workers[worker].read_once {
            self.workers[worker].read_once = true;
            self.tell(worker, Event::Group(GroupEvent::TopicsRead))?;
        }
        Ok(())
    }

    fn finish_writes(&mut self, worker: usize) -> Checked {
        loop {
            let client = &mut self.workers[worker];
            let outcome = match client.writes.front() {
                Some(Ok(end)) if *end <= client.config_read => Ok(()),
                Some(Err(())) => Err(Failure::new("lost", "lost")),
                _ => return Ok(()),
            };
            client.writes.pop_front();
            self.tell(worker, Event::Written { outcome })?;
        }
    }

    fn write(&mut self, worker: usize, records: &[ConfigRecord]) {
        let plan = records.iter().any(|record| matches!(record, ConfigRecord::TasksCommitted { .. }));
        let chance = if plan { 25 } else { 6 };
        let failing = self.workers[worker].cut || self.is_rough() && self.random.percent(chance);
        // A write that fails may have come through in part.
        let kept = if failing && !self.workers[worker].cut {
            self.random.below(records.len() as u64 + 1) as usize
        } else if failing {
            0
        } else {
            records.len()
        };
        records[..kept].iter().for_each(|record| self.logs.append_config(record));
        let end = self.logs.config_end;
        self.workers[worker].writes.push_back(if failing { Err(()) } else { Ok(end) });
        self.read_all_soon();
        if self.workers[worker].cut {
            // A reading while it is cut comes to nothing; that a write failed is known all the same.
            self.workers[worker].writes.pop_back();
            let outcome = Err(Failure::new("lost", "lost"));
            self.send(worker, RETRY, ToWorker::Event(Event::Written { outcome }));
        }
    }

    // === what is asked for ===

    fn perform(&mut self, worker: usize, action: Action) -> Checked {
        match action {
            Action::Group(action) => self.act_in_group(worker, action),
            Action::Respond { id, answer } => return self.answered(id, answer),
            Action::Forward { id, to, request } => {
                ensure(self.asked.get(&id).is_some_and(|asked| asked.open), || {
                    format!("{request:?} is handed on after it was answered")
                })?;
                self.hand_over(id, &to, request);
            }
            Action::PublishTasks { to, name, incarnation, tasks } => {
                let life = self.workers[worker].life;
                let request = Request::PutTasks { name: name.clone(), tasks };
                let plan = Some((worker, life, name, incarnation));
                let (at, holder) = (self.now, (worker, life));
                let asked = Asked { at, request: request.clone(), open: true, holder, origin: holder, plan };
                let id = self.new_request(asked);
                self.hand_over(id, &to, request);
            }
            Action::MakeKey { algorithm, bytes } => {
                let bytes: Vec<u8> = (0..bytes).map(|_| self.random.below(256) as u8).collect();
                let created_ms = 1_700_000_000_000 + self.now.0.as_millis() as i64;
                let key = SessionKey { bytes: bytes.into(), algorithm, created_ms };
                let wait = self.latency();
                self.send(worker, wait, ToWorker::Event(Event::KeyMade(key)));
            }
            Action::SetLevel { .. } => {}
            Action::WriteStatus(record) if self.workers[worker].cut => {
                self.workers[worker].unsent.push(record)
            }
            Action::WriteStatus(record) => {
                self.logs.append_status(&record);
                self.read_all_soon();
            }
            Action::Write(records) => self.write(worker, &records),
            Action::Finished => self.workers[worker].kill(),
            instance => return self.perform_on_instance(worker, instance),
        }
        Ok(())
    }

    fn perform_on_instance(&mut self, worker: usize, action: Action) -> Checked {
        match action {
            Action::StartConnector { name, incarnation, config } => {
                self.start(worker, What::Connector(name), incarnation, (config, None), Begin::Running)
            }
            Action::StartTask { task, incarnation, connector_config, settings, begin, .. } => {
                self.start(worker, What::Task(task), incarnation, (connector_config, Some(settings)), begin)
            }
            Action::PlanTasks { name, incarnation, tasks_max } => {
                let wish = self.wishes.get(&name).copied().unwrap_or(0);
                let count = (wish as usize * 7 + 1) % (tasks_max + 1);
                let task = |index: usize| {
                    Properties::from([("wish", wish.to_string().as_str()), ("part", &index.to_string())])
                };
                let plan = match self.random.below(10) {
                    0 if self.is_rough() => Err(Failure::new("unreachable", "unreachable")),
                    _ => Ok((0..count).map(task).collect()),
                };
                let wait = self.random.millis(0..200);
                self.send(worker, wait, ToWorker::Report(incarnation, Report::Planned(plan)));
                Ok(())
            }
            Action::StopConnector { name, incarnation } => {
                self.stop(worker, incarnation);
                if self.fault == Some(ClusterFault::HandsOverWhatItHolds) {
                    self.tell(worker, Event::ConnectorStopped { name, incarnation })?;
                }
                Ok(())
            }
            Action::StopTask { task, incarnation } => {
                self.stop(worker, incarnation);
                if self.fault == Some(ClusterFault::HandsOverWhatItHolds) {
                    self.tell(worker, Event::TaskStopped { task, incarnation })?;
                }
                Ok(())
            }
            Action::AbandonConnector { incarnation, .. } | Action::AbandonTask { incarnation, .. } => {
                if let Some(fake) = self.workers[worker].fakes.get_mut(&incarnation) {
                    fake.abandoned = true;
                }
                Ok(())
            }
            Action::PauseTask { incarnation, .. } => {
                let wait = self.random.millis(0..50);
                self.send(worker, wait, ToWorker::Report(incarnation, Report::Paused));
                Ok(())
            }
            Action::ResumeTask { incarnation, .. } => {
                let wait = self.random.millis(0..50);
                self.send(worker, wait, ToWorker::Report(incarnation, Report::Running));
                Ok(())
            }
            other => Self::violation(format!("{other:?} was not expected here")),
        }
    }

    fn hand_over(&mut self, id: RequestId, to: &Arc<str>, request: Request) {
        let wait = self.latency();
        let target = (0..WORKERS).find(|worker| self.workers[*worker].url() == *to);
        match target.filter(|target| self.workers[*target].herder.is_some()) {
            Some(target) => self.send(target, wait, ToWorker::Forwarded { id, request }),
            None => self.hand_back(id, Refusal::Misplaced),
        }
    }

    fn answered(&mut self, id: RequestId, answer: Result<Response, Refusal>) -> Checked {
        self.answers += 1;
        if self.fault == Some(ClusterFault::ForgetsAnswers) && self.answers.is_multiple_of(7) {
            return Ok(());
        }
        let Some(asked) = self.asked.get_mut(&id) else {
            return Self::violation(format!("nobody has asked {id:?}"));
        };
        ensure(asked.open, || format!("{:?} is answered twice", asked.request))?;
        if asked.plan.is_some() {
            self.answered_plan(id, answer);
        } else if answer == Err(Refusal::Misplaced)
            || answer == Err(Refusal::ShuttingDown) && asked.holder != asked.origin
        {
            self.hand_back(id, Refusal::Misplaced);
        } else {
            asked.open = false;
        }
        Ok(())
    }

    fn start(
        &mut self,
        worker: usize,
        what: What,
        incarnation: Incarnation,
        (config, settings): (Arc<Properties>, Option<Arc<Properties>>),
        begin: Begin,
    ) -> Checked {
        let beside = self.workers[worker].fakes.values().any(|fake| fake.what == what && fake.is_live());
        ensure(!beside, || format!("{what} is started beside a live one"))?;
        let told_to_pause = begin == Begin::Paused;
        let fake = Fake {
            what,
            state: State::Starting,
            asked_to_stop: None,
            abandoned: false,
            told_to_pause,
            config,
            settings,
            plan: Plan::None,
        };
        self.workers[worker].fakes.insert(incarnation, fake);
        let rough = self.is_rough();
        let wait = if rough { self.random.millis(0..1_000) } else { self.random.millis(0..30) };
        let report = match begin {
            _ if rough && self.random.percent(5) => Report::Failed,
            Begin::Paused => Report::Paused,
            Begin::Running => Report::Running,
        };
        self.send(worker, wait, ToWorker::Report(incarnation, report));
        if rough && self.random.percent(20) {
            let wait = wait + self.random.millis(0..20_000);
            self.send(worker, wait, ToWorker::Report(incarnation, Report::Replan));
        }
        Ok(())
    }

    fn stop(&mut self, worker: usize, incarnation: Incarnation) {
        let now = self.now;
        let hangs = self.is_rough() && self.random.percent(5);
        let wait = if self.is_rough() { self.random.millis(0..6_000) } else { self.random.millis(0..100) };
        if let Some(fake) = self.workers[worker].fakes.get_mut(&incarnation) {
            fake.asked_to_stop = Some(now);
        }
        if !hangs {
            self.send(worker, wait, ToWorker::Report(incarnation, Report::Stopped));
        }
    }

    fn report(&mut self, worker: usize, incarnation: Incarnation, report: Report) -> Checked {
        let Some(fake) = self.workers[worker].fakes.get_mut(&incarnation) else { return Ok(()) };
        let connector = matches!(fake.what, What::Connector(_));
        let late = fake.has_ended()
            || (fake.state != State::Starting && connector && matches!(report, Report::Running))
            || (fake.asked_to_stop.is_none() && matches!(report, Report::Stopped))
            || (fake.state != State::Running && matches!(report, Report::Planned(_) | Report::Replan))
            || (!connector && matches!(report, Report::Replan));
        if late {
            return Ok(());
        }
        let event = fake.report(incarnation, report.clone());
        if matches!(report, Report::Replan) {
            let name = fake.what.connector().clone();
            *self.wishes.entry(name).or_default() += 1;
        }
        self.tell(worker, event)
    }
}

/// Adds to the place in the config topic that a member says it has read.
fn lie(state: &mut [u8]) {
    let url = usize::from(u16::from_be_bytes([state[2], state[3]]));
    let last = 4 + url + 7;
    state[last] = state[last].wrapping_add(9);
}

/// Names a task for a message.
pub(super) fn task(name: &Arc<str>, index: u32) -> What {
    What::Task(TaskId { connector: name.clone(), index })
}
