//! Who runs what: the leader's decision, as a function of what is configured and what the members have.
//!
//! The results are those of Kafka Connect's assignors on the same inputs, oddities included, so that it makes no
//! difference which worker of a mixed group leads. Members are taken in the order of their ids, where Kafka Connect
//! has that of a hash map.

mod eager;
mod incremental;
mod lead;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use eager::assign_eagerly;
pub use incremental::{Assignor, Generations, Round, Share, Shares};
pub use lead::{Election, Led, View, lead};

use crate::{event::TaskId, wire::protocol::Work};

/// Everything that is to run: how many tasks each connector has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configured {
    pub tasks: BTreeMap<Arc<str>, u32>,
}

/// Work as a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct WorkSet {
    connectors: BTreeSet<Arc<str>>,
    tasks: BTreeSet<TaskId>,
}

// === impl Configured ===

impl Configured {
    /// Returns all connectors, and all tasks of them.
    fn all(&self) -> WorkSet {
        let mut all = WorkSet::default();
        for (name, count) in &self.tasks {
            all.connectors.insert(name.clone());
            all.tasks.extend((0..*count).map(|index| TaskId { connector: name.clone(), index }));
        }
        all
    }
}

// === impl WorkSet ===

impl WorkSet {
    fn is_empty(&self) -> bool {
        self.connectors.is_empty() && self.tasks.is_empty()
    }

    fn extend(&mut self, work: &Work) {
        self.connectors.extend(work.connectors.iter().cloned());
        self.tasks.extend(work.tasks.iter().cloned());
    }

    fn contains_any(&self, other: &Self) -> bool {
        !self.connectors.is_disjoint(&other.connectors) || !self.tasks.is_disjoint(&other.tasks)
    }

    fn minus(&self, other: &Self) -> Self {
        Self {
            connectors: self.connectors.difference(&other.connectors).cloned().collect(),
            tasks: self.tasks.difference(&other.tasks).cloned().collect(),
        }
    }

    /// Returns the work in Java's order.
    fn sorted(&self) -> Work {
        let mut work = Work {
            connectors: self.connectors.iter().cloned().collect(),
            tasks: self.tasks.iter().cloned().collect(),
        };
        work.connectors.sort_by(|left, right| java_order(left, right));
        work.tasks.sort_by(|left, right| {
            java_order(&left.connector, &right.connector).then(left.index.cmp(&right.index))
        });
        work
    }
}

// === impl Work ===

impl Work {
    /// Returns what of this work is in the set, in this work's order.
    fn within(&self, set: &WorkSet) -> Self {
        self.filtered(|name| set.connectors.contains(name), |task| set.tasks.contains(task))
    }

    fn without(&self, set: &WorkSet) -> Self {
        self.filtered(|name| !set.connectors.contains(name), |task| !set.tasks.contains(task))
    }

    fn filtered(&self, connector: impl Fn(&Arc<str>) -> bool, task: impl Fn(&TaskId) -> bool) -> Self {
        Self {
            connectors: self.connectors.iter().filter(|name| connector(name)).cloned().collect(),
            tasks: self.tasks.iter().filter(|id| task(id)).cloned().collect(),
        }
    }

    fn set(&self) -> WorkSet {
        let mut set = WorkSet::default();
        set.extend(self);
        set
    }
}

/// Compares as Java does: by UTF-16 units.
fn java_order(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}
