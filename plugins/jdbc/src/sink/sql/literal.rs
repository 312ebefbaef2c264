//! Defaults as they stand in CREATE and ALTER.

use crate::{
    clock::Calendar,
    sink::{bind, types::ColumnType},
};
use jiff::tz::TimeZone;
use millrace_api::{
    Value,
    calendar::{DAY_MS, date_of, to_local},
    text,
};

/// The zones in which points in time are written.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// `db.timezone`.
    pub zone: TimeZone,
    /// The zone of dates: `db.timezone` or UTC.
    pub date_zone: TimeZone,
    pub calendar: Calendar,
}

/// Returns the literal that most databases understand, or `None` for a value that has none.
pub(super) fn of(kind: &ColumnType, value: &Value, clock: &Clock) -> Option<String> {
    match (kind, value) {
        (ColumnType::Date, Value::Instant(at)) => {
            Some(format!("'{}'", date(to_local(*at, &clock.date_zone).0)))
        }
        (ColumnType::Time, Value::Instant(at)) => Some(format!("'{}'", time(to_local(*at, &clock.zone).1))),
        (ColumnType::Timestamp, Value::Instant(at)) => Some(timestamp(*at, clock)),
        (ColumnType::Epoch, value) => {
            let at = bind::epoch(value, bind::Precision::Microseconds)?;
            Some(timestamp(at.seconds * 1000 + i64::from(at.nanos) / 1_000_000, clock))
        }
        (_, Value::Boolean(value)) => Some(u8::from(*value).to_string()),
        (_, Value::Int8(value)) => Some(value.to_string()),
        (_, Value::Int16(value)) => Some(value.to_string()),
        (_, Value::Int32(value)) => Some(value.to_string()),
        (_, Value::Int64(value)) => Some(value.to_string()),
        (_, Value::Float32(value)) if value.is_finite() => Some(text::float(*value)),
        (_, Value::Float64(value)) if value.is_finite() => Some(text::double(*value)),
        (_, Value::Float32(value)) => Some(quoted(&text::float(*value))),
        (_, Value::Float64(value)) => Some(quoted(&text::double(*value))),
        (_, Value::Decimal(value)) => Some(bind::plain(value)),
        (_, Value::String(value)) => Some(quoted(value)),
        (_, Value::Bytes(value)) => Some(format!("x'{}'", hex(value))),
        _ => None,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Quotes a text. The reference forgets to double quotes inside, and its statement fails.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn date(days: i64) -> String {
    let (year, month, day) = date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

fn time(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", milliseconds % 1000)
}

fn timestamp(at: i64, clock: &Clock) -> String {
    let (day, milliseconds) = to_local(at, &clock.zone);
    debug_assert!((0..DAY_MS).contains(&milliseconds));
    format!("'{} {}'", date(day), time(milliseconds))
}
