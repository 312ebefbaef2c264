//! `StringConverter`: text in any charset.

use crate::{
    charset::Charset,
    converter_type::{ConverterType, is_key},
};
use millrace_api::{
    Blob, Class, Config, ConfigDef, Converter, Datum, Error, Plugins, RawHeader, Result, Role, Schema, Text,
    Value, config::Reader,
};
use std::sync::Arc;

const CLASS: &str = "org.apache.kafka.connect.storage.StringConverter";

#[derive(Debug, Config)]
struct StringConverterConfig {
    #[config(flatten)]
    _converter_type: ConverterType,

    /// Charset in which text is written and read, by its Java name.
    #[config(high, name = "converter.encoding", default = "UTF-8")]
    encoding: String,

    #[config(flatten)]
    passed_on: PassedOn,
}

/// Settings of Kafka's string serializer and deserializer. The converter does not define them but hands all it was
/// given on, so that they win over its own. Without `key.` or `value.` they never do.
#[derive(Debug)]
struct PassedOn {
    key: Encodings,
    value: Encodings,
}

#[derive(Debug)]
struct Encodings {
    serializer: Option<String>,
    deserializer: Option<String>,
}

/// The converter. With UTF-8 no buffer is copied either way.
struct StringConverter {
    serializer: Charset,
    deserializer: Charset,
    schema: Arc<Schema>,
}

/// Adds the converter, for headers too.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.converter(CLASS, |config, role| Ok(Box::new(StringConverter::new(config, role)?)));
    plugins.header_converter(CLASS, |config, role| Ok(Box::new(StringConverter::new(config, role)?)));
}

impl Config for PassedOn {
    fn define(_: &mut ConfigDef) {}

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let encoding = |name: &str| reader.given(name).map(str::to_string);
        let key = Encodings {
            serializer: encoding("key.serializer.encoding"),
            deserializer: encoding("key.deserializer.encoding"),
        };
        let value = Encodings {
            serializer: encoding("value.serializer.encoding"),
            deserializer: encoding("value.deserializer.encoding"),
        };
        Some(Self { key, value })
    }
}

impl StringConverter {
    fn new(config: StringConverterConfig, role: Role) -> Result<Self> {
        let PassedOn { key, value } = config.passed_on;
        let Encodings { serializer, deserializer } = if is_key(role) { key } else { value };
        Ok(Self {
            serializer: charset(serializer.as_ref().unwrap_or(&config.encoding))?,
            deserializer: charset(deserializer.as_ref().unwrap_or(&config.encoding))?,
            schema: Schema::optional_string(),
        })
    }
}

fn charset(name: &str) -> Result<Charset> {
    Charset::for_name(name).ok_or_else(|| {
        let cause = Error::of(Class::Fatal, "java.nio.charset.UnsupportedCharsetException", name);
        let class = "org.apache.kafka.common.errors.SerializationException";
        Error::of(Class::Fatal, class, format!("Unsupported encoding {name}")).caused_by(cause)
    })
}

impl Converter for StringConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        Ok(match (&datum.value, self.serializer) {
            (Value::Null, _) => None,
            (Value::String(text), Charset::Utf8) => Some(text.as_blob().clone()),
            (Value::String(text), charset) => Some(charset.encode(text).into()),
            (value, charset) => Some(charset.encode(&value.to_string()).into()),
        })
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let value = match (bytes, self.deserializer) {
            (None, _) => Value::Null,
            (Some(bytes), Charset::Utf8) => Value::String(Text::from_utf8_lossy(bytes.clone())),
            (Some(bytes), charset) => Value::from(charset.decode(bytes)),
        };
        Ok(Datum::new(self.schema.clone(), value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use millrace_api::Properties;

    fn converter(settings: &[(&str, &str)], role: Role) -> Result<StringConverter> {
        let settings: Properties = settings.iter().copied().collect();
        StringConverter::new(StringConverterConfig::parse(&settings)?, role)
    }

    /// Writes `é` and reads its bytes back with these settings.
    #[track_caller]
    fn check(settings: &[(&str, &str)], role: Role, bytes: &[u8], text: &str) {
        let mut converter = converter(settings, role).unwrap();
        let written = converter.encode("t", &mut Vec::new(), &Datum::string("é")).unwrap().unwrap();
        assert_eq!(&*written, bytes);
        let read = converter.decode("t", &[], Some(&written)).unwrap();
        assert_eq!(read, Datum::new(Schema::optional_string(), text.into()));
    }

    #[test]
    fn utf8_is_the_default_and_copies_nothing() {
        check(&[], Role::Value, "é".as_bytes(), "é");
        let mut converter = converter(&[], Role::Key).unwrap();
        let blob = Blob::from("line".as_bytes());
        let datum = converter.decode("t", &[], Some(&blob)).unwrap();
        let back = converter.encode("t", &mut Vec::new(), &datum).unwrap().unwrap();
        assert_eq!(back.as_ptr(), blob.as_ptr());
    }

    #[test]
    fn settings_of_the_serializers_win_over_the_converters() {
        let latin = ("converter.encoding", "ISO-8859-1");
        check(&[latin], Role::Value, b"\xe9", "é");
        check(&[latin, ("value.serializer.encoding", "UTF8")], Role::Header, "é".as_bytes(), "Ã©");
        check(&[latin, ("value.serializer.encoding", "UTF8")], Role::Key, b"\xe9", "é");
        check(&[latin, ("key.deserializer.encoding", "US-ASCII")], Role::Key, b"\xe9", "\u{fffd}");
        check(&[latin, ("serializer.encoding", "UTF-8")], Role::Key, b"\xe9", "é");
    }

    #[test]
    fn an_unknown_charset_is_an_error_of_the_settings() {
        let error = converter(&[("converter.encoding", "NOPE-8")], Role::Value).err().unwrap();
        assert_eq!(
            error.trace("x"),
            "org.apache.kafka.common.errors.SerializationException: Unsupported encoding NOPE-8\n\tat x\n\
             Caused by: java.nio.charset.UnsupportedCharsetException: NOPE-8\n\tat x\n"
        );
    }

    #[test]
    fn the_role_is_checked_when_it_is_given() {
        let error = converter(&[("converter.type", "lock")], Role::Value).err().unwrap();
        let expected =
            "Invalid value lock for configuration converter.type: String must be one of: key, value, header";
        assert_eq!(error.to_string(), expected);
        assert!(converter(&[("converter.type", "key")], Role::Key).is_ok());
        let shown: Vec<_> =
            StringConverterConfig::definition().keys().iter().map(|key| key.name.to_string()).collect();
        assert_eq!(shown, ["converter.type", "converter.encoding"]);
    }

    #[test]
    fn other_values_are_written_in_their_java_form() {
        let mut converter = converter(&[], Role::Value).unwrap();
        let mut write = |value| converter.encode("t", &mut Vec::new(), &Datum::schemaless(value)).unwrap();
        assert_eq!(write(Value::Float64(1e7)).as_deref(), Some(b"1.0E7".as_slice()));
        let list = Value::Array(vec![Value::Int8(1), Value::Null]);
        assert_eq!(write(list).as_deref(), Some(b"[1, null]".as_slice()));
        assert_eq!(write(Value::Null), None);
    }
}
