//! One run of a case that moves records: a fresh worker, a fresh connector, the same data.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};

use crate::Bench;
use crate::cases::{Case, Flow};
use crate::figures::{Figures, Metric, Sample, of_flow};
use crate::latency;
use crate::place::{Data, Run, Whole, new_topic};
use crate::side::Side;
use crate::worker::{Names, Worker};

/// How long records are counted at most: a slower program moves only a part of the data.
const COUNT_WAIT: Duration = Duration::from_secs(20);

/// How long the first record may take to arrive, and any later one.
const ARRIVAL_WAIT: Duration = Duration::from_secs(60);

/// How often arrivals are counted.
const STEP: Duration = Duration::from_millis(50);

/// What a run measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Rate,
    RateAndLatency,
}

/// What one run is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub case: &'a Case,
    pub flow: Flow,
    pub data: &'a Data,
    pub side: Side,
}

/// What a run gave.
pub struct Gave {
    pub figures: Figures,
    /// Why the latency is missing.
    pub trouble: Option<Error>,
}

impl From<Figures> for Gave {
    fn from(figures: Figures) -> Self {
        Self { figures, trouble: None }
    }
}

/// Runs a case once with one program.
pub fn run(bench: &Bench, subject: &Subject<'_>, measure: Measure) -> Result<Gave> {
    let (case, side) = (subject.case, subject.side);
    let worker = bench.worker(case, side)?;
    let mut figures = match rate(bench, subject, &worker) {
        Ok(figures) => figures,
        Err(error) => {
            worker.kill();
            return Err(error);
        }
    };
    if measure == Measure::Rate {
        bench.give_back(case, side, worker);
        return Ok(figures.into());
    }
    match latency(bench, subject, &worker) {
        Ok(latencies) => {
            figures.extend(latencies);
            bench.give_back(case, side, worker);
            Ok(figures.into())
        }
        Err(error) => {
            let trouble = Some(anyhow!("latency: {error:#}\n{}", worker.complaint()));
            worker.kill();
            Ok(Gave { figures, trouble })
        }
    }
}

/// Moves all the data, or as much as the time allows.
fn rate(bench: &Bench, subject: &Subject<'_>, worker: &Worker) -> Result<Figures> {
    let data = subject.data;
    let run = data.run(bench, &subject.flow)?;
    let connector = bench.unique("c");
    let names = Names { connector: &connector, file: &run.file, topic: &run.topic };
    worker.create(subject.case.connector(subject.side)?, names)?;
    let (samples, whole) = samples(bench, data, &run, worker)?;
    worker.delete(&connector)?;
    run.finish(bench, whole)?;
    let mut figures = of_flow(&samples, data.records).context("nothing arrived behind the warm-up")?;
    figures.insert(Metric::StartSeconds, worker.start_up.as_secs_f64());
    Ok(figures)
}

/// Moves stamped records at a steady rate, through the worker that has just moved the others: its code is compiled.
fn latency(bench: &Bench, subject: &Subject<'_>, worker: &Worker) -> Result<Figures> {
    let flow = &subject.flow;
    let (path, topic) = (subject.data.path(&bench.unique("steady")), new_topic(bench)?);
    let connector = bench.unique("c");
    latency::prepare(flow, &path)?;
    let names = Names { connector: &connector, file: &path, topic: &topic };
    worker.create(subject.case.connector(subject.side)?, names)?;
    worker.wait_until_running(1)?;
    let figures = latency::measure(bench, flow, &path, &topic)?;
    worker.delete(&connector)?;
    bench.topics.delete(&topic)?;
    Ok(figures)
}

/// Looks at arrivals and worker until everything has arrived or the time is over.
fn samples(bench: &Bench, data: &Data, run: &Run<'_>, worker: &Worker) -> Result<(Vec<Sample>, Whole)> {
    let begin = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut first = None;
    let mut last_change = Duration::ZERO;
    loop {
        let arrived = run.arrived(&bench.topics)?;
        let at = begin.elapsed();
        if samples.last().is_none_or(|last| last.arrived < arrived) {
            last_change = at;
        }
        samples.push(Sample { at, arrived, usage: worker.usage()? });
        if arrived > 0 {
            first.get_or_insert(at);
        }
        if arrived >= data.records {
            return Ok((samples, Whole::Yes));
        }
        if first.is_some_and(|first| at > first + COUNT_WAIT) {
            return Ok((samples, Whole::No));
        }
        if at > last_change + ARRIVAL_WAIT {
            bail!("{arrived} of {} records arrived, then none\n{}", data.records, worker.complaint());
        }
        sleep(STEP);
    }
}
