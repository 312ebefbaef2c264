//! Produce: checks a batch by its header and hands it to the partition's log as it came.

use super::{Answer, disk_failed, text};
use crate::log::batch::{self, BatchFault, BatchHeader, Codec};
use crate::log::records;
use crate::log::{AppendError, Novelty, RecordTime};
use crate::shared::{Shared, lock, wall_millis};
use crate::topics::Topic;
use crate::topics::config::TopicConfig;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, ProduceRequest};
use kafka_protocol::messages::produce_response::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use std::fs::File;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The first version in which clients may send zstd: older ones could not read it back.
const ZSTD_SINCE: i16 = 7;
/// What "the producer's own time" is called in the answer.
const NO_APPEND_TIME: i64 = -1;

/// Why records were not written, with words for clients that can show them.
struct Refusal {
    error: ResponseError,
    why: String,
}

struct Written {
    base_offset: i64,
    start_offset: i64,
    append_time: i64,
    /// What has to be on the disk before the answer, if the options ask for that.
    file: Option<Arc<File>>,
}

pub async fn produce(shared: &Shared, version: i16, request: ProduceRequest) -> Answer {
    let acks = request.acks;
    let transactional = request.transactional_id.is_some();
    let mut files = Vec::new();
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = shared.topics.get(&data.name);
        let mut partitions = Vec::with_capacity(data.partition_data.len());
        for partition in data.partition_data {
            let outcome = check_request(acks, transactional)
                .and_then(|()| append(topic.as_deref(), version, &partition));
            if let Ok(Written { file: Some(file), .. }) = &outcome {
                files.push(Arc::clone(file));
            }
            partitions.push(respond(version, partition.index, outcome));
        }
        topics
            .push(TopicProduceResponse::default().with_name(data.name).with_partition_responses(partitions));
    }
    if let Err(error) = shared.settle(files).await {
        let error = disk_failed("forcing records to the disk", &error);
        for response in topics.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
            response.error_code = error.code();
        }
    }
    if acks == 0 { Answer::Nothing } else { ProduceResponse::default().with_responses(topics).into() }
}

fn check_request(acks: i16, transactional: bool) -> Result<(), Refusal> {
    if !matches!(acks, -1..=1) {
        return Err(refusal(ResponseError::InvalidRequiredAcks, format!("acks={acks} does not exist")));
    }
    if transactional {
        let why = "this broker has no transactions".to_owned();
        return Err(refusal(ResponseError::TransactionalIdAuthorizationFailed, why));
    }
    Ok(())
}

fn append(topic: Option<&Topic>, version: i16, data: &PartitionProduceData) -> Result<Written, Refusal> {
    let found = topic.and_then(|topic| topic.partition(data.index).map(|partition| (topic, partition)));
    let Some((topic, partition)) = found else {
        let error = ResponseError::UnknownTopicOrPartition;
        return Err(refusal(error, error.to_string()));
    };
    let bytes = data.records.as_deref().unwrap_or_default();
    let header = check_batch(bytes, version, &topic.config)?;
    let time =
        if topic.config.has_append_time() { RecordTime::Broker(wall_millis()) } else { RecordTime::Producer };
    let mut log = lock(&partition.log);
    let placed = log.append(bytes, &header, time).map_err(|error| match error {
        AppendError::Refused(error) => refusal(error, error.to_string()),
        AppendError::Disk(error) => {
            refusal(disk_failed("writing records", &error), "the log cannot be written".to_owned())
        }
    })?;
    let start_offset = log.start_offset();
    let file = log.growing_file().ok();
    drop(log);
    if placed.novelty == Novelty::Written {
        partition.wake();
    }
    let append_time = match time {
        RecordTime::Broker(now) => now,
        RecordTime::Producer => NO_APPEND_TIME,
    };
    Ok(Written { base_offset: placed.base_offset, start_offset, append_time, file })
}

/// Checks everything about a batch that can be known without decompressing it, and the keys where each must be there.
fn check_batch(bytes: &[u8], version: i16, config: &TopicConfig) -> Result<BatchHeader, Refusal> {
    let invalid = |why: &dyn std::fmt::Display| refusal(ResponseError::InvalidRecord, why.to_string());
    if let Some(magic) = batch::magic(bytes)
        && magic != 2
    {
        return Err(refusal(ResponseError::InvalidRecord, BatchFault::Magic(magic).to_string()));
    }
    if bytes.len() > config.message_bytes_max() {
        let why = format!("batch of {} bytes is larger than max.message.bytes of the topic", bytes.len());
        return Err(refusal(ResponseError::MessageTooLarge, why));
    }
    let header = BatchHeader::check(bytes).map_err(|fault| match fault {
        BatchFault::Count { .. } | BatchFault::Magic(_) => invalid(&fault),
        BatchFault::Cut | BatchFault::Length(_) | BatchFault::Offset(_) | BatchFault::Checksum => {
            refusal(ResponseError::CorruptMessage, fault.to_string())
        }
    })?;
    if header.size != bytes.len() {
        return Err(invalid(&"a produce request holds exactly one batch for a partition"));
    }
    if header.record_count == 0 || header.record_count != header.last_offset_delta + 1 {
        let (records, last_delta) = (header.record_count, header.last_offset_delta);
        return Err(invalid(&BatchFault::Count { records, last_delta }));
    }
    if header.is_control() {
        return Err(invalid(&"clients may not write control records"));
    }
    if header.is_transactional() {
        return Err(refusal(ResponseError::InvalidTxnState, "this broker has no transactions".to_owned()));
    }
    if header.is_idempotent() && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return Err(invalid(&"batch has a producer id without epoch or sequence"));
    }
    match header.codec() {
        None => Err(refusal(ResponseError::UnsupportedCompressionType, "codec does not exist".to_owned())),
        Some(Codec::Zstd) if version < ZSTD_SINCE => {
            let why = format!("produce version {version} may not carry zstd");
            Err(refusal(ResponseError::UnsupportedCompressionType, why))
        }
        Some(_) if config.is_compacted() => check_keys(bytes, &header).map(|()| header),
        Some(_) => Ok(header),
    }
}

/// Refuses records without a key, which compaction could not tell apart.
fn check_keys(bytes: &[u8], header: &BatchHeader) -> Result<(), Refusal> {
    let mut keyless = None;
    let read = records::visit(bytes, header, |record| {
        if record.key.is_some() {
            return ControlFlow::Continue(());
        }
        keyless = Some(record.offset_delta);
        ControlFlow::Break(())
    });
    if let Err(fault) = read {
        return Err(refusal(ResponseError::CorruptMessage, fault.to_string()));
    }
    match keyless {
        None => Ok(()),
        Some(at) => {
            let why = format!("Compacted topic cannot accept message without key: record {at} of the batch");
            Err(refusal(ResponseError::InvalidRecord, why))
        }
    }
}

fn respond(version: i16, index: i32, outcome: Result<Written, Refusal>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match outcome {
        Ok(written) => response
            .with_base_offset(written.base_offset)
            .with_log_append_time_ms(written.append_time)
            .with_log_start_offset(if version >= 5 { written.start_offset } else { -1 }),
        Err(refusal) => {
            tracing::debug!(partition = index, "records refused: {}", refusal.why);
            response
                .with_error_code(refusal.error.code())
                .with_base_offset(-1)
                .with_log_append_time_ms(NO_APPEND_TIME)
                .with_error_message((version >= 8).then(|| text(&refusal.why)))
        }
    }
}

fn refusal(error: ResponseError, why: String) -> Refusal {
    Refusal { error, why }
}
