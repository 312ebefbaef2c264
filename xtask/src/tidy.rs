//! The rules of the code that no lint knows, each a pure function from the tree to its faults.

pub mod dependencies;
mod examples;
mod herder;
mod length;
mod source;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::tidy::source::Source;
use crate::tree::Tree;

/// A broken rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    file: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Fault {
    pub fn new(file: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {} [{}]", self.file, self.line, self.message, self.rule)
    }
}

/// Checks all rules that look at files.
pub fn check(tree: &Tree) -> Vec<Fault> {
    let sources: Vec<Source> = tree.rust_files().map(|(path, text)| Source::parse(path, text)).collect();
    let mut faults = Vec::new();
    for source in &sources {
        faults.extend(length::file_length(source));
        faults.extend(length::function_lengths(source));
        faults.extend(words::macros(source));
        faults.extend(words::todos(source));
        faults.extend(words::allows(source));
        faults.extend(herder::purity(source));
    }
    for (path, text) in tree.files() {
        faults.extend(words::module_files(path));
        faults.extend(words::machine_paths(path, text));
    }
    faults.extend(length::stale_exemptions(&sources));
    faults.extend(examples::mentioned(tree));
    faults
}
