//! Creates the topics that a task's records go to for the first time, when its connector says how.

use super::{Host, POLL_RETRY, Running};
use crate::{
    task::{Services, TaskSpec, kafka_error},
    topic_creation::{Groups, Shown, is_asked_for},
};
use millrace_api::{Class, Error, Properties, Result};
use millrace_kafka::{Admin, FailureKind, KafkaError, NewTopic, Outgoing};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;
use tracing::{info, warn};

/// How long one call may take, unless the clients' `default.api.timeout.ms` says otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

const EXISTS: &str = "org.apache.kafka.common.errors.TopicExistsException";

/// Sees to it that topics exist.
pub(super) struct Topics {
    groups: Groups,
    admin: Admin,
    /// Which brokers, for errors.
    servers: String,
    call_timeout: Duration,
    /// Topics that are known to exist. A task writes to few of them.
    known: HashSet<Arc<str>>,
}

// === impl Topics ===

impl Topics {
    /// Returns what creates a task's topics; none when the worker or the connector does not ask for it.
    pub(super) fn of(spec: &TaskSpec, services: &Services) -> Result<Option<Self>> {
        if !services.creates_topics || !is_asked_for(&spec.connector) {
            return Ok(None);
        }
        let groups = Groups::of(&spec.connector).map_err(Error::config)?;
        let mut settings = Properties::new();
        settings.insert("client.id", format!("connector-adminclient-{}", spec.id));
        settings.extend(&unprefixed(&services.worker));
        settings.insert("bootstrap.servers", services.bootstrap_servers.as_str());
        settings.extend(&services.worker.with_prefix("admin."));
        settings.extend(&spec.connector.with_prefix("admin.override."));
        let admin = Admin::connect(&settings);
        let admin = admin.map_err(|error| kafka_error("Failed to start the admin client", error))?;
        let given = settings.get("default.api.timeout.ms").and_then(|text| text.trim().parse().ok());
        Ok(Some(Self {
            groups,
            admin,
            servers: settings.get("bootstrap.servers").unwrap_or_default().to_owned(),
            call_timeout: given.map_or(CALL_TIMEOUT, Duration::from_millis),
            known: HashSet::new(),
        }))
    }

    /// Returns the topics of these records that are not known to exist, each once.
    fn unknown(&self, records: &VecDeque<Outgoing>) -> Vec<Arc<str>> {
        let mut found: Vec<Arc<str>> = Vec::new();
        let mut last: Option<&Arc<str>> = None;
        for Outgoing { topic, .. } in records {
            // Nearly always the topic of the record before: one comparison of pointers then.
            if !last.is_some_and(|last| Arc::ptr_eq(last, topic))
                && !self.known.contains(topic)
                && !found.contains(topic)
            {
                found.push(topic.clone());
            }
            last = Some(topic);
        }
        found
    }

    /// Creates those that do not exist.
    async fn ensure(&mut self, topics: &[Arc<str>]) -> Result<()> {
        for topic in topics {
            info!(
                "The task will send records to topic '{topic}' for the first time. Checking whether topic exists"
            );
        }
        let names: Vec<&str> = topics.iter().map(AsRef::as_ref).collect();
        let existing = self.admin.describe(&names, self.call_timeout).await;
        let existing = existing.map_err(|error| self.not_described(&names, error))?;
        for topic in topics {
            if existing.contains_key(topic.as_ref()) {
                info!("Topic '{topic}' already exists.");
            } else {
                self.create(topic).await?;
            }
            self.known.insert(topic.clone());
        }
        Ok(())
    }

    async fn create(&self, topic: &str) -> Result<()> {
        let group = self.groups.of_topic(topic)?;
        let new = group.new_topic(topic);
        info!("Topic '{topic}' matched topic creation group: {}", group.name);
        let created = self.admin.create_topics(std::slice::from_ref(&new), self.call_timeout).await;
        match created.and_then(|outcomes| outcomes.into_iter().collect::<Result<Vec<()>, _>>()) {
            Ok(_) => info!("Created topic '{topic}' using creation group {}", group.name),
            Err(error) if error.class() == EXISTS => info!("Found existing topic '{topic}'"),
            Err(error) => return Err(not_created(&new, error)),
        }
        Ok(())
    }

    fn not_described(&self, names: &[&str], error: KafkaError) -> Error {
        let topics = names.join(", ");
        if is_refusal(&error) {
            let text =
                format!("Not authorized to describe topic(s) '{topics}' on the brokers {}", self.servers);
            return kafka_error(&text, error);
        }
        classified(&format!("Error while attempting to describe topics '{topics}'"), error)
    }
}

impl Running {
    /// Creates what is missing of the topics that records go to. Returns false when the task was stopped before.
    pub(super) async fn create_topics(&mut self, records: &VecDeque<Outgoing>) -> Result<bool> {
        let Some(mut topics) = self.topics.take() else { return Ok(true) };
        loop {
            let unknown = topics.unknown(records);
            if unknown.is_empty() {
                self.topics = Some(topics);
                return Ok(true);
            }
            let Some(ensured) = self.attend(topics.ensure(&unknown)).await? else { return Ok(false) };
            let Err(error) = ensured else { continue };
            let Class::Retry { .. } = error.class() else { return Err(error) };
            let topic = &unknown[0];
            warn!("{} Failed to create topic '{topic}'. Backing off before retrying: {error}", self.host);
            if self.attend(sleep(POLL_RETRY)).await?.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Returns a worker's settings that its admin clients inherit.
fn unprefixed(worker: &Properties) -> Properties {
    let mut settings = worker.clone();
    let names: Vec<_> = worker.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if ["admin.", "producer.", "consumer."].iter().any(|prefix| name.starts_with(prefix)) {
            settings.remove(&name);
        }
    }
    settings
}

fn is_refusal(error: &KafkaError) -> bool {
    error.class().ends_with("AuthorizationException")
}

/// The text is the reference's for a task that may not create topics; the cause says what the broker has said.
fn not_created(topic: &NewTopic, error: KafkaError) -> Error {
    if error.kind() == FailureKind::Retriable {
        return classified(
            &format!("Error while attempting to create/find topic(s) '{}'", topic.name),
            error,
        );
    }
    let text = format!(
        "Task failed to create new topic {}. Ensure that the task is authorized to create topics or that the topic \
         exists and restart the task",
        Shown(topic)
    );
    kafka_error(&text, error)
}

/// An error that passes when Kafka's client would try again.
fn classified(text: &str, error: KafkaError) -> Error {
    if error.kind() == FailureKind::Retriable {
        let class = error.class();
        let cause = Error::of(Class::Fatal, class, error.to_string());
        return Error::of(
            Class::Retry { after: None },
            "org.apache.kafka.connect.errors.RetriableException",
            text.to_owned(),
        )
        .caused_by(cause);
    }
    kafka_error(text, error)
}

impl Host {
    /// Returns what creates the task's topics, if anything does.
    pub(super) fn topics(&self) -> Result<Option<Topics>> {
        Topics::of(&self.spec, &self.services)
    }
}
