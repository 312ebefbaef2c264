//! The rounds of a case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::Bench;
use crate::cases::{Case, Work};
use crate::ceiling::{self, Ceiling};
use crate::figures::{Metric, difference};
use crate::flow::{self, Gave, Measure, Subject};
use crate::idle;
use crate::machine::Machine;
use crate::place::Data;
use crate::results::{Outcome, SideOutcome};
use crate::side::Side;

/// No run is begun when it would end later than this after the begin of its case.
const CASE_WAIT: Duration = Duration::from_secs(285);

/// Runs a case in all its rounds. A run that fails is an outcome, too: it ends the runs of its program.
pub fn run(bench: &Bench, case: &Case) -> Result<Outcome> {
    let begin = Instant::now();
    let machine = Machine::look(&bench.options.build)?;
    let mut rounds = Rounds {
        bench,
        case,
        begin,
        data: None,
        sides: BTreeMap::new(),
        longest: BTreeMap::new(),
        given_up: BTreeSet::new(),
    };
    let mut ceilings = Vec::new();
    if let Work::Flow(flow) = &case.work {
        println!("  making {} records", flow.records);
        let data = Data::make(bench, flow)?;
        if bench.options.only.is_none() {
            ceilings = ceiling::measure(bench, flow, &data)?;
            ceilings.iter().for_each(show_ceiling);
        }
        rounds.data = Some(data);
    }
    for side in plan(bench) {
        rounds.run(side);
    }
    let Rounds { sides, data, .. } = rounds;
    if let Some(data) = data {
        data.remove(bench)?;
    }
    Ok(Outcome {
        title: case.title.clone(),
        group: case.group.clone(),
        settings: case.settings.clone(),
        files: case.files(),
        machine,
        seconds: begin.elapsed().as_secs_f64(),
        noise: noise(&sides),
        sides,
        ceilings,
    })
}

/// First each program twice in a row, so that their difference shows what the machine does by itself; then in turn.
fn plan(bench: &Bench) -> Vec<Side> {
    let both = [Side::Java, Side::Millrace];
    if bench.options.short {
        return bench.options.only.map_or(both.to_vec(), |side| vec![side]);
    }
    let mut plan = vec![Side::Java, Side::Java, Side::Millrace, Side::Millrace];
    plan.extend((0..bench.options.rounds).flat_map(|_| both));
    if let Some(only) = bench.options.only {
        plan.retain(|side| *side == only);
        // Nothing to compare with: fewer runs do.
        plan.truncate(bench.options.rounds.max(1));
    }
    plan
}

struct Rounds<'a> {
    bench: &'a Bench,
    case: &'a Case,
    begin: Instant,
    data: Option<Data>,
    sides: BTreeMap<Side, SideOutcome>,
    longest: BTreeMap<Side, Duration>,
    /// Programs that are not run again: a run ended without figures, or the time is over.
    given_up: BTreeSet<Side>,
}

impl Rounds<'_> {
    fn run(&mut self, side: Side) {
        let outcome = self.sides.entry(side).or_default();
        let expected = self.longest.get(&side).copied().unwrap_or_default();
        if self.given_up.contains(&side) {
            return;
        }
        if self.begin.elapsed() + expected > CASE_WAIT {
            println!("  {side:<9} no more runs: the case would take longer than {} s", CASE_WAIT.as_secs());
            self.given_up.insert(side);
            return;
        }
        let measure = match outcome.runs.is_empty() {
            true => Measure::RateAndLatency,
            false => Measure::Rate,
        };
        let begin = Instant::now();
        let result = self.once(side, measure);
        let time = begin.elapsed();
        let outcome = self.sides.entry(side).or_default();
        let trouble = match result {
            Ok(Gave { figures, trouble }) => {
                println!("  {side:<9} {} ({:.0} s)", crate::report::line(&figures), time.as_secs_f64());
                outcome.runs.push(figures);
                trouble
            }
            Err(error) => {
                self.given_up.insert(side);
                Some(error)
            }
        };
        if let Some(error) = trouble {
            println!("  {side:<9} failed: {error:#}");
            outcome.failure = Some(format!("{error:#}"));
        }
        let longest = self.longest.entry(side).or_default();
        *longest = time.max(*longest);
    }

    fn once(&self, side: Side, measure: Measure) -> Result<Gave> {
        let (bench, case) = (self.bench, self.case);
        match case.work {
            Work::Flow(flow) => {
                let data = self.data.as_ref().context("the data of a flow is made before its runs")?;
                flow::run(bench, &Subject { case, flow, data, side }, measure)
            }
            Work::Start { times } => idle::starts(bench, case, side, times).map(Gave::from),
            Work::Idle { connectors } => idle::idle(bench, case, side, connectors).map(Gave::from),
            Work::Creates { connectors } => idle::creates(bench, case, side, connectors).map(Gave::from),
        }
    }
}

/// The first two runs of a program came in a row.
fn noise(sides: &BTreeMap<Side, SideOutcome>) -> BTreeMap<Metric, f64> {
    let mut noise: BTreeMap<Metric, f64> = BTreeMap::new();
    for side in sides.values() {
        let [first, second, ..] = side.runs.as_slice() else { continue };
        for (metric, value) in first {
            let Some(other) = second.get(metric) else { continue };
            let most = noise.entry(*metric).or_default();
            *most = most.max(difference(*value, *other));
        }
    }
    noise
}

fn show_ceiling(ceiling: &Ceiling) {
    println!(
        "  {}: {:.0} records/s, {:.2} CPU-s per million",
        ceiling.program, ceiling.records_per_second, ceiling.cpu_seconds_per_million
    );
}
