//! The setting `spec`.

use crate::checks::split_at_colons;
use millrace_api::{Error, Kind, Result};
use std::collections::HashMap;

/// What is cast.
#[derive(Debug)]
pub(super) enum Spec {
    /// The whole key or value.
    Whole(Target),
    /// Fields by name.
    Fields(HashMap<String, Target>),
}

/// A type that values can be cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
}

impl Target {
    /// Returns the type of schemas.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Int8 => Kind::Int8,
            Self::Int16 => Kind::Int16,
            Self::Int32 => Kind::Int32,
            Self::Int64 => Kind::Int64,
            Self::Float32 => Kind::Float32,
            Self::Float64 => Kind::Float64,
            Self::Boolean => Kind::Boolean,
            Self::String => Kind::String,
        }
    }

    /// Reads the name of a type, in any case.
    fn parse(name: &str) -> Result<Self> {
        let upper = name.trim().to_uppercase();
        Ok(match upper.as_str() {
            "INT8" => Self::Int8,
            "INT16" => Self::Int16,
            "INT32" => Self::Int32,
            "INT64" => Self::Int64,
            "FLOAT32" => Self::Float32,
            "FLOAT64" => Self::Float64,
            "BOOLEAN" => Self::Boolean,
            "STRING" => Self::String,
            "BYTES" | "ARRAY" | "MAP" | "STRUCT" => {
                return Err(Error::config(format!(
                    "Cast transformation does not support casting to {upper}; supported types are [INT8, INT16, \
                     INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"
                )));
            }
            _ => {
                return Err(Error::config(format!(
                    "Invalid value java.lang.IllegalArgumentException: No enum constant \
                     org.apache.kafka.connect.data.Schema.Type.{upper} for configuration Invalid type found in \
                     casting spec: {}",
                    name.trim()
                )));
            }
        })
    }
}

impl Spec {
    /// Reads the elements of the setting.
    pub(super) fn parse(elements: &[String]) -> Result<Self> {
        if elements.is_empty() {
            return Err(Error::config("Must specify at least one field to cast."));
        }
        let (mut whole, mut fields) = (None, HashMap::new());
        for element in elements {
            match split_at_colons(element)[..] {
                [name, target] => {
                    fields.insert(name.trim().to_string(), Target::parse(target)?);
                }
                [target] => whole = Some(Target::parse(target)?),
                _ => {
                    // The wrong name of the setting is Java's.
                    return Err(Error::config(format!(
                        "Invalid value [{}] for configuration renames: Invalid rename mapping: {element}",
                        elements.join(", ")
                    )));
                }
            }
        }
        match whole {
            Some(_) if elements.len() > 1 => Err(Error::config(
                "Cast transformations that specify a type to cast the entire value to may only specify a single cast in \
                 their spec",
            )),
            Some(target) => Ok(Self::Whole(target)),
            None => Ok(Self::Fields(fields)),
        }
    }
}
