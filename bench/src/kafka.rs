//! The bench's own Kafka client: makes, counts and removes topics.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

/// How long the broker may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long a topic may have no leader, and how often it is asked for.
const TOPIC_WAIT: Duration = Duration::from_secs(30);
const TOPIC_STEP: Duration = Duration::from_millis(20);

/// Topics with one partition, of one broker.
pub struct Topics {
    bootstrap: String,
    consumer: BaseConsumer,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    pub fn new(bootstrap: &str) -> Result<Self> {
        let consumer = config(bootstrap).create().context("making a consumer")?;
        let admin = config(bootstrap).create().context("making an admin client")?;
        Ok(Self { bootstrap: bootstrap.to_owned(), consumer, admin })
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic, and waits until it can be read.
    pub fn create(&self, topic: &str) -> Result<()> {
        let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        let results = block_on(self.admin.create_topics([&new], &options()))?;
        for result in results {
            result.map_err(|(topic, code)| anyhow!("creating topic {topic}: {code}"))?;
        }
        self.count(topic).map(drop)
    }

    /// Removes a topic, so that the next run does not find the disk full.
    pub fn delete(&self, topic: &str) -> Result<()> {
        let results = block_on(self.admin.delete_topics(&[topic], &options()))?;
        for result in results {
            result.map_err(|(topic, code)| anyhow!("deleting topic {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Returns the end offset of the topic's one partition: its records, as no transaction marks are in it.
    ///
    /// A topic that was just made has no leader for a moment, and librdkafka would keep "no such partition" for minutes if
    /// its metadata were not asked for anew.
    pub fn count(&self, topic: &str) -> Result<u64> {
        let end = Instant::now() + TOPIC_WAIT;
        loop {
            let error = match self.consumer.fetch_watermarks(topic, 0, ANSWER_WAIT) {
                Ok((_, end)) => return Ok(u64::try_from(end).unwrap_or(0)),
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(error).with_context(|| format!("asking for the end of topic {topic}"));
            }
            sleep(TOPIC_STEP);
            self.consumer
                .fetch_metadata(Some(topic), ANSWER_WAIT)
                .with_context(|| format!("asking for topic {topic}"))?;
        }
    }
}

/// Returns what every client here is given.
pub fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("broker.address.family", "v4");
    config
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER_WAIT)).request_timeout(Some(ANSWER_WAIT))
}
