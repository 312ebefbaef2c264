//! Sees connectors and tasks that make no step, names them, and has threads started in place of those that they block.
//!
//! Runs on the control side. What is stuck, since when, and what is to be said of it is plain functions over what
//! [`Data::look`] saw.

use crate::data::{Call, Data, Owner, Sight};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// How long a step or a call may take before it is named. With the time between two looks it is named within ten
/// seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// An instance that is stuck again this soon is not logged again: a sink whose every put takes six seconds would fill
/// the log.
const QUIET: Duration = Duration::from_secs(600);

/// What is known of instances that are stuck; read by `GET /health`.
#[derive(Default)]
pub struct Watchdog {
    /// A std mutex: held for a copy.
    report: Mutex<Report>,
}

/// What the last look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were started.
    pub stuck: Vec<Stuck>,
    /// How often an instance was found stuck since the worker started.
    pub total: u64,
    /// Since when what plugins have spawned has kept every thread of the runtime that drives their timers and sockets.
    pub runtime_silent: Option<Instant>,
}

/// An instance that makes no step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub owner: Owner,
    /// The call that has not returned; none between calls, when it is dropped for example.
    pub call: Option<Call>,
    pub how: How,
    /// Since when.
    pub since: Instant,
}

/// How an instance is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It keeps its thread, in a loop or a call of the operating system.
    Blocks,
    /// It waits for something, in a call that is not meant to wait so long.
    Waits,
}

impl Watchdog {
    /// Looks again and again; runs until it is dropped.
    pub async fn watch(self: Arc<Self>, data: Arc<Data>) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut log = Log::default();
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let stuck = stuck(now, &data.look());
            let blocked = stuck.values().filter(|stuck| stuck.how == How::Blocks).count();
            data.make_up_for(blocked);
            let lines = log.lines(now, &stuck);
            let silent = data.silent_since().filter(|since| is_late(now, *since));
            {
                let mut report = self.lock();
                report.total += log.new;
                report.stuck = stuck.into_values().collect();
                match (report.runtime_silent, silent) {
                    (None, Some(_)) => warn!("{SILENT}"),
                    (Some(_), None) => info!("the runtime of connectors and tasks goes on"),
                    (None, None) | (Some(_), Some(_)) => {}
                }
                report.runtime_silent = silent;
            }
            lines.into_iter().for_each(Line::write);
        }
    }

    /// Returns what the last look found.
    pub fn report(&self) -> Report {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SILENT: &str = "what connectors and tasks have spawned keeps every thread of their runtime: no timer goes off and \
                      no socket is served until it lets go";

fn is_late(now: Instant, since: Instant) -> bool {
    now.saturating_duration_since(since) >= PATIENCE
}

/// Returns what is stuck, by the instance's number.
fn stuck(now: Instant, sights: &[Sight]) -> BTreeMap<u64, Stuck> {
    let found = sights.iter().filter_map(|sight| {
        let call = sight.call.map(|(call, _)| call);
        let blocks = sight.step.filter(|since| is_late(now, *since)).map(|since| (How::Blocks, since));
        let waits = sight.call.filter(|(call, since)| !call.may_wait() && is_late(now, *since));
        let (how, since) = blocks.or(waits.map(|(_, since)| (How::Waits, since)))?;
        Some((sight.id, Stuck { owner: sight.owner.clone(), call, how, since }))
    });
    found.collect()
}

/// What was said of which instance.
#[derive(Default)]
struct Log {
    episodes: BTreeMap<u64, Episode>,
    /// How many instances the last look found stuck that were not before.
    new: u64,
}

struct Episode {
    stuck: Stuck,
    /// When it was found to go on again.
    ended: Option<Instant>,
    /// Whether its end is to be logged, as its beginning was.
    told: bool,
}

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Stuck(Stuck, Duration),
    GoesOn(Stuck, Duration),
}

