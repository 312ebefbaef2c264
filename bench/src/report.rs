//! The results for people: a table on the screen, and RESULTS.md with its charts.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::chart;
use crate::figures::{Figures, Metric};
use crate::results::{Outcome, Results};
use crate::side::Side;

const METRICS: [Metric; 11] = [
    Metric::RecordsPerSecond,
    Metric::CpuSecondsPerMillion,
    Metric::SecondsUntilAllRun,
    Metric::LatencyP50,
    Metric::LatencyP99,
    Metric::LatencyP999,
    Metric::StartSeconds,
    Metric::PeakBytes,
    Metric::SteadyBytes,
    Metric::Threads,
    Metric::IdleCpuPerMinute,
];

const SIDES: [Side; 2] = [Side::Java, Side::Millrace];

/// Writes RESULTS.md and the charts.
pub fn write(results: &Results, folder: &Path) -> Result<()> {
    let charts = folder.join("charts");
    fs::create_dir_all(&charts).with_context(|| format!("making {}", charts.display()))?;
    for (group, outcomes) in results.groups() {
        for (name, svg) in chart::of_group(group, &outcomes) {
            let path = charts.join(&name);
            fs::write(&path, svg).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    let path = folder.join("RESULTS.md");
    fs::write(&path, markdown(results)).with_context(|| format!("writing {}", path.display()))
}

/// Returns the figures of one run on one line.
pub fn line(figures: &Figures) -> String {
    let figures =
        figures.iter().map(|(metric, value)| format!("{} {}", short_title(*metric), shown(*metric, *value)));
    figures.collect::<Vec<_>>().join(", ")
}

/// Returns the table of a case for the screen.
pub fn screen(outcome: &Outcome) -> String {
    let mut text = String::new();
    for row in rows(&[outcome]) {
        let cells: String = row.cells.iter().map(|cell| format!("{cell:>22}")).collect();
        text += &format!("  {:<34}{cells}\n", row.title);
    }
    let ratio = |metric| outcome.ratio(metric).map(|ratio| format!("{ratio:.2}"));
    if let Some(ratio) = ratio(Metric::RecordsPerSecond) {
        text +=
            &format!("  Millrace / Java: {ratio} in records/s{}\n", noise(outcome, Metric::RecordsPerSecond));
    }
    if let Some(ratio) = ratio(Metric::CpuSecondsPerMillion) {
        text += &format!(
            "  Millrace / Java: {ratio} in CPU per record{}\n",
            noise(outcome, Metric::CpuSecondsPerMillion)
        );
    }
    text
}

/// Returns RESULTS.md.
pub fn markdown(results: &Results) -> String {
    let mut text = "# Millrace beside Java Kafka Connect\n\n\
        Written by `cargo xtask bench`; [docs/performance.md](../docs/performance.md) says how to read it and how to \
        repeat it. Each figure is the median of its runs, which came in turn on one machine with one broker. The share \
        is that of the first ceiling, which a bare program reaches with the same data.\n"
        .to_owned();
    if results.cases.is_empty() {
        return text + "\nNothing has been recorded yet.\n";
    }
    for (group, outcomes) in results.groups() {
        text += &section(group, &outcomes);
    }
    text
}

/// One line of a table: a metric, and its figure in each column.
struct Row {
    title: String,
    cells: Vec<String>,
}

fn section(group: &str, outcomes: &[&Outcome]) -> String {
    let title = outcomes[0].title.split(" (").next().unwrap_or(group);
    let mut text = format!("\n## {title}\n\n");
    for (name, _) in chart::of_group(group, outcomes) {
        text += &format!("![{title}](charts/{name})\n");
    }
    let mut rows = rows(outcomes).into_iter();
    let head = rows.next().map(|row| row.cells).unwrap_or_default();
    text += &format!("\n| | {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len()));
    for row in rows {
        text += &format!("| {} | {} |\n", row.title, row.cells.join(" | "));
    }
    text += "\n";
    for outcome in outcomes {
        text += &remarks(outcome);
    }
    text
}

fn remarks(outcome: &Outcome) -> String {
    let mut text = format!("- {} settings (", outcome.settings);
    let links = outcome.files.iter().map(|file| format!("[{file}](settings/{file})"));
    text += &links.collect::<Vec<_>>().join(", ");
    text += "):";
    for metric in [
        Metric::RecordsPerSecond,
        Metric::CpuSecondsPerMillion,
        Metric::SteadyBytes,
        Metric::SecondsUntilAllRun,
    ] {
        if let Some(ratio) = outcome.ratio(metric) {
            let title = short_title(metric);
            text += &format!(" Millrace has {ratio:.2} times Java's {title}{};", noise(outcome, metric));
        }
    }
    for ceiling in &outcome.ceilings {
        text += &format!(
            " {}: {} records/s, {:.2} CPU-s per million;",
            ceiling.program,
            grouped(ceiling.records_per_second),
            ceiling.cpu_seconds_per_million
        );
    }
    let machine = &outcome.machine;
    text += &format!(
        " {}, {:.0} s, load {:.1}; {} cores, {}, {} GiB, {}; Kafka and Connect {}, {}, librdkafka {}; Millrace {}.\n",
        machine.date,
        outcome.seconds,
        machine.load,
        machine.cores,
        machine.processor,
        machine.memory_gib,
        machine.system,
        machine.kafka,
        machine.java,
        machine.librdkafka,
        machine.millrace
    );
    for (side, result) in &outcome.sides {
        if let Some(failure) = &result.failure {
            let first = failure.lines().next().unwrap_or_default();
            text += &format!("- **{side} failed** in a run with {} settings: {first}\n", outcome.settings);
        }
    }
    text
}

/// Returns the head and a line for each metric that some column has.
fn rows(outcomes: &[&Outcome]) -> Vec<Row> {
    let columns: Vec<(&Outcome, Side)> = outcomes
        .iter()
        .flat_map(|outcome| SIDES.map(|side| (*outcome, side)))
        .filter(|(outcome, side)| outcome.sides.contains_key(side))
        .collect();
    let head = columns.iter().map(|(outcome, side)| format!("{side}, {}", outcome.settings)).collect();
    let mut rows = vec![Row { title: String::new(), cells: head }];
    for metric in METRICS {
        let has_some = columns.iter().any(|(outcome, side)| outcome.figure(*side, metric).is_some());
        if has_some {
            let cells = columns.iter().map(|(outcome, side)| cell(outcome, *side, metric)).collect();
            rows.push(Row { title: title(metric).to_owned(), cells });
        }
    }
    let runs = |(outcome, side): &(&Outcome, Side)| outcome.sides[side].runs.len().to_string();
    rows.push(Row { title: "runs".to_owned(), cells: columns.iter().map(runs).collect() });
    rows
}

fn cell(outcome: &Outcome, side: Side, metric: Metric) -> String {
    let Some(value) = outcome.figure(side, metric) else {
        return if outcome.sides[&side].failure.is_some() { "failed".to_owned() } else { "–".to_owned() };
    };
    let text = shown(metric, value);
    match outcome.share(side) {
        Some(share) if metric == Metric::RecordsPerSecond => format!("{text} ({:.0} %)", share * 100.0),
        _ => text,
    }
}

fn noise(outcome: &Outcome, metric: Metric) -> String {
    outcome.noise.get(&metric).map_or(String::new(), |noise| format!(" (noise {:.0} %)", noise * 100.0))
}

fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::RecordsPerSecond => "records/s (share of ceiling)",
        Metric::CpuSecondsPerMillion => "CPU-s per million records",
        Metric::SecondsUntilAllRun => "s until all connectors run",
        Metric::LatencyP50 => "latency p50, ms",
        Metric::LatencyP99 => "latency p99, ms",
        Metric::LatencyP999 => "latency p99.9, ms",
        Metric::StartSeconds => "start to REST, s",
        Metric::PeakBytes => "peak memory, MB",
        Metric::SteadyBytes => "steady memory, MB",
        Metric::Threads => "threads",
        Metric::IdleCpuPerMinute => "CPU-s per idle minute",
    }
}

fn short_title(metric: Metric) -> &'static str {
    match metric {
        Metric::RecordsPerSecond => "records/s",
        Metric::CpuSecondsPerMillion => "CPU-s per million",
        Metric::SecondsUntilAllRun => "seconds until all run",
        Metric::LatencyP50 => "p50 ms",
        Metric::LatencyP99 => "p99 ms",
        Metric::LatencyP999 => "p99.9 ms",
        Metric::StartSeconds => "start s",
        Metric::PeakBytes => "peak MB",
        Metric::SteadyBytes => "steady MB",
        Metric::Threads => "threads",
        Metric::IdleCpuPerMinute => "CPU-s per idle minute",
    }
}

fn shown(metric: Metric, value: f64) -> String {
    match metric {
        Metric::RecordsPerSecond | Metric::Threads => grouped(value),
        Metric::PeakBytes | Metric::SteadyBytes => grouped(value / 1e6),
        Metric::LatencyP50 | Metric::LatencyP99 | Metric::LatencyP999 => format!("{value:.1}"),
        Metric::StartSeconds if value < 1.0 => format!("{value:.3}"),
        Metric::CpuSecondsPerMillion
        | Metric::SecondsUntilAllRun
        | Metric::StartSeconds
        | Metric::IdleCpuPerMinute => format!("{value:.2}"),
    }
}

/// Writes a whole number with commas.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.round());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
