//! Tables of a database to topics, and topics to tables of a database.
//!
//! The connectors have the names, settings, offsets and texts of the two Java ones in use, so that a connector file written
//! for one of them works here and its offsets are taken over. `docs/jdbc-source.md` is the page for users.
//!
//! ```
//! let mut plugins = millrace_api::Plugins::default();
//! millrace_jdbc::register(&mut plugins);
//! assert!(plugins.connector("io.confluent.connect.jdbc.JdbcSourceConnector").is_ok());
//! assert!(plugins.connector("io.aiven.connect.jdbc.JdbcSourceConnector").is_ok());
//! ```
//!
//! Where things are: `url.rs` reads `jdbc:` URLs, `connection.rs` is what both connectors ask of a database, `postgresql.rs`,
//! `mysql.rs` and `sqlite.rs` are its drivers, `dialect/` holds what differs in SQL (pure), and `cell.rs` is one value on its
//! way between a driver and a record. `source/` is the source: `settings.rs` understands the settings, `tables.rs` selects and
//! divides tables, `statement.rs` writes SQL, `offset.rs` knows where to resume, `schema.rs` makes values (all pure);
//! `querier.rs` reads one table, and `task.rs` takes the tables in turn. `sink.rs` and `sink/` are the sink.

mod cell;
mod clock;
mod connection;
mod decimal;
mod dialect;
mod error;
mod identifier;
mod mysql;
mod postgresql;
mod sink;
mod source;
mod sqlite;
mod tls;
mod url;
mod zone;

#[cfg(test)]
mod tests;

pub use sink::{AivenJdbcSink, AivenJdbcSinkConfig, JdbcSink, JdbcSinkConfig, JdbcSinkTask, SINK_CLASSES};
pub use source::{
    AIVEN_CLASS, AivenJdbcSource, CONFLUENT_CLASS, JdbcSource, JdbcSourceConfig, JdbcSourceTask,
};

use millrace_api::Plugins;

/// Adds the connectors to a program.
pub fn register(plugins: &mut Plugins) {
    source::register(plugins);
    sink::register(plugins);
}
