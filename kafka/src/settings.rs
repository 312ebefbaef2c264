//! The one table from Java client settings to librdkafka's.
//!
//! A setting of the Java clients has the same name in librdkafka, another name, another form, no equivalent that
//! matters, or none without which its meaning would be lost: then it is refused. Where Java 4.1's default differs
//! from librdkafka's, Java's is set. Settings that only make sense together are in `settings/joint.rs`.

use std::{collections::BTreeMap, time::Duration};

use millrace_api::Properties;

use crate::KafkaError;

mod joint;
#[cfg(test)]
mod tests;
mod tls;

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It writes records.
    Producer,
    /// It reads records as a member of a group.
    Consumer,
    /// It asks for and changes metadata.
    Admin,
}

/// Settings for librdkafka.
#[derive(Clone, PartialEq, Eq)]
pub struct Translation {
    /// Names and values; some values are secret.
    pub settings: Vec<(String, String)>,
    /// The given names that have no equivalent and no effect.
    pub ignored: Vec<String>,
}

/// Translates the settings of a Java client.
pub fn translate(role: Role, given: &Properties) -> Result<Translation, KafkaError> {
    let mut java: BTreeMap<&str, &str> = BTreeMap::new();
    for (roles, name, text) in DEFAULTS {
        if roles & role.bit() != 0 {
            java.insert(name, text);
        }
    }
    for (name, text) in given.iter() {
        match text {
            Some(text) => java.insert(name, text.trim()),
            None => java.remove(name),
        };
    }
    let mut out = Output::default();
    for (roles, name, text) in FIXED {
        if roles & role.bit() != 0 {
            out.set(name, *text);
        }
    }
    for (&name, &text) in &java {
        match row(role, name) {
            Some(rule) => rule.apply(name, text, &mut out)?,
            None => out.ignored.push(name.to_owned()),
        }
    }
    joint::translate(role, given, &java, &mut out)?;
    tls::translate(&java, &mut out)?;
    // A default has no equivalent either, but nobody asked for it.
    out.ignored.retain(|name| given.contains(name));
    Ok(Translation { settings: out.settings.into_iter().collect(), ignored: out.ignored })
}

/// Returns how often metadata is asked for again.
pub(crate) fn refresh_interval(translation: &Translation) -> Duration {
    let text = translation.get("topic.metadata.refresh.interval.ms");
    Duration::from_millis(text.and_then(|text| text.parse().ok()).unwrap_or(300_000))
}

/// What was translated so far.
#[derive(Default)]
struct Output {
    settings: BTreeMap<String, String>,
    ignored: Vec<String>,
}

