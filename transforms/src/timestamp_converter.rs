//! `TimestampConverter`: turns time stamps of one form into those of another.

mod forms;

use crate::{
    date_format::DateFormat,
    operand::{Operand, register_sides, require_map, require_struct},
    schema_cache::SchemaCache,
    structs::{Nulls, checked, fields_of, push_field, with_basics_of},
};
use forms::{Form, Precision};
use millrace_api::{
    Config, Datum, Error, Fields, Kind, Origin, Plugins, Record, Result, Schema, Struct, Transform, Value,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

const PURPOSE: &str = "converting timestamp formats";

#[derive(Debug, Config)]
struct TimestampConverterConfig {
    /// Name of the field with the time stamp. When it is empty, the whole key or value is the time stamp.
    #[config(high, default = "")]
    field: String,

    /// What the time stamp becomes: a text, a number, or one of the logical types.
    #[config(high)]
    target_type: Form,

    /// How texts are read and written: a pattern of Java's `SimpleDateFormat`, in UTC.
    #[config(default = "")]
    format: String,

    /// What numbers count, read or written.
    #[config(low, default = "milliseconds")]
    unix_precision: Precision,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct TimestampConverter {
    operand: Operand,
    /// None when the whole key or value is converted.
    field: Option<FieldName>,
    conversion: Conversion,
    nulls: Nulls,
    schemas: SchemaCache<Arc<Schema>>,
}

/// A name, also as a key of a schemaless map.
struct FieldName {
    name: String,
    key: Value,
}

/// How one time stamp is converted.
struct Conversion {
    target: Form,
    format: Option<DateFormat>,
    precision: Precision,
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.TimestampConverter$Key",
        "org.apache.kafka.connect.transforms.TimestampConverter$Value",
    ];
    register_sides(plugins, classes, |config, operand| {
        // Two-digit years are those around the time at which the task starts.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimestampConverter::new(config, operand, now.as_millis() as i64)
    });
}

impl TimestampConverter {
    fn new(config: TimestampConverterConfig, operand: Operand, now: i64) -> Result<Self> {
        let pattern = &config.format;
        let format = if pattern.is_empty() { None } else { Some(DateFormat::new(pattern, now)) };
        if config.target_type == Form::String && format.is_none() {
            return Err(Error::config(
                "TimestampConverter requires format option to be specified when using string timestamps",
            ));
        }
        let format = format.transpose().map_err(|reason| {
            Error::config(format!(
                "Invalid value java.lang.IllegalArgumentException: {reason} for configuration TimestampConverter \
                 requires a SimpleDateFormat-compatible pattern for string timestamps: {pattern}"
            ))
        })?;
        let field = (!config.field.is_empty())
            .then(|| FieldName { key: config.field.as_str().into(), name: config.field.clone() });
        let conversion = Conversion { target: config.target_type, format, precision: config.unix_precision };
        let (nulls, schemas) = (config.replace_null_with_default, SchemaCache::default());
        Ok(Self { operand, field, conversion, nulls, schemas })
    }

    fn with_schema(&mut self, schema: &Arc<Schema>, value: &Value) -> Result<Datum> {
        let Some(field) = &self.field else {
            let output = self.conversion.target.schema_like(schema);
            let value = self.conversion.convert(value, || Form::of_schema(schema))?;
            return Ok(Datum::new(output, value));
        };
        let input = match value {
            Value::Null => None,
            value => Some(require_struct(value, PURPOSE)?),
        };
        let (conversion, nulls) = (&self.conversion, self.nulls);
        let build = |schema: &Arc<Schema>| build_schema(schema, &field.name, conversion, nulls).map(Arc::new);
        let output = self.schemas.get_or_build(schema, build)?.clone();
        let value = match input {
            None => Value::Null,
            Some(input) => {
                Value::Struct(convert_field(input, output.clone(), &field.name, conversion, nulls)?)
            }
        };
        Ok(Datum::new(output, value))
    }

    fn without_schema(&self, value: &mut Value) -> Result<()> {
        let Some(field) = self.field.as_ref().filter(|_| !value.is_null()) else {
            *value = self.conversion.convert(value, || Form::of_value(value))?;
            return Ok(());
        };
        let map = require_map(value, PURPOSE)?;
        // Connect adds what is missing, as null.
        let value = map.entry(field.key.clone()).or_default();
        *value = self.conversion.convert(value, || Form::of_value(value))?;
        Ok(())
    }
}

impl Transform for TimestampConverter {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let operand = self.operand;
        let datum = operand.of_mut(&mut record);
        match datum.schema.clone() {
            Some(schema) => *datum = self.with_schema(&schema, &datum.value)?,
            None => self.without_schema(&mut datum.value)?,
        }
        Ok(Some(record))
    }
}

// === impl Conversion ===

impl Conversion {
    /// Returns the time stamp in its new form; `form` tells the old one, and fails when it is none.
    fn convert(&self, value: &Value, form: impl FnOnce() -> Result<Form>) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let instant = form()?.instant_of(value, self.format.as_ref(), self.precision)?;
        Ok(match (self.target, &self.format) {
            (Form::String, Some(format)) => Value::from(format.write(instant)),
            (form, _) => form.value_of(instant, self.precision),
        })
    }
}

fn build_schema(schema: &Schema, name: &str, conversion: &Conversion, nulls: Nulls) -> Result<Schema> {
    let mut fields = Fields::new();
    for field in fields_of(schema)?.iter() {
        let converted = *field.name == *name;
        let schema =
            if converted { conversion.target.schema_like(&field.schema) } else { field.schema.clone() };
        push_field(&mut fields, field.name.clone(), schema)?;
    }
    let output = with_basics_of(schema, Kind::Struct(fields));
    let mut output = Schema { optional: schema.optional, ..output };
    if let Some(Value::Struct(default)) = schema.default.as_deref() {
        let default = convert_field(default, Arc::new(output.clone()), name, conversion, nulls)?;
        output.default = Some(Box::new(Value::Struct(default)));
    }
    Ok(output)
}

fn convert_field(
    input: &Struct,
    output: Arc<Schema>,
    name: &str,
    conversion: &Conversion,
    nulls: Nulls,
) -> Result<Struct> {
    let fields = fields_of(input.schema())?.iter().zip(fields_of(&output)?.iter());
    let mut values = Vec::with_capacity(input.values().len());
    for (index, (old, new)) in fields.enumerate() {
        let value = nulls.read(input, index);
        let value = match *old.name == *name {
            true => conversion.convert(value, || Form::of_schema(&old.schema))?,
            false => value.clone(),
        };
        values.push(checked(&new.name, &new.schema, value)?);
    }
    Ok(Struct::from_values(output, values))
}
