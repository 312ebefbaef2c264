//! `Cast`: changes the types of fields, or of the whole key or value.

mod convert;
mod java_numbers;
mod spec;

use crate::{
    operand::{Operand, register_sides, require_map, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, fields_of, push_field, with_basics_of},
};
use convert::convert;
use jiff::tz::TimeZone;
use millrace_api::{
    Config, Datum, Error, Fields, Kind, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
    calendar::DAY_MS, schema::logical,
};
use spec::{Spec, Target};
use std::{collections::HashMap, sync::Arc};

const PURPOSE: &str = "cast types";

#[derive(Debug, Config)]
struct CastConfig {
    /// Fields and their new types, as `field:type`, or one type for the whole key or value. Types are `int8`, `int16`, `int32`, `int64`, `float32`, `float64`, `boolean` and `string`.
    #[config(high)]
    spec: Vec<String>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct Cast {
    operand: Operand,
    spec: Spec,
    nulls: Nulls,
    /// The time zone on whose clock instants are written.
    zone: TimeZone,
    plans: SchemaCache<Plan>,
}

/// What becomes of structs of one schema.
struct Plan {
    schema: Arc<Schema>,
    /// For each field its new type, if it gets one.
    targets: Vec<Option<Target>>,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes =
        ["org.apache.kafka.connect.transforms.Cast$Key", "org.apache.kafka.connect.transforms.Cast$Value"];
    register_sides(plugins, classes, Cast::new);
}

impl Cast {
    fn new(config: CastConfig, operand: Operand) -> Result<Self> {
        let spec = Spec::parse(&config.spec)?;
        let (nulls, plans) = (config.replace_null_with_default, SchemaCache::default());
        Ok(Self { operand, spec, nulls, zone: TimeZone::system(), plans })
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, value: &Value) -> Result<Datum> {
        let (spec, zone, nulls) = (&self.spec, &self.zone, self.nulls);
        let plan = self.plans.get_or_build(schema, |schema| match spec {
            Spec::Whole(target) => plan_whole(schema, *target, zone),
            Spec::Fields(targets) => plan_fields(schema, targets, zone),
        })?;
        let output = match spec {
            Spec::Whole(target) => cast(value, schema, *target, zone)?,
            Spec::Fields(_) => {
                Value::Struct(cast_fields(plan, require_struct(value, PURPOSE)?, nulls, zone)?)
            }
        };
        Ok(Datum::new(plan.schema.clone(), output))
    }

    fn without_schema(&self, value: &mut Value) -> Result<()> {
        match &self.spec {
            Spec::Whole(target) => *value = cast_schemaless(value, *target, &self.zone)?,
            Spec::Fields(targets) => {
                let map = require_map(value, PURPOSE)?;
                for (name, target) in targets {
                    // Connect adds what is missing, as null.
                    let value = map.entry(name.as_str().into()).or_default();
                    *value = cast_schemaless(value, *target, &self.zone)?;
                }
            }
        }
        Ok(())
    }
}

impl Transform for Cast {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let operand = self.operand;
        let datum = operand.of_mut(&mut record);
        if datum.value.is_null() {
            return Ok(Some(record));
        }
        match datum.schema.clone() {
            Some(schema) => *datum = self.with_schema(&schema, &datum.value)?,
            None => self.without_schema(&mut datum.value)?,
        }
        Ok(Some(record))
    }
}

/// The whole keeps its name, even that of a logical type: as in Connect.
fn plan_whole(schema: &Schema, target: Target, zone: &TimeZone) -> Result<Plan> {
    let default = match &schema.default {
        Some(default) => Some(Box::new(cast(default, schema, target, zone)?)),
        None => None,
    };
    let output = Schema { optional: schema.optional, default, ..with_basics_of(schema, target.kind()) };
    Ok(Plan { schema: Arc::new(output), targets: Vec::new() })
}

