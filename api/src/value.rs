//! Values, with and without a schema.

use crate::{Blob, Error, Result, Schema, Text, schema::Kind, text};
use indexmap::IndexMap;
use num_bigint::BigInt;
use std::{fmt, hash, sync::Arc};

/// One value of Connect's data model: 32 bytes wide, and cheap to clone where it holds text or bytes.
///
/// Equality is Java's: floats are equal when their bits are (one `NaN` only), and a width counts.
#[derive(Clone, Default, Debug)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// Signed, 8 bits.
    Int8(i8),
    /// Signed, 16 bits.
    Int16(i16),
    /// Signed, 32 bits.
    Int32(i32),
    /// Signed, 64 bits.
    Int64(i64),
    /// Single precision.
    Float32(f32),
    /// Double precision.
    Float64(f64),
    /// Text.
    String(Text),
    /// Bytes.
    Bytes(Blob),
    /// The value of the Decimal logical type.
    Decimal(Box<Decimal>),
    /// The value of the Date, Time and Timestamp logical types: milliseconds since the epoch, UTC.
    Instant(i64),
    /// A list.
    Array(Vec<Value>),
    /// Keys and values in the order of insertion.
    Map(Box<Map>),
    /// Named fields.
    Struct(Struct),
}

const _: () = assert!(size_of::<Value>() <= 32, "a value is at most 32 bytes");

/// Keys and values, in the order of insertion, found in constant time.
pub type Map = IndexMap<Value, Value>;

/// An integer and the number of its digits that stand after the point (negative: zeros before it).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Decimal {
    /// The digits.
    pub unscaled: BigInt,
    /// How many of them stand after the point.
    pub scale: i32,
}

/// A value and the schema that describes it; none for schemaless data.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Datum {
    /// What the value looks like.
    pub schema: Option<Arc<Schema>>,
    /// The value.
    pub value: Value,
}

/// The values of a struct schema's fields, in their order.
#[derive(Clone, PartialEq, Debug)]
pub struct Struct {
    schema: Arc<Schema>,
    values: Box<[Value]>,
}

// === impl Value ===

impl Value {
    /// Tells whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns how many bytes the value owns beside its own 32: what budgets count.
    pub fn owned_bytes(&self) -> usize {
        match self {
            Self::String(text) => text.as_blob().len(),
            Self::Bytes(blob) => blob.len(),
            Self::Decimal(decimal) => size_of::<Decimal>() + decimal.unscaled.bits() as usize / 8,
            Self::Array(values) => values.iter().map(Self::weight).sum(),
            Self::Map(map) => map.iter().map(|(key, value)| key.weight() + value.weight()).sum(),
            Self::Struct(fields) => fields.values.iter().map(Self::weight).sum(),
            _ => 0,
        }
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.owned_bytes()
    }

    /// Returns the name of the Java class that Connect uses for such a value, for messages: `java.lang.String`.
    pub fn java_class(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "java.lang.Boolean",
            Self::Int8(_) => "java.lang.Byte",
            Self::Int16(_) => "java.lang.Short",
            Self::Int32(_) => "java.lang.Integer",
            Self::Int64(_) => "java.lang.Long",
            Self::Float32(_) => "java.lang.Float",
            Self::Float64(_) => "java.lang.Double",
            Self::String(_) => "java.lang.String",
            Self::Bytes(_) => "[B",
            Self::Decimal(_) => "java.math.BigDecimal",
            Self::Instant(_) => "java.util.Date",
            Self::Array(_) => "java.util.ArrayList",
            Self::Map(_) => "java.util.HashMap",
            Self::Struct(_) => "org.apache.kafka.connect.data.Struct",
        }
    }
}

/// The Java text form (`toString`): what StringConverter writes and the file sink prints.
///
/// Bytes have none in Java that could be repeated; here they are lower-case hex.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Int8(value) => write!(f, "{value}"),
            Self::Int16(value) => write!(f, "{value}"),
            Self::Int32(value) => write!(f, "{value}"),
            Self::Int64(value) => write!(f, "{value}"),
            Self::Float32(value) => f.write_str(&text::float(*value)),
            Self::Float64(value) => f.write_str(&text::double(*value)),
            Self::String(value) => f.write_str(value),
            Self::Bytes(value) => value.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Decimal(value) => f.write_str(&text::decimal(value)),
            Self::Instant(value) => f.write_str(&text::instant(*value)),
            Self::Array(values) => {
                f.write_str("[")?;
                write_joined(f, ", ", values.iter(), |f, value| write!(f, "{value}"))?;
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                write_joined(f, ", ", map.iter(), |f, (key, value)| write!(f, "{key}={value}"))?;
                f.write_str("}")
            }
            Self::Struct(fields) => write!(f, "{fields}"),
        }
    }
}

