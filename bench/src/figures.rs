//! Figures out of samples: pure arithmetic.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::proc::Usage;

/// What is measured of a run. The order is that of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    RecordsPerSecond,
    CpuSecondsPerMillion,
    /// From the first creation over REST until all connectors run.
    SecondsUntilAllRun,
    LatencyP50,
    LatencyP99,
    LatencyP999,
    StartSeconds,
    PeakBytes,
    SteadyBytes,
    Threads,
    /// CPU seconds in a minute, of a worker that has nothing to do.
    IdleCpuPerMinute,
}

/// The figures of one run.
pub type Figures = BTreeMap<Metric, f64>;

/// One look at a running worker.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    pub at: Duration,
    pub arrived: u64,
    pub usage: Usage,
}

/// How long, and for which part of the records at most, a run is left out as warm-up: a JVM compiles for seconds.
pub const WARM_UP: Duration = Duration::from_secs(5);
pub const WARM_UP_PART: u64 = 4;

/// Computes what a run of `total` records gives; `None` when nothing arrived behind the warm-up.
pub fn of_flow(samples: &[Sample], total: u64) -> Option<Figures> {
    let first = samples.iter().find(|sample| sample.arrived > 0)?;
    let is_warm = |sample: &Sample| sample.arrived >= total / WARM_UP_PART || sample.at >= first.at + WARM_UP;
    let window: Vec<Sample> = samples.iter().copied().skip_while(|sample| !is_warm(sample)).collect();
    // A worker may end the last records between two looks; in a short run that is all there is.
    let (begin, window) = match window.as_slice() {
        [_] | [] => (samples.iter().rfind(|sample| sample.arrived == 0).copied()?, samples),
        window => (window[0], window),
    };
    let end = window.iter().find(|sample| sample.arrived >= total).or(window.last())?;
    let (records, time) = (end.arrived.checked_sub(begin.arrived)?, end.at.checked_sub(begin.at)?);
    if records == 0 || time.is_zero() {
        return None;
    }
    let cpu = end.usage.cpu.saturating_sub(begin.usage.cpu).as_secs_f64();
    let mut figures = memory(window);
    figures.insert(Metric::RecordsPerSecond, records as f64 / time.as_secs_f64());
    figures.insert(Metric::CpuSecondsPerMillion, cpu * 1e6 / records as f64);
    Some(figures)
}

/// Returns memory and threads over some samples.
pub fn memory(samples: &[Sample]) -> Figures {
    let usages = || samples.iter().map(|sample| sample.usage);
    let resident: Vec<f64> = usages().map(|usage| usage.resident as f64).collect();
    let most = |number: fn(&Usage) -> u64| usages().map(|usage| number(&usage)).max().unwrap_or(0) as f64;
    Figures::from([
        (Metric::PeakBytes, most(|usage| usage.peak)),
        (Metric::SteadyBytes, median(&resident).unwrap_or(0.0)),
        (Metric::Threads, most(|usage| usage.threads)),
    ])
}

/// Returns the latencies, in milliseconds, that 50, 99 and 99.9 % of the records stay below.
pub fn of_latencies(mut micros: Vec<u64>) -> Figures {
    micros.sort_unstable();
    let at = |part: f64| {
        let index = ((micros.len() as f64 * part).ceil() as usize).clamp(1, micros.len()) - 1;
        micros[index] as f64 / 1000.0
    };
    if micros.is_empty() {
        return Figures::new();
    }
    Figures::from([
        (Metric::LatencyP50, at(0.5)),
        (Metric::LatencyP99, at(0.99)),
        (Metric::LatencyP999, at(0.999)),
    ])
}

/// Returns the middle of the values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// Returns by which part of their mean two values differ.
pub fn difference(a: f64, b: f64) -> f64 {
    let mean = (a + b) / 2.0;
    if mean == 0.0 { 0.0 } else { (a - b).abs() / mean }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(seconds: u64, arrived: u64, cpu: u64) -> Sample {
        let usage = Usage { cpu: Duration::from_secs(cpu), resident: seconds, peak: 70, threads: 3 };
        Sample { at: Duration::from_secs(seconds), arrived, usage }
    }

    #[test]
    fn the_warm_up_is_left_out() {
        // A quarter has arrived at 3 s; all at 6 s.
        let samples = [(1, 0, 0), (2, 10, 9), (3, 100, 10), (4, 200, 11), (6, 400, 13), (7, 400, 13)];
        let figures = of_flow(&samples.map(|(at, arrived, cpu)| sample(at, arrived, cpu)), 400).unwrap();
        assert_eq!(figures[&Metric::RecordsPerSecond], 100.0);
        assert_eq!(figures[&Metric::CpuSecondsPerMillion], 1e4);
        assert_eq!((figures[&Metric::PeakBytes], figures[&Metric::Threads]), (70.0, 3.0));
    }

    #[test]
    fn a_slow_run_is_warm_after_some_seconds() {
        let samples = [(0, 0, 0), (1, 10, 1), (6, 60, 2), (16, 260, 12)];
        let figures = of_flow(&samples.map(|(at, arrived, cpu)| sample(at, arrived, cpu)), 100_000).unwrap();
        assert_eq!(figures[&Metric::RecordsPerSecond], 20.0);
    }

    #[test]
    fn a_run_that_ends_between_two_looks_counts_from_its_begin() {
        let samples = [sample(1, 0, 0), sample(2, 500, 1)];
        assert_eq!(of_flow(&samples, 500).unwrap()[&Metric::RecordsPerSecond], 500.0);
        assert_eq!(of_flow(&[sample(1, 0, 0), sample(2, 0, 0)], 500), None);
        assert_eq!(of_flow(&[], 500), None);
    }

    #[test]
    fn percentiles_medians_and_differences() {
        let figures = of_latencies((1..=1000).map(|millis| millis * 1000).collect());
        let of = |metric| figures[&metric];
        assert_eq!(
            (of(Metric::LatencyP50), of(Metric::LatencyP99), of(Metric::LatencyP999)),
            (500.0, 990.0, 999.0)
        );
        assert!(of_latencies(Vec::new()).is_empty());
        assert_eq!(
            (median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0]), median(&[])),
            (Some(2.0), Some(1.5), None)
        );
        assert!((difference(90.0, 110.0) - 0.2).abs() < 1e-9);
    }
}
