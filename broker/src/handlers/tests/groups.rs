//! Requests about groups and their offsets.

use super::client::{Client, text, versions};
use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

/// A consumer's subscription to the topic `data`.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x04data\xff\xff\xff\xff";

pub async fn check(client: &Client) {
    members(client).await;
    offsets(client).await;
    tools(client).await;
}

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

fn join_request(version: i16, name: &str, member_id: StrBytes) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(SUBSCRIPTION));
    let mut request = JoinGroupRequest::default()
        .with_group_id(group(name))
        .with_session_timeout_ms(10_000)
        .with_member_id(member_id)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    if version >= 1 {
        request = request.with_rebalance_timeout_ms(10_000);
    }
    if version >= 8 { request.with_reason(Some(text("test"))) } else { request }
}

/// Joins a group of its own and returns the member's id.
async fn join(client: &Client, version: i16, name: &str) -> StrBytes {
    let first = client.call(version, join_request(version, name, StrBytes::default())).await;
    let joined = if version >= 4 {
        assert_eq!(first.error_code, ResponseError::MemberIdRequired.code());
        client.call(version, join_request(version, name, first.member_id)).await
    } else {
        first
    };
    assert_eq!(
        (joined.error_code, joined.generation_id, joined.members.len()),
        (0, 1, 1),
        "version {version}"
    );
    assert_eq!((&joined.leader, joined.protocol_name), (&joined.member_id, Some(text("range"))));
    joined.member_id
}

async fn sync(client: &Client, version: i16, name: &str, member_id: &StrBytes) {
    let assigned = SyncGroupRequestAssignment::default()
        .with_member_id(member_id.clone())
        .with_assignment(Bytes::from_static(b"yours"));
    let mut request = SyncGroupRequest::default()
        .with_group_id(group(name))
        .with_generation_id(1)
        .with_member_id(member_id.clone())
        .with_assignments(vec![assigned]);
    if version >= 5 {
        request = request.with_protocol_type(Some(text("consumer"))).with_protocol_name(Some(text("range")));
    }
    let synced = client.call(version, request.clone()).await;
    assert_eq!((synced.error_code, synced.assignment), (0, Bytes::from_static(b"yours")));
    let stale = client.call(version, request.with_generation_id(7)).await;
    assert_eq!(stale.error_code, ResponseError::IllegalGeneration.code());
}

async fn members(client: &Client) {
    for version in versions(ApiKey::JoinGroup) {
        let name = format!("join-{version}");
        join(client, version, &name).await;
        let unknown = client.call(version, join_request(version, &name, text("nobody"))).await;
        assert_eq!(unknown.error_code, ResponseError::UnknownMemberId.code());
        if version >= 5 {
            let request = join_request(version, &format!("static-{version}"), StrBytes::default());
            let joined = client.call(version, request.with_group_instance_id(Some(text("one")))).await;
            assert_eq!(
                (joined.error_code, joined.members[0].group_instance_id.clone()),
                (0, Some(text("one")))
            );
        }
    }
    for version in versions(ApiKey::SyncGroup) {
        let name = format!("sync-{version}");
        let member_id = join(client, 9, &name).await;
        sync(client, version, &name, &member_id).await;
    }
    for version in versions(ApiKey::Heartbeat) {
        let name = format!("sync-{version}");
        let request = HeartbeatRequest::default().with_group_id(group(&name)).with_generation_id(1);
        let response = client.call(version, request.with_member_id(text("nobody"))).await;
        assert_eq!(response.error_code, ResponseError::UnknownMemberId.code());
    }
    for version in versions(ApiKey::LeaveGroup) {
        let name = format!("leave-{version}");
        let member_id = join(client, 9, &name).await;
        let request = LeaveGroupRequest::default().with_group_id(group(&name));
        let request = if version < 3 {
            request.with_member_id(member_id)
        } else {
            let leaving = MemberIdentity::default().with_member_id(member_id);
            request.with_members(vec![leaving, MemberIdentity::default().with_member_id(text("nobody"))])
        };
        let response = client.call(version, request).await;
        let codes: Vec<i16> = response.members.iter().map(|member| member.error_code).collect();
        let expected: &[i16] = if version < 3 { &[] } else { &[0, 25] };
        assert_eq!((response.error_code, &codes[..]), (0, expected));
        assert_eq!(client.shared.membership.ask(|groups, _| groups.describe(&name)).unwrap().state, "Empty");
    }
}

fn commit_request(version: i16, name: &str) -> OffsetCommitRequest {
    let partition = |index, metadata: &str| {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(40 + i64::from(version))
            .with_committed_metadata(Some(text(metadata)));
        if version >= 6 { partition.with_committed_leader_epoch(0) } else { partition }
    };
    let long = "x".repeat(5_000);
    let topic = |name: &str, partitions| {
        OffsetCommitRequestTopic::default().with_name(TopicName(text(name))).with_partitions(partitions)
    };
    OffsetCommitRequest::default()
        .with_group_id(group(name))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![
            topic("data", vec![partition(0, "note"), partition(9, "")]),
            topic("compacted", vec![partition(0, &long)]),
        ])
}

