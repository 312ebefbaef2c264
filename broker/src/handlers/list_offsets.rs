//! ListOffsets: the ends of a log, or the first record at a time.

use super::disk_failed;
use crate::log::batch::LEADER_EPOCH;
use crate::log::{Found, Log};
use crate::shared::{Shared, lock};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// The record with the latest time, in version 7 and later.
const LATEST_TIME: i64 = -3;
const NOT_FOUND: Found = Found { offset: -1, timestamp: -1 };

pub fn list(shared: &Shared, version: i16, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for wanted in &topic.partitions {
            let found = match shared.topics.partition(&topic.name, wanted.partition_index) {
                Some(partition) => find(&mut lock(&partition.log), version, wanted.timestamp),
                None => Err(ResponseError::UnknownTopicOrPartition),
            };
            let response =
                ListOffsetsPartitionResponse::default().with_partition_index(wanted.partition_index);
            partitions.push(match found {
                Ok(found) => response
                    .with_offset(found.offset)
                    .with_timestamp(found.timestamp)
                    .with_leader_epoch(if version >= 4 && found.offset >= 0 { LEADER_EPOCH } else { -1 }),
                Err(error) => response.with_error_code(error.code()),
            });
        }
        topics.push(ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions));
    }
    ListOffsetsResponse::default().with_topics(topics)
}

fn find(log: &mut Log, version: i16, timestamp: i64) -> Result<Found, ResponseError> {
    let found = match timestamp {
        LATEST => return Ok(Found { offset: log.next_offset(), timestamp: -1 }),
        EARLIEST => return Ok(Found { offset: log.start_offset(), timestamp: -1 }),
        LATEST_TIME if version >= 7 => log.find_latest_time(),
        0.. => log.find_time(timestamp),
        _ => return Err(ResponseError::UnsupportedVersion),
    };
    found.map(|found| found.unwrap_or(NOT_FOUND)).map_err(|error| disk_failed("finding records", &error))
}
