//! Patterns of Java's `SimpleDateFormat`, on the clock of UTC, with English names and weeks as in the United States:
//! what a Java worker does with the locale that most have.
//!
//! All letters are read and written; of the names of time zones only common ones are read.

mod fields;
mod parse;
mod write;

use fields::Instant;

/// How far back two-digit years may reach.
const CENTURY_BACK_YEARS: i64 = 80;

/// A compiled pattern.
#[derive(Debug)]
pub struct DateFormat {
    pattern: String,
    items: Vec<Item>,
    /// Where the hundred years begin in which two-digit years lie.
    century: Instant,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(char),
    Field { letter: Letter, count: usize },
}

/// What a letter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    Era,
    Year,
    WeekYear,
    Month,
    Day,
    /// `k`: 1 to 24.
    HourOfDay1,
    /// `H`: 0 to 23.
    HourOfDay0,
    Minute,
    Second,
    Millisecond,
    Weekday,
    DayOfYear,
    /// `F`: which of the weekdays of its name in the month.
    WeekdayInMonth,
    WeekOfYear,
    WeekOfMonth,
    AmPm,
    /// `h`: 1 to 12.
    Hour1,
    /// `K`: 0 to 11.
    Hour0,
    ZoneName,
    ZoneNumber,
    IsoZone,
    /// `u`: 1 is Monday.
    WeekdayNumber,
}

impl DateFormat {
    /// Compiles a pattern; the error is Java's reason. Two-digit years are those around `now`, in milliseconds.
    pub fn new(pattern: &str, now: i64) -> Result<Self, String> {
        let items = compile(pattern)?;
        Ok(Self {
            pattern: pattern.to_string(),
            items,
            century: Instant::years_before(now, CENTURY_BACK_YEARS),
        })
    }

    /// Returns the pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Returns an instant as text.
    pub fn write(&self, instant: i64) -> String {
        write::write(&self.items, instant)
    }

    /// Reads the beginning of a text as an instant; fields that are too large roll over.
    pub fn parse(&self, text: &str) -> Option<i64> {
        parse::parse(&self.items, text, self.century)
    }
}

fn compile(pattern: &str) -> Result<Vec<Item>, String> {
    let mut items: Vec<Item> = Vec::new();
    let (mut quoted, mut same) = (false, None);
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        // Only letters side by side are one field.
        let last_char = std::mem::take(&mut same);
        match char {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                items.push(Item::Literal('\''));
            }
            '\'' => quoted = !quoted,
            char if quoted || !char.is_ascii_alphabetic() => items.push(Item::Literal(char)),
            char => {
                let letter = Letter::of(char).ok_or_else(|| format!("Illegal pattern character '{char}'"))?;
                same = Some(char);
                match items.last_mut() {
                    Some(Item::Field { count, .. }) if last_char == same => *count += 1,
                    _ => items.push(Item::Field { letter, count: 1 }),
                }
            }
        }
    }
    if quoted {
        return Err("Unterminated quote".to_string());
    }
    for item in &items {
        if let Item::Field { letter: Letter::IsoZone, count: count @ 4.. } = item {
            return Err(format!("invalid ISO 8601 format: length={count}"));
        }
    }
    Ok(items)
}

impl Letter {
    fn of(char: char) -> Option<Self> {
        Some(match char {
            'G' => Self::Era,
            'y' => Self::Year,
            'Y' => Self::WeekYear,
            'M' | 'L' => Self::Month,
            'd' => Self::Day,
            'k' => Self::HourOfDay1,
            'H' => Self::HourOfDay0,
            'm' => Self::Minute,
            's' => Self::Second,
            'S' => Self::Millisecond,
            'E' => Self::Weekday,
            'D' => Self::DayOfYear,
            'F' => Self::WeekdayInMonth,
            'w' => Self::WeekOfYear,
            'W' => Self::WeekOfMonth,
            'a' => Self::AmPm,
            'h' => Self::Hour1,
            'K' => Self::Hour0,
            'z' => Self::ZoneName,
            'Z' => Self::ZoneNumber,
            'X' => Self::IsoZone,
            'u' => Self::WeekdayNumber,
            _ => return None,
        })
    }
}

const ERAS: [&str; 2] = ["BC", "AD"];
const HALVES: [&str; 2] = ["AM", "PM"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How many letters of the name of a month or weekday its short form has.
const SHORT: usize = 3;

/// Returns the day of the week of a day since the epoch; 0 is Sunday.
fn weekday_of(day: i64) -> i64 {
    // The epoch was a Thursday.
    (day + 4).rem_euclid(7)
}

#[cfg(test)]
mod tests;
