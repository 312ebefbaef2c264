//! The forms of time stamps.

use crate::date_format::DateFormat;
use millrace_api::{
    Class, Error, Kind, Result, Schema, Value, calendar::DAY_MS, choice, java, schema::logical,
};
use std::sync::{Arc, LazyLock};

choice! {
    /// A form of time stamps.
    pub(super) enum Form {
        /// Text.
        String = "string",
        /// A number since the epoch.
        Unix = "unix",
        /// A day.
        Date = "Date",
        /// A time of day.
        Time = "Time",
        /// A point in time.
        Timestamp = "Timestamp",
    }
}

choice! {
    /// What numbers count.
    pub(super) enum Precision {
        /// Billionths.
        Nanoseconds = "nanoseconds",
        /// Millionths.
        Microseconds = "microseconds",
        /// Thousandths.
        Milliseconds = "milliseconds",
        /// Whole ones.
        Seconds = "seconds",
    }
}

type Shared = LazyLock<Arc<Schema>>;

static DATE: Shared = LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::DATE)));
static TIME: Shared = LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::TIME)));
static TIMESTAMP: Shared = LazyLock::new(|| Arc::new(Schema::timestamp()));
static OPTIONAL_DATE: Shared =
    LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::DATE).optional()));
static OPTIONAL_TIME: Shared =
    LazyLock::new(|| Arc::new(Schema::logical(Kind::Int32, logical::TIME).optional()));
static OPTIONAL_TIMESTAMP: Shared = LazyLock::new(|| Arc::new(Schema::timestamp().optional()));

impl Form {
    /// Returns the form that values of a schema have.
    pub(super) fn of_schema(schema: &Schema) -> Result<Self> {
        match (schema.name.as_deref(), &schema.kind) {
            (Some(logical::TIMESTAMP), _) => Ok(Self::Timestamp),
            (Some(logical::DATE), _) => Ok(Self::Date),
            (Some(logical::TIME), _) => Ok(Self::Time),
            (_, Kind::String) => Ok(Self::String),
            (_, Kind::Int64) => Ok(Self::Unix),
            _ => {
                let text = format!("Schema {schema} does not correspond to a known timestamp type format");
                Err(Error::of(Class::BadRecord, java::CONNECT, text))
            }
        }
    }

    /// Returns the form of a schemaless value.
    pub(super) fn of_value(value: &Value) -> Result<Self> {
        match value {
            Value::Instant(_) => Ok(Self::Timestamp),
            Value::Int64(_) => Ok(Self::Unix),
            Value::String(_) => Ok(Self::String),
            other => Err(Error::data(format!(
                "TimestampConverter does not support class {} objects as timestamps",
                other.java_class()
            ))),
        }
    }

    /// Returns the schema of this form that allows null where another does.
    pub(super) fn schema_like(self, other: &Schema) -> Arc<Schema> {
        match (self, other.optional) {
            (Self::String, false) => Schema::string(),
            (Self::String, true) => Schema::optional_string(),
            (Self::Unix, false) => Schema::int64(),
            (Self::Unix, true) => Schema::optional_int64(),
            (Self::Date, false) => DATE.clone(),
            (Self::Date, true) => OPTIONAL_DATE.clone(),
            (Self::Time, false) => TIME.clone(),
            (Self::Time, true) => OPTIONAL_TIME.clone(),
            (Self::Timestamp, false) => TIMESTAMP.clone(),
            (Self::Timestamp, true) => OPTIONAL_TIMESTAMP.clone(),
        }
    }

    /// Returns the instant that a value of this form is.
    pub(super) fn instant_of(
        self,
        value: &Value,
        format: Option<&DateFormat>,
        precision: Precision,
    ) -> Result<i64> {
        let (expected, class) = match (self, value) {
            (Self::String, Value::String(text)) => return parse(text, format),
            (Self::Unix, Value::Int64(number)) => return Ok(precision.milliseconds_of(*number)),
            (Self::Date | Self::Time | Self::Timestamp, Value::Instant(instant)) => return Ok(*instant),
            (Self::String, _) => ("string timestamp", "String"),
            (Self::Unix, _) => ("Unix timestamp", "Long"),
            (Self::Date, _) => ("Date", "java.util.Date"),
            (Self::Time, _) => ("Time", "java.util.Date"),
            (Self::Timestamp, _) => ("Timestamp", "java.util.Date"),
        };
        Err(Error::data(format!(
            "Expected {expected} to be a {class}, but found class {}",
            value.java_class()
        )))
    }

    /// Returns an instant in this form; text needs a pattern, and is not made here.
    pub(super) fn value_of(self, instant: i64, precision: Precision) -> Value {
        match self {
            Self::Unix => Value::Int64(precision.count_of(instant)),
            Self::Date => Value::Instant(instant.div_euclid(DAY_MS).saturating_mul(DAY_MS)),
            Self::Time => Value::Instant(instant.rem_euclid(DAY_MS)),
            Self::Timestamp | Self::String => Value::Instant(instant),
        }
    }
}

impl Precision {
    fn milliseconds_of(self, number: i64) -> i64 {
        match self {
            Self::Nanoseconds => number / 1_000_000,
            Self::Microseconds => number / 1000,
            Self::Milliseconds => number,
            Self::Seconds => number.saturating_mul(1000),
        }
    }

    fn count_of(self, milliseconds: i64) -> i64 {
        match self {
            Self::Nanoseconds => milliseconds.saturating_mul(1_000_000),
            Self::Microseconds => milliseconds.saturating_mul(1000),
            Self::Milliseconds => milliseconds,
            Self::Seconds => milliseconds / 1000,
        }
    }
}

fn parse(text: &str, format: Option<&DateFormat>) -> Result<i64> {
    let Some(format) = format else {
        let text = "a text is to be read as a time stamp, but the setting format is missing";
        return Err(Error::of(Class::BadRecord, "java.lang.NullPointerException", text));
    };
    format.parse(text).ok_or_else(|| {
        let pattern = format.pattern();
        Error::data(format!("Could not parse timestamp: value ({text}) does not match pattern ({pattern})"))
    })
}