/// Fields that are cast keep nothing but being optional and their default.
fn plan_fields(schema: &Schema, targets: &HashMap<String, Target>, zone: &TimeZone) -> Result<Plan> {
    let (mut fields, mut plan) = (Fields::new(), Vec::new());
    for field in fields_of(schema)?.iter() {
        let target = targets.get(field.name.as_ref()).copied();
        let schema = match target {
            None => field.schema.clone(),
            Some(target) => {
                let default = match &field.schema.default {
                    Some(default) => Some(Box::new(cast(default, &field.schema, target, zone)?)),
                    None => None,
                };
                Arc::new(Schema { optional: field.schema.optional, default, ..Schema::of(target.kind()) })
            }
        };
        push_field(&mut fields, field.name.clone(), schema)?;
        plan.push(target);
    }
    if schema.default.is_some() {
        // Java casts the default too, and finds no type for a struct.
        return Err(unsupported(&schema.kind));
    }
    let output = with_basics_of(schema, Kind::Struct(fields));
    Ok(Plan { schema: Arc::new(Schema { optional: schema.optional, ..output }), targets: plan })
}

fn cast_fields(plan: &Plan, input: &Struct, nulls: Nulls, zone: &TimeZone) -> Result<Struct> {
    let old = fields_of(input.schema())?.iter();
    let new = fields_of(&plan.schema)?.iter().zip(&plan.targets);
    let mut values = Vec::with_capacity(plan.targets.len());
    for (index, (old, (new, target))) in old.zip(new).enumerate() {
        let value = nulls.read(input, index);
        let value = match target {
            Some(target) => cast(value, &old.schema, *target, zone)?,
            None => value.clone(),
        };
        values.push(checked(&new.name, &new.schema, value)?);
    }
    Ok(Struct::from_values(plan.schema.clone(), values))
}

/// Casts a value by its schema: the values of logical types by what they are made of.
fn cast(value: &Value, schema: &Schema, target: Target, zone: &TimeZone) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    if matches!(schema.kind, Kind::Array(_) | Kind::Map(..) | Kind::Struct(_)) {
        return Err(unsupported(&schema.kind));
    }
    match (value, schema.name.as_deref()) {
        (Value::Instant(instant), Some(name)) if target != Target::String => {
            convert(&number_of(*instant, name)?, target, zone)
        }
        _ => convert(value, target, zone),
    }
}

/// Returns the number that stands for an instant of a logical type.
fn number_of(instant: i64, logical_name: &str) -> Result<Value> {
    match logical_name {
        logical::DATE if instant % DAY_MS != 0 => Err(Error::data(
            "Kafka Connect Date type should not have any time fields set to non-zero values.",
        )),
        logical::DATE => Ok(Value::Int32((instant / DAY_MS) as i32)),
        logical::TIME if !(0..DAY_MS).contains(&instant) => Err(Error::data(
            "Kafka Connect Time type should not have any date fields set to non-zero values.",
        )),
        logical::TIME => Ok(Value::Int32(instant as i32)),
        _ => Ok(Value::Int64(instant)),
    }
}

fn cast_schemaless(value: &Value, target: Target, zone: &TimeZone) -> Result<Value> {
    let kind = match value {
        Value::Null => return Ok(Value::Null),
        Value::Decimal(_) | Value::Instant(_) => {
            return Err(Error::data(format!(
                "Cast transformation was passed a value of type class {} which is not supported by Connect's data API",
                value.java_class()
            )));
        }
        Value::Array(_) => "ARRAY",
        Value::Map(_) => "MAP",
        Value::Struct(_) => "STRUCT",
        value => return convert(value, target, zone),
    };
    Err(unsupported(&kind))
}

fn unsupported(kind: &impl std::fmt::Display) -> Error {
    Error::data(format!(
        "Cast transformation does not support casting from {kind}; supported types are [INT8, INT16, INT32, INT64, \
         FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]"
    ))
}
