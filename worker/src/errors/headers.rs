//! What goes into a dead letter queue: the record as it was, and why it failed.

use super::{Failure, settings::ContextHeaders};
use bytes::Bytes;
use millrace_api::Blob;
use millrace_herder::TaskId;
use millrace_kafka::{Incoming, Outgoing};
use std::sync::Arc;

/// Returns what a dead letter queue gets for a consumed message: its own bytes and headers, and behind them those that say
/// where and why it failed. Headers of an earlier failure stay.
pub fn dead_letter(
    topic: &Arc<str>,
    message: Incoming,
    task: &TaskId,
    failure: &Failure,
    context: ContextHeaders,
) -> Outgoing {
    let bytes = |blob: Option<Blob>| blob.as_ref().map(Blob::to_bytes);
    let headers = message.headers.into_iter();
    let mut headers: Vec<_> = headers.map(|(name, value)| (name, bytes(value))).collect();
    if context == ContextHeaders::Added {
        let place = [
            ("__connect.errors.topic", message.topic.to_string()),
            ("__connect.errors.partition", message.partition.to_string()),
            ("__connect.errors.offset", message.offset.to_string()),
        ];
        headers.extend(place.map(|(name, value)| text(name, value)));
        headers.extend(reasons(task, failure));
    }
    Outgoing {
        topic: topic.clone(),
        partition: None,
        timestamp: message.timestamp.filter(|timestamp| *timestamp >= 0),
        key: bytes(message.key),
        value: bytes(message.value),
        headers,
    }
}

/// Returns the headers that say in which task, in what and why a record failed, in Kafka Connect's order.
pub fn reasons(task: &TaskId, failure: &Failure) -> impl Iterator<Item = (Arc<str>, Option<Bytes>)> {
    let all = [
        ("__connect.errors.connector.name", task.connector.to_string()),
        ("__connect.errors.task.id", task.index.to_string()),
        ("__connect.errors.stage", failure.stage.name().to_owned()),
        ("__connect.errors.class.name", failure.class.to_string()),
        ("__connect.errors.exception.class.name", failure.error.java_class().to_owned()),
        ("__connect.errors.exception.message", failure.error.to_string()),
        ("__connect.errors.exception.stacktrace", failure.trace()),
    ];
    all.into_iter().map(|(name, value)| text(name, value))
}

fn text(name: &'static str, value: String) -> (Arc<str>, Option<Bytes>) {
    (name.into(), Some(Bytes::from(value)))
}
