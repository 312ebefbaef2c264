//! What each type of each database becomes.

use super::*;
use millrace_api::schema::Kind;

/// Reads the only row of a table and shows each field as `name: schema = value`.
async fn shown(place: &Place, table: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut given = place.settings(table, "bulk");
    for (name, value) in more {
        given.insert(*name, *value);
    }
    let mut task = place.task(table, &given, &Arc::default()).await.unwrap();
    let records = read(&mut task, 1).await;
    let Value::Struct(fields) = &records[0].record.as_ref().unwrap().value.value else {
        panic!("not a struct")
    };
    assert_eq!(fields.schema().name.as_deref(), Some(table));
    let Kind::Struct(schema) = &fields.schema().kind else { panic!("not a struct") };
    let field = |(field, value): (&millrace_api::Field, &Value)| {
        let logical = field
            .schema
            .name
            .as_deref()
            .and_then(|name| name.rsplit('.').next())
            .map(|name| format!(" {name}"));
        let parameters: Vec<_> =
            field.schema.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let optional = if field.schema.optional { "?" } else { "" };
        let value = match value {
            // In the process's zone else.
            Value::Instant(millis) => millis.to_string(),
            value => value.to_string(),
        };
        let logical = logical.unwrap_or_default();
        let parameters =
            if parameters.is_empty() { String::new() } else { format!("({})", parameters.join(",")) };
        let line = format!("{}: {}{optional}{logical}{parameters} = {value}", field.name, field.schema.kind);
        // The blanks that fill a CHAR up.
        line.trim_end().to_string()
    };
    schema.iter().zip(fields.values()).map(field).collect()
}

