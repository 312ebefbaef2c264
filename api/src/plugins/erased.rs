//! Authors get types, the worker gets objects: the one place where types are erased.

use super::PluginInfo;
use crate::{
    Altered, Config, ConfigDef, ConnectorContext, OffsetChange, Properties, Result, SinkConnector,
    SinkContext, SinkTask, SourceConnector, SourceContext, SourceTask, Support, TopicPartition, Validation,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, marker::PhantomData};

/// A started connector of either kind.
#[async_trait]
pub trait RunningConnector: Send {
    /// Returns the settings of each task.
    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>>;
    /// Watches the outside; may be dropped while it waits.
    async fn watch(&mut self) -> Result<()>;
    /// Ends the connector.
    async fn stop(self: Box<Self>) -> Result<()>;
}

/// One source connector class. Each method does what the one of that name does in [`SourceConnector`].
#[async_trait]
pub trait SourcePlugin: Send + Sync {
    /// Returns the plugin's names.
    fn info(&self) -> &PluginInfo;
    /// Returns the definition of its own settings.
    fn definition(&self) -> ConfigDef;
    /// Parses the settings and starts a connector.
    async fn start(
        &self,
        settings: &Properties,
        context: ConnectorContext,
    ) -> Result<Box<dyn RunningConnector>>;
    /// Starts a task.
    async fn start_task(&self, settings: Properties, context: SourceContext) -> Result<Box<dyn SourceTask>>;
    /// Looks at settings together.
    async fn validate(&self, settings: &Properties, report: &mut Validation);
    /// Tells whether records come exactly once.
    fn exactly_once(&self, settings: &Properties) -> Option<Support>;
    /// Tells whether tasks say where transactions end.
    fn transaction_boundaries(&self, settings: &Properties) -> Support;
    /// Checks a change of offsets.
    async fn alter_offsets(&self, settings: &Properties, changes: &[OffsetChange]) -> Result<Altered>;
}

/// One sink connector class. Each method does what the one of that name does in [`SinkConnector`].
#[async_trait]
pub trait SinkPlugin: Send + Sync {
    /// Returns the plugin's names.
    fn info(&self) -> &PluginInfo;
    /// Returns the definition of its own settings.
    fn definition(&self) -> ConfigDef;
    /// Parses the settings and starts a connector.
    async fn start(
        &self,
        settings: &Properties,
        context: ConnectorContext,
    ) -> Result<Box<dyn RunningConnector>>;
    /// Starts a task.
    async fn start_task(&self, settings: Properties, context: SinkContext) -> Result<Box<dyn SinkTask>>;
    /// Looks at settings together.
    async fn validate(&self, settings: &Properties, report: &mut Validation);
    /// Checks a change of offsets.
    async fn alter_offsets(
        &self,
        settings: &Properties,
        changes: &BTreeMap<TopicPartition, Option<i64>>,
    ) -> Result<Altered>;
}

// === impl Source ===

pub(super) struct Source<C> {
    info: PluginInfo,
    connector: PhantomData<fn() -> C>,
}

impl<C> Source<C> {
    pub(super) fn new(info: PluginInfo) -> Self {
        Self { info, connector: PhantomData }
    }
}

#[async_trait]
impl<C: SourceConnector> SourcePlugin for Source<C> {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn definition(&self) -> ConfigDef {
        C::Config::definition()
    }

    async fn start(
        &self,
        settings: &Properties,
        context: ConnectorContext,
    ) -> Result<Box<dyn RunningConnector>> {
        let connector = C::start(C::Config::parse(settings)?, context).await?;
        Ok(Box::new(RunningSource(connector)))
    }

    async fn start_task(&self, settings: Properties, context: SourceContext) -> Result<Box<dyn SourceTask>> {
        Ok(Box::new(C::start_task(settings, context).await?))
    }

    async fn validate(&self, settings: &Properties, report: &mut Validation) {
        C::validate(settings, report).await;
    }

    fn exactly_once(&self, settings: &Properties) -> Option<Support> {
        C::exactly_once(settings)
    }

    fn transaction_boundaries(&self, settings: &Properties) -> Support {
        C::transaction_boundaries(settings)
    }

    async fn alter_offsets(&self, settings: &Properties, changes: &[OffsetChange]) -> Result<Altered> {
        C::alter_offsets(settings, changes).await
    }
}

struct RunningSource<C>(C);

#[async_trait]
impl<C: SourceConnector> RunningConnector for RunningSource<C> {
    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        self.0.task_configs(tasks_max).await
    }

    async fn watch(&mut self) -> Result<()> {
        self.0.watch().await
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        self.0.stop().await
    }
}

// === impl Sink ===

pub(super) struct Sink<C> {
    info: PluginInfo,
    connector: PhantomData<fn() -> C>,
}

impl<C> Sink<C> {
    pub(super) fn new(info: PluginInfo) -> Self {
        Self { info, connector: PhantomData }
    }
}

#[async_trait]
impl<C: SinkConnector> SinkPlugin for Sink<C> {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn definition(&self) -> ConfigDef {
        C::Config::definition()
    }

    async fn start(
        &self,
        settings: &Properties,
        context: ConnectorContext,
    ) -> Result<Box<dyn RunningConnector>> {
        let connector = C::start(C::Config::parse(settings)?, context).await?;
        Ok(Box::new(RunningSink(connector)))
    }

    async fn start_task(&self, settings: Properties, context: SinkContext) -> Result<Box<dyn SinkTask>> {
        Ok(Box::new(C::start_task(settings, context).await?))
    }

    async fn validate(&self, settings: &Properties, report: &mut Validation) {
        C::validate(settings, report).await;
    }

    async fn alter_offsets(
        &self,
        settings: &Properties,
        changes: &BTreeMap<TopicPartition, Option<i64>>,
    ) -> Result<Altered> {
        C::alter_offsets(settings, changes).await
    }
}

struct RunningSink<C>(C);

#[async_trait]
impl<C: SinkConnector> RunningConnector for RunningSink<C> {
    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        self.0.task_configs(tasks_max).await
    }

    async fn watch(&mut self) -> Result<()> {
        self.0.watch().await
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        self.0.stop().await
    }
}
