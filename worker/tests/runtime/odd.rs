//! A source and a sink that do one odd thing in one place, both told by their settings, and two well-behaved ones beside
//! them.

use super::plugins::say;
use async_trait::async_trait;
use millrace_api::{
    Batch, CloseReason, Config, ConnectorContext, Datum, PluginInfo, Plugins, Properties, Record, Result,
    SinkConnector, SinkContext, SinkTask, SourceConnector, SourceContext, SourceRecord, SourceTask,
    TopicOffsets, TopicPartition,
};
use std::{
    collections::BTreeMap,
    io::{PipeWriter, Read},
    sync::Mutex,
    time::Duration,
};

/// What holds the odd ones, by connector; what is taken out goes on.
static HELD: Mutex<BTreeMap<String, Vec<PipeWriter>>> = Mutex::new(BTreeMap::new());

/// Lets a connector's tasks go on that loop or block.
pub fn release(connector: &str) {
    HELD.lock().unwrap().remove(connector);
}

pub fn register(plugins: &mut Plugins) {
    plugins.source::<OddSource>(PluginInfo::connector("test.OddSourceConnector", "test.OddSourceTask"));
    plugins.sink::<OddSink>(PluginInfo::connector("test.OddSinkConnector", "test.OddSinkTask"));
    plugins.source::<Ticking>(PluginInfo::connector("test.TickingConnector", "test.TickingTask"));
    plugins.sink::<Recording>(PluginInfo::connector("test.RecordingConnector", "test.RecordingTask"));
}

/// What is odd about a plugin.
#[derive(Clone)]
struct Oddity {
    name: String,
    /// In which call: `start`, `poll`, `put`, `preCommit`, `stop`, `drop`, or several.
    places: String,
    /// `panic`, `loop`, `block` or `wait`.
    how: String,
}

impl Oddity {
    fn of(settings: &Properties) -> Self {
        let text = |key| settings.get(key).unwrap_or_default().to_string();
        Self { name: text("name"), places: text("odd.place"), how: text("odd.how") }
    }

    async fn act(&self, place: &str) {
        if self.is_odd(place) && self.how == "wait" {
            std::future::pending().await
        }
        self.act_now(place);
    }

    fn act_now(&self, place: &str) {
        if !self.is_odd(place) {
            return;
        }
        say(&self.name, format!("odd in {place}"));
        let (mut reader, writer) = std::io::pipe().unwrap();
        match self.how.as_str() {
            "panic" => panic!("odd in {place}"),
            "loop" => {
                let held = |name: &str| HELD.lock().unwrap().contains_key(name);
                HELD.lock().unwrap().entry(self.name.clone()).or_default().push(writer);
                while held(&self.name) {
                    std::thread::yield_now();
                }
            }
            "block" => {
                HELD.lock().unwrap().entry(self.name.clone()).or_default().push(writer);
                // A system call that comes back when the other end is closed.
                let _ = reader.read(&mut [0]);
            }
            _ => {}
        }
        say(&self.name, format!("went on in {place}"));
    }

    fn is_odd(&self, place: &str) -> bool {
        self.places.split(' ').any(|odd| odd == place)
    }
}

impl Drop for Oddity {
    fn drop(&mut self) {
        if self.is_odd("drop") && self.how == "panic" {
            panic!("odd in drop");
        }
        self.act_now("drop");
    }
}

// === the odd ones ===

struct OddSource(Properties);

struct OddSourceTask(Oddity);

#[async_trait]
impl SourceConnector for OddSource {
    type Config = ();
    type Task = OddSourceTask;

    async fn start(_: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone(); tasks_max])
    }

    async fn start_task(settings: Properties, _: SourceContext) -> Result<OddSourceTask> {
        let task = OddSourceTask(Oddity::of(&settings));
        task.0.act("start").await;
        Ok(task)
    }
}

#[async_trait]
impl SourceTask for OddSourceTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        self.0.act("poll").await;
        std::future::pending().await
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        self.0.act("stop").await;
        Ok(())
    }
}

struct OddSink(Properties);

struct OddSinkTask(Oddity);

#[async_trait]
impl SinkConnector for OddSink {
    type Config = ();
    type Task = OddSinkTask;

    async fn start(_: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn start_task(settings: Properties, _: SinkContext) -> Result<OddSinkTask> {
        let task = OddSinkTask(Oddity::of(&settings));
        task.0.act("start").await;
        Ok(task)
    }
}

#[async_trait]
impl SinkTask for OddSinkTask {
    async fn open(&mut self, _: &[TopicPartition]) -> Result<()> {
        self.0.act("open").await;
        Ok(())
    }

    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        self.0.act("put").await;
        drop(batch.take_all());
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        self.0.act("preCommit").await;
        Ok(offsets.clone())
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        self.0.act("stop").await;
        Ok(())
    }
}

// === a source that never ends ===

struct Ticking(Properties);

struct TickingTask {
    topic: String,
    number: u64,
}

#[derive(Debug, Config)]
struct TickingSettings {
    /// Where numbers go.
    topic: String,
}

#[async_trait]
impl SourceConnector for Ticking {
    type Config = TickingSettings;
    type Task = TickingTask;

    async fn start(_: TickingSettings, context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn start_task(settings: Properties, _: SourceContext) -> Result<TickingTask> {
        Ok(TickingTask { topic: TickingSettings::parse(&settings)?.topic, number: 0 })
    }
}

#[async_trait]
impl SourceTask for TickingTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let record = Record::new(self.topic.as_str(), Datum::string(self.number.to_string()));
        self.number += 1;
        Ok(vec![SourceRecord::without_offset(record)])
    }
}

// === a sink that says everything ===

struct Recording(Properties);

struct RecordingTask(String);

#[async_trait]
impl SinkConnector for Recording {
    type Config = ();
    type Task = RecordingTask;

    async fn start(_: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone(); tasks_max])
    }

    async fn start_task(settings: Properties, _: SinkContext) -> Result<RecordingTask> {
        Ok(RecordingTask(settings.get("name").unwrap().to_string()))
    }
}

#[async_trait]
impl SinkTask for RecordingTask {
    async fn open(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        say(&self.0, format!("open {}", partitions.len()));
        Ok(())
    }

    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        batch.take_all().for_each(|record| say(&self.0, record.record.value.value.to_string()));
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }

    async fn close(&mut self, partitions: &[TopicPartition], reason: CloseReason) -> Result<()> {
        say(&self.0, format!("close {} {reason:?}", partitions.len()));
        Ok(())
    }
}
