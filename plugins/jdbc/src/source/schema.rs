//! From the columns of a result to the schema of records, and from a cell to a value. Pure.

use crate::{
    cell::{Cell, Moment},
    clock::{self, Calendar},
    connection::{Column, JdbcType},
    decimal,
    error::JdbcError,
};
use jiff::tz::TimeZone;
use millrace_api::{
    Blob, Schema, Struct, Text, Value,
    calendar::DAY_MS,
    schema::{Fields, Kind, logical},
    text,
};
use num_bigint::BigInt;
use std::sync::Arc;
use tracing::warn;

/// `numeric.mapping`: what a NUMERIC becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumericMapping {
    None,
    PrecisionOnly,
    BestFit,
    BestFitEagerDouble,
}

/// `timestamp.granularity`: what a point in time becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    Logical,
    MicrosLong,
    MicrosString,
    MicrosIso,
    NanosLong,
    NanosString,
    NanosIso,
}

/// Settings that decide what values become.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub(super) numeric: NumericMapping,
    pub(super) granularity: Granularity,
    pub(super) zone: TimeZone,
    pub(super) calendar: Calendar,
    /// The scale of a NUMERIC that was declared without one.
    pub(super) scale_when_unset: i32,
    /// Whether decimals carry their precision.
    pub(super) decimal_precision: DecimalPrecision,
}

/// Whether the schema of a decimal tells its precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalPrecision {
    Told,
    Untold,
}

/// The shape of the records of one result.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) schema: Arc<Schema>,
    columns: Arc<[Column]>,
    fields: Vec<Field>,
}

/// A field: the column it is read from, and how.
#[derive(Debug)]
struct Field {
    column: usize,
    convert: Convert,
    name: Arc<str>,
}

/// How a cell becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Convert {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal(i32),
    Text,
    Bytes,
    Date,
    Time,
    Timestamp(Granularity),
}

/// The most digits of an integer type: those that always fit into 64 bits.
const INTEGER_PRECISION_MAX: i32 = 18;
/// The least scale that counts as a whole number.
const INTEGER_SCALE_MIN: i32 = -84;

impl Shape {
    /// Returns the shape of records with these columns. A column that has no place in a record is left out, and said once.
    pub(super) fn new(
        name: Option<&str>,
        columns: &Arc<[Column]>,
        mapping: &Mapping,
    ) -> Result<Self, JdbcError> {
        let mut schema_fields = Fields::new();
        let mut fields = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let Some((schema, convert)) = field(column, mapping) else {
                warn!(
                    "column {} is left out: its type {} has no place in a record",
                    column.label, column.type_name
                );
                continue;
            };
            let schema = if column.nullable { schema.optional() } else { schema };
            let name = Arc::<str>::from(column.label.as_str());
            schema_fields.push(name.clone(), Arc::new(schema)).map_err(|field| JdbcError::Data {
                what: format!("two columns of the result are called {}; give one an alias", field.name),
            })?;
            fields.push(Field { column: index, convert, name });
        }
        let schema = Schema::of(Kind::Struct(schema_fields));
        let schema = Arc::new(match name {
            Some(name) => schema.named(name),
            None => schema,
        });
        Ok(Self { schema, columns: columns.clone(), fields })
    }

    /// Tells whether these columns give the same shape.
    pub(super) fn fits(&self, columns: &Arc<[Column]>) -> bool {
        self.columns == *columns
    }

    /// Makes the value of a record.
    pub(super) fn value<'a>(
        &self,
        mapping: &Mapping,
        cell: impl Fn(usize) -> Result<Cell<'a>, JdbcError>,
    ) -> Result<Struct, JdbcError> {
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let value = convert(field.convert, cell(field.column)?, mapping)
                .map_err(|reason| JdbcError::value(field.name.as_ref(), reason))?;
            if value.is_null() && !self.columns[field.column].nullable {
                return Err(JdbcError::value(
                    field.name.as_ref(),
                    "a null where the catalogue says there is none",
                ));
            }
            values.push(value);
        }
        Ok(Struct::from_values(self.schema.clone(), values))
    }
}

