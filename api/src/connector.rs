//! What sources and sinks share: the connector's context, validation, and where Kafka put a record.

use crate::{Error, Properties, config::ConfigValue};
use std::sync::Arc;

/// What a connector may ask of its worker.
#[derive(Clone)]
pub struct ConnectorContext {
    settings: Arc<Properties>,
    host: Arc<dyn ConnectorHost>,
}

/// The worker's side of a [`ConnectorContext`].
pub trait ConnectorHost: Send + Sync {
    /// Asks for `task_configs` to be called.
    fn request_task_reconfiguration(&self);
    /// Makes the connector FAILED.
    fn raise_error(&self, error: Error);
}

impl ConnectorContext {
    /// Returns a context for a connector with these settings.
    pub fn new(settings: Arc<Properties>, host: Arc<dyn ConnectorHost>) -> Self {
        Self { settings, host }
    }

    /// Returns the settings as they were given, references resolved.
    pub fn settings(&self) -> &Properties {
        &self.settings
    }

    /// Asks for `task_configs` to be called, because the outside has changed.
    pub fn request_task_reconfiguration(&self) {
        self.host.request_task_reconfiguration();
    }

    /// Makes the connector FAILED; its tasks go on.
    pub fn raise_error(&self, error: Error) {
        self.host.raise_error(error);
    }
}

/// Where Kafka put a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordMetadata {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// Milliseconds since the epoch, when the broker tells.
    pub timestamp: Option<i64>,
}

/// What validation found so far, for a connector to add to.
#[derive(Debug, Default)]
pub struct Validation {
    values: Vec<ConfigValue>,
}

impl Validation {
    /// Returns a report of these values.
    pub fn new(values: Vec<ConfigValue>) -> Self {
        Self { values }
    }

    /// Adds an error to a setting; one that is not defined is added to the report.
    pub fn error(&mut self, setting: &str, message: impl Into<String>) {
        self.value(setting).errors.push(message.into());
    }

    /// Says which values would do.
    pub fn recommend(&mut self, setting: &str, values: impl IntoIterator<Item = String>) {
        self.value(setting).recommended = values.into_iter().collect();
    }

    /// Says that a form should not show the setting now.
    pub fn hide(&mut self, setting: &str) {
        self.value(setting).visible = false;
    }

    /// Returns the report.
    pub fn into_values(self) -> Vec<ConfigValue> {
        self.values
    }

    fn value(&mut self, setting: &str) -> &mut ConfigValue {
        if let Some(index) = self.values.iter().position(|value| value.name.as_ref() == setting) {
            return &mut self.values[index];
        }
        self.values.push(ConfigValue {
            name: setting.into(),
            value: None,
            parsed: crate::config::Parsed::Null,
            errors: Vec::new(),
            recommended: Vec::new(),
            visible: true,
        });
        self.values.last_mut().expect("one was just added")
    }
}
