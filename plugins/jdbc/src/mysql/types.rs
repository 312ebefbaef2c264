//! The types of MySQL and MariaDB: what their Java drivers call them, and how values are read and bound. Pure.

use crate::{
    cell::{Cell, Moment, SECOND},
    clock,
    connection::{Column, JdbcType},
    decimal,
    url::Product,
};
use jiff::tz::TimeZone;
use millrace_api::text;
use mysql_async::{
    Value,
    consts::{ColumnFlags, ColumnType},
};
use std::borrow::Cow;

/// The character set of what is no text.
const BINARY: u16 = 63;

/// What parameters of the driver say about types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `tinyInt1isBit`.
    pub(super) tiny_one_is_bit: bool,
    /// `yearIsDateType`.
    pub(super) year_is_date: bool,
    /// `zeroDateTimeBehavior`.
    pub(super) zero_date: ZeroDate,
    /// `nullCatalogMeansCurrent` and its newer name.
    pub(super) null_catalog_is_current: bool,
}

/// What a date like 0000-00-00 becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZeroDate {
    Error,
    Null,
    /// 0001-01-01.
    Round,
}

/// How a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Number,
    Boolean,
    Bits,
    Decimal,
    Text,
    Bytes,
    Date(ZeroDate),
    Year,
    Timestamp(ZeroDate),
    Time,
    Nothing,
}

/// Describes a column of a result.
pub(super) fn describe(column: &mysql_async::Column, product: Product, rules: Rules) -> (Column, Reading) {
    let flags = column.flags();
    let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let text = column.character_set() != BINARY;
    let one = column.column_length() == 1;
    let (jdbc_type, reading) = of(column.column_type(), Width { one, unsigned, text }, product, rules);
    let scale = if jdbc_type == JdbcType::Decimal { i32::from(column.decimals()) } else { 0 };
    // The length counts the sign and the point.
    let around = i32::from(!unsigned) + i32::from(scale > 0);
    let precision = i32::try_from(column.column_length()).unwrap_or(i32::MAX).saturating_sub(around);
    let column = Column {
        label: column.name_str().into_owned(),
        jdbc_type,
        type_name: name(column.column_type()),
        precision,
        scale,
        nullable: !flags.contains(ColumnFlags::NOT_NULL_FLAG),
        signed: !unsigned,
        auto_increment: flags.contains(ColumnFlags::AUTO_INCREMENT_FLAG),
    };
    (column, reading)
}

/// What beside the type decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    pub(super) one: bool,
    pub(super) unsigned: bool,
    pub(super) text: bool,
}

/// Returns the type that the product's own Java driver reports.
pub(super) fn of(kind: ColumnType, width: Width, product: Product, rules: Rules) -> (JdbcType, Reading) {
    use ColumnType::*;
    let is_maria = product == Product::MariaDb;
    match kind {
        MYSQL_TYPE_TINY if width.one && rules.tiny_one_is_bit => {
            if is_maria {
                (JdbcType::Boolean, Reading::Boolean)
            } else {
                (JdbcType::Bit, Reading::Number)
            }
        }
        // MariaDB's driver counts an unsigned type as the next wider one, and as unsigned besides.
        MYSQL_TYPE_TINY if width.unsigned && is_maria => (JdbcType::SmallInt, Reading::Number),
        MYSQL_TYPE_TINY => (JdbcType::TinyInt, Reading::Number),
        MYSQL_TYPE_SHORT if width.unsigned && is_maria => (JdbcType::Integer, Reading::Number),
        MYSQL_TYPE_SHORT => (JdbcType::SmallInt, Reading::Number),
        MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG => (JdbcType::Integer, Reading::Number),
        MYSQL_TYPE_LONGLONG => (JdbcType::BigInt, Reading::Number),
        MYSQL_TYPE_FLOAT => (JdbcType::Real, Reading::Number),
        MYSQL_TYPE_DOUBLE => (JdbcType::Double, Reading::Number),
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL => (JdbcType::Decimal, Reading::Decimal),
        MYSQL_TYPE_BIT if width.one && is_maria => (JdbcType::Boolean, Reading::Boolean),
        MYSQL_TYPE_BIT => (JdbcType::Bit, Reading::Bits),
        MYSQL_TYPE_YEAR if rules.year_is_date => (JdbcType::Date, Reading::Year),
        MYSQL_TYPE_YEAR => (JdbcType::SmallInt, Reading::Number),
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => (JdbcType::Date, Reading::Date(rules.zero_date)),
        MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 | MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => {
            (JdbcType::Timestamp, Reading::Timestamp(rules.zero_date))
        }
        MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => (JdbcType::Time, Reading::Time),
        MYSQL_TYPE_JSON | MYSQL_TYPE_ENUM | MYSQL_TYPE_SET => (JdbcType::Text, Reading::Text),
        MYSQL_TYPE_GEOMETRY => (JdbcType::Binary, Reading::Bytes),
        MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_STRING
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
        | MYSQL_TYPE_BLOB => {
            if width.text {
                (JdbcType::Text, Reading::Text)
            } else {
                (JdbcType::Binary, Reading::Bytes)
            }
        }
        _ => (JdbcType::Other, Reading::Nothing),
    }
}

