//! Numbers of JSON as Java's nodes give them: exact until a type is asked for.

use millrace_api::Decimal;
use num_bigint::BigInt;

/// How many zeros behind an integer's digits leave nothing in its lowest 64 bits.
const ZEROS_OF_64_BITS: i64 = 64;

/// A number's parts, as they were written.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// Returns the lowest 64 bits of the number without its fraction.
pub(super) fn low_bits(text: &str) -> i64 {
    let parts = Parts::of(text);
    let kept = parts.whole.len() as i64 + parts.exponent;
    let digits = parts.whole.bytes().chain(parts.fraction.bytes());
    let mut bits: i64 = 0;
    for digit in digits.take(usize::try_from(kept).unwrap_or_default()) {
        bits = bits.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
    }
    let zeros = kept - (parts.whole.len() + parts.fraction.len()) as i64;
    if zeros >= ZEROS_OF_64_BITS {
        return 0;
    }
    for _ in 0..zeros {
        bits = bits.wrapping_mul(10);
    }
    if parts.negative { bits.wrapping_neg() } else { bits }
}

/// Returns an integer that fits, or `None`.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Returns the nearest double. A decimal has no negative zero, so neither has this.
pub(super) fn double(text: &str) -> f64 {
    if is_zero(text) { 0.0 } else { text.parse().unwrap_or_default() }
}

/// Returns the nearest float.
pub(super) fn float(text: &str) -> f32 {
    if is_zero(text) { 0.0 } else { text.parse().unwrap_or_default() }
}

/// Returns the number with the scale that it was written with.
pub(super) fn decimal(text: &str) -> Decimal {
    let parts = Parts::of(text);
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let unsigned: BigInt = digits.parse().unwrap_or_default();
    // The parser bounds the exponent, so that the scale is an int32.
    let scale = i32::try_from(parts.fraction.len() as i64 - parts.exponent).unwrap_or_default();
    Decimal { unscaled: if parts.negative { -unsigned } else { unsigned }, scale }
}

fn is_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Self { negative, whole, fraction, exponent: exponent.parse().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bits: i64, shown: f64, (unscaled, scale): (i64, i32)) {
        assert_eq!(low_bits(text), bits, "{text}");
        assert_eq!(double(text).to_bits(), shown.to_bits(), "{text}");
        assert_eq!(decimal(text), Decimal { unscaled: unscaled.into(), scale }, "{text}");
    }

    #[test]
    fn numbers_are_what_java_makes_of_them() {
        check("007", 7, 7.0, (7, 0));
        check("-12.90", -12, -12.9, (-1290, 2));
        check("1.25e1", 12, 12.5, (125, 1));
        check("1.25E+3", 1250, 1250.0, (125, -1));
        check("125e-3", 0, 0.125, (125, 3));
        check("9e-999999", 0, 0.0, (9, 999_999));
        check("-0.00", 0, 0.0, (0, 2));
        check("3e2000000000", 0, f64::INFINITY, (3, -2_000_000_000));
        check("-9223372036854775808", i64::MIN, -9_223_372_036_854_775_808.0, (i64::MIN, 0));
        assert_eq!(low_bits("18446744073709551617"), 1);
        assert_eq!(low_bits("-1844674407370955161.9e1"), -3);
        assert_eq!(float("1e39"), f32::INFINITY);
    }
}
