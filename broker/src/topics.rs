//! Topics by name: created, widened and deleted on disk and in memory together.
//!
//! Each topic is a folder with a file `topic` (id, number of partitions, settings) and one folder per partition. The
//! file is written last: a folder without it is what a killed broker left of an unanswered request, and is removed.

pub mod config;

use crate::BrokerError;
use crate::folder::{LastStop, read_text, replace_file};
use crate::log::Log;
use crate::shared::lock;
use config::TopicConfig;
use kafka_protocol::ResponseError;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

/// Partitions that one topic may have; each costs an open file once it is written.
pub const PARTITIONS_MAX: i32 = 1_000;
/// Partitions of all topics together.
pub const PARTITIONS_TOTAL_MAX: usize = 10_000;
/// The longest topic name, as in Kafka.
const NAME_BYTES_MAX: usize = 249;

/// All topics.
#[derive(Debug)]
pub struct Topics {
    folder: PathBuf,
    trash: PathBuf,
    segment_bytes: u64,
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// Held while the folder is changed, so that two changes of one topic never meet.
    changing: Mutex<()>,
}

/// A topic; it outlives its deletion for whoever still holds it.
#[derive(Debug)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
    pub config: TopicConfig,
    partitions: RwLock<Vec<Arc<Partition>>>,
}

/// One partition: its log, and the fetches that wait for more of it.
#[derive(Debug)]
pub struct Partition {
    pub log: Mutex<Log>,
    waiting: Mutex<Vec<Arc<Notify>>>,
}

/// Why topics were not changed.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    #[error("{1}")]
    Refused(ResponseError, String),
    #[error("the data folder cannot be written")]
    Disk(#[source] io::Error),
}

impl Topics {
    /// Opens every topic of a data folder.
    pub fn open(folder: &Path, segment_bytes: u64, last_stop: LastStop) -> Result<Self, BrokerError> {
        let topics = Self {
            folder: folder.join("topics"),
            trash: folder.join("trash"),
            segment_bytes,
            by_name: RwLock::default(),
            changing: Mutex::default(),
        };
        if topics.trash.exists() {
            fs::remove_dir_all(&topics.trash).map_err(BrokerError::folder(&topics.trash))?;
        }
        fs::create_dir_all(&topics.folder).map_err(BrokerError::folder(&topics.folder))?;
        let mut by_name = BTreeMap::new();
        for entry in fs::read_dir(&topics.folder).map_err(BrokerError::folder(&topics.folder))? {
            let path = entry.map_err(BrokerError::folder(&topics.folder))?.path();
            match read_text(&path.join("topic"))? {
                Some(text) => {
                    let topic = topics.load(&path, &text, last_stop)?;
                    by_name.insert(topic.name.clone(), Arc::new(topic));
                }
                None => fs::remove_dir_all(&path).map_err(BrokerError::folder(&path))?,
            }
        }
        *topics.by_name.write().unwrap_or_else(PoisonError::into_inner) = by_name;
        Ok(topics)
    }

