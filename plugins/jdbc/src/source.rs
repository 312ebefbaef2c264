//! The source: new rows of tables, or of a query, become records.

mod check;
mod config;
mod offset;
mod progress;
mod querier;
mod schema;
mod settings;
mod statement;
mod tables;
mod task;
mod validate;

#[cfg(test)]
mod tests;

pub use config::JdbcSourceConfig;
pub use task::JdbcSourceTask;

use crate::{
    connection::{Connection, connect},
    error::JdbcError,
    identifier::{Quoting, TableId},
};
use async_trait::async_trait;
use millrace_api::{
    Config, ConfigDef, ConnectorContext, Error, PluginInfo, Plugins, Properties, Result, SourceConnector,
    SourceContext, Validation,
    config::{Key, Reader},
};
use settings::{Flavour, Settings};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

/// The class name of the connector that most files name.
pub const CONFLUENT_CLASS: &str = "io.confluent.connect.jdbc.JdbcSourceConnector";

/// The class name of the other one.
pub const AIVEN_CLASS: &str = "io.aiven.connect.jdbc.JdbcSourceConnector";

/// What the connector adds to the settings of a task: its tables, and whether they are known.
const TABLES: &str = "tables";
const TABLES_FETCHED: &str = "tables.fetched";

/// The shortest wait of a poll with nothing to do, so that `poll.linger.ms=0` does not spin.
const IDLE_MIN: Duration = Duration::from_millis(50);

/// Adds the source under both names.
pub fn register(plugins: &mut Plugins) {
    let task = "io.confluent.connect.jdbc.source.JdbcSourceTask";
    plugins.source::<JdbcSource>(PluginInfo::connector(CONFLUENT_CLASS, task));
    let task = "io.aiven.connect.jdbc.source.JdbcSourceTask";
    plugins.source::<AivenJdbcSource>(PluginInfo::connector(AIVEN_CLASS, task));
}

/// The source connector: finds tables and divides them among tasks.
pub struct JdbcSource {
    context: ConnectorContext,
    settings: Settings,
    connection: Option<Box<dyn Connection>>,
    tables: Vec<TableId>,
    next_look: Instant,
}

impl JdbcSource {
    async fn start_as(flavour: Flavour, context: ConnectorContext) -> Result<Self> {
        let settings = read(context.settings(), flavour, "JdbcSourceConnector")?;
        let next_look = Instant::now() + settings.table_poll_interval;
        let mut source = Self { context, settings, connection: None, tables: Vec::new(), next_look };
        if source.settings.query.is_none() {
            source.tables = source.list().await?;
            info!("{} tables are to be copied", source.tables.len());
        }
        Ok(source)
    }

    /// Asks the database which tables there are, and selects.
    async fn list(&mut self) -> Result<Vec<TableId>> {
        // Taken out: when this is dropped while it waits, an answer may be under way.
        let mut connection = match self.connection.take() {
            Some(mut connection) => match connection.is_alive().await {
                true => connection,
                false => connect(&self.settings.connection).await?,
            },
            None => connect(&self.settings.connection).await?,
        };
        let found = connection.tables(&self.settings.filter).await?;
        self.connection = Some(connection);
        self.settings.selection.select(found, self.settings.dialect().identifiers())
    }

    fn task_config(&self, tables: &[TableId]) -> Properties {
        let rules = self.settings.dialect().identifiers();
        let names: Vec<_> = tables.iter().map(|table| table.sql(rules, Quoting::Always)).collect();
        let mut config = self.context.settings().clone();
        config.insert(TABLES, names.join(","));
        if self.settings.flavour == Flavour::Confluent {
            config.insert(TABLES_FETCHED, "true");
        }
        config
    }

    fn check_names(&self) -> Result<()> {
        let namesakes = tables::namesakes(&self.tables);
        if namesakes.is_empty() {
            return Ok(());
        }
        let rules = self.settings.dialect().identifiers();
        let group = |tables: &Vec<TableId>| {
            let names: Vec<_> = tables.iter().map(|table| table.sql(rules, Quoting::Always)).collect();
            format!("[{}]", names.join(", "))
        };
        let groups: Vec<_> = namesakes.iter().map(group).collect();
        let selection = &self.settings.selection;
        let lists = match (selection.whitelist.is_empty(), selection.blacklist.is_empty()) {
            (false, _) => "'table.whitelist' config",
            (true, false) => "'table.blacklist' config",
            (true, true) => "'table.whitelist' or 'table.blacklist' config",
        };
        let cause = Error::connect(format!(
            "The connector uses the unqualified table name as the topic name and has detected duplicate unqualified \
             table names. This could lead to mixed data types in the topic and downstream processing errors. To prevent \
             such processing errors, the JDBC Source connector fails to start when it detects duplicate table name \
             configurations. Update the connector's {lists} to include exactly one table in each of the tables listed \
             below.\n\t[{}]",
            groups.join(", ")
        ));
        let message = "Encountered an unrecoverable error while reading tables from the database";
        Err(Error::connect(message).caused_by(cause))
    }
}

#[async_trait]
impl SourceConnector for JdbcSource {
    type Config = JdbcSourceConfig;
    type Task = JdbcSourceTask;

