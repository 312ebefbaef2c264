//! Whole columns as parameters: one array holds a column of many rows. Pure.

use super::bind::Parameter;
use crate::{
    cell::{Cell, Moment, SECOND},
    clock,
};
use bytes::{BufMut, BytesMut};
use jiff::tz::TimeZone;
use std::error;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

/// Days and seconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_SECONDS: i64 = 946_684_800;

/// One column of many rows.
#[derive(Debug)]
pub(super) struct ColumnParameter<'a> {
    pub(super) rows: &'a [&'a [Cell<'a>]],
    pub(super) index: usize,
    /// The zone by which points in time become wall clock where the server wants that.
    pub(super) zone: &'a TimeZone,
}

type Cause = Box<dyn error::Error + Sync + Send>;

impl ToSql for ColumnParameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Cause> {
        let element = element(ty)?;
        match self.encode_format(ty) {
            Format::Binary => self.binary(element, out)?,
            Format::Text => self.literal(element, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    /// Binary when every cell has the very type of the column; else the server reads a text.
    fn encode_format(&self, ty: &Type) -> Format {
        let Ok(element) = element(ty) else { return Format::Text };
        if self.cells().all(|cell| is_binary(cell, element)) { Format::Binary } else { Format::Text }
    }

    to_sql_checked!();
}

impl ColumnParameter<'_> {
    fn cells(&self) -> impl Iterator<Item = &Cell<'_>> {
        self.rows.iter().map(|row| &row[self.index])
    }

    fn binary(&self, element: &Type, out: &mut BytesMut) -> Result<(), Cause> {
        let has_null = self.cells().any(|cell| matches!(cell, Cell::Null));
        out.put_i32(1);
        out.put_i32(has_null.into());
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(self.rows.len())?);
        out.put_i32(1);
        for cell in self.cells() {
            if matches!(cell, Cell::Null) {
                out.put_i32(-1);
                continue;
            }
            let length_at = out.len();
            out.put_i32(0);
            self.element(cell, element, out)?;
            let length = i32::try_from(out.len() - length_at - 4)?;
            out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    fn element(&self, cell: &Cell<'_>, ty: &Type, out: &mut BytesMut) -> Result<(), Cause> {
        match cell {
            Cell::Boolean(value) => out.put_u8((*value).into()),
            Cell::Integer(value) if *ty == Type::INT8 => out.put_i64(*value),
            Cell::Integer(value) if *ty == Type::INT4 => out.put_i32(i32::try_from(*value)?),
            Cell::Integer(value) => out.put_i16(i16::try_from(*value)?),
            Cell::Float32(value) => out.put_f32(*value),
            Cell::Float64(value) => out.put_f64(*value),
            Cell::Text(text) => out.put_slice(text.as_bytes()),
            Cell::Bytes(bytes) => out.put_slice(bytes),
            Cell::Date(days) => out.put_i32(days.checked_sub(EPOCH_DAYS).ok_or("the date is too far back")?),
            Cell::Time(nanos) => out.put_i64(nanos / 1000),
            Cell::Naive(moment) => out.put_i64(micros(*moment)?),
            Cell::Instant(moment) if *ty == Type::TIMESTAMPTZ => out.put_i64(micros(*moment)?),
            Cell::Instant(moment) => out.put_i64(micros(clock::to_wall(*moment, self.zone))?),
            Cell::Null | Cell::Unsigned(_) | Cell::Decimal(_) => {
                return Err("the cell has no binary form here".into());
            }
        }
        Ok(())
    }

    /// Writes `{"1","2",NULL}`. Every element is quoted, so that none is taken for anything else.
    fn literal(&self, element: &Type, out: &mut BytesMut) {
        out.put_u8(b'{');
        for (row, cell) in self.cells().enumerate() {
            if row > 0 {
                out.put_u8(b',');
            }
            if matches!(cell, Cell::Null) {
                out.put_slice(b"NULL");
                continue;
            }
            out.put_u8(b'"');
            for byte in (Parameter { cell, zone: self.zone }).text(cell, element).bytes() {
                if matches!(byte, b'"' | b'\\') {
                    out.put_u8(b'\\');
                }
                out.put_u8(byte);
            }
            out.put_u8(b'"');
        }
        out.put_u8(b'}');
    }
}

fn element(ty: &Type) -> Result<&Type, Cause> {
    match ty.kind() {
        Kind::Array(element) => Ok(element),
        _ => Err(format!("{ty} is no array").into()),
    }
}

fn is_binary(cell: &Cell<'_>, ty: &Type) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Boolean(_) => *ty == Type::BOOL,
        Cell::Integer(_) => matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2),
        Cell::Float32(_) => *ty == Type::FLOAT4,
        Cell::Float64(_) => *ty == Type::FLOAT8,
        Cell::Text(_) => matches!(*ty, Type::TEXT | Type::VARCHAR),
        Cell::Bytes(_) => *ty == Type::BYTEA,
        Cell::Date(_) => *ty == Type::DATE,
        Cell::Time(_) => *ty == Type::TIME,
        Cell::Naive(_) => *ty == Type::TIMESTAMP,
        Cell::Instant(_) => matches!(*ty, Type::TIMESTAMP | Type::TIMESTAMPTZ),
        Cell::Unsigned(_) | Cell::Decimal(_) => false,
    }
}

