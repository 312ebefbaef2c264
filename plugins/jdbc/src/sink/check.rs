//! What a record must have before anything is done with it.

use super::config::PkMode;
use millrace_api::{Datum, Error, SinkRecord, Value, schema::Kind};

/// The settings that decide what a record must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirements {
    pub connector: String,
    pub pk_mode: PkMode,
    pub deletes: Deletes,
}

/// Whether a record without a value deletes its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletes {
    Enabled,
    Disabled,
}

impl Requirements {
    /// Refuses a record that these settings cannot write, in the words of the reference.
    ///
    /// Such a record fails the task, whatever is tolerated: it says that the topic and the settings do not belong together.
    pub fn check(&self, record: &SinkRecord) -> Result<(), Error> {
        let by_value = matches!(self.pk_mode, PkMode::None | PkMode::RecordValue);
        let value = &record.record.value;
        let may_be_tombstone = self.deletes == Deletes::Enabled && !by_value;
        if !(has_columns(value) || may_be_tombstone && value.value.is_null()) {
            return Err(self.refusal(
                record,
                "Struct or String value and non-null Struct or String",
                "value",
                value,
            ));
        }
        let by_key = self.pk_mode == PkMode::RecordKey || self.deletes == Deletes::Enabled;
        let key = &record.record.key;
        if by_key && !is_key(key) {
            return Err(self.refusal(record, "key and non-null Struct or primitive key", "key", key));
        }
        Ok(())
    }

    fn refusal(&self, record: &SinkRecord, needed: &str, what: &str, datum: &Datum) -> Error {
        let deletes = self.deletes == Deletes::Enabled;
        let timestamp = record.record.timestamp.map_or("null".to_string(), |time| time.to_string());
        let schema = datum.schema.as_ref().map_or("null".to_string(), |schema| schema.kind.to_string());
        Error::connect(format!(
            "Sink connector '{}' is configured with 'delete.enabled={deletes}' and 'pk.mode={}' and therefore requires \
             records with a non-null {needed} schema, but found record at \
             (topic='{}',partition={},offset={},timestamp={timestamp}) with a {} {what} and {} {what} schema.",
            self.connector,
            self.pk_mode.word(),
            record.topic,
            record.partition,
            record.offset,
            simple_class(&datum.value),
            schema.to_lowercase(),
        ))
    }
}

fn has_columns(datum: &Datum) -> bool {
    let schema = datum.schema.as_ref();
    let fits = schema.is_some_and(|schema| matches!(schema.kind, Kind::Struct(_) | Kind::String));
    fits && !datum.value.is_null()
}

fn is_key(datum: &Datum) -> bool {
    let schema = datum.schema.as_ref();
    let fits = schema.is_some_and(|schema| !matches!(schema.kind, Kind::Map(..) | Kind::Array(_)));
    fits && !datum.value.is_null()
}

fn simple_class(value: &Value) -> &'static str {
    let class = value.java_class();
    class.rsplit_once('.').map_or(class, |(_, simple)| simple)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::{Record, Schema, TimestampType};

    fn record(key: Datum, value: Datum) -> SinkRecord {
        let mut record = Record::new("orders", value);
        record.key = key;
        record.timestamp = Some(12);
        record.timestamp_type = TimestampType::CreateTime;
        SinkRecord { record, topic: "orders".into(), partition: 3, offset: 7 }
    }

    #[track_caller]
    fn check(pk_mode: PkMode, deletes: Deletes, key: Datum, value: Datum, problem: &str) {
        let rules = Requirements { connector: "s".to_string(), pk_mode, deletes };
        let found = rules.check(&record(key, value)).err().map(|error| error.to_string());
        assert_eq!(found.unwrap_or_default(), problem);
    }

    fn nothing() -> Datum {
        Datum::default()
    }

    const VALUE: &str = "Sink connector 's' is configured with 'delete.enabled=false' and 'pk.mode=none' and therefore \
        requires records with a non-null Struct or String value and non-null Struct or String schema, but found record \
        at (topic='orders',partition=3,offset=7,timestamp=12) with a null value and null value schema.";

    #[test]
    fn a_tombstone_needs_deletes() {
        check(PkMode::None, Deletes::Disabled, nothing(), nothing(), VALUE);
        check(PkMode::RecordKey, Deletes::Enabled, Datum::string("k"), nothing(), "");
    }

    #[test]
    fn a_value_without_schema_is_refused() {
        let map = Datum::schemaless(Value::Map(Box::default()));
        let text = VALUE.replace("a null value", "a HashMap value");
        check(PkMode::None, Deletes::Disabled, nothing(), map.clone(), &text);
        let text =
            text.replace("pk.mode=none", "pk.mode=record_key").replace("enabled=false", "enabled=true");
        check(PkMode::RecordKey, Deletes::Enabled, Datum::string("k"), map, &text);
    }

    #[test]
    fn a_key_is_needed_where_it_becomes_columns() {
        let text = "Sink connector 's' is configured with 'delete.enabled=false' and 'pk.mode=record_key' and therefore \
            requires records with a non-null key and non-null Struct or primitive key schema, but found record at \
            (topic='orders',partition=3,offset=7,timestamp=12) with a null key and null key schema.";
        check(PkMode::RecordKey, Deletes::Disabled, nothing(), Datum::string("v"), text);
        let list = Datum::new(Schema::of(Kind::Array(Some(Schema::int8()))).into(), Value::Array(Vec::new()));
        let text = text.replace("a null key and null key", "a ArrayList key and array key");
        check(PkMode::RecordKey, Deletes::Disabled, list, Datum::string("v"), &text);
        check(PkMode::Kafka, Deletes::Disabled, nothing(), Datum::string("v"), "");
    }
}
