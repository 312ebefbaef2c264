//! The tables that a task writes to: finds, creates and completes them.

use super::{
    catalog,
    config::{Completion, SinkSettings},
    error::RowError,
    layout::{Column, Layout},
    sql::{SinkSql, Target},
    table::{Ddl, Pen, Table},
    verdict::{self, Verdict},
};
use crate::{
    connection::Connection,
    error::JdbcError,
    identifier::{IdentifierRules, TableId},
};
use std::{collections::HashMap, sync::Arc};
use tracing::info;

/// What is known of the tables, until a statement says otherwise.
pub(crate) struct Tables {
    settings: Arc<SinkSettings>,
    words: Arc<dyn SinkSql>,
    known: HashMap<Arc<str>, Place>,
}

/// A table under the name that the settings give it.
struct Place {
    /// Its name in SQL.
    sql: String,
    table: Option<Table>,
}

/// Why records cannot be written to their table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(transparent)]
    Rows(#[from] RowError),

    #[error(transparent)]
    Database(#[from] JdbcError),

    /// The statement that creates or completes the table.
    #[error("{what}")]
    Ddl { what: String, source: JdbcError },
}

impl Tables {
    pub fn new(settings: Arc<SinkSettings>, words: Arc<dyn SinkSql>) -> Self {
        Self { settings, words, known: HashMap::new() }
    }

    /// Forgets what is known: the tables have changed.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Returns what statements about records of a layout are to name.
    pub fn target(&self, name: &str, layout: &Layout) -> Option<Target> {
        let place = self.known.get(name)?;
        Some(self.target_of(&place.sql, layout))
    }

    /// Returns the table's description, when it is there.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.known.get(name)?.table.as_ref()
    }

    /// Makes a table ready for records of a layout: creates it or adds columns where the settings allow that.
    pub async fn prepare(
        &mut self,
        connection: &mut dyn Connection,
        name: &Arc<str>,
        layout: &Layout,
    ) -> Result<(), TableError> {
        let mut tries = 0;
        loop {
            self.look_up(connection, name).await?;
            let place = &self.known[name];
            let target = self.target_of(&place.sql, layout);
            let quote = |name: &str| self.rules().write(name, self.settings.quoting);
            let pen = Pen { words: self.words.as_ref(), clock: &self.settings.clock, quote: &quote };
            let (statements, what) =
                match self.settings.ddl.plan(&pen, &target, layout, place.table.as_ref())? {
                    Ddl::Nothing => return Ok(()),
                    Ddl::Create(statement) => {
                        (vec![statement], format!("creating table {} failed", target.table))
                    }
                    Ddl::Alter { statements, fields } => {
                        let table = &target.table;
                        (
                            statements,
                            format!("Failed to amend TABLE '{table}' to add missing fields: {fields}"),
                        )
                    }
                };
            info!("changing table {}: {}", target.table, statements.join("; "));
            let changed = run(connection, &statements).await;
            // Another task may have been faster, so the table is looked at again whatever came of it.
            self.known.remove(name);
            if let Err(source) = changed {
                if verdict::of(&source) == Verdict::TryAgain {
                    return Err(source.into());
                }
                if tries >= self.settings.retries_max {
                    return Err(TableError::Ddl { what, source });
                }
                self.look_up(connection, name).await?;
                let present = self.known[name].table.is_some();
                let created = statements[0].starts_with("CREATE") && !present;
                if created {
                    return Err(TableError::Ddl { what, source });
                }
            }
            tries += 1;
        }
    }

    /// Finds out about a table that nothing is known of.
    pub async fn look_up(
        &mut self,
        connection: &mut dyn Connection,
        name: &Arc<str>,
    ) -> Result<(), JdbcError> {
        if self.known.get(name).is_some_and(|place| place.table.is_some()) {
            return Ok(());
        }
        let product = self.settings.connection.url.product;
        let mut id = TableId::parse(name, self.rules());
        if self.settings.completion == Completion::FromConnection {
            id = catalog::complete(connection, product, id).await?;
        }
        let table = catalog::find(connection, product, &id, &self.settings.table_types).await?;
        let sql = id.sql(self.rules(), self.settings.quoting);
        self.known.insert(name.clone(), Place { sql, table });
        Ok(())
    }

    /// Returns the bare name of a table, for messages.
    pub fn bare_name(settings: &SinkSettings, name: &str) -> String {
        TableId::parse(name, settings.connection.dialect().identifiers()).name
    }

    fn rules(&self) -> IdentifierRules {
        self.settings.connection.dialect().identifiers()
    }

    fn target_of(&self, table: &str, layout: &Layout) -> Target {
        let quoted = |columns: &[Column]| {
            let names = columns.iter().map(|column| self.rules().write(&column.name, self.settings.quoting));
            names.collect()
        };
        Target { table: table.to_string(), keys: quoted(&layout.keys), others: quoted(&layout.others) }
    }
}

async fn run(connection: &mut dyn Connection, statements: &[String]) -> Result<(), JdbcError> {
    for statement in statements {
        connection.execute(statement, &[]).await?;
    }
    Ok(())
}
