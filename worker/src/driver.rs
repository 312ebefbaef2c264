//! The only loop around the herder, and the handle through which everybody else talks to it.

use crate::{
    connector::{self, ConnectorSpec},
    data::{Owner, Pulse},
    instances::Instances,
    task::{Mode, TaskSpec},
};
use millrace_herder::{
    Action, ConfigRecord, Event, Herder, Options, Refusal, Request, RequestId, Response, Time,
};
use std::{collections::BTreeMap, time::Instant};
use tokio::sync::{mpsc, oneshot};

/// How many messages may wait for the herder. Reports of instances come a few at a time and requests are few, so
/// a full inbox means that something floods it; its senders wait.
const INBOX: usize = 4096;

/// What reaches the driver.
pub enum Message {
    /// Something happened to a connector or a task.
    Event(Event),
    /// Somebody asks; the answer goes to the sender.
    Ask(Request, oneshot::Sender<Result<Response, Refusal>>),
}

/// Asks the herder; cheap to clone.
#[derive(Clone)]
pub struct HerderHandle {
    inbox: mpsc::Sender<Message>,
}

impl HerderHandle {
    /// Returns a handle and the inbox that a driver reads.
    pub fn new() -> (Self, mpsc::Receiver<Message>) {
        let (inbox, messages) = mpsc::channel(INBOX);
        (Self { inbox }, messages)
    }

    /// Asks, and waits for the answer, which the herder gives in bounded time.
    pub async fn ask(&self, request: Request) -> Result<Response, Refusal> {
        let (sender, answer) = oneshot::channel();
        self.inbox.send(Message::Ask(request, sender)).await.map_err(|_| Refusal::ShuttingDown)?;
        answer.await.map_err(|_| Refusal::ShuttingDown)?
    }

    /// Reports an event; waits while the inbox is full.
    pub async fn tell(&self, event: Event) {
        // A driver that has ended needs no reports any more.
        let _ = self.inbox.send(Message::Event(event)).await;
    }
}

/// Hands events to the herder and does what it asks for; decides nothing.
pub struct Driver {
    herder: Herder,
    messages: mpsc::Receiver<Message>,
    instances: Instances,
    started: Instant,
    /// Where the next configuration record goes: the log of a standalone worker is nothing but its fold.
    log_end: u64,
    next_request: u64,
    waiting: BTreeMap<RequestId, oneshot::Sender<Result<Response, Refusal>>>,
}

impl Driver {
    /// Returns a driver that has not started.
    pub fn new(options: Options, messages: mpsc::Receiver<Message>, instances: Instances) -> Self {
        Self {
            herder: Herder::new(options, Time::default()),
            messages,
            instances,
            started: Instant::now(),
            log_end: 0,
            next_request: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// Runs until everything has ended after [`Event::StopAsked`].
    pub async fn run(mut self) {
        loop {
            if self.act() == Flow::Finished {
                return;
            }
            let deadline = self.herder.deadline().map(|time| self.started + time.0);
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(Message::Event(event)) => self.handle(event),
                    Some(Message::Ask(request, answer)) => self.ask(request, answer),
                    None => return,
                },
                () = self.instances.next_end() => {}
                () = sleep_until(deadline) => self.handle(Event::DeadlineReached),
            }
        }
    }

    fn ask(&mut self, request: Request, answer: oneshot::Sender<Result<Response, Refusal>>) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.waiting.insert(id, answer);
        self.handle(Event::Requested { id, request });
        self.drop_abandoned();
    }

    /// Tells the herder of requests whose askers have gone.
    fn drop_abandoned(&mut self) {
        let gone: Vec<_> =
            self.waiting.iter().filter(|(_, answer)| answer.is_closed()).map(|(id, _)| *id).collect();
        for id in gone {
            self.waiting.remove(&id);
            self.handle(Event::RequestDropped { id });
        }
    }

    fn handle(&mut self, event: Event) {
        let now = Time(self.started.elapsed());
        self.herder.handle(now, event);
    }

    /// Does everything the herder asks for, and what that leads to.
    fn act(&mut self) -> Flow {
        loop {
            let actions: Vec<_> = self.herder.drain().collect();
            if actions.is_empty() {
                return Flow::Waiting;
            }
            for action in actions {
                if self.perform(action) == Flow::Finished {
                    return Flow::Finished;
                }
            }
        }
    }

    fn perform(&mut self, action: Action) -> Flow {
        match action {
            Action::Respond { id, answer } => {
                // Whoever asked may have gone meanwhile.
                self.waiting.remove(&id).map(|waiting| waiting.send(answer));
            }
            Action::Write(records) => self.write(records),
            Action::StartConnector { name, incarnation, config } => {
                let pulse = Pulse::new(Owner::Connector(name.clone()));
                self.instances.start_connector(ConnectorSpec { name, incarnation, config, pulse });
            }
            Action::PlanTasks { incarnation, tasks_max, .. } => {
                self.instances.command_connector(incarnation, connector::Command::Plan { tasks_max });
            }
            Action::StopConnector { incarnation, .. } => {
                self.instances.command_connector(incarnation, connector::Command::Stop);
            }
            Action::AbandonConnector { name, incarnation } => {
                self.instances.abandon(incarnation, &format!("connector {name}"));
            }
            Action::StartTask { task, incarnation, connector_config, settings, task_count, begin } => {
                let pulse = Pulse::new(Owner::Task(task.clone()));
                let spec =
                    TaskSpec { id: task, incarnation, connector: connector_config, settings, begin, pulse };
                self.instances.start_task(spec, task_count);
            }
            Action::PauseTask { incarnation, .. } => self.instances.tell_task(incarnation, Mode::Paused),
            Action::ResumeTask { incarnation, .. } => self.instances.tell_task(incarnation, Mode::Running),
            Action::StopTask { incarnation, .. } => self.instances.tell_task(incarnation, Mode::Stopping),
            Action::AbandonTask { task, incarnation } => {
                self.instances.abandon(incarnation, &format!("task {task}"));
            }
            Action::ChangeOffsets { name, config, change } => {
                self.instances.change_offsets(name, config, change);
            }
            Action::Group(_)
            | Action::Forward { .. }
            | Action::PublishTasks { .. }
            | Action::MakeKey { .. }
            | Action::SetLevel { .. }
            | Action::WriteStatus(_) => {
                tracing::error!("a worker of its own was asked to act in a group: {action:?}");
            }
            Action::Finished => return Flow::Finished,
        }
        Flow::Waiting
    }

    /// Appends to the log and reads it back: in a group of one that is the same.
    fn write(&mut self, records: Vec<ConfigRecord>) {
        for record in records {
            let offset = self.log_end;
            self.log_end += 1;
            self.handle(Event::ConfigRead { offset, record });
        }
    }
}

/// Whether the driver has more to do.
#[derive(PartialEq, Eq)]
enum Flow {
    Waiting,
    Finished,
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
