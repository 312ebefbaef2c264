//! Workers: ours and Java's, with the same settings and connector files.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::connector::{Connector, to_properties};
use crate::java::{Jvm, java, one_of_few_starts};
use crate::process::{Process, Signal, exit_code};
use crate::wait::holds_within;
use crate::{Broker, Folder, Rest, free_port};

/// How long a worker may take until REST answers. Java takes six to thirteen seconds on two cores, with nothing
/// beside it.
const START_WAIT: Duration = Duration::from_secs(120);

/// How long a worker that was told to end, or cannot start, may take: a broker is tried for a minute, and the graceful
/// time-outs of tasks add up.
const END_WAIT: Duration = Duration::from_secs(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Millrace,
    Java,
}

/// A standalone worker with its files, which may be started, killed and started again.
pub struct Worker {
    program: Program,
    folder: Folder,
    settings: Vec<(String, String)>,
    connectors: Vec<PathBuf>,
    port: u16,
    process: Option<Process>,
}

/// How a worker ended that was not meant to stay.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub log: String,
}

impl Worker {
    /// Prepares a Millrace worker; `start` starts it.
    pub fn millrace(broker: &Broker) -> Self {
        Self::new(Program::Millrace, &broker.bootstrap())
    }

    /// Prepares a Java Connect worker of the version in `support/pom.xml`.
    pub fn java(broker: &Broker) -> Self {
        Self::new(Program::Java, &broker.bootstrap())
    }

    /// Prepares the worker that the tests are about: Millrace's. See `java_is_under_test`.
    pub fn under_test(broker: &Broker) -> Self {
        if java_is_under_test() { Self::java(broker) } else { Self::millrace(broker) }
    }

    /// Prepares a Millrace worker that runs the embedded broker itself, or has any other `bootstrap.servers`.
    pub fn millrace_at(bootstrap: &str) -> Self {
        Self::new(Program::Millrace, bootstrap)
    }

    fn new(program: Program, bootstrap: &str) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let mut worker =
            Self { program, folder, settings: Vec::new(), connectors: Vec::new(), port, process: None };
        let text = "org.apache.kafka.connect.storage.StringConverter";
        worker.set("bootstrap.servers", bootstrap);
        worker.set("listeners", format!("http://127.0.0.1:{port}"));
        worker.set("key.converter", text);
        worker.set("value.converter", text);
        worker.set("offset.storage.file.filename", worker.offset_file().display());
        // Often, so that a test sees commits soon; the default is a minute.
        worker.set("offset.flush.interval.ms", 200);
        // Sink consumers of a fresh group would else wait for the join of others.
        worker.set("consumer.session.timeout.ms", 10_000);
        worker
    }

    /// Adds or replaces a worker setting; seen at the next start.
    pub fn set(&mut self, key: &str, value: impl ToString) {
        self.remove(key);
        self.settings.push((key.to_owned(), value.to_string()));
    }

    pub fn remove(&mut self, key: &str) {
        self.settings.retain(|(known, _)| known != key);
    }

    /// Gives the worker a connector file on its command line.
    pub fn add(&mut self, connector: &Connector) -> &mut Self {
        let name = format!("{}.properties", connector.name());
        let path = self.folder.write(&name, connector.to_properties());
        self.add_file(path)
    }

    /// Gives the worker any path as a connector file.
    pub fn add_file(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        let path = path.into();
        if !self.connectors.contains(&path) {
            self.connectors.push(path);
        }
        self
    }

    /// Returns the folder with the worker's files; a test's own files may lie there too.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn offset_file(&self) -> PathBuf {
        self.folder.path("offsets")
    }

    pub fn rest(&self) -> Rest {
        Rest::new(self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the worker and waits until REST answers that it has completed its start.
    #[track_caller]
    pub fn start(&mut self) {
        let started = match self.program {
            Program::Millrace => self.start_until_ready(),
            Program::Java => one_of_few_starts(|| self.start_until_ready()),
        };
        started.unwrap_or_else(|error| panic!("starting a worker: {error:#}"));
    }

    /// Starts the worker and waits for nothing.
    #[track_caller]
    pub fn launch(&mut self) {
        self.try_launch().unwrap_or_else(|error| panic!("starting a worker: {error:#}"));
    }

    /// Starts a worker that is expected to end by itself, and returns how it did.
    #[track_caller]
    pub fn run_to_its_end(&mut self) -> Ended {
        self.launch();
        self.wait_for_its_end()
    }

    /// Waits until the worker has ended.
    #[track_caller]
    pub fn wait_for_its_end(&mut self) -> Ended {
        let mut process = self.process.take().expect("the worker was started");
        let status = process.ended_within(END_WAIT);
        let Some(status) = status else { panic!("the worker still runs:\n{}", process.log()) };
        Ended { code: exit_code(status), log: process.log() }
    }

    /// Ends the worker as a crash would.
    #[track_caller]
    pub fn kill_9(&mut self) {
        self.process.take().expect("the worker was started").kill_9();
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub fn end_by(&mut self, signal: Signal) -> Ended {
        self.send(signal);
        self.wait_for_its_end()
    }

    /// Ends the worker in order.
    #[track_caller]
    pub fn stop(&mut self) -> Ended {
        self.end_by(Signal::TERM)
    }

    #[track_caller]
    pub fn send(&mut self, signal: Signal) {
        self.process().send(signal);
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Returns the running process, for its memory, threads and output.
    #[track_caller]
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the worker was started")
    }

    /// Returns everything the worker has written since its first start.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    fn start_until_ready(&mut self) -> Result<()> {
        self.try_launch()?;
        let rest = self.rest();
        let process = self.process.as_mut().context("it was launched")?;
        let mut ended = false;
        let ready = holds_within(START_WAIT, &mut || {
            ended = !process.is_running();
            ended || rest.try_get("/health").is_ok_and(|answer| answer.status == 200)
        });
        if ended || !ready {
            bail!("REST of the worker does not answer:\n{}", process.log());
        }
        Ok(())
    }

    fn try_launch(&mut self) -> Result<()> {
        let settings = self.folder.write("worker.properties", to_properties(&self.settings));
        let mut command = self.command(&settings)?;
        command.args(&self.connectors).current_dir(self.folder.root());
        self.process = Some(Process::start("worker", &command, self.folder.root())?);
        Ok(())
    }

    fn command(&self, settings: &Path) -> Result<Command> {
        match self.program {
            Program::Millrace => {
                let mut command = Command::new(millrace()?);
                command.arg("standalone").arg(settings);
                Ok(command)
            }
            Program::Java => {
                java(&Jvm::QuickStart, "org.apache.kafka.connect.cli.ConnectStandalone", &[settings])
            }
        }
    }
}

/// Returns whether `MILLRACE_PEER=java` asks for Java's worker and broker in place of Millrace's: shows whether a test asks
/// for what Connect does. A test of what Millrace does better fails in such a run.
pub fn java_is_under_test() -> bool {
    env::var("MILLRACE_PEER").is_ok_and(|peer| peer == "java")
}

/// Returns the built program: `MILLRACE_BIN`, or `millrace` in the folder two above this test's own program.
pub fn millrace() -> Result<PathBuf> {
    if let Some(program) = env::var_os("MILLRACE_BIN") {
        return Ok(program.into());
    }
    let this = env::current_exe().context("finding this test's own program")?;
    let folder = this.parent().and_then(Path::parent).context("a test program lies in deps/")?;
    let program = folder.join("millrace");
    if !program.is_file() {
        bail!("{} is not built: cargo build -p millrace, or make test", program.display());
    }
    Ok(program)
}
