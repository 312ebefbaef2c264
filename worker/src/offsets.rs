//! The offsets of connectors, read and changed at a user's wish.
//!
//! A source's are in the worker's offset store, a sink's with its consumer group in Kafka.

mod sink;

use crate::{
    clients,
    offset_store::FileOffsetStore,
    providers::{ProviderError, Providers},
};
use bytes::Bytes;
use millrace_api::{
    Altered, ConnectorPlugin, Error, OffsetChange, Plugins, Properties, Scalar, Scalars, SourcePartition,
    plugins::SourcePlugin,
};
use millrace_herder::{OffsetsChange, Refusal, wire::offset};
use millrace_kafka::{Admin, KafkaError};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How long one call to Kafka may take, unless `default.api.timeout.ms` says otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What a user sees of one offset: which partition, and where in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownOffset {
    /// What identifies the partition.
    pub partition: Scalars,
    /// The place in it.
    pub offset: Scalars,
}

/// Reads and changes offsets; cheap to clone.
#[derive(Clone)]
pub struct Offsets {
    /// Every plugin of the program: connectors have a say in changes.
    pub plugins: Arc<Plugins>,
    /// Where source offsets are kept.
    pub store: Arc<FileOffsetStore>,
    /// The brokers of the worker.
    pub bootstrap_servers: String,
    /// The worker's settings, as given.
    pub worker: Arc<Properties>,
    /// What resolves references in the settings of connectors.
    pub providers: Arc<Providers>,
}

/// Why offsets could not be read or changed. The texts are Kafka Connect's.
#[derive(Debug, thiserror::Error)]
pub enum OffsetsError {
    /// A reference in its settings cannot be resolved.
    #[error(transparent)]
    Reference(#[from] ProviderError),
    /// The connector's class is not there.
    #[error(transparent)]
    Class(Error),
    /// Kafka did not give the offsets of a sink.
    #[error("Failed to retrieve consumer group offsets for sink connector {connector}")]
    SinkRead {
        /// Whose.
        connector: Arc<str>,
        /// Why.
        source: KafkaError,
    },
    /// The store holds something else than offsets.
    #[error("Failed to retrieve offsets for source connector {connector}")]
    SourceRead {
        /// Whose.
        connector: Arc<str>,
        /// Why.
        source: offset::OffsetError,
    },
}

impl Offsets {
    /// Returns the offsets of a connector, whatever its state.
    pub async fn read(
        &self,
        name: &Arc<str>,
        config: Arc<Properties>,
    ) -> Result<Vec<ShownOffset>, OffsetsError> {
        let config = &*self.providers.resolve_away(config).await?;
        let class = config.get("connector.class").unwrap_or_default();
        match self.plugins.connector(class).map_err(|error| OffsetsError::Class(error.into()))? {
            ConnectorPlugin::Source(_) => self.read_source(name),
            ConnectorPlugin::Sink(_) => {
                let failed = |source| OffsetsError::SinkRead { connector: name.clone(), source };
                let (admin, limit) = self.admin(name, config).map_err(failed)?;
                let group = clients::sink_group(name, &self.worker, config);
                let offsets = admin.group_offsets(&group, limit).await.map_err(failed)?;
                Ok(offsets.into_iter().map(|(partition, offset)| sink::shown(&partition, offset)).collect())
            }
        }
    }

    fn read_source(&self, name: &Arc<str>) -> Result<Vec<ShownOffset>, OffsetsError> {
        let failed = |source| OffsetsError::SourceRead { connector: name.clone(), source };
        let mut shown = Vec::new();
        for (key, value) in self.store.of_connector(name) {
            let Some(partition) = offset::decode_key(&key).map_err(failed)?.partition else { continue };
            let Some(offset) = offset::decode_offset(&value).map_err(failed)? else { continue };
            shown.push(ShownOffset { partition: partition.entries, offset: offset.entries });
        }
        Ok(shown)
    }

