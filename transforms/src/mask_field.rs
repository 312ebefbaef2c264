//! `MaskField`: puts zeros, nothing or a given text in the place of fields.

use crate::{
    big_decimal,
    checks::non_empty_list,
    operand::{Operand, register_sides, require_map, require_struct},
    structs::{Nulls, checked, fields_of},
};
use millrace_api::{
    Config, Decimal, Error, Map, Origin, Plugins, Record, Result, Struct, Text, Transform, Value,
    config::non_empty,
};
use std::collections::HashSet;

const PURPOSE: &str = "mask fields";

#[derive(Debug, Config)]
struct MaskFieldConfig {
    /// Names of the fields to mask.
    #[config(high, check = non_empty_list())]
    fields: Vec<String>,

    /// What takes the place of numbers and texts. When it is not set, numbers become 0, texts, lists and maps empty.
    #[config(low, check = non_empty())]
    replacement: Option<String>,

    /// Whether fields that are null get the default of their schema.
    #[config(default = true)]
    replace_null_with_default: Nulls,
}

/// The transformation.
struct MaskField {
    operand: Operand,
    fields: HashSet<String>,
    mask: Mask,
    nulls: Nulls,
}

/// What takes the place of a value.
enum Mask {
    /// The empty value of its type.
    Empty,
    /// A text, and the number that it is, if it is one.
    Replacement { text: Text, number: Option<Decimal> },
}

/// Adds the transformation for keys and for values.
pub(crate) fn register(plugins: &mut Plugins) {
    let classes = [
        "org.apache.kafka.connect.transforms.MaskField$Key",
        "org.apache.kafka.connect.transforms.MaskField$Value",
    ];
    register_sides(plugins, classes, |config, operand| Ok(MaskField::new(config, operand)));
}

impl MaskField {
    fn new(config: MaskFieldConfig, operand: Operand) -> Self {
        let mask = config.replacement.map_or(Mask::Empty, |text| {
            let number = big_decimal::parse(&text);
            Mask::Replacement { text: text.into(), number }
        });
        let fields = config.fields.into_iter().collect();
        Self { operand, fields, mask, nulls: config.replace_null_with_default }
    }

    fn with_schema(&self, input: &Struct) -> Result<Struct> {
        let mut values = Vec::with_capacity(input.values().len());
        for (index, field) in fields_of(input.schema())?.iter().enumerate() {
            let value = self.nulls.read(input, index);
            let value = match self.fields.contains(field.name.as_ref()) {
                true => self.mask.of(value)?,
                false => value.clone(),
            };
            values.push(checked(&field.name, &field.schema, value)?);
        }
        Ok(Struct::from_values(input.schema().clone(), values))
    }

    fn without_schema(&self, map: &mut Map) -> Result<()> {
        for field in &self.fields {
            // Connect adds what is missing, as null.
            let value = map.entry(field.as_str().into()).or_default();
            *value = self.mask.of(value)?;
        }
        Ok(())
    }
}

impl Transform for MaskField {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let datum = self.operand.of_mut(&mut record);
        match datum.schema {
            Some(_) => {
                let masked = self.with_schema(require_struct(&datum.value, PURPOSE)?)?;
                datum.value = Value::Struct(masked);
            }
            None => self.without_schema(require_map(&mut datum.value, PURPOSE)?)?,
        }
        Ok(Some(record))
    }
}

// === impl Mask ===

impl Mask {
    fn of(&self, value: &Value) -> Result<Value> {
        match self {
            _ if value.is_null() => Ok(Value::Null),
            Self::Empty => empty(value),
            Self::Replacement { text, number } => replacement(value, text, number.as_ref()),
        }
    }
}

fn empty(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Boolean(_) => Value::Boolean(false),
        Value::Int8(_) => Value::Int8(0),
        Value::Int16(_) => Value::Int16(0),
        Value::Int32(_) => Value::Int32(0),
        Value::Int64(_) => Value::Int64(0),
        Value::Float32(_) => Value::Float32(0.0),
        Value::Float64(_) => Value::Float64(0.0),
        // Of no digits after the point, whatever the schema says: as in Connect.
        Value::Decimal(_) => Value::Decimal(Box::new(Decimal { unscaled: 0.into(), scale: 0 })),
        Value::String(_) => Value::from(""),
        Value::Instant(_) => Value::Instant(0),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Map(_) => Value::Map(Box::default()),
        Value::Null | Value::Bytes(_) | Value::Struct(_) => {
            let class = value.java_class();
            return Err(Error::data(format!("Cannot mask value of type: class {class}")));
        }
    })
}

/// Cuts fractions off and keeps the low bits, as Connect converts texts.
fn replacement(value: &Value, text: &Text, number: Option<&Decimal>) -> Result<Value> {
    let number_as = |what: &str| {
        let refused = || Error::data(format!("Unable to convert {text} (class java.lang.String) to {what}"));
        number.ok_or_else(refused)
    };
    let bits = || number_as("a number").map(big_decimal::low_bits);
    let double = || number_as("a number").map(big_decimal::nearest_double);
    Ok(match value {
        Value::Int8(_) => Value::Int8(bits()? as i8),
        Value::Int16(_) => Value::Int16(bits()? as i16),
        Value::Int32(_) => Value::Int32(bits()? as i32),
        Value::Int64(_) => Value::Int64(bits()?),
        Value::Float32(_) => Value::Float32(double()? as f32),
        Value::Float64(_) => Value::Float64(double()?),
        Value::Decimal(_) => Value::Decimal(Box::new(number_as("number")?.clone())),
        Value::String(_) => Value::String(text.clone()),
        other => {
            let class = other.java_class();
            return Err(Error::data(format!(
                "Cannot mask value of type class {class} with custom replacement."
            )));
        }
    })
}
