//! Wall clocks and dates. Pure.
//!
//! Databases count days in the Gregorian calendar, carried back beyond its beginning; Java's older classes change to the
//! Julian one before 15 October 1582, and what they make of a date is what a record holds unless
//! `date.calendar.system` says otherwise.

use crate::cell::{Moment, SECOND};
use jiff::tz::TimeZone;
use millrace_api::calendar::{self, DAY_MS};

/// Days since the epoch of 1582-10-15.
const GREGORIAN_FROM: i64 = -141_427;

/// Which days a date before 15 October 1582 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calendar {
    /// Julian before that day, as Java's older classes have it.
    Legacy,
    /// Gregorian throughout, as databases have it.
    Proleptic,
}

/// Returns year, month and day of a number of days since the epoch, Gregorian throughout; year 0 is 1 BC.
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// Returns the days since the epoch of a date, Gregorian throughout.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + day_of_year - 719_468
}

/// Returns the day that a record holds for a day of a database.
pub(crate) fn record_day(days: i64, calendar: Calendar) -> i64 {
    if days >= GREGORIAN_FROM || calendar == Calendar::Proleptic {
        return days;
    }
    let (year, month, day) = date(days);
    calendar::days_of(year, month, day)
}

/// Returns the point in time at which a clock in `zone` shows what a database column says.
pub(crate) fn from_wall(shown: Moment, zone: &TimeZone, calendar: Calendar) -> Moment {
    let (day, second) = (shown.seconds.div_euclid(86_400), shown.seconds.rem_euclid(86_400));
    let day = record_day(day, calendar);
    if *zone == TimeZone::UTC {
        return Moment { seconds: day * 86_400 + second, nanos: shown.nanos };
    }
    let millis = calendar::from_local(day, second * 1000, zone);
    Moment { seconds: millis.div_euclid(1000), nanos: shown.nanos }
}

/// Returns what a clock in `zone` shows at a point in time.
pub(crate) fn to_wall(instant: Moment, zone: &TimeZone) -> Moment {
    let (day, millis) = calendar::to_local(instant.seconds.saturating_mul(1000), zone);
    Moment { seconds: (day * DAY_MS + millis).div_euclid(1000), nanos: instant.nanos }
}

/// Returns the milliseconds since midnight UTC when a clock in `zone` shows this time of day, on the first day of the epoch.
pub(crate) fn time_of_day(nanos: i64, zone: &TimeZone) -> i64 {
    let millis = nanos.div_euclid(SECOND / 1000);
    let instant = if *zone == TimeZone::UTC { millis } else { calendar::from_local(0, millis, zone) };
    instant.rem_euclid(DAY_MS)
}

/// Reads `2024-01-31 12:30:45.123`, its parts from the right optional; what a clock on the wall shows.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let (date, time) = text.trim().split_once([' ', 'T']).unwrap_or((text.trim(), "00:00:00"));
    let mut numbers = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let (clock, fraction) =
        time.trim_end_matches('Z').split_once('.').unwrap_or((time.trim_end_matches('Z'), "0"));
    let mut numbers = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let second = numbers.next().unwrap_or(Ok(0)).ok()?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..24).contains(&hour);
    if !in_range || !(0..60).contains(&minute) || !(0..=60).contains(&second) || fraction.len() > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    Some(Moment { seconds: days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, nanos })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_day_is_the_day_of_its_date() {
        for number in (-1_000_000..1_000_000).step_by(11) {
            let (year, month, day) = date(number);
            assert_eq!(days(year, month, day), number);
        }
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(days(1582, 10, 15), GREGORIAN_FROM);
    }

    #[test]
    fn days_before_1582_follow_the_calendar_system() {
        let first = days(1, 1, 1);
        assert_eq!(record_day(first, Calendar::Proleptic), first);
        // 1 January of the year 1 in the Julian calendar is two days earlier.
        assert_eq!(record_day(first, Calendar::Legacy), first - 2);
        assert_eq!(record_day(GREGORIAN_FROM, Calendar::Legacy), GREGORIAN_FROM);
    }

    #[test]
    fn texts_of_dates_and_times_are_read() {
        let noon = days(2024, 1, 31) * 86_400 + 43_200;
        assert_eq!(parse("2024-01-31 12:00:05.25"), Some(Moment { seconds: noon + 5, nanos: 250_000_000 }));
        assert_eq!(parse("2024-01-31T12:00Z"), Some(Moment { seconds: noon, nanos: 0 }));
        assert_eq!(parse("2024-01-31"), Some(Moment { seconds: noon - 43_200, nanos: 0 }));
        for wrong in ["", "yesterday", "2024-13-01", "2024-01-01 25:00", "2024-01-01 1:2:3.x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn wall_clocks_become_points_in_time_and_back() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let noon = Moment { seconds: days(2024, 1, 1) * 86_400 + 43_200, nanos: 5 };
        let instant = from_wall(noon, &berlin, Calendar::Legacy);
        assert_eq!(instant, Moment { seconds: noon.seconds - 3600, nanos: 5 });
        assert_eq!(to_wall(instant, &berlin), noon);
        assert_eq!(time_of_day(12 * 3600 * SECOND, &berlin), 11 * 3_600_000);
        assert_eq!(time_of_day(0, &berlin), 23 * 3_600_000);
    }
}
