//! The settings that every connector has, whatever its class.

mod checks;

use super::{not_built, version, worker::one_of_any_case};
use crate::{errors::source_problems, settings::WorkerConfig, topic_creation};
use checks::{alias_list, at_least_or_null, class_check, name_check, regex_check, sink_problems};
use millrace_api::{
    CONNECT_VERSION, ConfigDef, PluginKind, Plugins, Properties,
    config::{Importance, Key, Type, Width, at_least, no_duplicates, non_empty, one_of},
};
use std::collections::BTreeMap;

const COMMON: &str = "Common";
const ERRORS: &str = "Error Handling";
const EXACTLY_ONCE: &str = "Exactly Once Support";

/// What a connector's settings are held against.
pub(crate) struct Framework {
    pub(crate) definition: ConfigDef,
    /// Values that would do, by setting.
    pub(crate) recommended: BTreeMap<String, Vec<String>>,
    /// Problems that no definition of a single setting finds, in order.
    pub(crate) problems: Vec<(String, String)>,
}

/// Returns the definition for one connector: the settings of its kind, and of its transformations and predicates.
pub(crate) fn framework(
    kind: PluginKind,
    plugins: &Plugins,
    worker: &WorkerConfig,
    config: &Properties,
) -> Framework {
    let mut framework =
        Framework { definition: ConfigDef::default(), recommended: BTreeMap::new(), problems: Vec::new() };
    let recommended = Recommended::of(plugins);
    framework.common(plugins, worker, config, &recommended);
    match kind {
        PluginKind::Sink => framework.sink(config),
        _ => framework.source(worker, config),
    }
    framework.transforms(plugins, config, &recommended);
    framework.predicates(plugins, config, &recommended);
    framework.problems.extend(not_built::of_connector(config));
    framework
}

/// Class names by kind, as forms offer them.
struct Recommended {
    converters: Vec<String>,
    header_converters: Vec<String>,
    transforms: Vec<String>,
    predicates: Vec<String>,
}

impl Recommended {
    fn of(plugins: &Plugins) -> Self {
        let list = plugins.list();
        let classes = |kind| {
            let plugins = list.iter().filter(|(known, _)| *known == kind);
            plugins.map(|(_, info)| info.class.to_string()).collect()
        };
        Self {
            converters: classes(PluginKind::Converter),
            header_converters: classes(PluginKind::HeaderConverter),
            transforms: classes(PluginKind::Transformation),
            predicates: classes(PluginKind::Predicate),
        }
    }
}

/// A plugin as a setting names it: its class and version, when there is one.
struct Named<'a> {
    setting: &'a str,
    given: Option<&'a str>,
    version: Option<String>,
}

impl Framework {
    fn common(
        &mut self,
        plugins: &Plugins,
        worker: &WorkerConfig,
        config: &Properties,
        offered: &Recommended,
    ) {
        self.add(
            text("name", High, "Name of the connector, unique in the cluster.")
                .check(name_check())
                .group(COMMON, 1)
                .display("Connector name", Width::Medium),
        );
        self.add(
            text(
                "connector.class",
                High,
                "Class of the connector: its full name, its simple name, or that without `Connector`.",
            )
            .group(COMMON, 2)
            .display("Connector class", Width::Long),
        );
        let class = config.get("connector.class").map(str::trim);
        let installed = class
            .and_then(|class| plugins.connector(class).ok())
            .map(|plugin| plugin.info().version.to_string());
        self.plugin_version(
            Named { setting: "connector", given: class, version: installed },
            config,
            |key| key.group(COMMON, 3).display("Connector version", Width::Medium),
            Importance::Medium,
        );
        self.add(
            Key::of::<i32>("tasks.max", High, "The most tasks this connector may have.")
                .default(1)
                .check(at_least(1))
                .group(COMMON, 4)
                .display("Tasks max", Width::Short),
        );
        self.add(
            Key::of::<bool>(
                "tasks.max.enforce",
                Low,
                "Whether a connector that names more tasks than `tasks.max` fails.",
            )
            .default(true)
            .group(COMMON, 5)
            .display("Enforce tasks max", Width::Short),
        );
        self.converters(plugins, worker, config, offered);
        self.lists();
        self.errors();
    }

