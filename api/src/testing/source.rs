//! The contract of sources.

#[cfg(test)]
mod tests;

use super::{FakeSourceHost, GLANCE, PATIENCE, connector::Connector, within};
use crate::{
    Acknowledgement, ConnectorPlugin, OffsetChange, Plugins, Properties, SourceRecord, SourceTask, Support,
    Value, plugins::SourcePlugin,
};
use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How many records the suite works with: enough for several batches where the fixture's settings make them small.
const RECORDS: usize = 12;

/// How many acknowledgements are sent to a waiting task: more than fit into the queue.
const ACKNOWLEDGEMENTS: usize = 10;

/// A source under test, and what it reads.
#[async_trait]
pub trait SourceFixture: Send {
    /// Adds the plugin, as a program does.
    fn register(&self, plugins: &mut Plugins);

    /// Returns the class name, or an alias.
    fn class(&self) -> &str;

    /// Returns settings with which one task reads everything that is fed, from the beginning.
    fn settings(&self) -> Properties;

    /// Makes record number `index` available, counted from 0. A source that makes its records itself needs to do
    /// nothing.
    async fn feed(&mut self, index: usize);

    /// Returns the value that record number `index` has; no two have the same.
    fn value(&self, index: usize) -> Value;

    /// Tells whether records come with offsets from which another task resumes.
    fn resumes(&self) -> Support {
        Support::Supported
    }

