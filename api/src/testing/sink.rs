//! The contract of sinks.

#[cfg(test)]
mod tests;

use super::{FakeSinkHost, PATIENCE, connector::Connector, within};
use crate::{
    Batch, Class, CloseReason, ConnectorPlugin, Datum, Plugins, Properties, Record, Result, SinkRecord,
    SinkTask, TimestampType, TopicOffset, TopicOffsets, TopicPartition, plugins::SinkPlugin,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How many records one batch of the suite has.
const BATCH: usize = 10;

/// How often a batch is offered to a task that leaves some of it, or fails in a way that may pass.
const OFFERS_MAX: usize = 200;

/// The wait between two offers of the same records, as a worker would have one.
const OFFER_WAIT: Duration = Duration::from_millis(20);

const TOPIC: &str = "contract";

/// A sink under test, and a way to see what it wrote.
#[async_trait]
pub trait SinkFixture: Send {
    /// Adds the plugin, as a program does.
    fn register(&self, plugins: &mut Plugins);

    /// Returns the class name, or an alias.
    fn class(&self) -> &str;

    /// Returns settings with which `pre_commit` writes everything that was taken.
    fn settings(&self) -> Properties;

    /// Returns the value of record number `index`, counted from 0; no two are the same.
    fn value(&self, index: usize) -> Datum {
        Datum::string(format!("record {index}"))
    }

    /// Returns the numbers of the records that are written, in the order in which they are found. One whose target has no
    /// order sorts them.
    async fn written(&mut self) -> Vec<usize>;

    /// Returns settings of a target that cannot be written to: a full disk, a server that refuses.
    fn broken(&self) -> Option<Properties>;

    /// Names the settings that the connector adds for a task.
    fn task_settings(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Checks that a sink keeps its side of [`SinkConnector`](crate::SinkConnector) and [`SinkTask`].
///
/// # Panics
/// When it does not; the message names the rule.
pub async fn sink_contract(mut fixture: impl SinkFixture) {
    let mut plugins = Plugins::default();
    fixture.register(&mut plugins);
    let plugin = plugins.connector(fixture.class()).expect("contract: the class is found by its name");
    let ConnectorPlugin::Sink(sink) = plugin.clone() else {
        panic!("contract: {} is a sink", fixture.class());
    };
    let task_settings = fixture.task_settings();
    let connector = Connector { plugin, settings: fixture.settings(), task_settings };
    connector.check().await;
    let settings = connector.task_config().await;

    let mut suite = Suite { sink, settings, offered: 0 };
    suite.check_stop_at_once().await;
    suite.check_writing(&mut fixture).await;
    suite.check_rebalance(&mut fixture).await;
    if let Some(broken) = fixture.broken() {
        suite.check_broken(&fixture, broken).await;
    }
    suite.check_alteration().await;
}

struct Suite {
    sink: Arc<dyn SinkPlugin>,
    settings: Properties,
    /// How many records were made: the number of the next one.
    offered: usize,
}

/// A task and what its worker knows of it.
struct Running {
    task: Box<dyn SinkTask>,
    host: Arc<FakeSinkHost>,
    /// The places after the records that were taken.
    taken: TopicOffsets,
}

impl Suite {
    async fn start(&self, settings: &Properties) -> Result<Running> {
        let host = FakeSinkHost::assigning([]);
        let starting = self.sink.start_task(settings.clone(), host.context());
        let task = within(PATIENCE, "a task starts", starting).await?;
        Ok(Running { task, host, taken: TopicOffsets::new() })
    }

    async fn started(&self) -> Running {
        self.start(&self.settings).await.expect("contract: a task starts")
    }

    /// Makes records, in turn for each of the partitions.
    fn records(&mut self, fixture: &impl SinkFixture, partitions: &[i32], count: usize) -> Vec<SinkRecord> {
        let numbers = self.offered..self.offered + count;
        self.offered += count;
        numbers
            .map(|index| record(index, partitions[index % partitions.len()], fixture.value(index)))
            .collect()
    }

    /// A task that was given nothing stops.
    async fn check_stop_at_once(&self) {
        self.started().await.stop().await;
    }

    /// Everything offered is taken in the end, and is there when its offset is safe to commit; a task that starts again
    /// keeps what is there.
    async fn check_writing(&mut self, fixture: &mut impl SinkFixture) {
        for _ in 0..2 {
            let mut running = self.started().await;
            running.open(&[0, 1]).await;
            running.offer(Vec::new()).await.expect("contract: an empty batch is no error");
            for _ in 0..2 {
                let records = self.records(fixture, &[0, 1], BATCH);
                running.offer(records).await.expect("contract: records are written");
                running.offer(Vec::new()).await.expect("contract: an empty batch is no error");
            }
            running.commit().await;
            self.check_written(fixture, "after pre_commit").await;
            running.check_commit_of_nothing().await;
            running.close(&[0, 1], CloseReason::Stop).await;
            running.stop().await;
        }
    }

    /// A partition that is taken away is left alone, and the others go on.
    async fn check_rebalance(&mut self, fixture: &mut impl SinkFixture) {
        let mut running = self.started().await;
        running.open(&[0, 1]).await;
        let records = self.records(fixture, &[0, 1], BATCH);
        running.offer(records).await.expect("contract: records are written");
        running.commit().await;
        running.close(&[0], CloseReason::Revoked).await;
        let records = self.records(fixture, &[1], BATCH);
        running.offer(records).await.expect("contract: records are written after a rebalance");
        running.commit().await;
        running.open(&[2]).await;
        let records = self.records(fixture, &[1, 2], BATCH);
        running.offer(records).await.expect("contract: records of a new partition are written");
        running.commit().await;
        self.check_written(fixture, "after rebalances").await;
        // Nothing of this task may be committed any more; it ends all the same.
        running.close(&[1, 2], CloseReason::Lost).await;
        running.stop().await;
    }

    async fn check_written(&self, fixture: &mut impl SinkFixture, when: &str) {
        let written = within(PATIENCE, "the fixture sees what is written", fixture.written()).await;
        let expected: Vec<_> = (0..self.offered).collect();
        assert_eq!(written, expected, "contract: exactly what was taken is written, in order, {when}");
    }

    /// A failed write is an error, no offset of it is safe, and the task stops.
    async fn check_broken(&mut self, fixture: &impl SinkFixture, broken: Properties) {
        let Ok(mut running) = self.start(&broken).await else { return };
        running.open(&[0]).await;
        let records = self.records(fixture, &[0], BATCH);
        let put = running.offer(records).await;
        let taken = running.taken.clone();
        let committed = within(PATIENCE, "pre_commit returns", running.task.pre_commit(&taken)).await;
        let safe = committed.as_ref().map_or(0, TopicOffsets::len);
        assert_eq!(safe, 0, "contract: nothing that was not written is safe to commit");
        let failed = put.is_err() || committed.is_err();
        assert!(failed, "contract: a write that fails is an error of put or pre_commit");
        running.close(&[0], CloseReason::Stop).await;
        running.stop().await;
    }

    async fn check_alteration(&self) {
        let changes = BTreeMap::from([(partition(0), Some(0)), (partition(1), None)]);
        // Whether it may is the sink's choice; that it answers is not.
        let _ =
            within(PATIENCE, "offsets are altered", self.sink.alter_offsets(&self.settings, &changes)).await;
    }
}

impl Running {
    async fn open(&mut self, numbers: &[i32]) {
        let partitions: Vec<_> = numbers.iter().copied().map(partition).collect();
        let mut assignment = crate::SinkHost::assignment(self.host.as_ref());
        assignment.extend(partitions.iter().cloned());
        self.host.assign(assignment);
        let opened = within(PATIENCE, "open returns", self.task.open(&partitions)).await;
        opened.expect("contract: partitions are opened");
    }

    async fn close(&mut self, numbers: &[i32], reason: CloseReason) {
        let partitions: Vec<_> = numbers.iter().copied().map(partition).collect();
        let closed = within(PATIENCE, "close returns", self.task.close(&partitions, reason)).await;
        closed.expect("contract: partitions are closed");
        self.taken.retain(|partition, _| !partitions.contains(partition));
        let left = crate::SinkHost::assignment(self.host.as_ref());
        self.host.assign(left.into_iter().filter(|partition| !partitions.contains(partition)));
    }

    async fn stop(self) {
        let stopped = within(PATIENCE, "a task stops", self.task.stop()).await;
        stopped.expect("contract: a task stops without an error");
    }

    /// Offers records until all are taken, as a worker does: what is left comes again, after a while.
    async fn offer(&mut self, records: Vec<SinkRecord>) -> Result<()> {
        let mut batch = Batch::new(records);
        let mut last = Ok(());
        for _ in 0..OFFERS_MAX {
            let before: Vec<_> = batch.iter().cloned().collect();
            let put = within(PATIENCE, "put returns", self.task.put(&mut batch)).await;
            self.note_taken(&before, &batch);
            match put {
                Err(error) if !matches!(error.class(), Class::Retry { .. }) => return Err(error),
                Ok(()) if batch.is_empty() => return Ok(()),
                left => last = left,
            }
            tokio::time::sleep(OFFER_WAIT).await;
        }
        last?;
        panic!("contract: records are taken after {OFFERS_MAX} offers ({} are left)", batch.len());
    }

    /// Counts what was taken: of each partition the first ones, so that an offset says what is behind it.
    fn note_taken(&mut self, before: &[SinkRecord], left: &Batch) {
        for record in before {
            let of_partition = |other: &&SinkRecord| other.partition == record.partition;
            let first_left = left.iter().find(of_partition).map(|record| record.offset);
            let kept =
                left.iter().any(|other| (other.partition, other.offset) == (record.partition, record.offset));
            if !kept {
                let in_order = first_left.is_none_or(|first| record.offset < first);
                assert!(in_order, "contract: records of a partition are taken from the first on");
                self.taken.insert(partition(record.partition), TopicOffset::at(record.offset + 1));
            }
        }
        let ours = left.iter().all(|record| before.contains(record));
        assert!(ours, "contract: a task leaves records of the batch and adds none");
    }

    /// Commits until everything that was taken is safe.
    async fn commit(&mut self) {
        for _ in 0..OFFERS_MAX {
            let safe = self.pre_commit(&self.taken.clone()).await;
            if safe == self.taken {
                return;
            }
            self.offer(Vec::new()).await.expect("contract: an empty batch is no error");
            tokio::time::sleep(OFFER_WAIT).await;
        }
        panic!("contract: everything that was taken becomes safe to commit");
    }

    /// Without records nothing is there to commit, whatever was written before.
    async fn check_commit_of_nothing(&mut self) {
        self.pre_commit(&TopicOffsets::new()).await;
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> TopicOffsets {
        let safe = within(PATIENCE, "pre_commit returns", self.task.pre_commit(offsets)).await;
        let safe = safe.expect("contract: written records can be committed");
        for (partition, offset) in &safe {
            let given = offsets.get(partition).map(|given| given.offset);
            assert!(
                given.is_some_and(|given| offset.offset <= given),
                "contract: pre_commit returns no more than it was given: {partition} at {}, given {given:?}",
                offset.offset
            );
        }
        safe
    }
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, number)
}

/// Record numbers serve as offsets: they grow within a partition, with gaps, as those of compacted topics do.
fn record(index: usize, partition: i32, value: Datum) -> SinkRecord {
    let offset = i64::try_from(index).expect("the suite makes few records");
    let mut record = Record::new(TOPIC, value);
    record.partition = Some(partition);
    record.timestamp = Some(1_700_000_000_000 + offset);
    record.timestamp_type = TimestampType::CreateTime;
    SinkRecord { record, topic: TOPIC.into(), partition, offset }
}
