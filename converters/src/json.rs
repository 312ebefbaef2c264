//! `JsonConverter`: JSON with or without the schema beside the value.
//!
//! Both directions work on the bytes themselves: the writer appends to one buffer, the reader makes a flat list of
//! tokens that it uses again for each record. The text of a schema is written once, and read once: an envelope whose
//! schema has the same bytes as one before is only compared with it.

mod base64;
mod cache;
mod logical;
mod number;
mod read;
mod read_schema;
mod tape;
mod write;
mod write_schema;

use crate::converter_type::ConverterType;
use ::bytes::Bytes;
use cache::Cache;
use millrace_api::{
    Blob, Class, Config, Converter, Datum, Error, Plugins, RawHeader, Result, Schema,
    config::{Check, Parsed, Setting, Type},
};
use read::Reader;
use std::sync::Arc;
use tape::{SyntaxError, Tape, Token};
use write::Writer;

const CLASS: &str = "org.apache.kafka.connect.json.JsonConverter";

#[derive(Debug, Config)]
struct JsonConverterConfig {
    #[config(flatten)]
    _converter_type: ConverterType,

    /// Whether each record holds its schema beside its value.
    #[config(high, default = true, group = "Schemas", order = 0, display = "Enable Schemas")]
    schemas_enable: bool,

    /// The most schemas that are kept in each direction.
    #[config(high, default = 1000, group = "Schemas", order = 1, display = "Schema Cache Size")]
    schemas_cache_size: i32,

    /// How decimals are written: `BASE64` for their bytes, `NUMERIC` for numbers. Both are read.
    #[config(low, default = "BASE64", group = "Serialization", order = 0, display = "Decimal Format")]
    decimal_format: DecimalFormat,

    /// Whether null is replaced by the default of its schema, written and read.
    #[config(low, default = true, group = "Schemas", order = 2, display = "Replace null with default")]
    replace_null_with_default: bool,
}

/// How decimals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DecimalFormat {
    /// The bytes of the unscaled number in base64.
    Base64,
    /// A number.
    Numeric,
}

/// What a null stands for when its schema has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NullRule {
    /// The default.
    Default,
    /// Null.
    Null,
}

/// Whether schemas travel with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Envelope,
    Plain,
}

/// The converter.
struct JsonConverter {
    form: Form,
    decimals: DecimalFormat,
    nulls: NullRule,
    /// Texts of schemas by address; the schema is kept, so that the address stays its own.
    written: Cache<usize, (Arc<Schema>, Box<[u8]>)>,
    /// Schemas by their texts.
    read: Cache<Box<[u8]>, Arc<Schema>>,
    /// The schema that was read last, with its text.
    last_read: Option<(Box<[u8]>, Arc<Schema>)>,
    out: Vec<u8>,
    tokens: Vec<Token>,
}

/// Adds the converter, for headers too.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.converter(CLASS, |config, _| Ok(Box::new(JsonConverter::new(&config))));
    plugins.header_converter(CLASS, |config, _| Ok(Box::new(JsonConverter::new(&config))));
}

impl Setting for DecimalFormat {
    const TYPE: Type = Type::String;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        match parsed {
            Parsed::Text(text) if text.eq_ignore_ascii_case("NUMERIC") => Ok(Self::Numeric),
            Parsed::Text(text) if text.eq_ignore_ascii_case("BASE64") => Ok(Self::Base64),
            _ => Err("String must be one of (case insensitive): NUMERIC, BASE64".to_string()),
        }
    }

    fn implied_check() -> Option<Check> {
        Some(Check::new(|parsed| Self::from_parsed(parsed.clone()).map(drop)))
    }
}

