//! Millrace beside Java Kafka Connect: the same data, the same files, the same broker, one after the other.
//!
//! A case is a file in `cases/` (`cases.rs`). `schedule.rs` runs it in rounds; `flow.rs`, `latency.rs` and `idle.rs`
//! measure one run; `figures.rs` computes, `report.rs` and `chart.rs` show. `docs/performance.md` says how to read it.

pub mod bare;
mod cases;
mod ceiling;
mod chart;
mod figures;
mod flow;
mod idle;
mod kafka;
mod latency;
mod machine;
pub mod options;
mod payload;
mod place;
mod proc;
mod report;
mod results;
mod schedule;
mod side;
mod worker;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use millrace_tests::Broker;
use millrace_tests::java::Jvm;

use crate::cases::Case;
use crate::kafka::Topics;
use crate::options::Options;
use crate::results::Results;
use crate::side::Side;
use crate::worker::{Start, Worker};

/// The broker's heap: that of Kafka's own start script.
const BROKER_HEAP: &str = "1g";

/// A bench with its broker.
pub struct Bench {
    pub(crate) options: Options,
    /// This program, which is also the bare clients.
    pub(crate) program: PathBuf,
    pub(crate) topics: Topics,
    /// Workers that the short form uses again, by program and worker file.
    kept: RefCell<Vec<(Side, PathBuf, Worker)>>,
    next: Cell<u32>,
    /// Ends last.
    _broker: Broker,
}

/// Runs what the options ask for; returns the names of cases in which something failed.
///
/// `program` is the executable that runs the bare clients.
pub fn run(options: Options, program: PathBuf) -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = cases::load(folder, &options.cases)?;
    let output = options.output.clone().unwrap_or_else(|| folder.to_owned());
    fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let mut results = Results::read(&output.join("results.json"))?;
    println!("starting Apache Kafka");
    let bench = Bench::start(options, program)?;
    let mut failed = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let case = if bench.options.short { case.clone().short() } else { case.clone() };
        println!("\n[{}/{}] {}: {}", number + 1, cases.len(), case.name, case.title);
        let outcome = match schedule::run(&bench, &case) {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("  failed: {error:#}");
                failed.push(case.name);
                continue;
            }
        };
        print!("{}", report::screen(&outcome));
        if outcome.sides.values().any(|side| side.failure.is_some()) {
            failed.push(case.name.clone());
        }
        if bench.options.records() {
            results.cases.insert(case.name.clone(), outcome);
            results.write(&output.join("results.json"))?;
            report::write(&results, &output)?;
        }
    }
    if bench.options.records() {
        println!("\nwrote {}", output.join("RESULTS.md").display());
    }
    Ok(failed)
}

// === impl Bench ===

impl Bench {
    fn start(options: Options, program: PathBuf) -> Result<Self> {
        let jvm = match options.short {
            true => Jvm::QuickStart,
            false => Jvm::AsUsersRunIt { heap: BROKER_HEAP.to_owned() },
        };
        let broker = Broker::kafka_on(jvm);
        let topics = Topics::new(&broker.bootstrap())?;
        Ok(Self { options, program, topics, kept: RefCell::default(), next: Cell::new(1), _broker: broker })
    }

    /// Returns a name that nothing else of this bench has.
    pub(crate) fn unique(&self, name: &str) -> String {
        let number = self.next.replace(self.next.get() + 1);
        format!("{name}-{number}")
    }

    /// Starts a worker; in the short form, takes one that was started with the same file.
    pub(crate) fn worker(&self, case: &Case, side: Side) -> Result<Worker> {
        let mut kept = self.kept.borrow_mut();
        if let Some(index) = kept.iter().position(|(of, file, _)| *of == side && file == case.worker(side)) {
            return Ok(kept.swap_remove(index).2);
        }
        drop(kept);
        let jvm = match self.options.short {
            true => Jvm::QuickStart,
            false => Jvm::AsUsersRunIt { heap: case.heap.clone() },
        };
        Start { case, side, bootstrap: self.topics.bootstrap(), jvm }.start()
    }

    /// Ends a worker that `worker` gave, or keeps it for the next run of the short form.
    pub(crate) fn give_back(&self, case: &Case, side: Side, worker: Worker) {
        if self.options.short {
            self.kept.borrow_mut().push((side, case.worker(side).to_owned(), worker));
        } else {
            worker.kill();
        }
    }

    /// Returns the times of the whole or the short form.
    pub(crate) fn times(
        &self,
        whole: (Duration, Duration),
        short: (Duration, Duration),
    ) -> (Duration, Duration) {
        if self.options.short { short } else { whole }
    }
}
