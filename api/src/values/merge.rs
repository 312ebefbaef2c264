//! The schema that fits all elements of a list.

use crate::{Kind, Schema};
use std::{mem, sync::Arc};

/// What the elements seen so far have in common. Nulls do not count.
#[derive(Debug, Default)]
pub(super) enum CommonSchema {
    /// No element was seen.
    #[default]
    Unknown,
    /// All fit this schema.
    Common(Arc<Schema>),
    /// They do not fit one schema, whatever comes.
    None,
}

impl CommonSchema {
    /// Takes the schema of one more element; none for null.
    pub(super) fn merge(&mut self, schema: Option<Arc<Schema>>) {
        let Some(schema) = schema else { return };
        *self = match mem::take(self) {
            Self::Unknown => Self::Common(schema),
            Self::Common(common) => common_of(common, schema).map_or(Self::None, Self::Common),
            Self::None => Self::None,
        };
    }

    /// Returns the common schema.
    pub(super) fn schema(self) -> Option<Arc<Schema>> {
        match self {
            Self::Common(schema) => Some(schema),
            Self::Unknown | Self::None => None,
        }
    }
}

/// Of two numeric types the wider; of equal types the newer schema, whatever else it says.
fn common_of(common: Arc<Schema>, newer: Arc<Schema>) -> Option<Arc<Schema>> {
    if mem::discriminant(&common.kind) == mem::discriminant(&newer.kind) {
        return Some(newer);
    }
    Some(if width(&common.kind)? > width(&newer.kind)? { common } else { newer })
}

fn width(kind: &Kind) -> Option<u8> {
    match kind {
        Kind::Int8 => Some(0),
        Kind::Int16 => Some(1),
        Kind::Int32 => Some(2),
        Kind::Int64 => Some(3),
        Kind::Float32 => Some(4),
        Kind::Float64 => Some(5),
        _ => None,
    }
}
