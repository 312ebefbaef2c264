//! What a table lacks for its records. Pure.

use super::{
    error::RowError,
    layout::{Column, Layout, Role},
    sql::{self, Clock, SinkSql, Target},
};

/// A table as the database describes it, as far as the sink cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub kind: TableKind,
    /// Names and types, as the database calls them.
    pub columns: Vec<(String, String)>,
}

/// What kind of thing has the table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Table,
    View,
}

/// What the sink may do about a table that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DdlRules {
    pub auto_create: bool,
    pub auto_evolve: bool,
}

/// What must be done before records fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ddl {
    Nothing,
    Create(String),
    Alter { statements: Vec<String>, fields: String },
}

/// What DDL is written with.
pub(crate) struct Pen<'a> {
    pub words: &'a dyn SinkSql,
    pub clock: &'a Clock,
    pub quote: &'a (dyn Fn(&str) -> String + Sync),
}

impl DdlRules {
    /// Decides what a table needs for records of a layout.
    pub fn plan(
        self,
        pen: &Pen<'_>,
        target: &Target,
        layout: &Layout,
        table: Option<&Table>,
    ) -> Result<Ddl, RowError> {
        let Some(table) = table else {
            if !self.auto_create {
                return Err(RowError::TableMissing { table: target.table.clone() });
            }
            let created = sql::create(pen.words, target, layout, pen.quote, pen.clock);
            return created.map(Ddl::Create).map_err(no_type);
        };
        let missing = missing(layout, table);
        if missing.is_empty() {
            return Ok(Ddl::Nothing);
        }
        let fields = printed(&missing);
        let refused = |kind, why| {
            let (table, fields) = (target.table.clone(), fields.clone());
            Err(RowError::FieldsMissing { kind, table, fields, why })
        };
        if table.kind == TableKind::View {
            return refused("View", "ALTER VIEW is unsupported");
        }
        if let Some(column) = missing.iter().find(|column| is_required(column)) {
            let (table, field) = (target.table.clone(), printed_field(column));
            return Err(RowError::RequiredField { table, field });
        }
        if !self.auto_evolve {
            return refused("Table", "auto-evolution is disabled");
        }
        let columns =
            missing.iter().map(|column| sql::specification(pen.words, column, pen.quote, pen.clock));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(no_type)?;
        Ok(Ddl::Alter { statements: pen.words.alter(&target.table, &columns), fields })
    }
}

/// Returns the columns that a table lacks. Names that differ only in case count as the same.
fn missing<'a>(layout: &'a Layout, table: &Table) -> Vec<&'a Column> {
    let known: Vec<String> = table.columns.iter().map(|(name, _)| name.to_lowercase()).collect();
    layout.ddl_columns().filter(|column| !known.contains(&column.name.to_lowercase())).collect()
}

fn is_required(column: &Column) -> bool {
    let optional = column.schema.optional && column.role == Role::Other;
    !optional && column.schema.default.as_ref().is_none_or(|value| value.is_null())
}

fn no_type(column: &Column) -> RowError {
    let name = column.schema.name.as_deref().unwrap_or("null").to_string();
    RowError::NoColumnType { name, kind: column.schema.kind.to_string() }
}

fn printed(columns: &[&Column]) -> String {
    let fields: Vec<_> = columns.iter().map(|column| printed_field(column)).collect();
    format!("[{}]", fields.join(", "))
}

fn printed_field(column: &Column) -> String {
    let key = column.role == Role::Key;
    format!("SinkRecordField{{schema={}, name='{}', isPrimaryKey={key}}}", column.schema, column.name)
}

#[cfg(test)]
mod tests;
