//! Conversions of values to other types.

use super::{number::Number, parse};
use crate::{Class, Decimal, Error, Result, Schema, Value, calendar::DAY_MS, schema::logical, text};
use jiff::tz::TimeZone;
use num_bigint::BigInt;

/// What a value can be converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// True or false: `true`, `false`, or whether a number is not zero.
    Boolean,
    /// The lowest 8 bits of a number.
    Int8,
    /// The lowest 16 bits of a number.
    Int16,
    /// The lowest 32 bits of a number.
    Int32,
    /// The lowest 64 bits of a number.
    Int64,
    /// A number in single precision.
    Float32,
    /// A number in double precision.
    Float64,
    /// A list, or the text of one.
    List,
    /// A map, or the text of one.
    Map,
    /// Midnight of a day.
    Date,
    /// A time of day.
    Time,
    /// A point in time.
    Timestamp,
    /// A decimal; bytes are read with this scale, all else keeps its own.
    Decimal(i32),
}

/// Converts a value that may have a schema. Instants in texts are read on the clock of `zone`.
///
/// Null stays null for booleans and numbers; for all else it is an error.
pub fn convert(target: Target, schema: Option<&Schema>, value: &Value, zone: &TimeZone) -> Result<Value> {
    if value.is_null() {
        return match target {
            Target::List
            | Target::Map
            | Target::Date
            | Target::Time
            | Target::Timestamp
            | Target::Decimal(_) => {
                Err(Error::data("Unable to convert a null value to a schema that requires a value"))
            }
            _ => Ok(Value::Null),
        };
    }
    let source = Source { schema, value };
    Ok(match (target, value) {
        (Target::Boolean, Value::Boolean(_))
        | (Target::Float32, Value::Float32(_))
        | (Target::List, Value::Array(_))
        | (Target::Map, Value::Map(_))
        | (Target::Decimal(_), Value::Decimal(_)) => value.clone(),
        (Target::Boolean, _) => source.to_boolean(zone)?,
        (Target::Int8, _) => Value::Int8(source.to_integer()? as i8),
        (Target::Int16, _) => Value::Int16(source.to_integer()? as i16),
        (Target::Int32, _) => Value::Int32(source.to_integer()? as i32),
        (Target::Int64, _) => Value::Int64(source.to_integer()?),
        (Target::Float32, _) => Value::Float32(source.to_double()? as f32),
        (Target::Float64, _) => Value::Float64(source.to_double()?),
        (Target::List | Target::Map, _) => source.to_collection(target, zone)?,
        (Target::Date | Target::Time | Target::Timestamp, Value::String(text)) => {
            let parsed = parse(text, zone);
            Source { schema, value: &parsed.value }.to_instant(target)?
        }
        (Target::Date | Target::Time | Target::Timestamp, _) => source.to_instant(target)?,
        (Target::Decimal(scale), _) => Value::Decimal(Box::new(source.to_decimal(scale)?)),
    })
}

/// A value with its schema.
#[derive(Clone, Copy)]
struct Source<'a> {
    schema: Option<&'a Schema>,
    value: &'a Value,
}

