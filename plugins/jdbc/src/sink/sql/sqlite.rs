//! SQLite.

use super::{Clock, SinkSql, Target, literal, rows_of_parameters};
use crate::sink::{layout::Role, types::ColumnType};
use millrace_api::Value;

/// The words of SQLite.
pub(crate) struct Sqlite;

impl SinkSql for Sqlite {
    fn parameter(&self, _number: usize) -> String {
        "?".to_string()
    }

    fn type_name(&self, kind: &ColumnType, _role: Role) -> Option<String> {
        let name = match kind {
            ColumnType::Int8 | ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => "INTEGER",
            ColumnType::Boolean => "INTEGER",
            ColumnType::Float32 | ColumnType::Float64 => "REAL",
            ColumnType::Text => "TEXT",
            ColumnType::Bytes => "BLOB",
            ColumnType::Decimal { .. } => "NUMERIC",
            ColumnType::Date | ColumnType::Time | ColumnType::Timestamp | ColumnType::Epoch => "NUMERIC",
            ColumnType::Array(_) => return None,
        };
        Some(name.to_string())
    }

    fn default_literal(
        &self,
        kind: &ColumnType,
        _role: Role,
        value: &Value,
        clock: &Clock,
    ) -> Option<String> {
        literal::of(kind, value, clock)
    }

    fn insert(&self, target: &Target, rows: usize) -> String {
        self.statement("INSERT INTO", target, rows)
    }

    /// Replaces the whole row: columns that the record does not have become null or their default.
    fn upsert(&self, target: &Target, rows: usize) -> String {
        self.statement("INSERT OR REPLACE INTO", target, rows)
    }

    fn alter(&self, table: &str, columns: &[String]) -> Vec<String> {
        columns.iter().map(|column| format!("ALTER TABLE {table} ADD {column}")).collect()
    }
}

impl Sqlite {
    fn statement(&self, verb: &str, target: &Target, rows: usize) -> String {
        let values = rows_of_parameters(self, target.columns().count(), rows);
        format!("{verb} {}({}) VALUES{values}", target.table, target.column_list())
    }
}
