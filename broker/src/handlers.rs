//! What each request does: one file per family.

mod cluster;
mod configs;
mod fetch;
mod groups;
mod list_offsets;
mod offsets;
mod produce;
mod producer_ids;
#[cfg(test)]
pub mod tests;
mod topics;

use crate::shared::Shared;
use crate::wire::fetch::Fetched;
use crate::wire::versions;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{RequestKind, ResponseKind};
use kafka_protocol::protocol::StrBytes;
use std::net::SocketAddr;

/// Who sent a request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub peer: SocketAddr,
    /// The address under which the client found the broker; it is told to use the same.
    pub reached: SocketAddr,
    pub client_id: String,
}

/// What goes back to a client.
#[derive(Debug)]
pub enum Answer {
    Message(Box<ResponseKind>),
    Fetch(Fetched),
    /// A produce request with `acks=0` gets none.
    Nothing,
}

impl<T: Into<ResponseKind>> From<T> for Answer {
    fn from(message: T) -> Self {
        Self::Message(Box::new(message.into()))
    }
}

/// Answers a request. Every answer of the broker comes from here.
pub async fn answer(shared: &Shared, caller: &Caller, version: i16, request: RequestKind) -> Answer {
    match request {
        RequestKind::ApiVersions(_) => versions::response().into(),
        RequestKind::Metadata(request) => cluster::metadata(shared, caller, version, request).into(),
        RequestKind::DescribeCluster(_) => cluster::describe(shared, caller).into(),
        RequestKind::FindCoordinator(request) => cluster::find_coordinator(caller, version, request).into(),
        RequestKind::Produce(request) => produce::produce(shared, version, request).await,
        RequestKind::InitProducerId(request) => producer_ids::init(shared, request).into(),
        RequestKind::Fetch(request) => Answer::Fetch(fetch::fetch(shared, request).await),
        RequestKind::ListOffsets(request) => list_offsets::list(shared, version, request).into(),
        RequestKind::CreateTopics(request) => topics::create(shared, version, request).into(),
        RequestKind::DeleteTopics(request) => topics::delete(shared, version, request).into(),
        RequestKind::CreatePartitions(request) => topics::widen(shared, request).into(),
        RequestKind::DescribeConfigs(request) => configs::describe(shared, version, request).into(),
        RequestKind::JoinGroup(request) => groups::join(shared, caller, version, request).await.into(),
        RequestKind::SyncGroup(request) => groups::sync(shared, version, request).await.into(),
        RequestKind::Heartbeat(request) => groups::heartbeat(shared, request).into(),
        RequestKind::LeaveGroup(request) => groups::leave(shared, version, request).into(),
        RequestKind::ListGroups(request) => groups::list(shared, version, request).into(),
        RequestKind::DescribeGroups(request) => groups::describe(shared, request).into(),
        RequestKind::DeleteGroups(request) => groups::delete(shared, request).into(),
        RequestKind::OffsetCommit(request) => offsets::commit(shared, request).await.into(),
        RequestKind::OffsetFetch(request) => offsets::fetch(shared, version, request).into(),
        RequestKind::OffsetDelete(request) => offsets::delete(shared, request).into(),
        other => unreachable!("{other:?} is not in the table of served versions"),
    }
}

/// Returns the code of an outcome, 0 for success.
fn code<T>(outcome: &Result<T, ResponseError>) -> i16 {
    outcome.as_ref().err().map_or(0, ResponseError::code)
}

/// Copies text into a message.
fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Says in the log what failed on the disk, and returns what the client is told.
fn disk_failed(doing: &str, error: &dyn std::fmt::Display) -> ResponseError {
    tracing::error!("{doing} failed: {error}");
    ResponseError::KafkaStorageError
}
