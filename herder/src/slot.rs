//! Where one connector or task can run: at most one instance at a time.

use std::{mem, sync::Arc};

use crate::{
    event::{Failure, Incarnation},
    request::State,
    time::Time,
};

/// The place of one connector or task. `D` is what is known besides of a running instance.
#[derive(Debug)]
pub(crate) struct Slot<D> {
    /// A restart was asked for: instances up to this one must be replaced.
    bar: Incarnation,
    /// The restart was one that shows; it does until the new instance reports.
    pub(crate) restarting: bool,
    pub(crate) instance: Option<Instance<D>>,
}

#[derive(Debug)]
pub(crate) struct Instance<D> {
    pub(crate) incarnation: Incarnation,
    /// The place in the log of the configuration it was started with.
    pub(crate) revision: u64,
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) since: Time,
    pub(crate) detail: D,
}

#[derive(Debug)]
pub(crate) enum Phase {
    Starting,
    Running,
    Paused,
    /// It has ended, and is remembered for its trace.
    Failed(Failure),
    /// A stop was asked for.
    Stopping(Stopping),
    /// A stop was asked for in vain. It may run still, and nothing waits for it.
    Abandoned(Failure),
}

#[derive(Debug)]
pub(crate) struct Stopping {
    /// When it is given up.
    pub(crate) until: Time,
    /// What it was before.
    pub(crate) was: State,
    /// Why it had to be stopped, when it stays failed.
    pub(crate) failure: Option<Failure>,
}

/// How an instance ended.
pub(crate) enum End {
    Stopped,
    Failed(Failure),
}

// === impl Slot ===

impl<D> Default for Slot<D> {
    fn default() -> Self {
        Self { bar: Incarnation(0), restarting: false, instance: None }
    }
}

impl<D> Slot<D> {
    /// Asks for a restart of what was started up to `last`.
    pub(crate) fn restart(&mut self, last: Incarnation) {
        self.bar = last;
    }

    /// Tells whether the instance is the one that a configuration asks for.
    pub(crate) fn fits(&self, revision: u64) -> bool {
        let fits = |instance: &Instance<D>| instance.revision == revision && instance.incarnation > self.bar;
        self.instance.as_ref().is_some_and(fits)
    }

    /// Returns the instance of that incarnation, if it is the one this slot knows.
    pub(crate) fn find(&mut self, incarnation: Incarnation) -> Option<&mut Instance<D>> {
        self.instance.as_mut().filter(|instance| instance.incarnation == incarnation)
    }

    /// Returns the instance if the end of it is still waited for.
    pub(crate) fn live(&self) -> Option<&Instance<D>> {
        self.instance.as_ref().filter(|instance| instance.phase.is_live())
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live().is_some()
    }

    /// Notes that an instance has reached a phase. Nothing changes when it was asked to stop meanwhile.
    pub(crate) fn reached(&mut self, incarnation: Incarnation, phase: Phase, now: Time) -> bool {
        let current = incarnation > self.bar;
        let Some(instance) = self.find(incarnation) else { return false };
        if !instance.phase.is_active() {
            return false;
        }
        instance.enter(phase, now);
        if current {
            self.restarting = false;
        }
        true
    }

    /// Notes that an instance has ended.
    pub(crate) fn ended(&mut self, incarnation: Incarnation, end: End, now: Time) {
        let current = incarnation > self.bar;
        let Some(instance) = self.find(incarnation) else { return };
        let failure = match (&mut instance.phase, end) {
            (Phase::Failed(_), _) => return,
            (Phase::Abandoned(_), _) => None,
            (Phase::Stopping(stopping), _) => stopping.failure.take(),
            (Phase::Starting | Phase::Running | Phase::Paused, End::Failed(failure)) => Some(failure),
            (Phase::Starting | Phase::Running | Phase::Paused, End::Stopped) => Some(ended_unasked()),
        };
        match failure {
            Some(failure) => {
                instance.enter(Phase::Failed(failure), now);
                if current {
                    self.restarting = false;
                }
            }
            None => self.instance = None,
        }
    }
}

// === impl Instance ===

impl<D> Instance<D> {
    pub(crate) fn new(incarnation: Incarnation, revision: u64, detail: D, now: Time) -> Self {
        Self { incarnation, revision, phase: Phase::Starting, since: now, detail }
    }

    pub(crate) fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        self.since = now;
    }

    /// Begins the stop of a running instance.
    pub(crate) fn stop(&mut self, until: Time, failure: Option<Failure>, now: Time) {
        let (was, _) = self.phase.shown();
        self.enter(Phase::Stopping(Stopping { until, was, failure }), now);
    }

    /// Gives up waiting for the end of this instance when that is due.
    pub(crate) fn give_up(&mut self, now: Time, hanging: impl FnOnce() -> Failure) -> bool {
        let Phase::Stopping(stopping) = &mut self.phase else { return false };
        if stopping.until > now {
            return false;
        }
        let phase = match mem::take(&mut stopping.failure) {
            Some(failure) => Phase::Failed(failure),
            None => Phase::Abandoned(hanging()),
        };
        self.enter(phase, now);
        true
    }
}

// === impl Phase ===

impl Phase {
    /// Tells whether the instance runs and is meant to.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Paused)
    }

    /// Tells whether the end of the instance is still waited for.
    pub(crate) fn is_live(&self) -> bool {
        self.is_active() || matches!(self, Self::Stopping(_))
    }

    /// Returns what a status shows, and its trace.
    pub(crate) fn shown(&self) -> (State, Option<Arc<str>>) {
        match self {
            Self::Starting => (State::Unassigned, None),
            Self::Running => (State::Running, None),
            Self::Paused => (State::Paused, None),
            Self::Failed(failure) | Self::Abandoned(failure) => (State::Failed, Some(failure.trace.clone())),
            Self::Stopping(Stopping { failure: Some(failure), .. }) => {
                (State::Failed, Some(failure.trace.clone()))
            }
            Self::Stopping(Stopping { was, failure: None, .. }) => (*was, None),
        }
    }
}

/// A worker never reports a stop that nobody asked for; if one does, it must not pass for a healthy end.
fn ended_unasked() -> Failure {
    let message = "ended without having been asked to stop";
    Failure::new(message, format!("org.apache.kafka.connect.errors.ConnectException: {message}"))
}
