//! Plugins for tests of settings, validation and REST: they have definitions and do nothing.
#![allow(dead_code, reason = "the settings are defined and parsed; nothing reads them")]

use async_trait::async_trait;
use millrace_api::{
    Batch, Blob, Config, ConnectorContext, Converter, Datum, Origin, PluginInfo, Plugins, Predicate,
    Properties, RawHeader, Record, Result, SinkConnector, SinkContext, SinkTask, SourceConnector,
    SourceContext, SourceRecord, SourceTask, TopicOffsets, Transform, Validation,
};

/// Returns the registry with one plugin of each kind.
pub(crate) fn plugins() -> Plugins {
    let mut plugins = Plugins::default();
    plugins.source::<Source>(PluginInfo::connector(
        "org.example.LinesSourceConnector",
        "org.example.LinesSourceTask",
    ));
    plugins
        .sink::<Sink>(PluginInfo::connector("org.example.LinesSinkConnector", "org.example.LinesSinkTask"));
    plugins.converter("org.apache.kafka.connect.storage.StringConverter", |_: StringSettings, _| {
        Ok(Box::new(Nothing))
    });
    plugins.header_converter("org.apache.kafka.connect.storage.SimpleHeaderConverter", |(): (), _| {
        Ok(Box::new(Nothing))
    });
    plugins.transform("org.example.Stamp$Value", |_: StampSettings| Ok(Box::new(Nothing)));
    plugins.predicate("org.example.IsOdd", |(): ()| Ok(Box::new(Nothing)));
    plugins
}

#[derive(Debug, Config)]
struct LinesSettings {
    /// File to use.
    #[config(high)]
    file: Option<String>,
    /// Topic to write.
    #[config(high)]
    topic: String,
    /// Most lines in a batch.
    #[config(low, default = 2000)]
    batch_size: i32,
}

#[derive(Debug, Config)]
struct StringSettings {
    /// Name of the character set.
    #[config(high, default = "UTF-8")]
    converter_encoding: String,
}

#[derive(Debug, Config)]
struct StampSettings {
    /// Field to set.
    #[config(high)]
    field: String,
}

struct Source;
struct Sink;
struct Nothing;

#[async_trait]
impl SourceConnector for Source {
    type Config = LinesSettings;
    type Task = Nothing;

    async fn start(_: LinesSettings, _: ConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(Vec::new())
    }

    async fn start_task(_: Properties, _: SourceContext) -> Result<Nothing> {
        Ok(Nothing)
    }

    /// `file=panics` and `file=hangs` do; `file=bad` is refused.
    async fn validate(settings: &Properties, report: &mut Validation) {
        match settings.get("file") {
            Some("panics") => panic!("validation went wrong"),
            Some("hangs") => std::future::pending().await,
            Some("bad") => report.error("file", "this file is bad"),
            _ => {}
        }
    }
}

#[async_trait]
impl SourceTask for Nothing {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl SinkConnector for Sink {
    type Config = ();
    type Task = Nothing;

    async fn start((): (), _: ConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(Vec::new())
    }

    async fn start_task(_: Properties, _: SinkContext) -> Result<Nothing> {
        Ok(Nothing)
    }
}

#[async_trait]
impl SinkTask for Nothing {
    async fn put(&mut self, _: &mut Batch) -> Result<()> {
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }
}

impl Converter for Nothing {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, _: &Datum) -> Result<Option<Blob>> {
        Ok(None)
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], _: Option<&Blob>) -> Result<Datum> {
        Ok(Datum::default())
    }
}

impl Transform for Nothing {
    fn apply(&mut self, record: Record, _: &Origin) -> Result<Option<Record>> {
        Ok(Some(record))
    }
}

impl Predicate for Nothing {
    fn test(&mut self, _: &Record, _: &Origin) -> Result<bool> {
        Ok(true)
    }
}
