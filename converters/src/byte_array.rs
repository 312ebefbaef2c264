//! `ByteArrayConverter`: bytes as they are.

use crate::converter_type::ConverterType;
use millrace_api::{Blob, Config, Converter, Datum, Error, Kind, Plugins, RawHeader, Result, Schema, Value};

const CLASS: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";

#[derive(Debug, Config)]
struct ByteArrayConverterConfig {
    #[config(flatten)]
    _converter_type: ConverterType,
}

/// The converter; no buffer is copied either way.
struct ByteArrayConverter;

/// Adds the converter, for headers too.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.converter::<ByteArrayConverterConfig>(CLASS, |_, _| Ok(Box::new(ByteArrayConverter)));
    plugins.header_converter::<ByteArrayConverterConfig>(CLASS, |_, _| Ok(Box::new(ByteArrayConverter)));
}

impl Converter for ByteArrayConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        if let Some(schema) = &datum.schema
            && !matches!(schema.kind, Kind::Bytes)
        {
            return Err(Error::data(format!("Invalid schema type for ByteArrayConverter: {}", schema.kind)));
        }
        match &datum.value {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes.clone())),
            other => Err(Error::data(format!(
                "ByteArrayConverter is not compatible with objects of type class {}",
                other.java_class()
            ))),
        }
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let value = bytes.map_or(Value::Null, |bytes| Value::Bytes(bytes.clone()));
        Ok(Datum::new(Schema::optional_bytes(), value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn buffers_are_shared_both_ways() {
        let blob = Blob::from(b"\x00\xff".as_slice());
        let datum = ByteArrayConverter.decode("t", &[], Some(&blob)).unwrap();
        let back = ByteArrayConverter.encode("t", &mut Vec::new(), &datum).unwrap().unwrap();
        assert_eq!(back.as_ptr(), blob.as_ptr());
    }

    #[test]
    fn other_values_are_errors() {
        let error = ByteArrayConverter.encode("t", &mut Vec::new(), &Datum::string("x")).unwrap_err();
        assert_eq!(error.to_string(), "Invalid schema type for ByteArrayConverter: STRING");
        let text = Datum::schemaless("x".into());
        let error = ByteArrayConverter.encode("t", &mut Vec::new(), &text).unwrap_err();
        let expected = "ByteArrayConverter is not compatible with objects of type class java.lang.String";
        assert_eq!(error.to_string(), expected);
    }
}
