//! Config providers, and that what they give is seen nowhere.

use std::fmt::Write as _;
use std::fs;

use millrace_tests::{
    Answer, Broker, BrokerKind, Connector, Rest, SOON, Worker, eventually, file_sink, file_source, unique,
};
use serde_json::json;

const SECRETS: usize = 1000;

/// What every secret holds, and nothing else does.
const MARK: &str = "planted";

/// A worker whose providers may read a folder with a thousand secrets: numbers, paths, and plain texts.
fn worker() -> Worker {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.folder().write("in.txt", "one\ntwo\n");
    let mut secrets = String::new();
    for index in 0..SECRETS {
        writeln!(secrets, "k{index}={MARK}-{index}-{:x}", (index + 7) * 0x9E37_79B9).unwrap();
    }
    writeln!(secrets, "path=/no/such/folder/{MARK}-path/out.txt").unwrap();
    writeln!(secrets, "regex=({MARK}-regex").unwrap();
    fs::create_dir(worker.folder().path("secrets")).unwrap();
    worker.folder().write("secrets/all.properties", &secrets);
    let folder = worker.folder().path("secrets").display().to_string();
    worker.set("config.providers", "file,dir,env");
    worker.set("config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider");
    worker.set("config.providers.file.param.allowed.paths", &folder);
    worker.set("config.providers.dir.class", "DirectoryConfigProvider");
    worker.set("config.providers.env.class", "EnvVarConfigProvider");
    worker.set("config.providers.env.param.allowlist.pattern", "PATH");
    // In the worker's own file, too.
    for (index, setting) in
        ["consumer.ssl.key.password", "admin.x.password", "some.unknown.setting"].iter().enumerate()
    {
        worker.set(setting, secret(&worker, &format!("k{index}")));
    }
    worker
}

/// A reference to one of the worker's secrets.
fn secret(worker: &Worker, key: &str) -> String {
    format!("${{file:{}:{key}}}", worker.folder().path("secrets/all.properties").display())
}

#[test]
fn references_are_resolved_for_connectors_and_shown_as_they_are() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = worker();
    worker.start();
    let rest = worker.rest();
    let topic = unique("referred");
    let file = worker.folder().write("secrets/topic", &topic);
    let reference = format!("${{dir:{}:topic}}", file.parent().unwrap().display());
    let source = file_source("lines", &worker.folder().path("in.txt"), &reference)
        .set("unknown.provider", "${other:a:b}")
        .set("unknown.variable", "${env:HOME}");
    assert_eq!(rest.post("/connectors", &source.request()).status, 201);
    eventually(SOON, || broker.client().values(&topic) == ["one", "two"]);
    assert_eq!(rest.get("/connectors/lines/config").json(), source.config());
    assert_eq!(rest.get("/connectors/lines/tasks").json()[0]["config"]["topic"], reference);
    // A restart reads the secret anew.
    let other = unique("referred");
    worker.folder().write("secrets/topic", &other);
    millrace_tests::folder::append(&worker.folder().path("in.txt"), "three\n");
    eventually(SOON, || broker.client().count(&topic) == 3);
    rest.post_nothing("/connectors/lines/restart?includeTasks=true");
    eventually(SOON, || rest.is_running("lines"));
    millrace_tests::folder::append(&worker.folder().path("in.txt"), "four\n");
    eventually(SOON, || broker.client().values(&other) == ["four"]);
}