    fn converters(
        &mut self,
        plugins: &Plugins,
        worker: &WorkerConfig,
        config: &Properties,
        offered: &Recommended,
    ) {
        let own = &worker.common;
        for (order, role, title, default) in [
            (6, "key", "Key", &own.key_converter),
            (8, "value", "Value", &own.value_converter),
            (10, "header", "Header", &own.header_converter),
        ] {
            let header = role == "header";
            let classes = if header { &offered.header_converters } else { &offered.converters };
            self.converter(plugins, config, &Converter { order, role, title, default, classes });
        }
    }

    fn lists(&mut self) {
        self.add(
            aliases("transforms", "Names of transformations, in the order in which they are applied.")
                .group("Transforms", 12)
                .display("Transforms", Width::Long),
        );
        self.add(
            aliases("predicates", "Names of predicates that transformations refer to.")
                .group("Predicates", 13)
                .display("Predicates", Width::Long),
        );
        self.add(
            text(
                "config.action.reload",
                Low,
                "What happens when a config provider's value changes: none or restart.",
            )
            .default("restart")
            .check(one_of(&["none", "restart"]))
            .group(COMMON, 14)
            .display("Reload Action", Width::Medium),
        );
    }

    fn errors(&mut self) {
        self.add(
            Key::of::<i64>(
                "errors.retry.timeout",
                Medium,
                "How long failed operations are tried again, in milliseconds; 0 for not at all, -1 for ever.",
            )
            .default(0)
            .group(ERRORS, 1)
            .display("Retry Timeout for Errors", Width::Medium),
        );
        self.add(
            Key::of::<i64>(
                "errors.retry.delay.max.ms",
                Medium,
                "The longest wait between two attempts, in milliseconds.",
            )
            .default(60000)
            .group(ERRORS, 2)
            .display("Maximum Delay Between Retries for Errors", Width::Medium),
        );
        self.add(
            text(
                "errors.tolerance",
                Medium,
                "none: an error fails the task; all: records with errors are skipped.",
            )
            .default("none")
            .check(one_of(&["none", "all"]))
            .group(ERRORS, 3)
            .display("Error Tolerance", Width::Short),
        );
        self.add(
            Key::of::<bool>("errors.log.enable", Medium, "Whether each error is logged.")
                .default(false)
                .group(ERRORS, 4)
                .display("Log Errors", Width::Short),
        );
        self.add(
            Key::of::<bool>(
                "errors.log.include.messages",
                Medium,
                "Whether the log shows the record that failed.",
            )
            .default(false)
            .group(ERRORS, 5)
            .display("Log Error Details", Width::Short),
        );
    }

    fn source(&mut self, worker: &WorkerConfig, config: &Properties) {
        if worker.common.topic_creation_enable {
            self.problems.extend(topic_creation::problems(config));
        }
        // Not defined here: Kafka Connect's sources have no dead letter queue, and answers keep its shape.
        self.problems.extend(source_problems(config));
        self.add(
            aliases("topic.creation.groups", "Names of groups of topics that the connector creates.")
                .group("Topic Creation", 1)
                .display("Topic Creation Groups", Width::Long),
        );
        self.add(
            text(
                "exactly.once.support",
                Medium,
                "requested, or required: refuse when exactly-once delivery is not possible.",
            )
            .default("requested")
            .check(one_of_any_case(&["required", "requested"]))
            .group(EXACTLY_ONCE, 2)
            .display("Exactly once support", Width::Short),
        );
        self.add(
            text(
                "transaction.boundary",
                Medium,
                "Where transactions of exactly-once delivery end: poll, interval or connector.",
            )
            .default("poll")
            .check(one_of_any_case(&["interval", "poll", "connector"]))
            .group(EXACTLY_ONCE, 3)
            .display("Transaction Boundary", Width::Short),
        );
        self.add(Key::of::<Option<i64>>("transaction.boundary.interval.ms", Low, "How long a transaction lasts when its boundary is interval; the worker's commit interval when not set.")
            .check(at_least_or_null(0)).group(EXACTLY_ONCE, 4).display("Transaction boundary interval", Width::Short));
        self.add(
            Key::of::<Option<String>>(
                "offsets.storage.topic",
                Low,
                "Topic for this connector's offsets instead of the worker's.",
            )
            .check(non_empty())
            .group("offsets.topic", 1)
            .display("Offsets topic", Width::Long),
        );
    }