impl JsonConverter {
    fn new(config: &JsonConverterConfig) -> Self {
        let capacity = usize::try_from(config.schemas_cache_size).unwrap_or_default();
        Self {
            form: if config.schemas_enable { Form::Envelope } else { Form::Plain },
            decimals: config.decimal_format,
            nulls: if config.replace_null_with_default { NullRule::Default } else { NullRule::Null },
            written: Cache::new(capacity),
            read: Cache::new(capacity),
            last_read: None,
            out: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// Writes `{"schema":...,"payload":...}`.
    fn write_envelope(&mut self, datum: &Datum) -> Result<()> {
        self.out.extend_from_slice(b"{\"schema\":");
        match &datum.schema {
            Some(schema) => self.write_schema(schema)?,
            None => self.out.extend_from_slice(b"null"),
        }
        let mut writer = Writer::inside_envelope(&mut self.out, self.nulls, self.decimals);
        writer.raw(",\"payload\":");
        writer.value(datum.schema.as_deref(), &datum.value)?;
        writer.close(b'}');
        Ok(())
    }

    fn write_schema(&mut self, schema: &Arc<Schema>) -> Result<()> {
        let address = Arc::as_ptr(schema) as usize;
        if let Some((_, text)) = self.written.get(&address) {
            self.out.extend_from_slice(text);
            return Ok(());
        }
        let start = self.out.len();
        Writer::inside_envelope(&mut self.out, self.nulls, self.decimals).schema(schema)?;
        self.written.insert(address, (Arc::clone(schema), self.out[start..].into()));
        Ok(())
    }

    /// Reads `{"schema":...,"payload":...}`.
    fn read_envelope(&mut self, buffer: &Arc<Bytes>) -> Result<Datum> {
        let known = self.last_read.as_ref().map(|(text, _)| &**text);
        let tape = tape::parse(buffer, known, &mut self.tokens).map_err(not_json)?;
        let (schema, payload) = envelope(tape)?;
        let mut reader = Reader::new(tape, self.nulls, buffer);
        let schema = match tape.tokens[schema] {
            Token::Known => self.last_read.as_ref().map(|(_, schema)| Arc::clone(schema)),
            Token::Object { text, .. } => {
                let text = tape.slice(text).as_bytes();
                let found = self.read.get(text).cloned();
                let schema = match &found {
                    Some(schema) => Some(Arc::clone(schema)),
                    None => reader.schema(schema)?,
                };
                if let Some(schema) = &schema {
                    if found.is_none() {
                        self.read.insert(text.into(), Arc::clone(schema));
                    }
                    self.last_read = Some((text.into(), Arc::clone(schema)));
                }
                schema
            }
            _ => reader.schema(schema)?,
        };
        let Some(schema) = schema else { return Ok(Datum::schemaless(reader.schemaless(payload))) };
        let value = reader.value(&schema, Some(payload))?;
        Ok(Datum::new(schema, value))
    }

    fn read_plain(&mut self, buffer: &Arc<Bytes>) -> Result<Datum> {
        let tape = tape::parse(buffer, None, &mut self.tokens).map_err(not_json)?;
        if tape.tokens.is_empty() {
            return Ok(Datum::default());
        }
        Ok(Datum::schemaless(Reader::new(tape, self.nulls, buffer).schemaless(0)))
    }
}

impl Converter for JsonConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        if datum.schema.is_none() && datum.value.is_null() {
            return Ok(None);
        }
        self.out.clear();
        match self.form {
            Form::Envelope => self.write_envelope(datum)?,
            Form::Plain => {
                let mut writer = Writer::new(&mut self.out, self.nulls, self.decimals);
                writer.value(datum.schema.as_deref(), &datum.value)?;
            }
        }
        Ok(Some(Blob::from(self.out.as_slice())))
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::default()) };
        let buffer = Arc::new(bytes.to_bytes());
        match self.form {
            Form::Envelope => self.read_envelope(&buffer),
            Form::Plain => self.read_plain(&buffer),
        }
    }
}

/// Returns the indexes of schema and payload, which must be there and nothing else.
fn envelope(tape: Tape<'_>) -> Result<(usize, usize)> {
    let (mut schema, mut payload, mut other) = (None, None, None);
    if !tape.tokens.is_empty() {
        for (name, value) in tape.members(0) {
            let place = match tape.text_at(name).as_deref() {
                Some("schema") => &mut schema,
                Some("payload") => &mut payload,
                _ => &mut other,
            };
            *place = Some(value);
        }
    }
    match (schema, payload, other) {
        (Some(schema), Some(payload), None) => Ok((schema, payload)),
        _ => Err(Error::data(
            "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not contain \
             additional fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your \
             converter configuration.",
        )),
    }
}

fn not_json(error: SyntaxError) -> Error {
    let class = "org.apache.kafka.common.errors.SerializationException";
    let cause = Error::of(Class::BadRecord, class, error.to_string());
    Error::data("Converting byte[] to Kafka Connect data failed due to serialization error: ")
        .caused_by(cause)
}

#[cfg(test)]
mod tests;
