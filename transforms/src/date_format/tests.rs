#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;

/// 2016-01-01T01:02:03.004Z, a Friday.
const FRIDAY: i64 = 1_451_610_123_004;
const DAY: i64 = 86_400_000;

fn format(pattern: &str) -> DateFormat {
    DateFormat::new(pattern, FRIDAY).unwrap()
}

#[track_caller]
fn writes(pattern: &str, instant: i64, text: &str) {
    assert_eq!(format(pattern).write(instant), text);
}

#[track_caller]
fn reads(pattern: &str, text: &str, instant: i64) {
    assert_eq!(format(pattern).parse(text), Some(instant), "{text} by {pattern}");
}

#[test]
fn every_letter_is_written() {
    writes("G yy yyyy yyyyy Y M MM MMM MMMM L d dd", FRIDAY, "AD 16 2016 02016 2016 1 01 Jan January 1 1 01");
    writes("E EEEE u D F w W", FRIDAY, "Fri Friday 5 1 1 1 1");
    writes("a h K H k HH:mm:ss.SSS S SSSSS", FRIDAY, "AM 1 1 1 1 01:02:03.004 4 00004");
    writes("z zzzz Z X XX XXX", FRIDAY, "UTC Coordinated Universal Time +0000 Z Z Z");
    writes("h a, K, k, H", 0, "12 AM, 0, 24, 0");
    writes("h a", 12 * 3_600_000, "12 PM");
    writes("yyyy''MM'o''clock T'ä", 0, "1970'01o'clock Tä");
}

#[test]
fn weeks_begin_on_sunday_and_the_first_has_1_january() {
    // 2016-12-31 is a Saturday, 2017-01-01 a Sunday; 2018-12-31 a Monday.
    writes("YYYY-ww W", 1_483_142_400_000, "2016-53 5");
    writes("YYYY-ww W", 1_483_228_800_000, "2017-01 1");
    writes("YYYY-ww W", 1_546_214_400_000, "2019-01 6");
}

#[test]
fn old_days_are_julian_and_have_eras() {
    writes("yyyy-MM-dd G", -12_219_292_800_001, "1582-10-04 AD");
    writes("yyyy-MM-dd G", -62_135_769_600_001, "0001-12-31 BC");
    reads("yyyy-MM-dd G", "0001-12-31 bc", -62_135_769_600_000 - DAY);
    reads("yyyy-MM-dd", "1582-10-10", -12_218_860_800_000);
}

#[test]
fn what_is_written_is_read_back() {
    for pattern in [
        "yyyy-MM-dd HH:mm:ss.SSS",
        "yyyyMMddHHmmssSSS",
        "EEE, d MMM yyyy HH:mm:ss.SSS Z",
        "yyyy-DDD kk:mm:ss.SSSX",
        "MMMM d, yyyy hh:mm:ss.SSS a z",
        "YYYY-'W'ww-u HH:mm:ss.SSS",
        "yyyy MM W E HH:mm:ss.SSS",
        "yyyy MM F E HH:mm:ss.SSS",
        "YYYY w E HH:mm:ss.SSS",
    ] {
        for instant in (-3000..12_000).map(|step| step * 3 * DAY + step * 7_654_321) {
            reads(pattern, &format(pattern).write(instant), instant);
        }
    }
}

#[test]
fn numbers_side_by_side_have_as_many_digits_as_letters() {
    reads("yyyyMMdd", "20160101", 1_451_606_400_000);
    assert_eq!(format("yyyyMMdd").parse("2016"), None);
    reads("HHmm", "0130xyz", 5_400_000);
}

#[test]
fn two_digit_years_are_those_around_now() {
    // Now is 2016-01-01T01:02:03.004, so that they begin in 1936.
    reads("yy-MM-dd", "35-12-31", 2_082_672_000_000);
    reads("yy-MM-dd", "37-01-01", -1_041_379_200_000);
    reads("yy-MM-dd", "36-01-02", -1_072_915_200_000);
    reads("yy-MM-dd", "36-01-01", 2_082_758_400_000);
    reads("yyyy-MM-dd", "16-01-01", -61_662_470_400_000);
    reads("yy-MM-dd", "2016-01-01", 1_451_606_400_000);
}

#[test]
fn reading_is_lenient() {
    reads("yyyy-MM-dd", "2016-13-45", 1_487_030_400_000);
    reads("yyyy-MM-dd", "2016- 1-\t2 and more", 1_451_692_800_000);
    reads("HH:mm", "-1:61", 60_000);
    reads("MMM", "september", 243 * DAY);
    assert_eq!(format("yyyy-MM-dd").parse("01/02/2016"), None);
    assert_eq!(format("yyyy-MM").parse("2016-"), None);
    assert_eq!(format("d MMM").parse("1  Jan"), None, "names take no blanks before them");
}

#[test]
fn zones_are_read() {
    for (pattern, text, instant) in [
        ("H Z", "0 +0200", -7_200_000),
        ("H z", "0 -0130", 5_400_000),
        ("H z", "0 GMT+2:30", -9_000_000),
        ("H z", "0 gmt", 0),
        ("H z", "0 PST", 28_800_000),
        ("H z", "0 CEST", -7_200_000),
        ("H X", "0 +02", -7_200_000),
        ("H XX", "0 -0230", 9_000_000),
        ("H XXX", "0 +02:30", -9_000_000),
        ("H XXX", "0 Z", 0),
    ] {
        reads(pattern, text, instant);
    }
    for (pattern, text) in
        [("X", "+2"), ("XXX", "+0200"), ("Z", "+02:00"), ("Z", "+2400"), ("z", "XYZ"), ("X", "z")]
    {
        assert_eq!(format(pattern).parse(text), None, "{text} by {pattern}");
    }
}

#[test]
fn years_without_bounds_do_not_end_the_program() {
    assert!(format("yyyy").parse("99999999999999999999").is_some());
    assert!(format("w-u").parse("-99999999999-999999999").is_some());
    assert_eq!(format("yyyy").write(i64::MAX), "292278994");
}

#[test]
fn patterns_are_checked() {
    for (pattern, reason) in [
        ("bad-format", "Illegal pattern character 'b'"),
        ("yyyy'T", "Unterminated quote"),
        ("XXXX", "invalid ISO 8601 format: length=4"),
    ] {
        assert_eq!(DateFormat::new(pattern, 0).unwrap_err(), reason);
    }
}