/// Returns the schema of a column without its optionality; none when it has no place in a record.
fn field(column: &Column, mapping: &Mapping) -> Option<(Schema, Convert)> {
    let by_sign = |signed: Convert, unsigned: Convert| plain(if column.signed { signed } else { unsigned });
    Some(match column.jdbc_type {
        JdbcType::Boolean => plain(Convert::Boolean),
        JdbcType::Bit => plain(Convert::Int8),
        JdbcType::TinyInt => by_sign(Convert::Int8, Convert::Int16),
        JdbcType::SmallInt => by_sign(Convert::Int16, Convert::Int32),
        JdbcType::Integer => by_sign(Convert::Int32, Convert::Int64),
        JdbcType::BigInt => plain(Convert::Int64),
        JdbcType::Real => plain(Convert::Float32),
        JdbcType::Double => plain(Convert::Float64),
        JdbcType::Decimal => decimal_field(column.precision, column.scale, mapping),
        JdbcType::Numeric => numeric_field(column.precision, column.scale, mapping),
        JdbcType::Text => plain(Convert::Text),
        JdbcType::Binary => plain(Convert::Bytes),
        JdbcType::Date => (Schema::logical(Kind::Int32, logical::DATE), Convert::Date),
        JdbcType::Time => (Schema::logical(Kind::Int32, logical::TIME), Convert::Time),
        JdbcType::Timestamp => {
            let schema = match mapping.granularity {
                Granularity::Logical => Schema::timestamp(),
                Granularity::MicrosLong | Granularity::NanosLong => Schema::of(Kind::Int64),
                _ => Schema::of(Kind::String),
            };
            (schema, Convert::Timestamp(mapping.granularity))
        }
        JdbcType::Other => return None,
    })
}

fn plain(convert: Convert) -> (Schema, Convert) {
    let kind = match convert {
        Convert::Boolean => Kind::Boolean,
        Convert::Int8 => Kind::Int8,
        Convert::Int16 => Kind::Int16,
        Convert::Int32 => Kind::Int32,
        Convert::Int64 => Kind::Int64,
        Convert::Float32 => Kind::Float32,
        Convert::Float64 => Kind::Float64,
        Convert::Bytes | Convert::Decimal(_) => Kind::Bytes,
        Convert::Text => Kind::String,
        Convert::Date | Convert::Time => Kind::Int32,
        Convert::Timestamp(_) => Kind::Int64,
    };
    (Schema::of(kind), convert)
}

fn decimal_field(precision: i32, scale: i32, mapping: &Mapping) -> (Schema, Convert) {
    let mut schema = Schema::decimal(scale);
    if mapping.decimal_precision == DecimalPrecision::Told {
        schema.parameters.push(("connect.decimal.precision".into(), precision.to_string().into()));
    }
    (schema, Convert::Decimal(scale))
}

fn numeric_field(precision: i32, scale: i32, mapping: &Mapping) -> (Schema, Convert) {
    let whole = (INTEGER_SCALE_MIN..1).contains(&scale);
    let fits = precision <= INTEGER_PRECISION_MAX;
    let found = match mapping.numeric {
        NumericMapping::PrecisionOnly if scale == 0 && fits => Some(integer(precision)),
        NumericMapping::BestFit | NumericMapping::BestFitEagerDouble if whole && fits => {
            Some(integer(precision))
        }
        NumericMapping::BestFit if scale > 0 && fits => Some(Convert::Float64),
        NumericMapping::BestFitEagerDouble if scale > 0 => Some(Convert::Float64),
        _ => None,
    };
    match found {
        Some(convert) => plain(convert),
        None if precision == 0 && scale == 0 => decimal_field(precision, mapping.scale_when_unset, mapping),
        None => decimal_field(precision, scale, mapping),
    }
}

fn integer(precision: i32) -> Convert {
    match precision {
        10.. => Convert::Int64,
        5.. => Convert::Int32,
        3.. => Convert::Int16,
        _ => Convert::Int8,
    }
}

