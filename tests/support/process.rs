//! A child process that never outlives the test.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::wait::holds_within;

/// How long a process that was asked to end may take before it is killed.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// How long the kernel may take to end a killed process: it has no say, but its memory must be freed.
const KILL_WAIT: Duration = Duration::from_secs(20);

/// How much of the log a failing test shows.
const SHOWN_LINES: usize = 60;

/// A running program, its output in two files.
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `NAME.out` and `NAME.err` of `folder`, after what is in them.
    pub fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.err"));
        let mut tied = tied_to_this_process(command);
        tied.stdin(Stdio::null()).stdout(appending(&stdout)?).stderr(appending(&stderr)?);
        let child = spawn(tied).with_context(|| {
            format!("starting {name} ({:?}); setpriv comes with util-linux", command.get_program())
        })?;
        Ok(Self { name: name.to_owned(), child, stdout, stderr })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal. A process that has ended is left alone.
    pub fn send(&mut self, signal: Signal) {
        if !self.is_running() {
            return;
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.expect("the kernel gives out positive ids");
        // The process may end between the question and the signal; it is still our unreaped child, so the id is its.
        let _ = kill_process(id, signal);
    }

    /// Ends the process as a crash would, and waits until it is gone.
    pub fn kill_9(&mut self) {
        self.send(Signal::KILL);
        assert!(self.ended_within(KILL_WAIT).is_some(), "{} survives KILL", self.name);
    }

    /// Asks the process to end, kills it when it does not, and returns how it ended.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        self.send(Signal::TERM);
        self.ended_within(STOP_WAIT).or_else(|| {
            self.kill_9();
            None
        })
    }

    /// Returns how the process ended, or `None` when it still runs after `bound`.
    pub fn ended_within(&mut self, bound: Duration) -> Option<ExitStatus> {
        let mut status = None;
        holds_within(bound, &mut || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    /// Returns what it has written to standard output since the folder was made.
    pub fn stdout(&self) -> String {
        read_text(&self.stdout)
    }

    /// Returns everything it has written: standard output, then standard error.
    pub fn log(&self) -> String {
        read_text(&self.stdout) + &read_text(&self.stderr)
    }

    /// Returns resident memory in bytes.
    pub fn memory(&self) -> Option<u64> {
        self.status_number("VmRSS:").map(|kibibytes| kibibytes * 1024)
    }

    pub fn threads(&self) -> Option<u64> {
        self.status_number("Threads:")
    }

    fn status_number(&self, key: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    fn show_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        eprintln!("---- the last {} lines of {}:\n{}\n----", shown.len(), self.name, shown.join("\n"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_log();
        }
        self.stop();
    }
}

/// Returns the exit code as a shell reports it: 128 and the signal's number when a signal ended the process.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Puts the program under `setpriv`, which asks the kernel to kill it when this process ends: brokers that are shared
/// by all tests are never dropped, and a test program may itself be killed.
fn tied_to_this_process(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(key, value),
            None => tied.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

type Order = (Command, Sender<io::Result<Child>>);

/// Spawns on a thread that lives as long as the program: the kernel's promise is tied to the thread that spawned, and
/// a test's own thread ends with the test.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders): (Sender<Order>, Receiver<Order>) = channel();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (answer, child) = channel();
    spawner.send((command, answer)).map_err(io::Error::other)?;
    child.recv().map_err(io::Error::other)?
}

fn appending(path: &Path) -> Result<File> {
    let file = File::options().append(true).create(true).open(path);
    file.with_context(|| format!("opening {}", path.display()))
}

fn read_text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Folder;

    fn sleeper(folder: &Folder) -> Process {
        let mut command = Command::new("sleep");
        command.arg("300");
        Process::start("sleeper", &command, folder.root()).expect("sleep is everywhere")
    }

    fn exists(id: u32) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    #[test]
    fn a_process_is_gone_after_drop() {
        let folder = Folder::new();
        let process = sleeper(&folder);
        let id = process.id();
        assert!(exists(id));
        drop(process);
        assert!(!exists(id));
    }

    #[test]
    fn a_process_is_gone_after_a_panic() {
        let id = std::thread::spawn(|| {
            let folder = Folder::new();
            let process = sleeper(&folder);
            std::panic::panic_any(process.id());
        })
        .join()
        .expect_err("the thread panics");
        let id = *id.downcast::<u32>().expect("it panics with the id");
        assert!(!exists(id));
    }

    #[test]
    fn a_process_outlives_the_thread_that_asked_for_it() {
        let folder = Folder::new();
        let mut process = std::thread::scope(|scope| {
            let asked = scope.spawn(|| sleeper(&folder));
            asked.join().expect("sleep starts")
        });
        assert!(process.is_running());
        assert_eq!(process.ended_within(Duration::from_millis(200)), None);
    }

    #[test]
    fn output_memory_and_exit_code_are_seen() {
        let folder = Folder::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; kill -TERM $$"]);
        let mut process = Process::start("shell", &command, folder.root()).expect("sh is everywhere");
        let status = process.ended_within(STOP_WAIT).expect("it ends itself");
        assert_eq!(exit_code(status), 143);
        assert_eq!(process.stdout(), "out\n");
        assert_eq!(process.log(), "out\nerr\n");
        let process = sleeper(&folder);
        assert!(process.memory().is_some_and(|bytes| bytes > 0));
        assert_eq!(process.threads(), Some(1));
    }
}
