//! Settings that only make sense together: idempotence, time-outs, group protocol, SASL.

use std::collections::BTreeMap;

use millrace_api::Properties;

use super::{METADATA_INTERVAL_MAX, Output, Role, WAIT_MAX, flag, number};
use crate::{KafkaError, jaas};

/// What a fetch response may hold besides the records asked for.
const FETCH_OVERHEAD: i64 = 512;

/// What librdkafka wants to be able to receive at least, whatever `fetch.max.bytes` is.
const RESPONSE_MIN: i64 = 100_000_000;

/// The most requests in flight with which a broker still keeps an idempotent producer's order.
const IDEMPOTENT_IN_FLIGHT_MAX: i64 = 5;

type Java<'a> = BTreeMap<&'a str, &'a str>;

pub(super) fn translate(
    role: Role,
    given: &Properties,
    java: &Java<'_>,
    out: &mut Output,
) -> Result<(), KafkaError> {
    waits(role, java, out)?;
    sasl(java, out)?;
    match role {
        Role::Producer => {
            delivery(given, java, out)?;
            partitioner(java, out)?;
            compression_level(java, out)
        }
        Role::Consumer => {
            fetch_size(java, out)?;
            membership(java, out)
        }
        Role::Admin => Ok(()),
    }
}

fn waits(role: Role, java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    if let Some(text) = java.get("request.timeout.ms") {
        let wait = number("request.timeout.ms", text)?;
        // A fetch that waits for its bytes must not look like a dead broker.
        let fetch_wait =
            java.get("fetch.max.wait.ms").map_or(Ok(500), |text| number("fetch.max.wait.ms", text))?;
        out.set("socket.timeout.ms", wait.max(fetch_wait + 1000).clamp(10, WAIT_MAX).to_string());
        if role == Role::Producer {
            out.set("request.timeout.ms", wait.clamp(1, 900_000).to_string());
        }
    }
    if let Some(text) = java.get("metadata.max.age.ms") {
        let age = number("metadata.max.age.ms", text)?.clamp(10, METADATA_INTERVAL_MAX);
        out.set("topic.metadata.refresh.interval.ms", age.to_string());
        // librdkafka's cache must outlive the interval between refreshes: three of them is its own rule.
        out.set("metadata.max.age.ms", (age * 3).clamp(1, 86_400_000).to_string());
    }
    Ok(())
}

fn delivery(given: &Properties, java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    let text = |name: &str| java.get(name).copied().unwrap_or("");
    let acks = match text("acks") {
        "all" | "-1" => "-1",
        "0" => "0",
        "1" => "1",
        _ => return Err(KafkaError::setting("acks", "not one of all, -1, 0, 1")),
    };
    let retries = number("retries", text("retries"))?.clamp(0, i64::from(i32::MAX));
    let in_flight =
        number("max.in.flight.requests.per.connection", text("max.in.flight.requests.per.connection"))?;
    let transactional = java.get("transactional.id").is_some_and(|id| !id.is_empty());
    let asked = java.get("enable.idempotence").map(|text| flag("enable.idempotence", text)).transpose()?;

    // As in Java: on by default, off when another setting forbids it, an error when both were asked for.
    let conflict = if acks != "-1" {
        Some("needs acks=all")
    } else if retries == 0 {
        Some("needs retries")
    } else if in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
        Some("needs max.in.flight.requests.per.connection of 5 at most")
    } else {
        None
    };
    let idempotent = match (asked, conflict) {
        (Some(true), Some(reason)) => return Err(KafkaError::setting("enable.idempotence", reason)),
        (None, Some(reason)) if transactional => return Err(KafkaError::setting("transactional.id", reason)),
        (Some(false), _) if transactional => {
            return Err(KafkaError::setting("transactional.id", "needs enable.idempotence=true"));
        }
        (Some(asked), _) => asked,
        (None, conflict) => conflict.is_none(),
    };
    debug_assert!(!idempotent || given.get("enable.idempotence") != Some("false"));
    out.set("acks", acks);
    out.set("retries", retries.to_string());
    out.set("max.in.flight.requests.per.connection", in_flight.clamp(1, 1_000_000).to_string());
    out.set("enable.idempotence", idempotent.to_string());
    Ok(())
}

fn partitioner(java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    let ignore_keys = match java.get("partitioner.ignore.keys") {
        Some(text) => flag("partitioner.ignore.keys", text)?,
        None => false,
    };
    let class = java.get("partitioner.class").copied().unwrap_or("");
    let partitioner = match class {
        "" if ignore_keys => "random",
        "" => "murmur2_random",
        // Both spread records evenly without looking at the key.
        "org.apache.kafka.clients.producer.RoundRobinPartitioner" => "random",
        _ => return Err(KafkaError::setting("partitioner.class", super::CUSTOM_CODE)),
    };
    out.set("partitioner", partitioner);
    Ok(())
}

