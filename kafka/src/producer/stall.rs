//! Finds the lanes whose records Kafka does not take while it takes those of others. Pure.
//!
//! That all lanes stand still says nothing about any of them: no other producer would fare better. One that is passed
//! over may hold up the others, for a broker connection has few requests in flight and a topic short of replicas keeps
//! each of its own until it times out.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What was seen of the lanes of one producer.
pub(super) struct Stalls {
    after: Duration,
    lanes: BTreeMap<u64, Seen>,
}

/// A lane at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    pub(super) lane: u64,
    /// Its oldest ticket that has not ended.
    pub(super) oldest: Option<u64>,
    /// How many of its tickets have ended.
    pub(super) ended: u64,
}

struct Seen {
    oldest: Option<u64>,
    ended: u64,
    /// When a ticket of another lane was first seen to end after the oldest one here was seen.
    passed_over: Option<Instant>,
}

impl Stalls {
    /// Returns an account that calls a lane stalled after so long.
    pub(super) fn after(after: Duration) -> Self {
        Self { after, lanes: BTreeMap::new() }
    }

    /// Takes in what is seen now, and returns a lane that is stalled.
    pub(super) fn look(&mut self, now: Instant, sights: &[Sight]) -> Option<u64> {
        let moved = |sight: &&Sight| self.lanes.get(&sight.lane).is_none_or(|seen| seen.ended < sight.ended);
        let moved: Vec<u64> = sights.iter().filter(moved).map(|sight| sight.lane).collect();
        let mut lanes = BTreeMap::new();
        for sight in sights {
            let Sight { lane, oldest, ended } = *sight;
            let others_moved = moved.iter().any(|moved| *moved != lane);
            let passed_over = match self.lanes.get(&lane) {
                Some(seen) if oldest.is_some() && seen.oldest == oldest => {
                    seen.passed_over.or(others_moved.then_some(now))
                }
                _ => None,
            };
            lanes.insert(lane, Seen { oldest, ended, passed_over });
        }
        self.lanes = lanes;
        let stalled = |seen: &Seen| seen.passed_over.is_some_and(|since| now - since >= self.after);
        self.lanes.iter().find(|(_, seen)| stalled(seen)).map(|(lane, _)| *lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second at lanes given as (oldest ticket, ended tickets); returns the first that is stalled and when.
    fn check(steps: &[&[(Option<u64>, u64)]]) -> Option<(usize, u64)> {
        let start = Instant::now();
        let mut stalls = Stalls::after(Duration::from_secs(3));
        steps.iter().enumerate().find_map(|(second, lanes)| {
            let sights: Vec<_> = (0..)
                .zip(*lanes)
                .map(|(lane, (oldest, ended))| Sight { lane, oldest: *oldest, ended: *ended })
                .collect();
            let lane = stalls.look(start + Duration::from_secs(second as u64), &sights)?;
            Some((second, lane))
        })
    }

    #[test]
    fn a_lane_that_others_pass_is_stalled() {
        let stuck = (Some(7), 7);
        let steps: Vec<_> = (0..10).map(|at| [stuck, (Some(at), at)]).collect();
        let steps: Vec<_> = steps.iter().map(<[_; 2]>::as_slice).collect();
        assert_eq!(check(&steps), Some((4, 0)));
    }

    #[test]
    fn nobody_is_stalled_while_all_stand_still() {
        let down: [(Option<u64>, u64); 3] = [(Some(7), 7), (Some(1), 1), (None, 0)];
        assert_eq!(check(&[down.as_slice(); 20]), None);
        // The broker is back: one is a little sooner than the other.
        let mut steps = vec![down.as_slice(); 20];
        let back: [(Option<u64>, u64); 3] = [(Some(7), 7), (Some(2), 2), (None, 0)];
        let both: [(Option<u64>, u64); 3] = [(Some(8), 8), (Some(3), 3), (None, 0)];
        steps.extend([back.as_slice(), both.as_slice(), both.as_slice(), both.as_slice()]);
        assert_eq!(check(&steps), None);
    }

    #[test]
    fn a_slow_lane_is_not_stalled() {
        let steps: Vec<_> = (0..20).map(|at| [(Some(at / 3), at / 3), (Some(at * 100), at * 100)]).collect();
        let steps: Vec<_> = steps.iter().map(<[_; 2]>::as_slice).collect();
        assert_eq!(check(&steps), None);
    }

    #[test]
    fn a_lane_alone_is_never_stalled() {
        let alone: [(Option<u64>, u64); 1] = [(Some(7), 7)];
        assert_eq!(check(&[alone.as_slice(); 20]), None);
    }
}
