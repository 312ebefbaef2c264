//! The drivers on real databases.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod drivers;

use crate::{
    cell::Cell,
    connection::{Connection, ConnectionSettings, Rows, connect},
    url::JdbcUrl,
};
use jiff::tz::TimeZone;
use millrace_api::{Config, Properties, Secret};
use millrace_tests::databases::{Database, PASSWORD, USER};
use std::{path::Path, time::Duration};

/// What one setting is, to make a [`Secret`].
#[derive(Config)]
struct Password {
    /// The password.
    password: Secret,
}

pub(crate) fn secret(text: &str) -> Secret {
    Password::parse(&Properties::from([("password", text)])).unwrap().password
}

pub(crate) fn settings(url: &str) -> ConnectionSettings {
    ConnectionSettings {
        url: JdbcUrl::parse(url).unwrap(),
        user: Some(USER.to_string()),
        password: Some(secret(PASSWORD)),
        attempts: 1,
        backoff: Duration::from_millis(50),
        driver: Properties::new(),
        zone: TimeZone::UTC,
    }
}

/// Returns a connection to each kind of database; the folder holds SQLite's file.
pub(crate) async fn connections(folder: &Path) -> Vec<Box<dyn Connection>> {
    let sqlite = format!("jdbc:sqlite:{}", folder.join("test.db").display());
    let urls = [Database::postgresql().jdbc_url(), Database::mariadb().jdbc_url(), sqlite];
    let mut connections = Vec::new();
    for url in urls {
        connections.push(connect(&settings(&url)).await.unwrap());
    }
    connections
}

/// Returns all cells of rows.
pub(crate) fn cells(rows: &dyn Rows, width: usize) -> Vec<Vec<Cell<'static>>> {
    let row = |row| (0..width).map(|column| rows.cell(row, column).unwrap().into_owned()).collect();
    (0..rows.len()).map(row).collect()
}
