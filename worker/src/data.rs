//! Where plugins run: threads that poll one instance at a time, off one queue, with tokio under them for sockets, timers
//! and what plugins spawn.
//!
//! tokio cannot take a task away from a worker thread that is stuck in it, nor add a thread to a runtime, and a runtime
//! whose threads are all stuck drives no timer any more. Here an instance belongs to no thread: when one blocks its
//! thread, another thread is started in its place, and every other instance goes on without having noticed.

mod job;
mod pool;
mod pulse;

pub use job::{Abort, Ended};
pub use pulse::{Call, Owner, Pulse};

use futures::future::BoxFuture;
use millrace_api::Result;
use pool::Pool;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

/// Blocking calls of plugins (reads and writes of files, drivers of databases) wait their turn beyond this number.
const BLOCKING_THREADS_MAX: usize = 64;

/// What a look at one instance saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Tells instances apart.
    pub id: u64,
    /// Whose instance it is.
    pub owner: Owner,
    /// When it began the step in which it occupies a thread now.
    pub step: Option<Instant>,
    /// The call of the plugin that has not returned, and when it began.
    pub call: Option<(Call, Instant)>,
}

/// The data side of a worker. Ends with the last reference to it; what hangs then is left behind.
pub struct Data {
    pool: Arc<Pool>,
    /// A std mutex: held for a call that does not wait.
    runtime: Mutex<Option<Runtime>>,
    /// When the runtime was given something to do that it has not done. A std mutex: held for a copy.
    unanswered: Arc<Mutex<Option<Instant>>>,
}

impl Data {
    /// Starts the threads.
    pub fn start() -> io::Result<Arc<Self>> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        // These run no instance, but what plugins spawn: the connections of clients of databases, for example.
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.max(2))
            .thread_name("data-io")
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .enable_all()
            .build()?;
        let pool = Pool::start(runtime.handle().clone(), cores)?;
        Ok(Arc::new(Self { pool, runtime: Mutex::new(Some(runtime)), unanswered: Arc::default() }))
    }

    /// Runs an instance; the pulse is what the watchdog sees of it.
    pub fn spawn(
        &self,
        pulse: Arc<Pulse>,
        work: BoxFuture<'static, Result<()>>,
    ) -> (oneshot::Receiver<Ended>, Abort) {
        let (sender, ended) = oneshot::channel();
        let job = self.pool.spawn(pulse, work, sender);
        (ended, Abort::of(&job))
    }

    /// Looks at every instance.
    pub fn look(&self) -> Vec<Sight> {
        self.pool.look()
    }

    /// Returns since when the runtime under the threads has run nothing, if it was asked before and has not answered:
    /// what plugins have spawned keeps all its threads, and no timer goes off. Asks it again.
    pub fn silent_since(&self) -> Option<Instant> {
        let mut unanswered = lock(&self.unanswered);
        if unanswered.is_none()
            && let Some(runtime) = &*lock(&self.runtime)
        {
            *unanswered = Some(Instant::now());
            let answer = self.unanswered.clone();
            // Not awaited by design: that it may never end is what is asked.
            runtime.spawn(async move { *lock(&answer) = None });
            return None;
        }
        *unanswered
    }

    /// Starts threads in place of those that are stuck, within bounds. Those that are too many once others are free
    /// again end by themselves.
    pub fn make_up_for(&self, stuck: usize) {
        self.pool.resize(stuck);
    }

    /// Returns how many threads run instances or wait for one.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.pool.close();
        if let Some(runtime) = lock(&self.runtime).take() {
            // What is left on it has been given up: nobody waits for it.
            runtime.shutdown_background();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
