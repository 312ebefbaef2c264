//! The statements of the sink, in the words of each database. Pure: names and columns in, text out.

mod literal;
mod mysql;
mod postgresql;
mod sqlite;

pub(crate) use literal::Clock;
pub(crate) use mysql::MySql;
pub(crate) use postgresql::PostgreSql;
pub(crate) use sqlite::Sqlite;

use super::{
    layout::{Column, Layout, Role},
    types::ColumnType,
};
use millrace_api::Value;

/// What a statement works on: names as they stand in SQL, quoted where they are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub table: String,
    pub keys: Vec<String>,
    pub others: Vec<String>,
}

/// How one database says what the sink wants.
pub(crate) trait SinkSql: Send + Sync {
    /// Returns the mark of a parameter, counted from 1.
    fn parameter(&self, number: usize) -> String;

    /// Returns the type of a column, or `None` when the database has none for it.
    fn type_name(&self, kind: &ColumnType, role: Role) -> Option<String>;

    /// Returns the literal of a default, or `None` when the database lets such a column have none.
    fn default_literal(&self, kind: &ColumnType, role: Role, value: &Value, clock: &Clock) -> Option<String>;

    /// Inserts `rows` rows in one statement.
    fn insert(&self, target: &Target, rows: usize) -> String;

    /// Inserts rows, or changes those whose keys are there.
    fn upsert(&self, target: &Target, rows: usize) -> String;

    /// Adds columns, each given as its specification.
    fn alter(&self, table: &str, columns: &[String]) -> Vec<String> {
        match columns {
            [one] => vec![format!("ALTER TABLE {table} ADD {one}")],
            many => {
                let lines: Vec<_> = many.iter().map(|column| format!("ADD {column}")).collect();
                vec![format!("ALTER TABLE {table} \n{}", lines.join(",\n"))]
            }
        }
    }
}

impl Target {
    /// Returns all columns in the order of statements that insert.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().chain(&self.others).map(String::as_str)
    }

    fn column_list(&self) -> String {
        self.columns().collect::<Vec<_>>().join(",")
    }
}

/// Changes the row of a key: other columns first, then keys. Without keys every row of the table.
pub(crate) fn update(words: &dyn SinkSql, target: &Target) -> String {
    let mut number = 0;
    let mut assigned = |name: &String| {
        number += 1;
        format!("{name} = {}", words.parameter(number))
    };
    let set: Vec<_> = target.others.iter().map(&mut assigned).collect();
    let keys: Vec<_> = target.keys.iter().map(&mut assigned).collect();
    let condition = if keys.is_empty() { String::new() } else { format!(" WHERE {}", keys.join(" AND ")) };
    format!("UPDATE {} SET {}{condition}", target.table, set.join(", "))
}

/// Deletes the row of a key.
pub(crate) fn delete(words: &dyn SinkSql, target: &Target) -> String {
    let keys = target.keys.iter().enumerate();
    let keys: Vec<_> = keys.map(|(index, name)| format!("{name} = {}", words.parameter(index + 1))).collect();
    format!("DELETE FROM {} WHERE {}", target.table, keys.join(" AND "))
}

/// Creates the table of a layout; the error is the column that has no type.
pub(crate) fn create<'a>(
    words: &dyn SinkSql,
    target: &Target,
    layout: &'a Layout,
    quote: &(dyn Fn(&str) -> String + Sync),
    clock: &Clock,
) -> Result<String, &'a Column> {
    let columns = layout.ddl_columns().map(|column| specification(words, column, quote, clock));
    let mut lines = columns.collect::<Result<Vec<_>, _>>()?;
    if !target.keys.is_empty() {
        lines.push(format!("PRIMARY KEY({})", target.keys.join(",")));
    }
    Ok(format!("CREATE TABLE {} (\n{})", target.table, lines.join(",\n")))
}

/// Describes a column as CREATE and ALTER do; the error is a column that has no type.
pub(crate) fn specification<'a>(
    words: &dyn SinkSql,
    column: &'a Column,
    quote: &(dyn Fn(&str) -> String + Sync),
    clock: &Clock,
) -> Result<String, &'a Column> {
    let kind = column.kind.as_ref().ok_or(column)?;
    let type_name = words.type_name(kind, column.role).ok_or(column)?;
    let default = column.schema.default.as_deref().filter(|value| !value.is_null());
    let default = default.and_then(|value| words.default_literal(kind, column.role, value, clock));
    let rest = match default {
        Some(literal) => format!("DEFAULT {literal}"),
        None if column.schema.optional && column.role == Role::Other => "NULL".to_string(),
        None => "NOT NULL".to_string(),
    };
    Ok(format!("{} {type_name} {rest}", quote(&column.name)))
}

/// Repeats a row of parameters: `(?,?),(?,?)`.
fn rows_of_parameters(words: &dyn SinkSql, columns: usize, rows: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 4);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push_str(&words.parameter(row * columns + column + 1));
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests;
