//! Dates, times and time stamps as text, in three patterns of Java's `SimpleDateFormat`.
//!
//! The `Z` at the end is only a letter: text is written and read on the clock of the time zone that is given.

use crate::{
    Datum, Kind, Schema, Value,
    calendar::{DAY_MS, date_of, days_of, from_local, to_local},
    schema::logical,
};
use jiff::tz::TimeZone;
use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

static DATE: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::DATE)));
static TIME: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::TIME)));
static TIMESTAMP: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::timestamp()));

/// Writes an instant. The pattern follows from the value, not from a schema: all that lies before 2 January 1970 is
/// a time of day, midnight is a date.
pub(super) fn write(instant: i64, zone: &TimeZone, out: &mut String) {
    let (day, time) = to_local(instant, zone);
    if instant >= DAY_MS {
        let (year, month, day) = date_of(day);
        let year_of_era = if year > 0 { year } else { 1 - year };
        let _ = write!(out, "{year_of_era:04}-{month:02}-{day:02}");
        if instant % DAY_MS == 0 {
            return;
        }
        out.push('T');
    }
    let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60);
    let _ = write!(out, "{hour:02}:{minute:02}:{second:02}.{:03}Z", time % 1000);
}

/// Reads a date, a time or a time stamp; which, is told by the length of the text.
///
/// Fields that are too large roll over, and what stands behind a match does not count, as in Java.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Option<Datum> {
    let text = text.replace("\\:", ":");
    let mut fields = Fields { rest: &text };
    let (schema, day, time) = match text.encode_utf16().take(25).count() {
        10 => (&DATE, fields.date()?, 0),
        13 => (&TIME, 0, fields.time()?),
        24 => {
            let day = fields.date()?;
            fields.literal('T')?;
            (&TIMESTAMP, day, fields.time()?)
        }
        _ => return None,
    };
    Some(Datum::new(Arc::clone(schema), Value::Instant(from_local(day, time, zone))))
}

/// Returns the value of a digit of any script that Java's `char` can hold.
pub(super) fn java_digit(char: char) -> Option<u32> {
    if char.is_ascii_digit() {
        return char.to_digit(10);
    }
    let code = u32::from(char);
    let index = DIGIT_ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    Some(code - DIGIT_ZEROS[index]).filter(|digit| *digit < 10)
}

/// `Character.isDigit` of a `char`.
pub(super) fn is_java_digit(char: char) -> bool {
    java_digit(char).is_some()
}

/// The zeros of the scripts that have decimal digits, in the basic plane; the others follow theirs.
const DIGIT_ZEROS: [u32; 37] = [
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

struct Fields<'a> {
    rest: &'a str,
}

impl Fields<'_> {
    /// Reads `yyyy-MM-dd`; returns the day since the epoch.
    fn date(&mut self) -> Option<i64> {
        let year = self.number()?;
        self.literal('-')?;
        let month = self.number()?;
        self.literal('-')?;
        Some(days_of(year, month, self.number()?))
    }

    /// Reads `HH:mm:ss.SSS'Z'`; returns the milliseconds since midnight.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number()?;
        self.literal(':')?;
        let minute = self.number()?;
        self.literal(':')?;
        let second = self.number()?;
        self.literal('.')?;
        let millisecond = self.number()?;
        self.literal('Z')?;
        Some(((hour * 60 + minute) * 60 + second) * 1000 + millisecond)
    }

    fn literal(&mut self, expected: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// Reads a number, which may have a sign and blanks before it. The text is short, so it fits; Java keeps the low
    /// 32 bits, and so does this.
    fn number(&mut self) -> Option<i64> {
        let text = self.rest.trim_start_matches([' ', '\t']);
        let digits = text.strip_prefix('-').unwrap_or(text);
        let mut number: i64 = 0;
        let mut rest = digits;
        while let Some((char, digit)) = rest.chars().next().and_then(|char| Some((char, java_digit(char)?))) {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            rest = &rest[char.len_utf8()..];
        }
        if rest.len() == digits.len() {
            return None;
        }
        self.rest = rest;
        let signed = if digits.len() < text.len() { -number } else { number };
        Some(i64::from(signed as i32))
    }
}
