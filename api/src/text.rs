//! Java's text forms of numbers and instants, so that two programs that compare topics find nothing.

use crate::{calendar, value::Decimal};
use jiff::{Timestamp, tz::TimeZone};
use std::fmt::Write as _;

/// `Float.toString`: the shortest digits that read back as the same number.
pub fn float(value: f32) -> String {
    if !value.is_finite() {
        return not_finite(value.into());
    }
    let shortest = format!("{value:e}");
    layout(&if shortest.contains('.') { shortest } else { format!("{value:.1e}") })
}

/// `Double.toString`: the shortest digits that read back as the same number (as Java does since 19).
pub fn double(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    // Java writes two digits at least, and then the two that come nearest: 4.9E-324, not 5.0E-324.
    let shortest = format!("{value:e}");
    layout(&if shortest.contains('.') { shortest } else { format!("{value:.1e}") })
}

/// `BigDecimal.toString`: plain while the exponent is small, else scientific.
pub fn decimal(value: &Decimal) -> String {
    let digits = value.unscaled.magnitude().to_string();
    let sign = if value.unscaled.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let exponent = digits.len() as i64 - 1 - i64::from(value.scale);
    if value.scale == 0 {
        return format!("{sign}{digits}");
    }
    if value.scale > 0 && exponent >= -6 {
        let scale = value.scale as usize;
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent = if exponent == 0 { String::new() } else { format!("E{exponent:+}") };
    format!("{sign}{first}{point}{rest}{exponent}")
}

/// `Date.toString` in the process's time zone: `Thu Jan 01 00:00:00 UTC 1970`.
///
/// Before 15 October 1582 Java counts in the Julian calendar, and so does this.
pub fn instant(milliseconds: i64) -> String {
    let zone = TimeZone::system();
    let Ok(timestamp) = Timestamp::from_millisecond(milliseconds) else {
        return milliseconds.to_string();
    };
    let info = zone.to_offset_info(timestamp);
    let local = milliseconds + i64::from(info.offset().seconds()) * 1000;
    let (days, time) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000) / 1000);
    let (year, month, day) = calendar::date_of(days);
    let year = if year > 0 { year } else { 1 - year };
    let weekday = WEEKDAYS[(days + 4).rem_euclid(7) as usize];
    let month = MONTHS[month as usize - 1];
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} {} {year}", info.abbreviation())
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn not_finite(value: f64) -> String {
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    text.to_string()
}

/// Turns Rust's shortest scientific form (`1.25e-7`) into Java's layout.
fn layout(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').expect("the scientific form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a small integer");
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    let mut text = String::from(sign);
    match exponent {
        0..7 => {
            let whole = exponent as usize + 1;
            let padded = format!("{digits:0<whole$}");
            let (whole, fraction) = padded.split_at(whole);
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            let _ = write!(text, "{whole}.{fraction}");
        }
        -3..0 => {
            let zeros = "0".repeat(-exponent as usize - 1);
            let _ = write!(text, "0.{zeros}{digits}");
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let rest = if rest.is_empty() { "0" } else { rest };
            let _ = write!(text, "{first}.{rest}E{exponent}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (9_999_999.0, "9999999.0"),
            (1.0e7, "1.0E7"),
            (1.234_567_89e7, "1.23456789E7"),
            (1.0e-4, "1.0E-4"),
            (4.9e-324, "4.9E-324"),
            (2e23, "2.0E23"),
            (123.456, "123.456"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(double(value), text);
        }
        assert_eq!(float(0.1), "0.1");
        assert_eq!(float(16_777_216.0), "1.6777216E7");
    }

    #[test]
    fn decimals_are_written_as_java_writes_them() {
        for (unscaled, scale, text) in [
            (1230, 2, "12.30"),
            (1, -3, "1E+3"),
            (1, 7, "1E-7"),
            (1, 6, "0.000001"),
            (-5, 1, "-0.5"),
            (12, -1, "1.2E+2"),
            (0, 0, "0"),
        ] {
            let value = Decimal { unscaled: unscaled.into(), scale };
            assert_eq!(decimal(&value), text, "{unscaled} scale {scale}");
        }
    }
}
