//! Validation of a connector's configuration: the framework's settings, the connector's own, its converters' and its
//! client overrides, all problems at once.

use crate::{
    providers::ProviderError,
    secrets,
    settings::{
        WorkerConfig, connector,
        unknown::{self, Known},
    },
};
use futures::future::BoxFuture;
use millrace_api::{
    ConnectorPlugin, PluginKind, Plugins, Properties, Validation,
    config::{ConfigValue, Key, Parsed, Type},
};
use millrace_kafka::{KafkaError, Role, translate};
use std::{
    any::Any,
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// How long a validation may take: as long as a request may.
const TIME_MAX: Duration = Duration::from_secs(90);

/// How many connectors may be asked about their settings at a time. Each occupies a thread, and one that hangs keeps
/// it.
const HOOKS_MAX: usize = 16;

/// What settings begin with that are for a client or for the framework, whatever follows.
const PREFIXES: [&str; 4] =
    ["producer.override.", "consumer.override.", "admin.override.", "topic.creation."];

static HOOKS: Semaphore = Semaphore::const_new(HOOKS_MAX);

/// What validation found, in the order in which it is shown.
#[derive(Debug)]
pub struct ConfigInfos {
    /// The connector's class as it was given.
    pub name: String,
    pub error_count: usize,
    pub groups: Vec<Arc<str>>,
    pub configs: Vec<ConfigInfo>,
    /// What a user should know, and what is no error.
    pub warnings: Vec<String>,
}

/// What validation found about one setting.
#[derive(Debug)]
pub struct ConfigInfo {
    /// Settings that nobody defines have none.
    pub definition: Option<Key>,
    pub value: ConfigValue,
}

/// Why a configuration could not be validated at all. The texts are Kafka Connect's where it has one.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    #[error("Connector config {0} contains no connector type")]
    NoClass(String),
    #[error("{0}")]
    UnknownClass(String),
    /// A reference cannot be resolved.
    #[error(transparent)]
    Reference(#[from] ProviderError),
    #[error("An unexpected error occurred during validation: {0}")]
    Panicked(String),
    /// The caller, who knows what o'clock it is, completes the text.
    #[error("Request timed out. The worker is currently {0}")]
    TimedOut(&'static str),
}

/// Validates a configuration, in bounded time. It must run inside a tokio runtime.
///
/// References are resolved for it, and what they stand for is in no part of the result.
pub async fn validate(
    plugins: &Plugins,
    worker: &WorkerConfig,
    given: &Properties,
) -> Result<ConfigInfos, ValidateError> {
    let given = &without_providers(given);
    let Some(class) = given.get("connector.class") else {
        return Err(ValidateError::NoClass(shown(given)));
    };
    let resolved = worker.providers.resolve_away(Arc::new(given.clone())).await?;
    let config = &*resolved;
    let plugin = plugins.connector(config.get("connector.class").unwrap_or(class));
    let unknown = |error: String| ValidateError::UnknownClass(secrets::without(&error).into_owned());
    let plugin = plugin.map_err(|error| unknown(error.to_string()))?;
    let cover = Cover { given, resolved: config };

    let framework = connector::framework(plugin.kind(), plugins, worker, config);
    let mut report = Report::default();
    for key in framework.definition.keys() {
        let mut value = key.validate(config);
        value.recommended = framework.recommended.get(key.name.as_ref()).cloned().unwrap_or_default();
        if key.kind == Type::Class && !value.errors.is_empty() {
            value.value = None;
        }
        report.add(Some(key.clone()), value);
    }
    for (setting, problem) in framework.problems {
        report.error(&setting, problem);
    }
    for (setting, text) in config.iter() {
        if text.is_none() {
            report.error(setting, "Null value can not be supplied as the configuration value.".to_owned());
        }
    }
    for value in ask(&plugin, config, TIME_MAX).await? {
        let key = plugin.definition().key(&value.name).cloned();
        report.replace(key, value);
    }

    let mut infos = report.into_infos(class, &cover);
    infos.add_overrides(worker, config, plugin.kind(), &cover);
    infos.add_converters(plugins, config, &cover);
    infos.warn_of_unknown(given);
    Ok(infos)
}

/// A connector names no providers of its own: those of the worker are no business of whoever may only validate.
fn without_providers(given: &Properties) -> Properties {
    let mut config = given.clone();
    let is_provider = |name: &&str| *name == "config.providers" || name.starts_with("config.providers.");
    let names: Vec<_> = given.iter().map(|(name, _)| name).filter(is_provider).map(str::to_owned).collect();
    names.iter().for_each(|name| config.remove(name));
    config
}

/// Puts references back in the place of what they stand for, and keeps errors from telling it.
struct Cover<'a> {
    given: &'a Properties,
    resolved: &'a Properties,
}

impl Cover<'_> {
    /// An alias that came from a provider is part of the names that follow from it.
    fn apply_to_all(&self, info: &mut ConfigInfo) {
        self.apply(&mut info.value);
        covered(&mut info.value.name);
        if let Some(key) = &mut info.definition {
            covered(&mut key.name);
            covered(&mut key.display_name);
            covered(&mut key.doc);
            key.group.iter_mut().for_each(covered);
        }
    }

    fn apply(&self, value: &mut ConfigValue) {
        if self.resolved.is_secret(&value.name) && !self.given.is_secret(&value.name) {
            value.value = self.given.get(&value.name).map(str::to_owned);
            value.recommended.clear();
            if !value.errors.is_empty() {
                // The text is Kafka Connect's.
                value.errors = vec![format!(
                    "Invalid value for configuration '{}': the value resolved from the config provider reference failed \
                     validation",
                    value.name
                )];
            }
            return;
        }
        for text in value.errors.iter_mut().chain(&mut value.recommended).chain(&mut value.value) {
            if let Cow::Owned(covered) = secrets::without(text) {
                *text = covered;
            }
        }
    }
}

