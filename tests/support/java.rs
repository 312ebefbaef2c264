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

/// Returns a command that runs `class` from Kafka's jars. The JIT stays at its first level: quick to start, never to
/// be measured.
pub fn java(class: &str, arguments: &[&Path]) -> Result<Command> {
    let jars = cache::kafka_jars()?;
    let mut command = Command::new("java");
    command.env("CLASSPATH", jars.join("*"));
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
    command.arg(format!("-Xmx{HEAP}"));
    command.arg(concat!("-Dlog4j2.configurationFile=", env!("CARGO_MANIFEST_DIR"), "/support/log4j2.yaml"));
    command.arg(class).args(arguments);
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
