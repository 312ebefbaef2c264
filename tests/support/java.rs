//! Java processes: flags that make them start quickly, and a bound on how many start at a time.

use std::path::Path;
use std::process::Command;
use std::sync::{Condvar, Mutex};

use anyhow::Result;

use crate::cache;

/// A starting JVM keeps one core busy for some seconds; with more of them than cores all of them time out.
const STARTS_MAX: usize = 2;

/// Enough for a broker or a worker with a handful of test topics.
const HEAP: &str = "384m";

/// What Kafka's own start scripts give every broker and worker.
const SCRIPT_FLAGS: [&str; 5] = [
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];

/// How a JVM is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jvm {
    /// The JIT stays at its first level: quick to start, never to be measured.
    QuickStart,
    /// As Kafka's own scripts start it, with this heap, such as `1g`: for measuring.
    AsUsersRunIt { heap: String },
}

/// Returns a command that runs `class` from Kafka's jars.
pub fn java(jvm: &Jvm, class: &str, arguments: &[&Path]) -> Result<Command> {
    let jars = cache::kafka_jars()?;
    let mut command = Command::new("java");
    command.env("CLASSPATH", jars.join("*"));
    match jvm {
        Jvm::QuickStart => {
            command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
            command.arg(format!("-Xmx{HEAP}"));
        }
        Jvm::AsUsersRunIt { heap } => {
            command.args(SCRIPT_FLAGS).arg(format!("-Xmx{heap}"));
        }
    }
    command.arg(concat!("-Dlog4j2.configurationFile=", env!("CARGO_MANIFEST_DIR"), "/support/log4j2.yaml"));
    command.arg(class).args(arguments);
    Ok(command)
}

/// Returns a command that runs `class` of a Java source file that uses Kafka's classes. It is compiled once.
pub fn java_of(source: &Path, class: &str) -> Result<Command> {
    let (classes, jars) = (cache::java_classes(source)?, cache::kafka_jars()?);
    let mut command = java(&Jvm::QuickStart, class, &[])?;
    command.env("CLASSPATH", format!("{}:{}/*", classes.display(), jars.display()));
    Ok(command)
}

/// Runs `start` when fewer than `STARTS_MAX` others run theirs.
pub fn one_of_few_starts<T>(start: impl FnOnce() -> T) -> T {
    let _turn = Turn::wait();
    start()
}

static STARTING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

struct Turn;

impl Turn {
    fn wait() -> Self {
        let starting = STARTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let starting = ENDED.wait_while(starting, |starting| *starting >= STARTS_MAX);
        *starting.unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *STARTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) -= 1;
        ENDED.notify_one();
    }
}
