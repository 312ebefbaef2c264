//! One instance as the data threads see it: a future that one thread polls at a time, whichever is free.

use super::{
    pool::Pool,
    pulse::{Pulse, Step},
};
use crate::panics;
use futures::future::BoxFuture;
use millrace_api::Result;
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicU8,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
};
use tokio::sync::oneshot;

/// How an instance ended. One that was lost ends without a word: the channel closes.
#[derive(Debug)]
pub enum Ended {
    /// It ran to its end.
    Done(Result<()>),
    /// It panicked, with these words.
    Panicked(String),
    /// It was given up, and has gone.
    Aborted,
}

/// Ends an instance at its next wait.
pub struct Abort(Weak<Job>);

/// Waits to be woken.
const IDLE: u8 = 0;
/// Stands in the queue.
const QUEUED: u8 = 1;
/// A thread polls it.
const RUNNING: u8 = 2;
/// A thread polls it, and it was woken meanwhile.
const WOKEN: u8 = 3;
/// Has ended.
const DONE: u8 = 4;

pub(super) struct Job {
    pub(super) id: u64,
    pub(super) pulse: Arc<Pulse>,
    state: AtomicU8,
    aborted: AtomicBool,
    pool: Weak<Pool>,
    /// A std mutex, and never waited for: only the thread that has taken the job from the queue locks it. The sender is
    /// there as long as the future is.
    content: Mutex<Option<Content>>,
}

struct Content {
    work: BoxFuture<'static, Result<()>>,
    sender: oneshot::Sender<Ended>,
}

// === impl Abort ===

impl Abort {
    pub(super) fn of(job: &Arc<Job>) -> Self {
        Self(Arc::downgrade(job))
    }

    /// Asks for the end, and takes away at once what the instance said is to be taken.
    pub fn abort(&self) {
        if let Some(job) = self.0.upgrade() {
            job.pulse.give_up();
            job.abort();
        }
    }
}

// === impl Job ===

impl Job {
    pub(super) fn new(
        id: u64,
        pulse: Arc<Pulse>,
        work: BoxFuture<'static, Result<()>>,
        sender: oneshot::Sender<Ended>,
        pool: &Arc<Pool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            pulse,
            state: AtomicU8::new(IDLE),
            aborted: AtomicBool::new(false),
            pool: Arc::downgrade(pool),
            content: Mutex::new(Some(Content { work, sender })),
        })
    }

    pub(super) fn abort(self: Arc<Self>) {
        self.aborted.store(true, Release);
        self.wake();
    }

    /// Takes one step. To be called by the thread that has taken the job from the queue. Returns whether it has ended.
    pub(super) fn run(self: &Arc<Self>) -> bool {
        self.state.store(RUNNING, Release);
        let waker = Waker::from(self.clone());
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let step = self.pulse.begin_step();
        let Some(ended) = self.poll(&mut content, &waker) else {
            mem::drop((content, step));
            if self.state.compare_exchange(RUNNING, IDLE, AcqRel, Acquire).is_err() {
                self.state.store(QUEUED, Release);
                self.queue();
            }
            return false;
        };
        self.state.store(DONE, Release);
        if let Some(content) = content.take() {
            end(content, ended, step);
        }
        true
    }

    /// Drops what is left without a word.
    pub(super) fn lose(&self) {
        self.state.store(DONE, Release);
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The words of a panic are in the log; whoever waits for the end sees that there is none.
        let _ = caught(|| drop(content));
    }

    fn poll(&self, content: &mut Option<Content>, waker: &Waker) -> Option<Ended> {
        let Some(content) = content else { return Some(Ended::Aborted) };
        if self.aborted.load(Acquire) {
            return Some(Ended::Aborted);
        }
        let mut context = Context::from_waker(waker);
        match caught(|| content.work.as_mut().poll(&mut context)) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(result)) => Some(Ended::Done(result)),
            Err(words) => Some(Ended::Panicked(words)),
        }
    }

    fn queue(self: &Arc<Self>) {
        if let Some(pool) = self.pool.upgrade() {
            pool.push(self.clone());
        }
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = self.state.fetch_update(AcqRel, Acquire, |state| match state {
            IDLE => Some(QUEUED),
            RUNNING => Some(WOKEN),
            _ => None,
        });
        if woken == Ok(IDLE) {
            self.queue();
        }
    }
}

/// Drops what is left of an instance, which is its plugin's code too, and tells its end after that.
fn end(content: Content, ended: Ended, step: Step<'_>) {
    let Content { work, sender } = content;
    let dropped = caught(|| drop(work));
    drop(step);
    let ended = match (ended, dropped) {
        (Ended::Done(Ok(())) | Ended::Aborted, Err(words)) => Ended::Panicked(words),
        (ended, _) => ended,
    };
    // Nobody may be interested any more.
    let _ = sender.send(ended);
}

/// Returns the words of a panic as an error.
fn caught<T>(run: impl FnOnce() -> T) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        // A payload is the plugin's as well: dropping it could panic once more, and it is a few bytes.
        mem::forget(payload);
        panics::take().unwrap_or_default()
    })
}
