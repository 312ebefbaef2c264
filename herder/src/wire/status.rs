//! Records of the status topic.

use std::sync::Arc;

use serde_json::Value;

use crate::{event::TaskId, request::State, wire::json};

const TASK: &str = "status-task-";
const CONNECTOR: &str = "status-connector-";
const TOPIC: &str = "status-topic-";
const TOPIC_SEPARATOR: &str = ":connector-";

/// One record of the status topic. Without a status or use it is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusRecord {
    Connector { name: Arc<str>, status: Option<StoredStatus> },
    Task { task: TaskId, status: Option<StoredStatus> },
    Topic { topic: Arc<str>, connector: Arc<str>, used: Option<TopicUse> },
}

/// What a worker wrote about something that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStatus {
    pub state: State,
    pub trace: Option<Arc<str>>,
    pub worker_id: Arc<str>,
    /// The generation of the writer's group when it wrote.
    pub generation: i32,
    /// Of the plugin; known since 4.1.
    pub version: Option<Arc<str>>,
}

/// Who first used a topic, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicUse {
    pub task: u32,
    /// Milliseconds since 1970.
    pub discovered_ms: i64,
}

/// Why a record could not be read. It is skipped.
#[derive(Debug, thiserror::Error)]
pub enum StatusProblem {
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
pub fn encode(record: &StatusRecord) -> (String, Option<Vec<u8>>) {
    match record {
        StatusRecord::Connector { name, status } => {
            (format!("{CONNECTOR}{name}"), status.as_ref().map(put_status))
        }
        StatusRecord::Task { task, status } => (format!("{TASK}{task}"), status.as_ref().map(put_status)),
        StatusRecord::Topic { topic, connector, used } => {
            let value = used.as_ref().map(|used| put_use(topic, connector, used));
            (format!("{TOPIC}{topic}{TOPIC_SEPARATOR}{connector}"), value)
        }
    }
}

/// Reads a record.
pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<StatusRecord, StatusProblem> {
    let key = String::from_utf8_lossy(key.ok_or(StatusProblem::NoKey)?);
    let value = match value.map(json::read) {
        None => None,
        Some(Ok(Value::Null)) => None,
        Some(Ok(value)) => Some(value),
        Some(Err(source)) => {
            return Err(StatusProblem::NotJson { key: key.into_owned(), source });
        }
    };
    let wrong = |reason| StatusProblem::Value { key: key.clone().into_owned(), reason };
    if let Some(name) = key.strip_prefix(CONNECTOR) {
        if name.is_empty() {
            return Err(wrong("it names no connector"));
        }
        let status = value.as_ref().map(status).transpose().map_err(wrong)?;
        return Ok(StatusRecord::Connector { name: name.into(), status });
    }
    if let Some(task) = key.strip_prefix(TASK) {
        let (name, index) = task.rsplit_once('-').ok_or_else(|| wrong("it names no task"))?;
        let index = index.parse::<i32>().ok().and_then(|index| u32::try_from(index).ok());
        let index = index.ok_or_else(|| wrong("it ends with no task number"))?;
        let status = value.as_ref().map(status).transpose().map_err(wrong)?;
        return Ok(StatusRecord::Task { task: TaskId { connector: name.into(), index }, status });
    }
    if let Some(rest) = key.strip_prefix(TOPIC) {
        // No topic has a colon in its name.
        let (topic, _) = rest.split_once(':').ok_or_else(|| wrong("it names no connector"))?;
        let connector = rest[topic.len()..].strip_prefix(TOPIC_SEPARATOR);
        let connector = connector.ok_or_else(|| wrong("it names no connector"))?;
        if topic.is_empty() || connector.is_empty() {
            return Err(wrong("it names no topic or no connector"));
        }
        let used = value.as_ref().map(topic_use).transpose().map_err(wrong)?;
        return Ok(StatusRecord::Topic { topic: topic.into(), connector: connector.into(), used });
    }
    Err(StatusProblem::UnknownKey(key.into_owned()))
}

fn status(value: &Value) -> Result<StoredStatus, &'static str> {
    let value = value.as_object().ok_or("its value is not an object")?;
    let text = |field| value.get(field).and_then(Value::as_str);
    let state = text("state").and_then(State::named).ok_or("it names no state")?;
    let generation = value.get("generation").and_then(Value::as_i64);
    let generation = generation.and_then(|number| i32::try_from(number).ok());
    Ok(StoredStatus {
        state,
        trace: text("trace").map(Arc::from),
        worker_id: text("worker_id").ok_or("worker_id is not a string")?.into(),
        generation: generation.ok_or("generation is not an integer")?,
        version: text("version").map(Arc::from),
    })
}