    fn sink(&mut self, config: &Properties) {
        self.add(
            Key::of::<Vec<String>>("topics", High, "Topics to read, separated by commas.")
                .default("")
                .group(COMMON, 4)
                .display("Topics", Width::Long),
        );
        self.add(
            text(
                "topics.regex",
                High,
                "Regular expression that the names of topics to read match as a whole.",
            )
            .default("")
            .check(regex_check())
            .group(COMMON, 4)
            .display("Topics regex", Width::Long),
        );
        self.add(
            text("errors.deadletterqueue.topic.name", Medium, "Topic for records that failed.")
                .default("")
                .group(ERRORS, 6)
                .display("Dead Letter Queue Topic Name", Width::Medium),
        );
        self.add(
            Key::of::<i16>(
                "errors.deadletterqueue.topic.replication.factor",
                Medium,
                "Replication of that topic when it has to be created.",
            )
            .default(3)
            .group(ERRORS, 7)
            .display("Dead Letter Queue Topic Replication Factor", Width::Medium),
        );
        self.add(
            Key::of::<bool>(
                "errors.deadletterqueue.context.headers.enable",
                Medium,
                "Whether headers say where and why a record failed.",
            )
            .default(false)
            .group(ERRORS, 8)
            .display("Enable Error Context Headers", Width::Medium),
        );
        self.problems.extend(sink_problems(config));
    }

    fn converter(&mut self, plugins: &Plugins, config: &Properties, converter: &Converter<'_>) {
        let Converter { order, role, title, default, classes } = converter;
        let setting = format!("{role}.converter");
        let class = config.get(&setting).map_or(default.as_str(), str::trim);
        let found = match *role {
            "header" => plugins.find_header_converter(class),
            _ => plugins.find_converter(class),
        };
        let doc = format!(
            "Converter of {role}s; the worker's when not set. Settings that begin with `{setting}.` are the converter's."
        );
        let key = Key::of::<Option<String>>(setting.as_str(), Low, doc).typed(Type::Class).default(default);
        self.add(
            class_check(key, found.is_some())
                .group(COMMON, *order)
                .display(format!("{title} converter class"), Width::Short),
        );
        self.recommended.insert(setting.clone(), (*classes).clone());
        let version = found.map(|found| found.info().version.to_string());
        self.plugin_version(
            Named { setting: &setting, given: Some(class), version },
            config,
            |key| key.group(COMMON, order + 1).display(format!("{title} converter version"), Width::Short),
            Low,
        );
    }

    fn transforms(&mut self, plugins: &Plugins, config: &Properties, offered: &Recommended) {
        for alias in alias_list(config, "transforms") {
            let prefix = format!("transforms.{alias}.");
            let setting = format!("{prefix}type");
            let class = config.get(&setting).map(str::trim);
            let found = class.and_then(|class| plugins.find_transform(class));
            self.recommended.insert(setting.clone(), offered.transforms.clone());
            let version = found.as_ref().map(|found| found.info().version.to_string());
            let own = found.map(|found| found.definition());
            let entry = Entry { alias: &alias, prefix: &prefix, what: "Transformation", class, version };
            let given = |name: &str| config.contains(&format!("{prefix}{name}"));
            if given("negate") && !given("predicate") {
                let text = format!(
                    "Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a \
                     predicate to be negated."
                );
                self.problems.push((setting, text));
            }
            let extra = [
                Key::of::<Option<String>>(
                    "predicate",
                    Medium,
                    "Name of the predicate that says which records are transformed.",
                ),
                Key::of::<bool>(
                    "negate",
                    Medium,
                    "Whether those records are transformed that the predicate does not choose.",
                )
                .default(false),
            ];
            self.entry(config, &entry, own, extra.into());
        }
    }

