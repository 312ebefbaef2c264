//! Dialogues with a scripted worker: lines with `>` are events, the others what the herder says to them.

#![allow(clippy::unwrap_used)]

use std::{fmt::Write as _, str::SplitWhitespace};

use millrace_api::Properties;

use super::*;
use crate::{
    config::Target,
    event::{Failure, RequestId, TaskId},
    request::{ConnectorInfo, ConnectorStatus, Include, OffsetsChange, Request, Response, Which},
    task_limit::TaskLimit,
};

mod life;
mod offsets;
mod refusals;
mod restarts;

/// Plays a dialogue and compares what is said with what the dialogue says.
#[track_caller]
fn check(dialogue: &str) {
    let mut stage = Stage::new();
    let mut heard = String::new();
    let lines: Vec<_> = dialogue.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for line in lines.iter().filter_map(|line| line.strip_prefix("> ")) {
        writeln!(heard, "> {line}").unwrap();
        for said in stage.play(line) {
            writeln!(heard, "{said}").unwrap();
        }
    }
    let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert!(heard == expected, "expected:\n{expected}\nheard:\n{heard}");
}

/// A herder with a log in memory that is read back at once, unless the script holds it back.
struct Stage {
    herder: Herder,
    now: Time,
    requests: u64,
    offset: u64,
    held_back: Option<std::collections::VecDeque<ConfigRecord>>,
}

impl Stage {
    fn new() -> Self {
        let options = Options {
            worker_id: "w:8083".into(),
            task_stop_timeout: Duration::from_secs(5),
            connector_stop_timeout: Duration::from_secs(5),
        };
        let now = Time::default();
        Self { herder: Herder::new(options, now), now, requests: 0, offset: 0, held_back: None }
    }

    fn play(&mut self, line: &str) -> Vec<String> {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let mut said = Vec::new();
        match verb {
            "wait" => self.wait(words.next().unwrap().parse().unwrap(), &mut said),
            "hold-log" => self.held_back = Some(std::collections::VecDeque::new()),
            "read-log" => {
                for record in self.held_back.take().unwrap() {
                    self.read(record, &mut said);
                }
            }
            _ => {
                let event = self.event(verb, words);
                self.handle(event, &mut said);
            }
        }
        said
    }

    /// Lets time pass, deadline by deadline.
    fn wait(&mut self, millis: u64, said: &mut Vec<String>) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(deadline) = self.herder.deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline > self.now, "a deadline that has passed comes again");
            self.now = deadline;
            self.handle(Event::DeadlineReached, said);
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event, said: &mut Vec<String>) {
        self.herder.handle(self.now, event);
        let actions: Vec<_> = self.herder.drain().collect();
        let mut written = Vec::new();
        for action in actions {
            match action {
                Action::Write(records) => written.extend(records),
                action => said.push(show(&action)),
            }
        }
        for record in written {
            match &mut self.held_back {
                Some(held_back) => held_back.push_back(record),
                None => self.read(record, said),
            }
        }
    }

    fn read(&mut self, record: ConfigRecord, said: &mut Vec<String>) {
        let offset = self.offset;
        self.offset += 1;
        self.handle(Event::ConfigRead { offset, record }, said);
    }

    fn event(&mut self, verb: &str, mut words: SplitWhitespace<'_>) -> Event {
        if verb == "shutdown" {
            return Event::StopAsked;
        }
        if verb == "drop" {
            return Event::RequestDropped { id: RequestId(words.next().unwrap().parse().unwrap()) };
        }
        if verb == "offsets-changed" {
            let name = words.next().unwrap().into();
            return Event::OffsetsChanged { name, outcome: Ok("well".into()) };
        }
        if let Some(request) = request(verb, words.clone()) {
            self.requests += 1;
            return Event::Requested { id: RequestId(self.requests), request };
        }
        let what: Arc<str> = words.next().unwrap().into();
        let incarnation = words.next().unwrap().strip_prefix('#').unwrap().parse().unwrap();
        report(verb, what, Incarnation(incarnation), words)
    }
}

fn report(verb: &str, what: Arc<str>, incarnation: Incarnation, mut words: SplitWhitespace<'_>) -> Event {
    let name = what.clone();
    let mut failure = || Failure::new(words.next().unwrap_or("boom"), "trace");
    match (verb, what.contains('-')) {
        ("started", false) => {
            let limit = TaskLimit::of(&Properties::from([("tasks.max", words.next().unwrap_or("2"))]));
            Event::ConnectorStarted { name, incarnation, limit }
        }
        ("failed", false) => Event::ConnectorFailed { name, incarnation, failure: failure() },
        ("stopped", false) => Event::ConnectorStopped { name, incarnation },
        ("unplanned", false) => Event::TasksPlanned { name, incarnation, plan: Err(failure()) },
        ("planned", false) => {
            let plan = words.map(|word| Properties::from([("v", word)])).collect();
            Event::TasksPlanned { name, incarnation, plan: Ok(plan) }
        }
        ("replan", false) => Event::ReplanAsked { name, incarnation },
        ("running", true) => Event::TaskRunning { task: task(&what), incarnation },
        ("paused", true) => Event::TaskPaused { task: task(&what), incarnation },
        ("failed", true) => Event::TaskFailed { task: task(&what), incarnation, failure: failure() },
        ("stopped", true) => Event::TaskStopped { task: task(&what), incarnation },
        _ => panic!("unknown event {verb}"),
    }
}