impl Source<'_> {
    fn to_boolean(self, zone: &TimeZone) -> Result<Value> {
        if let Value::String(text) = self.value
            && let parsed @ Value::Boolean(_) = parse(text, zone).value
        {
            return Ok(parsed);
        }
        Ok(Value::Boolean(self.to_integer()? != 0))
    }

    fn to_collection(self, target: Target, zone: &TimeZone) -> Result<Value> {
        let parsed = match self.value {
            Value::String(text) => parse(text, zone).value,
            _ => Value::Boolean(false),
        };
        match (target, &parsed) {
            (Target::List, Value::Array(_)) | (Target::Map, Value::Map(_)) => Ok(parsed),
            (_, Value::Null) => {
                let class = "java.lang.NullPointerException";
                Err(Error::of(Class::BadRecord, class, "the text null stands for no value"))
            }
            (Target::List, _) => Err(self.problem("Schema{ARRAY}")),
            _ => Err(self.problem("Schema{MAP}")),
        }
    }

    /// Truncates to 64 bits.
    fn to_integer(self) -> Result<i64> {
        let number = match self.value {
            Value::Int8(number) => Some(i64::from(*number)),
            Value::Int16(number) => Some(i64::from(*number)),
            Value::Int32(number) => Some(i64::from(*number)),
            Value::Int64(number) => Some(*number),
            Value::Float32(number) => Some(*number as i64),
            Value::Float64(number) => Some(*number as i64),
            Value::Decimal(decimal) => Number::parse(&text::decimal(decimal)).map(|number| number.low_bits()),
            Value::String(text) => Number::parse(text).map(|number| number.low_bits()),
            Value::Instant(instant) => self.instant_number(*instant)?,
            _ => None,
        };
        number.ok_or_else(|| self.not_a_number())
    }

    fn to_double(self) -> Result<f64> {
        let parsed = match self.value {
            Value::Float32(number) => return Ok(f64::from(*number)),
            Value::Float64(number) => return Ok(*number),
            Value::Decimal(decimal) => Number::parse(&text::decimal(decimal)),
            Value::String(text) => Number::parse(text),
            _ => return Ok(self.to_integer()? as f64),
        };
        parsed.and_then(|number| number.double()).ok_or_else(|| self.not_a_number())
    }

    fn to_decimal(self, scale: i32) -> Result<Decimal> {
        let read = |text: &str| {
            let class = "java.lang.NumberFormatException";
            let number = Number::parse(text).and_then(|number| number.decimal());
            number.ok_or_else(|| Error::of(Class::BadRecord, class, format!("{text:?} is not a number")))
        };
        match self.value {
            Value::Bytes(bytes) if bytes.is_empty() => {
                Err(Error::of(Class::BadRecord, "java.lang.NumberFormatException", "Zero length BigInteger"))
            }
            Value::Bytes(bytes) => Ok(Decimal { unscaled: BigInt::from_signed_bytes_be(bytes), scale }),
            Value::String(text) => read(text),
            _ => read(&text::double(self.to_double()?)),
        }
    }

    /// Converts an instant by what the schema says it is, and anything else by its number.
    fn to_instant(self, target: Target) -> Result<Value> {
        let name = self.schema.and_then(|schema| schema.name.as_deref());
        let known = match (self.value, self.schema, name, target) {
            (Value::Instant(instant), None, ..)
            | (Value::Instant(instant), _, Some(logical::DATE), Target::Date | Target::Timestamp)
            | (Value::Instant(instant), _, Some(logical::TIME), Target::Time | Target::Timestamp)
            | (Value::Instant(instant), _, Some(logical::TIMESTAMP), Target::Timestamp) => Some(*instant),
            // Java cuts towards zero: a millisecond before the epoch is on its day.
            (Value::Instant(instant), _, Some(logical::TIMESTAMP), Target::Date) => {
                Some(i64::from((instant / DAY_MS) as i32) * DAY_MS)
            }
            (Value::Instant(instant), _, Some(logical::TIMESTAMP), Target::Time) => {
                Some(instant.rem_euclid(DAY_MS))
            }
            _ => None,
        };
        if let Some(instant) = known {
            return Ok(Value::Instant(instant));
        }
        let number = self.to_integer()?;
        match target {
            Target::Date => Ok(Value::Instant(i64::from(number as i32) * DAY_MS)),
            Target::Time if !(0..=DAY_MS).contains(&i64::from(number as i32)) => Err(Error::data(
                "Time values must use number of milliseconds greater than 0 and less than 86400000",
            )),
            Target::Time => Ok(Value::Instant(i64::from(number as i32))),
            _ => Ok(Value::Instant(number)),
        }
    }

    /// Returns the number that stands for an instant where its schema says what it is.
    fn instant_number(self, instant: i64) -> Result<Option<i64>> {
        match self.schema.and_then(|schema| schema.name.as_deref()) {
            Some(logical::DATE) if instant % DAY_MS != 0 => Err(Error::data(
                "Kafka Connect Date type should not have any time fields set to non-zero values.",
            )),
            Some(logical::DATE) => Ok(Some(i64::from((instant / DAY_MS) as i32))),
            Some(logical::TIME) if !(0..=DAY_MS).contains(&instant) => Err(Error::data(
                "Kafka Connect Time type should not have any date fields set to non-zero values.",
            )),
            Some(logical::TIME | logical::TIMESTAMP) => Ok(Some(instant)),
            _ => Ok(None),
        }
    }

    fn not_a_number(self) -> Error {
        match self.schema {
            Some(schema) => self.problem(&schema.to_string()),
            None => self.problem("a number"),
        }
    }

    fn problem(self, wanted: &str) -> Error {
        let (value, class) = (self.value, self.value.java_class());
        Error::data(format!("Unable to convert {value} (class {class}) to {wanted}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: Target, value: Value, expected: &str) {
        let converted = convert(target, None, &value, &TimeZone::UTC);
        let shown = converted.map_or_else(|error| error.to_string(), |value| format!("{value:?}"));
        assert_eq!(shown, expected);
    }

    #[test]
    fn numbers_lose_what_does_not_fit() {
        check(Target::Int8, Value::from("-300.9"), "Int8(-44)");
        check(Target::Int64, Value::from("18446744073709551617e0"), "Int64(1)");
        check(Target::Int64, Value::from("1e999999999"), "Int64(0)");
        check(Target::Int64, Value::Float64(1e300), "Int64(9223372036854775807)");
        check(Target::Int64, Value::Float64(f64::NAN), "Int64(0)");
        check(Target::Float64, Value::from("-1.5e3"), "Float64(-1500.0)");
        check(Target::Boolean, Value::from(" true"), "Boolean(true)");
    }

    #[test]
    fn what_is_no_number_says_so() {
        let refused = "Unable to convert x (class java.lang.String) to a number";
        for target in [Target::Int32, Target::Float64, Target::Boolean, Target::Timestamp] {
            check(target, Value::from("x"), refused);
        }
        let list = "Unable to convert [] (class java.util.ArrayList) to a number";
        check(Target::Float32, Value::Array(Vec::new()), list);
    }
}
