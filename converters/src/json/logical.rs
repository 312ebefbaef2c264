//! Logical types: between what a record holds and what stands in JSON.

use millrace_api::{Class, Decimal, Error, Result, Schema, calendar::DAY_MS, schema::logical};
use num_bigint::BigInt;

/// The four logical types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logical {
    Decimal,
    Date,
    Time,
    Timestamp,
}

impl Logical {
    /// Returns the logical type that the name of a schema stands for, whatever its type.
    pub(super) fn of(schema: &Schema) -> Option<Self> {
        Some(match schema.name.as_deref()? {
            logical::DECIMAL => Self::Decimal,
            logical::DATE => Self::Date,
            logical::TIME => Self::Time,
            logical::TIMESTAMP => Self::Timestamp,
            _ => return None,
        })
    }

    /// Returns the name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Decimal => "Decimal",
            Self::Date => "Date",
            Self::Time => "Time",
            Self::Timestamp => "Timestamp",
        }
    }
}

/// Returns the scale of a decimal schema.
pub(super) fn scale(schema: &Schema) -> Result<i32> {
    let Some(text) = schema.parameter("scale") else {
        return Err(Error::data("Invalid Decimal schema: scale parameter not found."));
    };
    text.parse().map_err(|_| {
        let cause = number_format(format!("For input string: \"{text}\""));
        Error::data("Invalid scale parameter found in Decimal schema: ").caused_by(cause)
    })
}

/// Returns the bytes of a decimal, whose scale must be the schema's.
pub(super) fn decimal_bytes(schema: &Schema, decimal: &Decimal) -> Result<Vec<u8>> {
    let scale = scale(schema)?;
    if scale != decimal.scale {
        return Err(Error::data(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale {scale}, value has \
             scale {}.",
            decimal.scale
        )));
    }
    Ok(decimal.unscaled.to_signed_bytes_be())
}

/// Reads a decimal of the schema's scale.
pub(super) fn decimal_of(schema: &Schema, bytes: &[u8]) -> Result<Decimal> {
    let scale = scale(schema)?;
    if bytes.is_empty() {
        return Err(number_format("Zero length BigInteger"));
    }
    Ok(Decimal { unscaled: BigInt::from_signed_bytes_be(bytes), scale })
}

/// Returns the days of an instant at midnight.
pub(super) fn date_days(instant: i64) -> Result<i64> {
    if instant.rem_euclid(DAY_MS) != 0 {
        return Err(Error::data(
            "Kafka Connect Date type should not have any time fields set to non-zero values.",
        ));
    }
    // Java keeps the low 32 bits.
    Ok(i64::from((instant / DAY_MS) as i32))
}

/// Returns the milliseconds since midnight of an instant on the first day; the midnight behind it counts too.
pub(super) fn time_of_day(instant: i64) -> Result<i64> {
    if (0..=DAY_MS).contains(&instant) {
        return Ok(instant);
    }
    Err(Error::data("Kafka Connect Time type should not have any date fields set to non-zero values."))
}

/// Reads milliseconds since midnight.
pub(super) fn time_of(milliseconds: i32) -> Result<i64> {
    if (0..=DAY_MS).contains(&i64::from(milliseconds)) {
        return Ok(milliseconds.into());
    }
    Err(Error::data("Time values must use number of milliseconds greater than 0 and less than 86400000"))
}

fn number_format(message: impl Into<String>) -> Error {
    Error::of(Class::BadRecord, "java.lang.NumberFormatException", message)
}