/// Reads a value; the error is the reason.
pub(super) fn read(reading: Reading, value: &Value) -> Result<Cell<'_>, String> {
    Ok(match (value, reading) {
        (Value::NULL, _) | (_, Reading::Nothing) => Cell::Null,
        (Value::Int(number), Reading::Year) => year(*number),
        (Value::UInt(number), Reading::Year) => year(i64::try_from(*number).unwrap_or(0)),
        (Value::Int(number), Reading::Boolean) => Cell::Boolean(*number != 0),
        (Value::UInt(number), Reading::Boolean) => Cell::Boolean(*number != 0),
        (Value::Int(number), _) => Cell::Integer(*number),
        (Value::UInt(number), _) => i64::try_from(*number).map_or(Cell::Unsigned(*number), Cell::Integer),
        (Value::Float(number), _) => Cell::Float32(*number),
        (Value::Double(number), _) => Cell::Float64(*number),
        (Value::Bytes(bytes), Reading::Boolean) => Cell::Boolean(bits(bytes) != 0),
        (Value::Bytes(bytes), Reading::Bits) => match u8::try_from(bits(bytes)) {
            Ok(bits) => Cell::Integer(i64::from(bits as i8)),
            Err(_) => return Err("a bit field of more than eight bits does not fit into INT8".to_string()),
        },
        (Value::Bytes(bytes), Reading::Decimal) => Cell::Decimal(decimal::parse(utf8(bytes)?)?),
        (Value::Bytes(bytes), Reading::Bytes) => Cell::Bytes(Cow::Borrowed(bytes)),
        (Value::Bytes(bytes), _) => Cell::Text(Cow::Borrowed(utf8(bytes)?)),
        (
            Value::Date(year, month, day, hour, minute, second, micros),
            Reading::Date(zero) | Reading::Timestamp(zero),
        ) => {
            let (mut date, mut clock) = ((*year, *month, *day), (*hour, *minute, *second, *micros));
            if date.1 == 0 || date.2 == 0 {
                match zero {
                    ZeroDate::Error => return Err(zero_date(date)),
                    ZeroDate::Null => return Ok(Cell::Null),
                    ZeroDate::Round => (date, clock) = ((1, 1, 1), (0, 0, 0, 0)),
                }
            }
            let days = clock::days(date.0.into(), date.1.into(), date.2.into());
            match reading {
                Reading::Date(_) => Cell::Date(i32::try_from(days).unwrap_or(i32::MAX)),
                _ => {
                    let seconds = i64::from(clock.0) * 3600 + i64::from(clock.1) * 60 + i64::from(clock.2);
                    Cell::Naive(Moment { seconds: days * 86_400 + seconds, nanos: clock.3 * 1000 })
                }
            }
        }
        (Value::Time(negative, days, hours, minutes, seconds, micros), Reading::Time) => {
            let hours = i64::from(*days) * 24 + i64::from(*hours);
            let seconds = (hours * 60 + i64::from(*minutes)) * 60 + i64::from(*seconds);
            let nanos = seconds * SECOND + i64::from(*micros) * 1000;
            Cell::Time(if *negative { -nanos } else { nanos })
        }
        (other, reading) => return Err(format!("the server sent {other:?} where {reading:?} was announced")),
    })
}

/// Returns what the server is sent for a cell.
pub(super) fn bind(cell: &Cell<'_>, zone: &TimeZone) -> Value {
    match cell {
        Cell::Null => Value::NULL,
        Cell::Boolean(value) => Value::Int((*value).into()),
        Cell::Integer(value) => Value::Int(*value),
        Cell::Unsigned(value) => Value::UInt(*value),
        Cell::Float32(value) => Value::Float(*value),
        Cell::Float64(value) => Value::Double(*value),
        Cell::Text(text) => Value::Bytes(text.as_bytes().to_vec()),
        Cell::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        Cell::Decimal(value) => Value::Bytes(plain(value).into_bytes()),
        Cell::Date(days) => date(i64::from(*days), 0, 0),
        Cell::Time(nanos) => {
            let micros = nanos.unsigned_abs() / 1000;
            let seconds = micros / 1_000_000;
            let part = |number: u64| u8::try_from(number % 60).unwrap_or(0);
            let hours = seconds / 3600;
            let (days, hour) = (u32::try_from(hours / 24).unwrap_or(u32::MAX), (hours % 24) as u8);
            Value::Time(
                *nanos < 0,
                days,
                hour,
                part(seconds / 60),
                part(seconds),
                (micros % 1_000_000) as u32,
            )
        }
        Cell::Naive(moment) => timestamp(*moment),
        Cell::Instant(moment) => timestamp(clock::to_wall(*moment, zone)),
    }
}

fn plain(value: &millrace_api::Decimal) -> String {
    // An exponent is read as an approximate number, so a negative scale is written out.
    decimal::rescale(value, value.scale.max(0))
        .map_or_else(|_| text::decimal(value), |value| text::decimal(&value))
}

fn timestamp(moment: Moment) -> Value {
    let (day, second) = (moment.seconds.div_euclid(86_400), moment.seconds.rem_euclid(86_400));
    date(day, second as u32, moment.nanos / 1000)
}

fn date(day: i64, second: u32, micros: u32) -> Value {
    let (year, month, day) = clock::date(day);
    let small = |number: i64| u8::try_from(number).unwrap_or(0);
    let (hour, minute) = ((second / 3600) as u8, (second / 60 % 60) as u8);
    Value::Date(
        u16::try_from(year).unwrap_or(0),
        small(month),
        small(day),
        hour,
        minute,
        (second % 60) as u8,
        micros,
    )
}

fn year(number: i64) -> Cell<'static> {
    Cell::Date(i32::try_from(clock::days(number, 1, 1)).unwrap_or(0))
}

fn bits(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("text that is not UTF-8: {error}"))
}

fn zero_date((year, month, day): (u16, u8, u8)) -> String {
    format!(
        "{year:04}-{month:02}-{day:02} is no date; zeroDateTimeBehavior=CONVERT_TO_NULL or ROUND in connection.url reads it"
    )
}

/// Returns what the database calls a type, roughly.
fn name(kind: ColumnType) -> String {
    format!("{kind:?}").trim_start_matches("MYSQL_TYPE_").to_string()
}
