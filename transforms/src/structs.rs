//! How the transformations read, rebuild and fill structs.

use crate::operand::schema_error;
use millrace_api::{
    Class, Error, Fields, Kind, Result, Schema, Struct, Value,
    config::{Parsed, Setting, Type},
};
use std::sync::Arc;

/// What becomes of a null field whose schema has a default: the setting `replace.null.with.default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// The default takes its place.
    Default,
    /// It stays null.
    Kept,
}

impl Nulls {
    /// Returns the value of the field at `index`.
    pub fn read(self, fields: &Struct, index: usize) -> &Value {
        match self {
            Self::Default => fields.or_default(index),
            Self::Kept => &fields.values()[index],
        }
    }
}

impl Setting for Nulls {
    const TYPE: Type = Type::Boolean;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        bool::from_parsed(parsed).map(|replace| if replace { Self::Default } else { Self::Kept })
    }
}

/// Returns the fields that a schema must have.
pub fn fields_of(schema: &Schema) -> Result<&Fields> {
    schema.fields().ok_or_else(|| Error::data("Cannot list fields on non-struct type"))
}

/// Returns the place of a field in a schema that must be a struct's.
pub fn find_field(schema: &Schema, name: &str) -> Result<Option<usize>> {
    let fields = schema.fields().ok_or_else(|| Error::data("Cannot look up fields on non-struct type"))?;
    Ok(fields.index(name))
}

/// Returns a required schema without a default that keeps name, version, doc and parameters, as Connect copies them.
pub fn with_basics_of(schema: &Schema, kind: Kind) -> Schema {
    Schema {
        name: schema.name.clone(),
        version: schema.version,
        doc: schema.doc.clone(),
        parameters: schema.parameters.clone(),
        ..Schema::of(kind)
    }
}

/// Adds a field; its name must be new.
pub fn push_field(fields: &mut Fields, name: Arc<str>, schema: Arc<Schema>) -> Result<()> {
    if name.is_empty() {
        return Err(schema_error("fieldName cannot be null."));
    }
    fields.push(name, schema).map_err(|field| {
        schema_error(format!("Cannot create field because of field name duplication {}", field.name))
    })
}

/// Returns a value that may be put into a field: null only where the schema allows it, its default does not help.
pub fn checked(name: &str, schema: &Schema, value: Value) -> Result<Value> {
    if schema.optional || !value.is_null() {
        return Ok(value);
    }
    Err(Error::data(format!(
        "Invalid value: null used for required field: \"{name}\", schema type: {}",
        schema.kind
    )))
}

/// Returns the values of all fields as they may be put into a struct of the same fields.
pub fn copy_values(input: &Struct, nulls: Nulls) -> Result<Vec<Value>> {
    let fields = fields_of(input.schema())?;
    let values = fields.iter().enumerate();
    values
        .map(|(index, field)| checked(&field.name, &field.schema, nulls.read(input, index).clone()))
        .collect()
}

/// Returns the text that the key of a schemaless map must be.
pub fn key_text(key: &Value) -> Result<&str> {
    key.as_str().ok_or_else(|| {
        let text = format!("class {} cannot be cast to class java.lang.String", key.java_class());
        Error::of(Class::BadRecord, "java.lang.ClassCastException", text)
    })
}
