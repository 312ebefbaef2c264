//! Golden vectors: what Connect's converters, transformations and text inference do, case by case.
//!
//! Each case of the three JSON files is counted: it holds, or its class is not built yet, or it is one of the few that
//! are known to differ, with the reason. A class that is added is run without a change here but for one name that
//! leaves a list. The first argument selects cases by a part of their names.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod converters;
mod errors;
mod notation;
mod record;
mod show;
mod suite;
mod transforms;
mod values;

use std::{
    env,
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    // Instants are shown on the clock of the process, and the vectors are of a process in UTC.
    if env::var("TZ").as_deref() != Ok("UTC") {
        let mut again = Command::new(env::current_exe().unwrap());
        let status = again.args(env::args().skip(1)).env("TZ", "UTC").status().unwrap();
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let part = env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let suites = [converters::suite(), transforms::suite(), values::suite()];
    let counts: Vec<_> = suites.iter().map(|suite| suite.run(part.as_deref())).collect();
    // The line by which `cargo xtask test` counts: what differs or is not built is ignored, and said above.
    let sum = |of: fn(&suite::Count) -> usize| counts.iter().map(of).sum::<usize>();
    let failed = sum(|count| count.problems.len());
    let result = if failed == 0 { "ok" } else { "FAILED" };
    let (held, ignored) = (sum(|count| count.held), sum(suite::Count::ignored));
    println!(
        "test result: {result}. {held} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
