//! A worker on its own: starts everything in order, and stops it in order.

use crate::{
    active_topics::ActiveTopics,
    connector_file::ConnectorFile,
    data::Data,
    driver::{Driver, HerderHandle},
    instances::Instances,
    offset_store::{FileOffsetStore, OffsetStoreError},
    panics,
    producers::Producers,
    rest::{Listeners, RestError, RestServer, RestState},
    settings::WorkerConfig,
    task::Services,
    validate::{self, ValidateError},
    watchdog::Watchdog,
};
use millrace_api::Plugins;
use millrace_herder::{Event, Options, Refusal, Request};
use millrace_kafka::{Admin, KafkaError};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// How long the brokers may take to say which cluster they are, unless `default.api.timeout.ms` says otherwise.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connector may take to stop, as in Kafka Connect.
const CONNECTOR_STOP: Duration = Duration::from_secs(5);

/// How long the herder may take to end beyond the time-outs of tasks and connectors.
const STOP_SLACK: Duration = Duration::from_secs(5);

/// How long Kafka clients that were closed on threads of their own may take to be gone.
const CLIENTS_CLOSE: Duration = Duration::from_secs(5);

/// What a standalone worker is made of.
pub struct Standalone {
    /// The worker's settings.
    pub config: WorkerConfig,
    /// The brokers; for an embedded one its address.
    pub bootstrap_servers: String,
    /// Every plugin of the program.
    pub plugins: Plugins,
    /// Where plugins run. The worker itself runs where it is started.
    pub data: Arc<Data>,
}

/// The worker could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The brokers do not answer.
    #[error(
        "Failed to connect to and describe Kafka cluster. Check worker's broker connection and security properties \
         (bootstrap.servers)."
    )]
    Cluster(#[source] KafkaError),
    /// The REST API has no address.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The offset file is of no use.
    #[error(transparent)]
    Offsets(#[from] OffsetStoreError),
}

/// A connector file could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Its settings could not be validated.
    #[error(transparent)]
    Validate(#[from] ValidateError),
    /// Its settings will not do: the text lists every problem.
    #[error("{0}")]
    Invalid(String),
    /// The connector was refused or did not start.
    #[error("{0}")]
    Refused(Refusal),
}

/// A worker that runs.
pub struct Running {
    herder: HerderHandle,
    driver: JoinHandle<()>,
    watching: JoinHandle<()>,
    rest: RestServer,
    state: RestState,
    ready: Arc<AtomicBool>,
    stop_within: Duration,
}

impl Standalone {
    /// Starts the worker without any connector.
    pub async fn start(self) -> Result<Running, StartError> {
        let began = Instant::now();
        panics::install();
        let offsets = Arc::new(FileOffsetStore::open(&self.config.offset_file)?);
        let cluster_id = self.cluster_id().await?;
        let mut listeners = Listeners::bind(&self.config.listeners)?;
        let administration = self.config.admin_listeners.as_deref().unwrap_or_default();
        listeners.bind_administration(administration)?;
        let worker_id = listeners.worker_id(&self.config);
        let (herder, messages) = HerderHandle::new();
        let task_stop_timeout = self.config.common.task_shutdown_graceful_timeout;
        let plugins = Arc::new(self.plugins);
        let topics = Arc::new(ActiveTopics::default());
        let services = Arc::new(Services {
            plugins: plugins.clone(),
            producers: Producers::new(
                &self.bootstrap_servers,
                &self.config.properties,
                self.config.common.source_task_producer,
            ),
            bootstrap_servers: self.bootstrap_servers,
            worker: self.config.properties.clone(),
            providers: self.config.providers.clone(),
            offsets,
            creates_topics: self.config.common.topic_creation_enable,
            topics: topics.clone(),
            flush_interval: self.config.common.offset_flush_interval,
            flush_timeout: self.config.common.offset_flush_timeout,
            closing: self.config.common.offset_flush_timeout.min(task_stop_timeout * 3 / 4),
        });
        let offsets = services.offset_service();
        let options = Options {
            worker_id: worker_id.into(),
            task_stop_timeout,
            connector_stop_timeout: CONNECTOR_STOP,
        };
        let stop_within = options.task_stop_timeout + options.connector_stop_timeout + STOP_SLACK;
        let watchdog = Arc::new(Watchdog::default());
        let watching = tokio::spawn(watchdog.clone().watch(self.data.clone()));
        let instances = Instances::new(services, herder.clone(), self.data);
        info!("Kafka Connect worker initialization took {}ms", began.elapsed().as_millis());
        let driver = tokio::spawn(Driver::new(options, messages, instances).run());
        let ready = Arc::new(AtomicBool::new(false));
        let state = RestState {
            herder: herder.clone(),
            plugins,
            worker: Arc::new(self.config),
            cluster_id,
            offsets,
            topics,
            ready: ready.clone(),
            watchdog,
        };
        let rest = listeners.serve(state.clone());
        info!("Kafka Connect started");
        Ok(Running { herder, driver, watching, rest, state, ready, stop_within })
    }

    async fn cluster_id(&self) -> Result<String, StartError> {
        let mut settings = self.config.properties.as_ref().clone();
        settings.insert("bootstrap.servers", self.bootstrap_servers.as_str());
        let admin = Admin::connect(&settings).map_err(StartError::Cluster)?;
        let given = settings.get("default.api.timeout.ms").and_then(|text| text.trim().parse().ok());
        let limit = given.map_or(CLUSTER_TIMEOUT, Duration::from_millis);
        admin.cluster_id(limit).await.map_err(StartError::Cluster)
    }
}

impl Running {
    /// Creates the connector of a file and waits until it has started.
    pub async fn create(&self, file: ConnectorFile) -> Result<(), CreateError> {
        let found = validate::validate(&self.state.plugins, &self.state.worker, &file.config).await?;
        found.warnings.iter().for_each(|warning| warn!("connector {}: {warning}", file.name));
        if let Some(refusal) = found.refusal() {
            return Err(CreateError::Invalid(refusal));
        }
        let name = file.name.clone();
        let request = Request::Create {
            name: file.name.into(),
            config: file.config,
            initial_state: file.initial_state,
        };
        self.herder.ask(request).await.map_err(CreateError::Refused)?;
        info!("Created connector {name}");
        Ok(())
    }

    /// Waits for the herder to end on its own, which it does only when it has panicked.
    pub async fn herder_ended(&mut self) {
        // Its panic is in the log already.
        let _ = (&mut self.driver).await;
    }

    /// Returns the addresses of the REST API.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.rest.addresses()
    }

    /// Says that every connector of the command line was created: `GET /health` is healthy from now on.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Stops the REST API, then connectors and tasks, in bounded time.
    pub async fn stop(self) {
        info!("Kafka Connect stopping");
        let began = Instant::now();
        self.rest.stop().await;
        self.herder.tell(Event::StopAsked).await;
        // A herder that has ended on its own cannot be waited for again.
        if !self.driver.is_finished() && tokio::time::timeout(self.stop_within, self.driver).await.is_err() {
            error!("connectors and tasks did not stop within {:?}", self.stop_within);
        }
        self.watching.abort();
        let left = millrace_kafka::all_closed(CLIENTS_CLOSE).await;
        if left > 0 {
            warn!("{left} Kafka clients did not close within {CLIENTS_CLOSE:?}");
        }
        info!("Kafka Connect stopped after {}ms", began.elapsed().as_millis());
    }
}
