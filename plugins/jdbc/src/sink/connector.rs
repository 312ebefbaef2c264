//! The connectors: they read settings, and each task gets a copy of them.

use super::{
    JdbcSinkTask,
    config::{AivenJdbcSinkConfig, JdbcSinkConfig, SinkSettings, check_aiven, check_together},
};
use crate::connection;
use async_trait::async_trait;
use millrace_api::{ConnectorContext, Properties, Result, SinkConnector, SinkContext, Validation};

/// The sink under Confluent's class name.
pub struct JdbcSink {
    context: ConnectorContext,
}

/// The sink under Aiven's class name.
pub struct AivenJdbcSink {
    context: ConnectorContext,
}

#[async_trait]
impl SinkConnector for JdbcSink {
    type Config = JdbcSinkConfig;
    type Task = JdbcSinkTask;

    async fn start(_config: JdbcSinkConfig, context: ConnectorContext) -> Result<Self> {
        SinkSettings::confluent(context.settings())?;
        Ok(Self { context })
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.context.settings().clone(); tasks_max])
    }

    async fn start_task(settings: Properties, context: SinkContext) -> Result<JdbcSinkTask> {
        Ok(JdbcSinkTask::new(SinkSettings::confluent(&settings)?, context))
    }

    async fn validate(settings: &Properties, report: &mut Validation) {
        check_together(settings, report);
        check_connection(SinkSettings::confluent(settings), report).await;
    }
}

#[async_trait]
impl SinkConnector for AivenJdbcSink {
    type Config = AivenJdbcSinkConfig;
    type Task = JdbcSinkTask;

    async fn start(_config: AivenJdbcSinkConfig, context: ConnectorContext) -> Result<Self> {
        SinkSettings::aiven(context.settings())?;
        Ok(Self { context })
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.context.settings().clone(); tasks_max])
    }

    async fn start_task(settings: Properties, context: SinkContext) -> Result<JdbcSinkTask> {
        Ok(JdbcSinkTask::new(SinkSettings::aiven(&settings)?, context))
    }

    async fn validate(settings: &Properties, report: &mut Validation) {
        check_together(settings, report);
        check_aiven(settings, report);
    }
}

/// Connects once, so that a wrong address or password is found before the connector is made.
///
/// Settings that cannot be read have been reported by then.
async fn check_connection(settings: Result<SinkSettings>, report: &mut Validation) {
    let Ok(settings) = settings else { return };
    match connection::connect(&settings.connection).await {
        Ok(connection) => connection.close().await,
        Err(error) => {
            report.error("connection.url", format!("Could not connect to database. {}", error.full()));
        }
    }
}
