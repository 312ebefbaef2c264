//! A producer for many tasks, replaced when it has to be.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use millrace_api::Properties;

use super::{Budget, Lane, batch::Usage, client::Producer};
use crate::{KafkaError, Role, translate};

/// A producer that tasks share, each through its own [`Lane`].
///
/// There is a client while there are lanes, and another one after it was retired or met a fatal error.
pub struct SharedProducer {
    settings: Properties,
    sharing: Sharing,
    /// The client that lanes join. A std mutex: held to join it, and while one is created.
    current: Mutex<Option<Arc<Producer>>>,
    lanes: AtomicUsize,
}

/// How lanes share a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// How much each lane may have in it.
    pub budget: Budget,
    /// How many lanes there may be: librdkafka's queue is sized for so many budgets.
    pub lanes_max: usize,
    /// How long the records of a lane may be passed over, while those of others are taken, before the producer is
    /// retired.
    pub stall: Duration,
}

impl SharedProducer {
    /// Checks the settings; nothing is started before there is a lane.
    pub fn new(settings: Properties, sharing: Sharing) -> Result<Arc<Self>, KafkaError> {
        translate(Role::Producer, &settings)?;
        Ok(Arc::new(Self { settings, sharing, current: Mutex::default(), lanes: AtomicUsize::new(0) }))
    }

    /// Opens a lane for a task of this name. Beyond `lanes_max` lanes could fill the queue to each other's harm.
    pub fn lane(self: &Arc<Self>, name: impl Into<String>) -> Result<Lane, KafkaError> {
        let usage = Arc::new(Usage::new(name.into(), self.sharing.budget));
        let producer = self.join(&usage)?;
        self.lanes.fetch_add(1, Relaxed);
        Ok(Lane::new(self.clone(), producer, usage))
    }

    /// Returns how many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes.load(Relaxed)
    }

    /// Lets a lane into the client, or into a fresh one if that is leaving.
    pub(super) fn join(&self, usage: &Arc<Usage>) -> Result<Arc<Producer>, KafkaError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = current.as_ref()
            && producer.join(usage)
        {
            return Ok(producer.clone());
        }
        let fresh = Producer::start(&self.settings, &self.sharing)?;
        assert!(fresh.join(usage), "a fresh producer lets lanes in");
        *current = Some(fresh.clone());
        Ok(fresh)
    }

    pub(super) fn lane_closed(&self) {
        self.lanes.fetch_sub(1, Relaxed);
    }
}
