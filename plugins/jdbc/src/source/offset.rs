//! Where reading a table resumes: the reference's source partitions and offsets. Pure.

use super::statement::Subject;
use crate::cell::Moment;
use millrace_api::{Scalar, Scalars, SourceOffset, SourcePartition};

const PROTOCOL: &str = "protocol";
const TABLE: &str = "table";
const QUERY: &str = "query";
const INCREMENTING: &str = "incrementing";
const TIMESTAMP: &str = "timestamp";
const NANOS: &str = "timestamp_nanos";

/// How far a table was read; nothing of what was never seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) timestamp: Option<Moment>,
    pub(super) id: Option<i64>,
}

/// Returns the source partition under which offsets are stored now.
pub(super) fn partition(subject: &Subject) -> SourcePartition {
    match subject {
        Subject::Table(table) => {
            let mut entries = Scalars::one(PROTOCOL, "1");
            entries.insert(TABLE, table.unquoted());
            SourcePartition::new(entries)
        }
        Subject::Query(_) => SourcePartition::new(Scalars::one(QUERY, QUERY)),
    }
}

/// Returns the source partition that the first protocol used, and that records of bulk mode still carry.
pub(super) fn older_partition(subject: &Subject) -> SourcePartition {
    match subject {
        Subject::Table(table) => SourcePartition::new(Scalars::one(TABLE, table.name.as_str())),
        Subject::Query(_) => partition(subject),
    }
}

impl Position {
    /// Reads a stored offset; the error says what it holds instead.
    pub(super) fn read(offset: &SourceOffset) -> Result<Self, String> {
        let integer = |name: &str| match offset.entries.get(name) {
            None | Some(Scalar::Null) => Ok(None),
            Some(Scalar::Integer(number)) => Ok(Some(*number)),
            Some(other) => Err(format!("the stored offset holds {other:?} as {name}, which is no integer")),
        };
        let nanos = integer(NANOS)?;
        let timestamp = integer(TIMESTAMP)?.map(Moment::from_millis).map(|moment| match nanos {
            Some(nanos @ 0..1_000_000_000) => Moment { nanos: nanos as u32, ..moment },
            _ => moment,
        });
        Ok(Self { timestamp, id: integer(INCREMENTING)? })
    }

    /// Returns the offset to store.
    pub(super) fn write(self) -> SourceOffset {
        let mut entries = Scalars::default();
        if let Some(id) = self.id {
            entries.insert(INCREMENTING, id);
        }
        if let Some(timestamp) = self.timestamp {
            entries.insert(TIMESTAMP, timestamp.millis());
            entries.insert(NANOS, i64::from(timestamp.nanos));
        }
        SourceOffset::new(entries)
    }
}

/// Which position each record of a result carries when only timestamps tell what is new.
///
/// A record may carry its own timestamp only when no later one has the same: a task that resumes there would skip the
/// others. So the last record is held back until the next one is known.
#[derive(Debug)]
pub(super) struct LookAhead<T> {
    /// What the records so far have proved to be complete.
    complete: Option<Moment>,
    held: Option<(T, Moment)>,
}

impl<T> LookAhead<T> {
    /// Begins at the position of the result.
    pub(super) fn from(begin: Option<Moment>) -> Self {
        Self { complete: begin, held: None }
    }

    /// Takes the next record and gives back the one before it with its position.
    pub(super) fn push(&mut self, record: T, timestamp: Moment) -> Option<(T, Option<Moment>)> {
        let (before, at) = self.held.replace((record, timestamp))?;
        if timestamp > at {
            self.complete = Some(at);
        }
        Some((before, self.complete))
    }

    /// Gives back the last record: nothing comes after it.
    pub(super) fn finish(&mut self) -> Option<(T, Option<Moment>)> {
        let (last, at) = self.held.take()?;
        self.complete = Some(at);
        Some((last, self.complete))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::identifier::TableId;
    use proptest::prelude::*;

    fn at(millis: i64) -> Moment {
        Moment::from_millis(millis)
    }

    fn positions(begin: Option<i64>, timestamps: &[i64]) -> Vec<Option<i64>> {
        let mut ahead = LookAhead::from(begin.map(at));
        let mut found: Vec<_> = timestamps.iter().filter_map(|millis| ahead.push((), at(*millis))).collect();
        found.extend(ahead.finish());
        found.into_iter().map(|((), position)| position.map(Moment::millis)).collect()
    }

    #[test]
    fn equal_timestamps_are_passed_together() {
        assert_eq!(positions(Some(5), &[10, 10, 20, 20]), [Some(5), Some(10), Some(10), Some(20)]);
        assert_eq!(positions(None, &[10, 10]), [None, Some(10)]);
        assert_eq!(positions(None, &[]), []);
    }

    proptest! {
        #[test]
        fn resuming_from_any_record_misses_nothing(mut timestamps: Vec<i8>, cut in 0usize..20) {
            timestamps.sort_unstable();
            let timestamps: Vec<_> = timestamps.into_iter().map(i64::from).collect();
            let found = positions(None, &timestamps);
            if let Some(position) = found.get(cut) {
                let missed = timestamps[cut + 1..].iter().filter(|later| position.is_some_and(|at| **later <= at));
                prop_assert_eq!(missed.count(), 0);
            }
        }
    }

    #[test]
    fn offsets_have_the_fields_of_the_reference() {
        let position = Position { timestamp: Some(Moment { seconds: 1, nanos: 234_567_890 }), id: Some(7) };
        let offset = position.write();
        assert_eq!(offset.entries.get("incrementing"), Some(&Scalar::Integer(7)));
        assert_eq!(offset.entries.get("timestamp"), Some(&Scalar::Integer(1234)));
        assert_eq!(offset.entries.get("timestamp_nanos"), Some(&Scalar::Integer(234_567_890)));
        assert_eq!(Position::read(&offset).unwrap(), position);
        let older = SourceOffset::new(Scalars::one("timestamp", 1234));
        assert_eq!(Position::read(&older).unwrap().timestamp, Some(at(1234)));
        assert_eq!(Position::read(&Position::default().write()).unwrap(), Position::default());
        let wrong = SourceOffset::new(Scalars::one("incrementing", "7"));
        assert!(Position::read(&wrong).unwrap_err().contains("incrementing"));
    }

    #[test]
    fn partitions_have_both_protocols() {
        let table = TableId { catalog: None, schema: Some("public".to_string()), name: "orders".to_string() };
        let subject = Subject::Table(table);
        let entries = |partition: SourcePartition| {
            let entry = |(name, value): (&std::sync::Arc<str>, &Scalar)| format!("{name}={value:?}");
            partition.entries.iter().map(entry).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(entries(partition(&subject)), r#"protocol=String("1") table=String("public.orders")"#);
        assert_eq!(entries(older_partition(&subject)), r#"table=String("orders")"#);
        assert_eq!(entries(partition(&Subject::Query("SELECT 1".to_string()))), r#"query=String("query")"#);
    }
}