/// Converts a cell; the error is the reason.
fn convert(how: Convert, cell: Cell<'_>, mapping: &Mapping) -> Result<Value, String> {
    let misfit = |cell: &Cell<'_>| Err(format!("{cell:?} cannot be read as {how:?}"));
    Ok(match (how, cell) {
        (_, Cell::Null) => Value::Null,
        (Convert::Boolean, Cell::Boolean(value)) => Value::Boolean(value),
        (Convert::Boolean, Cell::Integer(number)) => Value::Boolean(number != 0),
        (Convert::Float32, Cell::Float32(number)) => Value::Float32(number),
        (Convert::Float32, Cell::Float64(number)) => Value::Float32(number as f32),
        (Convert::Float64, Cell::Float64(number)) => Value::Float64(number),
        (Convert::Float64, Cell::Float32(number)) => Value::Float64(number.into()),
        (Convert::Float64, Cell::Decimal(value)) => Value::Float64(
            text::decimal(&value).parse().map_err(|_| "a decimal that is no number".to_string())?,
        ),
        (Convert::Decimal(scale), Cell::Decimal(value)) => {
            Value::Decimal(Box::new(decimal::rescale(&value, scale)?))
        }
        (Convert::Text, Cell::Text(text)) => Value::String(Text::from(text.as_ref())),
        (Convert::Bytes, Cell::Bytes(bytes)) => Value::Bytes(Blob::from(bytes.as_ref())),
        (Convert::Date, Cell::Date(days)) => {
            Value::Instant(clock::record_day(days.into(), mapping.calendar) * DAY_MS)
        }
        (Convert::Date, Cell::Instant(moment)) => Value::Instant(moment.millis()),
        (Convert::Date, Cell::Naive(moment)) => Value::Instant(moment.millis().div_euclid(DAY_MS) * DAY_MS),
        (Convert::Time, Cell::Time(nanos @ 0..86_400_000_000_000)) => {
            Value::Instant(clock::time_of_day(nanos, &mapping.zone))
        }
        (Convert::Time, Cell::Time(_)) => return Err("a time that is no time of a day".to_string()),
        (Convert::Time, Cell::Instant(moment)) => Value::Instant(moment.millis().rem_euclid(DAY_MS)),
        (Convert::Timestamp(granularity), Cell::Naive(moment)) => {
            timestamp(clock::from_wall(moment, &mapping.zone, mapping.calendar), granularity, mapping)?
        }
        (Convert::Timestamp(granularity), Cell::Instant(moment)) => timestamp(moment, granularity, mapping)?,
        (Convert::Int8 | Convert::Int16 | Convert::Int32 | Convert::Int64, cell) => match whole(&cell) {
            Some(number) => narrow(how, number?)?,
            None => return misfit(&cell),
        },
        (_, cell) => return misfit(&cell),
    })
}

fn whole(cell: &Cell<'_>) -> Option<Result<i64, String>> {
    Some(match cell {
        Cell::Integer(number) => Ok(*number),
        Cell::Boolean(value) => Ok((*value).into()),
        Cell::Unsigned(number) => Err(format!("{number} does not fit into INT64")),
        Cell::Decimal(value) => match decimal::rescale(value, 0) {
            Ok(value) => i64::try_from(&value.unscaled)
                .map_err(|_| format!("{} does not fit into INT64", value.unscaled)),
            Err(reason) => Err(reason),
        },
        _ => return None,
    })
}

fn narrow(how: Convert, number: i64) -> Result<Value, String> {
    let too_far = |_| format!("{number} does not fit into {how:?}");
    Ok(match how {
        Convert::Int8 => Value::Int8(number.try_into().map_err(too_far)?),
        Convert::Int16 => Value::Int16(number.try_into().map_err(too_far)?),
        Convert::Int32 => Value::Int32(number.try_into().map_err(too_far)?),
        _ => Value::Int64(number),
    })
}

fn timestamp(moment: Moment, granularity: Granularity, mapping: &Mapping) -> Result<Value, String> {
    let wide = |per_second: i64, divisor: u32| {
        let whole = moment.seconds.checked_mul(per_second);
        let number = whole.and_then(|whole| whole.checked_add(i64::from(moment.nanos / divisor)));
        number.ok_or_else(|| "a time that is too far away for its granularity".to_string())
    };
    let iso = |digits: usize| {
        let wall = clock::to_wall(moment, &mapping.zone);
        let (day, second) = (wall.seconds.div_euclid(86_400), wall.seconds.rem_euclid(86_400));
        let (year, month, day) = clock::date(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = &format!("{:09}", wall.nanos)[..digits];
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}")
    };
    Ok(match granularity {
        Granularity::Logical => Value::Instant(moment.millis()),
        Granularity::MicrosLong => Value::Int64(wide(1_000_000, 1000)?),
        Granularity::MicrosString => Value::from(wide(1_000_000, 1000)?.to_string()),
        Granularity::MicrosIso => Value::from(iso(6)),
        Granularity::NanosLong => Value::Int64(wide(1_000_000_000, 1)?),
        Granularity::NanosString => Value::from(
            (BigInt::from(moment.seconds) * 1_000_000_000i64 + BigInt::from(moment.nanos)).to_string(),
        ),
        Granularity::NanosIso => Value::from(iso(9)),
    })
}
