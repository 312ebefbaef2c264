//! MySQL and MariaDB.

use super::Dialect;
use crate::identifier::{IdentifierRules, Qualifier};

pub(super) struct MySql;

impl Dialect for MySql {
    fn name(&self) -> &'static str {
        "MySqlDatabaseDialect"
    }

    fn identifiers(&self) -> IdentifierRules {
        IdentifierRules { quote: '`', qualifier: Qualifier::Catalog, bytes_max: None }
    }

    fn placeholder(&self, _number: usize) -> String {
        "?".to_string()
    }

    fn current_time(&self) -> &'static str {
        "SELECT CURRENT_TIMESTAMP"
    }

    fn isolation(&self, level: &str) -> Option<String> {
        Some(format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"))
    }

    fn table_types(&self) -> &'static [&'static str] {
        &["LOCAL TEMPORARY", "SYSTEM TABLE", "SYSTEM VIEW", "TABLE", "VIEW"]
    }
}