/// What becomes of a setting.
enum Rule {
    /// The same name and value.
    Same,
    /// Another name, and a whole number brought into librdkafka's range.
    Number { name: &'static str, min: i64, max: i64 },
    /// Another name and another form.
    Converted(&'static str, fn(&str) -> Result<String, &'static str>),
    /// Looked at together with others.
    Joint,
    /// The caller's business: not set, not reported.
    Handled,
    /// No equivalent, and nothing is lost.
    Ignored,
    /// No equivalent, and its meaning would be lost.
    Refused(&'static str),
    /// As `Refused`, unless it has this value, which says nothing.
    RefusedUnless(&'static str, &'static str),
}

const P: u8 = 1;
const C: u8 = 2;
const A: u8 = 4;
const ALL: u8 = P | C | A;

/// Java 4.1's defaults where librdkafka's differ.
const DEFAULTS: &[(u8, &str, &str)] = &[
    (ALL, "reconnect.backoff.ms", "50"),
    (ALL, "reconnect.backoff.max.ms", "1000"),
    (ALL, "request.timeout.ms", "30000"),
    (ALL, "connections.max.idle.ms", "540000"),
    (ALL, "socket.connection.setup.timeout.ms", "10000"),
    (ALL, "metadata.max.age.ms", "300000"),
    (P, "acks", "all"),
    (P, "linger.ms", "5"),
    (P, "max.request.size", "1048576"),
    (P, "max.in.flight.requests.per.connection", "5"),
    (P, "delivery.timeout.ms", "120000"),
    (P, "retries", "2147483647"),
    (C, "auto.offset.reset", "latest"),
    (C, "isolation.level", "read_uncommitted"),
    (C, "allow.auto.create.topics", "true"),
    (C, "check.crcs", "true"),
    (C, "fetch.max.bytes", "52428800"),
    (C, "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"),
    (C, "session.timeout.ms", "45000"),
    (C, "heartbeat.interval.ms", "3000"),
];

/// What is set whatever was given.
const FIXED: &[(u8, &str, &str)] = &[
    // Offsets are committed by the worker alone.
    (C, "enable.auto.commit", "false"),
    (C, "enable.auto.offset.store", "false"),
    // The default of one second stalls a reader that has caught up with the queue: 0.44 instead of 1.5 M records/s.
    (C, "fetch.queue.backoff.ms", "10"),
    // Brokers close idle connections; that is not worth a line.
    (ALL, "log.connection.close", "false"),
];

/// The longest time that librdkafka takes for most waits.
const WAIT_MAX: i64 = 300_000;

/// The longest interval between two metadata requests that librdkafka takes.
const METADATA_INTERVAL_MAX: i64 = 3_600_000;

/// Finds a setting's rule. A name that the Java client of this role does not know has none.
fn row(role: Role, name: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|(roles, known, _)| roles & role.bit() != 0 && *known == name).map(|(_, _, rule)| rule)
}

const CUSTOM_CODE: &str = "Java classes cannot be loaded here";

#[rustfmt::skip]
const TABLE: &[(u8, &str, Rule)] = &[
    // Connections.
    (ALL, "bootstrap.servers", Rule::Converted("bootstrap.servers", servers)),
    (ALL, "client.id", Rule::Same),
    (ALL, "client.rack", Rule::Same),
    (ALL, "client.dns.lookup", Rule::Same),
    (ALL, "reconnect.backoff.ms", Rule::Number { name: "reconnect.backoff.ms", min: 0, max: 3_600_000 }),
    (ALL, "reconnect.backoff.max.ms", Rule::Number { name: "reconnect.backoff.max.ms", min: 0, max: 3_600_000 }),
    (ALL, "retry.backoff.ms", Rule::Number { name: "retry.backoff.ms", min: 1, max: WAIT_MAX }),
    (ALL, "retry.backoff.max.ms", Rule::Number { name: "retry.backoff.max.ms", min: 1, max: WAIT_MAX }),
    (ALL, "request.timeout.ms", Rule::Joint),
    (ALL, "connections.max.idle.ms", Rule::Number { name: "connections.max.idle.ms", min: 0, max: i32::MAX as i64 }),
    (ALL, "socket.connection.setup.timeout.ms", Rule::Number { name: "socket.connection.setup.timeout.ms", min: 1000, max: i32::MAX as i64 }),
    (ALL, "socket.connection.setup.timeout.max.ms", Rule::Ignored),
    (ALL, "send.buffer.bytes", Rule::Number { name: "socket.send.buffer.bytes", min: 0, max: 100_000_000 }),
    (ALL, "receive.buffer.bytes", Rule::Number { name: "socket.receive.buffer.bytes", min: 0, max: 100_000_000 }),
    (ALL, "metadata.max.age.ms", Rule::Joint),
    (ALL, "metadata.recovery.strategy", Rule::Converted("metadata.recovery.strategy", lower_case)),
    (ALL, "metadata.recovery.rebootstrap.trigger.ms", Rule::Number { name: "metadata.recovery.rebootstrap.trigger.ms", min: 0, max: i32::MAX as i64 }),
    (ALL, "enable.metrics.push", Rule::Same),
    (ALL, "default.api.timeout.ms", Rule::Handled),
    (ALL, "metric.reporters", Rule::Ignored),
    (ALL, "auto.include.jmx.reporter", Rule::Ignored),
    (ALL, "interceptor.classes", Rule::Ignored),
    (ALL, "security.providers", Rule::Ignored),
    (ALL, "config.providers", Rule::Ignored),
    (A, "bootstrap.controllers", Rule::Refused("only brokers can be reached")),

    // Security.
    (ALL, "security.protocol", Rule::Joint),
    (ALL, "sasl.mechanism", Rule::Joint),
    (ALL, "sasl.jaas.config", Rule::Joint),
    (ALL, "sasl.client.callback.handler.class", Rule::Refused(CUSTOM_CODE)),
    (ALL, "sasl.login.callback.handler.class", Rule::Refused(CUSTOM_CODE)),
    (ALL, "sasl.login.class", Rule::Refused(CUSTOM_CODE)),
    (ALL, "ssl.protocol", Rule::Ignored),
    (ALL, "ssl.provider", Rule::Ignored),
    (ALL, "ssl.enabled.protocols", Rule::Joint),
    (ALL, "ssl.cipher.suites", Rule::Refused("Java's names of cipher suites cannot be translated")),
    (ALL, "ssl.keystore.type", Rule::Joint),
    (ALL, "ssl.keystore.location", Rule::Joint),
    (ALL, "ssl.keystore.password", Rule::Joint),
    (ALL, "ssl.keystore.key", Rule::Joint),
    (ALL, "ssl.keystore.certificate.chain", Rule::Joint),
    (ALL, "ssl.key.password", Rule::Joint),
    (ALL, "ssl.truststore.type", Rule::Joint),
    (ALL, "ssl.truststore.location", Rule::Joint),
    (ALL, "ssl.truststore.password", Rule::Joint),
    (ALL, "ssl.truststore.certificates", Rule::Joint),
    (ALL, "ssl.keymanager.algorithm", Rule::Ignored),
    (ALL, "ssl.trustmanager.algorithm", Rule::Ignored),
    (ALL, "ssl.secure.random.implementation", Rule::Ignored),
    (ALL, "ssl.endpoint.identification.algorithm", Rule::Joint),
    (ALL, "ssl.engine.factory.class", Rule::Refused(CUSTOM_CODE)),

    // Producers.
    (P, "acks", Rule::Joint),
    (P, "linger.ms", Rule::Number { name: "linger.ms", min: 0, max: 900_000 }),
    (P, "batch.size", Rule::Number { name: "batch.size", min: 1, max: i32::MAX as i64 }),
    (P, "buffer.memory", Rule::Handled),
    (P, "max.block.ms", Rule::Handled),
    (P, "compression.type", Rule::Converted("compression.codec", lower_case)),
    (P, "compression.gzip.level", Rule::Joint),
    (P, "compression.lz4.level", Rule::Joint),
    (P, "compression.zstd.level", Rule::Joint),
    (P, "max.request.size", Rule::Number { name: "message.max.bytes", min: 1000, max: 1_000_000_000 }),
    (P, "delivery.timeout.ms", Rule::Number { name: "delivery.timeout.ms", min: 1, max: i32::MAX as i64 }),
    (P, "retries", Rule::Joint),
    (A, "retries", Rule::Ignored),
    (P, "max.in.flight.requests.per.connection", Rule::Joint),
    (P, "enable.idempotence", Rule::Joint),
    (P, "partitioner.class", Rule::Joint),
    (P, "partitioner.ignore.keys", Rule::Joint),
    (P, "partitioner.adaptive.partitioning.enable", Rule::Ignored),
    (P, "partitioner.availability.timeout.ms", Rule::Ignored),
    (P, "metadata.max.idle.ms", Rule::Ignored),
    (P, "transactional.id", Rule::Same),
    (P, "transaction.timeout.ms", Rule::Number { name: "transaction.timeout.ms", min: 1000, max: i32::MAX as i64 }),
    (P, "transaction.two.phase.commit.enable", Rule::RefusedUnless("false", "two-phase commit is not supported")),
    (P, "key.serializer", Rule::Ignored),
    (P, "value.serializer", Rule::Ignored),

    // Consumers.
    (C, "group.id", Rule::Same),
    (C, "group.instance.id", Rule::Same),
    (C, "group.protocol", Rule::Joint),
    (C, "group.remote.assignor", Rule::Same),
    (C, "auto.offset.reset", Rule::Converted("auto.offset.reset", offset_reset)),
    (C, "isolation.level", Rule::Converted("isolation.level", lower_case)),
    (C, "allow.auto.create.topics", Rule::Same),
    (C, "check.crcs", Rule::Same),
    (C, "enable.auto.commit", Rule::RefusedUnless("false", "the worker commits offsets")),
    (C, "auto.commit.interval.ms", Rule::Ignored),
    (C, "fetch.min.bytes", Rule::Number { name: "fetch.min.bytes", min: 1, max: 100_000_000 }),
    (C, "fetch.max.wait.ms", Rule::Number { name: "fetch.wait.max.ms", min: 0, max: WAIT_MAX }),
    (C, "fetch.max.bytes", Rule::Joint),
    (C, "max.partition.fetch.bytes", Rule::Number { name: "fetch.message.max.bytes", min: 1, max: 1_000_000_000 }),
    (C, "max.poll.records", Rule::Handled),
    (C, "max.poll.interval.ms", Rule::Joint),
    (C, "session.timeout.ms", Rule::Joint),
    (C, "heartbeat.interval.ms", Rule::Joint),
    (C, "partition.assignment.strategy", Rule::Joint),
    (C, "exclude.internal.topics", Rule::RefusedUnless("true", "internal topics are always left out")),
    (C, "key.deserializer", Rule::Ignored),
    (C, "value.deserializer", Rule::Ignored),
];

// === impl Role ===

impl Role {
    fn bit(self) -> u8 {
        match self {
            Self::Producer => P,
            Self::Consumer => C,
            Self::Admin => A,
        }
    }
}

// === impl Translation ===

impl Translation {
    /// Returns a value. Not for showing: it may be secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

impl std::fmt::Debug for Translation {
    /// Shows names alone: which values are secret is not known here.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.settings.iter().map(|(name, _)| name).collect();
        f.debug_struct("Translation").field("settings", &names).field("ignored", &self.ignored).finish()
    }
}

// === impl Output ===

impl Output {
    fn set(&mut self, name: &str, text: impl Into<String>) {
        self.settings.insert(name.to_owned(), text.into());
    }

