//! `SetSchemaMetadata`: gives a struct's schema another name, another version, or both.

use crate::{
    operand::{Operand, register_sides},
    schema_cache::SchemaCache,
    structs::{Nulls, copy_values, fields_of},
};
use millrace_api::{Config, Error, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value};
use std::sync::Arc;

#[derive(Debug, Config)]
struct SetSchemaMetadataConfig {
    /// New name of the schema.
    #[config(high)]
    schema_name: Option<String>,

    /// New version of the schema.
    #[config(high)]
    schema_version: Option<i32>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct SetSchemaMetadata {
    operand: Operand,
    name: Option<Arc<str>>,
    version: Option<i32>,
    nulls: Nulls,
    schemas: SchemaCache<Arc<Schema>>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.SetSchemaMetadata$Key",
        "org.apache.kafka.connect.transforms.SetSchemaMetadata$Value",
    ];
    register_sides(plugins, classes, SetSchemaMetadata::new);
}

impl SetSchemaMetadata {
    fn new(config: SetSchemaMetadataConfig, operand: Operand) -> Result<Self> {
        let (name, version) = (config.schema_name.map(Arc::from), config.schema_version);
        if name.is_none() && version.is_none() {
            return Err(Error::config("Neither schema name nor version configured"));
        }
        let (nulls, schemas) = (config.replace_null_with_default, SchemaCache::default());
        Ok(Self { operand, name, version, nulls, schemas })
    }
}

impl Transform for SetSchemaMetadata {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of_mut(&mut record);
        let Some(schema) = &datum.schema else {
            if datum.value.is_null() {
                return Ok(Some(record));
            }
            return Err(Error::data("Schema required for [updating schema metadata]"));
        };
        let output = self.schemas.get_or_build(schema, |schema| {
            // As in Connect, only structs pass.
            fields_of(schema)?;
            Ok(Arc::new(Schema {
                name: self.name.clone().or_else(|| schema.name.clone()),
                version: self.version.or(schema.version),
                ..Schema::clone(schema)
            }))
        })?;
        if let Value::Struct(fields) = &datum.value {
            let values = copy_values(fields, self.nulls)?;
            datum.value = Value::Struct(Struct::from_values(output.clone(), values));
        }
        datum.schema = Some(output.clone());
        Ok(Some(record))
    }
}