fn request(verb: &str, mut words: SplitWhitespace<'_>) -> Option<Request> {
    let mut name = || -> Arc<str> { words.next().unwrap().into() };
    Some(match verb {
        "list" => Request::Connectors,
        "health" => Request::Health,
        "info" => Request::Connector { name: name() },
        "tasks" => Request::Tasks { name: name() },
        "status" => Request::Status { name: name() },
        "task-status" => Request::TaskStatus { task: task(&name()) },
        "statuses" => Request::Statuses,
        "create" => {
            let name = name();
            let initial_state = match words.next() {
                Some("paused") => Target::Paused,
                Some("stopped") => Target::Stopped,
                _ => Target::Started,
            };
            Request::Create { name, config: Properties::from([("v", "1")]), initial_state }
        }
        "put" => {
            let name = name();
            Request::PutConfig { name, config: Properties::from([("v", words.next().unwrap())]) }
        }
        "delete" => Request::Delete { name: name() },
        "pause" => Request::Pause { name: name() },
        "resume" => Request::Resume { name: name() },
        "stop" => Request::Stop { name: name() },
        "reset-offsets" => Request::ChangeOffsets { name: name(), change: OffsetsChange::Reset },
        "restart-task" => Request::RestartTask { task: task(&name()) },
        "restart" => {
            let name = name();
            let words: Vec<_> = words.collect();
            let include =
                if words.contains(&"with-tasks") { Include::WithTasks } else { Include::ConnectorOnly };
            let which = if words.contains(&"only-failed") { Which::OnlyFailed } else { Which::All };
            Request::RestartConnector { name, include, which }
        }
        _ => return None,
    })
}

fn task(text: &str) -> TaskId {
    let (connector, index) = text.rsplit_once('-').unwrap();
    TaskId { connector: connector.into(), index: index.parse().unwrap() }
}

fn show(action: &Action) -> String {
    let value = |config: &Properties| config.get("v").unwrap_or("").to_owned();
    match action {
        Action::Respond { id, answer: Ok(response) } => format!("{}: {}", id.0, show_response(response)),
        Action::Respond { id, answer: Err(refusal) } => format!("{}: {:?} {refusal}", id.0, refusal.kind()),
        Action::Write(_) => unreachable!(),
        Action::StartConnector { name, incarnation, config } => {
            format!("start {name} #{} {}", incarnation.0, value(config))
        }
        Action::PlanTasks { name, incarnation, tasks_max } => {
            format!("plan {name} #{} {tasks_max}", incarnation.0)
        }
        Action::StopConnector { name, incarnation } => format!("stop {name} #{}", incarnation.0),
        Action::AbandonConnector { name, incarnation } => format!("abandon {name} #{}", incarnation.0),
        Action::StartTask { task, incarnation, connector_config, settings, task_count, begin } => format!(
            "start {task} #{} {}/{} of {task_count} {begin:?}",
            incarnation.0,
            value(connector_config),
            value(settings)
        ),
        Action::PauseTask { task, incarnation } => format!("pause {task} #{}", incarnation.0),
        Action::ResumeTask { task, incarnation } => format!("resume {task} #{}", incarnation.0),
        Action::StopTask { task, incarnation } => format!("stop {task} #{}", incarnation.0),
        Action::AbandonTask { task, incarnation } => format!("abandon {task} #{}", incarnation.0),
        Action::ChangeOffsets { name, config, change } => {
            format!("change offsets of {name} {} {change:?}", value(config))
        }
        Action::Finished => "finished".to_owned(),
        Action::Group(_)
        | Action::Forward { .. }
        | Action::PublishTasks { .. }
        | Action::MakeKey { .. }
        | Action::SetLevel { .. }
        | Action::WriteStatus(_) => panic!("{action:?} of a worker of its own"),
    }
}

fn show_response(response: &Response) -> String {
    match response {
        Response::Connectors(names) if names.is_empty() => "no connectors".to_owned(),
        Response::Connectors(names) => format!("connectors {}", names.join(" ")),
        Response::Connector(info) => format!("info {}", show_info(info)),
        Response::Created(info) => format!("created {}", show_info(info)),
        Response::Replaced(info) => format!("replaced {}", show_info(info)),
        Response::Tasks(tasks) => {
            let shown: Vec<_> = tasks
                .iter()
                .map(|task| format!("{}={}", task.task, task.settings.get("v").unwrap()))
                .collect();
            format!("tasks {}", shown.join(" "))
        }
        Response::Status(status) => show_status(status),
        Response::TaskStatus(task) => format!("{} {} {}", task.index, task.state, task.worker_id),
        Response::Statuses(all) => {
            let shown: Vec<_> = all.iter().map(|(_, status)| show_status(status)).collect();
            shown.join("; ")
        }
        Response::Restarting(status) => format!("restarting {}", show_status(status)),
        Response::OffsetsChanged(text) => format!("offsets changed {text}"),
        Response::Topics(topics) => format!("topics {}", topics.join(" ")),
        Response::Done => "done".to_owned(),
    }
}

fn show_info(info: &ConnectorInfo) -> String {
    let tasks: Vec<_> = info.tasks.iter().map(TaskId::to_string).collect();
    format!("{}={} [{}]", info.name, info.config.get("v").unwrap(), tasks.join(" "))
}

fn show_status(status: &ConnectorStatus) -> String {
    let trace =
        |trace: &Option<Arc<str>>| trace.as_ref().map_or(String::new(), |trace| format!(" ({trace})"));
    let tasks: Vec<_> = status
        .tasks
        .iter()
        .map(|task| format!("{}:{}{}", task.index, task.state, trace(&task.trace)))
        .collect();
    format!("{} {}{} [{}]", status.name, status.state, trace(&status.trace), tasks.join(" "))
}
