//! Which topics connectors have used since they were created, or since a user has reset the list.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The topics of every connector of a standalone worker, in memory as in Kafka Connect.
#[derive(Debug, Default)]
pub struct ActiveTopics {
    by_connector: Mutex<BTreeMap<Arc<str>, BTreeSet<Arc<str>>>>,
    /// How often something was reset: what tasks remember of earlier is void.
    resets: AtomicU64,
}

/// What one task tells; it asks the shared list only about topics that it has not told yet.
#[derive(Debug)]
pub struct Tracker {
    topics: Arc<ActiveTopics>,
    connector: Arc<str>,
    told: HashSet<Arc<str>>,
    last: Option<Arc<str>>,
    resets: u64,
}

impl ActiveTopics {
    /// Returns what notes the topics of one task.
    pub fn tracker(self: &Arc<Self>, connector: &Arc<str>) -> Tracker {
        Tracker {
            topics: self.clone(),
            connector: connector.clone(),
            told: HashSet::new(),
            last: None,
            resets: self.resets.load(Ordering::Acquire),
        }
    }

    /// Returns the topics of a connector in order; none of one that is unknown.
    pub fn of(&self, connector: &str) -> Vec<Arc<str>> {
        let topics = self.by_connector.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(connector).into_iter().flatten().cloned().collect()
    }

    /// Forgets the topics of a connector.
    pub fn reset(&self, connector: &str) {
        let mut topics = self.by_connector.lock().unwrap_or_else(PoisonError::into_inner);
        topics.remove(connector);
        self.resets.fetch_add(1, Ordering::AcqRel);
    }

    fn add(&self, connector: &Arc<str>, topic: &Arc<str>) {
        let mut topics = self.by_connector.lock().unwrap_or_else(PoisonError::into_inner);
        topics.entry(connector.clone()).or_default().insert(topic.clone());
    }
}

impl Tracker {
    /// Notes topics that records went to or came from. They come in runs, and a run costs one comparison a record.
    pub fn note<'a>(&mut self, topics: impl IntoIterator<Item = &'a Arc<str>>) {
        let resets = self.topics.resets.load(Ordering::Acquire);
        if self.resets != resets {
            self.resets = resets;
            self.told.clear();
            self.last = None;
        }
        for topic in topics {
            if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, topic) || last == topic) {
                continue;
            }
            self.last = Some(topic.clone());
            if self.told.insert(topic.clone()) {
                self.topics.add(&self.connector, topic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_told_once_and_again_after_a_reset() {
        let topics = Arc::new(ActiveTopics::default());
        let (orders, other): (Arc<str>, Arc<str>) = ("orders".into(), "other".into());
        let mut tracker = topics.tracker(&"c".into());
        tracker.note([&orders, &orders, &other, &orders]);
        assert_eq!(topics.of("c"), [orders.clone(), other]);
        assert!(topics.of("d").is_empty());
        topics.reset("c");
        assert!(topics.of("c").is_empty());
        tracker.note([&orders]);
        assert_eq!(topics.of("c"), [orders]);
    }
}
