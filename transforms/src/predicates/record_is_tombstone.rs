//! `RecordIsTombstone`: true of records without a value, whatever their schema says.

use millrace_api::{Origin, Plugins, Predicate, Record, Result};

/// The predicate.
struct RecordIsTombstone;

/// Adds the predicate.
pub(super) fn register(plugins: &mut Plugins) {
    plugins.predicate::<()>("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone", |()| {
        Ok(Box::new(RecordIsTombstone))
    });
}

impl Predicate for RecordIsTombstone {
    fn test(&mut self, record: &Record, _: &Origin) -> Result<bool> {
        Ok(record.value.value.is_null())
    }
}
