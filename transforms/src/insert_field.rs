//! `InsertField`: adds where a record stands, when it was made, or a fixed text as fields.

use crate::{
    operand::{Operand, register_sides, require_map, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, copy_values, fields_of, push_field, with_basics_of},
};
use millrace_api::{
    Config, Error, Fields, Kind, Origin, Plugins, Record, Result, Schema, Struct, Text, Transform, Value,
};
use std::sync::Arc;

const PURPOSE: &str = "field insertion";

#[derive(Debug, Config)]
struct InsertFieldConfig {
    /// Name of the field that gets the topic. A name that ends in `!` makes a required field, one that ends in `?` an optional one, which is also what a bare name makes.
    topic_field: Option<String>,

    /// Name of the field that gets the Kafka partition. May end in `!` or `?`.
    partition_field: Option<String>,

    /// Name of the field that gets the Kafka offset, for sink connectors only. May end in `!` or `?`.
    offset_field: Option<String>,

    /// Name of the field that gets the record's time stamp. May end in `!` or `?`.
    timestamp_field: Option<String>,

    /// Name of the field that gets the text of `static.value`. May end in `!` or `?`.
    static_field: Option<String>,

    /// Text of the static field.
    static_value: Option<String>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct InsertField {
    operand: Operand,
    insertions: Vec<Insertion>,
    nulls: Nulls,
    schemas: SchemaCache<Arc<Schema>>,
    /// The last topic as a value: the records of a batch mostly share it.
    topic: Option<(Arc<str>, Text)>,
}

/// One field that is added.
struct Insertion {
    name: Arc<str>,
    /// The name as a key of a schemaless map.
    key: Value,
    schema: Arc<Schema>,
    source: Source,
}

/// Where the value of a field comes from.
enum Source {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Static(Text),
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.InsertField$Key",
        "org.apache.kafka.connect.transforms.InsertField$Value",
    ];
    register_sides(plugins, classes, InsertField::new);
}

impl InsertField {
    fn new(config: InsertFieldConfig, operand: Operand) -> Result<Self> {
        let text = match (&config.static_field, config.static_value) {
            (Some(field), None) => {
                // Java shows its object for the field; the name is of more use.
                return Err(Error::config(format!(
                    "Invalid value null for configuration static.value: No value specified for static field: \
                     org.apache.kafka.connect.transforms.InsertField$InsertionSpec@{field}"
                )));
            }
            (_, text) => Text::from(text.unwrap_or_default()),
        };
        // The order is that of the fields in the new schema.
        let fields = [
            (config.topic_field, Source::Topic),
            (config.partition_field, Source::Partition),
            (config.offset_field, Source::Offset),
            (config.timestamp_field, Source::Timestamp),
            (config.static_field, Source::Static(text)),
        ];
        let insertions: Vec<_> =
            fields.into_iter().filter_map(|(field, source)| Some(Insertion::new(&field?, source))).collect();
        if insertions.is_empty() {
            return Err(Error::config("No field insertion configured"));
        }
        let nulls = config.replace_null_with_default;
        Ok(Self { operand, insertions, nulls, schemas: SchemaCache::default(), topic: None })
    }

    fn topic(&mut self, topic: Option<&Arc<str>>) -> Option<Text> {
        let topic = topic?;
        if let Some((last, text)) = &self.topic
            && Arc::ptr_eq(last, topic)
        {
            return Some(text.clone());
        }
        let text = Text::from(topic.as_ref());
        self.topic = Some((topic.clone(), text.clone()));
        Some(text)
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, record: &Record, origin: &Origin) -> Result<Struct> {
        let topic = self.topic(record.topic.as_ref());
        let input = require_struct(&self.operand.of(record).value, PURPOSE)?;
        let insertions = &self.insertions;
        let output = self.schemas.get_or_build(schema, |schema| insert_fields(schema, insertions))?.clone();
        let mut values = copy_values(input, self.nulls)?;
        for insertion in &self.insertions {
            let value = match insertion.value(topic.as_ref(), record, origin)? {
                Some(Value::Int64(instant)) if matches!(insertion.source, Source::Timestamp) => {
                    Value::Instant(instant)
                }
                // Java puts a topic even when there is none, and that checks it.
                None if matches!(insertion.source, Source::Topic) => {
                    checked(&insertion.name, &insertion.schema, Value::Null)?
                }
                value => value.unwrap_or_default(),
            };
            values.push(value);
        }
        Ok(Struct::from_values(output, values))
    }

