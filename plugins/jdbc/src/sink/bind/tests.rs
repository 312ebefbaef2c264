//! Cells of values.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::{
    clock::days,
    sink::{
        config::PkMode,
        layout::{
            Layout,
            tests::{rules, schema},
        },
    },
};
use jiff::tz::TimeZone;
use millrace_api::{
    Datum, Record, Schema, Struct,
    schema::{Kind, logical},
};
use num_bigint::BigInt;
use std::sync::Arc;

fn binding(zone: &str) -> Binding {
    let zone = TimeZone::get(zone).unwrap();
    Binding {
        clock: Clock { zone: zone.clone(), date_zone: zone, calendar: Calendar::Legacy },
        precision: Precision::Microseconds,
        nulls: Nulls::Defaulted,
        times: Times::Typed,
        mode: InsertMode::Insert,
    }
}

/// Returns the cell of a record's only field.
fn cell_of(binding: &Binding, field: Arc<Schema>, value: Value) -> Result<Cell<'static>, RowError> {
    let schema = schema(&[("f", field)]);
    let mut rules = rules(PkMode::None, &[]);
    if binding.precision == Precision::Nanoseconds {
        rules.timestamp_fields = vec!["f".to_string()];
    }
    let layout = Layout::of(&rules, "t", None, Some(&schema)).unwrap();
    let value = Value::Struct(Struct::from_values(schema.clone(), vec![value]));
    let record = Record::new("t", Datum::new(schema, value));
    let record = SinkRecord { record, topic: "t".into(), partition: 0, offset: 0 };
    binding.cell(&layout.others[0], &record).map(Cell::into_owned)
}

#[track_caller]
fn check(zone: &str, field: Schema, value: Value, cell: Cell<'static>) {
    assert_eq!(cell_of(&binding(zone), field.into(), value).unwrap(), cell);
}

fn date() -> Schema {
    Schema::logical(Kind::Int32, logical::DATE)
}

fn time() -> Schema {
    Schema::logical(Kind::Int32, logical::TIME)
}

#[test]
fn plain_values_stay_what_they_are() {
    check("UTC", Schema::of(Kind::Int8), Value::Int8(-1), Cell::Integer(-1));
    check("UTC", Schema::of(Kind::Int64), Value::Int64(i64::MIN), Cell::Integer(i64::MIN));
    check("UTC", Schema::of(Kind::Boolean), Value::Boolean(true), Cell::Boolean(true));
    check("UTC", Schema::of(Kind::Float32), Value::Float32(1.5), Cell::Float32(1.5));
    check("UTC", Schema::of(Kind::String), Value::from("ä"), Cell::from("ä"));
    check("UTC", Schema::of(Kind::String).optional(), Value::Null, Cell::Null);
}

#[test]
fn dates_are_days_of_the_zone() {
    let midnight = days(2024, 1, 2) * DAY_MS;
    check("UTC", date(), Value::Instant(midnight), Cell::Date(days(2024, 1, 2) as i32));
    // As the reference does: midnight UTC is the day before in New York.
    check("America/New_York", date(), Value::Instant(midnight), Cell::Date(days(2024, 1, 1) as i32));
    let mut utc = binding("America/New_York");
    utc.clock.date_zone = TimeZone::UTC;
    let cell = cell_of(&utc, date().into(), Value::Instant(midnight)).unwrap();
    assert_eq!(cell, Cell::Date(days(2024, 1, 2) as i32));
}

#[test]
fn days_before_1582_keep_their_name() {
    // 1 January 1500 in the Julian calendar.
    let julian = millrace_api::calendar::days_of(1500, 1, 1);
    check("UTC", date(), Value::Instant(julian * DAY_MS), Cell::Date(days(1500, 1, 1) as i32));
    let mut proleptic = binding("UTC");
    proleptic.clock.calendar = Calendar::Proleptic;
    let cell = cell_of(&proleptic, date().into(), Value::Instant(julian * DAY_MS)).unwrap();
    assert_eq!(cell, Cell::Date(julian as i32));
    let noon = Moment { seconds: days(1500, 1, 1) * 86_400 + 43_200, nanos: 0 };
    let at = Value::Instant(julian * DAY_MS + DAY_MS / 2);
    check("UTC", Schema::timestamp(), at, Cell::Naive(noon));
}

