//! Offsets of records that Kafka has not acknowledged yet: a pure queue for each source partition.
//!
//! The offset to store for a partition is that of its last record before the first one still in flight, so that nothing
//! between is ever skipped. Records travel in batches with a ticket each, and a ticket ends as a whole: what is kept is one
//! entry for each partition in a batch, not one for each record.

use millrace_api::{SourceOffset, SourceOrigin, SourcePartition};
use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::Arc,
};

/// An offset to store; none forgets the partition.
pub type Place = (Arc<SourcePartition>, Option<SourceOffset>);

/// The offsets in flight of one task.
#[derive(Debug, Default)]
pub struct InFlight {
    queues: HashMap<Arc<SourcePartition>, VecDeque<Entry>>,
    tickets: HashMap<u64, TicketState>,
    committable: HashMap<Arc<SourcePartition>, Option<SourceOffset>>,
}

#[derive(Debug)]
struct Entry {
    ticket: u64,
    offset: Option<SourceOffset>,
}

#[derive(Debug)]
struct TicketState {
    records: usize,
    partitions: Vec<Arc<SourcePartition>>,
    /// Entries that still stand in a queue.
    queued: usize,
    acknowledged: bool,
}

impl InFlight {
    /// Adds a batch of so many records that was handed over under this ticket; `places` are those of [`last_places`].
    pub fn push(&mut self, ticket: u64, records: usize, places: Vec<Place>) {
        let partitions: Vec<_> = places.iter().map(|(partition, _)| partition.clone()).collect();
        let state = TicketState { records, queued: places.len(), partitions, acknowledged: false };
        self.tickets.insert(ticket, state);
        for (partition, offset) in places {
            self.queues.entry(partition).or_default().push_back(Entry { ticket, offset });
        }
    }

    /// Notes that every record of the ticket is safe, and returns how many they are.
    pub fn acknowledge(&mut self, ticket: u64) -> usize {
        let Some(state) = self.tickets.get_mut(&ticket) else { return 0 };
        state.acknowledged = true;
        let records = state.records;
        for partition in mem::take(&mut state.partitions) {
            self.advance(partition);
        }
        if self.tickets.get(&ticket).is_some_and(|state| state.queued == 0) {
            self.tickets.remove(&ticket);
        }
        records
    }

    /// Returns what has become safe to store since the last call.
    pub fn take_committable(&mut self) -> Vec<Place> {
        self.committable.drain().collect()
    }

    /// Offers places again whose storing has failed, unless later ones have become safe meanwhile.
    pub fn give_back(&mut self, places: Vec<Place>) {
        for (partition, offset) in places {
            self.committable.entry(partition).or_insert(offset);
        }
    }

    /// Moves a partition over the acknowledged entries at the head of its queue.
    fn advance(&mut self, partition: Arc<SourcePartition>) {
        let Some(queue) = self.queues.get_mut(&partition) else { return };
        while let Some(head) = queue.front() {
            let state = self.tickets.get_mut(&head.ticket).expect("a queued entry has its ticket");
            if !state.acknowledged {
                break;
            }
            state.queued -= 1;
            let entry = queue.pop_front().expect("the queue has a head");
            if state.queued == 0 {
                self.tickets.remove(&entry.ticket);
            }
            self.committable.insert(partition.clone(), entry.offset);
        }
        if queue.is_empty() {
            self.queues.remove(&partition);
        }
    }
}