    fn predicates(&mut self, plugins: &Plugins, config: &Properties, offered: &Recommended) {
        for alias in alias_list(config, "predicates") {
            let prefix = format!("predicates.{alias}.");
            let setting = format!("{prefix}type");
            let class = config.get(&setting).map(str::trim);
            let found = class.and_then(|class| plugins.find_predicate(class));
            self.recommended.insert(setting, offered.predicates.clone());
            let version = found.as_ref().map(|found| found.info().version.to_string());
            let own = found.map(|found| found.definition());
            let entry = Entry { alias: &alias, prefix: &prefix, what: "Predicate", class, version };
            self.entry(config, &entry, own, Vec::new());
        }
    }

    /// Adds what one transformation or predicate has: its class, its version, and its own settings by name.
    fn entry(&mut self, config: &Properties, entry: &Entry<'_>, own: Option<ConfigDef>, extra: Vec<Key>) {
        let Entry { alias, prefix, what, class, version } = entry;
        let group = format!("{what}s: {alias}").replace("Transformations", "Transforms");
        let doc = format!("Class of the {} {alias}.", what.to_lowercase());
        let key = Key::of::<String>(format!("{prefix}type"), High, doc).typed(Type::Class);
        self.add(
            class_check(key, own.is_some())
                .group(group.as_str(), 0)
                .display(format!("{what} type for {alias}"), Width::Long),
        );
        let setting = prefix.trim_end_matches('.');
        self.plugin_version(
            Named { setting, given: *class, version: version.clone() },
            config,
            |key| key.group(group.as_str(), 1).display(format!("{what} version for {alias}"), Width::Long),
            High,
        );
        let Some(own) = own else { return };
        let masked = |key: &&Key| extra.iter().all(|mine| mine.name != key.name);
        let mut keys: Vec<_> =
            own.keys().iter().filter(masked).cloned().chain(extra.iter().cloned()).collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        for (order, mut key) in (2..).zip(keys) {
            key.name = format!("{prefix}{}", key.name).into();
            self.add(key.group(group.as_str(), order));
        }
    }

    fn plugin_version(
        &mut self,
        plugin: Named<'_>,
        config: &Properties,
        shown: impl FnOnce(Key) -> Key,
        importance: Importance,
    ) {
        let setting = format!("{}.plugin.version", plugin.setting);
        let mut key = Key::of::<Option<String>>(
            setting.as_str(),
            importance,
            "Version of the plugin, or a range of versions.",
        );
        if let Some(installed) = &plugin.version {
            key = key.default(installed);
        }
        self.add(shown(key));
        self.recommended.insert(setting.clone(), plugin.version.clone().into_iter().collect());
        if let (Some(class), Some(range)) = (plugin.given, config.get(&setting)) {
            let installed = plugin.version.as_deref().unwrap_or(CONNECT_VERSION);
            if let Err(problem) = version::check(class, range, installed) {
                self.problems.push((setting, problem));
            }
        }
    }

    /// A name that comes twice, because an alias does, keeps its first definition.
    fn add(&mut self, key: Key) {
        if self.definition.key(&key.name).is_none() {
            self.definition.define(key);
        }
    }
}

struct Converter<'a> {
    order: i32,
    role: &'a str,
    title: &'a str,
    default: &'a String,
    classes: &'a Vec<String>,
}

struct Entry<'a> {
    alias: &'a str,
    /// With a dot at its end.
    prefix: &'a str,
    what: &'a str,
    class: Option<&'a str>,
    version: Option<String>,
}

use Importance::{High, Low, Medium};

fn text(name: &str, importance: Importance, doc: &str) -> Key {
    Key::of::<String>(name, importance, doc)
}

fn aliases(name: &str, doc: &str) -> Key {
    Key::of::<Vec<String>>(name, Low, doc).default("").check(no_duplicates())
}