    pub fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub fn get_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.all().into_iter().find(|topic| topic.id == id)
    }

    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn partition(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.get(topic)?.partition(index)
    }

    /// Checks what a topic to be created needs, without creating it.
    pub fn check_new(&self, name: &str, partitions: i32) -> Result<(), TopicError> {
        check_name(name)?;
        if self.get(name).is_some() {
            let text = format!("Topic '{name}' already exists.");
            return Err(TopicError::Refused(ResponseError::TopicAlreadyExists, text));
        }
        self.check_room(partitions, 0)
    }

    /// Creates a topic.
    pub fn create(&self, name: &str, partitions: i32, config: TopicConfig) -> Result<Arc<Topic>, TopicError> {
        let _changing = lock(&self.changing);
        self.check_new(name, partitions)?;
        let path = self.folder.join(name);
        let topic = Topic {
            name: name.to_owned(),
            id: Uuid::new_v4(),
            partitions: RwLock::new(self.open_partitions(&path, &config, 0..partitions)?),
            config,
        };
        replace_file(&path.join("topic"), topic.describe(partitions).as_bytes()).map_err(TopicError::Disk)?;
        let topic = Arc::new(topic);
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Gives a topic more partitions, `partitions` in all.
    pub fn widen(&self, name: &str, partitions: i32) -> Result<(), TopicError> {
        let _changing = lock(&self.changing);
        let topic = self.check_wider(name, partitions)?;
        let path = self.folder.join(name);
        let more = self.open_partitions(&path, &topic.config, topic.partition_count()..partitions)?;
        replace_file(&path.join("topic"), topic.describe(partitions).as_bytes()).map_err(TopicError::Disk)?;
        topic.partitions.write().unwrap_or_else(PoisonError::into_inner).extend(more);
        Ok(())
    }

    /// Returns a topic if it may have `partitions` partitions from now on.
    pub fn check_wider(&self, name: &str, partitions: i32) -> Result<Arc<Topic>, TopicError> {
        let topic = self.get(name).ok_or_else(unknown_topic)?;
        let held = topic.partition_count();
        if partitions <= held {
            let text = format!(
                "The topic {name} currently has {held} partition(s); {partitions} would not be an increase."
            );
            return Err(TopicError::Refused(ResponseError::InvalidPartitions, text));
        }
        self.check_room(partitions, held)?;
        Ok(topic)
    }

    /// Deletes a topic: gone at once for clients, its files as soon as they can be removed.
    pub fn delete(&self, name: &str) -> Result<Arc<Topic>, TopicError> {
        let changing = lock(&self.changing);
        let topic = self.get(name).ok_or_else(unknown_topic)?;
        // One rename, so that a broker killed half-way finds the topic or not, but never a part of it.
        let trashed = self.trash.join(topic.id.to_string());
        fs::create_dir_all(&self.trash).map_err(TopicError::Disk)?;
        fs::rename(self.folder.join(name), &trashed).map_err(TopicError::Disk)?;
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        drop(changing);
        for partition in topic.partitions() {
            partition.wake();
        }
        if let Err(error) = fs::remove_dir_all(&trashed) {
            tracing::warn!(folder = %trashed.display(), "files of a deleted topic stay until the next start: {error}");
        }
        Ok(topic)
    }

    /// Forces all logs to the disk.
    pub fn flush(&self) -> io::Result<()> {
        for topic in self.all() {
            for partition in topic.partitions() {
                lock(&partition.log).flush()?;
            }
        }
        Ok(())
    }

    fn load(&self, path: &Path, text: &str, last_stop: LastStop) -> Result<Topic, BrokerError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let unreadable =
            |problem: &str| BrokerError::Unreadable { path: path.join("topic"), problem: problem.to_owned() };
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let mut field = |wanted: &str| lines.next().filter(|(key, _)| *key == wanted).map(|(_, value)| value);
        let id = field("id").and_then(|id| id.parse().ok()).ok_or_else(|| unreadable("id is missing"))?;
        let count: i32 = field("partitions")
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| unreadable("partitions is missing"))?;
        let config = TopicConfig::parse(lines).map_err(|fault| unreadable(&fault.to_string()))?;
        let segment_bytes = config.segment_bytes().unwrap_or(self.segment_bytes);
        let mut partitions = Vec::new();
        for index in 0..count {
            let log = Log::open(&path.join(index.to_string()), segment_bytes, last_stop)?;
            partitions.push(Arc::new(Partition::new(log)));
        }
        Ok(Topic { name, id, config, partitions: RwLock::new(partitions) })
    }

    /// Makes new partitions' folders; whatever lies there is of a request that was never answered.
    fn open_partitions(
        &self,
        path: &Path,
        config: &TopicConfig,
        indexes: std::ops::Range<i32>,
    ) -> Result<Vec<Arc<Partition>>, TopicError> {
        let segment_bytes = config.segment_bytes().unwrap_or(self.segment_bytes);
        let open = |index: i32| {
            let log = Log::open(&path.join(index.to_string()), segment_bytes, LastStop::Killed);
            log.map(|log| Arc::new(Partition::new(log)))
                .map_err(|error| TopicError::Disk(io::Error::other(error)))
        };
        indexes.map(open).collect()
    }

    fn check_room(&self, partitions: i32, held: i32) -> Result<(), TopicError> {
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            let text =
                format!("Number of partitions must be between 1 and {PARTITIONS_MAX}, not {partitions}.");
            return Err(TopicError::Refused(ResponseError::InvalidPartitions, text));
        }
        let total: i32 = self.all().iter().map(|topic| topic.partition_count()).sum();
        if (total + partitions - held) as usize > PARTITIONS_TOTAL_MAX {
            let text = format!("All topics together may have {PARTITIONS_TOTAL_MAX} partitions.");
            return Err(TopicError::Refused(ResponseError::PolicyViolation, text));
        }
        Ok(())
    }
}

