//! Charts as SVG: bars, one for each program and settings, with the ceiling as a line.

use crate::figures::Metric;
use crate::report::grouped;
use crate::results::Outcome;
use crate::side::Side;

/// A bar: its label, its length, and how that is written.
struct Bar {
    label: String,
    value: f64,
    text: String,
    colour: &'static str,
}

struct Chart<'a> {
    title: &'a str,
    bars: Vec<Bar>,
    ceiling: Option<f64>,
}

const WIDTH: f64 = 720.0;
const LABELS: f64 = 150.0;
/// Room behind the longest bar for its figure.
const FIGURES: f64 = 110.0;
const BAR: f64 = 22.0;
const STEP: f64 = 30.0;
const TOP: f64 = 36.0;

const JAVA: &str = "#b07219";
const MILLRACE: &str = "#2b6cb0";

/// Returns the charts of a group: names and contents.
pub fn of_group(group: &str, outcomes: &[&Outcome]) -> Vec<(String, String)> {
    let ceiling = outcomes.iter().filter_map(|outcome| outcome.ceilings.first());
    let ceiling = ceiling.map(|ceiling| ceiling.records_per_second).reduce(f64::max);
    let charts = [
        ("rate", "records/s (line: ceiling)", Metric::RecordsPerSecond, ceiling),
        ("cpu", "CPU-s per million records", Metric::CpuSecondsPerMillion, None),
        ("creates", "seconds until all connectors run", Metric::SecondsUntilAllRun, None),
        ("memory", "steady memory, MB", Metric::SteadyBytes, None),
        ("start", "start to the first REST answer, s", Metric::StartSeconds, None),
    ];
    let shown = charts.into_iter().filter_map(|(name, title, metric, ceiling)| {
        let bars = bars(outcomes, metric);
        let is_alone = metric != Metric::StartSeconds || !has(outcomes, Metric::SteadyBytes);
        let svg = Chart { title, bars, ceiling }.svg()?;
        is_alone.then(|| (format!("{group}-{name}.svg"), svg))
    });
    shown.collect()
}

fn has(outcomes: &[&Outcome], metric: Metric) -> bool {
    outcomes.iter().any(|outcome| outcome.figure(Side::Millrace, metric).is_some())
}

fn bars(outcomes: &[&Outcome], metric: Metric) -> Vec<Bar> {
    let mut bars = Vec::new();
    for outcome in outcomes {
        for (side, colour) in [(Side::Java, JAVA), (Side::Millrace, MILLRACE)] {
            let Some(value) = outcome.figure(side, metric) else { continue };
            let text = match metric {
                Metric::RecordsPerSecond => grouped(value),
                Metric::SteadyBytes => grouped(value / 1e6),
                _ => format!("{value:.2}"),
            };
            bars.push(Bar { label: format!("{side}, {}", outcome.settings), value, text, colour });
        }
    }
    bars
}

// === impl Chart ===

impl Chart<'_> {
    fn svg(&self) -> Option<String> {
        let longest = self.bars.iter().map(|bar| bar.value).chain(self.ceiling).fold(0.0, f64::max);
        if self.bars.is_empty() || longest <= 0.0 {
            return None;
        }
        let scale = (WIDTH - LABELS - FIGURES) / longest;
        let height = TOP + STEP * self.bars.len() as f64 + 8.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"8\" y=\"20\" font-weight=\"bold\">{}</text>\n",
            self.title
        );
        for (index, bar) in self.bars.iter().enumerate() {
            let y = TOP + STEP * index as f64;
            let (length, middle) = (bar.value * scale, y + BAR / 2.0 + 4.5);
            svg += &format!(
                "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\n\
                 <rect x=\"{LABELS}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{}\"/>\n\
                 <text x=\"{:.1}\" y=\"{middle:.1}\">{}</text>\n",
                LABELS - 8.0,
                bar.label,
                bar.colour,
                LABELS + length + 6.0,
                bar.text
            );
        }
        if let Some(ceiling) = self.ceiling {
            let x = LABELS + ceiling * scale;
            svg += &format!(
                "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#c53030\" stroke-width=\"2\"/>\n",
                TOP - 6.0,
                height - 6.0
            );
        }
        Some(svg + "</svg>\n")
    }
}
