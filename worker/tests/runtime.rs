//! What a whole worker does for plugins, on the embedded broker: plugins of these tests, real everything else.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "runtime/errors.rs"]
mod errors;
#[path = "runtime/isolation.rs"]
mod isolation;
#[path = "runtime/odd.rs"]
mod odd;
#[path = "runtime/plugins.rs"]
mod plugins;
#[path = "runtime/sinks.rs"]
mod sinks;

use millrace_api::{Plugins, Properties, testing::eventually};
use millrace_broker::{Broker, Options};
use millrace_worker::{
    connector_file::ConnectorFile,
    data::Data,
    settings::WorkerConfig,
    standalone::{Running, Standalone},
};
use plugins::said;
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// A worker with a broker of its own.
struct Worker {
    running: Running,
    broker: Broker,
    data: Arc<Data>,
    _folder: TempDir,
}

impl Worker {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = ([127, 0, 0, 1], 0).into();
        let broker = Broker::start(&folder.path().join("broker"), listen, Options::default()).await.unwrap();
        let mut plugins = Plugins::default();
        plugins::register(&mut plugins);
        odd::register(&mut plugins);
        sinks::register(&mut plugins);
        errors::bad_plugins::register(&mut plugins);
        let mut settings = Properties::from([
            ("key.converter", "test.TextConverter"),
            ("value.converter", "test.TextConverter"),
            ("header.converter", "test.TextConverter"),
            ("listeners", "http://127.0.0.1:0"),
            ("offset.flush.interval.ms", "100"),
            ("task.shutdown.graceful.timeout.ms", "500"),
        ]);
        settings.insert("bootstrap.servers", broker.address().to_string());
        let offsets = folder.path().join("offsets");
        settings.insert("offset.storage.file.filename", offsets.to_str().unwrap());
        let config = WorkerConfig::parse(settings, &plugins).unwrap();
        let data = Data::start().unwrap();
        let bootstrap_servers = broker.address().to_string();
        let standalone = Standalone { config, bootstrap_servers, plugins, data: data.clone() };
        let running = standalone.start().await.unwrap();
        running.ready();
        print_panics();
        Self { running, broker, data, _folder: folder }
    }

    async fn create(&self, name: &str, class: &str, settings: &[(&str, &str)]) {
        let mut config: Properties = settings.iter().copied().collect();
        config.insert("name", name);
        config.insert("connector.class", class);
        let initial_state = millrace_herder::Target::Started;
        self.running.create(ConnectorFile { name: name.into(), config, initial_state }).await.unwrap();
    }

    fn status(&self, name: &str) -> String {
        self.get(&format!("/connectors/{name}/status"))
    }

    fn get(&self, path: &str) -> String {
        self.call("GET", path)
    }

    fn put(&self, path: &str) -> String {
        self.call("PUT", path)
    }

    fn delete(&self, path: &str) -> String {
        self.call("DELETE", path)
    }

    fn call(&self, method: &str, path: &str) -> String {
        let address = self.running.addresses().next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_string()
    }

    async fn stop(self) {
        self.running.stop().await;
        self.broker.stop().await;
    }
}

/// The worker keeps the words of a panic for its status; a test that fails wants them on the terminal too.
fn print_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let kept = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            eprintln!("{info}");
            kept(info);
        }));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_arrive_while_poll_waits() {
    let worker = Worker::start().await;
    worker.create("asks", "Asking", &[("topic", "acknowledged"), ("records", "5000")]).await;
    eventually(PATIENCE, || {
        said("asks").contains(&"poll heard of 5000 records, last offset 4999".to_string())
    })
    .await;
    eventually(PATIENCE, || said("asks").contains(&"poll heard of a commit".to_string())).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_takes_half_is_offered_the_rest_in_order() {
    let worker = Worker::start().await;
    worker.create("fills", "Asking", &[("topic", "halved"), ("records", "1000")]).await;
    worker.create("halves", "Halving", &[("topics", "halved")]).await;
    eventually(PATIENCE, || said("halves").len() >= 1000).await;
    let expected: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(said("halves"), expected);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_fails_its_own_task_only() {
    let worker = Worker::start().await;
    worker.create("fine", "Asking", &[("topic", "fine"), ("records", "10")]).await;
    worker.create("panics", "Panicking", &[("topic", "none")]).await;
    eventually(PATIENCE, || worker.status("panics").contains("this plugin is out of order")).await;
    let status = worker.status("panics");
    assert!(status.contains(r#""state":"FAILED""#) && status.contains("plugins.rs"), "{status}");
    let trace = status.split_once(r#""trace":""#).unwrap().1;
    assert!(
        !trace.split_once("\\n").unwrap().0.contains("core::"),
        "the first line is the panic's own words: {trace}"
    );
    eventually(PATIENCE, || said("fine").iter().any(|text| text.starts_with("poll heard of 10 records")))
        .await;
    assert!(!worker.status("fine").contains("FAILED"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_never_stops_does_not_hold_up_the_end() {
    let worker = Worker::start().await;
    worker.create("clings", "Clinging", &[("topic", "none")]).await;
    eventually(PATIENCE, || said("clings").contains(&"polled".to_string())).await;
    let asked = Instant::now();
    worker.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(said("clings").last().unwrap(), "stopping");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_fails_the_request_and_shows_why() {
    let worker = Worker::start().await;
    let mut config =
        Properties::from([("name", "refuses"), ("connector.class", "Refusing"), ("topic", "none")]);
    config.insert("tasks.max", "1");
    let initial_state = millrace_herder::Target::Started;
    let file = ConnectorFile { name: "refuses".into(), config, initial_state };
    let error = worker.running.create(file).await.unwrap_err();
    assert_eq!(error.to_string(), "the table is gone");
    let status = worker.status("refuses");
    assert!(status.contains(r#""connector":{"state":"FAILED""#), "{status}");
    worker.stop().await;
}
