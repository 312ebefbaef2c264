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

    fn current_time(&self) -> &'static str {
        "SELECT strftime('%Y-%m-%d %H:%M:%S.%f','now')"
    }

    fn table_types(&self) -> &'static [&'static str] {
        &["SYSTEM TABLE", "TABLE", "VIEW"]
    }
}
