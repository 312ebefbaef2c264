//! The one file watcher of the process: wakes source tasks when their file may have changed.
//!
//! It only makes things quicker. Tasks look at their file every second anyway, because network file systems tell a
//! watcher nothing and because a system may run out of watches.

use notify::{EventKind, RecursiveMode, Watcher, event::AccessKind, event::AccessMode};
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use tracing::warn;

static WATCHES: LazyLock<Arc<Watches>> = LazyLock::new(|| {
    let sleepers = Arc::<Sleepers>::default();
    let waking = sleepers.clone();
    let watcher = notify::recommended_watcher(move |event| waking.wake(event));
    Arc::new(Watches::new(watcher.map(|watcher| Box::new(watcher) as Box<dyn Watcher + Send>), sleepers))
});

/// Everything that is watched.
///
/// Two locks, because the watcher's thread wakes sleepers while another thread may wait for that thread in `watch`.
struct Watches {
    watcher: Mutex<Watching>,
    sleepers: Arc<Sleepers>,
}

struct Watching {
    /// None when the system gave none: then there is only polling.
    watcher: Option<Box<dyn Watcher + Send>>,
    /// How many subscriptions need each watched path.
    uses: HashMap<PathBuf, usize>,
    /// Whether the log has said that watches ran out.
    ran_out: bool,
}

/// Who waits for which file.
#[derive(Default)]
struct Sleepers(Mutex<HashMap<PathBuf, Vec<Arc<Notify>>>>);

/// Wakes a task from now on until it is dropped.
pub(super) struct Subscription {
    watches: Arc<Watches>,
    watched: PathBuf,
    file: PathBuf,
    wake: Arc<Notify>,
}

/// Wakes when this file changes, also under another name. `None` when there is only polling.
pub(super) fn file(path: &Path, wake: &Arc<Notify>) -> Option<Subscription> {
    let file = std::path::absolute(path).ok()?;
    Watches::subscribe(&WATCHES, file.clone(), file, wake)
}

/// Wakes when this file appears: watches its folder. `None` when that is missing too, or there is only polling.
pub(super) fn appearance(path: &Path, wake: &Arc<Notify>) -> Option<Subscription> {
    let file = std::path::absolute(path).ok()?;
    let folder = file.parent()?.to_path_buf();
    Watches::subscribe(&WATCHES, folder, file, wake)
}

/// Tells whether somebody waits for this file.
#[cfg(test)]
pub(super) fn has_sleeper(path: &Path) -> bool {
    lock(&WATCHES.sleepers.0).contains_key(path)
}

// === impl Watches ===

impl Watches {
    fn new(watcher: notify::Result<Box<dyn Watcher + Send>>, sleepers: Arc<Sleepers>) -> Self {
        let watcher = watcher
            .inspect_err(|error| warn!(%error, "no file watcher: files are looked at every second"))
            .ok();
        let watching = Watching { watcher, uses: HashMap::new(), ran_out: false };
        Self { watcher: Mutex::new(watching), sleepers }
    }

    fn subscribe(
        watches: &Arc<Self>,
        watched: PathBuf,
        file: PathBuf,
        wake: &Arc<Notify>,
    ) -> Option<Subscription> {
        watches.sleepers.add(&file, wake);
        // From here on dropping the subscription undoes everything.
        let subscription =
            Subscription { watches: watches.clone(), watched: watched.clone(), file, wake: wake.clone() };
        let mut watching = lock(&watches.watcher);
        *watching.uses.entry(watched.clone()).or_default() += 1;
        // Asked for again on each subscription: the name may stand for another file by now.
        match watching.watcher.as_mut()?.watch(&watched, RecursiveMode::NonRecursive) {
            Ok(()) => Some(subscription),
            Err(error) => {
                watching.note(&error);
                drop(watching);
                None
            }
        }
    }

    fn unsubscribe(&self, watched: &Path) {
        let mut watching = lock(&self.watcher);
        let Some(uses) = watching.uses.get_mut(watched) else { return };
        *uses -= 1;
        if *uses > 0 {
            return;
        }
        watching.uses.remove(watched);
        if let Some(watcher) = &mut watching.watcher {
            // It fails when the file is gone or was never watched, and then nothing is left to do.
            let _ = watcher.unwatch(watched);
        }
    }
}

