//! The calls of a member, each in the version that both sides have, and what their errors mean.

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
        LeaveGroupRequest, SyncGroupRequest, SyncGroupResponse, join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity, sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::StrBytes,
};

use super::{GroupSettings, member::Membership};
use crate::{
    Failure, FailureKind, KafkaError,
    connection::{Connection, ConnectionError},
};

const PROTOCOL_TYPE: &str = "connect";

/// The newest versions that this client speaks.
const FIND_COORDINATOR: i16 = 6;
const JOIN_GROUP: i16 = 9;
const SYNC_GROUP: i16 = 5;
const HEARTBEAT: i16 = 4;
const LEAVE_GROUP: i16 = 5;

/// How much longer than a round the coordinator's answer to a join is waited for, as Java's clients do.
const JOIN_GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// The longest reason that a broker takes.
const REASON_MAX: usize = 255;

/// What an error of the coordinator asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Ask again at once.
    Again,
    /// It wants to be asked with the name that it gave.
    Named,
    /// It has forgotten this member.
    Unknown,
    /// The member's round is over.
    OldGeneration,
    /// A round is under way.
    Rebalancing,
    /// Ask again later.
    Later,
    /// Another broker is the coordinator.
    Moved,
    /// Nothing that a client can do.
    Fatal,
}

pub(super) async fn find_coordinator(
    connection: &mut Connection,
    settings: &GroupSettings,
) -> Result<(i16, String), ConnectionError> {
    let version = connection.version::<FindCoordinatorRequest>(FIND_COORDINATOR)?;
    let key = text(&settings.group_id);
    let request = match version {
        4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![key]),
        _ => FindCoordinatorRequest::default().with_key(key),
    };
    let answer = connection.call(version, &request, settings.request_timeout).await?;
    let found = match answer.coordinators.first() {
        Some(found) => (found.error_code, format!("{}:{}", found.host.as_str(), found.port)),
        None => (answer.error_code, format!("{}:{}", answer.host.as_str(), answer.port)),
    };
    Ok(found)
}

pub(super) async fn join(
    connection: &mut Connection,
    settings: &GroupSettings,
    member: &str,
    offers: &[(String, Bytes)],
    reason: &str,
) -> Result<JoinGroupResponse, ConnectionError> {
    let version = connection.version::<JoinGroupRequest>(JOIN_GROUP)?;
    let offer = |(name, metadata): &(String, Bytes)| {
        JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(metadata.clone())
    };
    let mut request = JoinGroupRequest::default()
        .with_group_id(GroupId(text(&settings.group_id)))
        .with_session_timeout_ms(millis(settings.session_timeout))
        .with_member_id(text(member))
        .with_protocol_type(StrBytes::from_static_str(PROTOCOL_TYPE))
        .with_protocols(offers.iter().map(offer).collect());
    if version >= 1 {
        request.rebalance_timeout_ms = millis(settings.rebalance_timeout);
    }
    if version >= 8 {
        request.reason = Some(text(&reason[..reason.floor_char_boundary(REASON_MAX)]));
    }
    let waited = settings.request_timeout.max(settings.rebalance_timeout + JOIN_GRACE);
    connection.call(version, &request, waited).await
}

pub(super) async fn sync(
    connection: &mut Connection,
    settings: &GroupSettings,
    membership: &Membership,
    assignments: Vec<(std::sync::Arc<str>, Bytes)>,
) -> Result<SyncGroupResponse, ConnectionError> {
    let version = connection.version::<SyncGroupRequest>(SYNC_GROUP)?;
    let assignment = |(member, bytes): (std::sync::Arc<str>, Bytes)| {
        SyncGroupRequestAssignment::default().with_member_id(text(&member)).with_assignment(bytes)
    };
    let mut request = SyncGroupRequest::default()
        .with_group_id(GroupId(text(&settings.group_id)))
        .with_generation_id(membership.generation)
        .with_member_id(text(&membership.member))
        .with_assignments(assignments.into_iter().map(assignment).collect());
    if version >= 5 {
        request.protocol_type = Some(StrBytes::from_static_str(PROTOCOL_TYPE));
        request.protocol_name = Some(text(&membership.protocol));
    }
    let waited = settings.request_timeout.max(settings.rebalance_timeout + JOIN_GRACE);
    connection.call(version, &request, waited).await
}

