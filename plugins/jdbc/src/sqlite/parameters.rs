//! The parameters of SQLite's Java driver, translated or refused by name. Pure.

use crate::{connection::ConnectionSettings, error::JdbcError};
use std::time::Duration;

/// How long a locked file is waited for when nothing is said: the Java driver's default.
const BUSY_WAIT: Duration = Duration::from_secs(3);

/// Parameters that are pragmas of the same name.
const PRAGMAS: [&str; 12] = [
    "cache_size",
    "case_sensitive_like",
    "encoding",
    "foreign_keys",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "read_uncommitted",
    "secure_delete",
    "synchronous",
    "temp_store",
];

pub(super) struct Parameters {
    pub(super) busy_wait: Duration,
    /// Statements that are run once the file is open.
    pub(super) first: Vec<String>,
}

/// Translates parameters. User and password mean nothing to SQLite.
pub(super) fn read(settings: &ConnectionSettings) -> Result<Parameters, JdbcError> {
    let mut read = Parameters { busy_wait: BUSY_WAIT, first: Vec::new() };
    for (name, value) in settings.parameters() {
        take(&mut read, &name, &value).map_err(|reason| JdbcError::Parameter { name, reason })?;
    }
    Ok(read)
}

fn take(read: &mut Parameters, name: &str, value: &str) -> Result<(), String> {
    match name {
        "busy_timeout" => {
            let wait = value.parse().map_err(|_| format!("{value} is no number of milliseconds"))?;
            read.busy_wait = Duration::from_millis(wait);
        }
        // The one way in which the Java driver writes and this one reads and writes instants.
        "date_class" if value.eq_ignore_ascii_case("INTEGER") => {}
        "date_precision" if value.eq_ignore_ascii_case("MILLISECONDS") => {}
        "date_class" | "date_precision" => {
            return Err(format!("{value} is not supported; instants are integers of milliseconds"));
        }
        "transaction_mode" | "jdbc.explicit_readonly" | "jdbc.get_generated_keys" => {}
        _ if PRAGMAS.contains(&name) => {
            if !value.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char)) {
                return Err(format!("{value} is no word or number"));
            }
            read.first.push(format!("PRAGMA {name} = {value}"));
        }
        _ => return Err("there is no such parameter in this SQLite driver; remove it".to_string()),
    }
    Ok(())
}
