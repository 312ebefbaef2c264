//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::side::Side;

/// Measures Millrace beside Java Kafka Connect.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench")]
pub struct Options {
    /// Parts of the names of cases; all cases when there is none.
    pub cases: Vec<String>,

    /// A few records each, in one round: shows that the bench works. Nothing is recorded.
    #[arg(long)]
    pub short: bool,

    /// Runs one program alone, without ceilings. Nothing is recorded.
    #[arg(long)]
    pub only: Option<Side>,

    /// How many rounds follow the one in which each program runs twice in a row.
    #[arg(long, default_value_t = 2)]
    pub rounds: usize,

    /// Where RESULTS.md, results.json and the charts are written; bench/ when not given.
    #[arg(long)]
    pub output: Option<PathBuf>,

    /// How Millrace was built; stands in the results.
    #[arg(long, default_value = "release")]
    pub build: String,
}

impl Options {
    /// Returns whether the results are worth keeping.
    pub fn records(&self) -> bool {
        !self.short && self.only.is_none()
    }
}
