//! The suite passes a good sink and finds each fault that was planted in one.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::{ConnectorContext, Error, PluginInfo, SinkConnector, SinkContext, Value};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

/// What was written, by the name in the settings.
static TARGETS: LazyLock<Mutex<HashMap<String, Vec<i64>>>> = LazyLock::new(Mutex::default);

/// Takes half of what it is offered into a buffer and writes it before a commit; has the fault that its settings name.
struct Half {
    context: ConnectorContext,
}

struct HalfTask {
    fault: String,
    target: String,
    broken: Option<String>,
    buffer: Vec<i64>,
}

#[async_trait]
impl SinkConnector for Half {
    type Config = ();
    type Task = HalfTask;

    async fn start(_config: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self { context })
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        let settings = self.context.settings();
        let count = if settings.get("fault") == Some("ignores tasks.max") { 2 } else { tasks_max };
        Ok(vec![settings.clone(); count])
    }

    async fn start_task(settings: Properties, _context: SinkContext) -> Result<HalfTask> {
        let setting = |name| settings.get(name).map(str::to_string);
        let (fault, target) = (setting("fault").unwrap(), setting("name").unwrap());
        if fault == "clears the target" {
            TARGETS.lock().unwrap().remove(&target);
        }
        Ok(HalfTask { fault, target, broken: setting("broken"), buffer: Vec::new() })
    }
}

#[async_trait]
impl SinkTask for HalfTask {
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.is_empty() {
            return match self.fault.as_str() {
                "wants records" => Err(Error::connect("no records")),
                _ => Ok(()),
            };
        }
        let half = batch.len().div_ceil(2);
        match self.fault.as_str() {
            "takes nothing" => return Ok(()),
            "hangs in put" => std::future::pending().await,
            "takes the last first" => {
                let first = batch.iter().next().unwrap().clone();
                batch.retain(|record| *record == first);
                return Ok(());
            }
            "loses a record" => drop(batch.take_first()),
            "adds a record" => batch.append([record(1000, 0, Datum::default())]),
            _ => {}
        }
        self.buffer.extend(batch.take(half).map(|record| number(&record.record.value.value)));
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        if self.broken.is_some() {
            return match self.fault.as_str() {
                "keeps failures to itself" => Ok(offsets.clone()),
                "says nothing of failures" => Ok(TopicOffsets::new()),
                _ => Err(Error::connect("broken")),
            };
        }
        let mut safe = offsets.clone();
        match self.fault.as_str() {
            "commits before it writes" => return Ok(safe),
            "never commits" => return Ok(TopicOffsets::new()),
            "commits too much" => safe.values_mut().for_each(|offset| offset.offset += 1),
            "commits what is not its own" => {
                safe.insert(partition(7), TopicOffset::at(0));
            }
            _ => {}
        }
        let mut targets = TARGETS.lock().unwrap();
        let target = targets.entry(self.target.clone()).or_default();
        target.append(&mut self.buffer.clone());
        if self.fault != "writes again" {
            self.buffer.clear();
        }
        Ok(safe)
    }

    async fn close(&mut self, _partitions: &[TopicPartition], _reason: CloseReason) -> Result<()> {
        match self.fault.as_str() {
            "fails to close" => Err(Error::connect("no")),
            _ => Ok(()),
        }
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        match self.fault.as_str() {
            "never stops" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Int64(number) => *number,
        other => panic!("{other:?} is not of the suite"),
    }
}

struct Fixture {
    fault: &'static str,
}

#[async_trait]
impl SinkFixture for Fixture {
    fn register(&self, plugins: &mut Plugins) {
        plugins.sink::<Half>(PluginInfo::connector("test.HalfConnector", "test.HalfTask"));
    }

    fn class(&self) -> &str {
        "test.HalfConnector"
    }

    fn settings(&self) -> Properties {
        Properties::from([("name", self.fault), ("fault", self.fault)])
    }

    fn value(&self, index: usize) -> Datum {
        Datum::schemaless(Value::Int64(index as i64))
    }

    async fn written(&mut self) -> Vec<usize> {
        let targets = TARGETS.lock().unwrap();
        targets.get(self.fault).into_iter().flatten().map(|number| *number as usize).collect()
    }

    fn broken(&self) -> Option<Properties> {
        let mut settings = self.settings();
        settings.insert("broken", "yes");
        Some(settings)
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_takes_half_is_offered_the_rest() {
    sink_contract(Fixture { fault: "none" }).await;
}

macro_rules! finds {
    ($($name:ident: $fault:literal => $message:literal;)*) => { $(
        #[tokio::test(start_paused = true)]
        #[should_panic(expected = $message)]
        async fn $name() {
            sink_contract(Fixture { fault: $fault }).await;
        }
    )* };
}

finds! {
    too_many_tasks: "ignores tasks.max" => "at most tasks.max=1 tasks, not 2";
    a_sink_that_wants_records: "wants records" => "an empty batch is no error";
    a_sink_that_takes_nothing: "takes nothing" => "records are taken after";
    a_put_that_hangs: "hangs in put" => "put returns within";
    a_gap_in_what_is_taken: "takes the last first" => "records of a partition are taken from the first on";
    a_lost_record: "loses a record" => "exactly what was taken is written";
    an_added_record: "adds a record" => "adds none";
    a_commit_before_the_write: "commits before it writes" => "exactly what was taken is written";
    a_sink_that_never_commits: "never commits" => "becomes safe to commit";
    a_commit_of_too_much: "commits too much" => "no more than it was given";
    a_commit_of_others: "commits what is not its own" => "no more than it was given";
    a_double_write: "writes again" => "exactly what was taken is written";
    a_cleared_target: "clears the target" => "exactly what was taken is written";
    a_hidden_failure: "keeps failures to itself" => "nothing that was not written is safe to commit";
    an_untold_failure: "says nothing of failures" => "a write that fails is an error";
    a_failing_close: "fails to close" => "partitions are closed";
    a_task_that_never_stops: "never stops" => "a task stops within";
}
