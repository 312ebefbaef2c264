//! PostgreSQL.

use super::Dialect;
use crate::identifier::{IdentifierRules, Qualifier};

/// The most bytes of a name: `NAMEDATALEN` less one, unless the server was built otherwise.
const NAME_BYTES_MAX: usize = 63;

pub(super) struct PostgreSql;

impl Dialect for PostgreSql {
    fn name(&self) -> &'static str {
        "PostgreSqlDatabaseDialect"
    }

    fn identifiers(&self) -> IdentifierRules {
        IdentifierRules { quote: '"', qualifier: Qualifier::Schema, bytes_max: Some(NAME_BYTES_MAX) }
    }

    fn placeholder(&self, number: usize) -> String {
        format!("${number}")
    }

    fn current_time(&self) -> &'static str {
        "SELECT CURRENT_TIMESTAMP"
    }

    fn isolation(&self, level: &str) -> Option<String> {
        Some(format!("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"))
    }

    fn table_types(&self) -> &'static [&'static str] {
        &[
            "FOREIGN TABLE",
            "MATERIALIZED VIEW",
            "PARTITIONED TABLE",
            "SYSTEM TABLE",
            "SYSTEM VIEW",
            "TABLE",
            "TEMPORARY TABLE",
            "TEMPORARY VIEW",
            "VIEW",
        ]
    }
}
