//! Transformations and predicates: what happens to records between their connector and Kafka.

use crate::{Origin, Record, Result};

/// Changes, drops or routes records; one instance for each task and place in the chain, used by one at a time.
pub trait Transform: Send + 'static {
    /// Returns the record that goes on, or `None` to drop it. Errors of single records should be
    /// [`Error::data`](crate::Error::data).
    fn apply(&mut self, record: Record, origin: &Origin) -> Result<Option<Record>>;

    /// Changes a batch, one result for each; a transformation behind a border overrides it to cross once.
    fn apply_batch(
        &mut self,
        batch: &mut dyn Iterator<Item = (Record, &Origin)>,
    ) -> Vec<Result<Option<Record>>> {
        batch.map(|(record, origin)| self.apply(record, origin)).collect()
    }
}

/// Tells whether a transformation applies to a record; one instance for each task.
pub trait Predicate: Send + 'static {
    /// Tells it for one record.
    fn test(&mut self, record: &Record, origin: &Origin) -> Result<bool>;

    /// Tells it for a batch, one result for each.
    fn test_batch(&mut self, batch: &mut dyn Iterator<Item = (&Record, &Origin)>) -> Vec<Result<bool>> {
        batch.map(|(record, origin)| self.test(record, origin)).collect()
    }
}
