//! Reading a value that was written with one schema as a value of another: Java's `SchemaProjector`.

use crate::{
    Error, Kind, Result, Schema, Struct, Value,
    error::{Class, java},
    value::Map,
};
use std::sync::Arc;

/// Returns the value, written with the schema `source`, as one of the schema `target`.
///
/// Numbers widen, fields that the target lacks are dropped and fields that the source lacks are filled with defaults.
/// Name and parameters must be equal at every level; version and doc do not count. Fails with Java's
/// `SchemaProjectorException`.
pub fn project(source: &Schema, value: &Value, target: &Arc<Schema>) -> Result<Value> {
    check(source, target)?;
    if source.optional && !target.optional {
        return match (&target.default, value) {
            (None, _) => Err(error(
                "Writer schema is optional, however, target schema does not provide a default value.",
            )),
            (Some(default), Value::Null) => Ok((**default).clone()),
            (Some(_), value) => project_present(source, value, target),
        };
    }
    match value {
        Value::Null => Ok(Value::Null),
        value => project_present(source, value, target),
    }
}

/// Checks what must agree whatever the value is.
fn check(source: &Schema, target: &Schema) -> Result<()> {
    let (from, to) = (&source.kind, &target.kind);
    let widens = matches!((rank(from), rank(to)), (Some(from), Some(to)) if from <= to);
    if std::mem::discriminant(from) != std::mem::discriminant(to) && !widens {
        return Err(error(format!("Schema type mismatch. source type: {from} and target type: {to}")));
    }
    if source.name != target.name {
        let (source, target) = (name(source), name(target));
        return Err(error(format!("Schema name mismatch. source name: {source} and target name: {target}")));
    }
    if !same_parameters(source, target) {
        let (source, target) = (parameters(source), parameters(target));
        return Err(error(format!(
            "Schema parameters not equal. source parameters: {source} and target parameters: {target}"
        )));
    }
    Ok(())
}

/// Returns where a numeric type stands in the order of widening.
fn rank(kind: &Kind) -> Option<u8> {
    Some(match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        _ => return None,
    })
}

fn name(schema: &Schema) -> &str {
    schema.name.as_deref().unwrap_or("null")
}

fn same_parameters(source: &Schema, target: &Schema) -> bool {
    let within = |one: &Schema, other: &Schema| {
        one.parameters.iter().all(|(name, text)| other.parameter(name) == Some(text.as_ref()))
    };
    source.parameters.len() == target.parameters.len() && within(source, target)
}

/// Shows parameters as Java shows a map, and none at all as Java shows no map.
fn parameters(schema: &Schema) -> String {
    if schema.parameters.is_empty() {
        return "null".to_owned();
    }
    let shown: Vec<_> = schema.parameters.iter().map(|(name, text)| format!("{name}={text}")).collect();
    format!("{{{}}}", shown.join(", "))
}

fn project_present(source: &Schema, value: &Value, target: &Arc<Schema>) -> Result<Value> {
    match (&source.kind, &target.kind, value) {
        (Kind::Array(Some(from)), Kind::Array(Some(to)), Value::Array(values)) => {
            let projected: Result<_> = values.iter().map(|value| project(from, value, to)).collect();
            projected.map(Value::Array)
        }
        (
            Kind::Map(Some(from_keys), Some(from_values)),
            Kind::Map(Some(to_keys), Some(to_values)),
            Value::Map(map),
        ) => {
            let entry = |(key, value)| {
                Ok((project(from_keys, key, to_keys)?, project(from_values, value, to_values)?))
            };
            let projected: Result<Map> = map.iter().map(entry).collect();
            projected.map(|map| Value::Map(Box::new(map)))
        }
        (Kind::Struct(_), Kind::Struct(_), Value::Struct(fields)) => project_struct(source, fields, target),
        (_, to, value) => Ok(widen(value, to)),
    }
}

fn project_struct(source: &Schema, fields: &Struct, target: &Arc<Schema>) -> Result<Value> {
    let (Some(from), Some(to)) = (source.fields(), target.fields()) else {
        return Err(error("a struct is projected between struct schemas only"));
    };
    let mut values = Vec::with_capacity(to.len());
    for field in to.iter() {
        values.push(match (from.index(&field.name), &field.schema.default) {
            (Some(index), _) => project(&from[index].schema, fields.or_default(index), &field.schema)
                .map_err(|cause| error(format!("Error projecting {}", field.name)).caused_by(cause))?,
            // The default of an optional field shows through when the field is read.
            (None, _) if field.schema.optional => Value::Null,
            (None, Some(default)) => (**default).clone(),
            (None, None) => {
                let name = &field.name;
                return Err(error(format!(
                    "Required field `{name}` is missing from source schema: {source}"
                )));
            }
        });
    }
    Ok(Value::Struct(Struct::from_values(target.clone(), values)))
}

/// Returns a number in a type at least as wide, as Java casts it; anything else unchanged, values of logical types too.
fn widen(value: &Value, target: &Kind) -> Value {
    let integer = match *value {
        Value::Int8(number) => i64::from(number),
        Value::Int16(number) => i64::from(number),
        Value::Int32(number) => i64::from(number),
        Value::Int64(number) => number,
        Value::Float32(number) if *target == Kind::Float64 => return Value::Float64(f64::from(number)),
        _ => return value.clone(),
    };
    match target {
        Kind::Int16 => i16::try_from(integer).map(Value::Int16),
        Kind::Int32 => i32::try_from(integer).map(Value::Int32),
        Kind::Int64 => Ok(Value::Int64(integer)),
        Kind::Float32 => Ok(Value::Float32(integer as f32)),
        Kind::Float64 => Ok(Value::Float64(integer as f64)),
        _ => Ok(value.clone()),
    }
    .unwrap_or_else(|_| value.clone())
}

fn error(message: impl Into<String>) -> Error {
    Error::of(Class::BadRecord, java::SCHEMA_PROJECTOR, message)
}
