//! Writing: from a value and its schema to text, byte for byte as Jackson writes it.

use super::{
    DecimalFormat, NullRule,
    logical::{self, Logical},
    tape::DEPTH_MAX,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use millrace_api::{Class, Decimal, Error, Kind, Map, Result, Schema, Struct, Value, text};
use std::sync::Arc;

/// Appends JSON to a buffer. What stands there after an error is of no use.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    nulls: NullRule,
    decimals: DecimalFormat,
    /// How many arrays and objects are open.
    depth: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, nulls: NullRule, decimals: DecimalFormat) -> Self {
        Self { out, nulls, decimals, depth: 0 }
    }

    /// Writes what stands in an envelope that was opened already.
    pub(super) fn inside_envelope(out: &'a mut Vec<u8>, nulls: NullRule, decimals: DecimalFormat) -> Self {
        Self { depth: 1, ..Self::new(out, nulls, decimals) }
    }

    /// Writes a value by its schema, or as what it is when there is none.
    pub(super) fn value(&mut self, schema: Option<&Schema>, value: &Value) -> Result<()> {
        let Some(schema) = schema else { return self.schemaless(value) };
        if value.is_null() {
            return self.null(schema);
        }
        if let Some(logical) = Logical::of(schema) {
            return self.logical(logical, schema, value);
        }
        match (&schema.kind, value) {
            (Kind::Int8, Value::Int8(number)) => self.integer((*number).into()),
            (Kind::Int16, Value::Int16(number)) => self.integer((*number).into()),
            (Kind::Int32, Value::Int32(number)) => self.integer((*number).into()),
            (Kind::Int64, Value::Int64(number)) => self.integer(*number),
            (Kind::Float32, Value::Float32(number)) => self.float(*number),
            (Kind::Float64, Value::Float64(number)) => self.double(*number),
            (Kind::Boolean, Value::Boolean(boolean)) => self.boolean(*boolean),
            (Kind::String, Value::String(text)) => self.text(text),
            (Kind::Bytes, Value::Bytes(bytes)) => self.bytes(bytes),
            (Kind::Array(element), Value::Array(values)) => return self.array(element.as_deref(), values),
            (Kind::Map(keys, values), Value::Map(map)) => {
                return self.map(keys.as_ref(), values.as_deref(), map);
            }
            (Kind::Struct(_), Value::Struct(fields)) => return self.fields(schema, fields),
            (Kind::Bytes, other) => {
                return Err(Error::data(format!(
                    "Invalid type for bytes type: class {}",
                    other.java_class()
                )));
            }
            (kind, other) => {
                return Err(Error::data(format!("Invalid type for {kind}: class {}", other.java_class())));
            }
        }
        Ok(())
    }

    /// Opens an array or object.
    pub(super) fn open(&mut self, bracket: u8) -> Result<()> {
        if self.depth == DEPTH_MAX {
            let class = "org.apache.kafka.common.errors.SerializationException";
            let cause = Error::of(Class::BadRecord, class, "arrays and objects nested more than 1000 deep");
            let message = "Converting Kafka Connect data to byte[] failed due to serialization error: ";
            return Err(Error::data(message).caused_by(cause));
        }
        self.depth += 1;
        self.out.push(bracket);
        Ok(())
    }

    /// Closes an array or object.
    pub(super) fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        self.out.push(bracket);
    }

    /// Writes text that needs no care.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a text in quotes.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let bytes = text.as_bytes();
        let mut written = 0;
        while let Some(found) = bytes[written..].iter().position(|byte| is_special(*byte)) {
            let special = written + found;
            self.out.extend_from_slice(&bytes[written..special]);
            let Some(char) = text[special..].chars().next() else { break };
            self.escaped(char);
            written = special + char.len_utf8();
        }
        self.out.extend_from_slice(&bytes[written..]);
        self.out.push(b'"');
    }

    pub(super) fn integer(&mut self, number: i64) {
        // 19 digits and the sign.
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            start -= 1;
            digits[start] = b'-';
        }
        self.out.extend_from_slice(&digits[start..]);
    }

    pub(super) fn boolean(&mut self, boolean: bool) {
        self.raw(if boolean { "true" } else { "false" });
    }

    fn schemaless(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Null => self.raw("null"),
            Value::Boolean(boolean) => self.boolean(*boolean),
            Value::Int8(number) => self.integer((*number).into()),
            Value::Int16(number) => self.integer((*number).into()),
            Value::Int32(number) => self.integer((*number).into()),
            Value::Int64(number) => self.integer(*number),
            Value::Float32(number) => self.float(*number),
            Value::Float64(number) => self.double(*number),
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Array(values) => return self.array(None, values),
            Value::Map(map) => return self.map(None, None, map),
            Value::Struct(_) => return Err(Error::data("Mismatching schema.")),
            Value::Decimal(_) | Value::Instant(_) => {
                let class = value.java_class();
                let message = format!("Java class class {class} does not have corresponding schema type.");
                return Err(Error::data(message));
            }
        }
        Ok(())
    }

    fn null(&mut self, schema: &Schema) -> Result<()> {
        match &schema.default {
            Some(default) if self.nulls == NullRule::Default => self.value(Some(schema), default),
            _ if schema.optional => {
                self.raw("null");
                Ok(())
            }
            _ => Err(Error::data(
                "Conversion error: null value for field that is required and has no default value",
            )),
        }
    }

    fn logical(&mut self, logical: Logical, schema: &Schema, value: &Value) -> Result<()> {
        match (logical, value) {
            (Logical::Decimal, Value::Decimal(decimal)) => return self.decimal(schema, decimal),
            (Logical::Date, Value::Instant(instant)) => self.integer(logical::date_days(*instant)?),
            (Logical::Time, Value::Instant(instant)) => self.integer(logical::time_of_day(*instant)?),
            (Logical::Timestamp, Value::Instant(instant)) => self.integer(*instant),
            (_, other) => {
                let expected = if logical == Logical::Decimal { "BigDecimal" } else { "Date" };
                let (name, class) = (logical.name(), other.java_class());
                let message = format!("Invalid type for {name}, expected {expected} but was class {class}");
                return Err(Error::data(message));
            }
        }
        Ok(())
    }

    fn decimal(&mut self, schema: &Schema, decimal: &Decimal) -> Result<()> {
        match self.decimals {
            DecimalFormat::Numeric => self.raw(&text::decimal(decimal)),
            DecimalFormat::Base64 => {
                let bytes = logical::decimal_bytes(schema, decimal)?;
                self.bytes(&bytes);
            }
        }
        Ok(())
    }

    fn array(&mut self, element: Option<&Schema>, values: &[Value]) -> Result<()> {
        self.open(b'[')?;
        for (index, value) in values.iter().enumerate() {
            self.comma(index);
            self.value(element, value)?;
        }
        self.close(b']');
        Ok(())
    }

    fn map(&mut self, keys: Option<&Arc<Schema>>, values: Option<&Schema>, map: &Map) -> Result<()> {
        let as_object = match keys {
            Some(schema) => matches!(schema.kind, Kind::String),
            None => map.keys().all(|key| matches!(key, Value::String(_))),
        };
        self.open(if as_object { b'{' } else { b'[' })?;
        for (index, (key, value)) in map.iter().enumerate() {
            self.comma(index);
            if as_object {
                self.name(keys.map(|keys| &**keys), key)?;
                self.value(values, value)?;
            } else {
                self.open(b'[')?;
                self.value(keys.map(|keys| &**keys), key)?;
                self.out.push(b',');
                self.value(values, value)?;
                self.close(b']');
            }
        }
        self.close(if as_object { b'}' } else { b']' });
        Ok(())
    }

    /// Writes the name of a member: the text of a key, whatever stands for it in JSON.
    fn name(&mut self, schema: Option<&Schema>, key: &Value) -> Result<()> {
        let start = self.out.len();
        self.value(schema, key)?;
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
        self.out.push(b':');
        Ok(())
    }

    fn fields(&mut self, schema: &Schema, fields: &Struct) -> Result<()> {
        if !std::ptr::eq(Arc::as_ptr(fields.schema()), schema) && **fields.schema() != *schema {
            return Err(Error::data("Mismatching schema."));
        }
        self.open(b'{')?;
        let declared = schema.fields().into_iter().flat_map(|fields| fields.iter());
        for (index, (field, value)) in declared.zip(fields.values()).enumerate() {
            self.comma(index);
            self.text(&field.name);
            self.out.push(b':');
            self.value(Some(&field.schema), value)?;
        }
        self.close(b'}');
        Ok(())
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.out.push(b',');
        }
    }

    /// Numbers that JSON does not have become text.
    fn double(&mut self, number: f64) {
        let quote = if number.is_finite() { "" } else { "\"" };
        self.raw(quote);
        self.raw(&text::double(number));
        self.raw(quote);
    }

    fn float(&mut self, number: f32) {
        let quote = if number.is_finite() { "" } else { "\"" };
        self.raw(quote);
        self.raw(&text::float(number));
        self.raw(quote);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        let len = bytes.len().div_ceil(3) * 4;
        self.out.resize(start + len, 0);
        let written = STANDARD.encode_slice(bytes, &mut self.out[start..]);
        debug_assert_eq!(written.ok(), Some(len), "base64 has four characters for three bytes");
        self.out.push(b'"');
    }

    fn escaped(&mut self, char: char) {
        match char {
            '"' => self.raw("\\\""),
            '\\' => self.raw("\\\\"),
            '\u{8}' => self.raw("\\b"),
            '\t' => self.raw("\\t"),
            '\n' => self.raw("\\n"),
            '\u{c}' => self.raw("\\f"),
            '\r' => self.raw("\\r"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    self.raw(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}

/// Tells whether a byte begins a character that is escaped: Jackson escapes what lies outside the basic plane.
fn is_special(byte: u8) -> bool {
    matches!(byte, ..0x20 | b'"' | b'\\' | 0xf0..)
}