#[track_caller]
fn check(found: &[String], expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn postgresql() {
    let mut place = Place::postgresql().await;
    let (table, mood) = (unique("types").replace('-', "_"), unique("mood").replace('-', "_"));
    place.run(&format!("CREATE TYPE {mood} AS ENUM ('sad', 'glad')")).await;
    place.run(&format!("CREATE DOMAIN d_{mood} AS INTEGER NOT NULL")).await;
    place.run(&format!("CREATE TABLE {table} (b BOOLEAN NOT NULL, b1 BIT(1), b8 BIT(8), b9 BIT(9), bv BIT VARYING(5), i2 SMALLINT,
        i4 INTEGER, i8 BIGINT, o OID, f4 REAL, f8 DOUBLE PRECISION, m MONEY, n NUMERIC(10,2), d DECIMAL(5), c CHAR(5), v VARCHAR(9),
        t TEXT, nm NAME, e {mood}, j JSON, jb JSONB, u UUID, x XML, by BYTEA, da DATE, ti TIME(3), tz TIME WITH TIME ZONE, ts TIMESTAMP,
        tstz TIMESTAMPTZ, dom d_{mood}, arr INT[], iv INTERVAL, ip INET)")).await;
    place.run(&format!("INSERT INTO {table} VALUES (true, B'1', B'10101010', B'101010101', B'101', -2, -4, -8, 4000000000, 1.5, 2.25, '12.34',
        1234.5, 42, 'ab', 'cd', 'ef', 'gh', 'glad', '{{\"a\": 1}}', '{{\"b\":2}}', '0b0a8f6e-0000-4000-8000-0123456789ab', '<a/>', '\\x00ff',
        '2024-02-29', '12:34:56.789', '12:00:00+02', '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00.5+02', 7, '{{1}}', '1 day',
        '10.0.0.1')")).await;
    check(
        &shown(&place, &table, &[]).await,
        "
        b: BOOLEAN = true
        b1: BOOLEAN? = true
        b8: INT8? = -86
        b9: BYTES? = 313031303130313031
        i2: INT16? = -2
        i4: INT32? = -4
        i8: INT64? = -8
        o: INT64? = 4000000000
        f4: FLOAT32? = 1.5
        f8: FLOAT64? = 2.25
        m: FLOAT64? = 12.34
        n: BYTES? Decimal(scale=2,connect.decimal.precision=10) = 1234.50
        d: BYTES? Decimal(scale=0,connect.decimal.precision=5) = 42
        c: STRING? = ab
        v: STRING? = cd
        t: STRING? = ef
        nm: STRING? = gh
        e: STRING? = glad
        j: STRING? = {\"a\": 1}
        jb: STRING? = {\"b\": 2}
        u: STRING? = 0b0a8f6e-0000-4000-8000-0123456789ab
        x: STRING? = <a/>
        by: BYTES? = 00ff
        da: INT32? Date = 1709164800000
        ti: INT32? Time = 45296789
        tz: INT32? Time = 36000000
        ts: INT64? Timestamp = 1709208000123
        tstz: INT64? Timestamp = 1709200800500
        dom: INT32 = 7
    ",
    );
}

#[tokio::test]
async fn mariadb() {
    let mut place = Place::mariadb().await;
    let table = unique("types").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (t1 TINYINT(1) NOT NULL, bo BOOLEAN, b8 BIT(8), t TINYINT, tu TINYINT UNSIGNED, s SMALLINT,
        su SMALLINT UNSIGNED, m MEDIUMINT, i INT, iu INT UNSIGNED, l BIGINT, lu BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(10,2),
        c CHAR(5), v VARCHAR(9), tx TEXT, e ENUM('a','b'), st SET('x','y'), j JSON, bi BINARY(2), vb VARBINARY(9), bl BLOB, da DATE,
        ti TIME(3), dt DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR, g GEOMETRY)")).await;
    place.run(&format!("INSERT INTO {table} VALUES (1, true, b'10101010', -1, 255, -2, 65535, -3, -4, 4000000000, -5, 9000000000000000000, 1.5, 2.25,
        1234.5, 'ab', 'cd', 'ef', 'b', 'x,y', '{{\"a\": 1}}', x'00ff', x'01', x'02', '2024-02-29', '12:34:56.789', '2024-02-29 12:00:00.123456',
        '2024-02-29 12:00:00.5', 2024, ST_GeomFromText('POINT(1 2)'))")).await;
    let expected = "
        t1: INT8 = 1
        bo: INT8? = 1
        b8: INT8? = -86
        t: INT8? = -1
        tu: INT16? = 255
        s: INT16? = -2
        su: INT32? = 65535
        m: INT32? = -3
        i: INT32? = -4
        iu: INT64? = 4000000000
        l: INT64? = -5
        lu: INT64? = 9000000000000000000
        f: FLOAT32? = 1.5
        d: FLOAT64? = 2.25
        n: BYTES? Decimal(scale=2,connect.decimal.precision=10) = 1234.50
        c: STRING? = ab
        v: STRING? = cd
        tx: STRING? = ef
        e: STRING? = b
        st: STRING? = x,y
        j: STRING? = {\"a\": 1}
        bi: BYTES? = 00ff
        vb: BYTES? = 01
        bl: BYTES? = 02
        da: INT32? Date = 1709164800000
        ti: INT32? Time = 45296789
        dt: INT64? Timestamp = 1709208000123
        ts: INT64? Timestamp = 1709208000500
        y: INT32? Date = 1704067200000
        g: BYTES? = 000000000101000000000000000000f03f0000000000000040
    ";
    check(&shown(&place, &table, &[]).await, expected);
    // DECIMAL is no NUMERIC, so the mapping does not apply.
    check(&shown(&place, &table, &[("numeric.mapping", "best_fit")]).await, expected);
    let place = Place::at(place.url.replace("jdbc:mysql:", "jdbc:mariadb:")).await;
    let found = shown(&place, &table, &[]).await;
    let differing: Vec<_> =
        found.iter().map(String::as_str).filter(|line| !expected.contains(*line)).collect();
    let expected = ["t1: BOOLEAN = true", "bo: BOOLEAN? = true", "tu: INT32? = 255", "su: INT64? = 65535"];
    assert_eq!(differing, expected);
}

#[tokio::test]
async fn sqlite() {
    let mut place = Place::sqlite().await;
    place.run("CREATE TABLE types (id INTEGER PRIMARY KEY, i INT, mi MEDIUMINT, ti TINYINT, si SMALLINT, bi BIGINT, r REAL, f FLOAT,
        d DOUBLE, de DECIMAL(10,2), n NUMERIC(5,1), b BOOLEAN, c CHAR(5), v VARCHAR(9), t TEXT NOT NULL, bl BLOB, da DATE, ts TIMESTAMP,
        tt TIMESTAMP)").await;
    place.run("INSERT INTO types VALUES (1, 5000000000, 2, 3, 4, 5, 1.5, 2.25, 3.5, 1234.5, 7.5, 1, 'ab', 'cd', 'ef', x'00ff', 1709164800000,
        1709208000123, '2024-02-29 12:00:00')").await;
    check(
        &shown(&place, "types", &[]).await,
        "
        id: INT32? = 1
        i: INT64? = 5000000000
        mi: INT64? = 2
        ti: INT16? = 3
        si: INT32? = 4
        bi: INT64? = 5
        r: FLOAT32? = 1.5
        f: FLOAT64? = 2.25
        d: FLOAT64? = 3.5
        de: BYTES? Decimal(scale=2,connect.decimal.precision=10) = 1234.50
        n: BYTES? Decimal(scale=1,connect.decimal.precision=5) = 7.5
        b: BOOLEAN? = true
        c: STRING? = ab
        v: STRING? = cd
        t: STRING = ef
        bl: BYTES? = 00ff
        da: INT32? Date = 1709164800000
        ts: INT64? Timestamp = 1709208000123
        tt: STRING? = 2024-02-29 12:00:00
    ",
    );
}

#[tokio::test]
async fn numerics_follow_the_mapping() {
    let mut place = Place::postgresql().await;
    let table = unique("numerics").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (a NUMERIC(2,0), b NUMERIC(8,0), c NUMERIC(18,0), d NUMERIC(20,0), e NUMERIC(10,2), f NUMERIC(20,5))")).await;
    place.run(&format!("INSERT INTO {table} VALUES (1, 2, 3, 4, 5.5, 6.5)")).await;
    for (mapping, expected) in [
        ("none", ["BYTES", "BYTES", "BYTES", "BYTES", "BYTES", "BYTES"]),
        ("precision_only", ["INT8", "INT32", "INT64", "BYTES", "BYTES", "BYTES"]),
        ("best_fit", ["INT8", "INT32", "INT64", "BYTES", "FLOAT64", "BYTES"]),
        ("BEST_FIT_EAGER_DOUBLE", ["INT8", "INT32", "INT64", "BYTES", "FLOAT64", "FLOAT64"]),
    ] {
        let found = shown(&place, &table, &[("numeric.mapping", mapping)]).await;
        let kinds: Vec<_> =
            found.iter().map(|line| line.split([' ', '?']).nth(1).unwrap().to_string()).collect();
        assert_eq!(kinds, expected, "{mapping}");
    }
    let older = shown(&place, &table, &[("numeric.precision.mapping", "true")]).await;
    assert!(older[0].contains("INT8"), "{older:?}");
}

#[tokio::test]
async fn times_follow_granularity_and_zone() {
    let mut place = Place::postgresql().await;
    let table = unique("times").replace('-', "_");
    place.run(&format!("CREATE TABLE {table} (a TIMESTAMP NOT NULL, b TIMESTAMPTZ NOT NULL, c DATE)")).await;
    place.run(&format!("INSERT INTO {table} VALUES ('2024-01-01 12:00:00.123456', '2024-01-01 12:00:00+00', '0001-01-01')")).await;
    let zone = ("db.timezone", "America/New_York");
    for (granularity, a, b) in [
        ("connect_logical", "a: INT64 Timestamp = 1704128400123", "b: INT64 Timestamp = 1704110400000"),
        ("micros_long", "a: INT64 = 1704128400123456", "b: INT64 = 1704110400000000"),
        ("micros_string", "a: STRING = 1704128400123456", "b: STRING = 1704110400000000"),
        (
            "micros_iso_datetime_string",
            "a: STRING = 2024-01-01T12:00:00.123456",
            "b: STRING = 2024-01-01T07:00:00.000000",
        ),
        ("nanos_long", "a: INT64 = 1704128400123456000", "b: INT64 = 1704110400000000000"),
        ("nanos_string", "a: STRING = 1704128400123456000", "b: STRING = 1704110400000000000"),
        (
            "nanos_iso_datetime_string",
            "a: STRING = 2024-01-01T12:00:00.123456000",
            "b: STRING = 2024-01-01T07:00:00.000000000",
        ),
    ] {
        let found = shown(&place, &table, &[zone, ("timestamp.granularity", granularity)]).await;
        assert_eq!(found[..2], [a, b], "{granularity}");
        assert_eq!(found[2], "c: INT32? Date = -62135769600000");
    }
    let found = shown(&place, &table, &[("date.calendar.system", "PROLEPTIC_GREGORIAN")]).await;
    assert_eq!(found[2], "c: INT32? Date = -62135596800000");
}

#[tokio::test]
async fn zero_dates_are_errors_or_what_the_url_says() {
    let mut place = Place::mariadb().await;
    let table = unique("zero").replace('-', "_");
    place.run("SET SESSION sql_mode = ''").await;
    place.run(&format!("CREATE TABLE {table} (at DATETIME)")).await;
    place.run(&format!("INSERT INTO {table} VALUES ('0000-00-00 00:00:00')")).await;
    let mut task = place.task(&table, &place.settings(&table, "bulk"), &Arc::default()).await.unwrap();
    let trace = failure(&mut task).await;
    assert!(trace.contains("column at: 0000-00-00 is no date; zeroDateTimeBehavior"), "{trace}");
    for (behaviour, expected) in [("CONVERT_TO_NULL", "null"), ("ROUND", "-62135769600000")] {
        let place = Place::at(format!("{}?zeroDateTimeBehavior={behaviour}", place.url)).await;
        check(&shown(&place, &table, &[]).await, &format!("at: INT64? Timestamp = {expected}"));
    }
}
