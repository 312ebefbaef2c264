//! PostgreSQL's types: what its Java driver calls them, and how their binary form is read. Pure.

use crate::{
    cell::{Cell, Moment},
    connection::JdbcType,
};
use millrace_api::Decimal;
use num_bigint::BigInt;
use std::borrow::Cow;
use tokio_postgres::types::Type;

/// How the bytes of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decode {
    Boolean,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Money,
    Numeric,
    Text,
    Jsonb,
    Uuid,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    /// One bit is a boolean.
    OneBit,
    /// Up to eight are a number.
    FewBits,
    /// More are their digits.
    ManyBits,
    Unsupported,
}

/// A type as columns have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) decode: Decode,
    pub(super) jdbc_type: JdbcType,
    pub(super) precision: i32,
    pub(super) scale: i32,
}

/// Seconds from the Unix epoch to 2000-01-01, PostgreSQL's.
const EPOCH_SECONDS: i64 = 946_684_800;
const EPOCH_DAYS: i32 = 10_957;

/// What the Java driver makes of `infinity`: milliseconds since the epoch.
const INFINITY_MILLIS: i64 = 9_223_372_036_825_200_000;
const MINUS_INFINITY_MILLIS: i64 = -9_223_372_036_832_400_000;

/// Whether a type was made by `CREATE TYPE .. AS ENUM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Enum,
    Otherwise,
}

/// Describes a type by its number and modifier.
pub(super) fn describe(oid: u32, made: Made, modifier: i32) -> Described {
    use JdbcType as Jdbc;
    let (decode, jdbc_type) = match Type::from_oid(oid).unwrap_or(Type::UNKNOWN) {
        Type::BOOL => (Decode::Boolean, Jdbc::Boolean),
        Type::INT2 => (Decode::Int2, Jdbc::SmallInt),
        Type::INT4 => (Decode::Int4, Jdbc::Integer),
        Type::INT8 => (Decode::Int8, Jdbc::BigInt),
        Type::OID => (Decode::Oid, Jdbc::BigInt),
        Type::FLOAT4 => (Decode::Float4, Jdbc::Real),
        Type::FLOAT8 => (Decode::Float8, Jdbc::Double),
        Type::MONEY => (Decode::Money, Jdbc::Double),
        Type::NUMERIC => (Decode::Numeric, Jdbc::Numeric),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::JSON | Type::XML => {
            (Decode::Text, Jdbc::Text)
        }
        Type::JSONB => (Decode::Jsonb, Jdbc::Text),
        Type::UUID => (Decode::Uuid, Jdbc::Text),
        Type::BYTEA => (Decode::Bytea, Jdbc::Binary),
        Type::DATE => (Decode::Date, Jdbc::Date),
        Type::TIME => (Decode::Time, Jdbc::Time),
        Type::TIMETZ => (Decode::TimeTz, Jdbc::Time),
        Type::TIMESTAMP => (Decode::Timestamp, Jdbc::Timestamp),
        Type::TIMESTAMPTZ => (Decode::TimestampTz, Jdbc::Timestamp),
        Type::BIT if modifier == 1 => (Decode::OneBit, Jdbc::Boolean),
        Type::BIT if (2..=8).contains(&modifier) => (Decode::FewBits, Jdbc::TinyInt),
        Type::BIT => (Decode::ManyBits, Jdbc::Binary),
        _ if made == Made::Enum => (Decode::Text, Jdbc::Text),
        _ => (Decode::Unsupported, Jdbc::Other),
    };
    let (precision, scale) = match jdbc_type {
        // A modifier holds both, shifted by four; scales may be negative since version 15.
        Jdbc::Numeric if modifier >= 4 => {
            let both = modifier - 4;
            (both >> 16, ((both & 0x7ff) ^ 1024) - 1024)
        }
        _ => (0, 0),
    };
    Described { decode, jdbc_type, precision, scale }
}