/// Asks the connector itself, on a thread of its own: what a plugin does there may block, panic or hang.
///
/// It is not one of the runtime's threads, because a runtime waits for those when it ends.
async fn ask(
    plugin: &ConnectorPlugin,
    config: &Properties,
    time_max: Duration,
) -> Result<Vec<ConfigValue>, ValidateError> {
    const WAITING: &str = "waiting for a new thread to become available for connector validation";
    const ASKING: &str = "performing multi-property validation for the connector";
    let turn = timeout(time_max, HOOKS.acquire()).await;
    let turn = turn.map_err(|_| ValidateError::TimedOut(WAITING))?.expect("the semaphore is never closed");
    let (plugin, config, runtime) = (plugin.clone(), config.clone(), Handle::current());
    let (sender, answer) = oneshot::channel();
    let ask = move || {
        // The turn ends with the hook, not with the wait for it: hooks that hang cannot pile up.
        let _turn = turn;
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let mut report = Validation::new(plugin.definition().validate(&config));
            let hook = async { timeout(time_max, hook(&plugin, &config, &mut report)).await };
            runtime.block_on(hook).ok().map(|()| report.into_values())
        }));
        // Nobody waits any more when the time is over.
        let _ = sender.send(asked);
    };
    let thread = thread::Builder::new().name("connector-validation".to_owned()).spawn(ask);
    thread.map_err(|error| ValidateError::Panicked(format!("starting a thread: {error}")))?;
    match timeout(time_max, answer).await {
        Ok(Ok(Ok(Some(values)))) => Ok(values),
        Ok(Ok(Err(panic))) => {
            Err(ValidateError::Panicked(secrets::without(&panic_text(&*panic)).into_owned()))
        }
        Ok(Ok(Ok(None)) | Err(_)) | Err(_) => Err(ValidateError::TimedOut(ASKING)),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the connector panicked").to_owned()
}

fn hook<'a>(
    plugin: &'a ConnectorPlugin,
    config: &'a Properties,
    report: &'a mut Validation,
) -> BoxFuture<'a, ()> {
    match plugin {
        ConnectorPlugin::Source(source) => source.validate(config, report),
        ConnectorPlugin::Sink(sink) => sink.validate(config, report),
    }
}

/// As Java shows a map.
fn shown(config: &Properties) -> String {
    let shown = |(name, text): (&str, Option<&str>)| {
        let text = if config.is_secret(name) { millrace_api::HIDDEN } else { text.unwrap_or("null") };
        format!("{name}={text}")
    };
    format!("{{{}}}", config.iter().map(shown).collect::<Vec<_>>().join(", "))
}

fn covered(text: &mut Arc<str>) {
    if let Cow::Owned(covered) = secrets::without(text) {
        *text = covered.into();
    }
}

/// The main part of a result: settings with a definition in its order, after those without one.
#[derive(Default)]
struct Report {
    undefined: Vec<ConfigInfo>,
    defined: Vec<ConfigInfo>,
}

impl Report {
    fn add(&mut self, definition: Option<Key>, value: ConfigValue) {
        let place = if definition.is_some() { &mut self.defined } else { &mut self.undefined };
        place.push(ConfigInfo { definition, value });
    }

    /// Adds what the connector says of a setting: its word replaces the framework's, whose errors stay.
    fn replace(&mut self, definition: Option<Key>, mut value: ConfigValue) {
        let Some(known) = self.find(&value.name) else { return self.add(definition, value) };
        let earlier = std::mem::take(&mut known.value.errors);
        let news: Vec<_> = value.errors.drain(..).filter(|error| !earlier.contains(error)).collect();
        if definition.is_some() {
            known.definition = definition;
            known.value = value;
        }
        known.value.errors = earlier.into_iter().chain(news).collect();
    }