impl Log {
    fn lines(&mut self, now: Instant, stuck: &BTreeMap<u64, Stuck>) -> Vec<Line> {
        let mut lines = Vec::new();
        self.new = 0;
        for (id, episode) in &mut self.episodes {
            if stuck.contains_key(id) || episode.ended.is_some() {
                continue;
            }
            episode.ended = Some(now);
            if episode.told {
                lines.push(Line::GoesOn(episode.stuck.clone(), now - episode.stuck.since));
            }
        }
        self.episodes.retain(|_, episode| episode.ended.is_none_or(|ended| now - ended < QUIET));
        for (id, stuck) in stuck {
            let known = self.episodes.get(id);
            if known.is_some_and(|known| known.ended.is_none()) {
                continue;
            }
            self.new += 1;
            let told = known.is_none();
            if told {
                lines.push(Line::Stuck(stuck.clone(), now - stuck.since));
            }
            self.episodes.insert(*id, Episode { stuck: stuck.clone(), ended: None, told });
        }
        lines
    }
}

impl Line {
    fn write(self) {
        match self {
            Self::Stuck(stuck, time) => {
                warn!("{} has {} for {} s", stuck.owner, stuck.what(), time.as_secs())
            }
            Self::GoesOn(stuck, time) => {
                info!("{} goes on: it had {} for {} s", stuck.owner, stuck.what(), time.as_secs());
            }
        }
    }
}

impl Stuck {
    /// Returns what is the matter, as what stands between "task x-0" and "for 7 s".
    pub fn what(&self) -> String {
        let call = self.call.map_or("its own clean-up", Call::name);
        match self.how {
            How::Blocks => format!("blocked a data thread in {call}"),
            How::Waits => format!("not returned from {call}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 7;

    fn sight(step: Option<Instant>, call: Option<(Call, Instant)>) -> Sight {
        Sight { id: ID, owner: Owner::Connector("c".into()), step, call }
    }

    #[track_caller]
    fn check(step: Option<u64>, call: Option<(Call, u64)>, expected: Option<How>) {
        let begin = Instant::now();
        let now = begin + Duration::from_secs(60);
        let ago = |seconds| now - Duration::from_secs(seconds);
        let sight = sight(step.map(ago), call.map(|(call, seconds)| (call, ago(seconds))));
        let found = stuck(now, &[sight]);
        assert_eq!(found.get(&ID).map(|stuck| stuck.how), expected);
    }

    #[test]
    fn what_makes_steps_and_returns_is_not_stuck() {
        check(None, None, None);
        check(Some(4), Some((Call::Put, 4)), None);
        check(None, Some((Call::Put, 4)), None);
    }

    #[test]
    fn a_call_that_does_not_return_is_stuck_unless_it_may_wait() {
        check(None, Some((Call::Put, 5)), Some(How::Waits));
        check(Some(1), Some((Call::Start, 50)), Some(How::Waits));
        check(None, Some((Call::Poll, 50)), None);
        check(None, Some((Call::Watch, 50)), None);
    }

    #[test]
    fn a_long_step_is_stuck_whatever_the_call() {
        check(Some(5), Some((Call::Poll, 50)), Some(How::Blocks));
        check(Some(5), None, Some(How::Blocks));
    }

    #[test]
    fn each_episode_is_logged_once_and_soon_repeated_ones_not() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut log = Log::default();
        let mut lines = |now: u64, since: Option<u64>| {
            let sights = since.map(|since| sight(Some(at(since)), None));
            let found = stuck(at(now), sights.as_slice());
            let lines = log.lines(at(now), &found);
            let words = lines.iter().map(|line| match line {
                Line::Stuck(_, time) => format!("stuck {}", time.as_secs()),
                Line::GoesOn(_, time) => format!("goes on {}", time.as_secs()),
            });
            (words.collect::<Vec<_>>().join(" "), log.new)
        };
        assert_eq!(lines(10, Some(4)), ("stuck 6".into(), 1));
        assert_eq!(lines(11, Some(4)), (String::new(), 0));
        assert_eq!(lines(12, None), ("goes on 8".into(), 0));
        assert_eq!(lines(13, None), (String::new(), 0));
        assert_eq!(lines(30, Some(20)), (String::new(), 1), "counted and not logged");
        assert_eq!(lines(31, None), (String::new(), 0));
        assert_eq!(lines(700, Some(690)), ("stuck 10".into(), 1));
    }
}
