//! Brokers: the embedded one as a process of its own, and Apache Kafka.

use std::net::TcpStream;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::java::{Jvm, java, one_of_few_starts};
use crate::process::{Process, Signal};
use crate::wait::holds_within;
use crate::worker::{java_is_under_test, millrace};
use crate::{Client, Folder, Proxy, free_port};

/// How long a broker may take from its start to accepting connections. Kafka needs five seconds alone on two cores.
const START_WAIT: Duration = Duration::from_secs(90);

/// Any 16 bytes will do; a constant spares a random source.
const CLUSTER_ID: &str = "TWlsbHJhY2VUZXN0cy4uLg";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerKind {
    /// `millrace broker DIR`.
    Embedded,
    /// Apache Kafka, a single node.
    Kafka,
}

/// A broker on a port and a data folder that it keeps over `kill_9` and `start`.
pub struct Broker {
    kind: BrokerKind,
    jvm: Jvm,
    folder: Folder,
    port: u16,
    second: Option<Listener>,
    /// Settings of Apache Kafka beyond the usual ones.
    settings: String,
    process: Option<Process>,
}

/// Another way in, beside the plain one; Apache Kafka only.
struct Listener {
    protocol: &'static str,
    port: u16,
    /// Where the broker tells clients to come that came this way.
    advertised: u16,
    settings: &'static str,
}

/// Users with passwords, none of whom may do anything until a test allows it; who comes by the plain way may do
/// everything.
const ACCESS_CONTROL: &str = "sasl.enabled.mechanisms=PLAIN\n\
    listener.name.second.plain.sasl.jaas.config=\
    org.apache.kafka.common.security.plain.PlainLoginModule required user_app=\"app-secret\";\n\
    authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
    super.users=User:ANONYMOUS\n\
    allow.everyone.if.no.acl.found=false\n";

impl Broker {
    /// Starts a broker of the test's own, which it may kill.
    #[track_caller]
    pub fn new(kind: BrokerKind) -> Self {
        Self::with(kind, None)
    }

    /// Starts a Kafka broker with access control: `guarded_bootstrap` is the way in for the user `app`, whose password
    /// is `app-secret` (SASL_PLAINTEXT, PLAIN).
    #[track_caller]
    pub fn guarded() -> Self {
        let port = free_port();
        let listener =
            Listener { protocol: "SASL_PLAINTEXT", port, advertised: port, settings: ACCESS_CONTROL };
        Self::with(BrokerKind::Kafka, Some(listener))
    }

    /// Starts a Kafka broker and a network to it that a test can make slow: who comes by the proxy stays on it.
    #[track_caller]
    pub fn behind_proxy() -> (Self, Proxy) {
        let port = free_port();
        let proxy = Proxy::to(port);
        let listener = Listener { protocol: "PLAINTEXT", port, advertised: proxy.port(), settings: "" };
        (Self::with(BrokerKind::Kafka, Some(listener)), proxy)
    }

    #[track_caller]
    fn with(kind: BrokerKind, second: Option<Listener>) -> Self {
        let kind = if java_is_under_test() { BrokerKind::Kafka } else { kind };
        Self::begin(kind, Jvm::QuickStart, second, &[])
    }

    /// Starts Apache Kafka with a JVM of one's choice, to measure against.
    #[track_caller]
    pub fn kafka_on(jvm: Jvm) -> Self {
        Self::begin(BrokerKind::Kafka, jvm, None, &[])
    }

    /// Starts an Apache Kafka of the test's own with settings such as `auto.create.topics.enable=false`.
    #[track_caller]
    pub fn kafka_with(settings: &[&str]) -> Self {
        Self::begin(BrokerKind::Kafka, Jvm::QuickStart, None, settings)
    }