    fn error(&mut self, setting: &str, problem: String) {
        match self.find(setting) {
            Some(known) => known.value.errors.push(problem),
            None => self.add(None, undefined(setting, None, vec![problem])),
        }
    }

    fn find(&mut self, setting: &str) -> Option<&mut ConfigInfo> {
        let mut all = self.undefined.iter_mut().chain(&mut self.defined);
        all.find(|info| info.value.name.as_ref() == setting)
    }

    fn into_infos(self, class: &str, cover: &Cover<'_>) -> ConfigInfos {
        let mut configs: Vec<_> = self.undefined.into_iter().chain(self.defined).collect();
        configs.iter_mut().for_each(|info| cover.apply_to_all(info));
        let error_count = configs.iter().map(|info| info.value.errors.len()).sum();
        let mut infos = ConfigInfos {
            name: class.to_owned(),
            error_count,
            groups: Vec::new(),
            configs,
            warnings: Vec::new(),
        };
        infos.collect_groups();
        infos
    }
}

fn undefined(setting: &str, value: Option<String>, errors: Vec<String>) -> ConfigValue {
    let recommended = Vec::new();
    ConfigValue { name: setting.into(), value, parsed: Parsed::Null, errors, recommended, visible: true }
}

// === impl ConfigInfos ===

impl ConfigInfos {
    /// Returns the text that refuses the configuration, in Kafka Connect's words; nothing when all is well.
    pub fn refusal(&self) -> Option<String> {
        if self.error_count == 0 {
            return None;
        }
        let errors = self.configs.iter().flat_map(|info| &info.value.errors);
        let mut lines = vec![format!(
            "Connector configuration is invalid and contains the following {} error(s):",
            self.error_count
        )];
        lines.extend(errors.cloned());
        lines.push(
            "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
                .to_owned(),
        );
        Some(lines.join("\n"))
    }

    fn collect_groups(&mut self) {
        for group in self.configs.iter().filter_map(|info| info.definition.as_ref()?.group.clone()) {
            if !self.groups.contains(&group) {
                self.groups.push(group);
            }
        }
    }

    /// Adds the client settings that the connector overrides and its tasks will use.
    fn add_overrides(
        &mut self,
        worker: &WorkerConfig,
        config: &Properties,
        kind: PluginKind,
        cover: &Cover<'_>,
    ) {
        let (client, role) = match kind {
            PluginKind::Sink => ("consumer", Role::Consumer),
            _ => ("producer", Role::Producer),
        };
        let prefix = format!("{client}.override.");
        let given = config.with_prefix(&prefix);
        if given.is_empty() {
            return;
        }
        let mut all = worker.properties.with_prefix(&format!("{client}."));
        all.extend(&given);
        let problem = match translate(role, &all) {
            Err(KafkaError::Setting { name, reason }) => Some((name, reason)),
            _ => None,
        };
        for (name, text) in given.iter() {
            let mut errors: Vec<_> = worker.override_policy.refusal(name).into_iter().collect();
            let setting = format!("{prefix}{name}");
            if let Some((_, reason)) = problem.as_ref().filter(|(known, _)| known == name) {
                errors.push(format!("Invalid configuration {setting}: {reason}"));
            }
            let hidden = config.is_secret(&setting) || name.contains("password") || name.contains("jaas");
            let text = text.map(|text| if hidden { millrace_api::HIDDEN } else { text }.to_owned());
            self.error_count += usize::from(!errors.is_empty());
            let mut value = undefined(&setting, text, errors);
            cover.apply(&mut value);
            self.configs.push(ConfigInfo { definition: None, value });
        }
    }

    /// Names settings that nobody defines and that look like others.
    fn warn_of_unknown(&mut self, given: &Properties) {
        let names =
            self.configs.iter().filter_map(|info| info.definition.as_ref().map(|key| key.name.as_ref()));
        let known = Known { names: names.collect(), prefixes: &PREFIXES };
        self.warnings = unknown::warnings(given, &known);
    }

    /// Adds the settings of the converters that the connector itself names.
    fn add_converters(&mut self, plugins: &Plugins, config: &Properties, cover: &Cover<'_>) {
        for role in ["header", "key", "value"] {
            let Some(class) = config.get(&format!("{role}.converter")) else { continue };
            let found = match role {
                "header" => plugins.find_header_converter(class),
                _ => plugins.find_converter(class),
            };
            let Some(found) = found else { continue };
            let prefix = format!("{role}.converter.");
            let mut own = config.with_prefix(&prefix);
            own.insert("converter.type", role);
            for key in found.definition().keys() {
                let mut value = key.validate(&own);
                let mut key = key.clone();
                key.name = format!("{prefix}{}", key.name).into();
                value.name = key.name.clone();
                cover.apply(&mut value);
                self.error_count += usize::from(!value.errors.is_empty());
                self.configs.push(ConfigInfo { definition: Some(key), value });
            }
        }
        self.collect_groups();
    }
}

#[cfg(test)]
mod tests;