#[test]
fn a_thousand_planted_secrets_are_seen_nowhere() {
    let mut worker = worker();
    worker.start();
    let rest = worker.rest();
    let mut seen = String::new();
    let mut look = |answer: Answer| {
        seen.push_str(&answer.text);
        answer
    };
    let source = plant(&worker, file_source("lines", &worker.folder().path("in.txt"), &unique("topic")));
    let created = look(rest.post("/connectors", &source.request()));
    assert_eq!(created.status, 201, "{}", created.text);
    eventually(SOON, || rest.is_running("lines"));
    assert_eq!(rest.get("/connectors/lines/config").json(), source.config());

    // A task that fails on a secret path, with the path in the operating system's words.
    let topic = unique("topic");
    Broker::shared(BrokerKind::Embedded).client().produce(&topic, &["one"]);
    let mut sink = file_sink("failing", &topic, std::path::Path::new("x")).config();
    sink["file"] = json!(secret(&worker, "path"));
    assert_eq!(look(rest.put("/connectors/failing/config", &sink)).status, 201);
    eventually(SOON, || rest.task_failure("failing").is_some());

    for (setting, key) in [
        ("tasks.max", "k1"),
        ("batch.size", "k2"),
        ("connector.class", "k3"),
        ("value.converter", "k4"),
        ("transforms", "k5"),
        ("transforms.t.type", "k6"),
        ("errors.tolerance", "k7"),
        ("producer.override.linger.ms", "k8"),
        ("producer.override.sasl.jaas.config", "k9"),
    ] {
        let mut config = source.clone().set(setting, secret(&worker, key)).config();
        look(rest.put("/connector-plugins/FileStreamSource/config/validate", &config));
        config["name"] = json!("refused");
        look(rest.put("/connectors/refused/config", &config));
        look(rest.patch("/connectors/lines/config", &json!({ setting: secret(&worker, key) })));
    }
    let mut sink = file_sink("regex", "x", std::path::Path::new("x")).config();
    sink["topics.regex"] = json!(secret(&worker, "regex"));
    look(rest.put("/connectors/regex/config", &sink));
    look(rest.put("/connector-plugins/FileStreamSink/config/validate", &sink));
    everything(&rest, &mut look);
    let log = worker.stop().log;

    assert!(!seen.contains(MARK), "an answer shows {}", around(&seen));
    assert!(log.contains("[hidden]"));
    let log = log.replace(worker.folder().root().to_str().unwrap(), "");
    assert!(!log.contains(&format!("{MARK}-")), "the log shows {}", around(&log));
    let offsets = String::from_utf8_lossy(&fs::read(worker.offset_file()).unwrap()).into_owned();
    assert!(!offsets.contains(MARK), "the offset file shows {}", around(&offsets));
}

/// Puts a secret into every setting that takes one, and into hundreds that nobody knows.
fn plant(worker: &Worker, connector: Connector) -> Connector {
    let mut connector = connector
        .set("transforms", "t")
        .set("transforms.t.type", "org.apache.kafka.connect.transforms.InsertHeader")
        .set("transforms.t.header", "h")
        .set("transforms.t.value.literal", secret(worker, "k10"))
        .set("value.converter", "org.apache.kafka.connect.storage.StringConverter")
        .set("value.converter.unknown", secret(worker, "k11"))
        .set("producer.override.ssl.key.password", secret(worker, "k12"));
    for index in 20..SECRETS {
        connector = connector.set(&format!("setting.{index}"), secret(worker, &format!("k{index}")));
    }
    connector
}

/// Asks for everything that can be asked for.
fn everything(rest: &Rest, look: &mut dyn FnMut(Answer) -> Answer) {
    look(rest.get("/connectors?expand=info&expand=status"));
    for name in ["lines", "failing", "refused"] {
        for part in ["", "/config", "/status", "/tasks", "/tasks/0/status", "/offsets", "/topics"] {
            look(rest.get(&format!("/connectors/{name}{part}")));
        }
        look(rest.post_nothing(&format!("/connectors/{name}/restart?includeTasks=true")));
        look(rest.put_nothing(&format!("/connectors/{name}/stop")));
        look(rest.delete(&format!("/connectors/{name}/offsets")));
    }
    look(rest.get("/admin/loggers"));
    look(rest.get("/connector-plugins/FileStreamSource/config"));
}

/// Returns what stands around the first mark.
fn around(text: &str) -> &str {
    let at = text.find(MARK).unwrap_or(0);
    let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.floor_char_boundary(at + 100));
    &text[from..to]
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let mut worker = worker();
    worker.start();
    let rest = worker.rest();
    let missing = format!("${{file:{}/none:a}}", worker.folder().path("secrets").display());
    let source = file_source("lines", &worker.folder().path("in.txt"), &unique("missing")).set("x", missing);
    let answer = rest.post("/connectors", &source.request());
    assert_eq!(answer.status, 500, "{}", answer.text);
    assert!(answer.message().contains("Could not read properties from file"), "{}", answer.text);
    // Outside of the allowed paths references stay as they are.
    let outside = source.set("x", "${file:/etc/passwd:root}");
    assert_eq!(rest.post("/connectors", &outside.request()).status, 201);
}
