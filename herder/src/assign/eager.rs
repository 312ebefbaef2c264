//! The eager assignor: everything is dealt anew, round and round.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    assign::{Configured, java_order},
    wire::protocol::Work,
};

/// Deals all connectors and then all tasks to the members, which are taken in the order of their ids.
pub fn assign_eagerly<'a>(
    configured: &Configured,
    members: impl IntoIterator<Item = &'a Arc<str>>,
) -> BTreeMap<Arc<str>, Work> {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_by(|left, right| java_order(left, right));
    let mut shares: Vec<(&Arc<str>, Work)> = members.into_iter().map(|id| (id, Work::default())).collect();
    if shares.is_empty() {
        return BTreeMap::new();
    }
    let all = configured.all().sorted();
    let mut next = (0..shares.len()).cycle();
    for name in all.connectors {
        if let Some(place) = next.next() {
            shares[place].1.connectors.push(name);
        }
    }
    for task in all.tasks {
        if let Some(place) = next.next() {
            shares[place].1.tasks.push(task);
        }
    }
    shares.into_iter().map(|(id, work)| (id.clone(), work)).collect()
}
