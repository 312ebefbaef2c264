//! Time zones, as Java names them. Pure.

use jiff::tz::{Offset, TimeZone};
use millrace_api::config::{Check, Parsed};

/// What is said of a zone that there is none of.
const UNKNOWN: &str = "Invalid time zone. See the list of valid time zones at \
    https://docs.oracle.com/javase/8/docs/api/java/time/ZoneId.html";

/// Java's short names, whose meaning is not always that of the zone data base.
const SHORT: [(&str, &str); 28] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "-05:00"),
    ("HST", "-10:00"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "-07:00"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// Returns the zone of a name such as `Europe/Berlin`, `PST`, `GMT+2`, `+02:00` or `Z`.
pub(crate) fn parse(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, full)| full);
    if matches!(name, "Z" | "UTC" | "GMT" | "UT") {
        return Some(TimeZone::UTC);
    }
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => fixed(seconds(digits)?),
        (_, Some(digits)) => fixed(-seconds(digits)?),
        _ => TimeZone::get(name).ok(),
    }
}

/// A check of a setting that names a zone.
pub(crate) fn check() -> Check {
    Check::new(|value| match value {
        Parsed::Text(name) if parse(name).is_none() => Err(UNKNOWN.to_string()),
        _ => Ok(()),
    })
}

fn fixed(seconds: i32) -> Option<TimeZone> {
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// Reads `2`, `02`, `0230`, `02:30` or `02:30:15`.
fn seconds(digits: &str) -> Option<i32> {
    let parts: Vec<&str> = match digits.len() {
        4 if !digits.contains(':') && digits.is_ascii() => vec![&digits[..2], &digits[2..]],
        _ => digits.split(':').collect(),
    };
    let numbers: Vec<i32> = parts.iter().map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match numbers.as_slice() {
        [hours] => (*hours, 0, 0),
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let is_sane = (0..=18).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    is_sane.then_some(hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[track_caller]
    fn check(name: &str, seconds: Option<i32>) {
        // In winter.
        let found = parse(name).map(|zone| zone.to_offset(Timestamp::UNIX_EPOCH).seconds());
        assert_eq!(found, seconds, "{name}");
    }

    #[test]
    fn zones_are_found_by_every_name_that_java_knows() {
        check("UTC", Some(0));
        check("Z", Some(0));
        check("Europe/Berlin", Some(3600));
        check("America/New_York", Some(-5 * 3600));
        check("PST", Some(-8 * 3600));
        check("EST", Some(-5 * 3600));
        check("+02:00", Some(7200));
        check("-0230", Some(-9000));
        check("GMT+2", Some(7200));
        check("UTC-08:30", Some(-(8 * 3600 + 1800)));
        check("+1", Some(3600));
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "Mars/Olympus", "+", "+25:00", "+02:60", "+a", "GMT+"] {
            check(name, None);
        }
    }
}
