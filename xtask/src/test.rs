//! Runs everything that CI runs, and says what ran, how long, and with what result.

mod report;
mod suite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::test::report::Report;
use crate::test::suite::Suite;

/// A cold build of everything takes five minutes on two cores; the rest is for a slower or shared machine.
const BUILD_BOUND: Duration = Duration::from_secs(30 * 60);

/// The interop suite takes the longest. A suite that is still running after this hangs.
const SUITE_BOUND: Duration = Duration::from_secs(20 * 60);

/// The same for `--long`: many kills, soaks, long seeds.
const LONG_SUITE_BOUND: Duration = Duration::from_secs(120 * 60);

/// Tests that start servers: more of them at a time than this, and two cores are busy with starting Java.
const SERVER_TEST_THREADS: &str = "4";

/// Crates that must build without the others beside them: their features must not come from a neighbour.
const ALONE: [&str; 3] = ["millrace-api", "millrace-herder", "millrace-kafka"];

/// Which of the two tiers runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    Ci,
    /// Sets `MILLRACE_LONG=1`, by which the tests themselves know.
    Long,
}

/// Runs the suites whose names contain one of `only`, or all when it is empty.
pub fn run(root: &Path, tier: Tier, only: &[String]) -> Result<Report> {
    let mut runner = Runner { root, tier, only, report: Report::default() };
    runner.checks();
    runner.programs()?;
    Ok(runner.report)
}

struct Runner<'a> {
    root: &'a Path,
    tier: Tier,
    only: &'a [String],
    report: Report,
}

/// A program that holds tests, as cargo reports it.
#[derive(Debug, PartialEq, Eq)]
struct TestProgram {
    suite: String,
    executable: PathBuf,
    folder: PathBuf,
    starts_servers: bool,
}

impl Runner<'_> {
    /// Runs what looks at the code without running it.
    fn checks(&mut self) {
        self.check("format", &["fmt", "--all", "--check"]);
        self.check("tidy", &["xtask", "tidy"]);
        let has_cargo_deny = Command::new("cargo").args(["deny", "--version"]).output();
        if has_cargo_deny.is_ok_and(|output| output.status.success()) {
            self.check("licences", &["deny", "check", "licenses", "bans", "sources"]);
        } else {
            self.check("licences", &["xtask", "licences"]);
        }
        self.check("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        self.check("rustdoc", &["doc", "--workspace", "--no-deps", "--document-private-items"]);
        for name in ALONE {
            self.check(&format!("alone {name}"), &["check", "--package", name]);
        }
    }

    /// Builds all programs in one go, so that each crate is built once, and runs them one after the other.
    fn programs(&mut self) -> Result<()> {
        let build = [
            "build",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--message-format=json-render-diagnostics",
        ];
        let suite = Suite::check("build", self.cargo(&build), BUILD_BOUND);
        let (outcome, output) = suite.run();
        let is_built = outcome.failed == 0;
        self.report.add(outcome);
        if !is_built {
            return Ok(());
        }
        let libraries = libraries()?;
        for program in test_programs(&output) {
            let mut command = Command::new(&program.executable);
            // The test program of a procedural macro is linked to the shared standard library.
            command.current_dir(&program.folder).env("LD_LIBRARY_PATH", &libraries);
            if program.starts_servers {
                command.args(["--test-threads", SERVER_TEST_THREADS]);
            }
            self.run(Suite::tests(&program.suite, command, self.suite_bound()));
        }
        self.run(Suite::tests("documentation", self.cargo(&["test", "--workspace", "--doc"]), BUILD_BOUND));
        Ok(())
    }

    fn check(&mut self, name: &str, arguments: &[&str]) {
        let command = self.cargo(arguments);
        self.run(Suite::check(name, command, BUILD_BOUND));
    }

    fn run(&mut self, mut suite: Suite) {
        if !self.only.is_empty() && !self.only.iter().any(|part| suite.name.contains(part)) {
            return;
        }
        if self.tier == Tier::Long {
            suite.command.env("MILLRACE_LONG", "1");
        }
        let (outcome, _) = suite.run();
        self.report.add(outcome);
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).current_dir(self.root).env("RUSTDOCFLAGS", "-D warnings");
        cargo
    }

    fn suite_bound(&self) -> Duration {
        match self.tier {
            Tier::Ci => SUITE_BOUND,
            Tier::Long => LONG_SUITE_BOUND,
        }
    }
}

/// Reads cargo's messages: the test programs, unit tests first, those of `tests/` last, as they are the slow ones.
fn test_programs(messages: &str) -> Vec<TestProgram> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs: Vec<TestProgram> = messages.filter_map(|message| test_program(&message)).collect();
    programs.sort_by(|a, b| (a.starts_servers, &a.suite).cmp(&(b.starts_servers, &b.suite)));
    programs
}

fn test_program(message: &Value) -> Option<TestProgram> {
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let executable = message["executable"].as_str().filter(|_| is_test)?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let target = message["target"]["name"].as_str()?;
    let is_target_of =
        |kind: &str| message["target"]["kind"].as_array().is_some_and(|kinds| kinds.contains(&kind.into()));
    // The bench's own test runs all its cases in their short form.
    let is_bench = target == "bench" && folder.ends_with("bench");
    let is_system_test = is_target_of("test") && (folder.ends_with("tests") || is_bench);
    let suite = if is_system_test {
        target.to_owned()
    } else if is_target_of("test") {
        format!("unit {} {target}", folder_name(folder))
    } else {
        format!("unit {target}")
    };
    let starts_servers = is_system_test && ["bench", "interop", "rest"].contains(&target);
    Some(TestProgram { suite, executable: executable.into(), folder: folder.into(), starts_servers })
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the folder with the standard library as a shared one.
fn libraries() -> Result<PathBuf> {
    let output =
        Command::new("rustc").args(["--print", "target-libdir"]).output().context("starting rustc")?;
    if !output.status.success() {
        bail!("rustc --print target-libdir: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(package: &str, target: &str, kind: &str, test: bool) -> String {
        serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": format!("/clone/{package}/Cargo.toml"),
            "target": { "name": target, "kind": [kind] },
            "profile": { "test": test },
            "executable": format!("/target/{target}"),
        })
        .to_string()
    }

    #[test]
    fn programs_are_found_in_cargos_messages_slow_ones_last() {
        let messages = [
            artifact("tests", "interop", "test", true),
            artifact("tests", "vectors", "test", true),
            artifact("bench", "bench", "test", true),
            artifact("millrace", "millrace", "bin", false),
            artifact("worker", "pipeline", "test", true),
            artifact("api", "millrace_api", "lib", true),
            "not json".to_owned(),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let suites: Vec<String> =
            test_programs(&messages.join("\n")).into_iter().map(|program| program.suite).collect();
        assert_eq!(suites, ["unit millrace_api", "unit worker pipeline", "vectors", "bench", "interop"]);
    }
}
