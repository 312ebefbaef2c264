//! What an error of the database means for a batch. Pure.

use crate::{error::JdbcError, url::Product};

/// What should be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The whole batch again, after a while, over a new connection.
    TryAgain,
    /// What is known of the tables is out of date.
    LookAgain,
    /// A row is at fault.
    BadRow,
    /// Nothing but a change from outside helps.
    Fatal,
}

/// Judges an error.
pub(crate) fn of(error: &JdbcError) -> Verdict {
    match error {
        JdbcError::Connect { transient: true, .. } | JdbcError::Lost { .. } => Verdict::TryAgain,
        JdbcError::Sql { product: Product::PostgreSql, state, .. } => {
            postgresql(state.as_deref().unwrap_or_default())
        }
        JdbcError::Sql { product: Product::MySql | Product::MariaDb, state, code, .. } => {
            mysql(*code, state.as_deref().unwrap_or_default())
        }
        JdbcError::Sql { product: Product::Sqlite, code, message, .. } => sqlite(*code, message),
        JdbcError::Value { .. } | JdbcError::Data { .. } => Verdict::BadRow,
        JdbcError::Connect { .. }
        | JdbcError::Url(_)
        | JdbcError::Parameter { .. }
        | JdbcError::Setting { .. }
        | JdbcError::Panicked { .. } => Verdict::Fatal,
    }
}

/// By SQLSTATE.
fn postgresql(state: &str) -> Verdict {
    match state {
        // A table, a column, a schema that is not there; a plan that no longer fits its table.
        "42P01" | "42703" | "3F000" | "0A000" => Verdict::LookAgain,
        // No right to write here.
        "42501" => Verdict::Fatal,
        // A lock that was not given, a server that only reads for now.
        "55P03" | "25006" => Verdict::TryAgain,
        _ => match state.get(..2) {
            // Connections, conflicts of transactions, resources, the operator, the system.
            Some("08" | "40" | "53" | "57" | "58") => Verdict::TryAgain,
            Some("28") => Verdict::Fatal,
            _ => Verdict::BadRow,
        },
    }
}

/// By the server's numbers, which MySQL and MariaDB share.
fn mysql(code: i32, state: &str) -> Verdict {
    match code {
        // No such database, column or table.
        1049 | 1054 | 1146 => Verdict::LookAgain,
        // Full disk or table, too many connections, a shutdown, locks, deadlocks, a server that only reads, an interruption.
        1021 | 1040 | 1053 | 1114 | 1203 | 1205 | 1213 | 1290 | 1317 | 1637 | 1792 | 1836 | 1927 | 3024 => {
            Verdict::TryAgain
        }
        // No right to write here.
        1044 | 1045 | 1142 | 1143 => Verdict::Fatal,
        _ if state.starts_with("08") || state.starts_with("40") => Verdict::TryAgain,
        _ => Verdict::BadRow,
    }
}

/// By SQLite's primary result codes.
fn sqlite(code: i32, message: &str) -> Verdict {
    let about_names = ["no such table", "no such column", "has no column named"];
    match code & 0xff {
        // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
        5 | 6 | 7 | 8 | 10 | 13 | 14 => Verdict::TryAgain,
        // SCHEMA.
        17 => Verdict::LookAgain,
        1 if about_names.iter().any(|words| message.contains(words)) => Verdict::LookAgain,
        // CORRUPT, NOTADB, AUTH, PERM.
        3 | 11 | 23 | 26 => Verdict::Fatal,
        _ => Verdict::BadRow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(product: Product, state: &str, code: i32, message: &str, verdict: Verdict) {
        let error =
            JdbcError::Sql { product, state: Some(state.to_string()), code, message: message.to_string() };
        assert_eq!(of(&error), verdict, "{state} {code} {message}");
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        check(Product::PostgreSql, "40P01", 0, "deadlock detected", Verdict::TryAgain);
        check(Product::PostgreSql, "53100", 0, "disk full", Verdict::TryAgain);
        check(Product::PostgreSql, "57P01", 0, "terminating connection", Verdict::TryAgain);
        check(Product::MariaDb, "40001", 1213, "Deadlock found", Verdict::TryAgain);
        check(Product::MySql, "HY000", 1205, "Lock wait timeout exceeded", Verdict::TryAgain);
        check(Product::Sqlite, "", 5, "database is locked", Verdict::TryAgain);
        check(Product::Sqlite, "", 13, "database or disk is full", Verdict::TryAgain);
    }

    #[test]
    fn a_value_that_does_not_fit_is_its_rows_fault() {
        check(Product::PostgreSql, "23502", 0, "null value in column", Verdict::BadRow);
        check(Product::PostgreSql, "22021", 0, "invalid byte sequence", Verdict::BadRow);
        check(Product::MariaDb, "22003", 1264, "Out of range value", Verdict::BadRow);
        check(Product::MariaDb, "23000", 1048, "Column cannot be null", Verdict::BadRow);
        check(Product::Sqlite, "", 1299, "NOT NULL constraint failed", Verdict::BadRow);
    }

    #[test]
    fn a_table_that_changed_is_looked_at_again() {
        check(Product::PostgreSql, "42P01", 0, "relation does not exist", Verdict::LookAgain);
        check(Product::MariaDb, "42S02", 1146, "Table 'test.t' doesn't exist", Verdict::LookAgain);
        check(Product::Sqlite, "", 1, "no such table: t", Verdict::LookAgain);
        check(Product::Sqlite, "", 1, "table t has no column named b", Verdict::LookAgain);
    }

    #[test]
    fn rights_are_the_operators_business() {
        check(Product::PostgreSql, "28000", 0, "role does not exist", Verdict::Fatal);
        check(Product::PostgreSql, "42501", 0, "permission denied for table t", Verdict::Fatal);
        check(Product::MariaDb, "42000", 1142, "INSERT command denied", Verdict::Fatal);
    }
}
