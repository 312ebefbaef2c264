//! From fields to an instant, as Java's lenient calendar resolves them: the group that was set last wins.

use super::weekday_of;
use jiff::tz::TimeZone;
use millrace_api::calendar::{DAY_MS, date_of, days_of, to_local};

/// A start of a century.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant {
    pub(super) milliseconds: i64,
    pub(super) year: i64,
}

impl Instant {
    pub(super) fn years_before(now: i64, years: i64) -> Self {
        let (days, time) = to_local(now, &TimeZone::UTC);
        let (year, month, day) = date_of(days);
        let year = year - years;
        Self { milliseconds: days_of(year, month, day) * DAY_MS + time, year }
    }
}

/// A field of a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Year,
    WeekYear,
    /// From 0.
    Month,
    Day,
    DayOfYear,
    /// 1 is Sunday.
    Weekday,
    WeekdayInMonth,
    WeekOfYear,
    WeekOfMonth,
    HourOfDay,
    Hour,
    AmPm,
    Minute,
    Second,
    Millisecond,
    /// i64 east of Greenwich.
    Offset,
}

const FIELDS: usize = 17;

/// Which fields were set, in which order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    values: [i64; FIELDS],
    /// When each was set, counted from 1; 0 is never.
    stamps: [u32; FIELDS],
    last: u32,
}