/// Returns the microseconds since 2000.
fn micros(moment: Moment) -> Result<i64, Cause> {
    let seconds = moment.seconds.checked_sub(EPOCH_SECONDS);
    let micros = seconds.and_then(|seconds| seconds.checked_mul(SECOND / 1000));
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(moment.nanos / 1000)));
    micros.ok_or_else(|| "the point in time is too far away".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
    use super::*;

    fn written(cells: Vec<Cell<'static>>, ty: Type) -> (Vec<u8>, bool) {
        let rows: Vec<_> = cells.chunks(1).collect();
        let column = ColumnParameter { rows: &rows, index: 0, zone: &TimeZone::UTC };
        let mut out = BytesMut::new();
        column.to_sql(&ty, &mut out).unwrap();
        (out.to_vec(), matches!(column.encode_format(&ty), Format::Binary))
    }

    #[test]
    fn cells_of_the_columns_own_type_are_binary() {
        let (bytes, binary) = written(vec![Cell::Integer(7), Cell::Null], Type::INT2_ARRAY);
        assert!(binary);
        let head = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1];
        assert_eq!(bytes, [&head[..], &[0, 0, 0, 2, 0, 7], &[255; 4]].concat());
    }

    #[test]
    fn others_are_texts_that_the_server_reads() {
        let (bytes, binary) =
            written(vec![Cell::Integer(7), Cell::Null, Cell::from("a\"\\")], Type::NUMERIC_ARRAY);
        assert!(!binary);
        assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"7",NULL,"a\"\\"}"#);
    }

    #[test]
    fn a_number_that_does_not_fit_is_an_error() {
        let row = [Cell::Integer(70_000)];
        let column = ColumnParameter { rows: &[&row], index: 0, zone: &TimeZone::UTC };
        assert!(column.to_sql(&Type::INT2_ARRAY, &mut BytesMut::new()).is_err());
    }

    #[test]
    fn points_in_time_count_from_2000() {
        let midnight = Moment { seconds: EPOCH_SECONDS, nanos: 5000 };
        let (bytes, _) = written(vec![Cell::Instant(midnight)], Type::TIMESTAMP_ARRAY);
        assert_eq!(bytes[20..], [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5]);
        let (bytes, _) = written(vec![Cell::Date(EPOCH_DAYS - 1)], Type::DATE_ARRAY);
        assert_eq!(bytes[20..], [0, 0, 0, 4, 255, 255, 255, 255]);
    }
}
