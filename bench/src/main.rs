//! `cargo xtask bench`, and the bare clients that it measures beside.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use millrace_bench::bare::{self, Bare};
use millrace_bench::options::Options;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bare-producer", bootstrap, topic, file, limit @ ..] => {
            show(bare::produce(bootstrap, topic, Path::new(file), seconds(limit)?)?)
        }
        ["bare-consumer", bootstrap, topic, records, limit @ ..] => {
            let records = records.parse().context("a number of records")?;
            show(bare::consume(bootstrap, topic, records, seconds(limit)?)?)
        }
        _ => {
            let program = std::env::current_exe().context("finding this program")?;
            let failed = millrace_bench::run(Options::parse(), program)?;
            if failed.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            eprintln!("failed: {}", failed.join(", "));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Reads the optional last argument of a bare client: after how many seconds it stops.
fn seconds(arguments: &[&str]) -> Result<Option<Duration>> {
    let Some(first) = arguments.first() else { return Ok(None) };
    Ok(Some(Duration::from_secs(first.parse().context("a number of seconds")?)))
}

fn show(bare: Bare) -> Result<ExitCode> {
    println!("{}", serde_json::to_string(&bare)?);
    Ok(ExitCode::SUCCESS)
}
