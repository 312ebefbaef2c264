//! Tables of a database to topics, and topics to tables of a database.
//!
//! Where things are: `url.rs` reads `jdbc:` URLs, `connection.rs` is what both connectors ask of a database, `postgresql.rs`,
//! `mysql.rs` and `sqlite.rs` are its drivers, `dialect/` holds what differs in SQL (pure), `cell.rs` is one value on its way
//! between a driver and a record.

#![allow(dead_code, reason = "the connectors that stand on this layer come next")]

mod cell;
mod clock;
mod connection;
mod decimal;
mod dialect;
mod error;
mod identifier;
mod mysql;
mod postgresql;
mod sqlite;
mod tls;
mod url;

#[cfg(test)]
mod tests;
