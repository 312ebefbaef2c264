//! Records of the config topic.
//!
//! Workers agree when they have read the same log to the same place, so what counts as read matters as much as what
//! was read: see [`Read`].

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use millrace_api::Properties;
use serde_json::{Map, Value};

use crate::{
    config::{ConfigRecord, Target},
    request::{Include, Which},
    session::SessionKey,
    wire::json,
};

const TARGET_STATE: &str = "target-state-";
const CONNECTOR: &str = "connector-";
const TASK: &str = "task-";
const COMMIT: &str = "commit-";
const RESTART: &str = "restart-connector-";
const FENCING: &str = "tasks-fencing-";
const SESSION_KEY: &str = "session-key";
const LOGGER: &str = "logger-cluster-";

/// What became of a record of the topic.
#[derive(Debug)]
pub enum Read {
    Record(ConfigRecord),
    /// It says nothing that is understood, and counts as read.
    Skipped(ConfigProblem),
    /// It is not even JSON: as for Kafka Connect, the log ends where it did before.
    Broken(ConfigProblem),
}

/// Why a record says nothing. The record's place in the topic is known to the caller.
#[derive(Debug, thiserror::Error)]
pub enum ConfigProblem {
    #[error("the value of key {key} is not JSON")]
    NotJson {
        key: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the record has no key")]
    NoKey,
    #[error("key {0} is of no known kind")]
    UnknownKey(String),
    #[error("key {key}: {reason}")]
    Value { key: String, reason: &'static str },
}

/// Returns key and value of a record; a tombstone has no value.
pub fn encode(record: &ConfigRecord) -> (String, Option<Vec<u8>>) {
    match record {
        ConfigRecord::Connector { name, config } => {
            (format!("{CONNECTOR}{name}"), config.as_ref().map(|config| put_properties(config)))
        }
        ConfigRecord::TargetState { name, target } => {
            (format!("{TARGET_STATE}{name}"), target.map(|target| put_target(target).into_bytes()))
        }
        ConfigRecord::TaskConfig { name, index, settings } => {
            (format!("{TASK}{name}-{index}"), Some(put_properties(settings)))
        }
        ConfigRecord::TasksCommitted { name, count } => {
            (format!("{COMMIT}{name}"), Some(format!("{{\"tasks\":{count}}}").into_bytes()))
        }
        ConfigRecord::TasksFenced { name, count } => {
            (format!("{FENCING}{name}"), Some(format!("{{\"task-count\":{count}}}").into_bytes()))
        }
        ConfigRecord::Restart { name, include, which } => {
            let (tasks, failed) = (*include == Include::WithTasks, *which == Which::OnlyFailed);
            let value = format!("{{\"include-tasks\":{tasks},\"only-failed\":{failed}}}");
            (format!("{RESTART}{name}"), Some(value.into_bytes()))
        }
        ConfigRecord::SessionKey(key) => (SESSION_KEY.to_owned(), Some(put_key(key).into_bytes())),
        ConfigRecord::LoggerLevel { logger, level } => {
            let mut out = String::from("{\"level\":");
            json::put_text(&mut out, level);
            out.push('}');
            (format!("{LOGGER}{logger}"), Some(out.into_bytes()))
        }
    }
}

/// Reads a record.
pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Read {
    let key = key.map(String::from_utf8_lossy);
    let shown = || key.as_deref().unwrap_or("(none)").to_owned();
    let value = match value.map(json::read) {
        None => None,
        Some(Ok(Value::Null)) => None,
        Some(Ok(value)) => Some(value),
        Some(Err(source)) => {
            return Read::Broken(ConfigProblem::NotJson { key: shown(), source });
        }
    };
    let Some(key) = key else { return Read::Skipped(ConfigProblem::NoKey) };
    match record(&key, value.as_ref()) {
        Ok(record) => Read::Record(record),
        Err(Wrong::Key) => Read::Skipped(ConfigProblem::UnknownKey(key.into_owned())),
        Err(Wrong::Value(reason)) => Read::Skipped(ConfigProblem::Value { key: key.into_owned(), reason }),
    }
}

/// What is wrong with a record.
enum Wrong {
    Key,
    Value(&'static str),
}

/// The order in which the kinds are tried is part of the format: names are free, and may hold a dash.
fn record(key: &str, value: Option<&Value>) -> Result<ConfigRecord, Wrong> {
    if let Some(name) = key.strip_prefix(TARGET_STATE) {
        let target = value.map(target).transpose()?;
        Ok(ConfigRecord::TargetState { name: name.into(), target })
    } else if let Some(name) = key.strip_prefix(CONNECTOR) {
        let config = value.map(properties).transpose()?;
        Ok(ConfigRecord::Connector { name: name.into(), config })
    } else if let Some(task) = key.strip_prefix(TASK) {
        let (name, index) = task.rsplit_once('-').ok_or(Wrong::Value("it names no task"))?;
        let index = task_index(index).ok_or(Wrong::Value("it ends with no task number"))?;
        Ok(ConfigRecord::TaskConfig { name: name.into(), index, settings: properties(some(value)?)? })
    } else if let Some(name) = key.strip_prefix(COMMIT) {
        Ok(ConfigRecord::TasksCommitted { name: name.into(), count: count(some(value)?, "tasks")? })
    } else if let Some(name) = key.strip_prefix(RESTART) {
        let value = some(value)?;
        let include = if flag(value, "include-tasks")? { Include::WithTasks } else { Include::ConnectorOnly };
        let which = if flag(value, "only-failed")? { Which::OnlyFailed } else { Which::All };
        Ok(ConfigRecord::Restart { name: name.into(), include, which })
    } else if let Some(name) = key.strip_prefix(FENCING) {
        Ok(ConfigRecord::TasksFenced { name: name.into(), count: count(some(value)?, "task-count")? })
    } else if key == SESSION_KEY {
        Ok(ConfigRecord::SessionKey(session_key(some(value)?)?))
    } else if let Some(logger) = key.strip_prefix(LOGGER) {
        let level = object(some(value)?)?.get("level").and_then(Value::as_str);
        let level = level.ok_or(Wrong::Value("level is not a string"))?;
        Ok(ConfigRecord::LoggerLevel { logger: logger.into(), level: level.into() })
    } else {
        Err(Wrong::Key)
    }
}

fn some(value: Option<&Value>) -> Result<&Value, Wrong> {
    value.ok_or(Wrong::Value("its value is null"))
}

fn object(value: &Value) -> Result<&Map<String, Value>, Wrong> {
    value.as_object().ok_or(Wrong::Value("its value is not an object"))
}

/// Java's task numbers have 31 bits.
fn task_index(text: &str) -> Option<u32> {
    text.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok())
}

fn properties(value: &Value) -> Result<Arc<Properties>, Wrong> {
    let entries = object(value)?.get("properties").and_then(Value::as_object);
    let entries = entries.ok_or(Wrong::Value("properties is not an object"))?;
    let mut properties = Properties::new();
    for (name, text) in entries {
        match text {
            Value::Null => properties.insert_null(name.as_str()),
            Value::String(text) => properties.insert(name.as_str(), text.as_str()),
            // No worker writes these; as text they are what was meant.
            Value::Bool(_) | Value::Number(_) => properties.insert(name.as_str(), text.to_string()),
            Value::Array(_) | Value::Object(_) => return Err(Wrong::Value("a property is not a string")),
        }
    }
    Ok(Arc::new(properties))
}

/// The second form of the state knows more words than the first.
fn target(value: &Value) -> Result<Target, Wrong> {
    let value = object(value)?;
    let word = value.get("state.v2").and_then(Value::as_str).or_else(|| value.get("state")?.as_str());
    match word {
        Some("STARTED") => Ok(Target::Started),
        Some("PAUSED") => Ok(Target::Paused),
        Some("STOPPED") => Ok(Target::Stopped),
        Some(_) => Err(Wrong::Value("it names no target state")),
        None => Err(Wrong::Value("state is not a string")),
    }
}

fn count(value: &Value, field: &str) -> Result<u32, Wrong> {
    let count = object(value)?.get(field).and_then(Value::as_i64);
    let count = count.and_then(|count| i32::try_from(count).ok()).and_then(|count| u32::try_from(count).ok());
    count.ok_or(Wrong::Value("it holds no number of tasks"))
}

/// What is missing or of another type counts as not asked for.
fn flag(value: &Value, field: &str) -> Result<bool, Wrong> {
    Ok(object(value)?.get(field).and_then(Value::as_bool).unwrap_or(false))
}

fn session_key(value: &Value) -> Result<SessionKey, Wrong> {
    let value = object(value)?;
    let text = |field| value.get(field).and_then(Value::as_str);
    let bytes = text("key").and_then(|text| STANDARD.decode(text).ok());
    let algorithm = text("algorithm").ok_or(Wrong::Value("algorithm is not a string"))?;
    let created_ms = value.get("creation-timestamp").and_then(Value::as_i64);
    Ok(SessionKey {
        bytes: bytes.ok_or(Wrong::Value("the key is not base64"))?.into(),
        algorithm: algorithm.into(),
        created_ms: created_ms.ok_or(Wrong::Value("creation-timestamp is not an integer"))?,
    })
}

/// The order of the names has no meaning: Java's workers write them in that of whatever map a connector has made.
fn put_properties(properties: &Properties) -> Vec<u8> {
    let mut out = String::from("{\"properties\":{");
    for (place, (name, text)) in properties.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        json::put_text(&mut out, name);
        out.push(':');
        match text {
            Some(text) => json::put_text(&mut out, text),
            None => out.push_str("null"),
        }
    }
    out.push_str("}}");
    out.into_bytes()
}

/// The first word is for workers that know no STOPPED.
fn put_target(target: Target) -> String {
    let (state, state_v2) = match target {
        Target::Started => ("STARTED", "STARTED"),
        Target::Paused => ("PAUSED", "PAUSED"),
        Target::Stopped => ("PAUSED", "STOPPED"),
    };
    format!("{{\"state\":\"{state}\",\"state.v2\":\"{state_v2}\"}}")
}

fn put_key(key: &SessionKey) -> String {
    let mut out = format!("{{\"key\":\"{}\",\"algorithm\":", STANDARD.encode(&key.bytes));
    json::put_text(&mut out, &key.algorithm);
    out.push_str(&format!(",\"creation-timestamp\":{}}}", key.created_ms));
    out
}

#[cfg(test)]
mod tests;