async fn offsets(client: &Client) {
    for version in versions(ApiKey::OffsetCommit) {
        let response = client.call(version, commit_request(version, &format!("offsets-{version}"))).await;
        let codes: Vec<i16> = response
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|it| it.error_code))
            .collect();
        assert_eq!(codes, [0, 3, ResponseError::OffsetMetadataTooLarge.code()], "version {version}");
        let stale = commit_request(version, "join-3").with_generation_id_or_member_epoch(1);
        let response = client.call(version, stale).await;
        assert_eq!(response.topics[0].partitions[0].error_code, ResponseError::UnknownMemberId.code());
    }
    for version in versions(ApiKey::OffsetFetch) {
        if version >= 8 {
            fetch_of_several(client, version).await;
        } else {
            fetch_of_one(client, version).await;
        }
    }
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(TopicName(text("data")))
        .with_partitions(vec![partition]);
    let request = |name: &str| {
        OffsetDeleteRequest::default().with_group_id(group(name)).with_topics(vec![topic.clone()])
    };
    let response = client.call(0, request("offsets-2")).await;
    assert_eq!((response.error_code, response.topics[0].partitions[0].error_code), (0, 0));
    assert!(client.shared.offsets.lock().unwrap().group("offsets-2").is_none());
    let used = client.call(0, request("sync-3")).await;
    let code = used.topics[0].partitions[0].error_code;
    assert_eq!(code, ResponseError::GroupSubscribedToTopic.code());
    let unknown = client.call(0, request("nobody's")).await;
    assert_eq!(unknown.error_code, ResponseError::GroupIdNotFound.code());
}

async fn fetch_of_one(client: &Client, version: i16) {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(text("data")))
        .with_partition_indexes(vec![0, 5]);
    let request =
        OffsetFetchRequest::default().with_group_id(group("offsets-7")).with_topics(Some(vec![topic]));
    let response = client.call(version, request.clone()).await;
    let found: Vec<_> =
        response.topics[0].partitions.iter().map(|it| (it.committed_offset, it.metadata.clone())).collect();
    assert_eq!(found, [(47, Some(text("note"))), (-1, Some(text("")))]);
    if version >= 2 {
        let all = client.call(version, request.with_topics(None)).await;
        assert_eq!((all.topics.len(), all.topics[0].partitions.len()), (1, 1));
    }
}

async fn fetch_of_several(client: &Client, version: i16) {
    let topic = OffsetFetchRequestTopics::default()
        .with_name(TopicName(text("data")))
        .with_partition_indexes(vec![0, 5]);
    let of = |name: &str, topics| {
        OffsetFetchRequestGroup::default().with_group_id(group(name)).with_topics(topics)
    };
    let request = OffsetFetchRequest::default().with_groups(vec![
        of("offsets-7", Some(vec![topic])),
        of("offsets-8", None),
        of("nobody's", None),
    ]);
    let response = client.call(version, request).await;
    let offsets = |at: usize| -> Vec<i64> {
        let group = &response.groups[at];
        group.topics.iter().flat_map(|topic| topic.partitions.iter().map(|it| it.committed_offset)).collect()
    };
    assert_eq!([offsets(0), offsets(1), offsets(2)], [vec![47, -1], vec![48], vec![]]);
}

async fn tools(client: &Client) {
    for version in versions(ApiKey::ListGroups) {
        let mut request = ListGroupsRequest::default();
        let all = client.call(version, request.clone()).await;
        assert!(all.groups.iter().any(|listed| listed.group_id == group("offsets-7")));
        if version >= 4 {
            request = request.with_states_filter(vec![text("Stable")]);
        }
        if version >= 5 {
            request = request.with_types_filter(vec![text("classic")]);
        }
        let stable = client.call(version, request).await;
        assert!(version < 4 || stable.groups.len() < all.groups.len());
    }
    for version in versions(ApiKey::DescribeGroups) {
        let groups = vec![group("sync-3"), group("offsets-7"), group("static-9"), group("nobody's")];
        let response = client.call(version, DescribeGroupsRequest::default().with_groups(groups)).await;
        let states: Vec<_> = response.groups.iter().map(|group| group.group_state.to_string()).collect();
        assert_eq!(states, ["Stable", "Empty", "CompletingRebalance", "Dead"]);
        let member = &response.groups[0].members[0];
        assert_eq!(member.member_assignment, Bytes::from_static(b"yours"));
        assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("tester", "/127.0.0.1"));
    }
    for version in versions(ApiKey::DeleteGroups) {
        let doomed = group(&format!("offsets-{}", 3 + version));
        let groups =
            vec![doomed.clone(), group("sync-3"), group("nobody's"), group(&format!("leave-{version}"))];
        let response = client.call(version, DeleteGroupsRequest::default().with_groups_names(groups)).await;
        let codes: Vec<i16> = response.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [0, 68, 69, 0], "version {version}");
        assert!(client.shared.offsets.lock().unwrap().group(&doomed).is_none());
    }
}