fn write_joined<T>(
    f: &mut fmt::Formatter<'_>,
    separator: &str,
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write(f, item)?;
    }
    Ok(())
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Int8(a), Self::Int8(b)) => a == b,
            (Self::Int16(a), Self::Int16(b)) => a == b,
            (Self::Int32(a), Self::Int32(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) => a == b,
            (Self::Float32(a), Self::Float32(b)) => float_bits(*a) == float_bits(*b),
            (Self::Float64(a), Self::Float64(b)) => double_bits(*a) == double_bits(*b),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::Instant(a), Self::Instant(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (Self::Struct(a), Self::Struct(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl hash::Hash for Value {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Boolean(value) => value.hash(state),
            Self::Int8(value) => value.hash(state),
            Self::Int16(value) => value.hash(state),
            Self::Int32(value) => value.hash(state),
            Self::Int64(value) | Self::Instant(value) => value.hash(state),
            Self::Float32(value) => float_bits(*value).hash(state),
            Self::Float64(value) => double_bits(*value).hash(state),
            Self::String(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::Array(values) => values.hash(state),
            // Entries have no order in equality, so only their number can count here.
            Self::Map(map) => map.len().hash(state),
            Self::Struct(fields) => fields.values.hash(state),
        }
    }
}

fn float_bits(value: f32) -> u32 {
    if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }
}

fn double_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

// === impl Datum ===

impl Datum {
    /// Returns a value with its schema.
    pub fn new(schema: Arc<Schema>, value: Value) -> Self {
        Self { schema: Some(schema), value }
    }

    /// Returns a value without a schema.
    pub fn schemaless(value: Value) -> Self {
        Self { schema: None, value }
    }

    /// Returns a text with the required string schema.
    pub fn string(text: impl Into<Text>) -> Self {
        Self::new(Schema::string(), Value::String(text.into()))
    }
}

// === impl Struct ===

impl Struct {
    /// Returns a struct of that schema whose fields are all null. Fails when the schema is not a struct's.
    pub fn new(schema: Arc<Schema>) -> Result<Self> {
        let Kind::Struct(fields) = &schema.kind else {
            return Err(Error::data(format!("Not a struct schema: {schema}")));
        };
        let values = vec![Value::Null; fields.len()].into_boxed_slice();
        Ok(Self { schema, values })
    }

    /// Returns a struct with these values, one for each field in order.
    ///
    /// # Panics
    /// When the schema is not a struct's or has another number of fields.
    pub fn from_values(schema: Arc<Schema>, values: Vec<Value>) -> Self {
        let fields = schema.fields().expect("a struct has a struct schema");
        assert_eq!(fields.len(), values.len(), "a struct has a value for each field");
        Self { values: values.into_boxed_slice(), schema }
    }

    /// Returns the schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Returns the values in the order of the fields, without defaults.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the raw value of a field, or `None` when there is no such field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let index = self.schema.fields()?.index(name)?;
        Some(&self.values[index])
    }

    /// Returns the value of the field at `index`, its default in place of null.
    pub fn or_default(&self, index: usize) -> &Value {
        let raw = &self.values[index];
        if !raw.is_null() {
            return raw;
        }
        let field = self.schema.fields().map(|fields| &fields[index]);
        field.and_then(|field| field.schema.default.as_deref()).unwrap_or(raw)
    }
}

impl fmt::Display for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.schema.fields().into_iter().flat_map(|fields| fields.iter());
        let present = fields.zip(&self.values).filter(|(_, value)| !value.is_null());
        f.write_str("Struct{")?;
        write_joined(f, ",", present, |f, (field, value)| write!(f, "{}={value}", field.name))?;
        f.write_str("}")
    }
}
