//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup, and what tools ask about groups.

use super::{Caller, code, disk_failed, text};
use crate::groups::{Description, FirstContact, Identity, Join, Joined, JoinedMember, LeaderResumes, Sync};
use crate::shared::{Shared, lock};
use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// The first version in which a member without an id is told one instead of let in.
const GIVES_ID_SINCE: i16 = 4;
/// The first version that knows protocol types, and where a missing protocol name is null.
const PROTOCOL_TYPE_SINCE: i16 = 7;
/// The first version in which a returning static leader can be told to keep its assignment.
const SKIPS_ASSIGNMENT_SINCE: i16 = 9;
/// The kind of all groups here, in the words of newer clients.
const GROUP_TYPE: &str = "classic";

pub async fn join(
    shared: &Shared,
    caller: &Caller,
    version: i16,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let joined = shared.membership.join(parse_join(caller, version, request)).await;
    match joined {
        Ok(joined) => render_joined(version, joined),
        Err(refused) => JoinGroupResponse::default()
            .with_error_code(refused.error.code())
            .with_member_id(text(&refused.member_id))
            .with_generation_id(-1)
            .with_protocol_name((version < PROTOCOL_TYPE_SINCE).then(StrBytes::default)),
    }
}

pub async fn sync(shared: &Shared, version: i16, request: SyncGroupRequest) -> SyncGroupResponse {
    let assignments = request
        .assignments
        .iter()
        .map(|assigned| (assigned.member_id.to_string(), Bytes::copy_from_slice(&assigned.assignment)));
    let sync = Sync {
        group: request.group_id.to_string(),
        member: identity(&request.member_id, request.group_instance_id.as_ref(), request.generation_id),
        protocol_type: request.protocol_type.as_ref().map(StrBytes::to_string),
        protocol: request.protocol_name.as_ref().map(StrBytes::to_string),
        assignments: assignments.collect(),
    };
    match shared.membership.sync(sync).await {
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
        Ok(synced) => {
            let response = SyncGroupResponse::default().with_assignment(synced.assignment);
            if version < 5 {
                return response;
            }
            response
                .with_protocol_type(Some(text(&synced.protocol_type)))
                .with_protocol_name(Some(text(&synced.protocol)))
        }
    }
}

pub fn heartbeat(shared: &Shared, request: HeartbeatRequest) -> HeartbeatResponse {
    let member = identity(&request.member_id, request.group_instance_id.as_ref(), request.generation_id);
    let alive = shared.membership.ask(|groups, now| groups.heartbeat(now, &request.group_id, &member));
    HeartbeatResponse::default().with_error_code(code(&alive))
}

pub fn leave(shared: &Shared, version: i16, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let group = request.group_id;
    if version < 3 {
        let left = shared.membership.ask(|groups, now| groups.leave(now, &group, &request.member_id, None));
        return LeaveGroupResponse::default().with_error_code(code(&left));
    }
    let mut members = Vec::with_capacity(request.members.len());
    for member in request.members {
        let instance_id = member.group_instance_id.as_ref().map(StrBytes::as_str);
        let left =
            shared.membership.ask(|groups, now| groups.leave(now, &group, &member.member_id, instance_id));
        members.push(
            MemberResponse::default()
                .with_member_id(member.member_id)
                .with_group_instance_id(member.group_instance_id)
                .with_error_code(code(&left)),
        );
    }
    LeaveGroupResponse::default().with_members(members)
}

