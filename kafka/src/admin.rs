//! Admin calls.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use millrace_api::Properties;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic as NativeTopic, ResourceSpecifier, TopicReplication},
    client::Client,
    config::RDKafkaLogLevel,
    message::DeliveryResult,
    producer::{BaseProducer, Producer as _, ProducerContext},
    types::RDKafkaErrorCode as Code,
};

use tokio::sync::oneshot;

use crate::{
    Failure, KafkaError, Role, closing, internal_topic::TopicSettings, logs::ClientLog, producer::created,
    translate,
};

/// Cluster metadata and topic creation.
///
/// Each call has a client of its own, which ends with it: calls are rare, and a client that nobody uses would still have
/// its threads and connections, for each task.
pub struct Admin {
    config: ClientConfig,
    name: String,
    servers: String,
}

/// A topic to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; the broker's default when absent.
    pub partitions: Option<i32>,
    /// How many replicas; the broker's default when absent.
    pub replication_factor: Option<i16>,
    /// Topic settings.
    pub settings: BTreeMap<String, String>,
}

/// A topic as the cluster lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSummary {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
}

pub(crate) struct Context {
    log: ClientLog,
}

/// How much longer than a call's own time-out its thread is waited for, before the call is left to end alone.
const GRACE: Duration = Duration::from_secs(1);

/// How long what a failed call met is gathered for; it is there already.
const TROUBLE_WAIT: Duration = Duration::from_millis(10);

/// How long the cause of a failed creation of topics is looked for.
const PROBE_WAIT: Duration = Duration::from_secs(1);

// === impl Admin ===

impl Admin {
    /// Takes the settings. No connection is made yet.
    pub fn connect(settings: &Properties) -> Result<Self, KafkaError> {
        let translation = translate(Role::Admin, settings)?;
        let servers = translation.get("bootstrap.servers").unwrap_or("(none named)").to_owned();
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        config.set_log_level(ClientLog::level());
        let name = settings.get("client.id").unwrap_or("admin").to_owned();
        Ok(Self { config, name, servers })
    }

    /// Asks for the cluster's id.
    pub async fn cluster_id(&self, timeout: Duration) -> Result<String, KafkaError> {
        let asked = move |client: &Client<Context>, rest: Duration| {
            client.fetch_cluster_id(rest).ok_or(Code::OperationTimedOut)
        };
        self.ask("asking for the cluster's id", timeout, asked).await
    }

    /// Lists all topics, internal ones included.
    pub async fn topics(&self, timeout: Duration) -> Result<Vec<TopicSummary>, KafkaError> {
        let asked = move |client: &Client<Context>, rest: Duration| {
            let metadata = client.fetch_metadata(None, rest).map_err(|error| code(&error))?;
            let topics = metadata.topics().iter();
            Ok(topics
                .filter(|topic| topic.error().is_none())
                .map(|topic| TopicSummary {
                    name: topic.name().to_owned(),
                    partitions: topic.partitions().len(),
                })
                .collect())
        };
        self.ask("listing topics", timeout, asked).await
    }

    /// Looks topics up; those that do not exist are missing in the answer. Never creates one.
    pub async fn describe(
        &self,
        names: &[&str],
        timeout: Duration,
    ) -> Result<BTreeMap<String, TopicSummary>, KafkaError> {
        // Asking for all never creates any; asking for one by name does where brokers create topics by themselves.
        let topics = self.topics(timeout).await?.into_iter();
        let wanted = topics.filter(|topic| names.contains(&topic.name.as_str()));
        Ok(wanted.map(|topic| (topic.name.clone(), topic)).collect())
    }

    /// Returns the settings of a topic that exists; those without a value are left out.
    pub async fn topic_settings(&self, name: &str, timeout: Duration) -> Result<TopicSettings, KafkaError> {
        const CALL: &str = "asking for a topic's settings";
        let context = Context { log: ClientLog::new(self.name.as_str()) };
        let client: AdminClient<Context> =
            self.config.create_with_context(context).map_err(|error| created("admin client", &error))?;
        // Ending it joins its polling thread.
        let client = Ended(Some(client));
        let Some(open) = &client.0 else { return Err(KafkaError::Closed { client: "admin client" }) };
        let options = AdminOptions::new().request_timeout(Some(timeout));
        let asked = [ResourceSpecifier::Topic(name)];
        let answer = tokio::time::timeout(timeout + GRACE, open.describe_configs(&asked, &options)).await;
        let answer = match answer {
            Ok(Ok(mut resources)) => resources.pop().unwrap_or(Err(Code::UnknownTopicOrPartition)),
            Ok(Err(error)) => Err(code(&error)),
            Err(_) => Err(Code::OperationTimedOut),
        };
        let resource = answer.map_err(|code| self.failed(CALL, code, timeout, None))?;
        let entries = resource.entries.into_iter();
        Ok(entries.filter_map(|entry| Some((entry.name, entry.value?))).collect())
    }

