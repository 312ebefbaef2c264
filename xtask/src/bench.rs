//! Builds Millrace and the bench as they are shipped, and runs the bench.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Runs the bench with `arguments`; `--dist` is ours, the rest is the bench's own.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitStatus> {
    let profile = if arguments.iter().any(|argument| argument == "--dist") { "dist" } else { "release" };
    // Whoever sets MILLRACE_BIN measures a program that is built already.
    let millrace = match std::env::var_os("MILLRACE_BIN") {
        Some(program) => PathBuf::from(program),
        None => build(root, profile, &["millrace"], "millrace")?,
    };
    // Together, cargo gives both the same features, and librdkafka is not built twice.
    let bench = build(root, profile, &["millrace", "millrace-bench"], "millrace-bench")?;
    let mut command = Command::new(bench);
    command.args(["--build", profile]).args(arguments.iter().filter(|argument| *argument != "--dist"));
    command.env("MILLRACE_BIN", millrace).current_dir(root);
    command.status().context("starting the bench")
}

/// Builds `name` with the features that `packages` have together, and returns where it is.
fn build(root: &Path, profile: &str, packages: &[&str], name: &str) -> Result<PathBuf> {
    println!("building {name} ({profile})");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--profile", profile, "--bin", name]);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    cargo.arg("--message-format=json-render-diagnostics");
    let output = cargo.current_dir(root).stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("{name} does not build");
    }
    let program = program(&String::from_utf8_lossy(&output.stdout), name);
    program.with_context(|| format!("cargo names no program {name}"))
}

/// Reads cargo's messages.
fn program(messages: &str, target: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter(|message| message["target"]["name"] == target);
    programs.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_cargos_messages() {
        let messages = "not json\n\
            {\"target\":{\"name\":\"millrace\"},\"executable\":null}\n\
            {\"target\":{\"name\":\"millrace\"},\"executable\":\"/t/release/millrace\"}\n";
        assert_eq!(program(messages, "millrace"), Some(PathBuf::from("/t/release/millrace")));
        assert_eq!(program(messages, "millrace-bench"), None);
    }
}