    #[track_caller]
    fn begin(kind: BrokerKind, jvm: Jvm, second: Option<Listener>, settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| format!("{setting}\n")).collect();
        let (folder, port) = (Folder::new(), free_port());
        let mut broker = Self { kind, jvm, folder, port, second, settings, process: None };
        broker.start();
        broker
    }

    /// Returns the broker that all tests of this program share. Topics and connectors need names of their own there:
    /// see `unique`.
    #[track_caller]
    pub fn shared(kind: BrokerKind) -> &'static Self {
        static EMBEDDED: OnceLock<Broker> = OnceLock::new();
        static KAFKA: OnceLock<Broker> = OnceLock::new();
        let shared = match kind {
            BrokerKind::Embedded if !java_is_under_test() => &EMBEDDED,
            _ => &KAFKA,
        };
        shared.get_or_init(|| {
            let broker = Self::new(kind);
            broker.folder.remove_when_this_process_ends();
            broker
        })
    }

    pub fn kind(&self) -> BrokerKind {
        self.kind
    }

    /// Returns the broker's address, as in `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the address of a broker with access control for those who have to say who they are.
    #[track_caller]
    pub fn guarded_bootstrap(&self) -> String {
        let second = self.second.as_ref().expect("the broker was started by Broker::guarded");
        format!("127.0.0.1:{}", second.port)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.bootstrap())
    }

    /// Starts it on its port and data, and waits until it accepts connections.
    #[track_caller]
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "the broker runs already");
        let started = match self.kind {
            BrokerKind::Embedded => self.start_embedded(),
            BrokerKind::Kafka => one_of_few_starts(|| self.start_kafka()),
        };
        let process = started.unwrap_or_else(|error| panic!("starting a broker: {error:#}"));
        self.process = Some(process);
    }

    /// Ends it as a crash would.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill_9();
        }
    }

    /// Ends it in order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
    }

    pub fn send(&mut self, signal: Signal) {
        if let Some(process) = &mut self.process {
            process.send(signal);
        }
    }

    /// Returns what the broker wrote.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    fn start_embedded(&self) -> Result<Process> {
        let mut command = Command::new(millrace()?);
        command.arg("broker").arg(self.folder.path("data")).args(["--listen", &self.bootstrap()]);
        let process = Process::start("broker", &command, self.folder.root())?;
        self.wait_until_it_accepts(process)
    }

    fn start_kafka(&self) -> Result<Process> {
        let settings = self.folder.path("server.properties");
        if !settings.exists() {
            self.folder.write("server.properties", self.kafka_settings(free_port()));
            let mut format = java(&Jvm::QuickStart, "kafka.tools.StorageTool", &[])?;
            format.args(["format", "-t", CLUSTER_ID, "-c"]).arg(&settings);
            let output = format.output().context("formatting Kafka's data folder")?;
            if !output.status.success() {
                bail!("kafka.tools.StorageTool: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
        let command = java(&self.jvm, "kafka.Kafka", &[&settings])?;
        let process = Process::start("kafka", &command, self.folder.root())?;
        self.wait_until_it_accepts(process)
    }

    fn wait_until_it_accepts(&self, mut process: Process) -> Result<Process> {
        let mut ended = false;
        let accepts = holds_within(START_WAIT, &mut || {
            ended = !process.is_running();
            ended || TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        if ended {
            bail!("the {:?} broker ended at once:\n{}", self.kind, process.log());
        }
        if !accepts {
            bail!("the {:?} broker does not accept connections:\n{}", self.kind, process.log());
        }
        Ok(process)
    }

    /// One node that is broker and controller; small internal topics; groups form without the usual three seconds.
    fn kafka_settings(&self, controller_port: u16) -> String {
        let port = self.port;
        let data = self.folder.path("data");
        let (mut listener, mut advertised, mut protocol, mut more) =
            (String::new(), String::new(), String::new(), "");
        if let Some(second) = &self.second {
            listener = format!(",SECOND://127.0.0.1:{}", second.port);
            advertised = format!(",SECOND://127.0.0.1:{}", second.advertised);
            protocol = format!(",SECOND:{}", second.protocol);
            more = second.settings;
        }
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{listener}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}\n\
             inter.broker.listener.name=PLAINTEXT\n\
             controller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocol}\n\
             log.dirs={data}\n\
             num.partitions=1\n\
             offsets.topic.num.partitions=4\n\
             offsets.topic.replication.factor=1\n\
             transaction.state.log.num.partitions=4\n\
             transaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.num.partitions=4\n\
             share.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\n\
             {more}{settings}",
            data = data.display(),
            settings = self.settings
        )
    }
}
