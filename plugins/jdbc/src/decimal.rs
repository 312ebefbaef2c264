//! Decimals: read from text, and brought to the scale of a schema. Pure.

use millrace_api::Decimal;
use num_bigint::BigInt;

/// How many zeros a decimal may be lengthened by: more would be a denial of service in one value.
const SCALE_SHIFT_MAX: u32 = 1_000_000;

/// Reads `-12.34` or `1.2E+3`; the error is the reason.
pub(crate) fn parse(text: &str) -> Result<Decimal, String> {
    let wrong = || format!("{text} is no decimal");
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let unscaled: BigInt = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let scale = i32::try_from(fraction.len()).ok().and_then(|scale| scale.checked_sub(exponent));
    Ok(Decimal { unscaled, scale: scale.ok_or_else(wrong)? })
}

/// Returns the same number with another scale; fails when digits would be lost.
pub(crate) fn rescale(value: &Decimal, scale: i32) -> Result<Decimal, String> {
    let shift = i64::from(scale) - i64::from(value.scale);
    let digits = u32::try_from(shift.unsigned_abs()).unwrap_or(u32::MAX);
    if digits > SCALE_SHIFT_MAX {
        return Err(format!("a decimal of scale {} cannot be brought to scale {scale}", value.scale));
    }
    if shift == 0 {
        return Ok(value.clone());
    }
    let power = BigInt::from(10).pow(digits);
    if shift > 0 {
        return Ok(Decimal { unscaled: &value.unscaled * power, scale });
    }
    let unscaled = &value.unscaled / &power;
    if &unscaled * power != value.unscaled {
        return Err(format!("a decimal of scale {} does not fit into scale {scale}", value.scale));
    }
    Ok(Decimal { unscaled, scale })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use millrace_api::text;

    #[test]
    fn decimals_are_read() {
        for (from, to) in
            [("12.34", "12.34"), ("-0.50", "-0.50"), ("1.2E+3", "1.2E+3"), ("0", "0"), ("1e-2", "0.01")]
        {
            assert_eq!(text::decimal(&parse(from).unwrap()), to);
        }
        for wrong in ["", "a", "1.2.3", "1.-2", "1e"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn scales_change_without_loss_or_not_at_all() {
        let value = parse("12.300").unwrap();
        assert_eq!(text::decimal(&rescale(&value, 1).unwrap()), "12.3");
        assert_eq!(text::decimal(&rescale(&value, 5).unwrap()), "12.30000");
        assert!(rescale(&value, 0).is_err());
        assert!(rescale(&value, i32::MAX).is_err());
    }
}
