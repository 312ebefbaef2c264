//! The registry: every plugin of a program, found by class name, simple name or short name.

mod erased;

pub use erased::{RunningConnector, SinkPlugin, SourcePlugin};

use crate::{
    Config, ConfigDef, Converter, Error, Predicate, Properties, Result, Role, SinkConnector, SourceConnector,
    Transform,
};
use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

/// The version of Kafka Connect whose behaviour this one has, and the version its own plugins report.
pub const CONNECT_VERSION: &str = "4.1.1";

/// Names one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInfo {
    /// The full Java class name: `org.apache.kafka.connect.file.FileStreamSourceConnector`.
    pub class: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// The Java class name of a connector's tasks, which `task.class` shows.
    pub task_class: Cow<'static, str>,
}

impl PluginInfo {
    /// Names a connector and its tasks, with the version of this program.
    pub fn connector(class: &'static str, task_class: &'static str) -> Self {
        Self { class: class.into(), version: CONNECT_VERSION.into(), task_class: task_class.into() }
    }
}

/// What a plugin is, in the order in which the REST API lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PluginKind {
    /// A sink connector.
    Sink,
    /// A source connector.
    Source,
    /// A transformation.
    Transformation,
    /// A predicate.
    Predicate,
    /// A converter of keys and values.
    Converter,
    /// A converter of headers.
    HeaderConverter,
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sink => "sink",
            Self::Source => "source",
            Self::Transformation => "transformation",
            Self::Predicate => "predicate",
            Self::Converter => "converter",
            Self::HeaderConverter => "header_converter",
        })
    }
}

/// A plugin that is made from its settings: a converter, transformation or predicate.
pub struct Factory<T: ?Sized> {
    info: PluginInfo,
    definition: Box<dyn Fn() -> ConfigDef + Send + Sync>,
    make: Box<Make<T>>,
}

type Make<T> = dyn Fn(&Properties, Role) -> Result<Box<T>> + Send + Sync;

impl<T: ?Sized> Factory<T> {
    /// Returns the plugin's names.
    pub fn info(&self) -> &PluginInfo {
        &self.info
    }

    /// Returns the definition of its settings.
    pub fn definition(&self) -> ConfigDef {
        (self.definition)()
    }
}

impl<T: ?Sized> Factory<T> {
    /// Makes an instance; the role is that of a converter and means nothing to others.
    pub fn make(&self, settings: &Properties, role: Role) -> Result<Box<T>> {
        (self.make)(settings, role)
    }
}

/// A connector plugin of either kind.
#[derive(Clone)]
pub enum ConnectorPlugin {
    /// Brings records to Kafka.
    Source(Arc<dyn SourcePlugin>),
    /// Takes records from Kafka.
    Sink(Arc<dyn SinkPlugin>),
}

impl ConnectorPlugin {
    /// Returns the plugin's names.
    pub fn info(&self) -> &PluginInfo {
        match self {
            Self::Source(plugin) => plugin.info(),
            Self::Sink(plugin) => plugin.info(),
        }
    }

    /// Returns the definition of its own settings.
    pub fn definition(&self) -> ConfigDef {
        match self {
            Self::Source(plugin) => plugin.definition(),
            Self::Sink(plugin) => plugin.definition(),
        }
    }

    /// Returns what it is.
    pub fn kind(&self) -> PluginKind {
        match self {
            Self::Source(_) => PluginKind::Source,
            Self::Sink(_) => PluginKind::Sink,
        }
    }
}

/// Plugins of one kind by class and version.
type ByClass<P> = BTreeMap<(Cow<'static, str>, Cow<'static, str>), P>;

/// Every plugin of a program.
#[derive(Default)]
pub struct Plugins {
    connectors: ByClass<ConnectorPlugin>,
    converters: ByClass<Arc<Factory<dyn Converter>>>,
    header_converters: ByClass<Arc<Factory<dyn Converter>>>,
    transforms: ByClass<Arc<Factory<dyn Transform>>>,
    predicates: ByClass<Arc<Factory<dyn Predicate>>>,
}

impl Plugins {
    /// Adds a source connector.
    pub fn source<C: SourceConnector>(&mut self, info: PluginInfo) {
        let plugin = ConnectorPlugin::Source(Arc::new(erased::Source::<C>::new(info)));
        insert(&mut self.connectors, plugin.info().clone(), plugin);
    }

    /// Adds a sink connector.
    pub fn sink<C: SinkConnector>(&mut self, info: PluginInfo) {
        let plugin = ConnectorPlugin::Sink(Arc::new(erased::Sink::<C>::new(info)));
        insert(&mut self.connectors, plugin.info().clone(), plugin);
    }

    /// Adds a converter of keys and values.
    pub fn converter<C: Config>(
        &mut self,
        class: &'static str,
        make: impl Fn(C, Role) -> Result<Box<dyn Converter>> + Send + Sync + 'static,
    ) {
        let factory = factory::<C, dyn Converter>(class, make);
        insert(&mut self.converters, factory.info.clone(), Arc::new(factory));
    }

    /// Adds a converter of headers; one that also converts keys and values is added there too.
    pub fn header_converter<C: Config>(
        &mut self,
        class: &'static str,
        make: impl Fn(C, Role) -> Result<Box<dyn Converter>> + Send + Sync + 'static,
    ) {
        let factory = factory::<C, dyn Converter>(class, make);
        insert(&mut self.header_converters, factory.info.clone(), Arc::new(factory));
    }