impl Watching {
    fn note(&mut self, error: &notify::Error) {
        if is_exhausted(error) && !self.ran_out {
            self.ran_out = true;
            warn!(%error, "out of file watches: files without one are looked at every second");
        }
    }
}

fn is_exhausted(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => true,
        notify::ErrorKind::Io(error) => error.kind() == io::ErrorKind::StorageFull,
        _ => false,
    }
}

// === impl Sleepers ===

impl Sleepers {
    fn add(&self, file: &Path, wake: &Arc<Notify>) {
        lock(&self.0).entry(file.to_path_buf()).or_default().push(wake.clone());
    }

    fn remove(&self, file: &Path, wake: &Arc<Notify>) {
        let mut sleepers = lock(&self.0);
        let Some(of_file) = sleepers.get_mut(file) else { return };
        if let Some(index) = of_file.iter().position(|other| Arc::ptr_eq(other, wake)) {
            of_file.swap_remove(index);
        }
        if of_file.is_empty() {
            sleepers.remove(file);
        }
    }

    fn wake(&self, event: notify::Result<notify::Event>) {
        let sleepers = lock(&self.0);
        match event {
            // Opening and reading a file, which the tasks do themselves, changes nothing.
            Ok(event) if is_only_access(&event.kind) => {}
            // After an overflow nobody knows what was missed.
            Ok(event) if event.need_rescan() => {
                sleepers.values().flatten().for_each(|wake| wake.notify_one())
            }
            Ok(event) => {
                let of_files = event.paths.iter().filter_map(|path| sleepers.get(path));
                of_files.flatten().for_each(|wake| wake.notify_one());
            }
            Err(_) => sleepers.values().flatten().for_each(|wake| wake.notify_one()),
        }
    }
}

fn is_only_access(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

// === impl Subscription ===

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watches.sleepers.remove(&self.file, &self.wake);
        self.watches.unsubscribe(&self.watched);
    }
}

/// The maps stay whole whatever panics, because each change of them is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::{Config, EventHandler, WatcherKind};

    /// Gives a number of watches and then none.
    struct Scarce {
        left: usize,
    }

    impl Watcher for Scarce {
        fn new<F: EventHandler>(_: F, _: Config) -> notify::Result<Self> {
            Ok(Self { left: 0 })
        }

        fn watch(&mut self, _: &Path, _: RecursiveMode) -> notify::Result<()> {
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| notify::Error::new(notify::ErrorKind::MaxFilesWatch))?;
            Ok(())
        }

        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            self.left += 1;
            Ok(())
        }

        fn kind() -> WatcherKind {
            WatcherKind::NullWatcher
        }
    }

    fn scarce(left: usize) -> Arc<Watches> {
        Arc::new(Watches::new(Ok(Box::new(Scarce { left })), Arc::default()))
    }

    fn subscribe(watches: &Arc<Watches>, file: &str) -> Option<Subscription> {
        Watches::subscribe(watches, file.into(), file.into(), &Arc::default())
    }

    #[test]
    fn running_out_of_watches_is_said_once_and_leaves_polling() {
        let watches = scarce(1);
        let first = subscribe(&watches, "/a");
        assert!(first.is_some());
        assert!(!lock(&watches.watcher).ran_out);
        assert!(subscribe(&watches, "/b").is_none());
        assert!(lock(&watches.watcher).ran_out);
        drop(first);
        assert!(subscribe(&watches, "/b").is_some(), "a watch that was given back is used again");
    }

    #[test]
    fn nothing_is_left_of_dropped_subscriptions() {
        let watches = scarce(2);
        let (one, two) = (subscribe(&watches, "/a"), subscribe(&watches, "/a"));
        drop(one);
        assert_eq!(lock(&watches.watcher).uses.len(), 1);
        drop(two);
        assert!(lock(&watches.watcher).uses.is_empty());
        assert!(lock(&watches.sleepers.0).is_empty());
    }

    #[test]
    fn a_failed_watcher_leaves_polling() {
        let watches = Watches::new(Err(notify::Error::generic("none")), Arc::default());
        assert!(subscribe(&Arc::new(watches), "/a").is_none());
    }
}
