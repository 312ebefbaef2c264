//! Plugins that do one odd thing each, and say what they saw.

use async_trait::async_trait;
use millrace_api::{
    Acknowledgement, Acknowledgements, Batch, Blob, Config, ConnectorContext, Converter, Datum, Error,
    PluginInfo, Plugins, Properties, RawHeader, Record, Result, Scalars, SinkConnector, SinkContext,
    SinkTask, SourceConnector, SourceContext, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    TopicOffsets,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

static SAID: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

/// Returns what the plugins of a connector have said.
pub fn said(connector: &str) -> Vec<String> {
    SAID.lock().unwrap().get(connector).cloned().unwrap_or_default()
}

pub fn say(connector: &str, text: impl Into<String>) {
    SAID.lock().unwrap().entry(connector.to_string()).or_default().push(text.into());
}

pub fn register(plugins: &mut Plugins) {
    plugins.source::<Asking>(PluginInfo::connector("test.AskingConnector", "test.AskingTask"));
    plugins.source::<Panicking>(PluginInfo::connector("test.PanickingConnector", "test.PanickingTask"));
    plugins.source::<Clinging>(PluginInfo::connector("test.ClingingConnector", "test.ClingingTask"));
    plugins.source::<Refusing>(PluginInfo::connector("test.RefusingConnector", "test.RefusingTask"));
    plugins.converter::<()>("test.TextConverter", |(), _| Ok(Box::new(TextConverter)));
    plugins.header_converter::<()>("test.TextConverter", |(), _| Ok(Box::new(TextConverter)));
    plugins.sink::<Halving>(PluginInfo::connector("test.HalvingConnector", "test.HalvingTask"));
}

/// Text and nothing else.
struct TextConverter;

impl Converter for TextConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        Ok(datum.value.as_str().map(|text| Blob::from(text.as_bytes())))
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let text = bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(text.map(Datum::string).unwrap_or_default())
    }
}

#[derive(Debug, Config)]
struct Settings {
    /// Where records go.
    topic: String,
    /// How many there are.
    #[config(default = 0)]
    records: i64,
}

/// What all connectors here are: one task with the connector's settings.
macro_rules! one_task {
    ($connector:ident, $task:ty, $start_task:expr) => {
        struct $connector(Properties);

        #[async_trait]
        impl SourceConnector for $connector {
            type Config = Settings;
            type Task = $task;

            async fn start(_: Settings, context: ConnectorContext) -> Result<Self> {
                Ok(Self(context.settings().clone()))
            }

            async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
                Ok(vec![self.0.clone()])
            }

            async fn start_task(settings: Properties, context: SourceContext) -> Result<$task> {
                let start: fn(Properties, SourceContext) -> Result<$task> = $start_task;
                start(settings, context)
            }
        }
    };
}

// === asks what becomes of its records, inside poll ===

one_task!(Asking, AskingTask, |settings, context| {
    let name = settings.get("name").unwrap().to_string();
    let settings = Settings::parse(&settings)?;
    Ok(AskingTask { name, settings, acknowledgements: context.acknowledgements(), phase: Phase::Send })
});

struct AskingTask {
    name: String,
    settings: Settings,
    acknowledgements: Acknowledgements,
    phase: Phase,
}

enum Phase {
    Send,
    Listen,
    Done,
}

#[async_trait]
impl SourceTask for AskingTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        match self.phase {
            Phase::Send => {
                self.phase = Phase::Listen;
                let partition = Arc::new(SourcePartition::new(Scalars::one("name", self.name.as_str())));
                let record = |number: i64| {
                    let record = Record::new(self.settings.topic.as_str(), Datum::string(number.to_string()));
                    let offset = SourceOffset::new(Scalars::one("number", number));
                    SourceRecord::new(record, partition.clone(), offset)
                };
                Ok((0..self.settings.records).map(record).collect())
            }
            Phase::Listen => {
                let (mut heard, mut last) = (0, -1);
                while heard < self.settings.records {
                    if let Acknowledgement::Delivered { metadata, .. } = self.acknowledgements.next().await {
                        heard += 1;
                        last = metadata.unwrap().offset;
                    }
                }
                say(&self.name, format!("poll heard of {heard} records, last offset {last}"));
                while self.acknowledgements.next().await != Acknowledgement::Committed {}
                say(&self.name, "poll heard of a commit");
                self.phase = Phase::Done;
                Ok(Vec::new())
            }
            Phase::Done => std::future::pending().await,
        }
    }
}

// === panics ===

one_task!(Panicking, PanickingTask, |_, _| Ok(PanickingTask));

struct PanickingTask;

#[async_trait]
impl SourceTask for PanickingTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        panic!("this plugin is out of order");
    }
}

// === does not end when it is told to ===

one_task!(Clinging, ClingingTask, |settings, _| Ok(ClingingTask(settings.get("name").unwrap().to_string())));

struct ClingingTask(String);

#[async_trait]
impl SourceTask for ClingingTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        say(&self.0, "polled");
        std::future::pending().await
    }

    async fn stop(self: Box<Self>) -> Result<()> {
        say(&self.0, "stopping");
        std::future::pending().await
    }
}

// === does not start ===

struct Refusing;

#[async_trait]
impl SourceConnector for Refusing {
    type Config = Settings;
    type Task = PanickingTask;

    async fn start(_: Settings, _: ConnectorContext) -> Result<Self> {
        Err(Error::connect("the table is gone"))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        unreachable!("it never started")
    }

    async fn start_task(_: Properties, _: SourceContext) -> Result<PanickingTask> {
        unreachable!("it never started")
    }
}

// === takes half of what it is offered ===

struct Halving(Properties);

#[async_trait]
impl SinkConnector for Halving {
    type Config = ();
    type Task = HalvingTask;

    async fn start(_: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn start_task(settings: Properties, _: SinkContext) -> Result<HalvingTask> {
        Ok(HalvingTask(settings.get("name").unwrap().to_string()))
    }
}

struct HalvingTask(String);

#[async_trait]
impl SinkTask for HalvingTask {
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        let half = batch.len().div_ceil(2);
        batch.take(half).for_each(|record| say(&self.0, record.record.value.value.to_string()));
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }
}
