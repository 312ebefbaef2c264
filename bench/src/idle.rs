//! Cases without records: start, idle workers, many connectors.

use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use millrace_tests::Folder;

use crate::Bench;
use crate::cases::Case;
use crate::figures::{Figures, Metric, Sample, median, memory};
use crate::side::Side;
use crate::worker::{Names, Worker};

/// How long an idle worker is left alone before it is measured, and how long it is measured.
const SETTLE: Duration = Duration::from_secs(5);
const WATCH: Duration = Duration::from_secs(10);

/// The same in the short form.
const SHORT_SETTLE: Duration = Duration::from_millis(200);
const SHORT_WATCH: Duration = Duration::from_millis(500);

/// How long the creation of all connectors may take. A thousand of Java's need more threads and memory than some
/// machines give.
const CREATE_WAIT: Duration = Duration::from_secs(200);

/// How often an idle worker is looked at.
const STEP: Duration = Duration::from_millis(250);

/// Starts workers and measures each start-up.
pub fn starts(bench: &Bench, case: &Case, side: Side, times: usize) -> Result<Figures> {
    let mut seconds = Vec::new();
    for _ in 0..times {
        let worker = bench.worker(case, side)?;
        seconds.push(worker.start_up.as_secs_f64());
        bench.give_back(case, side, worker);
    }
    Ok(Figures::from([(Metric::StartSeconds, median(&seconds).context("a start at least")?)]))
}

/// Creates the connectors, lets the worker settle, and watches it do nothing.
pub fn idle(bench: &Bench, case: &Case, side: Side, connectors: usize) -> Result<Figures> {
    let subject = Subject::start(bench, case, side, connectors)?;
    let mut figures = Figures::new();
    if connectors > 0 {
        figures.insert(Metric::SecondsUntilAllRun, subject.create(bench)?.as_secs_f64());
    }
    let (settle, watch) = bench.times((SETTLE, WATCH), (SHORT_SETTLE, SHORT_WATCH));
    sleep(settle);
    let begin = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < 2 || begin.elapsed() < watch {
        samples.push(Sample { at: begin.elapsed(), arrived: 0, usage: subject.worker.usage()? });
        sleep(STEP);
    }
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let cpu = (last.usage.cpu - first.usage.cpu).as_secs_f64();
    figures.extend(memory(&samples));
    figures.insert(Metric::IdleCpuPerMinute, cpu * 60.0 / (last.at - first.at).as_secs_f64());
    figures.insert(Metric::StartSeconds, subject.worker.start_up.as_secs_f64());
    subject.end(bench)?;
    Ok(figures)
}

/// Creates the connectors and measures how long it takes until all run.
pub fn creates(bench: &Bench, case: &Case, side: Side, connectors: usize) -> Result<Figures> {
    let subject = Subject::start(bench, case, side, connectors)?;
    let time = subject.create(bench)?;
    subject.end(bench)?;
    Ok(Figures::from([(Metric::SecondsUntilAllRun, time.as_secs_f64())]))
}

/// A worker with connectors that read empty files.
struct Subject<'a> {
    case: &'a Case,
    side: Side,
    worker: Worker,
    names: Vec<String>,
    folder: Folder,
}

impl<'a> Subject<'a> {
    fn start(bench: &Bench, case: &'a Case, side: Side, connectors: usize) -> Result<Self> {
        let folder = Folder::new();
        let names: Vec<String> = (0..connectors).map(|_| bench.unique("source")).collect();
        for name in &names {
            File::create(folder.path(name)).context("making an empty file")?;
        }
        Ok(Self { case, side, worker: bench.worker(case, side)?, names, folder })
    }

    /// Creates all connectors and waits until they run.
    fn create(&self, bench: &Bench) -> Result<Duration> {
        let template = self.case.connector(self.side)?;
        let topic = bench.unique("idle");
        let begin = Instant::now();
        for (created, name) in self.names.iter().enumerate() {
            if begin.elapsed() > CREATE_WAIT {
                let (all, wait) = (self.names.len(), CREATE_WAIT.as_secs());
                bail!("{created} of {all} connectors were created in {wait} s");
            }
            let file = self.folder.path(name);
            self.worker.create(template, Names { connector: name, file: &file, topic: &topic })?;
        }
        self.worker.wait_until_running(self.names.len())?;
        Ok(begin.elapsed())
    }

    /// Ends the worker, or leaves it to the next case as it was.
    fn end(self, bench: &Bench) -> Result<()> {
        if bench.options.short {
            self.names.iter().try_for_each(|name| self.worker.delete(name))?;
        }
        bench.give_back(self.case, self.side, self.worker);
        Ok(())
    }
}
