//! The settings of a topic: which there are, their defaults, and the few that this broker acts on.

use std::collections::BTreeMap;

/// The type of a setting, with the number that DescribeConfigs uses for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// A setting that a topic may have.
#[derive(Debug)]
pub struct Definition {
    pub name: &'static str,
    pub kind: Kind,
    pub default: &'static str,
    /// The values that are allowed; any of its kind when empty.
    allowed: &'static [&'static str],
}

/// The settings that one topic was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicConfig {
    given: BTreeMap<String, String>,
}

/// Why a topic may not have a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFault {
    #[error("Unknown topic config name: {0}")]
    Unknown(String),
    #[error("Invalid value {value} for configuration {name}: {expected}")]
    Value { name: String, value: String, expected: String },
}

const fn any(name: &'static str, kind: Kind, default: &'static str) -> Definition {
    Definition { name, kind, default, allowed: &[] }
}

const fn one_of(name: &'static str, default: &'static str, allowed: &'static [&'static str]) -> Definition {
    Definition { name, kind: Kind::String, default, allowed }
}

/// Every setting that Kafka 4.1 knows for a topic, so that what is created there can be created here.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "cleanup.policy",
        kind: Kind::List,
        default: "delete",
        allowed: &["compact", "delete", "compact,delete", "delete,compact"],
    },
    any("compression.gzip.level", Kind::Int, "-1"),
    any("compression.lz4.level", Kind::Int, "9"),
    one_of("compression.type", "producer", &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    any("compression.zstd.level", Kind::Int, "3"),
    any("delete.retention.ms", Kind::Long, "86400000"),
    any("file.delete.delay.ms", Kind::Long, "60000"),
    any("flush.messages", Kind::Long, "9223372036854775807"),
    any("flush.ms", Kind::Long, "9223372036854775807"),
    any("follower.replication.throttled.replicas", Kind::List, ""),
    any("index.interval.bytes", Kind::Int, "4096"),
    any("leader.replication.throttled.replicas", Kind::List, ""),
    any("local.retention.bytes", Kind::Long, "-2"),
    any("local.retention.ms", Kind::Long, "-2"),
    any("max.compaction.lag.ms", Kind::Long, "9223372036854775807"),
    any("max.message.bytes", Kind::Int, "1048588"),
    any("message.timestamp.after.max.ms", Kind::Long, "3600000"),
    any("message.timestamp.before.max.ms", Kind::Long, "9223372036854775807"),
    one_of("message.timestamp.type", "CreateTime", &["CreateTime", "LogAppendTime"]),
    any("min.cleanable.dirty.ratio", Kind::Double, "0.5"),
    any("min.compaction.lag.ms", Kind::Long, "0"),
    any("min.insync.replicas", Kind::Int, "1"),
    any("preallocate", Kind::Boolean, "false"),
    any("remote.log.copy.disable", Kind::Boolean, "false"),
    any("remote.log.delete.on.disable", Kind::Boolean, "false"),
    any("remote.storage.enable", Kind::Boolean, "false"),
    any("retention.bytes", Kind::Long, "-1"),
    any("retention.ms", Kind::Long, "604800000"),
    any("segment.bytes", Kind::Int, "1073741824"),
    any("segment.index.bytes", Kind::Int, "10485760"),
    any("segment.jitter.ms", Kind::Long, "0"),
    any("segment.ms", Kind::Long, "604800000"),
    any("unclean.leader.election.enable", Kind::Boolean, "false"),
];

impl TopicConfig {
    /// Checks settings one by one.
    pub fn parse<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigFault> {
        let mut config = Self::default();
        for (name, value) in given {
            let Some(definition) = DEFINITIONS.iter().find(|definition| definition.name == name) else {
                return Err(ConfigFault::Unknown(name.to_owned()));
            };
            definition.check(value)?;
            config.given.insert(name.to_owned(), value.to_owned());
        }
        Ok(config)
    }

    /// Returns what was set, without defaults.
    pub fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// Whether the newest record of each key is to be kept, so that every record needs a key.
    pub fn is_compacted(&self) -> bool {
        self.value("cleanup.policy").contains("compact")
    }

    pub fn has_append_time(&self) -> bool {
        self.value("message.timestamp.type") == "LogAppendTime"
    }

    pub fn message_bytes_max(&self) -> usize {
        self.value("max.message.bytes").parse().unwrap_or(usize::MAX)
    }

    /// Returns the segment size, if the topic has its own.
    pub fn segment_bytes(&self) -> Option<u64> {
        self.given.get("segment.bytes").and_then(|value| value.parse().ok())
    }

    fn value(&self, name: &str) -> &str {
        match self.given.get(name) {
            Some(value) => value,
            None => DEFINITIONS.iter().find(|definition| definition.name == name).map_or("", |it| it.default),
        }
    }
}

// === impl Definition ===

impl Definition {
    fn check(&self, value: &str) -> Result<(), ConfigFault> {
        let fits = match self.kind {
            _ if !self.allowed.is_empty() => self.allowed.contains(&value.replace(' ', "").as_str()),
            Kind::Boolean => value == "true" || value == "false",
            Kind::Int => value.parse::<i32>().is_ok(),
            Kind::Long => value.parse::<i64>().is_ok(),
            Kind::Double => value.parse::<f64>().is_ok(),
            Kind::String | Kind::List => true,
        };
        if fits {
            return Ok(());
        }
        let expected = if self.allowed.is_empty() {
            format!("not a value of type {:?}", self.kind)
        } else {
            format!("String must be one of: {}", self.allowed.join(", "))
        };
        Err(ConfigFault::Value { name: self.name.to_owned(), value: value.to_owned(), expected })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for definition in DEFINITIONS {
            definition.check(definition.default).unwrap();
        }
    }

    #[test]
    fn unknown_names_and_wrong_values_are_named() {
        let fault = TopicConfig::parse([("retention.moons", "3")]).unwrap_err();
        assert_eq!(fault.to_string(), "Unknown topic config name: retention.moons");
        let fault = TopicConfig::parse([("cleanup.policy", "burn")]).unwrap_err();
        assert!(
            fault.to_string().contains("cleanup.policy") && fault.to_string().contains("burn"),
            "{fault}"
        );
        assert!(TopicConfig::parse([("retention.ms", "soon")]).is_err());
    }

    #[test]
    fn what_is_acted_on_comes_from_given_or_default() {
        let config =
            TopicConfig::parse([("cleanup.policy", "compact, delete"), ("segment.bytes", "99")]).unwrap();
        assert!(config.is_compacted());
        assert_eq!((config.segment_bytes(), config.message_bytes_max()), (Some(99), 1_048_588));
        assert!(!TopicConfig::default().is_compacted() && !TopicConfig::default().has_append_time());
    }
}