fn compression_level(java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    let codec = java.get("compression.type").copied().unwrap_or("none").to_ascii_lowercase();
    for (of, name) in [
        ("gzip", "compression.gzip.level"),
        ("lz4", "compression.lz4.level"),
        ("zstd", "compression.zstd.level"),
    ] {
        let Some(text) = java.get(name) else { continue };
        let level = number(name, text)?;
        if of == codec {
            out.set("compression.level", level.clamp(-1, 12).to_string());
        }
    }
    Ok(())
}

fn fetch_size(java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    if let Some(text) = java.get("fetch.max.bytes") {
        let most = number("fetch.max.bytes", text)?.clamp(1, i64::from(i32::MAX) - FETCH_OVERHEAD);
        out.set("fetch.max.bytes", most.to_string());
        let response = (most + FETCH_OVERHEAD).clamp(RESPONSE_MIN, i64::from(i32::MAX));
        out.set("receive.message.max.bytes", response.to_string());
    }
    Ok(())
}

fn membership(java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    let protocol = java.get("group.protocol").copied().unwrap_or("classic").to_ascii_lowercase();
    let session =
        java.get("session.timeout.ms").map(|text| number("session.timeout.ms", text)).transpose()?;
    let interval = match java.get("max.poll.interval.ms") {
        Some(text) => number("max.poll.interval.ms", text)?,
        None => 300_000,
    };
    if protocol == "consumer" {
        // The broker decides about sessions, heartbeats and assignment there.
        out.set("group.protocol", protocol);
        out.set("max.poll.interval.ms", interval.clamp(1, 86_400_000).to_string());
        for name in ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"] {
            out.ignore(name);
        }
        return Ok(());
    }
    if protocol != "classic" {
        return Err(KafkaError::setting("group.protocol", "not one of classic, consumer"));
    }
    if java.contains_key("group.remote.assignor") {
        out.settings.remove("group.remote.assignor");
        out.ignore("group.remote.assignor");
    }
    let session = session.unwrap_or(45_000).clamp(1, 3_600_000);
    out.set("session.timeout.ms", session.to_string());
    // librdkafka refuses an interval shorter than the session; Java does not mind.
    out.set("max.poll.interval.ms", interval.clamp(session, 86_400_000).to_string());
    if let Some(text) = java.get("heartbeat.interval.ms") {
        out.set(
            "heartbeat.interval.ms",
            number("heartbeat.interval.ms", text)?.clamp(1, 3_600_000).to_string(),
        );
    }
    let classes = java.get("partition.assignment.strategy").copied().unwrap_or("");
    out.set("partition.assignment.strategy", assignors(classes)?);
    Ok(())
}

/// Translates the classes of assignors. Java may offer eager and cooperative ones together and then acts eagerly;
/// librdkafka may not, so the eager ones are kept then.
fn assignors(classes: &str) -> Result<String, KafkaError> {
    const NAME: &str = "partition.assignment.strategy";
    let mut names = Vec::new();
    for class in classes.split(',').map(str::trim).filter(|class| !class.is_empty()) {
        names.push(match class {
            "org.apache.kafka.clients.consumer.RangeAssignor" | "range" => "range",
            "org.apache.kafka.clients.consumer.RoundRobinAssignor" | "roundrobin" => "roundrobin",
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor" | "cooperative-sticky" => {
                "cooperative-sticky"
            }
            "org.apache.kafka.clients.consumer.StickyAssignor" | "sticky" => {
                return Err(KafkaError::setting(NAME, "the eager sticky assignor is not supported"));
            }
            _ => return Err(KafkaError::setting(NAME, super::CUSTOM_CODE)),
        });
    }
    if names.iter().any(|name| *name != "cooperative-sticky") {
        names.retain(|name| *name != "cooperative-sticky");
    }
    names.dedup();
    if names.is_empty() {
        return Err(KafkaError::setting(NAME, "no assignor is named"));
    }
    Ok(names.join(","))
}

fn sasl(java: &Java<'_>, out: &mut Output) -> Result<(), KafkaError> {
    let protocol = java.get("security.protocol").copied().unwrap_or("PLAINTEXT").to_ascii_lowercase();
    if !["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"].contains(&protocol.as_str()) {
        let reason = "not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL";
        return Err(KafkaError::setting("security.protocol", reason));
    }
    let wanted = protocol.starts_with("sasl_");
    out.set("security.protocol", protocol);
    if !wanted {
        return Ok(());
    }
    // Java's default is GSSAPI.
    let mechanism = java.get("sasl.mechanism").copied().unwrap_or("GSSAPI").to_ascii_uppercase();
    if !["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].contains(&mechanism.as_str()) {
        let reason = "only PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported";
        return Err(KafkaError::setting("sasl.mechanism", reason));
    }
    let Some(text) = java.get("sasl.jaas.config") else {
        return Err(KafkaError::setting("sasl.jaas.config", "missing, and a JAAS file cannot be read"));
    };
    let login = jaas::parse(text).map_err(|reason| KafkaError::setting("sasl.jaas.config", reason))?;
    let (username, password) =
        login.credentials().map_err(|reason| KafkaError::setting("sasl.jaas.config", reason))?;
    out.set("sasl.mechanism", mechanism);
    out.set("sasl.username", username);
    out.set("sasl.password", password);
    Ok(())
}
