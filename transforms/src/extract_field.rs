//! `ExtractField`: one field takes the place of the whole key or value.

use crate::{
    field_path::{FieldPath, FieldSyntax},
    operand::{Operand, as_map, register_sides, require_struct},
    structs::{Nulls, find_field},
};
use millrace_api::{
    Class, Config, Error, Map, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
};
use std::sync::Arc;

const PURPOSE: &str = "field extraction";
const NESTED: &str = "nested field access";

#[derive(Debug, Config)]
struct ExtractFieldConfig {
    /// Name of the field, or the path to it when `field.syntax.version` is `V2`.
    field: String,

    /// How `field` is written. `V1`: one name, dots included. `V2`: names with dots between them; backticks around a name keep its dots.
    #[config(high, name = "field.syntax.version", default = "V1")]
    syntax: FieldSyntax,

    /// Whether a field that is null gets the default of its schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct ExtractField {
    operand: Operand,
    /// The path as it was written.
    text: String,
    parents: Vec<Step>,
    last: Step,
    nulls: Nulls,
}

/// A name, also as a key of a schemaless map.
struct Step {
    name: String,
    key: Value,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.ExtractField$Key",
        "org.apache.kafka.connect.transforms.ExtractField$Value",
    ];
    register_sides(plugins, classes, ExtractField::new);
}

impl ExtractField {
    fn new(config: ExtractFieldConfig, operand: Operand) -> Result<Self> {
        let path = FieldPath::parse(&config.field, config.syntax)?;
        Ok(Self {
            operand,
            text: config.field,
            parents: path.parents.into_iter().map(Step::from).collect(),
            last: path.last.into(),
            nulls: config.replace_null_with_default,
        })
    }

    /// Returns the schema of the field, which must exist also when the value is null.
    fn schema(&self, schema: &Schema) -> Result<Arc<Schema>> {
        let unknown = || {
            let text = format!("Unknown field: {}", self.text);
            Error::of(Class::BadRecord, "java.lang.IllegalArgumentException", text)
        };
        let mut current = schema;
        for step in &self.parents {
            let index = find_field(current, &step.name)?.ok_or_else(unknown)?;
            current = field_schema(current, index)?;
        }
        let index = find_field(current, &self.last.name)?.ok_or_else(unknown)?;
        Ok(field_schema(current, index)?.clone())
    }

    fn find_in_struct<'a>(&self, fields: &'a Struct) -> Result<Option<&'a Value>> {
        let mut current = fields;
        for step in &self.parents {
            let Some(index) = find_field(current.schema(), &step.name)? else { return Ok(None) };
            // Only the last step may be told not to take defaults.
            match current.or_default(index) {
                Value::Null => return Ok(None),
                value => current = require_struct(value, NESTED)?,
            }
        }
        let index = find_field(current.schema(), &self.last.name)?;
        Ok(index.map(|index| self.nulls.read(current, index)))
    }

    fn find_in_map<'a>(&self, map: &'a Map) -> Result<Option<&'a Value>> {
        let mut current = map;
        for step in &self.parents {
            match current.get(&step.key) {
                None | Some(Value::Null) => return Ok(None),
                Some(value) => current = as_map(value, NESTED)?,
            }
        }
        Ok(current.get(&self.last.key))
    }
}

impl Transform for ExtractField {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of_mut(&mut record);
        let found = match (&datum.schema, &datum.value) {
            (_, Value::Null) => None,
            (Some(_), value) => self.find_in_struct(require_struct(value, PURPOSE)?)?,
            (None, value) => self.find_in_map(as_map(value, PURPOSE)?)?,
        };
        let value = found.cloned().unwrap_or_default();
        datum.schema = datum.schema.as_deref().map(|schema| self.schema(schema)).transpose()?;
        datum.value = value;
        Ok(Some(record))
    }
}

fn field_schema(schema: &Schema, index: usize) -> Result<&Arc<Schema>> {
    Ok(&crate::structs::fields_of(schema)?[index].schema)
}

impl From<String> for Step {
    fn from(name: String) -> Self {
        Self { key: name.as_str().into(), name }
    }
}
