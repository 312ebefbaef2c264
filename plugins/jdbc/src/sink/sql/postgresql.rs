//! PostgreSQL.

use super::{Clock, SinkSql, Target, literal, rows_of_parameters};
use crate::sink::{layout::Role, types::ColumnType};
use millrace_api::Value;

/// The words of PostgreSQL.
pub(crate) struct PostgreSql;

impl SinkSql for PostgreSql {
    fn parameter(&self, number: usize) -> String {
        format!("${number}")
    }

    fn type_name(&self, kind: &ColumnType, _role: Role) -> Option<String> {
        let name = match kind {
            ColumnType::Int8 | ColumnType::Int16 => "SMALLINT",
            ColumnType::Int32 => "INT",
            ColumnType::Int64 => "BIGINT",
            ColumnType::Float32 => "REAL",
            ColumnType::Float64 => "DOUBLE PRECISION",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Text => "TEXT",
            ColumnType::Bytes => "BYTEA",
            ColumnType::Decimal { .. } => "DECIMAL",
            ColumnType::Date => "DATE",
            ColumnType::Time => "TIME",
            ColumnType::Timestamp | ColumnType::Epoch => "TIMESTAMP",
            ColumnType::Array(element) => return Some(self.type_name(element, Role::Other)? + "[]"),
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
        match (kind, value) {
            (ColumnType::Boolean, Value::Boolean(true)) => Some("TRUE".to_string()),
            (ColumnType::Boolean, Value::Boolean(false)) => Some("FALSE".to_string()),
            (ColumnType::Bytes, Value::Bytes(bytes)) => Some(format!("'\\x{}'", literal::hex(bytes))),
            (ColumnType::Array(element), Value::Array(values)) => {
                let literals = values.iter().map(|value| match value {
                    Value::Null => Some("NULL".to_string()),
                    value => self.default_literal(element, Role::Other, value, clock),
                });
                let literals = literals.collect::<Option<Vec<_>>>()?;
                Some(format!("ARRAY[{}]::{}[]", literals.join(","), self.type_name(element, Role::Other)?))
            }
            (kind, value) => literal::of(kind, value, clock),
        }
    }

    fn insert(&self, target: &Target, rows: usize) -> String {
        let columns = target.columns().count();
        let values = rows_of_parameters(self, columns, rows);
        format!("INSERT INTO {} ({}) VALUES {values}", target.table, target.column_list())
    }

    fn upsert(&self, target: &Target, rows: usize) -> String {
        format!("{}{}", self.insert(target, rows), conflict(target))
    }
}

impl PostgreSql {
    /// Inserts all rows of some arrays, each of which holds one column. `types` are those of the table's columns.
    pub fn insert_columns(&self, target: &Target, types: &[&str]) -> String {
        let arrays = types.iter().enumerate().map(|(index, name)| format!("${}::{name}[]", index + 1));
        let arrays: Vec<_> = arrays.collect();
        let (table, columns) = (&target.table, target.column_list());
        format!("INSERT INTO {table} ({columns}) SELECT * FROM UNNEST({})", arrays.join(","))
    }

    /// The same for upserts. No key may be there twice: the server refuses to change a row twice in one statement.
    pub fn upsert_columns(&self, target: &Target, types: &[&str]) -> String {
        format!("{}{}", self.insert_columns(target, types), conflict(target))
    }
}

/// Returns what an upsert has more than an insert.
fn conflict(target: &Target) -> String {
    let keys = target.keys.join(",");
    if target.others.is_empty() {
        return format!(" ON CONFLICT ({keys}) DO NOTHING");
    }
    let set: Vec<_> = target.others.iter().map(|name| format!("{name}=EXCLUDED.{name}")).collect();
    format!(" ON CONFLICT ({keys}) DO UPDATE SET {}", set.join(","))
}
