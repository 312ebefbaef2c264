//! Topics that source connectors create: which group a topic belongs to, and what it is created with. Pure.

use millrace_api::{
    Properties,
    config::{Check, ConfigDef, ConfigValue, Importance::Low, Key, Parsed},
    regex::JavaRegex,
};
use millrace_kafka::NewTopic;
use std::fmt;

/// The groups of one connector, in the order in which a topic looks for its own.
#[derive(Debug)]
pub struct Groups {
    named: Vec<Group>,
    default: Group,
}

/// Topics that are created alike.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    include: Pattern,
    exclude: Pattern,
    /// None is the broker's default.
    partitions: Option<i32>,
    /// None is the broker's default.
    replication_factor: Option<i16>,
    /// Topic settings, which groups do not inherit from each other.
    settings: Vec<(String, String)>,
}

/// A topic as the reference's errors show it.
pub struct Shown<'a>(pub &'a NewTopic);

/// What any of a list of regular expressions matches as a whole.
#[derive(Debug)]
struct Pattern(Option<JavaRegex>);

const PREFIX: &str = "topic.creation.";
const DEFAULT: &str = "default";
const INCLUDE: &str = "include";
const EXCLUDE: &str = "exclude";
const PARTITIONS: &str = "partitions";
const REPLICATION: &str = "replication.factor";

const PARTITIONS_TEXT: &str = "Number of partitions must be positive, or -1 to use the broker's default";
const REPLICATION_TEXT: &str = "Replication factor must be positive and not larger than the number of brokers in the \
                                Kafka cluster, or -1 to use the broker's default";

/// Returns whether a connector asks for topics to be created.
pub fn is_asked_for(connector: &Properties) -> bool {
    connector.iter().any(|(name, _)| name.starts_with(PREFIX))
}

/// Returns what is wrong with a connector's settings of this kind, by setting.
pub fn problems(connector: &Properties) -> Vec<(String, String)> {
    if !is_asked_for(connector) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for value in values(connector) {
        problems.extend(value.errors.into_iter().map(|text| (value.name.to_string(), text)));
    }
    problems
}

// === impl Groups ===

impl Groups {
    /// Reads the groups of a connector that asks for topics to be created; the error is the first problem.
    pub fn of(connector: &Properties) -> Result<Self, String> {
        if let Some((_, problem)) = problems(connector).into_iter().next() {
            return Err(problem);
        }
        let default = Group::of(connector, DEFAULT, None)?;
        let named = aliases(connector).into_iter().map(|name| Group::of(connector, &name, Some(&default)));
        Ok(Self { named: named.collect::<Result<_, _>>()?, default })
    }

    /// Returns the group of a topic: the first that matches, else the default one.
    pub fn of_topic(&self, topic: &str) -> Result<&Group, millrace_api::Error> {
        for group in &self.named {
            if group.matches(topic)? {
                return Ok(group);
            }
        }
        Ok(&self.default)
    }
}

// === impl Group ===

impl Group {
    fn of(connector: &Properties, name: &str, default: Option<&Self>) -> Result<Self, String> {
        let own = connector.with_prefix(&format!("{PREFIX}{name}."));
        let number = |setting: &str| own.get(setting).and_then(|text| text.trim().parse::<i32>().ok());
        let or_broker = |number: i32| (number > 0).then_some(number);
        // The default group has every topic that no other has, whatever its expressions say.
        let patterns = |setting: &str| match default {
            Some(_) => Pattern::of(own.get(setting).unwrap_or_default()),
            None => Ok(Pattern(None)),
        };
        let known = [INCLUDE, EXCLUDE, PARTITIONS, REPLICATION];
        let settings = own.iter().filter(|(name, _)| !known.contains(name));
        let settings = settings.filter_map(|(name, text)| Some((name.to_owned(), text?.to_owned())));
        Ok(Self {
            name: name.to_owned(),
            include: patterns(INCLUDE)?,
            exclude: patterns(EXCLUDE)?,
            partitions: match number(PARTITIONS) {
                Some(number) => or_broker(number),
                None => default.and_then(|default| default.partitions),
            },
            replication_factor: match number(REPLICATION) {
                Some(number) => or_broker(number).and_then(|number| i16::try_from(number).ok()),
                None => default.and_then(|default| default.replication_factor),
            },
            settings: settings.collect(),
        })
    }

    /// Returns what a topic of this group is created with.
    pub fn new_topic(&self, topic: &str) -> NewTopic {
        NewTopic {
            name: topic.to_owned(),
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            settings: self.settings.iter().cloned().collect(),
        }
    }

    fn matches(&self, topic: &str) -> Result<bool, millrace_api::Error> {
        Ok(!self.exclude.matches(topic)? && self.include.matches(topic)?)
    }
}

// === impl Pattern ===

impl Pattern {
    fn of(list: &str) -> Result<Self, String> {
        let patterns: Vec<_> = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()).collect();
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        Ok(Self(Some(JavaRegex::new(&patterns.join("|"))?)))
    }

    /// No topic has the empty name, which is all that an empty list matches.
    fn matches(&self, topic: &str) -> Result<bool, millrace_api::Error> {
        self.0.as_ref().map_or(Ok(false), |pattern| pattern.matches(topic))
    }
}

// === impl Shown ===

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(NewTopic { name, partitions, replication_factor, settings }) = self;
        let number = |number: Option<i32>| number.map_or("-1".to_owned(), |number| number.to_string());
        let (partitions, replicas) = (number(*partitions), number(replication_factor.map(i32::from)));
        let settings: Vec<_> = settings.iter().map(|(name, text)| format!("{name}={text}")).collect();
        write!(
            f,
            "(name={name}, numPartitions={partitions}, replicationFactor={replicas}, replicasAssignments=null, \
             configs={{{}}})",
            settings.join(", ")
        )
    }
}

