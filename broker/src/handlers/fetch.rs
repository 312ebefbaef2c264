//! Fetch: finds what is there, and waits a while when it is too little.

use super::disk_failed;
use crate::log::ReadError;
use crate::shared::{Shared, lock};
use crate::topics::Partition;
use crate::wire::fetch::{Fetched, FetchedPartition, FetchedTopic};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchPartition;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The most record bytes of one answer, whatever the client asks for; a larger first batch is still sent. As in Kafka.
const RESPONSE_BYTES_MAX: usize = 55 * 1024 * 1024;
/// The longest wait of one fetch, whatever the client asks for.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A partition that a client reads from.
struct Target<'a> {
    wanted: &'a FetchPartition,
    partition: Option<Arc<Partition>>,
}

/// Whether records may be more than there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    FirstBatch,
    None,
}

/// What one look at the logs found.
struct Look {
    fetched: Fetched,
    bytes: usize,
    /// Whether a partition has an error, which the client should learn without waiting.
    failed: bool,
}

pub async fn fetch(shared: &Shared, request: FetchRequest) -> Fetched {
    if request.session_id != 0 {
        // None was ever opened, so it is another broker's, or was kept over a restart.
        return Fetched { error: Some(ResponseError::FetchSessionIdNotFound), topics: Vec::new() };
    }
    let wait = Duration::from_millis(request.max_wait_ms.try_into().unwrap_or(0)).min(WAIT_MAX);
    let deadline = Instant::now() + wait;
    let targets: Vec<Vec<Target<'_>>> = request.topics.iter().map(|topic| targets(shared, topic)).collect();
    let first = look(&request, &targets);
    if is_enough(&first, &request) || wait.is_zero() {
        return first.fetched;
    }
    let news = Arc::new(Notify::new());
    let waiting = Waiting::on(&targets, &news);
    loop {
        let look = look(&request, &targets);
        if is_enough(&look, &request) || timeout_at(deadline, news.notified()).await.is_err() {
            drop(waiting);
            return look.fetched;
        }
    }
}

fn targets<'a>(
    shared: &Shared,
    topic: &'a kafka_protocol::messages::fetch_request::FetchTopic,
) -> Vec<Target<'a>> {
    let found = shared.topics.get(&topic.topic);
    let target = |wanted: &'a FetchPartition| Target {
        wanted,
        partition: found.as_ref().and_then(|topic| topic.partition(wanted.partition)),
    };
    topic.partitions.iter().map(target).collect()
}

fn is_enough(look: &Look, request: &FetchRequest) -> bool {
    look.failed || look.bytes >= request.min_bytes.max(0) as usize
}

/// Looks at every partition once. The first with records gives at least one batch, so that readers get on however
/// small their limits are.
fn look(request: &FetchRequest, targets: &[Vec<Target<'_>>]) -> Look {
    let budget = (request.max_bytes.max(0) as usize).min(RESPONSE_BYTES_MAX);
    let mut look = Look { fetched: Fetched::default(), bytes: 0, failed: false };
    for (topic, targets) in request.topics.iter().zip(targets) {
        let mut partitions = Vec::with_capacity(targets.len());
        for target in targets {
            let left = budget.saturating_sub(look.bytes);
            let wanted = (target.wanted.partition_max_bytes.max(0) as usize).min(left);
            let excess = if look.bytes == 0 { Excess::FirstBatch } else { Excess::None };
            let read = read(target, wanted, excess);
            look.bytes += read.records.as_ref().map_or(0, |records| records.length);
            look.failed |= read.error.is_some();
            partitions.push(read);
        }
        look.fetched.topics.push(FetchedTopic { name: topic.topic.0.clone(), partitions });
    }
    look
}

fn read(target: &Target<'_>, bytes_max: usize, excess: Excess) -> FetchedPartition {
    let mut read = FetchedPartition {
        index: target.wanted.partition,
        error: Some(ResponseError::UnknownTopicOrPartition),
        high_watermark: -1,
        start_offset: -1,
        records: None,
    };
    let Some(partition) = &target.partition else { return read };
    let mut log = lock(&partition.log);
    read.high_watermark = log.next_offset();
    read.start_offset = log.start_offset();
    match log.read(target.wanted.fetch_offset, bytes_max) {
        Ok(records) => {
            read.error = None;
            read.records = records.filter(|slice| excess == Excess::FirstBatch || slice.length <= bytes_max);
        }
        Err(ReadError::OutOfRange(_)) => read.error = Some(ResponseError::OffsetOutOfRange),
        Err(ReadError::Disk(error)) => read.error = Some(disk_failed("finding records", &error)),
    }
    read
}

/// A fetch on the lists of the partitions it waits for; leaves them when it ends, however it ends.
struct Waiting<'a> {
    targets: &'a [Vec<Target<'a>>],
    news: &'a Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn on(targets: &'a [Vec<Target<'a>>], news: &'a Arc<Notify>) -> Self {
        let waiting = Self { targets, news };
        waiting.partitions().for_each(|partition| partition.wait(news));
        waiting
    }

    fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.targets.iter().flatten().filter_map(|target| target.partition.as_ref())
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.partitions().for_each(|partition| partition.stop_waiting(self.news));
    }
}
