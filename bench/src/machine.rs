//! What the figures were taken on, and with which versions.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use millrace_tests::cache::kafka_jars;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub date: String,
    pub cores: usize,
    pub processor: String,
    pub memory_gib: f64,
    pub system: String,
    /// Runnable processes, the mean of the last minute, when the case began: the bench's own broker is among them.
    pub load: f64,
    pub java: String,
    pub kafka: String,
    pub librdkafka: String,
    /// The commit and the build profile.
    pub millrace: String,
}

impl Machine {
    /// Looks at the machine as it is now.
    pub fn look(build: &str) -> Result<Self> {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let kibibytes: f64 = field(&memory, "MemTotal").and_then(number).unwrap_or(0.0);
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: field(&cpu, "model name").unwrap_or("unknown").to_owned(),
            memory_gib: (kibibytes / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            system: system(),
            load: number(&load).unwrap_or(0.0),
            java: java()?,
            kafka: kafka()?,
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            millrace: format!("{}, profile {build}", commit()),
        })
    }
}

/// Returns what stands behind `name :` in a file of such lines.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim())
}

fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{}, kernel {}", name.trim_matches('"'), kernel.trim())
}

fn java() -> Result<String> {
    let output = Command::new("java").arg("-version").output().context("starting java")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = text.lines().find(|line| line.contains("version")).unwrap_or("unknown");
    Ok(version.replace('"', ""))
}

/// The version is in the name of the jar that runs.
fn kafka() -> Result<String> {
    let names = fs::read_dir(kafka_jars()?)?.flatten().map(|entry| entry.file_name());
    let version = names.filter_map(|name| {
        let name = name.to_str()?.strip_prefix("connect-runtime-")?.strip_suffix(".jar")?;
        Some(name.to_owned())
    });
    version.max().context("there is no connect-runtime among Kafka's jars")
}

/// The commit that is checked out; a clone without git has none.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else { return "no commit".to_owned() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    if changed { format!("commit {commit} with changes") } else { format!("commit {commit}") }
}
