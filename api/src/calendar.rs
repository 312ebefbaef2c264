//! Java's calendar: Gregorian from 15 October 1582, Julian before, on the clock of any time zone.
//!
//! Years count on through zero: year 0 is 1 BC. Days count from 1970-01-01.

use jiff::{Timestamp, tz::TimeZone};

/// The milliseconds of a day without a change of the clock.
pub const DAY_MS: i64 = 86_400_000;

/// 15 October 1582, the first day of the Gregorian calendar, in days since the epoch.
const GREGORIAN_FROM: i64 = -141_427;

/// Returns year, month (from 1) and day (from 1) of a number of days since the epoch.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    // Years are counted from March here, so that the leap day is the last day of a year.
    let (year, day_of_year) = if days >= GREGORIAN_FROM {
        let shifted = days + GREGORIAN_SHIFT;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        (era * 400 + year, day - (365 * year + year / 4 - year / 100))
    } else {
        let shifted = days + JULIAN_SHIFT;
        let (era, day) = (shifted.div_euclid(1461), shifted.rem_euclid(1461));
        let year = (day - day / 1460) / 365;
        (era * 4 + year, day - 365 * year)
    };
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// Returns the days since the epoch of a date whose month and day may lie outside their ranges: they roll over, as
/// in Java's lenient calendar. The ten days that 1582 skipped roll forward.
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let gregorian = era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + day_of_year - GREGORIAN_SHIFT;
    if gregorian >= GREGORIAN_FROM {
        return gregorian;
    }
    year.div_euclid(4) * 1461 + year.rem_euclid(4) * 365 + day_of_year - JULIAN_SHIFT
}

/// Returns the day and the milliseconds since its midnight that the clock of `zone` shows at an instant.
pub fn to_local(instant: i64, zone: &TimeZone) -> (i64, i64) {
    let local = instant.saturating_add(offset_at(instant, zone));
    (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS))
}

/// Returns the instant at which the clock of `zone` shows a day and milliseconds since its midnight, which may be
/// outside the day. A time that the clock skips is read with the offset before; one that it shows twice is the later.
pub fn from_local(day: i64, milliseconds: i64, zone: &TimeZone) -> i64 {
    let local = day.saturating_mul(DAY_MS).saturating_add(milliseconds);
    let Ok(shown) = Timestamp::from_millisecond(local) else {
        return local.saturating_sub(offset_at(local, zone));
    };
    let shown = TimeZone::UTC.to_datetime(shown);
    let found = zone.to_ambiguous_timestamp(shown).later();
    found.map_or_else(|_| local.saturating_sub(offset_at(local, zone)), Timestamp::as_millisecond)
}

/// Days from 1 March of year 0 to the epoch, in either calendar.
const GREGORIAN_SHIFT: i64 = 719_468;
const JULIAN_SHIFT: i64 = 719_470;

/// Returns the offset of a zone; instants beyond the years that `jiff` knows have that of the nearest one.
fn offset_at(instant: i64, zone: &TimeZone) -> i64 {
    let nearest = if instant < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let timestamp = Timestamp::from_millisecond(instant).unwrap_or(nearest);
    i64::from(zone.to_offset(timestamp).seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((year, month, day): (i64, i64, i64), days: i64) {
        assert_eq!(days_of(year, month, day), days);
        assert_eq!(date_of(days), (year, month, day));
    }

    #[test]
    fn days_before_october_1582_are_julian() {
        check((1970, 1, 1), 0);
        check((2000, 2, 29), 11_016);
        check((1582, 10, 15), GREGORIAN_FROM);
        check((1582, 10, 4), GREGORIAN_FROM - 1);
        check((1, 1, 1), -62_135_769_600_000 / DAY_MS);
        check((1, 1, 3), -62_135_596_800_000 / DAY_MS);
        check((0, 12, 31), -62_135_769_600_000 / DAY_MS - 1);
    }

    #[test]
    fn dates_outside_their_ranges_roll_over() {
        assert_eq!(days_of(2019, 13, 45), days_of(2020, 2, 14));
        assert_eq!(days_of(2019, 0, 0), days_of(2018, 11, 30));
        assert_eq!(days_of(1582, 10, 10) * DAY_MS, -12_218_860_800_000);
    }

    #[test]
    fn every_day_is_the_day_of_its_date() {
        for days in (-800_000..800_000).step_by(7) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn clocks_that_are_put_forward_or_back_are_read_as_java_reads_them() {
        let Ok(zone) = TimeZone::get("Europe/Berlin") else {
            panic!("the time zone data base (package tzdata) is missing");
        };
        let hour = 3_600_000;
        let spring = days_of(2024, 3, 31);
        // 02:30 does not exist: read at the winter offset.
        assert_eq!(from_local(spring, 2 * hour + hour / 2, &zone), spring * DAY_MS + hour + hour / 2);
        let autumn = days_of(2024, 10, 27);
        // 02:30 comes twice: the second, in winter time.
        assert_eq!(from_local(autumn, 2 * hour + hour / 2, &zone), autumn * DAY_MS + hour + hour / 2);
        assert_eq!(to_local(0, &zone), (0, hour));
        assert_eq!(to_local(i64::MAX, &TimeZone::UTC).0, i64::MAX / DAY_MS);
    }
}
