//! The suite passes a good source and finds each fault that was planted in one.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::{
    Acknowledgements, ConnectorContext, Datum, Error, PluginInfo, Record, Result, Scalar, Scalars,
    SourceConnector, SourceContext, SourceOffset, SourcePartition,
};
use std::sync::{LazyLock, Mutex};
use tokio::sync::watch;

/// How many numbers each source may give, by the name in its settings.
static FED: LazyLock<Mutex<HashMap<String, watch::Sender<usize>>>> = LazyLock::new(Mutex::default);

fn fed(name: &str) -> watch::Sender<usize> {
    FED.lock().unwrap().entry(name.to_string()).or_default().clone()
}

/// Gives the numbers from 0 as far as they are fed; has the fault that its settings name.
struct Numbers {
    context: ConnectorContext,
}

struct NumbersTask {
    fault: String,
    next: i64,
    fed: watch::Receiver<usize>,
    acknowledgements: Acknowledgements,
}

#[async_trait]
impl SourceConnector for Numbers {
    type Config = ();
    type Task = NumbersTask;

    async fn start(_config: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self { context })
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        let given = self.context.settings();
        let mut config = given.clone();
        let fault = given.get("fault").unwrap_or_default();
        match fault {
            "adds a default" => config.insert("batch.size", "100"),
            "drops what it does not know" => {
                config = [("name", given.get("name").unwrap()), ("fault", fault)].into_iter().collect();
            }
            "trims texts" => {
                config = given.iter().map(|(name, text)| (name, text.unwrap_or_default().trim())).collect();
            }
            "forgets secrets" => {
                config.insert("some.secret", "hunter2");
            }
            "counts its calls" => {
                static CALLS: Mutex<usize> = Mutex::new(0);
                *CALLS.lock().unwrap() += 1;
                config.insert("allowed", CALLS.lock().unwrap().to_string());
            }
            _ => {}
        }
        let count = if fault == "ignores tasks.max" { 3 } else { tasks_max.min(2) };
        Ok(vec![config; count])
    }

    async fn start_task(settings: Properties, context: SourceContext) -> Result<NumbersTask> {
        let fault = settings.get("fault").unwrap_or_default().to_string();
        let stored = context.offset(&partition()).await?;
        let stored = stored.and_then(|offset| offset.entries.get("next").cloned());
        let next = match stored {
            Some(Scalar::Integer(next)) => next,
            _ => 0,
        };
        let next = match fault.as_str() {
            "repeats the last record" => (next - 1).max(0),
            "skips a record" if next > 0 => next + 1,
            "always starts again" => 0,
            _ => next,
        };
        let fed = fed(settings.get("name").unwrap()).subscribe();
        Ok(NumbersTask { fault, next, fed, acknowledgements: context.acknowledgements() })
    }

    async fn alter_offsets(settings: &Properties, _changes: &[OffsetChange]) -> Result<crate::Altered> {
        match settings.get("fault") {
            Some("refuses its own offsets") => Err(Error::connect("no")),
            _ => Ok(crate::Altered::Completely),
        }
    }
}

#[async_trait]
impl SourceTask for NumbersTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        if self.fault == "hangs in poll" {
            std::future::pending::<()>().await;
        }
        while *self.fed.borrow() as i64 <= self.next {
            if self.fault == "does not look at acknowledgements" {
                self.fed.changed().await.unwrap();
                continue;
            }
            tokio::select! {
                changed = self.fed.changed() => changed.unwrap(),
                _ = self.acknowledgements.next() => {}
            }
        }
        // Batches of three.
        let end = (*self.fed.borrow() as i64).min(self.next + 3);
        let mut records: Vec<_> = (self.next..end).map(|number| self.record(number)).collect();
        if self.fault == "mixes the order" {
            records.reverse();
        }
        self.next = end;
        Ok(records)
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        match self.fault.as_str() {
            "never stops" => std::future::pending().await,
            "fails to stop" => Err(Error::connect("no")),
            _ => Ok(()),
        }
    }
}

impl NumbersTask {
    fn record(&self, number: i64) -> SourceRecord {
        let record = Record::new("numbers", Datum::schemaless(Value::Int64(number)));
        let next = match self.fault.as_str() {
            "gives no offsets" => return SourceRecord::without_offset(record),
            "gives one offset to a batch" => (number / 3 + 1) * 3,
            _ => number + 1,
        };
        let offset = SourceOffset::new(Scalars::one("next", next));
        SourceRecord::new(record, Arc::new(partition()), offset)
    }
}

fn partition() -> SourcePartition {
    SourcePartition::new(Scalars::one("source", "numbers"))
}

struct Fixture {
    fault: &'static str,
}

#[async_trait]
impl SourceFixture for Fixture {
    fn register(&self, plugins: &mut Plugins) {
        plugins.source::<Numbers>(PluginInfo::connector("test.NumbersConnector", "test.NumbersTask"));
    }

    fn class(&self) -> &str {
        "Numbers"
    }

    fn settings(&self) -> Properties {
        Properties::from([("name", self.fault), ("fault", self.fault)])
    }

    async fn feed(&mut self, index: usize) {
        fed(self.fault).send_replace(index + 1);
    }

    fn value(&self, index: usize) -> Value {
        Value::Int64(index as i64)
    }

    fn task_settings(&self) -> Vec<&'static str> {
        vec!["allowed"]
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_source_passes() {
    source_contract(Fixture { fault: "none" }).await;
}

macro_rules! finds {
    ($($name:ident: $fault:literal => $message:literal;)*) => { $(
        #[tokio::test(start_paused = true)]
        #[should_panic(expected = $message)]
        async fn $name() {
            source_contract(Fixture { fault: $fault }).await;
        }
    )* };
}

finds! {
    an_added_default: "adds a default" => "nothing is added to task settings";
    a_dropped_setting: "drops what it does not know" => "task settings keep some.";
    a_changed_setting: "trims texts" => "task settings do not change some.";
    a_forgotten_secret: "forgets secrets" => "task settings keep the mark of a secret";
    changing_task_settings: "counts its calls" => "the same settings give the same task settings";
    too_many_tasks: "ignores tasks.max" => "at most tasks.max=1 tasks, not 3";
    a_missing_offset: "gives no offsets" => "each record has an offset";
    an_offset_of_a_batch: "gives one offset to a batch" => "11 records come within";
    a_record_that_comes_twice: "repeats the last record" => "records after resuming from number 1";
    a_lost_record: "skips a record" => "records come within";
    a_start_from_the_beginning: "always starts again" => "records after resuming from number 1";
    a_mixed_order: "mixes the order" => "polled records come in order";
    silence: "hangs in poll" => "12 records come within";
    unread_acknowledgements: "does not look at acknowledgements" => "acknowledgements are taken while poll waits";
    refused_offsets: "refuses its own offsets" => "a task's own offsets can be set";
    a_task_that_never_stops: "never stops" => "a task stops within";
    a_task_that_fails_to_stop: "fails to stop" => "a task stops without an error";
}
