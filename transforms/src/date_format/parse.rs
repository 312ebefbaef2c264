//! Reads instants.

use super::{
    ERAS, HALVES, Item, Letter, MONTHS, SHORT, WEEKDAYS,
    fields::{Field, Fields, Instant},
};

const HOUR_MS: i64 = 3_600_000;

pub(super) fn parse(items: &[Item], text: &str, century: Instant) -> Option<i64> {
    let mut reader = Reader { text, at: 0, fields: Fields::default(), century, at_border: false };
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Literal(char) => reader.literal(*char)?,
            Item::Field { letter, count } => {
                // A number that another follows has as many digits as letters: `20240131` by `yyyyMMdd`.
                let limit = items.get(index + 1).is_some_and(Item::is_number).then_some(*count);
                reader.field(*letter, *count, limit)?;
            }
        }
    }
    // Java takes a match of nothing for none.
    if reader.at == 0 {
        return None;
    }
    let instant = reader.fields.resolve();
    if reader.at_border && instant < century.milliseconds {
        reader.fields.add_years(100);
        return Some(reader.fields.resolve());
    }
    Some(instant)
}

/// Returns the offset of a zone name at the beginning of a text in milliseconds, and the length of the name.
fn zone(text: &str) -> Option<(i64, usize)> {
    let matching = ZONES.iter().filter(|(name, _)| starts_with(text, name));
    let (name, hours) = matching.max_by_key(|(name, _)| name.len())?;
    Some((hours * HOUR_MS, name.len()))
}

/// Names of time zones and their hours east of Greenwich.
///
/// Java knows hundreds, in the language of its process; these are the common ones of the world, of the United States
/// and of Europe.
const ZONES: [(&str, i64); 24] = [
    ("UTC", 0),
    ("Coordinated Universal Time", 0),
    ("Greenwich Mean Time", 0),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("MSK", 3),
    ("AST", -4),
    ("ADT", -3),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("AKST", -9),
    ("AKDT", -8),
    ("HST", -10),
    ("JST", 9),
];