/// How the day is found.
enum DayBy {
    Day,
    DayOfYear,
    WeekOfYear,
    WeekOfMonth,
    WeekdayInMonth,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: i64) {
        self.last += 1;
        self.stamps[field as usize] = self.last;
        self.values[field as usize] = value;
    }

    /// Moves the year that was set.
    pub(super) fn add_years(&mut self, years: i64) {
        self.values[Field::Year as usize] += years;
        self.values[Field::WeekYear as usize] += years;
    }

    /// Returns the instant; what was not set is that of the epoch.
    pub(super) fn resolve(&self) -> i64 {
        let weeks = self.stamp(Field::WeekYear) > self.stamp(Field::Year);
        let day = if weeks { self.day_of_week_date() } else { self.day() };
        // Years beyond what 64 bits hold wrap around, as in Java.
        day.wrapping_mul(DAY_MS).wrapping_add(self.time() - self.get(Field::Offset).unwrap_or(0))
    }

    fn get(&self, field: Field) -> Option<i64> {
        (self.stamp(field) > 0).then(|| self.values[field as usize])
    }

    fn stamp(&self, field: Field) -> u32 {
        self.stamps[field as usize]
    }

    /// Returns when a pair was complete, or 0.
    fn pair(&self, one: Field, other: Field) -> u32 {
        let (one, other) = (self.stamp(one), self.stamp(other));
        if one == 0 || other == 0 { 0 } else { one.max(other) }
    }

    fn time(&self) -> i64 {
        let half_day = self.pair(Field::Hour, Field::AmPm);
        let of_day = self.stamp(Field::HourOfDay);
        let hour = if of_day > 0 && of_day >= half_day {
            self.values[Field::HourOfDay as usize]
        } else {
            self.get(Field::Hour).unwrap_or(0) + 12 * self.get(Field::AmPm).unwrap_or(0)
        };
        let get = |field| self.get(field).unwrap_or(0);
        ((hour * 60 + get(Field::Minute)) * 60 + get(Field::Second)) * 1000 + get(Field::Millisecond)
    }

    fn year(&self) -> i64 {
        self.in_era(self.get(Field::Year).unwrap_or(1970))
    }

    /// Returns the year that a year of the era is.
    fn in_era(&self, year: i64) -> i64 {
        if self.get(Field::Era) == Some(0) { 1 - year } else { year }
    }

    /// Returns the day of year, week and weekday.
    fn day_of_week_date(&self) -> i64 {
        let week = self.get(Field::WeekOfYear).unwrap_or(1);
        let (weeks, weekday) = match self.get(Field::Weekday).unwrap_or(1) {
            weekday @ 1..=7 => (0, weekday - 1),
            // Java counts one that does not exist from Monday.
            other => ((other - 1).div_euclid(7), other.rem_euclid(7)),
        };
        let first = week_start(days_of(self.in_era(self.values[Field::WeekYear as usize]), 1, 1));
        first + 7 * (week - 1 + weeks) + weekday
    }

    fn day(&self) -> i64 {
        let year = self.year();
        let weekday = self.get(Field::Weekday).map(|weekday| (weekday - 1).rem_euclid(7));
        let in_week = weekday.unwrap_or(0);
        let first_of_month = || days_of(year, self.get(Field::Month).unwrap_or(0) + 1, 1);
        match self.day_by() {
            DayBy::Day => first_of_month() + self.get(Field::Day).unwrap_or(1) - 1,
            DayBy::DayOfYear => days_of(year, 1, 1) + self.values[Field::DayOfYear as usize] - 1,
            DayBy::WeekOfYear => {
                week_start(days_of(year, 1, 1)) + 7 * (self.values[Field::WeekOfYear as usize] - 1) + in_week
            }
            DayBy::WeekOfMonth => {
                week_start(first_of_month()) + 7 * (self.values[Field::WeekOfMonth as usize] - 1) + in_week
            }
            DayBy::WeekdayInMonth => {
                let first = first_of_month();
                let nth = self.get(Field::WeekdayInMonth).unwrap_or(1);
                if nth >= 0 {
                    return on_or_before(first + 7 * nth - 1, in_week);
                }
                let length = days_of(year, self.get(Field::Month).unwrap_or(0) + 2, 1) - first;
                on_or_before(first + length + 7 * (nth + 1) - 1, in_week)
            }
        }
    }

    /// Returns the way to the day: the most recent complete one; without any, the most recent part of one.
    fn day_by(&self) -> DayBy {
        let day = self.stamp(Field::Day);
        let day_of_year = self.stamp(Field::DayOfYear);
        let pairs = [
            self.pair(Field::WeekOfMonth, Field::Weekday),
            self.pair(Field::WeekdayInMonth, Field::Weekday),
            self.pair(Field::WeekOfYear, Field::Weekday),
        ];
        let complete = pairs.into_iter().fold(day.max(day_of_year), u32::max);
        if complete > 0 {
            return if complete == day {
                DayBy::Day
            } else if complete == day_of_year {
                DayBy::DayOfYear
            } else {
                self.day_by_week(pairs, complete)
            };
        }
        // A weekday alone is the first of its name in the month.
        let parts = [
            self.stamp(Field::WeekOfMonth),
            self.stamp(Field::WeekdayInMonth).max(self.stamp(Field::Weekday)),
            self.stamp(Field::WeekOfYear),
        ];
        match parts.into_iter().fold(0, u32::max) {
            0 => DayBy::Day,
            latest => self.day_by_week(parts, latest),
        }
    }

    /// Chooses among weeks of month, weekdays in month and weeks of year; the weekday may be the latest of several.
    fn day_by_week(&self, [of_month, in_month, _]: [u32; 3], latest: u32) -> DayBy {
        let year = self.stamp(Field::WeekOfYear);
        let (month, nth) = (self.stamp(Field::WeekOfMonth), self.stamp(Field::WeekdayInMonth));
        let by_month = latest == of_month && month >= year;
        let by_nth = latest == in_month && nth >= year;
        match (by_month, by_nth) {
            (false, false) => DayBy::WeekOfYear,
            _ if of_month == in_month && month >= nth => DayBy::WeekOfMonth,
            _ if of_month != in_month && latest == of_month => DayBy::WeekOfMonth,
            _ => DayBy::WeekdayInMonth,
        }
    }
}

/// Returns the Sunday that begins the week of a day.
fn week_start(day: i64) -> i64 {
    on_or_before(day, 0)
}

fn on_or_before(day: i64, weekday: i64) -> i64 {
    day - (weekday_of(day) - weekday).rem_euclid(7)
}