    /// Changes offsets of a connector of which nothing runs. Returns what the user is told.
    pub async fn change(
        &self,
        name: &Arc<str>,
        config: Arc<Properties>,
        change: OffsetsChange,
    ) -> Result<Arc<str>, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::OffsetsFailed(error.to_string().into());
        let config = &*self.providers.resolve_away(config).await.map_err(|error| failed(&error))?;
        let class = config.get("connector.class").unwrap_or_default();
        let verb = if change == OffsetsChange::Reset { "reset" } else { "altered" };
        let altered = match self.plugins.connector(class).map_err(|error| failed(&error))? {
            ConnectorPlugin::Source(plugin) => self.change_source(name, config, &*plugin, change).await,
            ConnectorPlugin::Sink(plugin) => self.change_sink(name, config, &*plugin, change).await,
        };
        Ok(told(altered?, verb).into())
    }

    async fn change_source(
        &self,
        name: &Arc<str>,
        config: &Properties,
        plugin: &dyn SourcePlugin,
        change: OffsetsChange,
    ) -> Result<Altered, Refusal> {
        let failed = |error: &dyn std::error::Error| {
            tracing::error!("modifying the offsets of source connector {name}: {}", chain(error));
            Refusal::OffsetsFailed(
                format!("Failed to modify offsets for source connector {name}: {error}").into(),
            )
        };
        // A key is found by its bytes, so a partition that is known keeps those under which it is stored.
        let mut known = HashMap::new();
        for (key, _) in self.store.of_connector(name) {
            if let Some(partition) = offset::decode_key(&key).map_err(|error| failed(&error))?.partition {
                known.insert(partition.clone(), partition);
            }
        }
        let changes: Vec<OffsetChange> = match change {
            OffsetsChange::Reset => known.values().map(|partition| forget(partition.clone())).collect(),
            OffsetsChange::Alter(changes) => last_of_each(&changes)
                .into_iter()
                .map(|change| OffsetChange {
                    partition: change.partition.map(|given| known.get(&given).cloned().unwrap_or(given)),
                    offset: change.offset,
                })
                .collect(),
        };
        let altered = plugin.alter_offsets(config, &changes).await;
        let altered = altered.map_err(|error| Refusal::OffsetsFailed(error.to_string().into()))?;
        let mut entries: Vec<(Bytes, Option<Bytes>)> = Vec::with_capacity(changes.len());
        for change in &changes {
            let Some(partition) = &change.partition else {
                let text = "The partition for a source connector offset cannot be null or missing";
                return Err(Refusal::WrongOffsets(text.into()));
            };
            let offset = change.offset.as_ref().map(|offset| offset::encode_offset(offset).into());
            entries.push((offset::encode_key(name, partition).into(), offset));
        }
        if !entries.is_empty() {
            self.store.set(entries).await.map_err(|error| failed(&error))?;
        }
        Ok(altered)
    }

    /// Returns a client for calls on behalf of a connector, and how long each may take.
    fn admin(&self, name: &str, config: &Properties) -> Result<(Admin, Duration), KafkaError> {
        let base = clients::Base {
            servers: &self.bootstrap_servers,
            client_id: &format!("connector-adminclient-{name}"),
        };
        let settings = clients::admin_settings(base, &self.worker, config);
        let given = settings.get("default.api.timeout.ms").and_then(|text| text.trim().parse().ok());
        Ok((Admin::connect(&settings)?, given.map_or(CALL_TIMEOUT, Duration::from_millis)))
    }
}

fn forget(partition: SourcePartition) -> OffsetChange {
    OffsetChange { partition: Some(partition), offset: None }
}

/// Of several changes of one partition the last counts, at the place of the first.
fn last_of_each(changes: &[OffsetChange]) -> Vec<OffsetChange> {
    let mut last: Vec<OffsetChange> = Vec::new();
    let mut places = HashMap::new();
    for change in changes {
        match places.get(&change.partition) {
            Some(place) => last[*place] = change.clone(),
            None => {
                places.insert(change.partition.clone(), last.len());
                last.push(change.clone());
            }
        }
    }
    last
}

/// What the user is told; the texts are Kafka Connect's.
fn told(altered: Altered, verb: &str) -> String {
    match altered {
        Altered::Completely => {
            format!("The offsets for this connector have been {verb} successfully")
        }
        Altered::InTheFramework => format!(
            "The Connect framework-managed offsets for this connector have been {verb} successfully. However, if this \
             connector manages offsets externally, they will need to be manually {verb} in the system that the connector \
             uses."
        ),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Returns a scalar as Java's `String.valueOf` shows it.
fn text_of(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Boolean(flag) => flag.to_string(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Float(number) => millrace_api::text::double(*number),
        Scalar::String(text) => text.to_string(),
    }
}
