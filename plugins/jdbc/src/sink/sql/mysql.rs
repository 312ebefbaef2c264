//! MySQL and MariaDB.

use super::{Clock, SinkSql, Target, literal, rows_of_parameters};
use crate::sink::{layout::Role, types::ColumnType};
use millrace_api::Value;

/// The words of MySQL and MariaDB.
pub(crate) struct MySql {
    /// The type of texts that are no key: the two forks differ.
    pub text: &'static str,
}

/// The type of texts that are keys: an index needs a length, and 256 characters of four bytes fit the oldest limit that is
/// still met (3072 bytes).
pub(crate) const KEY_TEXT: &str = "VARCHAR(256)";

impl SinkSql for MySql {
    fn parameter(&self, _number: usize) -> String {
        "?".to_string()
    }

    fn type_name(&self, kind: &ColumnType, role: Role) -> Option<String> {
        let name = match kind {
            ColumnType::Int8 | ColumnType::Boolean => "TINYINT",
            ColumnType::Int16 => "SMALLINT",
            ColumnType::Int32 => "INT",
            ColumnType::Int64 => "BIGINT",
            ColumnType::Float32 => "FLOAT",
            ColumnType::Float64 => "DOUBLE",
            ColumnType::Text if role == Role::Key => KEY_TEXT,
            ColumnType::Text => self.text,
            ColumnType::Bytes => "VARBINARY(1024)",
            ColumnType::Decimal { scale } => return Some(format!("DECIMAL(65,{scale})")),
            ColumnType::Date => "DATE",
            ColumnType::Time => "TIME(3)",
            ColumnType::Timestamp => "DATETIME(3)",
            ColumnType::Epoch => "DATETIME(6)",
            ColumnType::Array(_) => return None,
        };
        Some(name.to_string())
    }

    fn default_literal(&self, kind: &ColumnType, role: Role, value: &Value, clock: &Clock) -> Option<String> {
        // The server refuses a default of a TEXT column (error 1101), and with it the whole statement.
        let is_blob = *kind == ColumnType::Text && role == Role::Other && self.text == "TEXT";
        if is_blob { None } else { literal::of(kind, value, clock) }
    }

    fn insert(&self, target: &Target, rows: usize) -> String {
        let columns = target.columns().count();
        let values = rows_of_parameters(self, columns, rows);
        format!("INSERT INTO {}({}) VALUES{values}", target.table, target.column_list())
    }

    fn upsert(&self, target: &Target, rows: usize) -> String {
        let changed = if target.others.is_empty() { &target.keys } else { &target.others };
        let set: Vec<_> = changed.iter().map(|name| format!("{name}=values({name})")).collect();
        let values = rows_of_parameters(self, target.columns().count(), rows);
        let (table, columns) = (&target.table, target.column_list());
        format!("insert into {table}({columns}) values{values} on duplicate key update {}", set.join(","))
    }
}
