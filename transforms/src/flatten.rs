//! `Flatten`: pulls the fields of nested structs and maps up, their names joined.

use crate::{
    operand::{Operand, as_map, register_sides, require_struct},
    schema_cache::SchemaCache,
    structs::{checked, fields_of, key_text, push_field, with_basics_of},
};
use millrace_api::{
    Config, Error, Fields, Kind, Map, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
};
use std::sync::Arc;

const PURPOSE: &str = "flattening";

#[derive(Debug, Config)]
struct FlattenConfig {
    /// What stands between the names that are joined.
    #[config(default = ".")]
    delimiter: String,
}

/// The transformation.
struct Flatten {
    operand: Operand,
    delimiter: String,
    schemas: SchemaCache<Arc<Schema>>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.Flatten$Key",
        "org.apache.kafka.connect.transforms.Flatten$Value",
    ];
    register_sides(plugins, classes, |config: FlattenConfig, operand| {
        Ok(Flatten { operand, delimiter: config.delimiter, schemas: SchemaCache::default() })
    });
}

impl Flatten {
    fn join(&self, prefix: &str, name: &str) -> String {
        if prefix.is_empty() { name.to_string() } else { format!("{prefix}{}{name}", self.delimiter) }
    }

    fn flat_schema(&self, schema: &Schema) -> Result<Schema> {
        let mut leaves = Fields::new();
        let above = Above { prefix: "", optional: schema.optional, default: default_struct(schema) };
        self.push_leaves(schema, &above, &mut leaves)?;
        Ok(with_basics_of(schema, Kind::Struct(leaves)))
    }

    fn push_leaves(&self, schema: &Schema, above: &Above<'_>, leaves: &mut Fields) -> Result<()> {
        for (index, field) in fields_of(schema)?.iter().enumerate() {
            let name = self.join(above.prefix, &field.name);
            let optional = above.optional || field.schema.optional;
            let inherited = above.default.map(|fields| fields.or_default(index));
            let default = field.schema.default.as_deref().or(inherited).filter(|value| !value.is_null());
            match &field.schema.kind {
                Kind::Struct(_) => {
                    let default = match default {
                        Some(Value::Struct(fields)) => Some(fields),
                        _ => None,
                    };
                    let above = Above { prefix: &name, optional, default };
                    self.push_leaves(&field.schema, &above, leaves)?;
                }
                Kind::Map(..) => {
                    return Err(Error::data(format!(
                        "Flatten transformation does not support MAP for record with schemas (for field {name})."
                    )));
                }
                kind => {
                    let default = default.cloned().map(Box::new);
                    let leaf = Schema { optional, default, ..with_basics_of(&field.schema, kind.clone()) };
                    push_field(leaves, name.into(), Arc::new(leaf))?;
                }
            }
        }
        Ok(())
    }

    fn flatten_map(&self, map: &Map, prefix: &str, flat: &mut Map) -> Result<()> {
        for (key, value) in map {
            let name = self.join(prefix, key_text(key)?);
            match value {
                Value::Map(inner) => self.flatten_map(inner, &name, flat)?,
                Value::Decimal(_) | Value::Instant(_) => {
                    return Err(Error::data(format!(
                        "Flatten transformation was passed a value of type class {} which is not supported by \
                         Connect's data API",
                        value.java_class()
                    )));
                }
                Value::Struct(_) => {
                    return Err(Error::data(format!(
                        "Flatten transformation does not support class {} for record without schemas (for field \
                         {name}).",
                        value.java_class()
                    )));
                }
                value => {
                    flat.insert(name.into(), value.clone());
                }
            }
        }
        Ok(())
    }
}

impl Transform for Flatten {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let operand = self.operand;
        let datum = operand.of(&record);
        if datum.value.is_null() {
            return Ok(Some(record));
        }
        let Some(schema) = &datum.schema else {
            let mut flat = Map::new();
            self.flatten_map(as_map(&datum.value, PURPOSE)?, "", &mut flat)?;
            operand.of_mut(&mut record).value = Value::Map(Box::new(flat));
            return Ok(Some(record));
        };
        let input = require_struct(&datum.value, PURPOSE)?;
        let mut schemas = std::mem::take(&mut self.schemas);
        let output = schemas.get_or_build(schema, |schema| self.flat_schema(schema).map(Arc::new)).cloned();
        self.schemas = schemas;
        let output = output?;
        let mut values = Vec::with_capacity(fields_of(&output)?.len());
        push_values(input, fields_of(&output)?, &mut values)?;
        let datum = operand.of_mut(&mut record);
        datum.value = Value::Struct(Struct::from_values(output.clone(), values));
        datum.schema = Some(output);
        Ok(Some(record))
    }
}

/// What a field inherits from the structs that it is in.
struct Above<'a> {
    /// Their names, joined.
    prefix: &'a str,
    /// Whether one of them may be null.
    optional: bool,
    /// The value that the nearest default has for the innermost.
    default: Option<&'a Struct>,
}

fn default_struct(schema: &Schema) -> Option<&Struct> {
    match schema.default.as_deref() {
        Some(Value::Struct(fields)) => Some(fields),
        _ => None,
    }
}

/// Adds the values of all leaves; those under a struct that is null are not set, whatever its default says.
fn push_values(input: &Struct, leaves: &Fields, values: &mut Vec<Value>) -> Result<()> {
    for (index, field) in fields_of(input.schema())?.iter().enumerate() {
        match (&field.schema.kind, &input.values()[index]) {
            (Kind::Struct(_), Value::Struct(inner)) => push_values(inner, leaves, values)?,
            (Kind::Struct(_), _) => values.extend(vec![Value::Null; count_leaves(&field.schema)]),
            _ => {
                let leaf = &leaves[values.len()];
                values.push(checked(&leaf.name, &leaf.schema, input.or_default(index).clone())?);
            }
        }
    }
    Ok(())
}

fn count_leaves(schema: &Schema) -> usize {
    match &schema.kind {
        Kind::Struct(fields) => fields.iter().map(|field| count_leaves(&field.schema)).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use millrace_api::Datum;

    fn map(entries: [(&str, Value); 2]) -> Value {
        Value::Map(Box::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    #[test]
    fn of_two_fields_that_get_one_name_the_last_wins() {
        let inner = map([("b", Value::Int64(2)), ("c", Value::Int64(3))]);
        let record = Record::new("t", Datum::schemaless(map([("a.b", Value::Int64(1)), ("a", inner)])));
        let delimiter = ".".to_string();
        let mut flatten = Flatten { operand: Operand::Value, delimiter, schemas: SchemaCache::default() };
        let flat = flatten.apply(record, &Origin::Source(None)).unwrap().unwrap();
        assert_eq!(flat.value.value, map([("a.b", Value::Int64(2)), ("a.c", Value::Int64(3))]));
    }

    /// As deep as the JSON converter lets values be.
    #[test]
    fn a_thousand_levels_become_one() {
        let leaf = Value::Int64(1);
        let value =
            (0..1000).fold(leaf, |inner, _| Value::Map(Box::new(Map::from_iter([("a".into(), inner)]))));
        let delimiter = String::new();
        let mut flatten = Flatten { operand: Operand::Value, delimiter, schemas: SchemaCache::default() };
        let record = Record::new("t", Datum::schemaless(value));
        let flat = flatten.apply(record, &Origin::Source(None)).unwrap().unwrap();
        let expected = Map::from_iter([("a".repeat(1000).into(), Value::Int64(1))]);
        assert_eq!(flat.value.value, Value::Map(Box::new(expected)));
    }
}
