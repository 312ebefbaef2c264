//! Schemas of values that have none.

use crate::{Class, Error, Fields, Kind, Result, Schema, Value, java};
use std::{mem::discriminant, sync::Arc};

/// Returns the schema that a value shows by itself; none for null, instants, decimals, and lists and maps that are
/// empty or mixed. What is inside an inner list or map is not told.
///
/// Fails for a list or map of nothing but nulls, as Connect does.
pub fn infer(value: &Value) -> Result<Option<Arc<Schema>>> {
    Ok(Some(match value {
        Value::Null | Value::Decimal(_) | Value::Instant(_) => return Ok(None),
        Value::Boolean(_) => Schema::boolean(),
        Value::Int8(_) => Schema::int8(),
        Value::Int16(_) => Schema::int16(),
        Value::Int32(_) => Schema::int32(),
        Value::Int64(_) => Schema::int64(),
        Value::Float32(_) => Schema::float32(),
        Value::Float64(_) => Schema::float64(),
        Value::String(_) => Schema::string(),
        Value::Bytes(_) => Schema::bytes(),
        Value::Struct(fields) => Arc::clone(fields.schema()),
        Value::Array(values) => {
            let Some(element) = common(values.iter())? else { return Ok(None) };
            Arc::new(Schema::of(Kind::Array(Some(element))))
        }
        Value::Map(map) => {
            let (Some(keys), Some(values)) = (common(map.keys())?, common(map.values())?) else {
                return Ok(None);
            };
            Arc::new(Schema::of(Kind::Map(Some(keys), Some(values))))
        }
    }))
}

/// Returns the schema of values that are all of one type, nulls aside.
fn common<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> Result<Option<Arc<Schema>>> {
    if values.len() == 0 {
        return Ok(None);
    }
    let mut optional = false;
    let mut common: Option<Kind> = None;
    for value in values {
        if value.is_null() {
            optional = true;
            continue;
        }
        let Some(schema) = infer(value)? else { return Ok(None) };
        match &common {
            Some(kind) if discriminant(kind) != discriminant(&schema.kind) => return Ok(None),
            Some(_) => {}
            None => common = Some(bare(&schema.kind)),
        }
    }
    let Some(kind) = common else {
        return Err(Error::of(Class::BadRecord, java::SCHEMA_BUILDER, "type cannot be null"));
    };
    Ok(Some(Arc::new(Schema { optional, ..Schema::of(kind) })))
}

/// Returns the type without what is inside.
fn bare(kind: &Kind) -> Kind {
    match kind {
        Kind::Array(_) => Kind::Array(None),
        Kind::Map(..) => Kind::Map(None, None),
        Kind::Struct(_) => Kind::Struct(Fields::new()),
        other => other.clone(),
    }
}
