//! Numbers in settings, read as Java's `BigDecimal` reads them.

use millrace_api::Decimal;
use num_bigint::BigInt;

/// From this many zeros on, the low 64 bits of a number are all zero.
const ZEROS_OF_NO_BITS: u32 = 64;

/// How many digits an exponent may have in Java.
const EXPONENT_DIGITS_MAX: usize = 10;

/// Reads a number: optional sign, digits with an optional point, optional exponent.
pub fn parse(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude: BigInt = digits.parse().ok()?;
    let unscaled = if text.starts_with('-') { -magnitude } else { magnitude };
    let scale = i64::try_from(fraction.len()).ok()? - exponent;
    Some(Decimal { unscaled, scale: scale.try_into().ok()? })
}

/// Returns the low 64 bits of the integer part: `BigDecimal.longValue`.
pub fn low_bits(number: &Decimal) -> i64 {
    let integer = match u32::try_from(number.scale) {
        Err(_) if number.scale.unsigned_abs() >= ZEROS_OF_NO_BITS => return 0,
        Err(_) => &number.unscaled * BigInt::from(10).pow(number.scale.unsigned_abs()),
        // More places than there are digits leave nothing, and need not be written out.
        Ok(places) if u64::from(places) > number.unscaled.bits() => return 0,
        Ok(places) => &number.unscaled / BigInt::from(10).pow(places),
    };
    let low = integer.magnitude().iter_u64_digits().next().unwrap_or(0) as i64;
    if integer.sign() == num_bigint::Sign::Minus { low.wrapping_neg() } else { low }
}

/// Returns the nearest double: `BigDecimal.doubleValue`.
pub fn nearest_double(number: &Decimal) -> f64 {
    let text = format!("{}e{}", number.unscaled, -i64::from(number.scale));
    text.parse().expect("digits and an exponent are a number")
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    if significant.len() > EXPONENT_DIGITS_MAX {
        return None;
    }
    let exponent: i64 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, bits: i64, double: f64) {
        let number = parse(text).unwrap();
        let found = (millrace_api::text::decimal(&number), low_bits(&number), nearest_double(&number));
        assert_eq!(found, (shown.to_string(), bits, double));
    }

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        check("3.90", "3.90", 3, 3.9);
        check("-3.9", "-3.9", -3, -3.9);
        check("+1e3", "1E+3", 1000, 1000.0);
        check("0.5E-000000000001", "0.05", 0, 0.05);
        check("18446744073709551621", "18446744073709551621", 5, 18_446_744_073_709_551_621.0);
        check("-9223372036854775808", "-9223372036854775808", i64::MIN, i64::MIN as f64);
        check("1e2000000000", "1E+2000000000", 0, f64::INFINITY);
        check("7e-2000000000", "7E-2000000000", 0, 0.0);
        check("123456789e-3", "123456.789", 123_456, 123_456.789);
        check("5.", "5", 5, 5.0);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "abc", "1 ", "+-1", ".", "1e", "1e+", "NaN", "0x1", "1e9999999999", "1f"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
