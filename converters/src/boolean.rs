//! `BooleanConverter`: one byte.

use crate::converter_type::ConverterType;
use millrace_api::{
    Blob, Class, Config, Converter, Datum, Error, Kind, Plugins, RawHeader, Result, Schema, Value,
};
use std::sync::Arc;

const CLASS: &str = "org.apache.kafka.connect.converters.BooleanConverter";

#[derive(Debug, Config)]
struct BooleanConverterConfig {
    #[config(flatten)]
    _converter_type: ConverterType,
}

/// The converter.
struct BooleanConverter {
    schema: Arc<Schema>,
}

/// Adds the converter, for headers too.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.converter::<BooleanConverterConfig>(CLASS, |_, _| Ok(Box::new(BooleanConverter::new())));
    plugins.header_converter::<BooleanConverterConfig>(CLASS, |_, _| Ok(Box::new(BooleanConverter::new())));
}

impl BooleanConverter {
    fn new() -> Self {
        Self { schema: Arc::new(Schema::of(Kind::Boolean).optional()) }
    }
}

impl Converter for BooleanConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        if let Some(schema) = &datum.schema
            && !matches!(schema.kind, Kind::Boolean)
        {
            return Err(Error::data(format!("Invalid schema type for BooleanConverter: {}", schema.kind)));
        }
        match &datum.value {
            Value::Null => Ok(None),
            Value::Boolean(boolean) => Ok(Some(Blob::from([u8::from(*boolean)].as_slice()))),
            other => Err(Error::data(format!(
                "BooleanConverter is not compatible with objects of type class {}",
                other.java_class()
            ))),
        }
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let value = match bytes.map(|bytes| &**bytes) {
            None => Value::Null,
            Some([0]) => Value::Boolean(false),
            Some([1]) => Value::Boolean(true),
            Some([other]) => {
                let byte = other.cast_signed();
                return Err(problem(format!("Unexpected byte received by BooleanDeserializer: {byte}")));
            }
            Some(_) => return Err(problem("Size of data received by BooleanDeserializer is not 1")),
        };
        Ok(Datum::new(Arc::clone(&self.schema), value))
    }
}

fn problem(message: impl Into<String>) -> Error {
    let class = "org.apache.kafka.common.errors.SerializationException";
    let cause = Error::of(Class::BadRecord, class, message);
    Error::data("Failed to deserialize boolean: ").caused_by(cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use std::error::Error as _;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<Value, &str>) {
        let mut converter = BooleanConverter::new();
        let read = converter.decode("t", &[], Some(&bytes.into()));
        let read = read.map(|datum| datum.value).map_err(|error| error.source().unwrap().to_string());
        assert_eq!(read, expected.map_err(String::from));
        if let Ok(value) = read {
            let written = converter.encode("t", &mut Vec::new(), &Datum::schemaless(value)).unwrap();
            assert_eq!(written.as_deref(), Some(bytes));
        }
    }

    #[test]
    fn one_byte_is_a_boolean() {
        check(b"\0", Ok(Value::Boolean(false)));
        check(b"\x01", Ok(Value::Boolean(true)));
        check(b"\xff", Err("Unexpected byte received by BooleanDeserializer: -1"));
        check(b"", Err("Size of data received by BooleanDeserializer is not 1"));
        check(b"\0\0", Err("Size of data received by BooleanDeserializer is not 1"));
    }
}
