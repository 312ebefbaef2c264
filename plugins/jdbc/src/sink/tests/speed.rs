//! How fast the ways of writing are. Not a test: it prints figures, on which the choice in `write.rs` rests.
//!
//! `cargo test --release -p millrace-jdbc speed -- --ignored --nocapture`

use super::*;
use crate::{
    cell::{Cell, Moment},
    connection::{self, Connection},
    postgresql::PostgreSql,
};
use bytes::Bytes;
use futures::SinkExt;
use std::time::Instant;

const ROWS: usize = 100_000;

/// As many as one `put` of the worker has.
const BATCH: usize = 4096;

const COLUMNS: [&str; 10] = [
    "id bigint primary key",
    "i int",
    "l bigint",
    "t text",
    "v varchar(100)",
    "n numeric(12,2)",
    "d double precision",
    "b boolean",
    "at timestamp",
    "day date",
];

fn rows(begin: usize, count: usize) -> Vec<Vec<Cell<'static>>> {
    let row = |id: usize| {
        let number = id as i64;
        let decimal = millrace_api::Decimal { unscaled: number.into(), scale: 2 };
        vec![
            Cell::Integer(number),
            Cell::Integer(number % 1000),
            if id.is_multiple_of(5) { Cell::Null } else { Cell::Integer(number * 7) },
            Cell::from(format!("some text of row {id}, as long as texts are")),
            Cell::from("a varchar"),
            Cell::Decimal(decimal),
            Cell::Float64(number as f64 / 3.0),
            Cell::Boolean(id.is_multiple_of(2)),
            Cell::Instant(Moment { seconds: 1_700_000_000 + number, nanos: 5_000_000 }),
            Cell::Date(19_000 + (number % 1000) as i32),
        ]
    };
    (begin..begin + count).map(row).collect()
}

fn batches() -> impl Iterator<Item = Vec<Vec<Cell<'static>>>> {
    (0..ROWS).step_by(BATCH).map(|begin| rows(begin, BATCH.min(ROWS - begin)))
}

async fn fresh(connection: &mut dyn Connection) {
    connection.execute("DROP TABLE IF EXISTS speed", &[]).await.unwrap();
    connection.execute(&format!("CREATE TABLE speed ({})", COLUMNS.join(",")), &[]).await.unwrap();
}

fn print(what: &str, begin: Instant) {
    println!("{what:<40} {:>8.0} rows/s", ROWS as f64 / begin.elapsed().as_secs_f64());
}

fn connection_settings(target: &Target) -> crate::connection::ConnectionSettings {
    SinkSettings::confluent(&target.settings(&[])).unwrap().connection
}

fn names() -> sql::Target {
    let names: Vec<_> = COLUMNS.iter().map(|column| column.split(' ').next().unwrap().to_string()).collect();
    sql::Target { table: "speed".to_string(), keys: names[..1].to_vec(), others: names[1..].to_vec() }
}

async fn with_rows(connection: &mut dyn Connection, words: &dyn sql::SinkSql, rows: usize, what: &str) {
    for upsert in [false, true] {
        let sql = |count| if upsert { words.upsert(&names(), count) } else { words.insert(&names(), count) };
        if !upsert {
            fresh(connection).await;
        }
        let begin = Instant::now();
        for batch in batches() {
            connection.begin().await.unwrap();
            for piece in batch.chunks(rows) {
                let flat: Vec<_> = piece.iter().flatten().cloned().collect();
                connection.execute(&sql(piece.len()), &flat).await.unwrap();
            }
            connection.commit().await.unwrap();
        }
        print(
            &format!("{what}, {rows} rows a statement{}", if upsert { ", upsert over" } else { "" }),
            begin,
        );
    }
}

async fn one_by_one(connection: &mut dyn Connection, words: &dyn sql::SinkSql, what: &str) {
    fresh(connection).await;
    let begin = Instant::now();
    for batch in batches() {
        connection.begin().await.unwrap();
        connection.execute_batch(&words.insert(&names(), 1), &batch).await.unwrap();
        connection.commit().await.unwrap();
    }
    print(&format!("{what}, prepared rows"), begin);
}

#[tokio::test]
#[ignore = "prints figures"]
async fn postgresql() {
    let settings = connection_settings(&Target::postgresql());
    let mut connection = connection::connect(&settings).await.unwrap();
    let connection = connection.as_mut();
    one_by_one(connection, &sql::PostgreSql, "PostgreSQL").await;
    with_rows(connection, &sql::PostgreSql, 100, "PostgreSQL").await;
    with_rows(connection, &sql::PostgreSql, 1000, "PostgreSQL").await;
    let types: Vec<_> = COLUMNS.iter().map(|column| column.split_once(' ').unwrap().1).collect();
    let types: Vec<_> = types.iter().map(|name| name.trim_end_matches(" primary key")).collect();
    fresh(connection).await;
    for (sql, what) in [
        (sql::PostgreSql.insert_columns(&names(), &types), "PostgreSQL, UNNEST"),
        (sql::PostgreSql.upsert_columns(&names(), &types), "PostgreSQL, UNNEST, upsert over"),
    ] {
        let begin = Instant::now();
        for batch in batches() {
            connection.begin().await.unwrap();
            let slices: Vec<_> = batch.iter().map(Vec::as_slice).collect();
            connection.execute_columns(&sql, &slices).await.unwrap();
            connection.commit().await.unwrap();
        }
        print(what, begin);
    }
    fresh(connection).await;
    let own = PostgreSql::connect(&settings).await.unwrap();
    let begin = Instant::now();
    for batch in batches() {
        copy(&own, &batch).await;
    }
    print("PostgreSQL, COPY of text", begin);
}

async fn copy(connection: &PostgreSql, rows: &[Vec<Cell<'static>>]) {
    let mut text = String::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            text.push_str(if index > 0 { "\t" } else { "" });
            match cell {
                Cell::Null => text.push_str("\\N"),
                Cell::Integer(value) => text.push_str(&value.to_string()),
                Cell::Text(value) => text.push_str(value),
                Cell::Float64(value) => text.push_str(&value.to_string()),
                Cell::Boolean(value) => text.push_str(if *value { "t" } else { "f" }),
                Cell::Decimal(value) => text.push_str(&millrace_api::text::decimal(value)),
                Cell::Date(_) => text.push_str("2024-01-02"),
                _ => text.push_str("2024-01-02 03:04:05.006"),
            }
        }
        text.push('\n');
    }
    let sink = connection.client.copy_in("COPY speed FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    sink.send(Bytes::from(text)).await.unwrap();
    sink.finish().await.unwrap();
}

#[tokio::test]
#[ignore = "prints figures"]
async fn mariadb() {
    let settings = connection_settings(&Target::mariadb());
    let mut connection = connection::connect(&settings).await.unwrap();
    let words = sql::MySql { text: "TEXT" };
    one_by_one(connection.as_mut(), &words, "MariaDB").await;
    for rows in [10, 100, 1000, 4096] {
        with_rows(connection.as_mut(), &words, rows, "MariaDB").await;
    }
}

#[tokio::test]
#[ignore = "prints figures"]
async fn sqlite() {
    let target = Target::sqlite();
    let mut connection = connection::connect(&connection_settings(&target)).await.unwrap();
    one_by_one(connection.as_mut(), &sql::Sqlite, "SQLite").await;
    with_rows(connection.as_mut(), &sql::Sqlite, 100, "SQLite").await;
}
