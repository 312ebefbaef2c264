//! Writing schema objects.

use super::write::Writer;
use millrace_api::{Kind, Result, Schema};
use std::sync::Arc;

impl Writer<'_> {
    /// Writes a schema.
    pub(super) fn schema(&mut self, schema: &Schema) -> Result<()> {
        self.schema_members(schema)?;
        self.close(b'}');
        Ok(())
    }

    /// Writes a schema but for its closing bracket: that of a field has its name behind all else.
    fn schema_members(&mut self, schema: &Schema) -> Result<()> {
        self.open(b'{')?;
        self.raw("\"type\":");
        self.text(type_name(&schema.kind));
        match &schema.kind {
            Kind::Array(element) => self.inner_schema("items", element.as_ref())?,
            Kind::Map(key, value) => {
                self.inner_schema("keys", key.as_ref())?;
                self.inner_schema("values", value.as_ref())?;
            }
            Kind::Struct(fields) => {
                self.raw(",\"fields\":");
                self.open(b'[')?;
                for (index, field) in fields.iter().enumerate() {
                    self.raw(if index > 0 { "," } else { "" });
                    self.schema_members(&field.schema)?;
                    self.raw(",\"field\":");
                    self.text(&field.name);
                    self.close(b'}');
                }
                self.close(b']');
            }
            _ => {}
        }
        self.raw(",\"optional\":");
        self.boolean(schema.optional);
        self.attributes(schema)
    }

    fn attributes(&mut self, schema: &Schema) -> Result<()> {
        if let Some(name) = &schema.name {
            self.raw(",\"name\":");
            self.text(name);
        }
        if let Some(version) = schema.version {
            self.raw(",\"version\":");
            self.integer(version.into());
        }
        if let Some(doc) = &schema.doc {
            self.raw(",\"doc\":");
            self.text(doc);
        }
        if !schema.parameters.is_empty() {
            self.raw(",\"parameters\":");
            self.open(b'{')?;
            for (index, (name, text)) in schema.parameters.iter().enumerate() {
                self.raw(if index > 0 { "," } else { "" });
                self.text(name);
                self.raw(":");
                self.text(text);
            }
            self.close(b'}');
        }
        if let Some(default) = &schema.default {
            self.raw(",\"default\":");
            self.value(Some(schema), default)?;
        }
        Ok(())
    }

    fn inner_schema(&mut self, member: &str, schema: Option<&Arc<Schema>>) -> Result<()> {
        self.raw(",");
        self.text(member);
        self.raw(":");
        match schema {
            Some(schema) => self.schema(schema),
            None => {
                self.raw("null");
                Ok(())
            }
        }
    }
}

fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int8 => "int8",
        Kind::Int16 => "int16",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float32 => "float",
        Kind::Float64 => "double",
        Kind::Boolean => "boolean",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Array(_) => "array",
        Kind::Map(..) => "map",
        Kind::Struct(_) => "struct",
    }
}