pub fn list(shared: &Shared, version: i16, request: ListGroupsRequest) -> ListGroupsResponse {
    let mut found: BTreeMap<String, (String, &'static str)> = BTreeMap::new();
    for (group, offsets) in lock(&shared.offsets).groups() {
        found.insert(group.to_owned(), (offsets.protocol_type.clone(), "Empty"));
    }
    shared.membership.ask(|groups, _| {
        for (group, description) in groups.all() {
            found.insert(group.to_owned(), (description.protocol_type, description.state));
        }
    });
    let passes = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let mut groups = Vec::new();
    for (group, (protocol_type, state)) in found {
        if !passes(&request.states_filter, state) || !passes(&request.types_filter, GROUP_TYPE) {
            continue;
        }
        groups.push(
            ListedGroup::default()
                .with_group_id(GroupId(text(&group)))
                .with_protocol_type(text(&protocol_type))
                .with_group_state(if version >= 4 { text(state) } else { StrBytes::default() })
                .with_group_type(if version >= 5 { text(GROUP_TYPE) } else { StrBytes::default() }),
        );
    }
    ListGroupsResponse::default().with_groups(groups)
}

pub fn describe(shared: &Shared, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let describe = |group: GroupId| {
        let with_members = shared.membership.ask(|groups, _| groups.describe(&group));
        let description = with_members.or_else(|| {
            let offsets = lock(&shared.offsets);
            let protocol_type = offsets.group(&group)?.protocol_type.clone();
            Some(Description { state: "Empty", protocol_type, protocol: String::new(), members: Vec::new() })
        });
        let described = DescribedGroup::default().with_group_id(group);
        match description {
            Some(description) => render_description(described, description),
            None => described.with_group_state(text("Dead")),
        }
    };
    DescribeGroupsResponse::default().with_groups(request.groups.into_iter().map(describe).collect())
}

pub fn delete(shared: &Shared, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let delete = |group: GroupId| {
        let outcome = delete_one(shared, &group);
        DeletableGroupResult::default().with_group_id(group).with_error_code(code(&outcome))
    };
    DeleteGroupsResponse::default().with_results(request.groups_names.into_iter().map(delete).collect())
}

fn delete_one(shared: &Shared, group: &str) -> Result<(), ResponseError> {
    let membership = shared.membership.ask(|groups, _| groups.delete(group));
    if membership == Err(ResponseError::NonEmptyGroup) {
        return membership;
    }
    let mut offsets = lock(&shared.offsets);
    if offsets.group(group).is_none() {
        return membership;
    }
    offsets.forget_group(group).map_err(|error| disk_failed("forgetting a group", &error))
}

/// Returns who a member says it is.
pub fn identity(member_id: &StrBytes, instance_id: Option<&StrBytes>, generation: i32) -> Identity {
    Identity {
        member_id: member_id.to_string(),
        instance_id: instance_id.map(StrBytes::to_string),
        generation,
    }
}

/// Copies everything out of the request, so that a member does not keep its frame.
fn parse_join(caller: &Caller, version: i16, request: JoinGroupRequest) -> Join {
    let millis = |millis: i32| Duration::from_millis(millis.try_into().unwrap_or(0));
    let rebalance = if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
    let protocols = request
        .protocols
        .iter()
        .map(|protocol| (protocol.name.to_string(), Bytes::copy_from_slice(&protocol.metadata)));
    Join {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        fresh_id: format!("{}-{}", caller.client_id, uuid::Uuid::new_v4()),
        first_contact: if version >= GIVES_ID_SINCE { FirstContact::GivesId } else { FirstContact::Joins },
        leader_resumes: if version >= SKIPS_ASSIGNMENT_SINCE {
            LeaderResumes::WithoutAssigning
        } else {
            LeaderResumes::Never
        },
        instance_id: request.group_instance_id.as_ref().map(StrBytes::to_string),
        client_id: caller.client_id.clone(),
        client_host: format!("/{}", caller.peer.ip()),
        session_timeout: millis(request.session_timeout_ms),
        rebalance_timeout: millis(rebalance),
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
    }
}

fn render_joined(version: i16, joined: Joined) -> JoinGroupResponse {
    let member = |member: JoinedMember| {
        JoinGroupResponseMember::default()
            .with_member_id(text(&member.member_id))
            .with_group_instance_id(member.instance_id.filter(|_| version >= 5).map(|id| text(&id)))
            .with_metadata(member.metadata)
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_type((version >= PROTOCOL_TYPE_SINCE).then(|| text(&joined.protocol_type)))
        .with_protocol_name(Some(text(&joined.protocol)))
        .with_leader(text(&joined.leader))
        .with_skip_assignment(joined.skips_assignment)
        .with_member_id(text(&joined.member_id))
        .with_members(joined.members.into_iter().map(member).collect())
}

fn render_description(described: DescribedGroup, description: Description) -> DescribedGroup {
    let mut members = Vec::with_capacity(description.members.len());
    for member in description.members {
        members.push(
            DescribedGroupMember::default()
                .with_member_id(text(&member.member_id))
                .with_group_instance_id(member.instance_id.map(|id| text(&id)))
                .with_client_id(text(&member.client_id))
                .with_client_host(text(&member.client_host))
                .with_member_metadata(member.metadata)
                .with_member_assignment(member.assignment),
        );
    }
    described
        .with_group_state(text(description.state))
        .with_protocol_type(text(&description.protocol_type))
        .with_protocol_data(text(&description.protocol))
        .with_members(members)
}