    async fn start(_config: JdbcSourceConfig, context: ConnectorContext) -> Result<Self> {
        Self::start_as(Flavour::Confluent, context).await
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        if self.settings.query.is_some() || self.tables.is_empty() {
            return Ok(vec![self.task_config(&[])]);
        }
        self.check_names()?;
        let groups = tables::groups(&self.tables, tasks_max);
        Ok(groups.iter().map(|group| self.task_config(group)).collect())
    }

    async fn start_task(settings: Properties, context: SourceContext) -> Result<JdbcSourceTask> {
        let read = read(&settings, Flavour::Confluent, "JdbcSourceTask")?;
        JdbcSourceTask::start(read, &settings, &context).await
    }

    /// Asks again and again which tables there are.
    async fn watch(&mut self) -> Result<()> {
        if self.settings.query.is_some() {
            return Ok(());
        }
        loop {
            sleep_until(self.next_look).await;
            self.next_look = Instant::now() + self.settings.table_poll_interval.max(IDLE_MIN);
            match self.list().await {
                Ok(tables) if tables != self.tables => {
                    info!("the tables have changed: {} are to be copied", tables.len());
                    self.tables = tables;
                    self.context.request_task_reconfiguration();
                }
                Ok(_) => {}
                Err(error) => warn!("asking which tables there are failed, and is tried again: {error}"),
            }
        }
    }

    async fn validate(settings: &Properties, report: &mut Validation) {
        validate::validate(settings, Flavour::Confluent, report).await;
    }

    async fn stop(self) -> Result<()> {
        if let Some(connection) = self.connection {
            connection.close().await;
        }
        Ok(())
    }
}

/// Reads settings; an error names the one that could not start.
fn read(properties: &Properties, flavour: Flavour, who: &str) -> Result<Settings> {
    Settings::read(properties, flavour).map_err(|error: JdbcError| {
        let message = format!("Couldn't start {who} due to configuration error");
        Error::connect(message).caused_by(Error::config(error.full()))
    })
}

// === impl AivenJdbcSource ===

/// The same connector under the name, and with the settings, of the other Java connector.
pub struct AivenJdbcSource(JdbcSource);

/// Settings of the other Java connector.
#[derive(Debug)]
pub struct AivenJdbcSourceConfig;

/// What only that connector has.
#[derive(Debug, Config)]
#[allow(
    dead_code,
    reason = "the definition and the checks are what counts; the values are read as they were given"
)]
struct AivenOnly {
    /// Milliseconds since the epoch from which rows are read when nothing is stored yet; -1 for the time at which the task
    /// starts.
    #[config(
        low,
        default = 0,
        name = "timestamp.initial.ms",
        group = "Mode",
        order = 20,
        mid,
        display = "Timestamp Initial"
    )]
    timestamp_initial: i64,

    /// Rows with a greater number are read when nothing is stored yet.
    #[config(low, default = -1, name = "incrementing.initial", group = "Mode", order = 21, mid, display = "Incrementing Initial")]
    incrementing_initial: i64,

    /// Whether names are quoted in SQL.
    #[config(
        default = true,
        name = "sql.quote.identifiers",
        group = "Database",
        order = 22,
        mid,
        display = "Quote Identifiers"
    )]
    sql_quote_identifiers: bool,
}

impl Config for AivenJdbcSourceConfig {
    fn define(definition: &mut ConfigDef) {
        for key in JdbcSourceConfig::definition().keys() {
            definition.define(match key.name.as_ref() {
                "batch.max.rows" => key.clone().default(100),
                "mode" | "topic.prefix" => {
                    let mut required: Key = key.clone();
                    required.default = millrace_api::config::Default::None;
                    required
                }
                _ => key.clone(),
            });
        }
        AivenOnly::define(definition);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (all, only) = (JdbcSourceConfig::read(reader), AivenOnly::read(reader));
        all.and(only).map(|_| Self)
    }
}

/// Puts the one default that differs in place where nothing was given.
fn with_defaults(properties: &Properties) -> Properties {
    let mut properties = properties.clone();
    if !properties.contains("batch.max.rows") {
        properties.insert("batch.max.rows", "100");
    }
    properties
}

#[async_trait]
impl SourceConnector for AivenJdbcSource {
    type Config = AivenJdbcSourceConfig;
    type Task = JdbcSourceTask;

    async fn start(_config: AivenJdbcSourceConfig, context: ConnectorContext) -> Result<Self> {
        JdbcSource::start_as(Flavour::Aiven, context).await.map(Self)
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        self.0.task_configs(tasks_max).await
    }

    async fn start_task(settings: Properties, context: SourceContext) -> Result<JdbcSourceTask> {
        let read = read(&with_defaults(&settings), Flavour::Aiven, "JdbcSourceTask")?;
        JdbcSourceTask::start(read, &settings, &context).await
    }

    async fn watch(&mut self) -> Result<()> {
        self.0.watch().await
    }

    async fn validate(settings: &Properties, report: &mut Validation) {
        validate::validate(settings, Flavour::Aiven, report).await;
    }

    async fn stop(self) -> Result<()> {
        self.0.stop().await
    }
}
