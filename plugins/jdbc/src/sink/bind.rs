//! From a record's parts to the cells of its row.

use super::{
    config::InsertMode,
    error::RowError,
    layout::{Column, Part, Role},
    sql::Clock,
    types::ColumnType,
};
use crate::{
    cell::{Cell, Moment},
    clock::{Calendar, days},
};
use millrace_api::{
    Decimal, SinkRecord, Value,
    calendar::{DAY_MS, date_of, to_local},
};
use std::borrow::Cow;

/// The unit of fields in `timestamp.fields.list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Microseconds,
    Nanoseconds,
}

/// What a null becomes in a field that has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Kept,
    Defaulted,
}

/// How points in time are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// As the database's own types.
    Typed,
    /// The same, with years of four digits: MySQL has no others.
    FourDigitYears,
    /// As milliseconds since the epoch: SQLite has no such types.
    Milliseconds,
}

/// 1 January of the year 1 and 31 December 9999, in days since 1970.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

/// The settings that decide how values are written.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub clock: Clock,
    pub precision: Precision,
    pub nulls: Nulls,
    pub times: Times,
    /// Statements differ in the order of their parameters.
    pub mode: InsertMode,
}

impl Binding {
    /// Returns the value of a column in a record whose schemas are those of the column's layout.
    pub fn cell<'a>(&self, column: &'a Column, record: &'a SinkRecord) -> Result<Cell<'a>, RowError> {
        let value = match column.part {
            Part::Topic => return Ok(Cell::from(record.topic.as_ref())),
            Part::Partition => return Ok(Cell::Integer(record.partition.into())),
            Part::Offset => return Ok(Cell::Integer(record.offset)),
            Part::WholeKey => &record.record.key.value,
            Part::KeyField(index) => field(&record.record.key.value, index),
            Part::WholeValue => &record.record.value.value,
            Part::ValueField(index) => field(&record.record.value.value, index),
        };
        let default = column.schema.default.as_deref();
        let value = match default {
            Some(default) if value.is_null() && self.defaults(column) => default,
            _ => value,
        };
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let Some(kind) = &column.kind else {
            return Err(RowError::Unsupported { kind: column.schema.kind.to_string() });
        };
        self.typed(column, kind, value)
    }

    fn defaults(&self, column: &Column) -> bool {
        self.nulls == Nulls::Defaulted && column.role == Role::Other
    }