/// Reads the bytes of a value; the error is the reason.
pub(super) fn decode(how: Decode, bytes: &[u8]) -> Result<Cell<'_>, String> {
    let cut = || format!("{how:?} has {} bytes", bytes.len());
    macro_rules! number {
        ($type:ty) => {
            <$type>::from_be_bytes(bytes.try_into().map_err(|_| cut())?)
        };
    }
    Ok(match how {
        Decode::Boolean => Cell::Boolean(bytes == [1]),
        Decode::Int2 => Cell::Integer(number!(i16).into()),
        Decode::Int4 => Cell::Integer(number!(i32).into()),
        Decode::Int8 => Cell::Integer(number!(i64)),
        Decode::Oid => Cell::Integer(number!(u32).into()),
        Decode::Float4 => Cell::Float32(number!(f32)),
        Decode::Float8 => Cell::Float64(number!(f64)),
        Decode::Money => Cell::Float64(number!(i64) as f64 / 100.0),
        Decode::Numeric => Cell::Decimal(numeric(bytes)?),
        Decode::Text => text(bytes)?,
        Decode::Jsonb => text(bytes.get(1..).ok_or_else(cut)?)?,
        Decode::Uuid => Cell::from(uuid(bytes.try_into().map_err(|_| cut())?)),
        Decode::Bytea => Cell::Bytes(Cow::Borrowed(bytes)),
        Decode::Date => match number!(i32) {
            i32::MAX => Cell::Instant(Moment::from_millis(INFINITY_MILLIS)),
            i32::MIN => Cell::Instant(Moment::from_millis(MINUS_INFINITY_MILLIS)),
            days => Cell::Date(days.saturating_add(EPOCH_DAYS)),
        },
        Decode::Time => Cell::Time(number!(i64) * 1000),
        Decode::TimeTz => {
            let (micros, west) = bytes.split_at_checked(8).ok_or_else(cut)?;
            let micros = i64::from_be_bytes(micros.try_into().map_err(|_| cut())?);
            let west = i32::from_be_bytes(west.try_into().map_err(|_| cut())?);
            // The zone is known, so this is a point in a day of UTC.
            let utc = micros + i64::from(west) * 1_000_000;
            Cell::Instant(Moment::from_micros(utc.rem_euclid(86_400_000_000)))
        }
        Decode::Timestamp => timestamp(number!(i64), Cell::Naive),
        Decode::TimestampTz => timestamp(number!(i64), Cell::Instant),
        Decode::OneBit => Cell::Boolean(bits(bytes).ok_or_else(cut)?.next() == Some(true)),
        Decode::FewBits => {
            let value = bits(bytes).ok_or_else(cut)?.fold(0u8, |value, bit| value << 1 | u8::from(bit));
            Cell::Integer(i64::from(value as i8))
        }
        Decode::ManyBits => {
            let digits = bits(bytes).ok_or_else(cut)?.map(|bit| if bit { b'1' } else { b'0' });
            Cell::Bytes(Cow::Owned(digits.collect()))
        }
        Decode::Unsupported => Cell::Null,
    })
}

fn text(bytes: &[u8]) -> Result<Cell<'_>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("text that is not UTF-8: {error}"))?;
    Ok(Cell::Text(Cow::Borrowed(text)))
}

