//! Parameters of statements, in the form that the server wants. Pure.

use crate::{
    cell::{Cell, Moment, SECOND},
    clock,
};
use bytes::{BufMut, BytesMut};
use jiff::tz::TimeZone;
use millrace_api::text;
use std::error;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// A cell on its way into a statement.
#[derive(Debug)]
pub(super) struct Parameter<'a> {
    pub(super) cell: &'a Cell<'a>,
    /// The zone by which points in time become wall clock where the server wants that.
    pub(super) zone: &'a TimeZone,
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn error::Error + Sync + Send>> {
        match self.cell {
            Cell::Null => return Ok(IsNull::Yes),
            Cell::Boolean(value) if *ty == Type::BOOL => out.put_u8((*value).into()),
            Cell::Integer(value) if *ty == Type::INT8 => out.put_i64(*value),
            Cell::Integer(value) if *ty == Type::INT4 => out.put_i32(i32::try_from(*value)?),
            Cell::Integer(value) if *ty == Type::INT2 => out.put_i16(i16::try_from(*value)?),
            Cell::Float64(value) if *ty == Type::FLOAT8 => out.put_f64(*value),
            Cell::Float32(value) if *ty == Type::FLOAT4 => out.put_f32(*value),
            Cell::Bytes(bytes) if *ty == Type::BYTEA => out.put_slice(bytes),
            cell => out.put_slice(self.text(cell, ty).as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, ty: &Type) -> Format {
        let binary = match self.cell {
            Cell::Null => true,
            Cell::Boolean(_) => *ty == Type::BOOL,
            Cell::Integer(_) => matches!(*ty, Type::INT8 | Type::INT4 | Type::INT2),
            Cell::Float64(_) => *ty == Type::FLOAT8,
            Cell::Float32(_) => *ty == Type::FLOAT4,
            Cell::Bytes(_) => *ty == Type::BYTEA,
            _ => false,
        };
        if binary { Format::Binary } else { Format::Text }
    }

    to_sql_checked!();
}

impl Parameter<'_> {
    /// The server reads a text as it reads a literal of the type that it wants.
    pub(super) fn text(&self, cell: &Cell<'_>, ty: &Type) -> String {
        match cell {
            Cell::Null => String::new(),
            Cell::Boolean(value) => value.to_string(),
            Cell::Integer(value) => value.to_string(),
            Cell::Unsigned(value) => value.to_string(),
            Cell::Float32(value) => text::float(*value),
            Cell::Float64(value) => text::double(*value),
            Cell::Text(text) => text.to_string(),
            Cell::Bytes(bytes) => hex(bytes),
            Cell::Decimal(value) => text::decimal(value),
            Cell::Date(days) => date(clock::date(i64::from(*days))),
            Cell::Time(nanos) => time(*nanos),
            Cell::Naive(moment) => timestamp(*moment),
            Cell::Instant(moment) if *ty == Type::TIMESTAMPTZ => format!("{}+00", timestamp(*moment)),
            Cell::Instant(moment) => timestamp(clock::to_wall(*moment, self.zone)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_string(), |text, byte| text + &format!("{byte:02x}"))
}

fn date((year, month, day): (i64, i64, i64)) -> String {
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

fn time(nanos: i64) -> String {
    let seconds = nanos.div_euclid(SECOND);
    let micros = nanos.rem_euclid(SECOND) / 1000;
    format!("{:02}:{:02}:{:02}.{micros:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn timestamp(moment: Moment) -> String {
    let (day, second) = (moment.seconds.div_euclid(86_400), moment.seconds.rem_euclid(86_400));
    let (year, month, day) = clock::date(day);
    let clock = time(second * SECOND + i64::from(moment.nanos));
    match year {
        1.. => format!("{year:04}-{month:02}-{day:02} {clock}"),
        _ => format!("{:04}-{month:02}-{day:02} {clock} BC", 1 - year),
    }
}