    fn typed<'a>(&self, column: &Column, kind: &ColumnType, value: &'a Value) -> Result<Cell<'a>, RowError> {
        match (kind, value) {
            (ColumnType::Date | ColumnType::Time | ColumnType::Timestamp, Value::Instant(at)) => {
                self.point_in_time(column, kind, *at)
            }
            (ColumnType::Epoch, value) => {
                let not_an_epoch =
                    || RowError::NotAnEpoch { column: column.name.to_string(), text: value.to_string() };
                self.timestamp(column, epoch(value, self.precision).ok_or_else(not_an_epoch)?)
            }
            (ColumnType::Array(_), Value::Array(values)) => array_literal(values)
                .map(|text| Cell::Text(Cow::Owned(text)))
                .ok_or_else(|| misfit(column, kind, value)),
            (_, Value::Boolean(value)) => Ok(Cell::Boolean(*value)),
            (_, Value::Int8(value)) => Ok(Cell::Integer((*value).into())),
            (_, Value::Int16(value)) => Ok(Cell::Integer((*value).into())),
            (_, Value::Int32(value)) => Ok(Cell::Integer((*value).into())),
            (_, Value::Int64(value)) => Ok(Cell::Integer(*value)),
            (_, Value::Float32(value)) => Ok(Cell::Float32(*value)),
            (_, Value::Float64(value)) => Ok(Cell::Float64(*value)),
            (_, Value::String(text)) => Ok(Cell::Text(Cow::Borrowed(text))),
            (_, Value::Bytes(bytes)) => Ok(Cell::Bytes(Cow::Borrowed(bytes))),
            (_, Value::Decimal(decimal)) => Ok(Cell::Decimal(decimal.as_ref().clone())),
            _ => Err(misfit(column, kind, value)),
        }
    }

    fn point_in_time(&self, column: &Column, kind: &ColumnType, at: i64) -> Result<Cell<'static>, RowError> {
        if self.times == Times::Milliseconds {
            return Ok(Cell::Integer(at));
        }
        match kind {
            ColumnType::Date => {
                let days = self.gregorian(to_local(at, &self.clock.date_zone).0);
                self.check_year(column, days, at)?;
                Ok(Cell::Date(i32::try_from(days).map_err(|_| too_far(column, at))?))
            }
            ColumnType::Time => Ok(Cell::Time(to_local(at, &self.clock.zone).1 * 1_000_000)),
            _ => self.timestamp(column, Moment::from_millis(at)),
        }
    }

    fn check_year(&self, column: &Column, days: i64, at: i64) -> Result<(), RowError> {
        let fits = self.times != Times::FourDigitYears || (FIRST_DAY..=LAST_DAY).contains(&days);
        if fits { Ok(()) } else { Err(too_far(column, at)) }
    }

    /// Writes a point in time. One that Java's calendar calls otherwise than the database does is turned into what the
    /// clock on the wall shows; others stay points in time, which a column with a zone keeps exactly.
    fn timestamp(&self, column: &Column, at: Moment) -> Result<Cell<'static>, RowError> {
        if self.times == Times::Milliseconds {
            return Ok(Cell::Integer(at.millis()));
        }
        let (day, milliseconds) = to_local(at.millis(), &self.clock.zone);
        let gregorian = self.gregorian(day);
        self.check_year(column, gregorian, at.millis())?;
        if gregorian == day {
            return Ok(Cell::Instant(at));
        }
        let seconds = gregorian.saturating_mul(DAY_MS / 1000).saturating_add(milliseconds / 1000);
        Ok(Cell::Naive(Moment { seconds, nanos: at.nanos }))
    }

    /// Returns the day that has the same name in the calendar of databases.
    fn gregorian(&self, day: i64) -> i64 {
        match self.clock.calendar {
            Calendar::Proleptic => day,
            Calendar::Legacy => {
                let (year, month, day_of_month) = date_of(day);
                days(year, month, day_of_month)
            }
        }
    }
}

/// Reads an epoch in the unit of `timestamp.precision.mode`.
pub(crate) fn epoch(value: &Value, precision: Precision) -> Option<Moment> {
    let number = match value {
        Value::Int64(number) => *number,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Some(match precision {
        Precision::Microseconds => Moment::from_micros(number),
        Precision::Nanoseconds => {
            let nanos = u32::try_from(number.rem_euclid(1_000_000_000)).ok()?;
            Moment { seconds: number.div_euclid(1_000_000_000), nanos }
        }
    })
}

/// Writes a decimal without an exponent.
pub(crate) fn plain(decimal: &Decimal) -> String {
    let digits = decimal.unscaled.magnitude().to_string();
    let sign = if decimal.unscaled.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let Ok(scale) = usize::try_from(decimal.scale) else {
        let zeros = decimal.scale.unsigned_abs() as usize;
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn field(value: &Value, index: usize) -> &Value {
    match value {
        Value::Struct(fields) => &fields.values()[index],
        _ => &Value::Null,
    }
}

/// Writes an array as PostgreSQL's text form, which the server reads as the column's type. None for elements that are no
/// plain values.
fn array_literal(values: &[Value]) -> Option<String> {
    let mut text = String::from("{");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        match value {
            Value::Null => text.push_str("NULL"),
            Value::Boolean(_) | Value::Int8(_) | Value::Int16(_) | Value::Int32(_) | Value::Int64(_) => {
                text.push_str(&value.to_string());
            }
            Value::Float32(_) | Value::Float64(_) => text.push_str(&value.to_string()),
            Value::Decimal(decimal) => text.push_str(&plain(decimal)),
            Value::String(element) => {
                text.push('"');
                element.chars().for_each(|char| {
                    if matches!(char, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(char);
                });
                text.push('"');
            }
            _ => return None,
        }
    }
    text.push('}');
    Some(text)
}

fn too_far(column: &Column, milliseconds: i64) -> RowError {
    RowError::TooFar { column: column.name.to_string(), milliseconds }
}

fn misfit(column: &Column, kind: &ColumnType, value: &Value) -> RowError {
    RowError::Misfit { column: column.name.to_string(), kind: format!("{kind:?}"), class: value.java_class() }
}

#[cfg(test)]
mod tests;
