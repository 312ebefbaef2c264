//! The types of columns, as far as they follow from Connect's schemas.

use millrace_api::{
    Schema,
    schema::{Kind, logical},
};

/// What a column holds, whatever its database calls that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    Text,
    Bytes,
    Decimal {
        scale: i32,
    },
    Date,
    Time,
    Timestamp,
    /// A number or text that `timestamp.fields.list` declares to be a time stamp.
    Epoch,
    Array(Box<ColumnType>),
}

impl ColumnType {
    /// Returns the type of a schema's values; none for maps, structs and what has a name that is not a logical type's
    /// base.
    pub fn of(schema: &Schema) -> Option<Self> {
        match (&schema.kind, schema.name.as_deref()) {
            (Kind::Bytes, Some(logical::DECIMAL)) => Some(Self::Decimal { scale: scale(schema) }),
            (Kind::Int32, Some(logical::DATE)) => Some(Self::Date),
            (Kind::Int32, Some(logical::TIME)) => Some(Self::Time),
            (Kind::Int64, Some(logical::TIMESTAMP)) => Some(Self::Timestamp),
            (kind, _) => Self::of_kind(kind),
        }
    }

    fn of_kind(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Int8 => Some(Self::Int8),
            Kind::Int16 => Some(Self::Int16),
            Kind::Int32 => Some(Self::Int32),
            Kind::Int64 => Some(Self::Int64),
            Kind::Float32 => Some(Self::Float32),
            Kind::Float64 => Some(Self::Float64),
            Kind::Boolean => Some(Self::Boolean),
            Kind::String => Some(Self::Text),
            Kind::Bytes => Some(Self::Bytes),
            Kind::Array(Some(element)) => match Self::of(element)? {
                // An array of arrays has another shape in every database.
                Self::Array(_) => None,
                element => Some(Self::Array(Box::new(element))),
            },
            Kind::Array(None) | Kind::Map(..) | Kind::Struct(_) => None,
        }
    }
}

/// Returns the scale of a decimal's schema; 0 when it does not say.
fn scale(schema: &Schema) -> i32 {
    schema.parameter("scale").and_then(|scale| scale.trim().parse().ok()).unwrap_or(0)
}
