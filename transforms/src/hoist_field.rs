//! `HoistField`: wraps the whole key or value into one field.

use crate::{
    operand::{Operand, register_sides},
    schema_cache::SchemaCache,
    structs::{checked, push_field},
};
use millrace_api::{
    Config, Fields, Kind, Map, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
};
use std::sync::Arc;

#[derive(Debug, Config)]
struct HoistFieldConfig {
    /// Name of the one field of the new struct or map.
    field: String,
}

/// The transformation.
struct HoistField {
    operand: Operand,
    name: Arc<str>,
    /// The name as a key of a schemaless map.
    key: Value,
    schemas: SchemaCache<Arc<Schema>>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.HoistField$Key",
        "org.apache.kafka.connect.transforms.HoistField$Value",
    ];
    register_sides(plugins, classes, |config: HoistFieldConfig, operand| {
        let (name, key) = (config.field.as_str().into(), config.field.as_str().into());
        Ok(HoistField { operand, name, key, schemas: SchemaCache::default() })
    });
}

impl Transform for HoistField {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of_mut(&mut record);
        let value = std::mem::take(&mut datum.value);
        datum.value = match &datum.schema {
            None => Value::Map(Box::new(Map::from_iter([(self.key.clone(), value)]))),
            Some(schema) => {
                let output = self.schemas.get_or_build(schema, |schema| wrap(&self.name, schema))?.clone();
                let value = checked(&self.name, schema, value)?;
                datum.schema = Some(output.clone());
                Value::Struct(Struct::from_values(output, vec![value]))
            }
        };
        Ok(Some(record))
    }
}

fn wrap(name: &Arc<str>, schema: &Arc<Schema>) -> Result<Arc<Schema>> {
    let mut fields = Fields::new();
    push_field(&mut fields, name.clone(), schema.clone())?;
    Ok(Arc::new(Schema::of(Kind::Struct(fields))))
}