    /// Creates topics; the outcome of each stands at its place. Of a topic that exists already, the class is
    /// `org.apache.kafka.common.errors.TopicExistsException`.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        timeout: Duration,
    ) -> Result<Vec<Result<(), KafkaError>>, KafkaError> {
        const CALL: &str = "creating topics";
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let context = Context { log: ClientLog::new(self.name.as_str()) };
        let client: AdminClient<Context> =
            self.config.create_with_context(context).map_err(|error| created("admin client", &error))?;
        // Ending it joins its polling thread.
        let client = Ended(Some(client));
        let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
        let native: Vec<_> = topics.iter().map(native).collect();
        // A future of rdkafka: nothing blocks here.
        let answer = match &client.0 {
            Some(client) => {
                tokio::time::timeout(timeout + GRACE, client.create_topics(&native, &options)).await
            }
            None => return Err(KafkaError::Closed { client: "admin client" }),
        };
        let code = match answer {
            Ok(Ok(results)) => return Ok(results.into_iter().map(|result| outcome(CALL, result)).collect()),
            Ok(Err(error)) => code(&error),
            Err(_) => Code::OperationTimedOut,
        };
        // rdkafka does not say what the connections of such a client met. Another client does.
        self.cluster_id(PROBE_WAIT).await?;
        Err(self.failed(CALL, code, timeout, None))
    }

    /// Runs a blocking call on a blocking thread.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        call: &'static str,
        timeout: Duration,
        asked: impl FnOnce(&Client<Context>, Duration) -> Result<T, Code> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let context = Context { log: ClientLog::new(self.name.as_str()) };
        let client: BaseProducer<Context> =
            self.config.create_with_context(context).map_err(|error| created("admin client", &error))?;
        let started = Instant::now();
        let (answered, answer) = oneshot::channel();
        // The client ends on the blocking thread, after the answer was given.
        let blocking = tokio::task::spawn_blocking(move || {
            let result = asked(client.client(), timeout.saturating_sub(started.elapsed()));
            let mut trouble = None;
            if result.is_err() {
                client.poll(TROUBLE_WAIT);
                trouble = client.context().log.last_error();
            }
            // Nobody may be waiting any more.
            let _ = answered.send((result, trouble));
        });
        let (code, trouble) = match tokio::time::timeout(timeout + GRACE, answer).await {
            Ok(Ok((Ok(answer), _))) => return Ok(answer),
            Ok(Ok((Err(code), trouble))) => (code, trouble),
            Ok(Err(_)) => {
                let result = blocking.await;
                tracing::error!(?result, "{call}: the call ended without an answer");
                return Err(KafkaError::Closed { client: "admin client" });
            }
            Err(_) => (Code::OperationTimedOut, None),
        };
        Err(self.failed(call, code, timeout, trouble))
    }

    /// Names the servers when the failure is that none answered.
    fn failed(
        &self,
        call: &'static str,
        code: Code,
        waited: Duration,
        trouble: Option<(Code, String)>,
    ) -> KafkaError {
        if let Some((code @ (Code::Authentication | Code::SSL), text)) = &trouble {
            return KafkaError::Refused { call, failure: Failure::because(*code, text.as_str()) };
        }
        match code {
            Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve => {
                let reason = trouble.map_or_else(|| code.to_string(), |(_, text)| text);
                KafkaError::Unreachable { servers: self.servers.clone(), waited, reason }
            }
            code => KafkaError::refused(call, code),
        }
    }
}

/// A client that ends on a thread of its own.
struct Ended(Option<AdminClient<Context>>);

impl Drop for Ended {
    fn drop(&mut self) {
        let client = self.0.take();
        closing::run(move || drop(client));
    }
}

// === impl Context ===

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.log.line(level, facility, text);
    }

    fn error(&self, error: rdkafka::error::KafkaError, text: &str) {
        self.log.error(&error, text);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

fn outcome(call: &'static str, result: Result<String, (String, Code)>) -> Result<(), KafkaError> {
    match result {
        Ok(_) => Ok(()),
        Err((_, code)) => Err(KafkaError::refused(call, code)),
    }
}

fn native(topic: &NewTopic) -> NativeTopic<'_> {
    // -1 is how the protocol says "the broker's default".
    let replication = TopicReplication::Fixed(topic.replication_factor.map_or(-1, i32::from));
    let native = NativeTopic::new(&topic.name, topic.partitions.unwrap_or(-1), replication);
    topic.settings.iter().fold(native, |native, (name, value)| native.set(name, value))
}

fn code(error: &rdkafka::error::KafkaError) -> Code {
    error.rdkafka_error_code().unwrap_or(Code::Fail)
}
