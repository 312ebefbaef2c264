//! Schemas: the types of Kafka Connect's data model.

use crate::Value;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock},
};

/// What a value looks like. Built once, shared as `Arc<Schema>`, compared by pointer before by value.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// The type, with the schemas of what is inside.
    pub kind: Kind,
    /// Whether null is allowed.
    pub optional: bool,
    /// The record name of a struct; for other types the mark of a logical type.
    pub name: Option<Arc<str>>,
    /// The version of a named schema.
    pub version: Option<i32>,
    /// What the schema is for.
    pub doc: Option<Arc<str>>,
    /// What readers use in place of null. Boxed: few schemas have one.
    pub default: Option<Box<Value>>,
    /// Names and texts, in the order they were given; a later text of one name replaces the earlier.
    pub parameters: Vec<(Arc<str>, Arc<str>)>,
}

/// The twelve types.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision.
    Float64,
    /// True or false.
    Boolean,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A list; the element schema is missing when inference found none.
    Array(Option<Arc<Schema>>),
    /// Keys and values; either schema is missing when inference found none.
    Map(Option<Arc<Schema>>, Option<Arc<Schema>>),
    /// Named fields in order.
    Struct(Fields),
}

/// One field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name, case-sensitive; any text but the empty one.
    pub name: Arc<str>,
    /// The schema of the field's value.
    pub schema: Arc<Schema>,
}

/// The fields of a struct, in order and by name.
#[derive(Clone, Default)]
pub struct Fields {
    list: Vec<Field>,
    by_name: HashMap<Arc<str>, usize>,
}

/// Names of the logical types, which mark a base type's schema.
pub mod logical {
    /// Bytes that hold an unscaled big-endian integer; the scale is a parameter of the schema.
    pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
    /// Days since 1970-01-01 in an int32.
    pub const DATE: &str = "org.apache.kafka.connect.data.Date";
    /// Milliseconds since midnight in an int32.
    pub const TIME: &str = "org.apache.kafka.connect.data.Time";
    /// Milliseconds since the epoch in an int64.
    pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
}

macro_rules! ready_made {
    ($($(#[$doc:meta])* $name:ident => $kind:expr, $optional:expr;)*) => { $(
        $(#[$doc])*
        pub fn $name() -> Arc<Schema> {
            static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema { optional: $optional, ..Schema::of($kind) }));
            SCHEMA.clone()
        }
    )* };
}

impl Schema {
    /// Returns a required schema of that type without any other attribute.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            default: None,
            parameters: Vec::new(),
        }
    }

    ready_made! {
        /// The shared required string schema.
        string => Kind::String, false;
        /// The shared optional string schema.
        optional_string => Kind::String, true;
        /// The shared required bytes schema.
        bytes => Kind::Bytes, false;
        /// The shared optional bytes schema.
        optional_bytes => Kind::Bytes, true;
        /// The shared required int8 schema.
        int8 => Kind::Int8, false;
        /// The shared required int16 schema.
        int16 => Kind::Int16, false;
        /// The shared required int32 schema.
        int32 => Kind::Int32, false;
        /// The shared optional int32 schema.
        optional_int32 => Kind::Int32, true;
        /// The shared required int64 schema.
        int64 => Kind::Int64, false;
        /// The shared optional int64 schema.
        optional_int64 => Kind::Int64, true;
        /// The shared required float32 schema.
        float32 => Kind::Float32, false;
        /// The shared required float64 schema.
        float64 => Kind::Float64, false;
        /// The shared required boolean schema.
        boolean => Kind::Boolean, false;
    }

    /// Returns a required schema with the name and version 1 of a logical type.
    pub fn logical(kind: Kind, name: &str) -> Self {
        Self { name: Some(name.into()), version: Some(1), ..Self::of(kind) }
    }

    /// Returns the schema of decimals with that many digits after the point.
    pub fn decimal(scale: i32) -> Self {
        let parameters = vec![("scale".into(), scale.to_string().into())];
        Self { parameters, ..Self::logical(Kind::Bytes, logical::DECIMAL) }
    }

    /// Returns the schema of points in time.
    pub fn timestamp() -> Self {
        Self::logical(Kind::Int64, logical::TIMESTAMP)
    }

    /// Returns the same schema, null allowed.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Returns the same schema with a name.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Returns the fields of a struct schema.
    pub fn fields(&self) -> Option<&Fields> {
        match &self.kind {
            Kind::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// Returns the text of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(parameter, _)| parameter.as_ref() == name);
        found.map(|(_, text)| text.as_ref())
    }

    /// Tells whether two schemas are the same: by pointer first, then attribute by attribute.
    pub fn same(one: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(one, other) || one == other
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "Schema{{{name}:{}}}", self.kind),
            None => write!(f, "Schema{{{}}}", self.kind),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Array(_) => "ARRAY",
            Self::Map(..) => "MAP",
            Self::Struct(_) => "STRUCT",
        })
    }
}

// === impl Fields ===

impl Fields {
    /// Returns no fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field at the end; gives it back when the name is there already.
    pub fn push(&mut self, name: impl Into<Arc<str>>, schema: Arc<Schema>) -> Result<(), Field> {
        let field = Field { name: name.into(), schema };
        if self.by_name.contains_key(&field.name) {
            return Err(field);
        }
        self.by_name.insert(field.name.clone(), self.list.len());
        self.list.push(field);
        Ok(())
    }

    /// Returns the place of the field of that name, in constant time.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Returns the fields in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl std::ops::Index<usize> for Fields {
    type Output = Field;

    fn index(&self, index: usize) -> &Field {
        &self.list[index]
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}
