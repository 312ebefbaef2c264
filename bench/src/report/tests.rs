use std::collections::BTreeMap;

use super::*;
use crate::ceiling::Ceiling;
use crate::machine::Machine;
use crate::results::SideOutcome;

fn side(rates: &[f64]) -> SideOutcome {
    let figures = |rate: &f64| Figures::from([(Metric::RecordsPerSecond, *rate), (Metric::SteadyBytes, 5e6)]);
    SideOutcome { runs: rates.iter().map(figures).collect(), failure: None }
}

fn outcome(settings: &str) -> Outcome {
    Outcome {
        title: format!("File to topic ({settings})"),
        group: "file".to_owned(),
        settings: settings.to_owned(),
        files: vec!["worker.properties".to_owned()],
        machine: Machine::default(),
        seconds: 1.0,
        sides: BTreeMap::from([(Side::Java, side(&[100_000.0])), (Side::Millrace, side(&[1e6, 2e6, 5e5]))]),
        ceilings: vec![Ceiling {
            program: "bare".to_owned(),
            records_per_second: 2e6,
            cpu_seconds_per_million: 1.0,
        }],
        noise: BTreeMap::from([(Metric::RecordsPerSecond, 0.03)]),
    }
}

#[test]
fn default_and_tuned_stand_side_by_side_with_their_share() {
    let mut results = Results::default();
    for settings in ["tuned", "default"] {
        results.cases.insert(format!("file-{settings}"), outcome(settings));
    }
    let text = markdown(&results);
    let head = "| | Java, default | Millrace, default | Java, tuned | Millrace, tuned |";
    assert!(text.contains(head), "{text}");
    assert!(text.contains("| records/s (share of ceiling) | 100,000 (5 %) | 1,000,000 (50 %) |"), "{text}");
    assert!(text.contains("Millrace has 10.00 times Java's records/s (noise 3 %);"), "{text}");
    assert!(text.contains("![File to topic](charts/file-rate.svg)"), "{text}");
}

#[test]
fn a_failure_is_shown_where_the_figure_would_be() {
    let mut outcome = outcome("default");
    let java = SideOutcome { runs: Vec::new(), failure: Some("out of memory\nmore".to_owned()) };
    outcome.sides.insert(Side::Java, java);
    let mut results = Results::default();
    results.cases.insert("file".to_owned(), outcome);
    let text = markdown(&results);
    assert!(text.contains("| records/s (share of ceiling) | failed | 1,000,000 (50 %) |"), "{text}");
    assert!(text.contains("- **Java failed** in a run with default settings: out of memory\n"), "{text}");
}

#[test]
fn results_survive_their_file() {
    let folder = millrace_tests::Folder::new();
    let path = folder.path("results.json");
    let mut results = Results::read(&path).unwrap();
    results.cases.insert("file".to_owned(), outcome("default"));
    results.write(&path).unwrap();
    assert_eq!(Results::read(&path).unwrap(), results);
    write(&results, folder.root()).unwrap();
    let svg = fs::read_to_string(folder.path("charts/file-rate.svg")).unwrap();
    assert_eq!(svg.matches("<rect").count(), 3);
    assert!(svg.contains("1,000,000</text>") && svg.contains("<line"), "{svg}");
}

#[test]
fn thousands_are_grouped() {
    assert_eq!([0.0, 999.4, 1000.0, 1234567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
