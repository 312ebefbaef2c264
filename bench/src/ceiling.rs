//! Runs the bare programs beside which each result is put.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::Bench;
use crate::bare::Bare;
use crate::cases::{Flow, Place};
use crate::place::{Data, new_topic};
use crate::proc::ended_children_cpu;

/// The best of this many runs is a ceiling.
const TIMES: usize = 2;

/// After how many seconds a bare client stops. A quiet machine moves all records of a case in less.
const LIMIT: &str = "12";

/// What a program that does nothing else moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    pub program: String,
    pub records_per_second: f64,
    pub cpu_seconds_per_million: f64,
}

/// Measures the ceilings of a flow; the first is the one that shares are given of.
pub fn measure(bench: &Bench, flow: &Flow, data: &Data) -> Result<Vec<Ceiling>> {
    let mut ceilings = Vec::new();
    if flow.from == Place::Topic {
        let topic = data.topic().context("the lines are in a topic")?;
        let records = data.records.to_string();
        let run = || bare(bench, &["bare-consumer", bench.topics.bootstrap(), topic, &records, LIMIT]);
        ceilings.push(best("bare librdkafka consumer", run)?);
    }
    if flow.to == Place::Topic {
        let run = || {
            let topic = new_topic(bench)?;
            let file = data.file.to_string_lossy();
            let result = bare(bench, &["bare-producer", bench.topics.bootstrap(), &topic, &file, LIMIT]);
            bench.topics.delete(&topic)?;
            result
        };
        ceilings.push(best("bare librdkafka producer", run)?);
    }
    if [flow.from, flow.to].contains(&Place::File) {
        ceilings.push(best("cat", || cat(data))?);
    }
    Ok(ceilings)
}

/// Has the bare producer send the lines of a file.
pub fn fill_topic(bench: &Bench, topic: &str, file: &Path) -> Result<Bare> {
    bare(bench, &["bare-producer", bench.topics.bootstrap(), topic, &file.to_string_lossy()])
}

fn best(program: &str, run: impl Fn() -> Result<Bare>) -> Result<Ceiling> {
    let results = (0..TIMES).map(|_| run()).collect::<Result<Vec<Bare>>>()?;
    let rate = |bare: &Bare| bare.records as f64 / bare.seconds.max(f64::MIN_POSITIVE);
    let best = results.iter().max_by(|a, b| rate(a).total_cmp(&rate(b))).context("it runs at least once")?;
    Ok(Ceiling {
        program: program.to_owned(),
        records_per_second: rate(best),
        cpu_seconds_per_million: best.cpu_seconds * 1e6 / best.records as f64,
    })
}

fn bare(bench: &Bench, arguments: &[&str]) -> Result<Bare> {
    let mut command = Command::new(&bench.program);
    let output = command.args(arguments).stdin(Stdio::null()).output().context("starting a bare client")?;
    if !output.status.success() {
        bail!("{}: {}", arguments[0], String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what {} wrote", arguments[0]))
}

/// Copies the lines to another file with `cat`.
fn cat(data: &Data) -> Result<Bare> {
    let copy = data.path("copy");
    let mut command = Command::new("cat");
    command.arg(&data.file).stdout(File::create(&copy)?);
    let (begin, before) = (Instant::now(), ended_children_cpu()?);
    let status = command.status().context("starting cat")?;
    let (seconds, after) = (begin.elapsed().as_secs_f64(), ended_children_cpu()?);
    if !status.success() {
        bail!("cat ended with {status}");
    }
    fs::remove_file(copy)?;
    Ok(Bare { records: data.records, seconds, cpu_seconds: (after - before).as_secs_f64() })
}
