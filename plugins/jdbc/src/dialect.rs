//! What databases do differently in SQL: one file each. Pure.

mod mysql;
mod postgresql;
mod sqlite;

use crate::{identifier::IdentifierRules, url::Product};

/// The SQL of one database, as far as both connectors need it.
pub(crate) trait Dialect: Send + Sync {
    /// Returns the name by which `dialect.name` picks it.
    fn name(&self) -> &'static str;

    /// Returns how names are written and read.
    fn identifiers(&self) -> IdentifierRules;

    /// Returns what stands for parameter number `number`, counted from 1.
    fn placeholder(&self, number: usize) -> String;

    /// Returns the statement that asks for the server's clock.
    fn current_time(&self) -> &'static str;

    /// Returns the statement that sets the isolation of the transactions to come, a level of the SQL standard; none where
    /// there is nothing to say.
    fn isolation(&self, level: &str) -> Option<String>;

    /// Returns the types of tables that the database knows, in upper case.
    fn table_types(&self) -> &'static [&'static str];
}

/// Returns the dialect of a database.
pub(crate) fn of(product: Product) -> &'static dyn Dialect {
    match product {
        Product::PostgreSql => &postgresql::PostgreSql,
        Product::MySql | Product::MariaDb => &mysql::MySql,
        Product::Sqlite => &sqlite::Sqlite,
    }
}

/// Every name that `dialect.name` may have: the reference's.
pub(crate) const NAMES: [&str; 11] = [
    "Db2DatabaseDialect",
    "DerbyDatabaseDialect",
    "GenericDatabaseDialect",
    "MySqlDatabaseDialect",
    "OracleDatabaseDialect",
    "PostgreSqlDatabaseDialect",
    "SapHanaDatabaseDialect",
    "SqlServerDatabaseDialect",
    "SqliteDatabaseDialect",
    "SybaseDatabaseDialect",
    "VerticaDatabaseDialect",
];