// === impl Topic ===

impl Topic {
    pub fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(index).ok()?;
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn partition_count(&self) -> i32 {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).len() as i32
    }

    /// Returns the content of the topic's file. Values that settings may have hold no line ends.
    fn describe(&self, partitions: i32) -> String {
        let mut text = format!("id={}\npartitions={partitions}\n", self.id);
        for (name, value) in self.config.given() {
            text.push_str(&format!("{name}={}\n", value.replace(['\n', '\r'], " ")));
        }
        text
    }
}

// === impl Partition ===

impl Partition {
    fn new(log: Log) -> Self {
        Self { log: Mutex::new(log), waiting: Mutex::default() }
    }

    /// Lets a fetch wait for more; call before looking at the log, so that nothing is missed in between.
    pub fn wait(&self, fetch: &Arc<Notify>) {
        lock(&self.waiting).push(Arc::clone(fetch));
    }

    pub fn stop_waiting(&self, fetch: &Arc<Notify>) {
        lock(&self.waiting).retain(|waiting| !Arc::ptr_eq(waiting, fetch));
    }

    /// Tells every waiting fetch to look again.
    pub fn wake(&self) {
        for fetch in lock(&self.waiting).iter() {
            fetch.notify_one();
        }
    }
}

fn unknown_topic() -> TopicError {
    let text = ResponseError::UnknownTopicOrPartition.to_string();
    TopicError::Refused(ResponseError::UnknownTopicOrPartition, text)
}

fn check_name(name: &str) -> Result<(), TopicError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let problem = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.len() > NAME_BYTES_MAX => format!("the length of '{name}' is longer than {NAME_BYTES_MAX}"),
        _ if !name.bytes().all(legal) => {
            format!(
                "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
            )
        }
        _ => return Ok(()),
    };
    Err(TopicError::Refused(
        ResponseError::InvalidTopicException,
        format!("Topic name is invalid: {problem}"),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn open(folder: &Path) -> Topics {
        Topics::open(folder, 1 << 20, LastStop::Killed).unwrap()
    }

    #[track_caller]
    fn refusal<T: std::fmt::Debug>(result: Result<T, TopicError>) -> ResponseError {
        match result.unwrap_err() {
            TopicError::Refused(error, _) => error,
            TopicError::Disk(error) => panic!("{error}"),
        }
    }

    #[test]
    fn topics_keep_id_settings_and_width_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let topics = open(folder.path());
        let config = TopicConfig::parse([("cleanup.policy", "compact"), ("retention.ms", "5")]).unwrap();
        let created = topics.create("orders", 2, config.clone()).unwrap();
        topics.widen("orders", 5).unwrap();
        let topics = open(folder.path());
        let found = topics.get("orders").unwrap();
        assert_eq!((found.id, &found.config, found.partition_count()), (created.id, &config, 5));
        assert_eq!(topics.get_by_id(created.id).unwrap().name, "orders");
        assert!(topics.partition("orders", 4).is_some() && topics.partition("orders", 5).is_none());
    }

    #[test]
    fn deleted_topics_are_gone_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let topics = open(folder.path());
        topics.create("orders", 1, TopicConfig::default()).unwrap();
        topics.delete("orders").unwrap();
        assert_eq!(refusal(topics.delete("orders")), ResponseError::UnknownTopicOrPartition);
        assert!(!folder.path().join("topics/orders").exists());
        assert!(open(folder.path()).all().is_empty());
    }

    #[test]
    fn a_topic_that_was_never_answered_is_removed_at_open() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("topics/half/0")).unwrap();
        assert!(open(folder.path()).all().is_empty());
        assert!(!folder.path().join("topics/half").exists());
    }

    #[test]
    fn impossible_topics_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let topics = open(folder.path());
        for name in ["", ".", "..", "a/b", "ü", &"x".repeat(250)] {
            assert_eq!(refusal(topics.check_new(name, 1)), ResponseError::InvalidTopicException, "{name}");
        }
        for partitions in [-1, 0, PARTITIONS_MAX + 1] {
            assert_eq!(refusal(topics.check_new("t", partitions)), ResponseError::InvalidPartitions);
        }
        topics.create("t", 3, TopicConfig::default()).unwrap();
        assert_eq!(refusal(topics.check_new("t", 1)), ResponseError::TopicAlreadyExists);
        assert_eq!(refusal(topics.widen("t", 3)), ResponseError::InvalidPartitions);
    }
}