    fn without_schema(&mut self, record: &mut Record, origin: &Origin) -> Result<()> {
        let topic = self.topic(record.topic.as_ref());
        let mut value = std::mem::take(&mut self.operand.of_mut(record).value);
        let map = require_map(&mut value, PURPOSE)?;
        for insertion in &self.insertions {
            let inserted = insertion.value(topic.as_ref(), record, origin)?;
            if inserted.is_some() || matches!(insertion.source, Source::Topic) {
                map.insert(insertion.key.clone(), inserted.unwrap_or_default());
            }
        }
        self.operand.of_mut(record).value = value;
        Ok(())
    }
}

impl Transform for InsertField {
    fn apply(&mut self, mut record: Record, origin: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of(&record);
        if datum.value.is_null() {
            return Ok(Some(record));
        }
        match datum.schema.clone() {
            Some(schema) => {
                let fields = self.with_schema(&schema, &record, origin)?;
                let datum = self.operand.of_mut(&mut record);
                datum.schema = Some(fields.schema().clone());
                datum.value = Value::Struct(fields);
            }
            None => self.without_schema(&mut record, origin)?,
        }
        Ok(Some(record))
    }
}

// === impl Insertion ===

impl Insertion {
    fn new(field: &str, source: Source) -> Self {
        let required = field.strip_suffix('!');
        let name = required.or(field.strip_suffix('?')).unwrap_or(field);
        let schema = match source {
            Source::Topic | Source::Static(_) => Schema::clone(&Schema::string()),
            Source::Partition => Schema::clone(&Schema::int32()),
            Source::Offset => Schema::clone(&Schema::int64()),
            Source::Timestamp => Schema::timestamp(),
        };
        let schema = Arc::new(if required.is_some() { schema } else { schema.optional() });
        Self { name: name.into(), key: name.into(), schema, source }
    }

    /// Returns what the record has for the field, in the form of schemaless data.
    fn value(&self, topic: Option<&Text>, record: &Record, origin: &Origin) -> Result<Option<Value>> {
        Ok(match &self.source {
            Source::Topic => topic.cloned().map(Value::String),
            Source::Partition => record.partition.map(Value::Int32),
            Source::Offset => Some(Value::Int64(offset(origin)?)),
            Source::Timestamp => record.timestamp.map(Value::Int64),
            Source::Static(text) => Some(Value::String(text.clone())),
        })
    }
}

fn offset(origin: &Origin) -> Result<i64> {
    match origin {
        Origin::Sink { offset, .. } => Ok(*offset),
        Origin::Source(_) => Err(Error::data(format!(
            "Only SinkRecord supported for [{PURPOSE}], found: org.apache.kafka.connect.source.SourceRecord"
        ))),
    }
}

/// Returns the schema with the fields added: required and without a default, as Connect leaves it.
fn insert_fields(schema: &Schema, insertions: &[Insertion]) -> Result<Arc<Schema>> {
    let mut fields = Fields::new();
    let existing = fields_of(schema)?.iter().map(|field| (&field.name, &field.schema));
    let inserted = insertions.iter().map(|insertion| (&insertion.name, &insertion.schema));
    for (name, schema) in existing.chain(inserted) {
        push_field(&mut fields, name.clone(), schema.clone())?;
    }
    Ok(Arc::new(with_basics_of(schema, Kind::Struct(fields))))
}

#[cfg(test)]
mod tests;
