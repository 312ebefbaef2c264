//! The columns that tell what is new in a table: found, and checked before the first row is read.

use super::{
    settings::Settings,
    statement::{Progress, Subject},
};
use crate::{
    connection::{Connection, TableColumn},
    error::JdbcError,
    identifier::{Quoting, TableId},
};
use tracing::warn;

/// Returns the columns for a table or query. An incrementing column that nobody named is the one that the database fills.
pub(super) async fn of(
    subject: &Subject,
    settings: &Settings,
    connection: &mut dyn Connection,
) -> Result<Progress, JdbcError> {
    let Subject::Table(table) = subject else {
        return settings.progress(&TableId::bare(""));
    };
    let mut progress = settings.progress(table)?;
    if settings.mode.uses_incrementing() && progress.incrementing.is_none() {
        let columns = connection.columns(table).await?;
        let found = columns.iter().find(|column| column.column.auto_increment);
        progress.incrementing = found.map(|column| column.column.label.clone());
        if progress.incrementing.is_none() {
            warn!(
                "table {} has no column that the database fills by itself, so it is read whole each time; \
                 name one with incrementing.column.name",
                table.unquoted()
            );
        }
    }
    Ok(progress)
}

/// Checks the columns of a task's tables: that they exist in the first, and that they cannot be null in any.
pub(super) async fn check(
    tables: &[TableId],
    settings: &Settings,
    connection: &mut dyn Connection,
) -> Result<(), JdbcError> {
    for (index, table) in tables.iter().enumerate() {
        let progress = settings.progress(table)?;
        if progress == Progress::default() || (index > 0 && !settings.validate_non_null) {
            continue;
        }
        let columns = connection.columns(table).await?;
        if columns.is_empty() {
            // Dropped since the tables were listed: the connector will see that too.
            continue;
        }
        let name = table.sql(settings.dialect().identifiers(), Quoting::Always);
        if index == 0 {
            check_existence(&columns, &progress, &name)?;
        }
        if settings.validate_non_null {
            check_nulls(&columns, &progress, &name)?;
        }
    }
    Ok(())
}

fn named<'a>(columns: &'a [TableColumn], name: &str) -> Option<&'a TableColumn> {
    let lower = name.to_lowercase();
    let exact = columns.iter().find(|column| column.column.label == name);
    exact.or_else(|| columns.iter().find(|column| column.column.label.to_lowercase() == lower))
}

fn check_existence(columns: &[TableColumn], progress: &Progress, table: &str) -> Result<(), JdbcError> {
    if let Some(column) = &progress.incrementing
        && named(columns, column).is_none()
    {
        return Err(JdbcError::setting(format!(
            "Incrementing column: {column} does not exist in table '{table}'"
        )));
    }
    let missing: Vec<_> = progress
        .timestamps
        .iter()
        .filter(|column| named(columns, column).is_none())
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(JdbcError::setting(format!(
            "Timestamp columns: {missing} do not exist in table '{table}'"
        )));
    }
    Ok(())
}

fn check_nulls(columns: &[TableColumn], progress: &Progress, table: &str) -> Result<(), JdbcError> {
    let is_nullable = |column: &String| {
        named(columns, column).is_some_and(|column| column.column.nullable && column.key_ordinal.is_none())
    };
    if let Some(column) = progress.incrementing.as_ref().filter(|column| is_nullable(column)) {
        return Err(JdbcError::setting(format!(
            "Cannot make incremental queries using incrementing column {column} on {table} because this column is nullable."
        )));
    }
    if !progress.timestamps.is_empty() && progress.timestamps.iter().all(is_nullable) {
        let columns = progress.timestamps.join(",");
        return Err(JdbcError::setting(format!(
            "Cannot make incremental queries using timestamp columns {columns} on {table} because all of these columns \
             are nullable."
        )));
    }
    Ok(())
}