#[test]
fn times_are_shown_by_the_clock_of_the_zone() {
    check("UTC", time(), Value::Instant(3_600_000), Cell::Time(3_600_000_000_000));
    check("America/New_York", time(), Value::Instant(3_600_000), Cell::Time(20 * 3_600_000_000_000));
    let moment = Moment { seconds: 1, nanos: 5_000_000 };
    check("America/New_York", Schema::timestamp(), Value::Instant(1005), Cell::Instant(moment));
}

#[test]
fn mysql_has_years_of_four_digits() {
    let mysql = Binding { times: Times::FourDigitYears, ..binding("UTC") };
    for (days, fits) in [
        (FIRST_DAY + 2, true),
        (days(9999, 12, 31), true),
        (days(10_000, 1, 1), false),
        (days(-5, 1, 1), false),
    ] {
        for schema in [date(), Schema::timestamp()] {
            let cell = cell_of(&mysql, schema.into(), Value::Instant(days * DAY_MS));
            assert_eq!(cell.is_ok(), fits, "{days} {cell:?}");
        }
    }
}

#[test]
fn sqlite_gets_milliseconds() {
    let sqlite = Binding { times: Times::Milliseconds, ..binding("America/New_York") };
    for schema in [date(), time(), Schema::timestamp()] {
        assert_eq!(cell_of(&sqlite, schema.into(), Value::Instant(1005)).unwrap(), Cell::Integer(1005));
    }
}

#[test]
fn numbers_and_texts_can_be_points_in_time() {
    let nanoseconds = Binding { precision: Precision::Nanoseconds, ..binding("UTC") };
    let moment = Cell::Instant(Moment { seconds: 1, nanos: 2 });
    let number = cell_of(&nanoseconds, Schema::int64(), Value::Int64(1_000_000_002)).unwrap();
    assert_eq!(number, moment);
    let text = cell_of(&nanoseconds, Schema::string(), Value::from(" 1000000002 ")).unwrap();
    assert_eq!(text, moment);
    let error = cell_of(&nanoseconds, Schema::string(), Value::from("soon")).unwrap_err().to_string();
    assert_eq!(error, "column f is listed in timestamp.fields.list, but \"soon\" is not a whole number");
    assert_eq!(
        epoch(&Value::Int64(-1), Precision::Microseconds),
        Some(Moment { seconds: -1, nanos: 999_999_000 })
    );
}

#[test]
fn a_null_becomes_the_default_where_that_is_asked_for() {
    let field =
        Arc::new(Schema { default: Some(Box::new(Value::Int32(7))), ..Schema::of(Kind::Int32).optional() });
    assert_eq!(cell_of(&binding("UTC"), field.clone(), Value::Null).unwrap(), Cell::Integer(7));
    let kept = Binding { nulls: Nulls::Kept, ..binding("UTC") };
    assert_eq!(cell_of(&kept, field, Value::Null).unwrap(), Cell::Null);
}

#[test]
fn arrays_are_written_as_postgresql_reads_them() {
    let array = |kind| Schema::of(Kind::Array(Some(Arc::new(Schema::of(kind)))));
    let texts = vec![Value::from("a\"b\\c,{}"), Value::Null, Value::from("")];
    check("UTC", array(Kind::String), Value::Array(texts), Cell::from(r#"{"a\"b\\c,{}",NULL,""}"#));
    let numbers = vec![Value::Int32(1), Value::Int32(-2)];
    check("UTC", array(Kind::Int32), Value::Array(numbers), Cell::from("{1,-2}"));
    check("UTC", array(Kind::Int32), Value::Array(Vec::new()), Cell::from("{}"));
}

#[test]
fn what_no_column_can_hold_is_an_error() {
    let map = Schema::of(Kind::Map(Some(Schema::string()), Some(Schema::string()))).optional();
    let error = cell_of(&binding("UTC"), map.clone().into(), Value::Map(Box::default())).unwrap_err();
    assert_eq!(error.to_string(), "Unsupported source data type: MAP");
    check("UTC", map, Value::Null, Cell::Null);
}

#[test]
fn decimals_are_written_without_exponent() {
    let check = |unscaled: i64, scale: i32, text: &str| {
        assert_eq!(plain(&Decimal { unscaled: BigInt::from(unscaled), scale }), text);
    };
    check(12345, 2, "123.45");
    check(-5, 3, "-0.005");
    check(5, -3, "5000");
    check(0, 0, "0");
    check(1, 20, "0.00000000000000000001");
}
