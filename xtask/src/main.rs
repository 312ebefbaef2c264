//! What no lint knows, and what CI runs: see `USAGE`.

mod bench;
mod golden;
mod licences;
mod metadata;
mod test;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::test::Tier;
use crate::tidy::Fault;

const USAGE: &str = "usage: cargo xtask COMMAND
  tidy       checks the rules of the code that no lint knows
  licences   checks that every dependency may be shipped
  golden     writes the golden files anew; review what changed
  test [--long] [PART...]
             runs what CI runs, or the suites whose names contain a PART
  bench [--dist] [OPTION...] [CASE...]
             builds Millrace as it is shipped and measures it beside Java Connect; bench --help says more";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => tidy_all(),
        Some("licences") => licences_all(),
        Some("golden") => golden_all(),
        Some("test") => return test_all(&arguments[1..]),
        Some("bench") => return bench_all(&arguments[1..]),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(faults) => report(&faults),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tidy_all() -> Result<Vec<Fault>> {
    let root = root()?;
    let tree = tree::load(&root)?;
    println!("tidy: {} files", tree.files().count());
    let mut faults = tidy::check(&tree);
    faults.extend(tidy::dependencies::check(&metadata::members(&root)?));
    faults.extend(golden::check(&root)?);
    Ok(faults)
}

fn licences_all() -> Result<Vec<Fault>> {
    let root = root()?;
    let deny = std::fs::read_to_string(root.join("deny.toml")).context("reading deny.toml")?;
    let packages = metadata::packages(&root)?;
    println!("licences: {} packages", packages.len());
    Ok(licences::check(&licences::allowed(&deny), &packages))
}

fn golden_all() -> Result<Vec<Fault>> {
    golden::write(&root()?)?;
    Ok(Vec::new())
}

fn test_all(arguments: &[String]) -> ExitCode {
    let (long, parts): (Vec<String>, Vec<String>) =
        arguments.iter().cloned().partition(|part| part == "--long");
    let tier = if long.is_empty() { Tier::Ci } else { Tier::Long };
    match root().and_then(|root| test::run(&root, tier, &parts)) {
        Ok(report) => {
            report.print();
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench_all(arguments: &[String]) -> ExitCode {
    match root().and_then(|root| bench::run(&root, arguments)) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn report(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        println!("{fault}");
    }
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{} faults", faults.len());
    ExitCode::FAILURE
}

fn root() -> Result<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from);
    root.context("xtask lies in the root of the repository")
}
