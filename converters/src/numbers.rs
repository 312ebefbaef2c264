//! The converters of numbers: big-endian bytes of a fixed width.

use crate::converter_type::ConverterType;
use millrace_api::{
    Blob, Class, Config, Converter, Datum, Error, Kind, Plugins, RawHeader, Result, Schema, Value,
};
use std::{marker::PhantomData, sync::Arc};

#[derive(Debug, Config)]
struct NumberConverterConfig {
    #[config(flatten)]
    _converter_type: ConverterType,
}

/// Adds the five converters, for headers too.
pub(crate) fn register(plugins: &mut Plugins) {
    register_one::<i16>(plugins);
    register_one::<i32>(plugins);
    register_one::<i64>(plugins);
    register_one::<f32>(plugins);
    register_one::<f64>(plugins);
}

fn register_one<N: Number>(plugins: &mut Plugins) {
    plugins.converter::<NumberConverterConfig>(N::CLASS, |_, _| Ok(Box::new(NumberConverter::<N>::new())));
    plugins.header_converter::<NumberConverterConfig>(N::CLASS, |_, _| {
        Ok(Box::new(NumberConverter::<N>::new()))
    });
}

/// A number that has a converter.
trait Number: Sized + Send + 'static {
    const CLASS: &str;
    /// Its name in messages.
    const NAME: &str;
    const JAVA_CLASS: &str;
    /// What Java's deserializer calls itself.
    const DESERIALIZER: &str;
    const KIND: Kind;

    fn of(value: &Value) -> Option<Self>;

    fn to_value(self) -> Value;

    fn to_blob(self) -> Blob;

    /// Reads bytes of exactly the width.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! number {
    ($type:ty, $variant:ident, $name:literal, $class:literal, $java_class:literal, $deserializer:literal) => {
        impl Number for $type {
            const CLASS: &str = concat!("org.apache.kafka.connect.converters.", $class);
            const NAME: &str = $name;
            const JAVA_CLASS: &str = $java_class;
            const DESERIALIZER: &str = $deserializer;
            const KIND: Kind = Kind::$variant;

            fn of(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(number) => Some(*number),
                    _ => None,
                }
            }

            fn to_value(self) -> Value {
                Value::$variant(self)
            }

            fn to_blob(self) -> Blob {
                Blob::from(self.to_be_bytes().as_slice())
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_be_bytes(bytes.try_into().ok()?))
            }
        }
    };
}

number!(i16, Int16, "short", "ShortConverter", "java.lang.Short", "ShortDeserializer");
number!(i32, Int32, "integer", "IntegerConverter", "java.lang.Integer", "IntegerDeserializer");
number!(i64, Int64, "long", "LongConverter", "java.lang.Long", "LongDeserializer");
number!(f32, Float32, "float", "FloatConverter", "java.lang.Float", "Deserializer");
number!(f64, Float64, "double", "DoubleConverter", "java.lang.Double", "Deserializer");

/// The converter of one type. The schema of what is written does not count, only the value does.
struct NumberConverter<N> {
    schema: Arc<Schema>,
    number: PhantomData<N>,
}

impl<N: Number> NumberConverter<N> {
    fn new() -> Self {
        Self { schema: Arc::new(Schema::of(N::KIND).optional()), number: PhantomData }
    }
}

impl<N: Number> Converter for NumberConverter<N> {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        if datum.value.is_null() {
            return Ok(None);
        }
        match N::of(&datum.value) {
            Some(number) => Ok(Some(number.to_blob())),
            None => {
                let (name, wanted, class) = (N::NAME, N::JAVA_CLASS, datum.value.java_class());
                let message = format!("class {class} cannot be cast to class {wanted}");
                let cause = Error::of(Class::BadRecord, "java.lang.ClassCastException", message);
                Err(Error::data(format!("Failed to serialize to {name} (was class {class}): "))
                    .caused_by(cause))
            }
        }
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let value = match bytes {
            None => Value::Null,
            Some(bytes) => N::from_bytes(bytes).ok_or_else(wrong_size::<N>)?.to_value(),
        };
        Ok(Datum::new(Arc::clone(&self.schema), value))
    }
}

fn wrong_size<N: Number>() -> Error {
    let class = "org.apache.kafka.common.errors.SerializationException";
    let message = format!("Size of data received by {} is not {}", N::DESERIALIZER, size_of::<N>());
    let cause = Error::of(Class::BadRecord, class, message);
    Error::data(format!("Failed to deserialize {}: ", N::NAME)).caused_by(cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[track_caller]
    fn check<N: Number>(value: Value, bytes: &[u8]) {
        let mut converter = NumberConverter::<N>::new();
        let written =
            converter.encode("t", &mut Vec::new(), &Datum::schemaless(value.clone())).unwrap().unwrap();
        assert_eq!(&*written, bytes);
        let read = converter.decode("t", &[], Some(&written)).unwrap();
        assert_eq!(read, Datum::new(Arc::new(Schema::of(N::KIND).optional()), value));
    }

    #[test]
    fn numbers_are_big_endian() {
        check::<i16>(Value::Int16(-2), b"\xff\xfe");
        check::<i32>(Value::Int32(258), b"\0\0\x01\x02");
        check::<i64>(Value::Int64(-1), &[0xff; 8]);
        check::<f32>(Value::Float32(1.5), b"\x3f\xc0\0\0");
        check::<f64>(Value::Float64(-0.0), b"\x80\0\0\0\0\0\0\0");
    }

    #[test]
    fn errors_name_what_was_wrong() {
        let mut converter = NumberConverter::<f32>::new();
        let error = converter.decode("t", &[], Some(&b"".as_slice().into())).unwrap_err();
        assert_eq!(
            error.trace("x"),
            "org.apache.kafka.connect.errors.DataException: Failed to deserialize float: \n\tat x\n\
             Caused by: org.apache.kafka.common.errors.SerializationException: \
             Size of data received by Deserializer is not 4\n\tat x\n"
        );
        let wider = Datum::schemaless(Value::Float64(1.0));
        let error = converter.encode("t", &mut Vec::new(), &wider).unwrap_err();
        assert_eq!(error.to_string(), "Failed to serialize to float (was class java.lang.Double): ");
    }
}
