//! Admin calls.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use millrace_api::Properties;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic as NativeTopic, TopicReplication},
    config::RDKafkaLogLevel,
    types::RDKafkaErrorCode as Code,
};

use crate::{KafkaError, Role, closing, logs::ClientLog, producer::created, translate};

/// A client for cluster metadata and topic creation. Dropping it never blocks.
pub struct Admin {
    /// Taken when dropped.
    client: Option<Arc<AdminClient<Context>>>,
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

struct Context {
    log: ClientLog,
}

/// How much longer than a call's own time-out its thread is waited for, before the call is left to end alone.
const GRACE: Duration = Duration::from_secs(1);

// === impl Admin ===

impl Admin {
    /// Starts a client. No connection is waited for.
    pub fn connect(settings: &Properties) -> Result<Self, KafkaError> {
        let translation = translate(Role::Admin, settings)?;
        let servers = translation.get("bootstrap.servers").unwrap_or("(none named)").to_owned();
        let mut config: ClientConfig = translation.settings.into_iter().collect();
        config.set_log_level(ClientLog::level());
        let context = Context { log: ClientLog::new(settings.get("client.id").unwrap_or("admin")) };
        let client = config.create_with_context(context).map_err(|error| created("admin client", &error))?;
        Ok(Self { client: Some(Arc::new(client)), servers })
    }

    /// Asks for the cluster's id.
    pub async fn cluster_id(&self, timeout: Duration) -> Result<String, KafkaError> {
        let asked = move |client: &AdminClient<Context>, rest: Duration| {
            client.inner().fetch_cluster_id(rest).ok_or(Code::OperationTimedOut)
        };
        self.ask("asking for the cluster's id", timeout, asked).await
    }

    /// Lists all topics, internal ones included.
    pub async fn topics(&self, timeout: Duration) -> Result<Vec<TopicSummary>, KafkaError> {
        let asked = move |client: &AdminClient<Context>, rest: Duration| {
            let metadata = client.inner().fetch_metadata(None, rest).map_err(|error| code(&error))?;
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
        let client = self.client().clone();
        let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
        let native: Vec<_> = topics.iter().map(native).collect();
        // A future of rdkafka: nothing blocks here.
        let answer = tokio::time::timeout(timeout + GRACE, client.create_topics(&native, &options)).await;
        let results = match answer {
            Ok(Ok(results)) => results,
            Ok(Err(error)) => return Err(self.unreachable(CALL, code(&error), timeout, &error.to_string())),
            Err(_) => return Err(self.unreachable(CALL, Code::OperationTimedOut, timeout, "no answer")),
        };
        let outcomes = results.into_iter().map(|result| match result {
            Ok(_) => Ok(()),
            Err((_, code)) => Err(KafkaError::refused(CALL, code)),
        });
        Ok(outcomes.collect())
    }

    /// Runs a blocking call on a blocking thread.
    async fn ask<T: Send + 'static>(
        &self,
        call: &'static str,
        timeout: Duration,
        asked: impl FnOnce(&AdminClient<Context>, Duration) -> Result<T, Code> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let client = self.client().clone();
        let started = Instant::now();
        let blocking = tokio::task::spawn_blocking(move || {
            let rest = timeout.saturating_sub(started.elapsed());
            // The last reference may be this one: the client then ends here, where blocking is allowed.
            asked(&client, rest)
        });
        let code = match tokio::time::timeout(timeout + GRACE, blocking).await {
            Ok(Ok(Ok(answer))) => {
                self.client().inner().context().log.recovered();
                return Ok(answer);
            }
            Ok(Ok(Err(code))) => code,
            Ok(Err(_)) => return Err(KafkaError::Closed { client: "admin client" }),
            Err(_) => Code::OperationTimedOut,
        };
        Err(self.unreachable(call, code, timeout, &code.to_string()))
    }

    /// Names the servers when the failure is that none answered.
    fn unreachable(&self, call: &'static str, code: Code, waited: Duration, text: &str) -> KafkaError {
        let trouble = self.client().inner().context().log.last_error();
        if let Some((code @ (Code::Authentication | Code::SSL), text)) = &trouble {
            return KafkaError::Refused { call, failure: crate::Failure::because(*code, text.as_str()) };
        }
        match code {
            Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve => {
                let reason = trouble.map_or_else(|| text.to_owned(), |(_, text)| text);
                KafkaError::Unreachable { servers: self.servers.clone(), waited, reason }
            }
            code => KafkaError::refused(call, code),
        }
    }

    fn client(&self) -> &Arc<AdminClient<Context>> {
        self.client.as_ref().expect("only drop takes the client")
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        // Ending it joins its polling thread.
        let client = self.client.take();
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

fn native(topic: &NewTopic) -> NativeTopic<'_> {
    // -1 is how the protocol says "the broker's default".
    let replication = TopicReplication::Fixed(topic.replication_factor.map_or(-1, i32::from));
    let native = NativeTopic::new(&topic.name, topic.partitions.unwrap_or(-1), replication);
    topic.settings.iter().fold(native, |native, (name, value)| native.set(name, value))
}

fn code(error: &rdkafka::error::KafkaError) -> Code {
    error.rdkafka_error_code().unwrap_or(Code::Fail)
}