impl Item {
    fn is_number(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Field { letter: Letter::Month, count } => *count < SHORT,
            Self::Field { letter, .. } => !matches!(
                letter,
                Letter::Era
                    | Letter::Weekday
                    | Letter::AmPm
                    | Letter::ZoneName
                    | Letter::ZoneNumber
                    | Letter::IsoZone
            ),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    fields: Fields,
    century: Instant,
    /// Whether the year is the one in which the hundred years begin and end.
    at_border: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn literal(&mut self, expected: char) -> Option<()> {
        self.at = self.text.len() - self.rest().strip_prefix(expected)?.len();
        Some(())
    }

    fn field(&mut self, letter: Letter, count: usize, limit: Option<usize>) -> Option<()> {
        let text = self.rest();
        let skipped = text.len() - text.trim_start_matches([' ', '\t']).len();
        if skipped == text.len() {
            return None;
        }
        match letter {
            // Names do not take blanks before them, as in Java.
            Letter::Era => self.name(Field::Era, &ERAS, 0),
            Letter::AmPm => self.name(Field::AmPm, &HALVES, 0),
            Letter::Month if count >= SHORT => self.name(Field::Month, &MONTHS, 0),
            Letter::Weekday => self.name(Field::Weekday, &WEEKDAYS, 1),
            Letter::ZoneName | Letter::ZoneNumber => {
                self.at += skipped;
                self.zone()
            }
            Letter::IsoZone => {
                self.at += skipped;
                self.iso_zone(count)
            }
            _ => {
                let end = match limit {
                    Some(digits) => {
                        text.char_indices().map(|(at, char)| at + char.len_utf8()).nth(digits - 1)?
                    }
                    None => text.len(),
                };
                let (value, len) = number(text.get(skipped..end)?)?;
                self.at += skipped + len;
                self.number(letter, count, value, &text[skipped..skipped + len]);
                Some(())
            }
        }
    }

    fn number(&mut self, letter: Letter, count: usize, value: i64, text: &str) {
        let (field, value) = match letter {
            Letter::Year | Letter::WeekYear => {
                let field = if letter == Letter::Year { Field::Year } else { Field::WeekYear };
                let two_digits =
                    count <= 2 && text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
                (field, if two_digits { self.in_century(value) } else { value })
            }
            Letter::Month => (Field::Month, value - 1),
            Letter::Day => (Field::Day, value),
            Letter::HourOfDay1 => (Field::HourOfDay, if value == 24 { 0 } else { value }),
            Letter::HourOfDay0 => (Field::HourOfDay, value),
            Letter::Hour1 => (Field::Hour, if value == 12 { 0 } else { value }),
            Letter::Hour0 => (Field::Hour, value),
            Letter::Minute => (Field::Minute, value),
            Letter::Second => (Field::Second, value),
            Letter::Millisecond => (Field::Millisecond, value),
            Letter::DayOfYear => (Field::DayOfYear, value),
            Letter::WeekdayInMonth => (Field::WeekdayInMonth, value),
            Letter::WeekOfYear => (Field::WeekOfYear, value),
            Letter::WeekOfMonth => (Field::WeekOfMonth, value),
            // Monday is 1 in the text, 2 in the calendar.
            Letter::WeekdayNumber => {
                (Field::Weekday, if (1..=7).contains(&value) { value % 7 + 1 } else { value })
            }
            Letter::Era
            | Letter::Weekday
            | Letter::AmPm
            | Letter::ZoneName
            | Letter::ZoneNumber
            | Letter::IsoZone => return,
        };
        self.fields.set(field, value);
    }

    fn in_century(&mut self, value: i64) -> i64 {
        let border = self.century.year.rem_euclid(100);
        self.at_border = value == border;
        value + self.century.year - border + if value < border { 100 } else { 0 }
    }

    /// Reads the longest name, whole or short, in any case.
    fn name(&mut self, field: Field, names: &[&str], first: i64) -> Option<()> {
        let text = self.rest();
        let lengths = names.iter().map(|name| match name {
            name if starts_with(text, name) => name.len(),
            name if name.len() > SHORT && starts_with(text, &name[..SHORT]) => SHORT,
            _ => 0,
        });
        let (index, len) = lengths.enumerate().max_by_key(|(_, len)| *len).filter(|(_, len)| *len > 0)?;
        self.at += len;
        self.fields.set(field, first + index as i64);
        Some(())
    }

    fn zone(&mut self) -> Option<()> {
        let text = self.rest();
        if let Some(sign) = sign_of(text) {
            return self.offset(1, sign, Digits::TwoAndTwo);
        }
        if !starts_with(text, "GMT") {
            let (offset, len) = zone(text)?;
            self.at += len;
            // The zone of the format itself changes nothing, not even an offset that was read before.
            if offset != 0 || starts_with(text, "WET") {
                self.fields.set(Field::Offset, offset);
            }
            return Some(());
        }
        match sign_of(&text[3..]) {
            Some(sign) => self.offset(4, sign, Digits::OneOrTwoColonTwo),
            None => {
                self.at += 3;
                self.fields.set(Field::Offset, 0);
                Some(())
            }
        }
    }

    fn iso_zone(&mut self, count: usize) -> Option<()> {
        let text = self.rest();
        if text.starts_with('Z') {
            self.at += 1;
            self.fields.set(Field::Offset, 0);
            return Some(());
        }
        let digits = match count {
            1 => Digits::Two,
            2 => Digits::TwoAndTwo,
            _ => Digits::TwoColonTwo,
        };
        self.offset(1, sign_of(text)?, digits)
    }

    /// Reads the digits of an offset, which begin `start` bytes from here.
    fn offset(&mut self, start: usize, sign: i64, digits: Digits) -> Option<()> {
        let bytes = &self.rest().as_bytes()[start..];
        let digit =
            |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
        let mut hours = digit(0)?;
        let mut len = 1;
        match (digit(1), digits) {
            (Some(second), _) => {
                hours = hours * 10 + second;
                len = 2;
            }
            (None, Digits::OneOrTwoColonTwo) => {}
            (None, _) => return None,
        }
        let mut minutes = 0;
        if digits != Digits::Two {
            if digits != Digits::TwoAndTwo {
                bytes.get(len).filter(|byte| **byte == b':')?;
                len += 1;
            }
            minutes = digit(len)? * 10 + digit(len + 1)?;
            len += 2;
        }
        if hours > 23 || minutes > 59 {
            return None;
        }
        self.at += start + len;
        self.fields.set(Field::Offset, sign * (hours * 60 + minutes) * 60_000);
        Some(())
    }
}

/// How an offset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Two,
    TwoAndTwo,
    TwoColonTwo,
    OneOrTwoColonTwo,
}

fn sign_of(text: &str) -> Option<i64> {
    match text.as_bytes().first() {
        Some(b'+') => Some(1),
        Some(b'-') => Some(-1),
        _ => None,
    }
}

fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Reads digits, perhaps behind a minus, and returns how long they were; Java keeps the low 32 bits.
fn number(text: &str) -> Option<(i64, usize)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    if len == 0 {
        return None;
    }
    let negative = digits.len() < text.len();
    let value = match digits[..len].parse::<i64>() {
        Ok(value) if negative => i64::from((-value) as i32),
        Ok(value) => i64::from(value as i32),
        Err(_) if negative => i32::MIN.into(),
        Err(_) => i32::MAX.into(),
    };
    Some((value, len + usize::from(negative)))
}
