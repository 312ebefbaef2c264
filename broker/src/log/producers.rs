//! Which batches of idempotent producers a partition has seen: pure, rebuilt from batch headers at open.

use super::batch::BatchHeader;
use kafka_protocol::ResponseError;
use std::collections::{BTreeMap, VecDeque};

/// How many batches per producer can be recognised when they are sent again; clients have as many in flight at most.
const REMEMBERED_BATCHES: usize = 5;
/// Producers that a partition remembers; the one that wrote longest ago is forgotten first.
const PRODUCERS_MAX: usize = 10_000;

/// The producers of one partition.
#[derive(Debug, Default)]
pub struct Producers {
    by_id: BTreeMap<i64, Producer>,
}

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Append,
    /// It was written before, at this offset.
    Duplicate {
        base_offset: i64,
    },
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    recent: VecDeque<Written>,
}

#[derive(Debug)]
struct Written {
    first: i32,
    last: i32,
    base_offset: i64,
}

impl Producers {
    /// Decides whether a batch comes next, came before, or may not come at all.
    pub fn judge(&self, batch: &BatchHeader) -> Result<Verdict, ResponseError> {
        if !batch.is_idempotent() {
            return Ok(Verdict::Append);
        }
        // A producer that nobody remembers may go on anywhere: its batches may have been deleted.
        let Some(producer) = self.by_id.get(&batch.producer_id) else { return Ok(Verdict::Append) };
        if batch.producer_epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if batch.producer_epoch > producer.epoch {
            let starts = batch.base_sequence == 0;
            return if starts { Ok(Verdict::Append) } else { Err(ResponseError::OutOfOrderSequenceNumber) };
        }
        let same = |written: &&Written| {
            (written.first, written.last) == (batch.base_sequence, batch.last_sequence())
        };
        if let Some(written) = producer.recent.iter().find(same) {
            return Ok(Verdict::Duplicate { base_offset: written.base_offset });
        }
        let next = producer.recent.back().map_or(0, |written| written.last.checked_add(1).unwrap_or(0));
        if batch.base_sequence == next {
            Ok(Verdict::Append)
        } else {
            Err(ResponseError::OutOfOrderSequenceNumber)
        }
    }

    /// Remembers a batch that was written at its base offset.
    pub fn note(&mut self, batch: &BatchHeader) {
        if !batch.is_idempotent() || batch.is_control() {
            return;
        }
        if !self.by_id.contains_key(&batch.producer_id) && self.by_id.len() >= PRODUCERS_MAX {
            self.forget_oldest();
        }
        let epoch = batch.producer_epoch;
        let producer = self
            .by_id
            .entry(batch.producer_id)
            .or_insert_with(|| Producer { epoch, recent: VecDeque::new() });
        if producer.epoch != epoch {
            producer.epoch = epoch;
            producer.recent.clear();
        }
        producer.recent.push_back(Written {
            first: batch.base_sequence,
            last: batch.last_sequence(),
            base_offset: batch.base_offset,
        });
        if producer.recent.len() > REMEMBERED_BATCHES {
            producer.recent.pop_front();
        }
    }

    fn forget_oldest(&mut self) {
        let last_write =
            |producer: &Producer| producer.recent.back().map_or(-1, |written| written.base_offset);
        let oldest = self.by_id.iter().min_by_key(|(_, producer)| last_write(producer)).map(|(id, _)| *id);
        if let Some(id) = oldest {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::batch::testing::Sample;
    use super::*;

    fn batch(epoch: i16, sequence: i32, records: usize, base_offset: i64) -> BatchHeader {
        let sample = Sample::of(&vec!["v"; records]).by(9, epoch, sequence);
        BatchHeader { base_offset, ..BatchHeader::check(&sample.build()).unwrap() }
    }

    #[track_caller]
    fn check(seen: &[BatchHeader], next: BatchHeader, expected: Result<Verdict, ResponseError>) {
        let mut producers = Producers::default();
        for batch in seen {
            producers.note(batch);
        }
        assert_eq!(producers.judge(&next), expected);
    }

    #[test]
    fn batches_come_in_sequence() {
        let seen = [batch(0, 0, 2, 0), batch(0, 2, 3, 2)];
        check(&[], batch(0, 77, 1, 0), Ok(Verdict::Append));
        check(&seen, batch(0, 5, 1, 0), Ok(Verdict::Append));
        check(&seen, batch(0, 6, 1, 0), Err(ResponseError::OutOfOrderSequenceNumber));
        check(&seen, batch(0, 2, 3, 0), Ok(Verdict::Duplicate { base_offset: 2 }));
        check(&seen, batch(0, 2, 2, 0), Err(ResponseError::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old() {
        let seen = [batch(1, 0, 1, 0)];
        check(&seen, batch(2, 0, 1, 0), Ok(Verdict::Append));
        check(&seen, batch(2, 1, 1, 0), Err(ResponseError::OutOfOrderSequenceNumber));
        check(&seen, batch(0, 1, 1, 0), Err(ResponseError::InvalidProducerEpoch));
    }

    #[test]
    fn sequences_wrap() {
        check(&[batch(0, i32::MAX, 1, 0)], batch(0, 0, 1, 0), Ok(Verdict::Append));
    }

    #[test]
    fn only_the_last_batches_are_recognised() {
        let seen: Vec<_> = (0..6).map(|at| batch(0, at, 1, i64::from(at))).collect();
        check(&seen, batch(0, 1, 1, 0), Ok(Verdict::Duplicate { base_offset: 1 }));
        check(&seen, batch(0, 0, 1, 0), Err(ResponseError::OutOfOrderSequenceNumber));
    }
}