    /// Names the settings that the connector adds for a task, such as its share of the tables.
    fn task_settings(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Checks that a source keeps its side of [`SourceConnector`](crate::SourceConnector) and [`SourceTask`].
///
/// # Panics
/// When it does not; the message names the rule.
pub async fn source_contract(mut fixture: impl SourceFixture) {
    let mut plugins = Plugins::default();
    fixture.register(&mut plugins);
    let plugin = plugins.connector(fixture.class()).expect("contract: the class is found by its name");
    let ConnectorPlugin::Source(source) = plugin.clone() else {
        panic!("contract: {} is a source", fixture.class());
    };
    let task_settings = fixture.task_settings();
    let connector = Connector { plugin, settings: fixture.settings(), task_settings };
    connector.check().await;
    let settings = connector.task_config().await;
    let _ = source.exactly_once(&settings);
    let _ = source.transaction_boundaries(&settings);

    let mut suite = Suite { source, settings, fed: 0 };
    suite.check_waiting().await;
    suite.feed(&mut fixture, RECORDS).await;
    let records = suite.check_reading(&fixture).await;
    if fixture.resumes() == Support::Supported {
        suite.check_resuming(&mut fixture, &records).await;
        suite.check_alteration(&records).await;
    }
    suite.check_acknowledgements(&records).await;
    suite.check_stop_at_once().await;
}

struct Suite {
    source: Arc<dyn SourcePlugin>,
    settings: Properties,
    fed: usize,
}

impl Suite {
    async fn feed(&mut self, fixture: &mut impl SourceFixture, count: usize) {
        for _ in 0..count {
            within(PATIENCE, "the fixture feeds a record", fixture.feed(self.fed)).await;
            self.fed += 1;
        }
    }

    async fn start(&self, host: &Arc<FakeSourceHost>) -> Box<dyn SourceTask> {
        let starting = self.source.start_task(self.settings.clone(), host.context());
        within(PATIENCE, "a task starts", starting).await.expect("contract: a task starts")
    }

    /// With nothing there to read yet, a task waits; a waiting poll can be dropped, and the task stops after that.
    async fn check_waiting(&self) {
        let mut task = self.start(&Arc::default()).await;
        let _ = timeout(GLANCE, task.poll()).await;
        stop(task).await;
    }

    /// Records come in order, each with its place.
    async fn check_reading(&self, fixture: &impl SourceFixture) -> Vec<SourceRecord> {
        let mut task = self.start(&Arc::default()).await;
        let records = read(task.as_mut(), self.fed).await;
        stop(task).await;
        let indexes: Vec<_> = (0..self.fed).collect();
        check_records(fixture, &records, &indexes, "polled records");
        if fixture.resumes() == Support::Supported {
            for record in &records {
                let offset = record.origin.as_ref().and_then(|origin| origin.offset.as_ref());
                assert!(offset.is_some(), "contract: each record has an offset: {record:?}");
            }
        }
        records
    }

    /// A task that resumes from any record's offset gives exactly the rest.
    async fn check_resuming(&mut self, fixture: &mut impl SourceFixture, records: &[SourceRecord]) {
        let order: Vec<_> = records.iter().map(|record| index_of(fixture, record, self.fed)).collect();
        for done in 1..records.len() {
            let rest = self.read_after(&records[..done], self.fed - done).await;
            let mut expected = order[done..].to_vec();
            expected.sort_unstable();
            check_records(fixture, &rest, &expected, &format!("records after resuming from number {done}"));
        }
        // From the end, where a record that came twice would be seen before the new one.
        self.feed(fixture, 1).await;
        let last = self.read_after(records, 1).await;
        check_records(fixture, &last, &[self.fed - 1], "records after resuming from the last");
    }

    async fn read_after(&self, done: &[SourceRecord], count: usize) -> Vec<SourceRecord> {
        let host = Arc::<FakeSourceHost>::default();
        host.commit(done);
        let mut task = self.start(&host).await;
        let records = read(task.as_mut(), count).await;
        stop(task).await;
        records
    }

    /// What the task itself gave as an offset is accepted as a change of it, and so is its removal.
    async fn check_alteration(&self, records: &[SourceRecord]) {
        let origin = records.last().and_then(|record| record.origin.clone()).expect("checked before");
        let partition = Some(origin.partition.as_ref().clone());
        for offset in [origin.offset, None] {
            let changes = [OffsetChange { partition: partition.clone(), offset }];
            let altering = self.source.alter_offsets(&self.settings, &changes);
            let altered = within(PATIENCE, "offsets are altered", altering).await;
            assert!(altered.is_ok(), "contract: a task's own offsets can be set: {altered:?}");
        }
    }

    /// A task that asks what became of its records takes it while `poll` waits.
    async fn check_acknowledgements(&self, records: &[SourceRecord]) {
        let host = Arc::<FakeSourceHost>::default();
        host.commit(records);
        let mut task = self.start(&host).await;
        let Some(sender) = host.acknowledgements() else {
            return stop(task).await;
        };
        let telling = async {
            for record in records.iter().cycle().take(ACKNOWLEDGEMENTS) {
                let record = Box::new(record.clone());
                let delivered = Acknowledgement::Delivered { record, metadata: None };
                sender.send(delivered).await.expect("contract: a task keeps the receiver it asked for");
                sender
                    .send(Acknowledgement::Committed)
                    .await
                    .expect("contract: a task keeps the receiver it asked for");
            }
            // An empty queue: the last one was taken too.
            while sender.capacity() < sender.max_capacity() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let polling = async {
            loop {
                task.poll().await.expect("contract: a poll gives records or waits");
                tokio::task::yield_now().await;
            }
        };
        let told = async {
            tokio::select! {
                () = telling => {}
                () = polling => {}
            }
        };
        within(PATIENCE, "acknowledgements are taken while poll waits", told).await;
        stop(task).await;
    }

    /// A task that was never polled stops too.
    async fn check_stop_at_once(&self) {
        stop(self.start(&Arc::default()).await).await;
    }
}

/// Polls until there are so many records or more; those that only move an offset do not count.
async fn read(task: &mut dyn SourceTask, count: usize) -> Vec<SourceRecord> {
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            let batch = task.poll().await.expect("contract: a poll gives records or waits");
            records.extend(batch.into_iter().filter(|record| record.record.is_some()));
            // A source that never waits must not starve the clock.
            tokio::task::yield_now().await;
        }
    };
    let complete = timeout(PATIENCE, reading).await.is_ok();
    assert!(complete, "contract: {count} records come within {PATIENCE:?}, not {}", records.len());
    // A source that makes its records itself has more of them.
    records.truncate(count);
    records
}

async fn stop(task: Box<dyn SourceTask>) {
    let stopped = within(PATIENCE, "a task stops", task.stop()).await;
    stopped.expect("contract: a task stops without an error");
}

/// Checks that these are the records with these numbers, in the order of each source partition.
fn check_records(fixture: &impl SourceFixture, records: &[SourceRecord], expected: &[usize], what: &str) {
    let end = expected.iter().max().map_or(0, |max| max + 1);
    let found: Vec<_> = records.iter().map(|record| index_of(fixture, record, end)).collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "contract: {what} are exactly the expected ones (found {found:?})");
    let mut last = HashMap::new();
    for (record, index) in records.iter().zip(found) {
        let partition = record.origin.as_ref().map(|origin| origin.partition.clone());
        let before = last.insert(partition, index);
        assert!(before < Some(index), "contract: {what} come in order: {index} after {before:?}");
    }
}

/// Returns which record this is.
fn index_of(fixture: &impl SourceFixture, record: &SourceRecord, end: usize) -> usize {
    let value = record.record.as_ref().map(|record| &record.value.value);
    let found = (0..end).find(|index| value == Some(&fixture.value(*index)));
    found.unwrap_or_else(|| panic!("contract: {value:?} is not a record that is expected here"))
}
