//! Numbers in the syntax of Java's `BigDecimal`.

use super::temporal::java_digit;
use crate::{Datum, Decimal, Schema, Value};
use std::sync::Arc;

/// How many digits an int64 can have.
const INT64_DIGITS: usize = 19;

/// Reads a number: the narrowest integer that holds it, else a float that is not infinite, else a decimal.
pub(super) fn parse(text: &str) -> Option<Datum> {
    let number = Number::parse(text)?;
    if let Some(integer) = number.integer() {
        return Some(narrowest(integer));
    }
    if number.scale != 0 {
        let text = number.to_string();
        let single: f32 = text.parse().ok()?;
        if single.is_finite() {
            return Some(Datum::new(Schema::float32(), Value::Float32(single)));
        }
        let double: f64 = text.parse().ok()?;
        if double.is_finite() {
            return Some(Datum::new(Schema::float64(), Value::Float64(double)));
        }
    }
    let decimal = number.decimal()?;
    Some(Datum::new(Arc::new(Schema::decimal(number.scale)), Value::Decimal(Box::new(decimal))))
}

/// A number as it was written.
pub(super) struct Number {
    sign: &'static str,
    /// ASCII digits without zeros at the front; empty for zero.
    digits: String,
    /// How many of the digits stand after the point.
    scale: i32,
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let sign = if text.starts_with('-') { "-" } else { "" };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (ascii_digits(whole)?, ascii_digits(fraction)?);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let scale = i64::try_from(fraction.len()).ok()? - exponent;
        let digits = format!("{whole}{fraction}").trim_start_matches('0').to_string();
        Some(Self { sign, digits, scale: scale.try_into().ok()? })
    }

    /// Returns the lowest 64 bits of the number without its fraction.
    pub(super) fn low_bits(&self) -> i64 {
        let len = self.digits.len() as i64;
        let kept = len - i64::from(self.scale);
        let zeros = kept - len;
        // So many zeros leave nothing in the lowest 64 bits.
        if zeros >= 64 {
            return 0;
        }
        let digits = self.digits.bytes().map(|digit| i64::from(digit - b'0'));
        let digits = digits.take(usize::try_from(kept).unwrap_or_default());
        let digits = digits.chain((0..zeros).map(|_| 0));
        let bits = digits.fold(0, |bits: i64, digit| bits.wrapping_mul(10).wrapping_add(digit));
        if self.sign.is_empty() { bits } else { bits.wrapping_neg() }
    }

    /// Returns the nearest double.
    pub(super) fn double(&self) -> Option<f64> {
        self.to_string().parse().ok()
    }

    /// Returns the number with the scale it was written with.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        Some(Decimal { unscaled: format!("{}{digits}", self.sign).parse().ok()?, scale: self.scale })
    }

    /// Returns the number when it is whole and an int64, without ever writing out its zeros.
    fn integer(&self) -> Option<i64> {
        let significant = self.digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(0);
        }
        let zeros = i64::try_from(self.digits.len() - significant.len()).ok()? - i64::from(self.scale);
        let zeros = usize::try_from(zeros).ok()?;
        if significant.len() + zeros > INT64_DIGITS {
            return None;
        }
        format!("{}{significant}{}", self.sign, "0".repeat(zeros)).parse().ok()
    }
}

/// The form that Rust's floats read.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        write!(f, "{}{digits}e{}", self.sign, -i64::from(self.scale))
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = ascii_digits(unsigned)?;
    let digits = if digits.is_empty() { return None } else { digits.trim_start_matches('0') };
    // Java takes ten digits at most; the scale must be an int32 in any case.
    if digits.len() > 10 {
        return None;
    }
    let exponent: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

/// Returns the digits of any script as ASCII digits, or `None` when there is something else.
fn ascii_digits(text: &str) -> Option<String> {
    text.chars().map(|char| char::from_digit(java_digit(char)?, 10)).collect()
}

fn narrowest(integer: i64) -> Datum {
    if let Ok(integer) = i8::try_from(integer) {
        Datum::new(Schema::int8(), Value::Int8(integer))
    } else if let Ok(integer) = i16::try_from(integer) {
        Datum::new(Schema::int16(), Value::Int16(integer))
    } else if let Ok(integer) = i32::try_from(integer) {
        Datum::new(Schema::int32(), Value::Int32(integer))
    } else {
        Datum::new(Schema::int64(), Value::Int64(integer))
    }
}
