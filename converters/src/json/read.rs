//! Reading: from tokens and a schema to a value.

use super::{
    NullRule, base64,
    logical::{self, Logical},
    number,
    tape::{Span, Tape, Token, unescape},
};
use bytes::Bytes;
use millrace_api::{
    Blob, Error, Fields, Kind, Map, Result, Schema, Struct, Text, Value, calendar::DAY_MS, values,
};
use std::sync::Arc;

/// Reads the values of one document.
pub(super) struct Reader<'a> {
    pub(super) tape: Tape<'a>,
    nulls: NullRule,
    /// The buffer that holds the text, so that texts without escapes are views of it.
    buffer: &'a Arc<Bytes>,
    /// For each struct that is being read, where the values of its fields stand.
    positions: Vec<Option<usize>>,
    /// Whether something that is neither text nor bytes was read as null. Only then can a null stand where none may.
    made_null: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tape: Tape<'a>, nulls: NullRule, buffer: &'a Arc<Bytes>) -> Self {
        Self { tape, nulls, buffer, positions: Vec::new(), made_null: false }
    }

    /// Reads the value at `index` by a schema. What is not there is null.
    pub(super) fn value(&mut self, schema: &Arc<Schema>, index: Option<usize>) -> Result<Value> {
        let Some(index) = index.filter(|index| self.tape.tokens[*index] != Token::Null) else {
            return self.null(schema);
        };
        if let Some(logical) = Logical::of(schema) {
            return self.logical(logical, schema, index);
        }
        let token = self.tape.tokens[index];
        Ok(match &schema.kind {
            Kind::Boolean => Value::Boolean(token == Token::Boolean(true)),
            Kind::Int8 => Value::Int8(self.low_bits(token) as i8),
            Kind::Int16 => Value::Int16(self.low_bits(token) as i16),
            Kind::Int32 => Value::Int32(self.low_bits(token) as i32),
            Kind::Int64 => Value::Int64(self.low_bits(token)),
            Kind::Float32 => Value::Float32(self.number(token).map_or(0.0, number::float)),
            Kind::Float64 => Value::Float64(self.number(token).map_or(0.0, number::double)),
            Kind::String => match self.text(token) {
                Some(text) => Value::String(text),
                None => self.make_null(),
            },
            Kind::Bytes => self.bytes(token)?,
            Kind::Array(element) => self.array(element.as_ref(), index)?,
            Kind::Map(key, value) => self.map(key.as_ref(), value.as_ref(), index)?,
            Kind::Struct(fields) => self.fields(schema, fields, index)?,
        })
    }

    /// Reads the value at `index` without a schema.
    pub(super) fn schemaless(&self, index: usize) -> Value {
        match self.tape.tokens[index] {
            Token::Null | Token::Known => Value::Null,
            Token::Boolean(boolean) => Value::Boolean(boolean),
            token @ Token::Integer(_) => Value::Int64(self.low_bits(token)),
            Token::Fraction(span) => Value::Float64(number::double(self.tape.slice(span))),
            token @ (Token::Plain(_) | Token::Escaped(_)) => {
                self.text(token).map_or(Value::Null, Value::String)
            }
            Token::Array { len, .. } => {
                let mut elements = Vec::with_capacity(len as usize);
                elements.extend(self.tape.children(index).map(|child| self.schemaless(child)));
                Value::Array(elements)
            }
            Token::Object { len, .. } => {
                let mut map = Map::with_capacity(len as usize);
                for (name, value) in self.tape.members(index) {
                    map.insert(self.schemaless(name), self.schemaless(value));
                }
                Value::Map(Box::new(map))
            }
        }
    }

    /// Whether something was read as null that is not, so that what was read must be checked.
    pub(super) fn made_null(&self) -> bool {
        self.made_null
    }

    fn null(&self, schema: &Schema) -> Result<Value> {
        match &schema.default {
            Some(default) if self.nulls == NullRule::Default => Ok(Value::clone(default)),
            _ if schema.optional => Ok(Value::Null),
            _ => Err(Error::data(format!("Invalid null value for required {} field", schema.kind))),
        }
    }

    fn make_null(&mut self) -> Value {
        self.made_null = true;
        Value::Null
    }

    fn logical(&self, logical: Logical, schema: &Schema, index: usize) -> Result<Value> {
        let token = self.tape.tokens[index];
        let integer = match token {
            Token::Integer(_) => Some(token),
            _ => None,
        };
        let small = integer.and_then(|token| number::integer(self.number(token)?)).map(i32::try_from);
        let problem = |what: &str| {
            let found = node_type(token);
            Error::data(format!(
                "Invalid type for {}, underlying representation should be {what} but was {found}",
                logical.name()
            ))
        };
        match (logical, small, integer) {
            (Logical::Decimal, _, _) => match (self.number(token), self.text(token)) {
                (Some(text), _) => Ok(Value::Decimal(Box::new(number::decimal(text)))),
                (None, Some(text)) => decode_decimal(schema, &text),
                (None, None) => Err(problem("numeric or bytes")),
            },
            (Logical::Date, Some(Ok(days)), _) => Ok(Value::Instant(i64::from(days) * DAY_MS)),
            (Logical::Time, Some(Ok(milliseconds)), _) => logical::time_of(milliseconds).map(Value::Instant),
            (Logical::Timestamp, _, Some(token)) => Ok(Value::Instant(self.low_bits(token))),
            (Logical::Date | Logical::Time, _, _) => Err(problem("integer")),
            (Logical::Timestamp, _, None) => Err(problem("integral")),
        }
    }

    fn bytes(&mut self, token: Token) -> Result<Value> {
        let Some(text) = self.text(token) else { return Ok(self.make_null()) };
        let bytes = base64::decode(&text)
            .map_err(|reason| Error::data("Invalid bytes field").caused_by(Error::data(reason)))?;
        Ok(Value::Bytes(bytes.into()))
    }

    fn array(&mut self, element: Option<&Arc<Schema>>, index: usize) -> Result<Value> {
        let len = match self.tape.tokens[index] {
            Token::Array { len, .. } | Token::Object { len, .. } => len,
            _ => 0,
        };
        let mut elements = Vec::with_capacity(len as usize);
        for child in self.tape.children(index) {
            elements.push(self.inner(element, child)?);
        }
        Ok(Value::Array(elements))
    }

    fn map(&mut self, key: Option<&Arc<Schema>>, value: Option<&Arc<Schema>>, index: usize) -> Result<Value> {
        let token = self.tape.tokens[index];
        if key.is_none_or(|key| matches!(key.kind, Kind::String)) {
            let Token::Object { len, .. } = token else {
                return Err(Error::data(format!(
                    "Maps with string fields should be encoded as JSON objects, but found {}",
                    node_type(token)
                )));
            };
            let mut map = Map::with_capacity(len as usize);
            for (name, entry) in self.tape.members(index) {
                let name = self.text(self.tape.tokens[name]).map_or(Value::Null, Value::String);
                map.insert(name, self.inner(value, entry)?);
            }
            return Ok(Value::Map(Box::new(map)));
        }
        let Token::Array { len, .. } = token else {
            return Err(Error::data(format!(
                "Maps with non-string fields should be encoded as JSON array of tuples, but found {}",
                node_type(token)
            )));
        };
        let mut map = Map::with_capacity(len as usize);
        for entry in self.tape.children(index) {
            let len = match self.tape.tokens[entry] {
                Token::Array { len, .. } => len,
                other => {
                    let found = node_type(other);
                    return Err(Error::data(format!(
                        "Found invalid map entry instead of array tuple: {found}"
                    )));
                }
            };
            let mut children = self.tape.children(entry);
            let (Some(first), Some(second), 2) = (children.next(), children.next(), len) else {
                return Err(Error::data(format!(
                    "Found invalid map entry, expected length 2 but found :{len}"
                )));
            };
            map.insert(self.inner(key, first)?, self.inner(value, second)?);
        }
        Ok(Value::Map(Box::new(map)))
    }

    fn inner(&mut self, schema: Option<&Arc<Schema>>, index: usize) -> Result<Value> {
        match schema {
            Some(schema) => self.value(schema, Some(index)),
            None => Ok(self.schemaless(index)),
        }
    }

    fn fields(&mut self, schema: &Arc<Schema>, fields: &Fields, index: usize) -> Result<Value> {
        let token = self.tape.tokens[index];
        if !matches!(token, Token::Object { .. }) {
            let found = node_type(token);
            return Err(Error::data(format!("Structs should be encoded as JSON objects, but found {found}")));
        }
        let base = self.positions.len();
        self.positions.resize(base + fields.len(), None);
        for (count, (name, value)) in self.tape.members(index).enumerate() {
            if let Some(field) = self.field(fields, self.tape.tokens[name], count) {
                self.positions[base + field] = Some(value);
            }
        }
        let mut read = Vec::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            let value = self.value(&field.schema, self.positions[base + place])?;
            if self.made_null {
                values::validate_field(&field.name, &field.schema, &value)?;
            }
            read.push(value);
        }
        self.positions.truncate(base);
        Ok(Value::Struct(Struct::from_values(Arc::clone(schema), read)))
    }

    /// Finds a field by name. Most documents have their members in the order of the fields, so the one at `guess` is
    /// looked at first.
    fn field(&self, fields: &Fields, name: Token, guess: usize) -> Option<usize> {
        let find = |name: &str| match fields.iter().as_slice().get(guess) {
            Some(field) if *field.name == *name => Some(guess),
            _ => fields.index(name),
        };
        match name {
            Token::Plain(span) => find(self.tape.slice(span)),
            Token::Escaped(span) => find(&unescape(self.tape.slice(span))),
            _ => None,
        }
    }

    fn text(&self, token: Token) -> Option<Text> {
        match token {
            Token::Plain(span) => Some(self.view(span)),
            Token::Escaped(span) => Some(Text::from(unescape(self.tape.slice(span)))),
            _ => None,
        }
    }

    fn view(&self, span: Span) -> Text {
        let range = span.range();
        let view = Blob::view(self.buffer, range.start, range.end);
        Text::from_utf8(view).unwrap_or_else(|_| Text::from(self.tape.slice(span)))
    }

    fn number(&self, token: Token) -> Option<&'a str> {
        match token {
            Token::Integer(span) | Token::Fraction(span) => Some(self.tape.slice(span)),
            _ => None,
        }
    }

    /// Returns the lowest 64 bits of a number, 0 for anything else.
    pub(super) fn low_bits(&self, token: Token) -> i64 {
        let Some(text) = self.number(token) else { return 0 };
        number::integer(text).unwrap_or_else(|| number::low_bits(text))
    }
}

fn decode_decimal(schema: &Schema, text: &str) -> Result<Value> {
    let bytes = base64::decode(text).map_err(Error::data);
    let decimal = bytes.and_then(|bytes| logical::decimal_of(schema, &bytes));
    let decimal = decimal.map_err(|cause| Error::data("Invalid bytes for Decimal field").caused_by(cause))?;
    Ok(Value::Decimal(Box::new(decimal)))
}

/// Returns the name that Jackson has for the type of a value.
fn node_type(token: Token) -> &'static str {
    match token {
        Token::Null => "NULL",
        Token::Boolean(_) => "BOOLEAN",
        Token::Integer(_) | Token::Fraction(_) => "NUMBER",
        Token::Plain(_) | Token::Escaped(_) => "STRING",
        Token::Array { .. } => "ARRAY",
        Token::Object { .. } | Token::Known => "OBJECT",
    }
}
