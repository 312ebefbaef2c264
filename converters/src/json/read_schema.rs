//! Reading schema objects.

use super::{read::Reader, tape::Token};
use millrace_api::{Class, Error, Fields, Kind, Result, Schema, Value, java, values};
use std::sync::Arc;

impl Reader<'_> {
    /// Reads the schema at `index`; none for null.
    pub(super) fn schema(&mut self, index: usize) -> Result<Option<Arc<Schema>>> {
        if self.tape.tokens[index] == Token::Null {
            return Ok(None);
        }
        let Some(kind) = self.text_member(index, "type") else {
            return Err(Error::data("Schema must contain 'type' field"));
        };
        let schema = Schema {
            optional: self.member(index, "optional") == Some(Token::Boolean(true)),
            name: self.text_member(index, "name").map(Arc::from),
            version: self.version(index),
            doc: self.text_member(index, "doc").map(Arc::from),
            ..Schema::of(self.kind(&kind, index)?)
        };
        let mut schema = Arc::new(Schema { parameters: self.parameters(index)?, ..schema });
        if let Some(default) = self.tape.member(index, "default") {
            self.add_default(&mut schema, default)?;
        }
        Ok(Some(schema))
    }

    fn kind(&mut self, name: &str, index: usize) -> Result<Kind> {
        Ok(match name {
            "boolean" => Kind::Boolean,
            "int8" => Kind::Int8,
            "int16" => Kind::Int16,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "float" => Kind::Float32,
            "double" => Kind::Float64,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            "array" => Kind::Array(Some(self.inner_schema(
                index,
                "items",
                "Array schema did not specify the element type",
            )?)),
            "map" => {
                let key = self.inner_schema(index, "keys", "Map schema did not specify the key type")?;
                let value =
                    self.inner_schema(index, "values", "Map schema did not specify the value type")?;
                Kind::Map(Some(key), Some(value))
            }
            "struct" => Kind::Struct(self.schema_fields(index)?),
            other => return Err(Error::data(format!("Unknown schema type: {other}"))),
        })
    }

    fn inner_schema(&mut self, index: usize, member: &str, problem: &str) -> Result<Arc<Schema>> {
        let schema = match self.tape.member(index, member) {
            Some(inner) => self.schema(inner)?,
            None => None,
        };
        schema.ok_or_else(|| Error::data(problem))
    }

    fn schema_fields(&mut self, index: usize) -> Result<Fields> {
        let list = self.tape.member(index, "fields");
        let list = list.filter(|list| matches!(self.tape.tokens[*list], Token::Array { .. }));
        let list = list.ok_or_else(|| Error::data("Struct schema's \"fields\" argument is not an array."))?;
        let mut fields = Fields::new();
        for field in self.tape.children(list) {
            let Some(name) = self.text_member(field, "field") else {
                return Err(Error::data("Struct schema's field name not specified properly"));
            };
            // A field that has a name is an object, so its schema is not null.
            let schema =
                self.schema(field)?.ok_or_else(|| Error::data("Schema must contain 'type' field"))?;
            if name.is_empty() {
                return Err(builder("fieldName cannot be null."));
            }
            fields.push(name, schema).map_err(|field| {
                builder(format!("Cannot create field because of field name duplication {}", field.name))
            })?;
        }
        Ok(fields)
    }

    fn version(&self, index: usize) -> Option<i32> {
        match self.member(index, "version")? {
            token @ Token::Integer(_) => Some(self.low_bits(token) as i32),
            _ => None,
        }
    }

    fn parameters(&self, index: usize) -> Result<Vec<(Arc<str>, Arc<str>)>> {
        let mut parameters: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let Some(object) = self.tape.member(index, "parameters") else { return Ok(parameters) };
        for (name, text) in self.tape.members(object) {
            let (name, text) = (self.tape.text_at(name), self.tape.text_at(text));
            let (Some(name), Some(text)) = (name, text) else {
                return Err(Error::data("Schema parameters must have string values."));
            };
            match parameters.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, known)) => *known = text.into(),
                None => parameters.push((name.into(), text.into())),
            }
        }
        Ok(parameters)
    }

    /// Adds a default. One of a struct is refused, as in Java, where a struct's schema never equals the builder that
    /// it is compared with.
    fn add_default(&mut self, schema: &mut Arc<Schema>, index: usize) -> Result<()> {
        let value = self.value(schema, Some(index))?;
        let checked = match &value {
            Value::Struct(_) => Err(Error::data("Struct schemas do not match.")),
            other if self.made_null() => values::validate(schema, other),
            _ => Ok(()),
        };
        checked.map_err(|cause| builder("Invalid default value").caused_by(cause))?;
        if !value.is_null() {
            Arc::make_mut(schema).default = Some(Box::new(value));
        }
        Ok(())
    }

    fn member(&self, index: usize, name: &str) -> Option<Token> {
        self.tape.member(index, name).map(|member| self.tape.tokens[member])
    }

    fn text_member(&self, index: usize, name: &str) -> Option<String> {
        self.tape.text_at(self.tape.member(index, name)?).map(String::from)
    }
}

fn builder(message: impl Into<String>) -> Error {
    Error::of(Class::BadRecord, java::SCHEMA_BUILDER, message)
}
