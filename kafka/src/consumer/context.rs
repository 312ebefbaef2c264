//! What librdkafka calls back into, and the answers that its rebalances want.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use millrace_api::TopicPartition;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::KafkaResult,
    types::RDKafkaRespErr,
};

use super::{Client, Polled};
use crate::logs::ClientLog;

/// A change of the assignment that librdkafka wants an answer to. One at a time.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Assign(Vec<TopicPartition>),
    Revoke(Vec<TopicPartition>),
    Lose(Vec<TopicPartition>),
}

pub(super) struct Context {
    pub(super) log: ClientLog,
    /// A std mutex: held for a push or a pop.
    changes: Mutex<Changes>,
    /// Changes are answered at once: nobody else will.
    closing: AtomicBool,
}

#[derive(Default)]
struct Changes {
    /// What has been announced to the caller and not been answered.
    owed: Option<Change>,
    /// What comes after it.
    waiting: VecDeque<Change>,
}

// === impl Change ===

impl Change {
    pub(super) fn announce(self) -> Polled {
        match self {
            Self::Assign(partitions) => Polled::Assigned(partitions),
            Self::Revoke(partitions) => Polled::Revoked(partitions),
            Self::Lose(partitions) => Polled::Lost(partitions),
        }
    }
}

// === impl Context ===

impl Context {
    pub(super) fn new(client: &str) -> Self {
        Self { log: ClientLog::new(client), changes: Mutex::default(), closing: AtomicBool::new(false) }
    }

    /// Returns the next change to announce; none before the last one was answered.
    pub(super) fn next(&self) -> Option<Change> {
        let mut changes = self.changes();
        if changes.owed.is_some() {
            return None;
        }
        changes.owed = changes.waiting.pop_front();
        changes.owed.clone()
    }

    /// Returns what was announced and not answered.
    pub(super) fn owed(&self) -> Option<Change> {
        self.changes().owed.clone()
    }

    /// Notes that it was answered.
    pub(super) fn answered(&self) {
        self.changes().owed = None;
    }

    /// Takes everything that was not answered.
    pub(super) fn take_unanswered(&self) -> Vec<Change> {
        let Changes { owed, waiting } = mem::take(&mut *self.changes());
        owed.into_iter().chain(waiting).collect()
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(&self) {
        self.closing.store(true, SeqCst);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: rdkafka::error::KafkaError, text: &str) {
        self.log.error(&error, text);
    }
}

impl ConsumerContext for Context {
    /// Notes the change down; it is answered when the task is ready. Runs inside `BaseConsumer::poll`.
    fn rebalance(&self, client: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = partitions(list);
        let change = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign(partitions),
            _ if client.assignment_lost() => Change::Lose(partitions),
            _ => Change::Revoke(partitions),
        };
        if self.closing.load(SeqCst) {
            if let Err(error) = answer(client, &change) {
                tracing::debug!(%error, "answering a rebalance while closing");
            }
            return;
        }
        self.changes().waiting.push_back(change);
    }
}

/// Answers a change as it was asked, in the group's protocol. Blocks for librdkafka's main thread, which does not wait
/// for the network.
pub(super) fn answer(client: &Client, change: &Change) -> KafkaResult<()> {
    match change {
        Change::Assign(partitions) => assign(client, &list(partitions)),
        Change::Revoke(partitions) | Change::Lose(partitions) => unassign(client, &list(partitions)),
    }
}

pub(super) fn assign(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        RebalanceProtocol::None | RebalanceProtocol::Eager => client.assign(list),
    }
}

fn unassign(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_unassign(list),
        RebalanceProtocol::None | RebalanceProtocol::Eager => client.unassign(),
    }
}

pub(super) fn list<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    list
}

fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let mut partitions: Vec<TopicPartition> = Vec::with_capacity(list.count());
    for element in list.elements() {
        // Partitions of one topic stand together: they share its name.
        let topic = match partitions.last() {
            Some(last) if *last.topic == *element.topic() => last.topic.clone(),
            _ => element.topic().into(),
        };
        partitions.push(TopicPartition { topic, partition: element.partition() });
    }
    partitions
}
