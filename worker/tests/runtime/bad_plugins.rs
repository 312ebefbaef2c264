//! Plugins for records that fail.

use super::super::plugins::say;
use async_trait::async_trait;
use millrace_api::{
    Batch, Blob, Config, ConnectorContext, Converter, Datum, Error, Header, PluginInfo, Plugins, Properties,
    RawHeader, Record, Result, Scalars, SinkConnector, SinkContext, SinkRecord, SinkTask, SourceConnector,
    SourceContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, TopicOffsets,
};
use std::{collections::BTreeMap, sync::Arc};

pub fn register(plugins: &mut Plugins) {
    plugins.source::<Listing>(PluginInfo::connector("test.ListingConnector", "test.ListingTask"));
    plugins.sink::<Saying>(PluginInfo::connector("test.SayingConnector", "test.SayingTask"));
    plugins.converter::<()>("test.PickyConverter", |(), _| Ok(Box::new(PickyConverter::default())));
}

// === likes some texts only ===

/// Refuses `bad…`, refuses `flaky-N` N times, and fails for ever, though it calls that passing, for `never`.
#[derive(Default)]
struct PickyConverter {
    refused: BTreeMap<String, u32>,
}

impl PickyConverter {
    fn taste(&mut self, text: &str) -> Result<()> {
        if text.starts_with("bad") {
            return Err(Error::data(format!("I do not like {}", &text[..text.len().min(20)])));
        }
        let patience = match text.strip_prefix("flaky-") {
            Some(times) => times.parse().unwrap(),
            None if text == "never" => u32::MAX,
            None => return Ok(()),
        };
        let refused = self.refused.entry(text.to_owned()).or_default();
        if *refused >= patience {
            return Ok(());
        }
        *refused += 1;
        say("picky", text);
        Err(Error::retry(format!("not yet: {text}")))
    }
}

impl Converter for PickyConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        let Some(text) = datum.value.as_str() else { return Ok(None) };
        self.taste(text)?;
        Ok(Some(Blob::from(text.as_bytes())))
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::default()) };
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.taste(&text)?;
        Ok(Datum::string(text))
    }
}

// === writes a list of values ===

#[derive(Debug, Config)]
struct ListingSettings {
    /// Where records go.
    topic: String,
    /// The values.
    values: Vec<String>,
}

struct Listing(Properties);

#[async_trait]
impl SourceConnector for Listing {
    type Config = ListingSettings;
    type Task = ListingTask;

    async fn start(_: ListingSettings, context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn start_task(settings: Properties, _: SourceContext) -> Result<ListingTask> {
        let name = settings.get("name").unwrap().to_owned();
        Ok(ListingTask { name, settings: Some(ListingSettings::parse(&settings)?) })
    }
}

struct ListingTask {
    name: String,
    settings: Option<ListingSettings>,
}

#[async_trait]
impl SourceTask for ListingTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let Some(ListingSettings { topic, values }) = self.settings.take() else {
            return std::future::pending().await;
        };
        let partition = Arc::new(SourcePartition::new(Scalars::one("name", self.name.as_str())));
        let record = |(number, value): (i64, String)| {
            let mut record = Record::new(topic.as_str(), Datum::string(value));
            record.headers.push(Header { name: "origin".into(), value: Datum::string("list") });
            SourceRecord::new(record, partition.clone(), SourceOffset::new(Scalars::one("number", number)))
        };
        Ok((0..).zip(values).map(record).collect())
    }
}

// === says what it is given ===

struct Saying(Properties);

#[async_trait]
impl SinkConnector for Saying {
    type Config = ();
    type Task = SayingTask;

    async fn start(_: (), context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone()])
    }

    async fn start_task(settings: Properties, context: SinkContext) -> Result<SayingTask> {
        Ok(SayingTask { name: settings.get("name").unwrap().to_owned(), context })
    }
}

struct SayingTask {
    name: String,
    context: SinkContext,
}

#[async_trait]
impl SinkTask for SayingTask {
    /// Reports `refused…`, and awaits the report; one that only listens does not.
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        for record in batch.take_all() {
            let refuses = !self.name.starts_with("hears-");
            if refuses && record.record.value.value.to_string().starts_with("refused") {
                self.report(record).await;
                continue;
            }
            let headers = record.record.headers.iter();
            let headers = headers.map(|header| format!(" {}={}", header.name, header.value.value));
            say(&self.name, format!("{}{}", record.record.value.value, headers.collect::<String>()));
        }
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        Ok(offsets.clone())
    }
}

impl SayingTask {
    async fn report(&self, record: SinkRecord) {
        let error = Error::data(format!("I cannot write {}", record.record.value.value));
        let heard = match self.context.report(record, error) {
            None => "nobody takes reports".to_owned(),
            Some(report) => report.await.map_or_else(|error| error.to_string(), |()| "safe".to_owned()),
        };
        say(&format!("{}-report", self.name), heard);
    }
}
