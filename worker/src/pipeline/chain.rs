//! The chain of transformations.

use super::{
    Pipeline,
    trial::{Failures, Trials},
};
use crate::errors::Stage;
use millrace_api::{Error, Origin, Predicate, Record, Result, Transform};
use std::sync::Arc;

/// One transformation of the chain.
pub struct Step {
    /// Its name in `transforms`.
    pub(super) alias: String,
    pub(super) class: Arc<str>,
    pub(super) transform: Box<dyn Transform>,
    pub(super) guard: Option<Guard>,
}

/// When a transformation applies.
pub(super) struct Guard {
    pub(super) predicate: Box<dyn Predicate>,
    pub(super) applies: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    True,
    False,
}

/// A record on its way through the chain.
pub(super) struct Traveller {
    pub(super) record: Record,
    pub(super) place: Place,
}

/// Where a traveller came from.
pub(super) struct Place {
    pub(super) origin: Origin,
    /// Its place in the batch it came with.
    pub(super) index: usize,
}

impl Pipeline {
    pub(super) async fn transform(
        &mut self,
        mut travellers: Vec<Traveller>,
        trials: &Trials,
        failures: &mut Failures,
    ) -> Vec<Traveller> {
        for step in &mut self.chain {
            travellers = step.run(travellers, trials, failures).await;
        }
        travellers
    }
}

// === impl Step ===

impl Step {
    /// Takes records through the step; those that it drops or that fail in it are missing.
    async fn run(
        &mut self,
        travellers: Vec<Traveller>,
        trials: &Trials,
        failures: &mut Failures,
    ) -> Vec<Traveller> {
        let (places, records): (Vec<Place>, Vec<Record>) =
            travellers.into_iter().map(|traveller| (traveller.place, traveller.record)).unzip();
        // A transformation takes its record: only a copy can be tried again.
        let copies = trials.may_repeat().then(|| records.clone());
        let mut results = self.apply_all(&places, records);
        if let Some(copies) = copies {
            let mut rounds = trials.rounds();
            while let Some(rows) = rounds.again(&results, |row| failures.is_out(places[row].index)).await {
                for row in rows {
                    results[row] = self.apply(copies[row].clone(), &places[row].origin);
                }
            }
        } else {
            // Counts what failed.
            let none = trials.rounds().again(&results, |row| failures.is_out(places[row].index)).await;
            debug_assert!(none.is_none(), "nothing is tried again without patience");
        }
        let mut through = Vec::with_capacity(results.len());
        for (result, place) in results.into_iter().zip(places) {
            match result {
                Ok(Some(record)) => through.push(Traveller { record, place }),
                Ok(None) => {}
                Err(error) => failures.add(place.index, Stage::Transformation, &self.class, error),
            }
        }
        through.retain(|traveller| !failures.is_out(traveller.place.index));
        through
    }

    /// Takes one record through the step.
    pub(super) fn apply(&mut self, record: Record, origin: &Origin) -> Result<Option<Record>> {
        if let Some(guard) = &mut self.guard
            && guard.predicate.test(&record, origin)? != (guard.applies == When::True)
        {
            return Ok(Some(record));
        }
        self.transform.apply(record, origin)
    }

    /// Takes a batch through the step, with one result for each record.
    fn apply_all(&mut self, places: &[Place], records: Vec<Record>) -> Vec<Result<Option<Record>>> {
        let origins = places.iter().map(|place| &place.origin);
        let Some(guard) = &mut self.guard else {
            let changed = self.transform.apply_batch(&mut records.into_iter().zip(origins));
            return complete(changed, places.len());
        };
        let tested = guard.predicate.test_batch(&mut records.iter().zip(origins.clone()));
        let applies = guard.applies == When::True;
        let (mut chosen, mut results) = (Vec::new(), Vec::with_capacity(places.len()));
        for ((record, origin), passes) in records.into_iter().zip(origins).zip(complete(tested, places.len()))
        {
            results.push(match passes {
                Ok(passes) if passes == applies => {
                    chosen.push((record, origin));
                    None
                }
                Ok(_) => Some(Ok(Some(record))),
                Err(error) => Some(Err(error)),
            });
        }
        let count = chosen.len();
        let changed = self.transform.apply_batch(&mut chosen.into_iter());
        let mut changed = complete(changed, count).into_iter();
        let untouched = results.into_iter();
        untouched
            .map(|result| result.or_else(|| changed.next()).expect("each chosen record has a result"))
            .collect()
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.class)
    }
}

/// Makes up for results that a plugin owes: the records without one have failed, none is passed over in silence.
pub(super) fn complete<T>(mut results: Vec<Result<T>>, count: usize) -> Vec<Result<T>> {
    while results.len() < count {
        let owed = format!("the plugin returned {} results for {count} records", results.len());
        results.push(Err(Error::connect(owed)));
    }
    results.truncate(count);
    results
}