pub(super) async fn heartbeat(
    connection: &mut Connection,
    settings: &GroupSettings,
    membership: &Membership,
) -> Result<i16, ConnectionError> {
    let version = connection.version::<HeartbeatRequest>(HEARTBEAT)?;
    let request = HeartbeatRequest::default()
        .with_group_id(GroupId(text(&settings.group_id)))
        .with_generation_id(membership.generation)
        .with_member_id(text(&membership.member));
    // A heartbeat that takes longer than the session is none.
    let waited = settings.request_timeout.min(settings.session_timeout);
    Ok(connection.call(version, &request, waited).await?.error_code)
}

pub(super) async fn leave(
    connection: &mut Connection,
    settings: &GroupSettings,
    member: &str,
    reason: &'static str,
) -> Result<i16, ConnectionError> {
    let version = connection.version::<LeaveGroupRequest>(LEAVE_GROUP)?;
    let request = LeaveGroupRequest::default().with_group_id(GroupId(text(&settings.group_id)));
    let request = match version {
        3.. => {
            let mut member = MemberIdentity::default().with_member_id(text(member));
            if version >= 5 {
                member.reason = Some(StrBytes::from_static_str(reason));
            }
            request.with_members(vec![member])
        }
        _ => request.with_member_id(text(member)),
    };
    // It is sent once, and nobody waits long for a worker that ends.
    let waited = settings.request_timeout.min(settings.session_timeout);
    let answer = connection.call(version, &request, waited).await?;
    let of_member = answer.members.first().map_or(0, |member| member.error_code);
    Ok(if answer.error_code == 0 { of_member } else { answer.error_code })
}

/// Says what an error code asks for.
pub(super) fn judge(code: i16) -> Verdict {
    if code == 0 {
        return Verdict::Fine;
    }
    match ResponseError::try_from_code(code) {
        Some(ResponseError::MemberIdRequired) => Verdict::Named,
        Some(ResponseError::UnknownMemberId) => Verdict::Unknown,
        Some(ResponseError::IllegalGeneration) => Verdict::OldGeneration,
        Some(ResponseError::RebalanceInProgress) => Verdict::Rebalancing,
        Some(ResponseError::CoordinatorLoadInProgress) => Verdict::Later,
        Some(ResponseError::NotCoordinator | ResponseError::CoordinatorNotAvailable) => Verdict::Moved,
        Some(ResponseError::RequestTimedOut | ResponseError::NetworkException) => Verdict::Again,
        _ => Verdict::Fatal,
    }
}

/// Names an error that ends it all, as Java does.
pub(super) fn refused(call: &'static str, code: i16) -> KafkaError {
    let error = ResponseError::try_from_code(code);
    let class = match error {
        Some(ResponseError::InconsistentGroupProtocol) => {
            "org.apache.kafka.common.errors.InconsistentGroupProtocolException"
        }
        Some(ResponseError::InvalidSessionTimeout) => {
            "org.apache.kafka.common.errors.InvalidSessionTimeoutException"
        }
        Some(ResponseError::InvalidGroupId) => "org.apache.kafka.common.errors.InvalidGroupIdException",
        Some(ResponseError::GroupAuthorizationFailed) => {
            "org.apache.kafka.common.errors.GroupAuthorizationException"
        }
        Some(ResponseError::GroupMaxSizeReached) => {
            "org.apache.kafka.common.errors.GroupMaxSizeReachedException"
        }
        Some(ResponseError::UnsupportedVersion) => {
            "org.apache.kafka.common.errors.UnsupportedVersionException"
        }
        _ => "org.apache.kafka.common.KafkaException",
    };
    let reason = match error {
        Some(ResponseError::InconsistentGroupProtocol) => {
            "a member of the group offers no protocol in common with this worker, or the group is one of consumers: see \
             group.id and connect.protocol"
                .to_owned()
        }
        Some(ResponseError::InvalidSessionTimeout) => {
            "the broker does not allow this session.timeout.ms".to_owned()
        }
        Some(error) => error.to_string(),
        None => format!("the broker answered with error {code}"),
    };
    KafkaError::Refused { call, failure: Failure { kind: FailureKind::Fatal, class, reason } }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn millis(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
