//! Creation and checking of the topics in which a cluster keeps its state.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::{Admin, FailureKind, KafkaError, NewTopic};

/// The policy without which state is lost in the end.
const COMPACT: &str = "compact";

/// How long a topic that exists may take until its partitions are known.
const METADATA_WAIT: Duration = Duration::from_secs(30);

/// The first wait between two looks for them; it doubles up to the last.
const METADATA_LOOK_MIN: Duration = Duration::from_millis(100);
const METADATA_LOOK_MAX: Duration = Duration::from_secs(1);

/// An internal topic as the worker's settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopic {
    /// Its name, its partitions and replicas, and its settings besides the policy.
    pub topic: NewTopic,
    /// The setting that names it.
    pub setting: &'static str,
    /// What it holds, in the words of Kafka Connect: `connector configurations`.
    pub purpose: &'static str,
    /// How many partitions it may have at most; the config topic has one.
    pub partitions_max: Option<usize>,
}

/// How long to try.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// `default.api.timeout.ms`
    pub timeout: Duration,
    /// `retry.backoff.ms`
    pub backoff: Duration,
}

/// Why an internal topic cannot be used. The texts are Kafka Connect's.
#[derive(Debug, thiserror::Error)]
pub enum InternalTopicError {
    /// Its settings are wrong.
    #[error("Unable to create topic(s) '{topic}': {source}")]
    Invalid {
        /// Its name.
        topic: String,
        /// What the broker says.
        source: KafkaError,
    },
    /// It could not be created or looked for.
    #[error("Error while attempting to create/find topic(s) '{topic}'")]
    Create {
        /// Its name.
        topic: String,
        /// What the broker says.
        source: KafkaError,
    },
    /// Its state would be lost in the end.
    #[error(
        "Topic '{topic}' supplied via the '{setting}' property is required to have 'cleanup.policy=compact' to guarantee \
         consistency and durability of {purpose}, but found the topic currently has 'cleanup.policy={actual}'. Continuing \
         would likely result in eventually losing {purpose} and problems restarting this Connect cluster in the future. \
         Change the '{setting}' property in the Connect worker configurations to use a topic with \
         'cleanup.policy=compact'."
    )]
    Policy {
        /// Its name.
        topic: String,
        /// The setting that names it.
        setting: &'static str,
        /// What it holds.
        purpose: &'static str,
        /// The policy that it has.
        actual: String,
    },
    /// It has not come about.
    #[error("Could not look up partition metadata for topic '{topic}' in the allotted period.")]
    NoMetadata {
        /// Its name.
        topic: String,
    },
    /// Its records would have no order.
    #[error(
        "Topic '{topic}' supplied via the '{setting}' property is required to have a single partition in order to \
         guarantee consistency of {purpose}, but found {found} partitions."
    )]
    Partitions {
        /// Its name.
        topic: String,
        /// The setting that names it.
        setting: &'static str,
        /// What it holds.
        purpose: &'static str,
        /// How many it has.
        found: usize,
    },
    /// The broker could not be asked.
    #[error("looking at topic {topic}: {source}")]
    Look {
        /// Its name.
        topic: String,
        /// What went wrong.
        source: KafkaError,
    },
}

impl InternalTopic {
    /// Creates the topic, or checks the one that is there. Returns how many partitions it has.
    pub async fn prepare(&self, admin: &Admin, patience: Patience) -> Result<usize, InternalTopicError> {
        let made = self.create(admin, patience).await?;
        if made == Made::Perhaps {
            self.check_policy(admin, patience).await?;
        }
        let found = self.partitions(admin).await?;
        match self.partitions_max {
            Some(most) if found > most => Err(InternalTopicError::Partitions {
                topic: self.topic.name.clone(),
                setting: self.setting,
                purpose: self.purpose,
                found,
            }),
            _ => Ok(found),
        }
    }

    /// Brokers that have only just started may not have enough others for the replicas yet.
    async fn create(&self, admin: &Admin, patience: Patience) -> Result<Made, InternalTopicError> {
        let mut topic = self.topic.clone();
        topic.settings.insert("cleanup.policy".to_owned(), COMPACT.to_owned());
        let deadline = Instant::now() + patience.timeout;
        loop {
            let answer = admin.create_topics(std::slice::from_ref(&topic), patience.timeout).await;
            let answer = answer.and_then(|mut outcomes| outcomes.pop().unwrap_or(Ok(())));
            let Err(source) = answer else {
                tracing::info!("Created topic {} for {}", topic.name, self.purpose);
                return Ok(Made::Now);
            };
            let class = source.class().rsplit('.').next().unwrap_or_default();
            let name = || topic.name.clone();
            match class {
                "TopicExistsException" => return Ok(Made::Perhaps),
                "UnsupportedVersionException"
                | "ClusterAuthorizationException"
                | "TopicAuthorizationException" => return Ok(Made::Perhaps),
                "InvalidConfigurationException" => {
                    return Err(InternalTopicError::Invalid { topic: name(), source });
                }
                "InvalidReplicationFactorException" | "TimeoutException" if Instant::now() < deadline => {
                    tokio::time::sleep(patience.backoff).await;
                }
                _ => return Err(InternalTopicError::Create { topic: name(), source }),
            }
        }
    }

    async fn check_policy(&self, admin: &Admin, patience: Patience) -> Result<(), InternalTopicError> {
        let name = self.topic.name.clone();
        let settings = match admin.topic_settings(&name, patience.timeout).await {
            Ok(settings) => settings,
            Err(source) if source.kind() == FailureKind::Retriable => {
                return Err(InternalTopicError::Look { topic: name, source });
            }
            Err(error) => {
                tracing::info!("the cleanup policy of topic {name} is not known: {error}");
                return Ok(());
            }
        };
        let Some(actual) = settings.get("cleanup.policy") else {
            tracing::info!("the cleanup policy of topic {name} is not known");
            return Ok(());
        };
        let mut policies = actual.split(',').map(|policy| policy.trim().to_lowercase());
        if policies.all(|policy| policy == COMPACT) {
            return Ok(());
        }
        let (setting, purpose, actual) = (self.setting, self.purpose, actual.clone());
        Err(InternalTopicError::Policy { topic: name, setting, purpose, actual })
    }

    async fn partitions(&self, admin: &Admin) -> Result<usize, InternalTopicError> {
        let name = self.topic.name.as_str();
        let deadline = Instant::now() + METADATA_WAIT;
        let mut wait = METADATA_LOOK_MIN;
        loop {
            let found = admin.describe(&[name], METADATA_WAIT).await;
            let found =
                found.map_err(|source| InternalTopicError::Look { topic: name.to_owned(), source })?;
            if let Some(topic) = found.get(name).filter(|topic| topic.partitions > 0) {
                return Ok(topic.partitions);
            }
            if Instant::now() >= deadline {
                return Err(InternalTopicError::NoMetadata { topic: name.to_owned() });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(METADATA_LOOK_MAX);
        }
    }
}

/// Whether a topic is new.
#[derive(Debug, PartialEq, Eq)]
enum Made {
    Now,
    /// It was there before, or the broker does not say.
    Perhaps,
}

/// The settings of a topic, as a broker has them.
pub(crate) type TopicSettings = BTreeMap<String, String>;
