//! What ran, with which result.

use std::fmt;
use std::time::Duration;

/// How one suite ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub name: String,
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
    pub time: Duration,
}

#[derive(Debug, Default)]
pub struct Report {
    outcomes: Vec<Outcome>,
}

/// Adds up what libtest says at the end of each program: `test result: ok. 8 passed; 0 failed; 1 ignored; …`.
pub fn count(output: &str) -> (u64, u64, u64) {
    let results = output.lines().filter_map(|line| line.strip_prefix("test result: "));
    let number = |result: &str, word: &str| {
        let part = result.split(['.', ';']).find(|part| part.trim().ends_with(word));
        part.and_then(|part| part.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    results.fold((0, 0, 0), |(passed, failed, ignored), result| {
        let of = |word| number(result, word);
        (passed + of("passed"), failed + of("failed"), ignored + of("ignored"))
    })
}

impl Report {
    pub fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    pub fn totals(&self) -> (u64, u64) {
        let sum = |number: fn(&Outcome) -> u64| self.outcomes.iter().map(number).sum();
        (sum(|outcome| outcome.passed), sum(|outcome| outcome.failed))
    }

    /// Prints the table and the totals; the totals are alone on the last line.
    pub fn print(&self) {
        print!("{self}");
    }

    /// Returns whether something ran and nothing failed.
    pub fn is_good(&self) -> bool {
        let (passed, failed) = self.totals();
        passed > 0 && failed == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, passed, failed, ignored, time } = self;
        write!(
            formatter,
            "{name:<34} {passed:>5} ok {failed:>4} bad {ignored:>4} left out {:>8.1} s",
            time.as_secs_f64()
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time: Duration = self.outcomes.iter().map(|outcome| outcome.time).sum();
        writeln!(formatter, "\n{} suites in {:.0} s:", self.outcomes.len(), time.as_secs_f64())?;
        for outcome in &self.outcomes {
            writeln!(formatter, "  {outcome}")?;
        }
        let (passed, failed) = self.totals();
        writeln!(formatter, "{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let output = "running 2 tests\ntest a ... ok\n\
            test result: ok. 8 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.2s\n\
            test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.2s\n";
        assert_eq!(count(output), (20, 3, 1));
        assert_eq!(count("error: could not compile"), (0, 0, 0));
    }

    #[test]
    fn the_totals_stand_alone_on_the_last_line() {
        let mut report = Report::default();
        assert!(!report.is_good());
        let outcome = |passed, failed| Outcome {
            name: "unit a".to_owned(),
            passed,
            failed,
            ignored: 0,
            time: Duration::from_millis(1500),
        };
        report.add(outcome(5, 0));
        assert!(report.is_good());
        report.add(outcome(2, 1));
        assert!(!report.is_good());
        assert_eq!(report.to_string().lines().last(), Some("7 passed, 1 failed"));
    }
}
