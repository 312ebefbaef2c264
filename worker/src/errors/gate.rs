//! How many lines of one kind of error reach the log: a pure account.

use std::{collections::BTreeMap, time::Duration};

/// How many errors of one kind are logged in full within a period; the others are counted.
///
/// Enough to see a pattern, little enough that a topic full of bad records costs a few lines a second.
const LINES_MAX: usize = 10;

/// How long a period lasts.
const PERIOD: Duration = Duration::from_secs(10);

/// How many kinds are told apart. Those beyond share one account: kinds hold names of classes, which plugins make up.
const KINDS_MAX: usize = 64;

/// Errors are alike when these texts are: what was done, by what, and what came of it.
pub type Kind = [String; 3];

/// What reaches the log.
#[derive(Debug, Default)]
pub struct Gate {
    kinds: BTreeMap<Kind, Period>,
}

#[derive(Debug)]
struct Period {
    began: Duration,
    logged: usize,
    held_back: usize,
}

/// Errors that were counted in place of being logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBack {
    pub kind: Kind,
    pub count: usize,
    pub within: Duration,
}

impl Gate {
    /// Asks for errors of one kind that happened now; returns how many of them to log.
    pub fn admit(&mut self, now: Duration, kind: &Kind, count: usize) -> usize {
        let known = self.kinds.len();
        let key = if self.kinds.contains_key(kind) || known < KINDS_MAX { kind.clone() } else { other() };
        let period = self.kinds.entry(key).or_insert(Period { began: now, logged: 0, held_back: 0 });
        let admitted = count.min(LINES_MAX - period.logged.min(LINES_MAX));
        period.logged += admitted;
        period.held_back += count - admitted;
        admitted
    }

    /// Ends the periods that are over and returns what they held back.
    pub fn turn(&mut self, now: Duration) -> Vec<HeldBack> {
        self.end(|period| now.saturating_sub(period.began) >= PERIOD, now)
    }

    /// Ends all periods.
    pub fn close(&mut self, now: Duration) -> Vec<HeldBack> {
        self.end(|_| true, now)
    }

    fn end(&mut self, is_over: impl Fn(&Period) -> bool, now: Duration) -> Vec<HeldBack> {
        let over = self.kinds.extract_if(.., |_, period| is_over(period));
        over.filter(|(_, period)| period.held_back > 0)
            .map(|(kind, period)| HeldBack {
                kind,
                count: period.held_back,
                within: now.saturating_sub(period.began),
            })
            .collect()
    }
}

fn other() -> Kind {
    ["any stage", "any class", "any error"].map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> Kind {
        ["VALUE_CONVERTER", "Json", name].map(str::to_owned)
    }

    #[test]
    fn the_first_of_a_kind_are_logged_and_the_others_counted() {
        let mut gate = Gate::default();
        let second = Duration::from_secs;
        assert_eq!(gate.admit(second(0), &kind("a"), 4), 4);
        assert_eq!(gate.admit(second(1), &kind("a"), 4_000), 6);
        assert_eq!(gate.admit(second(2), &kind("a"), 1), 0);
        assert_eq!(gate.admit(second(2), &kind("b"), 1), 1, "another kind has lines of its own");
        assert!(gate.turn(second(9)).is_empty());
        let held = HeldBack { kind: kind("a"), count: 3_995, within: second(11) };
        assert_eq!(gate.turn(second(11)), [held]);
        assert_eq!(gate.admit(second(11), &kind("a"), 1), 1, "a new period begins");
        assert!(gate.close(second(12)).is_empty());
    }

    #[test]
    fn kinds_without_end_share_one_account() {
        let mut gate = Gate::default();
        let lines: usize = (0..10_000).map(|n| gate.admit(Duration::ZERO, &kind(&n.to_string()), 1)).sum();
        assert_eq!(lines, KINDS_MAX + LINES_MAX);
        let held: usize = gate.close(PERIOD).iter().map(|held| held.count).sum();
        assert_eq!(lines + held, 10_000);
    }
}