fn timestamp(micros: i64, make: fn(Moment) -> Cell<'static>) -> Cell<'static> {
    match micros {
        i64::MAX => Cell::Instant(Moment::from_millis(INFINITY_MILLIS)),
        i64::MIN => Cell::Instant(Moment::from_millis(MINUS_INFINITY_MILLIS)),
        micros => {
            let since_2000 = Moment::from_micros(micros);
            make(Moment { seconds: since_2000.seconds + EPOCH_SECONDS, ..since_2000 })
        }
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Returns the bits of a bit string, its length before it.
fn bits(bytes: &[u8]) -> Option<impl Iterator<Item = bool> + '_> {
    let (count, bits) = bytes.split_at_checked(4)?;
    let count = usize::try_from(i32::from_be_bytes(count.try_into().ok()?)).ok()?;
    let bit = |index: usize| bits.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1);
    Some((0..count).map(bit))
}

/// Reads a numeric: digits to the base of ten thousand, the place of the first, and how many digits are shown after the point.
fn numeric(bytes: &[u8]) -> Result<Decimal, String> {
    let word = |index: usize| {
        let pair = bytes.get(index * 2..index * 2 + 2).and_then(|pair| pair.try_into().ok());
        pair.map(u16::from_be_bytes).ok_or_else(|| "a numeric is cut off".to_string())
    };
    let (count, weight, sign, scale) = (word(0)?, word(1)? as i16, word(2)?, word(3)?);
    if !matches!(sign, 0 | 0x4000) {
        return Err("NaN and infinity have no place in a decimal".to_string());
    }
    let mut unscaled = BigInt::ZERO;
    let mut small: i128 = 0;
    for index in 0..usize::from(count) {
        let digit = word(4 + index)?;
        // Nine groups of four digits fit beyond doubt.
        if index < 9 {
            small = small * 10_000 + i128::from(digit);
        } else {
            if index == 9 {
                unscaled = small.into();
            }
            unscaled = unscaled * 10_000 + digit;
        }
    }
    if count <= 9 {
        unscaled = small.into();
    }
    // The digits end at this place after the point; where none are left, there are zeros.
    let natural = (i32::from(count) - 1 - i32::from(weight)) * 4;
    let scale = i32::from(scale);
    let ten = |power: i32| BigInt::from(10).pow(power.unsigned_abs());
    unscaled =
        if scale >= natural { unscaled * ten(scale - natural) } else { unscaled / ten(natural - scale) };
    Ok(Decimal { unscaled: if sign == 0 { unscaled } else { -unscaled }, scale })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use millrace_api::text;

    #[track_caller]
    fn check(words: &[u16], expected: &str) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(text::decimal(&numeric(&bytes).unwrap()), expected);
    }

    #[test]
    fn numerics_are_read_exactly() {
        check(&[0, 0, 0, 0], "0");
        check(&[0, 0, 0, 2], "0.00");
        check(&[1, 0, 0, 0, 42], "42");
        check(&[2, 0, 0, 2, 12, 3400], "12.34");
        check(&[2, 0, 0x4000, 2, 12, 3400], "-12.34");
        check(&[1, 1, 0, 0, 5], "50000");
        check(&[1, 0xffff, 0, 4, 5], "0.0005");
        let long = [[11, 10, 0, 0].as_slice(), &[9999; 11]].concat();
        check(&long, &"9".repeat(44));
    }

    #[test]
    fn a_cut_numeric_is_an_error() {
        assert!(numeric(&[0, 3, 0, 0, 0, 0, 0, 0, 0, 1]).is_err());
        assert!(numeric(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err());
    }

    #[test]
    fn precision_and_scale_come_from_the_modifier() {
        let of = |precision: i32, scale: i32| {
            let described = describe(1700, Made::Otherwise, (precision << 16 | scale & 0x7ff) + 4);
            (described.precision, described.scale)
        };
        assert_eq!(of(12, 2), (12, 2));
        assert_eq!(of(5, -2), (5, -2));
        assert_eq!(describe(1700, Made::Otherwise, -1).precision, 0);
    }

    #[test]
    fn bits_are_read_by_their_number() {
        assert_eq!(decode(Decode::FewBits, &[0, 0, 0, 3, 0b1010_0000]), Ok(Cell::Integer(5)));
        assert_eq!(decode(Decode::OneBit, &[0, 0, 0, 1, 0b1000_0000]), Ok(Cell::Boolean(true)));
        let many = decode(Decode::ManyBits, &[0, 0, 0, 9, 0b1010_0000, 0b1000_0000]).unwrap();
        assert_eq!(many, Cell::Bytes(Cow::Borrowed(b"101000001".as_slice())));
    }

    #[test]
    fn times_with_a_zone_are_points_in_a_day() {
        let bytes = [(60_000_000i64).to_be_bytes().as_slice(), &(-7200i32).to_be_bytes()].concat();
        let cell = decode(Decode::TimeTz, &bytes).unwrap();
        assert_eq!(cell, Cell::Instant(Moment { seconds: 79_260, nanos: 0 }));
    }
}
