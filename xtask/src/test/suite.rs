//! One suite: a command with a bound on its time.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::test::report::{Outcome, count};

/// Numbers the output files of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// How often a running suite is looked at.
const STEP: Duration = Duration::from_millis(20);

pub struct Suite {
    pub name: String,
    pub command: Command,
    bound: Duration,
    counts: Counts,
}

/// What a suite's result is worth.
enum Counts {
    /// One: it holds or it does not.
    Whole,
    /// As many as libtest says.
    Tests,
}

impl Suite {
    pub fn check(name: &str, command: Command, bound: Duration) -> Self {
        Self { name: name.to_owned(), command, bound, counts: Counts::Whole }
    }

    pub fn tests(name: &str, command: Command, bound: Duration) -> Self {
        Self { name: name.to_owned(), command, bound, counts: Counts::Tests }
    }

    /// Runs it, says how it ended, and shows its output when it went wrong. Returns standard output too.
    pub fn run(mut self) -> (Outcome, String) {
        println!("{} ...", self.name);
        let begin = Instant::now();
        let ended = self.output();
        let time = begin.elapsed();
        let (is_good, stdout, stderr) = match ended {
            Ok((status, stdout, stderr)) => (status.is_some_and(|status| status.success()), stdout, stderr),
            Err(error) => (false, String::new(), format!("{error:#}")),
        };
        let outcome = self.outcome(is_good, &stdout, time);
        println!("{outcome}");
        if !is_good {
            println!("{stdout}\n{stderr}\n---- {} failed ({:?})", outcome.name, self.command);
        }
        (outcome, stdout)
    }

    fn outcome(&self, is_good: bool, stdout: &str, time: Duration) -> Outcome {
        let name = self.name.clone();
        let (passed, failed, ignored) = match self.counts {
            Counts::Whole => (u64::from(is_good), u64::from(!is_good), 0),
            Counts::Tests => count(stdout),
        };
        // A program that died or hung has no test to blame.
        let failed = if is_good { failed } else { failed.max(1) };
        Outcome { name, passed, failed, ignored, time }
    }

    /// Returns how it ended, `None` when it had to be killed, and what it wrote.
    fn output(&mut self) -> Result<(Option<ExitStatus>, String, String)> {
        let folder = std::env::temp_dir();
        // Files, not pipes: nobody has to read while the suite writes, and a server left behind holds up nobody.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millrace-suite-{}-{number}", std::process::id());
        let (stdout, stderr) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        self.command.stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?);
        let mut child = self.command.spawn().with_context(|| format!("starting {:?}", self.command))?;
        let status = wait(&mut child, self.bound)?;
        let read = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let (out, mut err) = (read(&stdout)?, read(&stderr)?);
        if status.is_none() {
            err += &format!("\nkilled after {} s", self.bound.as_secs());
        }
        let _ = fs::remove_file(stdout).and(fs::remove_file(stderr));
        Ok((status, out, err))
    }
}

/// Waits for the end, but not beyond the bound.
fn wait(child: &mut Child, bound: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + bound;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(STEP);
    }
    child.kill().context("killing a suite that hangs")?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_check_counts_once() {
        let run = |script| Suite::check("a", shell(script), STEP * 500).run().0;
        assert_eq!((run("true").passed, run("true").failed), (1, 0));
        assert_eq!((run("exit 3").passed, run("exit 3").failed), (0, 1));
    }

    #[test]
    fn tests_are_counted_and_a_crash_is_a_failure() {
        let result = "echo 'test result: ok. 8 passed; 0 failed; 1 ignored; 0 measured'";
        let run = |script: &str| Suite::tests("a", shell(script), STEP * 500).run().0;
        assert_eq!((run(result).passed, run(result).failed), (8, 0));
        let crashed = run(&format!("{result}; kill -SEGV $$"));
        assert_eq!((crashed.passed, crashed.failed), (8, 1));
    }

    #[test]
    fn a_suite_that_hangs_is_killed() {
        let (outcome, _) = Suite::tests("a", shell("exec sleep 300"), STEP).run();
        assert_eq!((outcome.passed, outcome.failed), (0, 1));
        assert!(outcome.time < Duration::from_secs(60));
    }
}
