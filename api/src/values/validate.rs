//! Whether a value is one of its schema.

use crate::{Error, Kind, Result, Schema, Struct, Value, schema::logical};
use std::sync::Arc;

/// Checks a value against its schema: exact types, nulls only where the schema is optional. A default does not stand
/// in for null here.
pub fn validate(schema: &Schema, value: &Value) -> Result<()> {
    check(schema, value).map_err(|misfit| misfit.at("value"))
}

/// Checks the value of a field against the field's schema.
pub fn validate_field(name: &str, schema: &Schema, value: &Value) -> Result<()> {
    check(schema, value).map_err(|misfit| misfit.at(&format!("field: \"{name}\"")))
}

/// What does not fit, and where.
struct Misfit {
    /// The message up to the place.
    before: String,
    /// The way out to the whole: `value of map element of array `.
    place: String,
    /// The message behind the place.
    after: String,
}

impl Misfit {
    fn new(before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before: before.into(), place: String::new(), after: after.into() }
    }

    fn at(self, location: &str) -> Error {
        // A message without a place is one that names none.
        let location = if self.before.ends_with(' ') { location } else { "" };
        Error::data(format!("{}{}{location}{}", self.before, self.place, self.after))
    }
}

fn check(schema: &Schema, value: &Value) -> Result<(), Misfit> {
    if value.is_null() {
        if schema.optional {
            return Ok(());
        }
        let after = format!(", schema type: {}", schema.kind);
        return Err(Misfit::new("Invalid value: null used for required ", after));
    }
    if !is_of_class(schema, value) {
        let name = schema.name.as_deref().map_or(String::new(), |name| format!(" \"{name}\""));
        let (kind, class) = (&schema.kind, value.java_class());
        let before = format!("Invalid Java object for schema{name} with type {kind}: class {class} for ");
        return Err(Misfit::new(before, ""));
    }
    match (&schema.kind, value) {
        (Kind::Array(element), Value::Array(values)) => {
            values.iter().try_for_each(|value| check_inside(element.as_ref(), value, "element of array "))
        }
        (Kind::Map(keys, values), Value::Map(map)) => map.iter().try_for_each(|(key, value)| {
            check_inside(keys.as_ref(), key, "key of map ")?;
            check_inside(values.as_ref(), value, "value of map ")
        }),
        (Kind::Struct(_), Value::Struct(fields)) => check_fields(schema, fields),
        _ => Ok(()),
    }
}

fn check_inside(schema: Option<&Arc<Schema>>, value: &Value, place: &str) -> Result<(), Misfit> {
    let checked = match schema {
        Some(schema) => check(schema, value),
        None => Err(Misfit::new("No schema defined for ", "")),
    };
    checked.map_err(|mut misfit| {
        if misfit.before.ends_with(' ') {
            misfit.place.push_str(place);
        }
        misfit
    })
}

fn check_fields(schema: &Schema, fields: &Struct) -> Result<(), Misfit> {
    if !std::ptr::eq(Arc::as_ptr(fields.schema()), schema) && **fields.schema() != *schema {
        return Err(Misfit::new("Struct schemas do not match.", ""));
    }
    let declared = schema.fields().into_iter().flat_map(|fields| fields.iter());
    for (field, value) in declared.zip(fields.values()) {
        if value.is_null() && field.schema.default.is_some() {
            continue;
        }
        validate_field(&field.name, &field.schema, value)
            .map_err(|error| Misfit::new(error.to_string(), ""))?;
    }
    Ok(())
}

/// The name of a logical type decides, whatever the type is; else the type does.
fn is_of_class(schema: &Schema, value: &Value) -> bool {
    match schema.name.as_deref() {
        Some(logical::DECIMAL) => matches!(value, Value::Decimal(_)),
        Some(logical::DATE | logical::TIME | logical::TIMESTAMP) => matches!(value, Value::Instant(_)),
        _ => matches!(
            (&schema.kind, value),
            (Kind::Int8, Value::Int8(_))
                | (Kind::Int16, Value::Int16(_))
                | (Kind::Int32, Value::Int32(_))
                | (Kind::Int64, Value::Int64(_))
                | (Kind::Float32, Value::Float32(_))
                | (Kind::Float64, Value::Float64(_))
                | (Kind::Boolean, Value::Boolean(_))
                | (Kind::String, Value::String(_))
                | (Kind::Bytes, Value::Bytes(_))
                | (Kind::Array(_), Value::Array(_))
                | (Kind::Map(..), Value::Map(_))
                | (Kind::Struct(_), Value::Struct(_))
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use crate::Fields;

    #[track_caller]
    fn check(schema: Schema, value: Value, expected: &str) {
        let error = validate_field("f", &schema, &value).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn errors_say_where() {
        let text = Some(Schema::string());
        let list = Schema::of(Kind::Array(text));
        let refused = "Invalid Java object for schema with type STRING: class java.lang.Long for";
        let number = Value::Array(vec![Value::Int64(1)]);
        check(list.clone(), number.clone(), &format!("{refused} element of array field: \"f\""));
        let nested = Schema::of(Kind::Array(Some(Arc::new(list))));
        let place = "element of array element of array field: \"f\"";
        check(nested, Value::Array(vec![number.clone()]), &format!("{refused} {place}"));
        let bare = "No schema defined for element of array field: \"f\"";
        check(Schema::of(Kind::Array(None)), number, bare);
    }

    #[test]
    fn a_struct_is_checked_field_by_field() {
        let mut fields = Fields::new();
        fields.push("a", Schema::int32()).unwrap();
        let schema = Arc::new(Schema::of(Kind::Struct(fields)));
        let empty = Value::Struct(Struct::new(Arc::clone(&schema)).unwrap());
        let list = Schema::of(Kind::Array(Some(Arc::clone(&schema))));
        let missing = "Invalid value: null used for required field: \"a\", schema type: INT32";
        check(list, Value::Array(vec![empty.clone()]), missing);
        let other = Schema::clone(&schema).named("other");
        check(other, empty, "Struct schemas do not match.");
    }
}
