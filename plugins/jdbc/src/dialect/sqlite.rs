//! SQLite.

use super::Dialect;
use crate::identifier::{IdentifierRules, Qualifier};

pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn name(&self) -> &'static str {
        "SqliteDatabaseDialect"
    }

    fn identifiers(&self) -> IdentifierRules {
        IdentifierRules { quote: '"', qualifier: Qualifier::Schema, bytes_max: None }
    }

    fn placeholder(&self, _number: usize) -> String {
        "?".to_string()
    }

    /// `%f` holds the seconds with their fraction. The reference asks for the seconds before them once more.
    fn current_time(&self) -> &'static str {
        "SELECT strftime('%Y-%m-%d %H:%M:%f','now')"
    }

    /// SQLite's transactions are serializable, whatever is asked for.
    fn isolation(&self, _level: &str) -> Option<String> {
        None
    }

    fn table_types(&self) -> &'static [&'static str] {
        &["SYSTEM TABLE", "TABLE", "VIEW"]
    }
}