/// Returns the names of the groups that a connector has besides the default one, which needs no naming.
fn aliases(connector: &Properties) -> Vec<String> {
    let list = connector.get("topic.creation.groups").unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != DEFAULT) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn values(connector: &Properties) -> Vec<ConfigValue> {
    let mut definition = ConfigDef::default();
    let setting = |group: &str, name: &str| format!("{PREFIX}{group}.{name}");
    let replication = |group: &str| {
        let doc = "Replicas of a topic; -1 for the broker's default.";
        Key::of::<i16>(setting(group, REPLICATION), Low, doc).check(positive_or_default(REPLICATION_TEXT))
    };
    let partitions = |group: &str| {
        let doc = "Partitions of a topic; -1 for the broker's default.";
        Key::of::<i32>(setting(group, PARTITIONS), Low, doc).check(positive_or_default(PARTITIONS_TEXT))
    };
    definition.define(replication(DEFAULT));
    definition.define(partitions(DEFAULT));
    for group in aliases(connector) {
        for name in [INCLUDE, EXCLUDE] {
            let doc = "Regular expressions for names of topics.";
            let key = Key::of::<Vec<String>>(setting(&group, name), Low, doc).default("");
            definition.define(key.check(patterns()));
        }
        // What is not given comes from the default group, which is checked already.
        definition.define(replication(&group).default(-1));
        definition.define(partitions(&group).default(-1));
    }
    definition.validate(connector)
}

fn positive_or_default(text: &'static str) -> Check {
    Check::new(move |value| match value {
        Parsed::Integer(number) if *number != -1 && *number < 1 => Err(text.to_owned()),
        _ => Ok(()),
    })
}

fn patterns() -> Check {
    Check::new(|value| match value {
        Parsed::List(list) => list.iter().try_for_each(|pattern| JavaRegex::new(pattern).map(drop)),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CONNECTOR: &[(&str, &str)] = &[
        ("name", "c"),
        ("topic.creation.groups", "logs, default ,all"),
        ("topic.creation.default.partitions", "3"),
        ("topic.creation.default.replication.factor", "-1"),
        ("topic.creation.default.cleanup.policy", "compact"),
        ("topic.creation.default.include", "ignored("),
        ("topic.creation.logs.include", "log[0-9]+, trace\\..*"),
        ("topic.creation.logs.exclude", ".*secret"),
        ("topic.creation.logs.partitions", "-1"),
        ("topic.creation.logs.replication.factor", "2"),
        ("topic.creation.logs.retention.ms", "1000"),
        ("topic.creation.all.include", "log.*"),
    ];

    fn groups(settings: &[(&str, &str)]) -> Groups {
        Groups::of(&settings.iter().copied().collect()).unwrap()
    }

    #[track_caller]
    fn check(topic: &str, group: &str, shown: &str) {
        let groups = groups(CONNECTOR);
        let found = groups.of_topic(topic).unwrap();
        assert_eq!(found.name, group);
        assert_eq!(Shown(&found.new_topic(topic)).to_string(), format!("(name={topic}, {shown})"));
    }

    #[test]
    fn the_first_group_that_matches_has_the_topic() {
        let logs =
            "numPartitions=-1, replicationFactor=2, replicasAssignments=null, configs={retention.ms=1000}";
        check("log1", "logs", logs);
        check("trace.x", "logs", logs);
        let all = "numPartitions=3, replicationFactor=-1, replicasAssignments=null, configs={}";
        check("log", "all", all);
        // A match must be whole, and what is excluded is so whatever else matches.
        check("log1a", "all", all);
        let default = "numPartitions=3, replicationFactor=-1, replicasAssignments=null, configs={cleanup.policy=compact}";
        check("trace.secret", "default", default);
        check("xlog1", "default", default);
    }

    #[test]
    fn a_group_that_includes_nothing_has_no_topic() {
        let settings = [
            ("topic.creation.groups", "g"),
            ("topic.creation.default.partitions", "1"),
            ("topic.creation.default.replication.factor", "1"),
            ("topic.creation.g.exclude", "x"),
        ];
        assert_eq!(groups(&settings).of_topic("y").unwrap().name, "default");
    }

    #[track_caller]
    fn refused(settings: &[(&str, &str)], expected: &[&str]) {
        let found = problems(&settings.iter().copied().collect());
        let texts: Vec<_> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_default_group_is_required() {
        refused(&[("name", "c"), ("topics", "x")], &[]);
        refused(
            &[("topic.creation.groups", "")],
            &[
                "Missing required configuration \"topic.creation.default.replication.factor\" which has no default value.",
                "Missing required configuration \"topic.creation.default.partitions\" which has no default value.",
            ],
        );
    }

    #[test]
    fn problems_have_the_texts_of_connect() {
        refused(
            &[
                ("topic.creation.groups", "g"),
                ("topic.creation.default.partitions", "0"),
                ("topic.creation.default.replication.factor", "many"),
                ("topic.creation.g.partitions", "-2"),
                ("topic.creation.g.include", "fine,a("),
            ],
            &[
                "Invalid value many for configuration topic.creation.default.replication.factor: Not a number of type SHORT",
                "Invalid value 0 for configuration topic.creation.default.partitions: Number of partitions must be positive, or -1 to use the broker's default",
                "Invalid value [fine, a(] for configuration topic.creation.g.include: Unclosed group near index 2\na(",
                "Invalid value -2 for configuration topic.creation.g.partitions: Number of partitions must be positive, or -1 to use the broker's default",
            ],
        );
    }
}
