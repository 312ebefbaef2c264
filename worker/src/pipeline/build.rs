//! Makes a task's converters and transformations from its connector's settings and the worker's.

use super::{
    Converters, Named,
    chain::{Guard, Step, When},
};
use millrace_api::{Error, Plugins, Properties, Role};

/// The converters and transformations of one task.
pub struct Pipeline {
    pub(super) chain: Vec<Step>,
    pub(super) converters: Converters,
}

/// A pipeline could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A setting names a class that no plugin has.
    #[error("Class {class} could not be found ({setting})")]
    Unknown {
        /// The setting.
        setting: String,
        /// What it names.
        class: String,
    },
    /// A plugin refuses its settings.
    #[error("{setting}: {error}")]
    Refused {
        /// The setting that names the plugin.
        setting: String,
        /// Why.
        error: Error,
    },
    /// A required setting is missing.
    #[error("Missing required configuration \"{setting}\" which has no default value.")]
    Missing {
        /// The setting.
        setting: String,
    },
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::config(error.to_string())
    }
}

const HEADER_DEFAULT: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

impl Pipeline {
    /// Makes the converters and transformations that a connector's tasks have.
    ///
    /// A connector that names a converter brings that converter's settings too; else class and settings are the
    /// worker's, and settings without a class are left alone.
    pub fn build(plugins: &Plugins, worker: &Properties, connector: &Properties) -> Result<Self, BuildError> {
        let converters = Converters {
            key: converter(plugins, worker, connector, Role::Key)?,
            value: converter(plugins, worker, connector, Role::Value)?,
            header: converter(plugins, worker, connector, Role::Header)?,
        };
        Ok(Self { chain: chain(plugins, connector)?, converters })
    }
}

fn converter(
    plugins: &Plugins,
    worker: &Properties,
    connector: &Properties,
    role: Role,
) -> Result<Named, BuildError> {
    let setting = format!("{}.converter", role.name());
    let named = |settings: &Properties| {
        settings.get(&setting).map(str::trim).filter(|class| !class.is_empty()).map(str::to_string)
    };
    let (class, owner) = match named(connector) {
        Some(class) => (class, connector),
        None => match (named(worker), role) {
            (Some(class), _) => (class, worker),
            (None, Role::Header) => (HEADER_DEFAULT.to_string(), worker),
            (None, _) => return Err(BuildError::Missing { setting }),
        },
    };
    let factory = match role {
        Role::Header => plugins.find_header_converter(&class),
        Role::Key | Role::Value => plugins.find_converter(&class),
    };
    let factory = factory.ok_or_else(|| BuildError::Unknown { setting: setting.clone(), class })?;
    let mut settings = owner.with_prefix(&format!("{setting}."));
    settings.insert("converter.type", role.name());
    let converter = factory.make(&settings, role).map_err(|error| BuildError::Refused { setting, error })?;
    Ok(Named { class: factory.info().class.as_ref().into(), converter })
}

fn chain(plugins: &Plugins, connector: &Properties) -> Result<Vec<Step>, BuildError> {
    let aliases = connector.get("transforms").unwrap_or_default().split(',').map(str::trim);
    aliases.filter(|alias| !alias.is_empty()).map(|alias| step(plugins, connector, alias)).collect()
}

fn step(plugins: &Plugins, connector: &Properties, alias: &str) -> Result<Step, BuildError> {
    let mut settings = connector.with_prefix(&format!("transforms.{alias}."));
    let setting = format!("transforms.{alias}.type");
    let class = required(connector, &setting)?;
    let guard = guard(plugins, connector, &settings)?;
    settings.remove("predicate");
    settings.remove("negate");
    let factory = plugins.find_transform(&class);
    let factory = factory.ok_or_else(|| BuildError::Unknown { setting: setting.clone(), class })?;
    let transform =
        factory.make(&settings, Role::Value).map_err(|error| BuildError::Refused { setting, error })?;
    Ok(Step { alias: alias.to_owned(), class: factory.info().class.as_ref().into(), transform, guard })
}

fn guard(plugins: &Plugins, connector: &Properties, step: &Properties) -> Result<Option<Guard>, BuildError> {
    let Some(alias) = step.get("predicate").map(str::trim) else { return Ok(None) };
    let setting = format!("predicates.{alias}.type");
    let class = required(connector, &setting)?;
    let factory = plugins.find_predicate(&class);
    let factory = factory.ok_or_else(|| BuildError::Unknown { setting: setting.clone(), class })?;
    let settings = connector.with_prefix(&format!("predicates.{alias}."));
    let predicate =
        factory.make(&settings, Role::Value).map_err(|error| BuildError::Refused { setting, error })?;
    let negated = step.get("negate").is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
    let applies = if negated { When::False } else { When::True };
    Ok(Some(Guard { predicate, applies }))
}

fn required(connector: &Properties, setting: &str) -> Result<String, BuildError> {
    let class = connector.get(setting).map(str::trim).filter(|class| !class.is_empty());
    class.map(str::to_string).ok_or_else(|| BuildError::Missing { setting: setting.to_string() })
}
