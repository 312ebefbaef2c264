//! Which requests are served, in which versions: the one table.

use kafka_protocol::messages::{ApiKey, ApiVersionsResponse, api_versions_response::ApiVersion};
use std::ops::RangeInclusive;

/// Every request that is served, with its lowest and highest version.
///
/// Produce ends before 12, which implies transactions; Fetch before 13, which names topics by id; OffsetCommit and
/// OffsetFetch before 9, which belong to the newer group protocol.
pub const SERVED: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 3, 11),
    (ApiKey::Fetch, 4, 12),
    (ApiKey::ListOffsets, 1, 7),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::OffsetCommit, 2, 8),
    (ApiKey::OffsetFetch, 1, 8),
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 5),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::InitProducerId, 0, 4),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::OffsetDelete, 0, 0),
    (ApiKey::DescribeCluster, 0, 1),
];

/// Returns the versions of a request that are served.
pub fn range(api: ApiKey) -> Option<RangeInclusive<i16>> {
    SERVED.iter().find(|(served, ..)| *served == api).map(|(_, lowest, highest)| *lowest..=*highest)
}

/// Returns the table as clients ask for it.
pub fn response() -> ApiVersionsResponse {
    let version = |(api, lowest, highest): &(ApiKey, i16, i16)| {
        ApiVersion::default().with_api_key(*api as i16).with_min_version(*lowest).with_max_version(*highest)
    };
    ApiVersionsResponse::default().with_api_keys(SERVED.iter().map(version).collect())
}
