//! What all connections of one broker share.

use crate::folder::DataFolder;
use crate::groups::Limits;
use crate::membership::Membership;
use crate::offsets::Offsets;
use crate::producer_ids::ProducerIds;
use crate::topics::Topics;
use crate::{BrokerError, Fsync, Options};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The node id of the only broker.
pub const NODE_ID: i32 = 1;

/// The state of a broker. Each part has its own lock; none is held while another is taken, nor across a wait.
#[derive(Debug)]
pub struct Shared {
    pub folder: DataFolder,
    pub options: Options,
    pub topics: Topics,
    pub offsets: Mutex<Offsets>,
    pub producer_ids: Mutex<ProducerIds>,
    pub membership: Membership,
}

impl Shared {
    /// Opens a data folder and everything in it.
    pub fn open(path: &Path, options: Options) -> Result<Self, BrokerError> {
        let folder = DataFolder::open(path)?;
        let limits = Limits {
            initial_rebalance_delay: options.initial_rebalance_delay,
            session_timeout_min: options.session_timeout_min,
            session_timeout_max: options.session_timeout_max,
        };
        Ok(Self {
            topics: Topics::open(path, options.segment_bytes, folder.last_stop())?,
            offsets: Mutex::new(Offsets::open(path)?),
            producer_ids: Mutex::new(ProducerIds::open(path)?),
            membership: Membership::new(limits),
            folder,
            options,
        })
    }

    /// Forces files to the disk before an answer, if the options ask for that.
    pub async fn settle(&self, files: Vec<Arc<File>>) -> io::Result<()> {
        if self.options.fsync == Fsync::OnStop || files.is_empty() {
            return Ok(());
        }
        let sync = move || files.iter().try_for_each(|file| file.sync_data());
        tokio::task::spawn_blocking(sync).await.map_err(io::Error::other)?
    }

    /// Forces everything to the disk, and says so in the folder.
    pub fn flush(&self) -> io::Result<()> {
        self.topics.flush()?;
        lock(&self.offsets).flush()?;
        self.folder.mark_clean()
    }
}

/// Locks a mutex. A panic of one connection must not stop the others: what it held is consistent, because every part
/// changes its memory only after its file.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the wall clock in milliseconds since 1970.
pub fn wall_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
