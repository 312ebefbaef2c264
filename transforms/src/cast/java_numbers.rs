//! Floats in texts, as Java's `parseFloat` and `parseDouble` read them.

/// Significant bits that are kept of hexadecimal digits; any below count as one, so that rounding is right.
const BITS_KEPT: u32 = 60;

/// Beyond this power of two every number is zero or infinite.
const POWER_MAX: i64 = 4400;

/// Reads a single; too large is infinite.
pub(super) fn single(text: &str) -> Option<f32> {
    Some(match read(text)? {
        Read::Decimal(text) => text.parse().ok()?,
        Read::Hexadecimal { negative, digits, power } => {
            // Rounded once: a double holds what is left exactly, what is lost counts as its lowest bit.
            let lost_bits = (u64::BITS - digits.leading_zeros()).saturating_sub(f64::MANTISSA_DIGITS);
            let lost = digits & ((1 << lost_bits) - 1) != 0;
            let kept = (digits >> lost_bits | u64::from(lost)) as f64;
            let power = power + i64::from(lost_bits);
            let magnitude = (kept * power_of_two(power / 2) * power_of_two(power - power / 2)) as f32;
            if negative == Sign::Minus { -magnitude } else { magnitude }
        }
    })
}

/// Reads a double; too large is infinite.
pub(super) fn double(text: &str) -> Option<f64> {
    Some(match read(text)? {
        Read::Decimal(text) => text.parse().ok()?,
        Read::Hexadecimal { negative, digits, power } => {
            let magnitude = digits as f64 * power_of_two(power / 2) * power_of_two(power - power / 2);
            if negative == Sign::Minus { -magnitude } else { magnitude }
        }
    })
}

enum Read {
    /// What Rust reads alike.
    Decimal(String),
    Hexadecimal {
        negative: Sign,
        digits: u64,
        power: i64,
    },
}

#[derive(PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

/// Blanks around are cut off, and a type letter at the end.
fn read(text: &str) -> Option<Read> {
    // Java takes all control characters for blanks here.
    let text = text.trim_matches(|char: char| char <= ' ');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return Some(Read::Decimal(text.to_string()));
    }
    let number = unsigned.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(unsigned);
    if let Some(hexadecimal) = number.strip_prefix("0x").or(number.strip_prefix("0X")) {
        let (digits, power) = read_hexadecimal(hexadecimal)?;
        let negative = if text.starts_with('-') { Sign::Minus } else { Sign::Plus };
        return Some(Read::Hexadecimal { negative, digits, power });
    }
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let sign = if text.starts_with('-') { "-" } else { "" };
    let starts_with_digit = number.starts_with(|char: char| char.is_ascii_digit() || char == '.');
    (plain && starts_with_digit).then(|| Read::Decimal(format!("{sign}{number}")))
}

/// Reads `1.8p1`; the exponent must be there.
fn read_hexadecimal(text: &str) -> Option<(u64, i64)> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let sign = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if sign.is_empty() || !sign.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let far = if exponent.starts_with('-') { i64::from(i32::MIN) } else { i64::from(i32::MAX) };
    let mut power: i64 = exponent.parse::<i32>().map_or(far, i64::from);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits: u64 = 0;
    for (index, char) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(char.to_digit(16)?);
        let kept = digits >> (BITS_KEPT - 4) == 0;
        digits = if kept { digits << 4 | digit } else { digits | u64::from(digit != 0) };
        let behind_point = index >= whole.len();
        power += match (kept, behind_point) {
            (true, true) => -4,
            (false, false) => 4,
            _ => 0,
        };
    }
    Some((digits, power.clamp(-POWER_MAX, POWER_MAX)))
}

fn power_of_two(power: i64) -> f64 {
    2f64.powi(power as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_java_reads_them() {
        for (text, number) in [
            (" 1.5 ", 1.5),
            ("1.5f", 1.5),
            ("-.5D", -0.5),
            ("+5.e1", 50.0),
            ("1e400", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1.8p1", 3.0),
            ("-0X.8P-1", -0.25),
            ("0x1.0000000000000801p0", 1.000_000_000_000_000_2),
            ("0x1p-1074", 5e-324),
            ("0x1p99999999999", f64::INFINITY),
        ] {
            assert_eq!(double(text), Some(number), "{text}");
            if number.is_infinite() || number.abs() > 0.1 {
                assert_eq!(single(text), Some(number as f32), "{text}");
            }
        }
    }

    #[test]
    fn the_smallest_singles_are_rounded_once() {
        assert_eq!(single("0x1.caeb1565b01d2p-127").map(f32::to_bits), Some(7_518_917));
        assert_eq!(single("-0x1.2f20b7e48a643p-129").map(f32::to_bits), Some(-2_146_242_037_i32 as u32));
    }

    #[test]
    fn what_java_refuses_is_refused() {
        for text in [
            "", "abc", "inf", "infinity", "nan", "1 2", "1.5ff", "0x1", "0x1.8", "+-1", "--1", "e5", ".",
            "1_0",
        ] {
            assert_eq!(double(text), None, "{text}");
        }
    }
}