fn topic_use(value: &Value) -> Result<TopicUse, &'static str> {
    let used = value.get("topic").and_then(Value::as_object).ok_or("topic is not an object")?;
    let task = used.get("task").and_then(Value::as_i64).and_then(|task| u32::try_from(task).ok());
    let discovered_ms = used.get("discoverTimestamp").and_then(Value::as_i64);
    Ok(TopicUse {
        task: task.ok_or("task is no task number")?,
        discovered_ms: discovered_ms.ok_or("discoverTimestamp is not an integer")?,
    })
}

fn put_status(status: &StoredStatus) -> Vec<u8> {
    let mut out = format!("{{\"state\":\"{}\",\"trace\":", status.state);
    put_optional(&mut out, status.trace.as_deref());
    out.push_str(",\"worker_id\":");
    json::put_text(&mut out, &status.worker_id);
    out.push_str(&format!(",\"generation\":{},\"version\":", status.generation));
    put_optional(&mut out, status.version.as_deref());
    out.push('}');
    out.into_bytes()
}

fn put_use(topic: &str, connector: &str, used: &TopicUse) -> Vec<u8> {
    let mut out = String::from("{\"topic\":{\"name\":");
    json::put_text(&mut out, topic);
    out.push_str(",\"connector\":");
    json::put_text(&mut out, connector);
    out.push_str(&format!(",\"task\":{},\"discoverTimestamp\":{}}}}}", used.task, used.discovered_ms));
    out.into_bytes()
}

fn put_optional(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => json::put_text(out, text),
        None => out.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(record: StatusRecord, key: &str, value: Option<&str>) {
        let (written_key, written) = encode(&record);
        assert_eq!(written_key, key);
        assert_eq!(written.as_deref().map(String::from_utf8_lossy).as_deref(), value);
        assert_eq!(decode(Some(key.as_bytes()), value.map(str::as_bytes)).unwrap(), record);
    }

    #[track_caller]
    fn check_refused(key: &str, value: Option<&str>, expected: &str) {
        let problem = decode(Some(key.as_bytes()), value.map(str::as_bytes)).unwrap_err();
        assert_eq!(problem.to_string(), expected);
    }

    fn status(state: State, trace: Option<&str>) -> StoredStatus {
        StoredStatus {
            state,
            trace: trace.map(Arc::from),
            worker_id: "10.0.0.5:8083".into(),
            generation: 7,
            version: Some("4.1.1".into()),
        }
    }

    #[test]
    fn statuses_are_written_as_java_does() {
        check(
            StatusRecord::Connector {
                name: "orders-sink".into(),
                status: Some(status(State::Running, None)),
            },
            "status-connector-orders-sink",
            Some(
                r#"{"state":"RUNNING","trace":null,"worker_id":"10.0.0.5:8083","generation":7,"version":"4.1.1"}"#,
            ),
        );
        let task = TaskId { connector: "orders-sink".into(), index: 1 };
        check(
            StatusRecord::Task { task, status: Some(status(State::Failed, Some("full\n\tat x"))) },
            "status-task-orders-sink-1",
            Some(
                r#"{"state":"FAILED","trace":"full\n\tat x","worker_id":"10.0.0.5:8083","generation":7,"version":"4.1.1"}"#,
            ),
        );
        check(StatusRecord::Connector { name: "a".into(), status: None }, "status-connector-a", None);
        check(
            StatusRecord::Topic {
                topic: "orders".into(),
                connector: "orders-sink".into(),
                used: Some(TopicUse { task: 1, discovered_ms: 1_730_000_123_456 }),
            },
            "status-topic-orders:connector-orders-sink",
            Some(
                r#"{"topic":{"name":"orders","connector":"orders-sink","task":1,"discoverTimestamp":1730000123456}}"#,
            ),
        );
    }

    /// Before 4.1 there was no version.
    #[test]
    fn an_old_status_has_no_version() {
        let value = br#"{"state":"PAUSED","trace":null,"worker_id":"a:1","generation":0}"#;
        let read = decode(Some(b"status-connector-a"), Some(value)).unwrap();
        let StatusRecord::Connector { status: Some(status), .. } = read else { panic!("{read:?}") };
        assert_eq!((status.state, status.version), (State::Paused, None));
    }

    #[test]
    fn broken_records_are_named() {
        check_refused("status-connector-", Some("{}"), "key status-connector-: it names no connector");
        check_refused("status-task-a", None, "key status-task-a: it names no task");
        check_refused("status-task-a-x", None, "key status-task-a-x: it ends with no task number");
        check_refused("status-topic-a", None, "key status-topic-a: it names no connector");
        check_refused(
            "status-topic-:connector-b",
            None,
            "key status-topic-:connector-b: it names no topic or no connector",
        );
        check_refused("status", None, "key status is of no known kind");
        check_refused("status-connector-a", Some("{"), "the value of key status-connector-a is not JSON");
        check_refused("status-connector-a", Some("{}"), "key status-connector-a: it names no state");
        check_refused(
            "status-connector-a",
            Some(r#"{"state":"RUNNING","worker_id":"w","generation":7.0}"#),
            "key status-connector-a: generation is not an integer",
        );
    }
}
