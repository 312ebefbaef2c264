//! What a sink meets while it runs: a slow network, a topic that goes away, a right that is taken back, an output that is
//! far slower than its topic.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use millrace_tests::folder::lines_of;
use millrace_tests::wait::{pass_time, stays};
use millrace_tests::{
    Broker, BrokerKind, Folder, LATE, SOON, Worker, eventually, file_sink, file_source, is_long,
    numbered_lines, unique,
};

on_both_brokers!(
    a_topic_that_is_deleted_and_made_again_is_read_from_its_beginning,
    a_sink_that_is_slower_than_its_topic_takes_no_more_memory,
);

fn a_topic_that_is_deleted_and_made_again_is_read_from_its_beginning(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let client = broker.client();
    let (topic, kept, sink) = (unique("deleted"), unique("kept"), unique("sink"));
    client.create_topic(&topic, 1);
    client.create_topic(&kept, 1);
    client.produce(&topic, &["1", "2"]);
    let mut worker = Worker::under_test(broker);
    let output = worker.folder().path("out.txt");
    let connector = file_sink(&sink, &topic, &output)
        .set("topics", format!("{topic},{kept}"))
        .set("consumer.override.metadata.max.age.ms", 1_000)
        .set("consumer.override.allow.auto.create.topics", "false");
    worker.add(&connector);
    worker.start();
    eventually(LATE, || lines_of(&output) == ["1", "2"]);
    let group = format!("connect-{sink}");
    let is_committed = |topic: &str| client.committed(&group).iter().any(|(name, ..)| name == topic);
    eventually(SOON, || is_committed(&topic));

    client.delete_topic(&topic);
    client.produce(&kept, &["kept"]);
    eventually(LATE, || lines_of(&output) == ["1", "2", "kept"]);
    eventually(LATE, || !is_committed(&topic));
    assert!(worker.rest().is_running(&sink), "{:?}", worker.rest().task_failure(&sink));

    client.create_topic(&topic, 1);
    client.produce(&topic, &["3", "4", "5"]);
    eventually(LATE, || lines_of(&output) == ["1", "2", "kept", "3", "4", "5"]);
    assert!(worker.rest().is_running(&sink), "{:?}", worker.rest().task_failure(&sink));
}

#[test]
fn a_slow_network_delays_a_sink_and_loses_nothing() {
    let (broker, proxy) = Broker::behind_proxy();
    let lines = numbered_lines(20_000);
    broker.client().produce("lines", &lines);
    // What is there comes in one fetch, which takes a quarter of a minute.
    proxy.limit(80_000);
    let mut worker = Worker::millrace_at(&format!("127.0.0.1:{}", proxy.port()));
    let output = worker.folder().path("out.txt");
    worker.add(&file_sink("sink", "lines", &output));
    worker.start();
    eventually(LATE, || lines_of(&output).len() >= lines.len());
    assert!(lines_of(&output) == lines, "the lines differ");
    assert!(worker.rest().is_running("sink"));
    eventually(SOON, || {
        broker.client().committed("connect-sink") == [("lines".to_owned(), 0, lines.len() as i64)]
    });
}

#[test]
fn a_topic_that_may_not_be_read_fails_its_own_task_until_it_may() {
    const READ_SECRET: [&str; 4] = ["app", "READ", "TOPIC", "secret"];
    let broker = Broker::guarded();
    let client = broker.client();
    for topic in ["open", "secret"] {
        client.create_topic(topic, 1);
        client.produce(topic, &[format!("{topic} 1")]);
    }
    client.allow(["app", "READ", "TOPIC", "open"]);
    client.allow(["app", "READ", "GROUP", "*"]);
    let mut worker = Worker::millrace_at(&broker.guarded_bootstrap());
    for prefix in ["", "consumer."] {
        let login = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                     username=\"app\" password=\"app-secret\";";
        worker.set(&format!("{prefix}security.protocol"), "SASL_PLAINTEXT");
        worker.set(&format!("{prefix}sasl.mechanism"), "PLAIN");
        worker.set(&format!("{prefix}sasl.jaas.config"), login);
    }
    let (open, secret) = (worker.folder().path("open.txt"), worker.folder().path("secret.txt"));
    worker.add(&file_sink("open-sink", "open", &open)).add(&file_sink("secret-sink", "secret", &secret));
    worker.start();
    let rest = worker.rest();
    let refused = || {
        let trace = rest.task_failure("secret-sink").unwrap_or_default();
        trace.contains("org.apache.kafka.common.errors.TopicAuthorizationException")
    };
    eventually(LATE, refused);
    eventually(LATE, || lines_of(&open) == ["open 1"]);

    client.allow(READ_SECRET);
    assert_eq!(rest.post_nothing("/connectors/secret-sink/tasks/0/restart").status, 204);
    eventually(LATE, || lines_of(&secret) == ["secret 1"]);

    // Taken back while the task runs.
    client.forbid(READ_SECRET);
    client.produce("secret", &["secret 2"]);
    eventually(LATE, refused);
    client.produce("open", &["open 2"]);
    eventually(LATE, || lines_of(&open) == ["open 1", "open 2"]);
    client.allow(READ_SECRET);
    assert_eq!(rest.post_nothing("/connectors/secret-sink/tasks/0/restart").status, 204);
    eventually(LATE, || lines_of(&secret) == ["secret 1", "secret 2"]);
    assert!(!worker.log().contains("app-secret"), "the password is in the log");
}

