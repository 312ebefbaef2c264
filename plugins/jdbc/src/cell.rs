//! One value of a row, or one parameter of a statement, in a form that belongs to no database.

use millrace_api::Decimal;
use std::borrow::Cow;

/// A neutral value. What is read is borrowed from the row; what is bound may be owned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// SQL's NULL.
    Null,
    Boolean(bool),
    Integer(i64),
    /// Beyond what `Integer` holds.
    Unsigned(u64),
    Float32(f32),
    Float64(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Decimal(Decimal),
    /// Days since 1970-01-01 in the Gregorian calendar, carried back beyond 1582.
    Date(i32),
    /// Nanoseconds since midnight; MySQL's may be negative or longer than a day.
    Time(i64),
    /// What a clock on the wall shows, counted as if that wall stood in UTC.
    Naive(Moment),
    /// A point in time.
    Instant(Moment),
}

/// Seconds since the epoch and the nanoseconds of that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
}

/// The nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

impl Moment {
    /// Returns the moment that many microseconds after the epoch.
    pub(crate) fn from_micros(micros: i64) -> Self {
        let nanos = micros.rem_euclid(1_000_000) * 1000;
        Self { seconds: micros.div_euclid(1_000_000), nanos: nanos as u32 }
    }

    /// Returns the moment that many milliseconds after the epoch.
    pub(crate) fn from_millis(millis: i64) -> Self {
        let nanos = millis.rem_euclid(1000) * 1_000_000;
        Self { seconds: millis.div_euclid(1000), nanos: nanos as u32 }
    }

    /// Returns the milliseconds since the epoch; what is finer is cut off.
    pub(crate) fn millis(self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1_000_000))
    }

    /// Returns the same moment without what is finer than a millisecond.
    pub(crate) fn to_millis(self) -> Self {
        Self { nanos: self.nanos / 1_000_000 * 1_000_000, ..self }
    }
}

impl Cell<'_> {
    /// Returns a copy that borrows nothing.
    pub(crate) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Boolean(value) => Cell::Boolean(value),
            Self::Integer(value) => Cell::Integer(value),
            Self::Unsigned(value) => Cell::Unsigned(value),
            Self::Float32(value) => Cell::Float32(value),
            Self::Float64(value) => Cell::Float64(value),
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Cell::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Decimal(value) => Cell::Decimal(value),
            Self::Date(days) => Cell::Date(days),
            Self::Time(nanos) => Cell::Time(nanos),
            Self::Naive(moment) => Cell::Naive(moment),
            Self::Instant(moment) => Cell::Instant(moment),
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
