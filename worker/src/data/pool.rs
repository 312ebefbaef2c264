//! The threads of the data side and their queue.

use super::{
    Pulse, Sight,
    job::{Ended, Job},
};
use futures::future::BoxFuture;
use millrace_api::Result;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Wake,
    thread::{self, JoinHandle},
};
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    task::yield_now,
};
use tracing::error;

/// At least so many threads run instances: one that blocks for less than the watchdog's patience must not stop the others.
const THREADS_MIN: usize = 4;

/// How many threads there may be, stuck ones included. Each that is stuck costs its stack; beyond this something is wrong
/// with the plugin and more threads would not mend it.
const THREADS_MAX: usize = 128;

pub(super) struct Pool {
    runtime: Handle,
    /// How many threads there are to be without stuck ones.
    base: usize,
    /// How many there are to be now.
    wanted: AtomicUsize,
    alive: AtomicUsize,
    filled: Notify,
    /// A std mutex: held for a push, a pop or a look.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Job>>,
    /// Every instance that has not ended.
    jobs: BTreeMap<u64, Arc<Job>>,
    last_id: u64,
    threads: Vec<JoinHandle<()>>,
    started: usize,
    closed: bool,
}

impl Pool {
    pub(super) fn start(runtime: Handle, cores: usize) -> io::Result<Arc<Self>> {
        let base = cores.clamp(THREADS_MIN, THREADS_MAX);
        let pool = Arc::new(Self {
            runtime,
            base,
            wanted: AtomicUsize::new(base),
            alive: AtomicUsize::new(0),
            filled: Notify::new(),
            state: Mutex::default(),
        });
        for _ in 0..base {
            pool.add_thread()?;
        }
        Ok(pool)
    }

    /// Takes a new instance in and lets it begin.
    pub(super) fn spawn(
        self: &Arc<Self>,
        pulse: Arc<Pulse>,
        work: BoxFuture<'static, Result<()>>,
        sender: oneshot::Sender<Ended>,
    ) -> Arc<Job> {
        let mut state = self.state();
        state.last_id += 1;
        let job = Job::new(state.last_id, pulse, work, sender, self);
        state.jobs.insert(job.id, job.clone());
        drop(state);
        job.wake_by_ref();
        job
    }

    pub(super) fn push(&self, job: Arc<Job>) {
        self.state().ready.push_back(job);
        // The thread that has rested least: its caches are warm, and what one instance allocates and frees stays with
        // few threads' heaps.
        self.filled.notify_last();
    }

    pub(super) fn look(&self) -> Vec<Sight> {
        let state = self.state();
        let sight = |(id, job): (&u64, &Arc<Job>)| Sight {
            id: *id,
            owner: job.pulse.owner.clone(),
            step: job.pulse.step(),
            call: job.pulse.call(),
        };
        state.jobs.iter().map(sight).collect()
    }

    pub(super) fn threads(&self) -> usize {
        self.alive.load(SeqCst)
    }

    /// Lets there be as many threads as usual beside those that are stuck.
    pub(super) fn resize(self: &Arc<Self>, stuck: usize) {
        let wanted = (self.base + stuck).min(THREADS_MAX);
        self.wanted.store(wanted, SeqCst);
        for _ in self.alive.load(SeqCst)..wanted {
            if let Err(error) = self.add_thread() {
                error!(%error, "no more threads for connectors and tasks");
                return;
            }
        }
        if self.alive.load(SeqCst) > wanted {
            // Idle threads look whether they are too many.
            self.filled.notify_waiters();
        }
    }

    /// Ends every instance at its next wait, and then the threads.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let jobs: Vec<_> = state.jobs.values().cloned().collect();
        drop(state);
        jobs.into_iter().for_each(Job::abort);
        self.filled.notify_waiters();
    }

    fn add_thread(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.state();
        state.threads.retain(|thread| !thread.is_finished());
        state.started += 1;
        let name = format!("data-{}", state.started);
        self.alive.fetch_add(1, SeqCst);
        let alive = Alive(self.clone());
        // The runtime's context also gives each step a budget, at whose end everything in it waits once: no instance
        // that is always ready keeps its thread for itself.
        let thread = thread::Builder::new().name(name).spawn(move || {
            let runtime = alive.0.runtime.clone();
            runtime.block_on(alive.0.serve());
        })?;
        state.threads.push(thread);
        Ok(())
    }

    async fn serve(&self) {
        loop {
            let filled = self.filled.notified();
            let Some(next) = self.next() else { return };
            let Some(job) = next else {
                filled.await;
                continue;
            };
            // What a plugin does is caught inside: this is for a fault of our own, which must not leave an instance
            // without a thread and without an end.
            let ended = catch_unwind(AssertUnwindSafe(|| job.run())).unwrap_or_else(|_| {
                job.lose();
                true
            });
            if ended {
                self.state().jobs.remove(&job.id);
            }
            drop(job);
            yield_now().await;
        }
    }

    /// Returns what is to be run next, if anything; `None` when the thread is to end.
    fn next(&self) -> Option<Option<Arc<Job>>> {
        let mut state = self.state();
        if let Some(job) = state.ready.pop_front() {
            return Some(Some(job));
        }
        let is_surplus = self.alive.load(SeqCst) > self.wanted.load(SeqCst);
        (!state.closed && !is_surplus).then_some(None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that counts, until it ends in whatever way.
struct Alive(Arc<Pool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}