/// What the output of the slow sink takes, per second. The topic holds ten minutes of it.
const DRAIN_BYTES: usize = 100_000;

/// What may come and go: the allocator's and the operating system's.
const MEMORY_SLACK: u64 = 8 << 20;

fn a_sink_that_is_slower_than_its_topic_takes_no_more_memory(kind: BrokerKind) {
    let period = Duration::from_secs(if is_long() { 600 } else { 15 });
    let broker = Broker::shared(kind);
    let (topic, sink) = (unique("slow"), unique("sink"));
    let lines: Vec<String> = (0..64_000).map(|number| format!("{number:>1000}")).collect();
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write_lines("in.txt", &lines);
    let pipe = SlowPipe::new(worker.folder());
    worker.add(&file_source("source", &input, &topic));
    worker.start();
    eventually(LATE, || broker.client().try_count(&topic).is_ok_and(|count| count == lines.len() as u64));
    assert_eq!(worker.rest().delete("/connectors/source").status, 204);

    let connector = file_sink(&sink, &topic, &worker.folder().path("pipe"));
    assert_eq!(worker.rest().post("/connectors", &connector.request()).status, 201);
    // By then everything that is read ahead has been.
    eventually(LATE, || pipe.taken() > 2_000_000);
    let before = worker.process().memory().unwrap();
    stays(period, || worker.process().memory().unwrap() < before + MEMORY_SLACK);
    let after = worker.process().memory().unwrap();
    println!("{kind:?}: {} MB before, {} MB after {period:?}", before >> 20, after >> 20);
    assert!(worker.rest().is_running(&sink));
    // A put of what is written in half a minute is no secret.
    eventually(SOON, || worker.rest().get("/health").text.contains(r#""call":"put""#));

    let taken = pipe.drain(lines.len());
    assert!(taken == lines, "the lines differ");
}

/// A named pipe that is read slowly.
struct SlowPipe {
    taken: Arc<AtomicUsize>,
    is_slow: Arc<AtomicBool>,
    reader: thread::JoinHandle<Vec<String>>,
}

impl SlowPipe {
    fn new(folder: &Folder) -> Self {
        let path = folder.path("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()));
        let (taken, is_slow) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let slow = Slow { file: None, path, taken: taken.clone(), is_slow: is_slow.clone() };
        let reader = thread::spawn(move || {
            // As many as the topic holds: the other end stays open.
            let lines = BufReader::with_capacity(DRAIN_BYTES / 10, slow).lines();
            lines.take(64_000).map(Result::unwrap).collect()
        });
        Self { taken, is_slow, reader }
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Reads the rest as fast as it comes; returns every line.
    fn drain(self, count: usize) -> Vec<String> {
        self.is_slow.store(false, Ordering::Relaxed);
        let lines = self.reader.join().unwrap();
        assert_eq!(lines.len(), count);
        lines
    }
}

struct Slow {
    file: Option<File>,
    path: std::path::PathBuf,
    taken: Arc<AtomicUsize>,
    is_slow: Arc<AtomicBool>,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.file.is_none() {
            // Waits for the sink to open its end.
            self.file = Some(File::open(&self.path)?);
        }
        if self.is_slow.load(Ordering::Relaxed) {
            pass_time(Duration::from_millis(100));
        }
        let file = self.file.as_mut().expect("it was opened above");
        let size = file.read(buffer)?;
        self.taken.fetch_add(size, Ordering::Relaxed);
        Ok(size)
    }
}
