//! What an instance shows of itself while it runs: whether it occupies a thread, and which call has not returned.

use millrace_herder::TaskId;
use std::{
    fmt,
    future::Future,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Whose instance it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A connector.
    Connector(Arc<str>),
    /// A task.
    Task(TaskId),
}

/// A call of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It starts.
    Start,
    /// A connector says which tasks there are to be.
    TaskConfigs,
    /// A connector watches the outside.
    Watch,
    /// A source waits for records.
    Poll,
    /// Converters and transformations.
    Convert,
    /// A sink learns of partitions.
    Open,
    /// A sink takes records.
    Put,
    /// A sink makes records safe.
    PreCommit,
    /// A sink gives partitions up.
    Close,
    /// It ends.
    Stop,
}

/// The pulse of one instance: written by whoever runs it, read by the watchdog.
pub struct Pulse {
    pub owner: Owner,
    began: Instant,
    /// Milliseconds from `began` to the beginning of the present step, plus one; 0 between two steps.
    step: AtomicU64,
    /// A std mutex: held for a copy. Its writers change it a few times a batch.
    call: Mutex<Option<(Call, Instant)>>,
    /// What is to be done when the instance is given up. A std mutex: held for a push.
    releases: Mutex<Vec<Release>>,
}

/// Takes something away from an instance that may hold it for ever.
type Release = Box<dyn FnOnce() + Send>;

// === impl Call ===

impl Call {
    /// Tells whether it is the nature of the call to wait: a source may have nothing for days.
    pub fn may_wait(self) -> bool {
        matches!(self, Self::Watch | Self::Poll)
    }

    /// Returns the name that the reference gives the call.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::TaskConfigs => "taskConfigs",
            Self::Watch => "watch",
            Self::Poll => "poll",
            Self::Convert => "converters and transformations",
            Self::Open => "open",
            Self::Put => "put",
            Self::PreCommit => "preCommit",
            Self::Close => "close",
            Self::Stop => "stop",
        }
    }
}

// === impl Owner ===

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector(name) => write!(f, "connector {name}"),
            Self::Task(task) => write!(f, "task {task}"),
        }
    }
}

// === impl Pulse ===

impl Pulse {
    /// Returns the pulse of an instance that does nothing yet.
    pub fn new(owner: Owner) -> Arc<Self> {
        Arc::new(Self {
            owner,
            began: Instant::now(),
            step: AtomicU64::new(0),
            call: Mutex::new(None),
            releases: Mutex::default(),
        })
    }

    /// Awaits a call of the plugin, which counts as not returned until then.
    pub async fn during<T>(&self, call: Call, work: impl Future<Output = T>) -> T {
        let _during = self.enter(call);
        work.await
    }

    /// Has something done when the instance is given up, since one that hangs drops nothing. It must not block.
    pub fn when_given_up(&self, release: impl FnOnce() + Send + 'static) {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(release));
    }

    pub(super) fn give_up(&self) {
        let releases = mem::take(&mut *self.releases.lock().unwrap_or_else(PoisonError::into_inner));
        releases.into_iter().for_each(|release| release());
    }

    /// Returns when the present step began, if the instance occupies a thread.
    pub(super) fn step(&self) -> Option<Instant> {
        let millis = self.step.load(Relaxed).checked_sub(1)?;
        Some(self.began + Duration::from_millis(millis))
    }

    /// Returns the call that has not returned.
    pub(super) fn call(&self) -> Option<(Call, Instant)> {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a step begins; it ends when what is returned is dropped.
    pub(super) fn begin_step(&self) -> Step<'_> {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.step.store(millis + 1, Relaxed);
        Step(self)
    }

    fn enter(&self, call: Call) -> During<'_> {
        let mut present = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        During { pulse: self, outer: present.replace((call, Instant::now())) }
    }
}

/// A step under way.
pub(super) struct Step<'a>(&'a Pulse);

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.0.step.store(0, Relaxed);
    }
}

/// A call under way; one call may be made inside another.
struct During<'a> {
    pulse: &'a Pulse,
    outer: Option<(Call, Instant)>,
}

impl Drop for During<'_> {
    fn drop(&mut self) {
        *self.pulse.call.lock().unwrap_or_else(PoisonError::into_inner) = self.outer;
    }
}
