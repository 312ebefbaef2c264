//! Writes instants.

use super::{ERAS, HALVES, Item, Letter, MONTHS, SHORT, WEEKDAYS, weekday_of};
use jiff::tz::TimeZone;
use millrace_api::calendar::{date_of, days_of, to_local};
use std::fmt::Write as _;

pub(super) fn write(items: &[Item], instant: i64) -> String {
    let moment = Moment::of(instant);
    let mut out = String::with_capacity(32);
    for item in items {
        match item {
            Item::Literal(char) => out.push(*char),
            Item::Field { letter, count } => moment.write(*letter, *count, &mut out),
        }
    }
    out
}

/// An instant as the calendar shows it.
struct Moment {
    /// Days since the epoch.
    days: i64,
    year: i64,
    month: i64,
    day: i64,
    /// Milliseconds since midnight.
    time: i64,
}

impl Moment {
    fn of(instant: i64) -> Self {
        let (days, time) = to_local(instant, &TimeZone::UTC);
        let (year, month, day) = date_of(days);
        Self { days, year, month, day, time }
    }

    fn write(&self, letter: Letter, count: usize, out: &mut String) {
        let hour = self.time / 3_600_000;
        let number = match letter {
            Letter::Era => return out.push_str(ERAS[usize::from(self.year > 0)]),
            Letter::Year => return write_year(self.year_of_era(), count, out),
            Letter::WeekYear => return write_year(self.week().0, count, out),
            Letter::Month if count >= SHORT => {
                return write_name(MONTHS[self.month as usize - 1], count, out);
            }
            Letter::Weekday => return write_name(WEEKDAYS[weekday_of(self.days) as usize], count, out),
            Letter::AmPm => return out.push_str(HALVES[usize::from(hour >= 12)]),
            Letter::ZoneName if count > SHORT => return out.push_str("Coordinated Universal Time"),
            Letter::ZoneName => return out.push_str("UTC"),
            Letter::ZoneNumber => return out.push_str("+0000"),
            Letter::IsoZone => return out.push('Z'),
            Letter::Month => self.month,
            Letter::Day => self.day,
            Letter::HourOfDay1 => {
                if hour == 0 {
                    24
                } else {
                    hour
                }
            }
            Letter::HourOfDay0 => hour,
            Letter::Minute => self.time / 60_000 % 60,
            Letter::Second => self.time / 1000 % 60,
            Letter::Millisecond => self.time % 1000,
            Letter::DayOfYear => self.day_of_year(),
            Letter::WeekdayInMonth => (self.day - 1) / 7 + 1,
            Letter::WeekOfYear => self.week().1,
            Letter::WeekOfMonth => (self.day - 1 + weekday_of(self.days - self.day + 1)) / 7 + 1,
            Letter::Hour1 => {
                if hour % 12 == 0 {
                    12
                } else {
                    hour % 12
                }
            }
            Letter::Hour0 => hour % 12,
            Letter::WeekdayNumber => (weekday_of(self.days) + 6) % 7 + 1,
        };
        let _ = write!(out, "{number:0count$}");
    }

    fn year_of_era(&self) -> i64 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }

    fn day_of_year(&self) -> i64 {
        self.days - days_of(self.year, 1, 1) + 1
    }

    /// Returns the year that the week belongs to, and its number there. Weeks begin on Sunday; the first is the one
    /// with 1 January in it.
    fn week(&self) -> (i64, i64) {
        let saturday = self.days + 6 - weekday_of(self.days);
        if saturday >= days_of(self.year + 1, 1, 1) {
            return (self.year + 1, 1);
        }
        let new_year = weekday_of(days_of(self.year, 1, 1));
        (self.year, (self.day_of_year() - 1 + new_year) / 7 + 1)
    }
}

/// Two letters keep the last two digits. Years of weeks are negative before the first, and digits do not count the sign.
fn write_year(year: i64, count: usize, out: &mut String) {
    if year < 0 {
        out.push('-');
    }
    let year = year.abs();
    let year = if count == 2 { year % 100 } else { year };
    let _ = write!(out, "{year:0count$}");
}

fn write_name(name: &str, count: usize, out: &mut String) {
    out.push_str(if count > SHORT { name } else { &name[..SHORT] });
}
