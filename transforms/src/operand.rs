//! The side of a record that a transformation works on, and the checks that all of them make.

use millrace_api::{
    Class, Config, Datum, Error, Map, Plugins, Record, Result, Struct, Transform, Value, java,
};

/// The `$Key` or the `$Value` of a class name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// Key and key schema.
    Key,
    /// Value and value schema.
    Value,
}

impl Operand {
    /// Returns that side of a record.
    pub fn of(self, record: &Record) -> &Datum {
        match self {
            Self::Key => &record.key,
            Self::Value => &record.value,
        }
    }

    /// Returns that side of a record, to be replaced.
    pub fn of_mut(self, record: &mut Record) -> &mut Datum {
        match self {
            Self::Key => &mut record.key,
            Self::Value => &mut record.value,
        }
    }
}

/// Adds a transformation under its class names for keys and for values.
pub fn register_sides<C: Config, T: Transform>(
    plugins: &mut Plugins,
    [key, value]: [&'static str; 2],
    make: fn(C, Operand) -> Result<T>,
) {
    for (class, operand) in [(key, Operand::Key), (value, Operand::Value)] {
        plugins.transform::<C>(class, move |config| Ok(Box::new(make(config, operand)?)));
    }
}

/// Returns the struct that a value with a schema must be; `purpose` is what the error says it is needed for.
pub fn require_struct<'a>(value: &'a Value, purpose: &str) -> Result<&'a Struct> {
    match value {
        Value::Struct(fields) => Ok(fields),
        other => Err(Error::data(format!(
            "Only Struct objects supported for [{purpose}], found: {}",
            other.java_class()
        ))),
    }
}

/// Returns the map that a value without a schema must be, to be changed.
pub fn require_map<'a>(value: &'a mut Value, purpose: &str) -> Result<&'a mut Map> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(no_map(other, purpose)),
    }
}

/// Returns the map that a value without a schema must be.
pub fn as_map<'a>(value: &'a Value, purpose: &str) -> Result<&'a Map> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(no_map(other, purpose)),
    }
}

fn no_map(value: &Value, purpose: &str) -> Error {
    Error::data(format!(
        "Only Map objects supported in absence of schema for [{purpose}], found: {}",
        value.java_class()
    ))
}

/// An error that a schema cannot be built: Java's `SchemaBuilderException`.
pub fn schema_error(message: impl Into<String>) -> Error {
    Error::of(Class::BadRecord, java::SCHEMA_BUILDER, message)
}
