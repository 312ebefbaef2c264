//! The herder decides and does nothing else: no clock, socket, thread, random source or async in it.

use crate::tidy::Fault;
use crate::tidy::source::Source;

const FORBIDDEN: [&str; 11] = [
    "tokio",
    "futures",
    "rand",
    "std::net",
    "std::fs",
    "std::thread",
    "std::time::Instant",
    "Instant::now",
    "SystemTime",
    "async fn",
    ".await",
];

/// Collections without an order make two runs with one seed differ.
const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];

pub fn purity(source: &Source) -> Vec<Fault> {
    if !source.path.starts_with("herder/src/") {
        return Vec::new();
    }
    let forbidden = FORBIDDEN.into_iter().chain(UNORDERED);
    let faults_of = |word: &'static str| {
        let lines = source.lines_with(word).filter(|line| !source.is_test(line - 1));
        lines.map(move |line| {
            Fault::new(&source.path, line, "herder purity", format!("`{word}` in the herder"))
        })
    };
    forbidden.flat_map(faults_of).collect()
}