/// Returns the last place of each source partition in a batch.
pub fn last_places<'a>(origins: impl Iterator<Item = &'a SourceOrigin>) -> Vec<Place> {
    let mut last: Vec<&'a SourceOrigin> = Vec::new();
    let mut index: HashMap<&'a SourcePartition, usize> = HashMap::new();
    for origin in origins {
        // Nearly always the partition of the record before: no hashing then.
        let same = last.last().is_some_and(|before| Arc::ptr_eq(&before.partition, &origin.partition));
        let at = if same { last.len() - 1 } else { *index.entry(&origin.partition).or_insert(last.len()) };
        match last.get_mut(at) {
            Some(place) => *place = origin,
            None => last.push(origin),
        }
    }
    last.into_iter().map(|origin| (origin.partition.clone(), origin.offset.clone())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use millrace_api::{Scalar, Scalars};
    use proptest::prelude::*;

    fn partition(name: &str) -> Arc<SourcePartition> {
        Arc::new(SourcePartition::new(Scalars::one("p", name)))
    }

    fn origin(partition: &Arc<SourcePartition>, offset: i64) -> SourceOrigin {
        let offset = SourceOffset::new(Scalars::one("o", offset));
        SourceOrigin { partition: partition.clone(), offset: Some(offset) }
    }

    fn stored(places: Vec<Place>) -> Vec<(String, i64)> {
        let mut found: Vec<_> = places
            .into_iter()
            .map(|(partition, offset)| {
                let name = partition.entries.get("p").unwrap().clone();
                let offset = offset.unwrap().entries.get("o").unwrap().clone();
                match (name, offset) {
                    (Scalar::String(name), Scalar::Integer(offset)) => (name.to_string(), offset),
                    other => panic!("not a place: {other:?}"),
                }
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn nothing_is_stored_past_a_gap() {
        let p = partition("p");
        let mut in_flight = InFlight::default();
        for offset in 1..=5 {
            in_flight.push(offset as u64, 1, last_places([origin(&p, offset)].iter()));
        }
        assert_eq!([1, 2, 4, 5].map(|ticket| in_flight.acknowledge(ticket)), [1, 1, 1, 1]);
        assert_eq!(stored(in_flight.take_committable()), [("p".to_string(), 2)]);
        in_flight.acknowledge(3);
        assert_eq!(stored(in_flight.take_committable()), [("p".to_string(), 5)]);
        assert!(in_flight.queues.is_empty() && in_flight.tickets.is_empty());
    }

    #[test]
    fn a_partition_does_not_wait_for_another() {
        let (a, b) = (partition("a"), partition("b"));
        let mut in_flight = InFlight::default();
        in_flight.push(1, 1, last_places([origin(&a, 1), origin(&b, 10), origin(&a, 2)].iter()));
        in_flight.push(2, 1, last_places([origin(&b, 11)].iter()));
        in_flight.push(3, 1, last_places([origin(&a, 3)].iter()));
        in_flight.acknowledge(3);
        assert_eq!(stored(in_flight.take_committable()), []);
        in_flight.acknowledge(1);
        assert_eq!(stored(in_flight.take_committable()), [("a".to_string(), 3), ("b".to_string(), 10)]);
    }

    #[test]
    fn what_could_not_be_stored_does_not_go_back() {
        let p = partition("p");
        let mut in_flight = InFlight::default();
        in_flight.push(1, 1, last_places([origin(&p, 1)].iter()));
        in_flight.acknowledge(1);
        let failed = in_flight.take_committable();
        in_flight.push(2, 1, last_places([origin(&p, 2)].iter()));
        in_flight.acknowledge(2);
        in_flight.give_back(failed);
        assert_eq!(stored(in_flight.take_committable()), [("p".to_string(), 2)]);
    }

    proptest! {
        #[test]
        fn the_stored_offset_is_always_the_last_before_the_first_in_flight(
            batches in prop::collection::vec(prop::collection::vec(0usize..3, 1..4), 1..12),
            order in prop::collection::vec(any::<prop::sample::Index>(), 12),
        ) {
            let names = ["a", "b", "c"].map(partition);
            let mut in_flight = InFlight::default();
            let mut sent: Vec<Vec<(usize, i64)>> = Vec::new();
            let mut next = 0;
            for (ticket, batch) in batches.iter().enumerate() {
                let records: Vec<_> = batch.iter().map(|partition| { next += 1; (*partition, next) }).collect();
                let origins: Vec<_> = records.iter().map(|(index, offset)| origin(&names[*index], *offset)).collect();
                in_flight.push(ticket as u64, origins.len(), last_places(origins.iter()));
                sent.push(records);
            }
            let mut open: Vec<usize> = (0..sent.len()).collect();
            let mut known = HashMap::new();
            for index in order {
                if open.is_empty() { break }
                let ticket = open.remove(index.index(open.len()));
                in_flight.acknowledge(ticket as u64);
                known.extend(stored(in_flight.take_committable()));
                for (index, name) in ["a", "b", "c"].iter().enumerate() {
                    let first_open = sent.iter().enumerate().position(|(at, batch)| open.contains(&at) && batch.iter().any(|(p, _)| p == &index));
                    let safe = &sent[..first_open.unwrap_or(sent.len())];
                    let expected = safe.iter().flatten().filter(|(p, _)| *p == index).map(|(_, offset)| *offset).next_back();
                    prop_assert_eq!(known.get(*name).copied(), expected);
                }
            }
        }
    }
}
