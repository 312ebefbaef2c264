//! Requests about records.

use super::client::{Client, text, versions};
use crate::log::batch::Codec;
use crate::log::batch::testing::Sample;
use crate::topics::config::TopicConfig;
use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;

const TOPIC: &str = "data";

pub async fn check(client: &Client) {
    client.shared.topics.create(TOPIC, 1, TopicConfig::default()).unwrap();
    init_producer_id(client).await;
    let written = produce(client).await;
    produce_faults(client).await;
    fetch(client, &written).await;
    list_offsets(client, written.len() as i64).await;
}

async fn init_producer_id(client: &Client) {
    for version in versions(ApiKey::InitProducerId) {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        let response = client.call(version, request.clone()).await;
        assert_eq!((response.error_code, response.producer_id), (0, ProducerId(version.into())));
        let refused =
            client.call(version, request.with_transactional_id(Some(TransactionalId(text("t"))))).await;
        assert_eq!(refused.error_code, ResponseError::TransactionalIdAuthorizationFailed.code());
    }
}

fn produce_request(topic: &str, records: Vec<u8>) -> ProduceRequest {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(Bytes::from(records)));
    let topic =
        TopicProduceData::default().with_name(TopicName(text(topic))).with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(1_000).with_topic_data(vec![topic])
}

/// Produces one record in each version, and returns the batches.
async fn produce(client: &Client) -> Vec<Vec<u8>> {
    let mut written = Vec::new();
    for version in versions(ApiKey::Produce) {
        let mut sample = Sample::of(&[&format!("value {version}")]);
        sample.timestamp = 1_000 + i64::from(version);
        written.push(sample.build());
        let response = client.call(version, produce_request(TOPIC, sample.build())).await;
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(version) - 3));
        let unknown = client.call(version, produce_request("nowhere", sample.build())).await;
        assert_eq!(unknown.responses[0].partition_responses[0].error_code, 3);
    }
    written
}

async fn produce_code(client: &Client, topic: &str, records: Vec<u8>) -> i16 {
    let response = client.call(9, produce_request(topic, records)).await;
    response.responses[0].partition_responses[0].error_code
}

async fn produce_faults(client: &Client) {
    let invalid = ResponseError::InvalidRecord.code();
    let corrupt = ResponseError::CorruptMessage.code();
    let sound = Sample::of(&["a"]).build();
    let change = |at: usize, to: u8| {
        let mut bytes = sound.clone();
        bytes[at] = to;
        bytes
    };
    assert_eq!(produce_code(client, TOPIC, Vec::new()).await, corrupt);
    assert_eq!(produce_code(client, TOPIC, sound[..40].to_vec()).await, corrupt);
    assert_eq!(produce_code(client, TOPIC, change(64, 9)).await, corrupt);
    assert_eq!(produce_code(client, TOPIC, change(16, 1)).await, invalid);
    assert_eq!(produce_code(client, TOPIC, [sound.clone(), sound.clone()].concat()).await, invalid);
    let large = Sample::of(&[&"x".repeat(1_100_000)]).build();
    assert_eq!(produce_code(client, TOPIC, large).await, ResponseError::MessageTooLarge.code());
    let acks = client.call(9, produce_request(TOPIC, sound.clone()).with_acks(2)).await;
    let code = acks.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ResponseError::InvalidRequiredAcks.code());

    let compact = TopicConfig::parse([("cleanup.policy", "compact")]).unwrap();
    client.shared.topics.create("compacted", 1, compact).unwrap();
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let mut sample = Sample::of(&["a", "b"]);
        sample.codec = codec;
        assert_eq!(produce_code(client, "compacted", sample.build()).await, 0, "{codec:?}");
        sample.records[1].0 = None;
        assert_eq!(produce_code(client, "compacted", sample.build()).await, invalid, "{codec:?}");
        assert_eq!(produce_code(client, "created-7", Sample::of(&["a"]).build()).await, 0);
    }
    let silent = client.try_call(9, produce_request("compacted", sound.clone()).with_acks(0)).await;
    assert!(silent.is_none());
    assert_eq!(client.shared.topics.partition("compacted", 0).unwrap().log.lock().unwrap().next_offset(), 11);
}

fn fetch_request(version: i16, topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(TopicName(text(topic))).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(1)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic]);
    if version >= 7 { request.with_session_epoch(-1) } else { request }
}

async fn fetch(client: &Client, written: &[Vec<u8>]) {
    for version in versions(ApiKey::Fetch) {
        let response = client.call(version, fetch_request(version, TOPIC, 3)).await;
        let partition = &response.responses[0].partitions[0];
        let records = partition.records.as_ref().unwrap();
        let count = written.len() as i64;
        assert_eq!((partition.error_code, partition.high_watermark), (0, count));
        assert_eq!(partition.last_stable_offset, count);
        // Only the offset and the leader epoch are the broker's.
        assert_eq!(i64::from_be_bytes(records[..8].try_into().unwrap()), 3);
        assert_eq!(records[16..written[3].len()], written[3][16..]);
        assert_eq!(records.len(), written[3..].iter().map(Vec::len).sum::<usize>());

        let small = client.call(version, fetch_request(version, TOPIC, 3).with_max_bytes(1)).await;
        let first = small.responses[0].partitions[0].records.as_ref().unwrap().len();
        assert_eq!(first, written[3].len(), "one whole batch");

        let end = client.call(version, fetch_request(version, TOPIC, count)).await;
        assert_eq!(end.responses[0].partitions[0].records, Some(Bytes::new()));
        let beyond = client.call(version, fetch_request(version, TOPIC, count + 1)).await;
        assert_eq!(beyond.responses[0].partitions[0].error_code, ResponseError::OffsetOutOfRange.code());
        let unknown = client.call(version, fetch_request(version, "nowhere", 0)).await;
        assert_eq!(unknown.responses[0].partitions[0].error_code, 3);
        let nothing = client.call(version, fetch_request(version, TOPIC, 0).with_topics(Vec::new())).await;
        assert!(nothing.responses.is_empty());
        if version >= 7 {
            let session = client.call(version, fetch_request(version, TOPIC, 0).with_session_id(5)).await;
            assert_eq!(session.error_code, ResponseError::FetchSessionIdNotFound.code());
        }
    }
}

async fn list_offsets(client: &Client, count: i64) {
    for version in versions(ApiKey::ListOffsets) {
        let wanted = |topic: &str, timestamp| {
            let partition = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
            ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(vec![partition])
        };
        let request = ListOffsetsRequest::default().with_topics(vec![
            wanted(TOPIC, -1),
            wanted(TOPIC, -2),
            wanted(TOPIC, 1_005),
            wanted(TOPIC, 9_999),
            wanted("nowhere", -1),
            wanted(TOPIC, -3),
        ]);
        let response = client.call(version, request).await;
        let of = |at: usize| {
            let partition = &response.topics[at].partitions[0];
            (partition.error_code, partition.offset, partition.timestamp)
        };
        assert_eq!([of(0), of(1), of(2), of(3)], [(0, count, -1), (0, 0, -1), (0, 2, 1_005), (0, -1, -1)]);
        assert_eq!(of(4).0, 3);
        let latest = if version >= 7 { (0, count - 1, 1_011) } else { (35, -1, -1) };
        assert_eq!(of(5), latest, "version {version}");
    }
}
