//! Every type, into a column that the sink makes itself.

use super::*;
use millrace_api::{
    Blob, Decimal,
    schema::{Kind, logical},
};
use num_bigint::BigInt;

on_every_database!(every_type_has_a_column);

fn fields() -> Vec<(&'static str, Arc<Schema>, Value)> {
    let decimal = Decimal { unscaled: BigInt::from(-1_234_567), scale: 3 };
    let of = |schema: Schema| Arc::new(schema.optional());
    vec![
        ("i8", of(Schema::of(Kind::Int8)), Value::Int8(-8)),
        ("i16", of(Schema::of(Kind::Int16)), Value::Int16(i16::MIN)),
        ("i32", of(Schema::of(Kind::Int32)), Value::Int32(i32::MAX)),
        ("i64", of(Schema::of(Kind::Int64)), Value::Int64(i64::MIN)),
        ("f32", of(Schema::of(Kind::Float32)), Value::Float32(0.5)),
        ("f64", of(Schema::of(Kind::Float64)), Value::Float64(-2.25)),
        ("flag", of(Schema::of(Kind::Boolean)), Value::Boolean(true)),
        ("line", of(Schema::of(Kind::String)), Value::from("ä\n|")),
        ("blob", of(Schema::of(Kind::Bytes)), Value::Bytes(Blob::from(&[0u8, 255][..]))),
        ("amount", of(Schema::decimal(3)), Value::Decimal(Box::new(decimal))),
        ("day", of(Schema::logical(Kind::Int32, logical::DATE)), Value::Instant(19_724 * 86_400_000)),
        ("clock", of(Schema::logical(Kind::Int32, logical::TIME)), Value::Instant(3_723_004)),
        ("at", of(Schema::timestamp()), Value::Instant(1_704_164_645_006)),
    ]
}

async fn every_type_has_a_column(target: Target) {
    let mut sink = target.start(&[]);
    let mut nulls = fields();
    nulls.iter_mut().for_each(|(_, _, value)| *value = Value::Null);
    sink.put_values(vec![row(&fields()), row(&nulls)]).await.unwrap();
    assert!(sink.host.take_reported().is_empty());
    let whole = "SELECT i8,i16,i32,i64,f32,f64,flag,amount,day,clock,at FROM T WHERE i8 = -8";
    let numbers = "-8|-32768|2147483647|-9223372036854775808|0.5|-2.25";
    let (expected, bytes, lengths) = match &target.server {
        Server::Postgresql(_) => (
            format!("{numbers}|t|-1234.567|2024-01-02|01:02:03.004|2024-01-02 03:04:05.006"),
            "encode(blob,'hex')",
            "length(line)",
        ),
        Server::Mariadb(_) => (
            format!("{numbers}|1|-1234.567|2024-01-02|01:02:03.004|2024-01-02 03:04:05.006"),
            "lower(hex(`blob`))",
            "char_length(line)",
        ),
        Server::Sqlite(_) => (
            format!("{numbers}|1|-1234.567|1704153600000|3723004|1704164645006"),
            "lower(hex(blob))",
            "length(line)",
        ),
    };
    assert_eq!(target.sql(whole), expected);
    assert_eq!(target.sql(&format!("SELECT {bytes},{lengths} FROM T WHERE i8 = -8")), "00ff|3");
    let nulls = "SELECT count(*) FROM T WHERE i8 IS NULL AND line IS NULL AND at IS NULL AND amount IS NULL";
    assert_eq!(target.sql(nulls), "1");
    sink.stop().await;
}

#[tokio::test]
async fn postgresql_has_more_types() {
    let target = Target::postgresql();
    target.sql(
        "CREATE TABLE T (id BIGINT, j JSON, jb JSONB, u UUID, l INT[], s TEXT[], z TIMESTAMPTZ, n NUMERIC(5,2))",
    );
    let mut sink = target.start(&[("db.timezone", "America/New_York")]);
    let list = |kind| Arc::new(Schema::of(Kind::Array(Some(Arc::new(Schema::of(kind).optional())))));
    let value = row(&[
        ("id", Schema::int32(), Value::Int32(1)),
        ("j", Schema::string(), r#"{"a": 1}"#.into()),
        ("jb", Schema::string(), r#"{"b":  2}"#.into()),
        ("u", Schema::string(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8".into()),
        ("l", list(Kind::Int32), Value::Array(vec![Value::Int32(1), Value::Null])),
        ("s", list(Kind::String), Value::Array(vec!["a,\"".into()])),
        ("z", Schema::timestamp().into(), Value::Instant(0)),
        ("n", Schema::int32(), Value::Int32(12)),
    ]);
    sink.put_values(vec![value]).await.unwrap();
    let found = target.sql("SELECT j,jb,u,l,s,z AT TIME ZONE 'UTC',n FROM T");
    let expected = r#"{"a": 1}|{"b": 2}|6ba7b810-9dad-11d1-80b4-00c04fd430c8|{1,NULL}|{"a,\""}|1970-01-01 00:00:00|12.00"#;
    assert_eq!(found, expected);
    assert!(sink.host.take_reported().is_empty());
    sink.stop().await;
}
