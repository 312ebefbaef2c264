//! A worker of either program, from the same files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use millrace_tests::java::{Jvm, java};
use millrace_tests::{Folder, Process, Rest, free_port, millrace};
use serde_json::{Map, Value};

use crate::cases::Case;
use crate::proc::{Usage, usage};
use crate::side::Side;

/// How long a start may take. Java takes ten seconds on two busy cores.
const START_WAIT: Duration = Duration::from_secs(90);

/// How often a starting worker is asked; the start-up time is no more exact than this.
const START_STEP: Duration = Duration::from_millis(2);

/// How long a connector may take from its creation until all its tasks run.
const RUNNING_WAIT: Duration = Duration::from_secs(60);

/// How often a status is asked for.
const STATUS_STEP: Duration = Duration::from_millis(20);

/// How a worker of a case is started.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    pub case: &'a Case,
    pub side: Side,
    pub bootstrap: &'a str,
    pub jvm: Jvm,
}

pub struct Worker {
    process: Process,
    pub rest: Rest,
    /// From the start of the process to the first answer of REST.
    pub start_up: Duration,
    /// Removed after the process has ended: fields are dropped in order.
    _folder: Folder,
}

/// What the placeholders of a connector file stand for.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub connector: &'a str,
    pub file: &'a Path,
    pub topic: &'a str,
}

impl Start<'_> {
    /// Starts the worker and waits until REST answers.
    pub fn start(&self) -> Result<Worker> {
        let folder = Folder::new();
        let port = free_port();
        let port_text = port.to_string();
        let template = read(self.case.worker(self.side))?;
        let root = folder.root().to_string_lossy().into_owned();
        let values = [("@BOOTSTRAP@", self.bootstrap), ("@PORT@", &port_text), ("@FOLDER@", &root)];
        let settings = folder.write("worker.properties", filled(&template, &values));
        let mut command = self.command(&settings)?;
        command.current_dir(folder.root());
        let begin = Instant::now();
        let mut process = Process::start("worker", &command, folder.root())?;
        let rest = Rest::new(port);
        loop {
            if rest.try_get("/").is_ok_and(|answer| answer.status == 200) {
                break;
            }
            if !process.is_running() || begin.elapsed() > START_WAIT {
                bail!("REST of {} does not answer:\n{}", self.side, tail(&process.log()));
            }
            sleep(START_STEP);
        }
        Ok(Worker { process, rest, start_up: begin.elapsed(), _folder: folder })
    }

    fn command(&self, settings: &Path) -> Result<Command> {
        match self.side {
            Side::Java => java(&self.jvm, "org.apache.kafka.connect.cli.ConnectStandalone", &[settings]),
            Side::Millrace => {
                let mut command = Command::new(millrace()?);
                command.arg("standalone").arg(settings);
                Ok(command)
            }
        }
    }
}

impl Worker {
    pub fn usage(&self) -> Result<Usage> {
        usage(self.process.id()).with_context(|| format!("the worker ended:\n{}", tail(&self.process.log())))
    }

    /// Creates a connector over REST.
    pub fn create(&self, template: &Path, names: Names<'_>) -> Result<()> {
        let config = config(&read(template)?, names);
        let body = serde_json::json!({ "name": names.connector, "config": config });
        let answer = self.rest.try_post("/connectors", &body)?;
        if answer.status != 201 {
            bail!("creating connector {}: {} {}", names.connector, answer.status, answer.text);
        }
        Ok(())
    }

    pub fn delete(&self, connector: &str) -> Result<()> {
        let answer = self.rest.try_delete(&format!("/connectors/{connector}"))?;
        if answer.status != 204 {
            bail!("deleting connector {connector}: {} {}", answer.status, answer.text);
        }
        Ok(())
    }

    /// Returns how many connectors run with all their tasks; an error when one has failed.
    pub fn running(&self) -> Result<usize> {
        let answer = self.rest.try_get("/connectors?expand=status")?;
        let connectors: Map<String, Value> =
            serde_json::from_str(&answer.text).context("reading the list of connectors")?;
        let mut running = 0;
        for (name, connector) in &connectors {
            let status = &connector["status"];
            let tasks = status["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(failed) =
                tasks.iter().chain([&status["connector"]]).find(|it| it["state"] == "FAILED")
            {
                bail!("connector {name} failed: {}", failed["trace"].as_str().unwrap_or_default());
            }
            let all_run = tasks.iter().all(|task| task["state"] == "RUNNING") && !tasks.is_empty();
            running += usize::from(all_run && status["connector"]["state"] == "RUNNING");
        }
        Ok(running)
    }

    /// Waits until `count` connectors run.
    pub fn wait_until_running(&self, count: usize) -> Result<()> {
        let end = Instant::now() + RUNNING_WAIT;
        loop {
            let running = self.running()?;
            if running >= count {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("{running} of {count} connectors run after {} s", RUNNING_WAIT.as_secs());
            }
            sleep(STATUS_STEP);
        }
    }

    /// Says why nothing arrives, as far as the worker knows.
    pub fn complaint(&self) -> String {
        let failed = self.running().err().map(|error| format!("{error:#}\n")).unwrap_or_default();
        failed + &tail(&self.process.log())
    }

    /// Ends it at once: a worker's own end is not measured.
    pub fn kill(mut self) {
        self.process.kill_9();
    }
}

/// Reads a connector file as its configuration. Values stand on one line here; no case needs more.
fn config(template: &str, names: Names<'_>) -> Map<String, Value> {
    let file = names.file.to_string_lossy();
    let values = [("@FILE@", &*file), ("@TOPIC@", names.topic)];
    let text = filled(template, &values);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.trim().to_owned(), Value::from(value.trim())))
    };
    lines.filter_map(entry).collect()
}

fn filled(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn tail(log: &str) -> String {
    const SHOWN: usize = 25;
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_comments_left_out() {
        let names = Names { connector: "c", file: Path::new("/tmp/in.txt"), topic: "orders" };
        let config = config("# Why.\nfile = @FILE@\n\ntopics=@TOPIC@,more\n", names);
        assert_eq!(
            Value::Object(config),
            serde_json::json!({"file": "/tmp/in.txt", "topics": "orders,more"})
        );
    }
}