    fn ignore(&mut self, name: &str) {
        self.ignored.push(name.to_owned());
    }
}

// === impl Rule ===

impl Rule {
    fn apply(&self, java: &str, text: &str, out: &mut Output) -> Result<(), KafkaError> {
        match self {
            Self::Same => out.set(java, text),
            Self::Number { name, min, max } => {
                out.set(name, number(java, text)?.clamp(*min, *max).to_string())
            }
            Self::Converted(name, convert) => {
                out.set(name, convert(text).map_err(|reason| KafkaError::setting(java, reason))?);
            }
            Self::Joint | Self::Handled => {}
            Self::Ignored => out.ignore(java),
            Self::Refused(_) if text.is_empty() => {}
            Self::Refused(reason) => return Err(KafkaError::setting(java, *reason)),
            Self::RefusedUnless(harmless, _) if text.eq_ignore_ascii_case(harmless) => {}
            Self::RefusedUnless(_, reason) => return Err(KafkaError::setting(java, *reason)),
        }
        Ok(())
    }
}

fn number(java: &str, text: &str) -> Result<i64, KafkaError> {
    text.parse().map_err(|_| KafkaError::setting(java, "not a whole number"))
}

fn flag(java: &str, text: &str) -> Result<bool, KafkaError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(KafkaError::setting(java, "neither true nor false")),
    }
}

/// Kafka's lists have spaces after commas; librdkafka's may not.
fn servers(text: &str) -> Result<String, &'static str> {
    let servers: Vec<_> = text.split(',').map(str::trim).filter(|server| !server.is_empty()).collect();
    if servers.is_empty() { Err("no server is named") } else { Ok(servers.join(",")) }
}

fn lower_case(text: &str) -> Result<String, &'static str> {
    Ok(text.to_ascii_lowercase())
}

fn offset_reset(text: &str) -> Result<String, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "earliest" => Ok("earliest".to_owned()),
        "latest" => Ok("latest".to_owned()),
        "none" => Ok("error".to_owned()),
        other if other.starts_with("by_duration:") => Err("a duration is not supported"),
        _ => Err("not one of earliest, latest, none"),
    }
}