    /// Adds a transformation.
    pub fn transform<C: Config>(
        &mut self,
        class: &'static str,
        make: impl Fn(C) -> Result<Box<dyn Transform>> + Send + Sync + 'static,
    ) {
        let factory = factory::<C, dyn Transform>(class, move |config, _| make(config));
        insert(&mut self.transforms, factory.info.clone(), Arc::new(factory));
    }

    /// Adds a predicate.
    pub fn predicate<C: Config>(
        &mut self,
        class: &'static str,
        make: impl Fn(C) -> Result<Box<dyn Predicate>> + Send + Sync + 'static,
    ) {
        let factory = factory::<C, dyn Predicate>(class, move |config, _| make(config));
        insert(&mut self.predicates, factory.info.clone(), Arc::new(factory));
    }

    /// Finds a connector by class name, simple name or short name.
    pub fn connector(&self, name: &str) -> Result<ConnectorPlugin, LookupError> {
        find(&self.connectors, name, "Connector").map_err(|miss| LookupError {
            name: name.to_string(),
            kind: "Connector",
            classes: match miss {
                Miss::Ambiguous(classes) => Classes::Ambiguous(classes),
                Miss::Unknown => {
                    Classes::Available(self.connectors.keys().map(|key| key.0.to_string()).collect())
                }
            },
        })
    }

    /// Finds a converter of keys and values.
    pub fn find_converter(&self, name: &str) -> Option<Arc<Factory<dyn Converter>>> {
        find(&self.converters, name, "Converter").ok()
    }

    /// Finds a converter of headers.
    pub fn find_header_converter(&self, name: &str) -> Option<Arc<Factory<dyn Converter>>> {
        find(&self.header_converters, name, "HeaderConverter")
            .or_else(|_| find(&self.header_converters, name, "Converter"))
            .ok()
    }

    /// Finds a transformation; nested classes are written `Outer$Inner`.
    pub fn find_transform(&self, name: &str) -> Option<Arc<Factory<dyn Transform>>> {
        find(&self.transforms, name, "Transformation").ok()
    }

    /// Finds a predicate.
    pub fn find_predicate(&self, name: &str) -> Option<Arc<Factory<dyn Predicate>>> {
        find(&self.predicates, name, "Predicate").ok()
    }

    /// Lists everything, in the order of the REST API: by kind, then class, then version.
    pub fn list(&self) -> Vec<(PluginKind, PluginInfo)> {
        let mut list: Vec<_> =
            self.connectors.values().map(|plugin| (plugin.kind(), plugin.info().clone())).collect();
        list.extend(infos(PluginKind::Transformation, &self.transforms));
        list.extend(infos(PluginKind::Predicate, &self.predicates));
        list.extend(infos(PluginKind::Converter, &self.converters));
        list.extend(infos(PluginKind::HeaderConverter, &self.header_converters));
        list.sort_by_key(|(kind, _)| *kind);
        list
    }
}

fn infos<T: ?Sized>(
    kind: PluginKind,
    factories: &ByClass<Arc<Factory<T>>>,
) -> impl Iterator<Item = (PluginKind, PluginInfo)> {
    factories.values().map(move |factory| (kind, factory.info().clone()))
}

fn factory<C: Config, T: ?Sized>(
    class: &'static str,
    make: impl Fn(C, Role) -> Result<Box<T>> + Send + Sync + 'static,
) -> Factory<T> {
    Factory {
        info: PluginInfo { class: class.into(), version: CONNECT_VERSION.into(), task_class: "".into() },
        definition: Box::new(C::definition),
        make: Box::new(move |settings, role| make(C::parse(settings)?, role)),
    }
}

fn insert<P>(plugins: &mut ByClass<P>, info: PluginInfo, plugin: P) {
    let class = info.class.clone();
    let earlier = plugins.insert((info.class, info.version), plugin);
    assert!(earlier.is_none(), "plugin {class} is registered twice");
}

enum Miss {
    Unknown,
    Ambiguous(Vec<String>),
}

/// Finds the newest version of the one class that has this full, simple or short name.
fn find<P: Clone>(plugins: &ByClass<P>, name: &str, suffix: &str) -> Result<P, Miss> {
    let name = name.trim();
    let full = plugins.iter().filter(|(key, _)| key.0 == name);
    if let Some((_, plugin)) = full.last() {
        return Ok(plugin.clone());
    }
    let aliased = plugins.iter().filter(|(key, _)| {
        let simple = key.0.rsplit(['.', '$']).next().unwrap_or(&key.0);
        simple == name || simple.strip_suffix(suffix) == Some(name)
    });
    let found: Vec<_> = aliased.collect();
    let mut classes: Vec<_> = found.iter().map(|(key, _)| key.0.to_string()).collect();
    classes.dedup();
    match (found.last(), classes.len()) {
        (Some((_, plugin)), 1) => Ok((*plugin).clone()),
        (None, _) => Err(Miss::Unknown),
        _ => Err(Miss::Ambiguous(classes)),
    }
}

/// No plugin, or more than one, has that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupError {
    name: String,
    kind: &'static str,
    classes: Classes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Classes {
    Available(Vec<String>),
    Ambiguous(Vec<String>),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, classes } = self;
        match classes {
            Classes::Available(classes) => write!(
                f,
                "Failed to find any class that implements {kind} and which name matches {name}, available connectors are: {}",
                classes.join(", ")
            ),
            Classes::Ambiguous(classes) => write!(
                f,
                "More than one connector matches alias {name}. Please use full package and class name instead. Classes found: {}",
                classes.join(", ")
            ),
        }
    }
}

impl std::error::Error for LookupError {}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        Self::connect(error.to_string())
    }
}
