#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    driver::{HerderHandle, Message},
    fake_plugins::plugins,
    offset_store::FileOffsetStore,
};
use axum::body::to_bytes;
use millrace_api::Properties;
use millrace_herder::{
    ConnectorInfo, ConnectorStatus, Include, Refusal, Request as Ask, Response as Answer, Stage, State,
    Target, TaskId, TaskInfo, TaskStatus, Time, Which,
};
use std::{sync::Mutex, time::Duration};

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";

/// A herder that knows the connectors `s1` (a source with one task), `a b/c%` and `odd` (of an unknown class), and
/// refuses everything about others.
fn herder(asked: Arc<Mutex<Vec<Ask>>>) -> HerderHandle {
    let (handle, mut messages) = HerderHandle::new();
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            let Message::Ask(request, answer) = message else { continue };
            asked.lock().unwrap().push(request.clone());
            let _ = answer.send(reply(request));
        }
    });
    handle
}

fn reply(request: Ask) -> Result<Answer, Refusal> {
    let known = |name: &Arc<str>| matches!(name.as_ref(), "s1" | "a b/c%" | "odd");
    match request {
        Ask::Connectors => Ok(Answer::Connectors(vec!["s1".into(), "odd".into()])),
        Ask::Connector { name } if known(&name) => Ok(Answer::Connector(info(&name))),
        Ask::Connector { name } => Err(Refusal::ConnectorNotFound(name)),
        Ask::Tasks { name } if known(&name) => Ok(Answer::Tasks(vec![TaskInfo {
            task: TaskId { connector: name, index: 0 },
            settings: Arc::new(Properties::from([("task.class", "T"), ("file", "f")])),
        }])),
        Ask::Tasks { name } => Err(Refusal::ConnectorNotFound(name)),
        Ask::Status { name } if known(&name) => Ok(Answer::Status(status(&name, State::Running))),
        Ask::Status { name } => Err(Refusal::NoConnectorStatus(name)),
        Ask::TaskStatus { task } if task.index == 0 => Ok(Answer::TaskStatus(task_status(0, State::Running))),
        Ask::TaskStatus { task } => Err(Refusal::NoTaskStatus(task)),
        Ask::Statuses => {
            let names = ["s1".into(), "odd".into()];
            Ok(Answer::Statuses(
                names.iter().map(|name| (info(name), status(name, State::Running))).collect(),
            ))
        }
        Ask::Create { name, .. } if name.as_ref() == "s1" => Err(Refusal::AlreadyExists(name)),
        Ask::Create { name, .. } if name.as_ref() == "broken" => Err(Refusal::StartFailed("no disk".into())),
        Ask::Create { name, config, .. } => Ok(Answer::Created(made(&name, config))),
        Ask::PutConfig { name, config } if known(&name) => Ok(Answer::Replaced(made(&name, config))),
        Ask::PutConfig { name, config } => Ok(Answer::Created(made(&name, config))),
        Ask::Delete { name } if !known(&name) => Err(Refusal::ConnectorNotFound(name)),
        Ask::Pause { name } | Ask::Resume { name } | Ask::Stop { name } if !known(&name) => {
            let late = Refusal::TimedOut {
                stage: Stage::StoppingConnector(name.clone()),
                since: Time(Duration::from_millis(1500)),
            };
            Err(if name.as_ref() == "late" { late } else { Refusal::UnknownConnector(name) })
        }
        Ask::RestartConnector { name, .. } if !known(&name) => Err(Refusal::NothingToRestart(name)),
        Ask::RestartConnector { include: Include::ConnectorOnly, which: Which::All, .. } => Ok(Answer::Done),
        Ask::RestartConnector { name, .. } => Ok(Answer::Restarting(status(&name, State::Restarting))),
        Ask::RestartTask { task } if task.index > 0 => Err(Refusal::TaskNotFound(task)),
        Ask::Delete { .. } | Ask::Pause { .. } | Ask::Resume { .. } | Ask::Stop { .. } => Ok(Answer::Done),
        Ask::ChangeOffsets { name, .. } if !known(&name) => Err(Refusal::NotStopped(name)),
        Ask::ChangeOffsets { .. } => Ok(Answer::OffsetsChanged("well".into())),
        Ask::Topics { .. } => Ok(Answer::Topics(Vec::new())),
        Ask::RestartTask { .. } | Ask::Health => Ok(Answer::Done),
        Ask::PutTasks { .. } | Ask::ResetTopics { .. } | Ask::SetClusterLevel { .. } => Ok(Answer::Done),
    }
}

fn info(name: &Arc<str>) -> ConnectorInfo {
    let class = if name.as_ref() == "odd" { "Gone" } else { "LinesSource" };
    let mut config = Properties::from([("name", name.as_ref()), ("connector.class", class)]);
    config.insert("topic", "t");
    ConnectorInfo {
        name: name.clone(),
        config: Arc::new(config),
        tasks: vec![TaskId { connector: name.clone(), index: 0 }],
    }
}

fn made(name: &Arc<str>, config: Properties) -> ConnectorInfo {
    ConnectorInfo { name: name.clone(), config: Arc::new(config), tasks: Vec::new() }
}

fn status(name: &Arc<str>, state: State) -> ConnectorStatus {
    let failed = TaskStatus { trace: Some("no disk\n\tat x".into()), ..task_status(1, State::Failed) };
    let tasks = vec![task_status(0, state), failed];
    ConnectorStatus { name: name.clone(), state, worker_id: "w:1".into(), trace: Some("".into()), tasks }
}

fn task_status(index: u32, state: State) -> TaskStatus {
    TaskStatus { index, state, worker_id: "w:1".into(), trace: None }
}

struct Api {
    resources: Option<Resources>,
    asked: Arc<Mutex<Vec<Ask>>>,
    ready: Arc<AtomicBool>,
}

/// What requests are answered from: a worker without brokers and offsets.
fn state(herder: HerderHandle, ready: Arc<AtomicBool>) -> RestState {
    let settings =
        [("key.converter", STRING), ("value.converter", STRING), ("offset.storage.file.filename", "/tmp/o")];
    let worker = WorkerConfig::parse(Properties::from(settings), &plugins()).unwrap();
    let store = FileOffsetStore::open(std::path::Path::new("/nowhere/offsets")).unwrap();
    let offsets = Offsets {
        plugins: Arc::new(plugins()),
        store: Arc::new(store),
        bootstrap_servers: "127.0.0.1:1".to_owned(),
        worker: worker.properties.clone(),
        providers: Arc::default(),
    };
    RestState {
        herder,
        plugins: Arc::new(plugins()),
        worker: Arc::new(worker),
        cluster_id: "Zx3n".to_owned(),
        offsets,
        topics: Arc::default(),
        ready,
        watchdog: Arc::default(),
    }
}

impl Api {
    fn new() -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ready = Arc::new(AtomicBool::new(true));
        let (resources, _) = resources(state(herder(asked.clone()), ready.clone()));
        Self { resources: Some(resources), asked, ready }
    }

    /// Sends a request as `METHOD path`, further lines being headers, then an empty line and the body.
    async fn send(&self, request: &str) -> Response<Body> {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(path).header("Host", "connect:8083");
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            builder = builder.header(name, value);
        }
        if !body.is_empty() {
            builder = builder.header("Content-Length", body.len());
        }
        let ends = Ends { local: "127.0.0.1:8083".parse().unwrap(), remote: "127.0.0.1:9".parse().unwrap() };
        let request = builder.body(Body::from(body.to_owned())).unwrap();
        respond(self.resources.clone(), ends, request).await
    }

    /// Checks an answer given as `status[ type]`, further lines being headers, then an empty line and the body.
    async fn check(&self, request: &str, expected: &str) {
        let response = self.send(request).await;
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let kind = header("content-type").map(|kind| format!(" {kind}")).unwrap_or_default();
        let mut found = format!("{}{kind}", response.status().as_u16());
        for name in ["Allow", "Location"] {
            found.extend(header(name).map(|value| format!("\n{name}: {value}")));
        }
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        if !body.is_empty() {
            found.push_str("\n\n");
            found.push_str(std::str::from_utf8(&body).unwrap());
        }
        assert_eq!(found, expected, "{request}");
    }

    async fn json(&self, request: &str, body: &str) {
        self.check(request, &format!("200 application/json\n\n{body}")).await;
    }

    async fn error(&self, request: &str, code: u16, message: &str) {
        let message = serde_json::to_string(message).unwrap();
        let body = format!("{{\"error_code\":{code},\"message\":{message}}}");
        self.check(request, &format!("{code} application/json\n\n{body}")).await;
    }

    fn last_asked(&self) -> Ask {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

mod offsets;

const JSON: &str = "Content-Type: application/json";

#[tokio::test]
async fn the_root_names_the_version_and_the_cluster() {
    let api = Api::new();
    api.json("GET /", r#"{"version":"4.1.1","commit":"unknown","kafka_cluster_id":"Zx3n"}"#).await;
    api.json(
        "GET /\nContent-Type: text/plain",
        r#"{"version":"4.1.1","commit":"unknown","kafka_cluster_id":"Zx3n"}"#,
    )
    .await;
}

#[tokio::test]
async fn connectors_are_listed_and_expanded() {
    let api = Api::new();
    api.json("GET /connectors", r#"["s1","odd"]"#).await;
    api.json("GET /connectors/", r#"["s1","odd"]"#).await;
    api.json("GET /connectors?expand=foo", r#"{"odd":{},"s1":{}}"#).await;
    let s1 = r#"{"name":"s1","config":{"connector.class":"LinesSource","name":"s1","topic":"t"},"tasks":[{"connector":"s1","task":0}],"type":"source"}"#;
    let odd = r#"{"name":"odd","config":{"connector.class":"Gone","name":"odd","topic":"t"},"tasks":[{"connector":"odd","task":0}],"type":"unknown"}"#;
    api.json("GET /connectors?expand=info", &format!(r#"{{"odd":{{"info":{odd}}},"s1":{{"info":{s1}}}}}"#))
        .await;
    let status = r#""connector":{"state":"RUNNING","worker_id":"w:1","version":"4.1.1"},"tasks":[{"id":0,"state":"RUNNING","worker_id":"w:1","version":"4.1.1"},{"id":1,"state":"FAILED","worker_id":"w:1","version":"4.1.1","trace":"no disk\n\tat x"}],"type":"source"}"#;
    let unknown = status.replace("\"4.1.1\"", "null").replace("source", "unknown");
    api.json(
        "GET /connectors?expand=status&expand=info&expand=none",
        &format!(r#"{{"odd":{{"info":{odd},"status":{{"name":"odd",{unknown}}},"s1":{{"info":{s1},"status":{{"name":"s1",{status}}}}}"#),
    )
    .await;
    api.json("GET /connectors/s1", s1).await;
    api.json("GET /connectors/s1/", s1).await;
    api.json("GET /connectors/s1/config", r#"{"connector.class":"LinesSource","name":"s1","topic":"t"}"#)
        .await;
    api.json("GET /connectors/s1/status", &format!(r#"{{"name":"s1",{status}"#)).await;
    api.error("GET /connectors/none", 404, "Connector none not found").await;
    api.error("GET /connectors/none/config", 404, "Connector none not found").await;
    api.error("GET /connectors/none/status", 404, "No status found for connector none").await;
}

#[tokio::test]
async fn names_are_percent_decoded() {
    let api = Api::new();
    let body = r#"{"name":"a b/c%","config":{"connector.class":"LinesSource","name":"a b/c%","topic":"t"},"tasks":[{"connector":"a b/c%","task":0}],"type":"source"}"#;
    api.json("GET /connectors/a%20b%2Fc%25", body).await;
    api.error("GET /connectors/a+b%C3%A9", 404, "Connector a+bé not found").await;
    api.error("GET /connectors/%FF", 400, "the path is not percent-encoded UTF-8").await;
}

#[tokio::test]
async fn a_connector_is_created() {
    let api = Api::new();
    let request = format!(
        "POST /connectors\n{JSON}; charset=utf-8\n\n{{\"name\":\" a b/é{{x}} \",\"initial_state\":\"stopped\",\"config\":{{\"connector.class\":\"LinesSource\",\"topic\":\"t\",\"tasks.max\":1,\"x\":1.50,\"y\":true}}}}"
    );
    let name = "a b/é{x}";
    let body = format!(
        "{{\"name\":\"{name}\",\"config\":{{\"connector.class\":\"LinesSource\",\"name\":\"{name}\",\"tasks.max\":\"1\",\"topic\":\"t\",\"x\":\"1.50\",\"y\":\"true\"}},\"tasks\":[],\"type\":\"source\"}}"
    );
    let location = "http://connect:8083/connectors/a%20b/%C3%A9%7Bx%7D";
    api.check(&request, &format!("201 application/json\nLocation: {location}\n\n{body}")).await;
    assert!(matches!(api.last_asked(), Ask::Create { initial_state: Target::Stopped, .. }));

    let create = |body: &str| format!("POST /connectors\n{JSON}\n\n{body}");
    let good = r#"{"connector.class":"LinesSource","topic":"t"}"#;
    api.error(&create(&format!(r#"{{"name":"s1","config":{good}}}"#)), 409, "Connector s1 already exists")
        .await;
    api.error(&create(&format!(r#"{{"name":"broken","config":{good}}}"#)), 500, "no disk").await;
    let text = "Connector name configuration (y) doesn't match connector name in the URL (x)";
    api.error(&create(r#"{"name":"x","config":{"name":"y"}}"#), 400, text).await;
    api.error(
        &create(r#"{"name":"x","config":{}}"#),
        400,
        "Connector config {name=x} contains no connector type",
    )
    .await;
    let text = "Connector configuration is invalid and contains the following 1 error(s):\nInvalid value  for configuration name: String may not be empty\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`";
    api.error(&create(&format!(r#"{{"config":{good}}}"#)), 400, text).await;
    let text = text.replace(
        "Invalid value  for configuration name: String may not be empty",
        "Null value can not be supplied as the configuration value.",
    );
    api.error(
        &create(r#"{"name":"x","config":{"connector.class":"LinesSource","topic":"t","z":null}}"#),
        400,
        &text,
    )
    .await;
    let text = "Failed to find any class that implements Connector and which name matches Nope, available connectors are: org.example.LinesSinkConnector, org.example.LinesSourceConnector";
    api.error(&create(r#"{"name":"x","config":{"connector.class":"Nope"}}"#), 400, text).await;
}

#[tokio::test]
async fn a_configuration_is_put() {
    let api = Api::new();
    let put = |name: &str, body: &str| format!("PUT /connectors/{name}/config\n{JSON}\n\n{body}");
    let good = r#"{"connector.class":"LinesSource","topic":"t"}"#;
    let body = |name: &str| {
        format!(
            r#"{{"name":"{name}","config":{{"connector.class":"LinesSource","name":"{name}","topic":"t"}},"tasks":[],"type":"source"}}"#
        )
    };
    api.json(&put("s1", good), &body("s1")).await;
    let created =
        format!("201 application/json\nLocation: http://connect:8083/connectors/new\n\n{}", body("new"));
    api.check(&put("new", good), &created).await;
    let text = "Connector name configuration (b) doesn't match connector name in the URL (a)";
    api.error(&put("a", r#"{"name":"b"}"#), 400, text).await;
    api.error(&put("a", "null"), 500, "the request has no body").await;
}

#[tokio::test]
async fn json_is_read_strictly() {
    let api = Api::new();
    let create = |body: &str| format!("POST /connectors\n{JSON}\n\n{body}");
    let wrong = "the request body is not the JSON that is expected: ";
    for (body, text) in [
        (r#"{"name":"x","foo":1,"config":{}}"#, "Unrecognized field \"foo\", not marked as ignorable (3 known properties: \"config\", \"name\", \"initial_state\")".to_owned()),
        (r#"{"name":"x","config":{"a":{}}}"#, "the value of \"a\" is an object or an array, where a text is expected".to_owned()),
        (r#"{"name":["x"],"config":{}}"#, "the value of \"name\" is an object or an array, where a text is expected".to_owned()),
        (r#"{"name":"x","config":{"a":1"#, format!("{wrong}EOF while parsing an object at line 1 column 27")),
        (r#"{"name":"x","config":{}} trailing"#, format!("{wrong}trailing characters at line 1 column 26")),
        (r#"{"name":"x",/**/"config":{}}"#, format!("{wrong}key must be a string at line 1 column 13")),
        (r#"[]"#, format!("{wrong}invalid type: sequence, expected an object at line 1 column 0")),
        (r#"{"name":"x"}"#, "the request body has no config".to_owned()),
        (r#"{"name":"x","config":{},"initial_state":"zz"}"#, "initial_state is 'zz', not one of RUNNING, PAUSED, STOPPED".to_owned()),
    ] {
        api.error(&create(body), 500, &text).await;
    }
    api.error("POST /connectors", 500, "the request has no body").await;
    assert!(api.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tasks_are_shown_and_restarted() {
    let api = Api::new();
    api.json(
        "GET /connectors/s1/tasks",
        r#"[{"id":{"connector":"s1","task":0},"config":{"file":"f","task.class":"T"}}]"#,
    )
    .await;
    api.error("GET /connectors/none/tasks", 404, "Connector none not found").await;
    let status = r#"{"id":0,"state":"RUNNING","worker_id":"w:1","version":"4.1.1"}"#;
    api.json("GET /connectors/s1/tasks/0/status", status).await;
    api.error("GET /connectors/s1/tasks/9/status", 404, "No status found for task s1-9").await;
    api.error("GET /connectors/s1/tasks/x/status", 404, "HTTP 404 Not Found").await;
    api.check("POST /connectors/s1/tasks/0/restart", "204").await;
    api.error("POST /connectors/s1/tasks/7/restart", 404, "Task s1-7 not found").await;
}

#[tokio::test]
async fn connectors_are_paused_stopped_restarted_and_deleted() {
    let api = Api::new();
    api.check("PUT /connectors/s1/pause", "202").await;
    api.check("PUT /connectors/s1/resume", "202").await;
    api.check("PUT /connectors/s1/stop", "204").await;
    api.check("DELETE /connectors/s1", "204").await;
    api.check("POST /connectors/s1/restart", "204").await;
    api.check("POST /connectors/s1/restart?includeTasks=false&onlyFailed=no", "204").await;
    let plan = r#"{"name":"s1","connector":{"state":"RESTARTING","worker_id":"w:1","version":"4.1.1"},"tasks":[{"id":0,"state":"RESTARTING","worker_id":"w:1","version":"4.1.1"},{"id":1,"state":"FAILED","worker_id":"w:1","version":"4.1.1","trace":"no disk\n\tat x"}],"type":"source"}"#;
    api.check("POST /connectors/s1/restart?includeTasks=TRUE", &format!("202 application/json\n\n{plan}"))
        .await;
    api.check("POST /connectors/s1/restart?onlyFailed=true", &format!("202 application/json\n\n{plan}"))
        .await;
    api.error("PUT /connectors/none/pause", 404, "Unknown connector none").await;
    api.error("PUT /connectors/none/stop", 404, "Unknown connector none").await;
    api.error("DELETE /connectors/none", 404, "Connector none not found").await;
    api.error("POST /connectors/none/restart", 404, "Unknown connector: none").await;
}

#[tokio::test]
async fn a_time_out_tells_the_stage() {
    let api = Api::new();
    let response = api.send("PUT /connectors/late/stop").await;
    assert_eq!(response.status(), 500);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let text = body["message"].as_str().unwrap();
    let rest = text
        .strip_prefix("Request timed out. The worker is currently stopping connector late, which began at ");
    let instant: Timestamp = rest.unwrap().strip_suffix('.').unwrap().parse().unwrap();
    assert_eq!(instant.subsec_nanosecond() % 1_000_000, 0);
}

#[tokio::test]
async fn plugins_are_listed() {
    let api = Api::new();
    let connectors = r#"{"class":"org.example.LinesSinkConnector","type":"sink","version":"4.1.1"},{"class":"org.example.LinesSourceConnector","type":"source","version":"4.1.1"}"#;
    api.json("GET /connector-plugins", &format!("[{connectors}]")).await;
    api.json("GET /connector-plugins?connectorsOnly=true", &format!("[{connectors}]")).await;
    let others = r#"{"class":"org.example.Stamp$Value","type":"transformation","version":"4.1.1"},{"class":"org.example.IsOdd","type":"predicate","version":"4.1.1"},{"class":"org.apache.kafka.connect.storage.StringConverter","type":"converter","version":"4.1.1"},{"class":"org.apache.kafka.connect.storage.SimpleHeaderConverter","type":"header_converter","version":"4.1.1"}"#;
    api.json("GET /connector-plugins?connectorsOnly=false", &format!("[{connectors},{others}]")).await;
}

#[tokio::test]
async fn configurations_are_validated() {
    let api = Api::new();
    let put =
        |kind: &str, body: &str| format!("PUT /connector-plugins/{kind}/config/validate\n{JSON}\n\n{body}");
    let response = api
        .send(&put(
            "LinesSource",
            r#"{"name":"x","connector.class":"LinesSource","tasks.max":"0","topic":"t"}"#,
        ))
        .await;
    assert_eq!(response.status(), 200);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = std::str::from_utf8(&body).unwrap();
    assert!(text.starts_with(r#"{"name":"LinesSource","error_count":1,"groups":["Common","Transforms","Predicates","Error Handling","#), "{text}");
    let tasks_max = r#"{"definition":{"name":"tasks.max","type":"INT","required":false,"default_value":"1","importance":"HIGH","documentation":"The most tasks this connector may have.","group":"Common","width":"SHORT","display_name":"Tasks max","dependents":[],"order":4},"value":{"name":"tasks.max","value":"0","recommended_values":[],"errors":["Invalid value 0 for configuration tasks.max: Value must be at least 1"],"visible":true}}"#;
    assert!(text.contains(tasks_max), "{text}");
    let text = "Included connector type LinesSource does not match request type LinesSink";
    api.error(&put("LinesSink", r#"{"connector.class":"LinesSource"}"#), 400, text).await;
}

#[tokio::test]
async fn what_no_resource_sees_has_no_content_type() {
    let api = Api::new();
    let framework = |code: u16, reason: &str| {
        format!("{code}\n\n{{\"error_code\":{code},\"message\":\"HTTP {code} {reason}\"}}")
    };
    api.check("GET /nope", &framework(404, "Not Found")).await;
    api.check("GET /connectors/s1/nope", &framework(404, "Not Found")).await;
    api.check("PATCH /connectors", &framework(405, "Method Not Allowed")).await;
    api.check("TRACE /connectors", &framework(405, "Method Not Allowed")).await;
    api.check("DELETE /connectors\nContent-Type: text/plain", &framework(405, "Method Not Allowed")).await;
    let unsupported = framework(415, "Unsupported Media Type");
    api.check("GET /connectors\nContent-Type: text/plain", &unsupported).await;
    api.check("POST /connectors\nContent-Type: text/plain\n\n{}", &unsupported).await;
    api.error("POST /connectors\n\n{}", 415, "HTTP 415 Unsupported Media Type").await;
    let unacceptable = framework(406, "Not Acceptable");
    api.check("GET /connectors\nAccept: text/plain", &unacceptable).await;
    api.check("GET /connectors\nAccept: application/json;q=0", &unacceptable).await;
    api.check("GET /\nAccept: text/html", &unacceptable).await;
    api.json("GET /connectors\nAccept: text/html, application/*;q=0.3", r#"["s1","odd"]"#).await;
}

#[tokio::test]
async fn options_lists_the_methods() {
    let api = Api::new();
    api.check(
        "OPTIONS /connectors",
        "200 text/plain\nAllow: GET,HEAD,POST,OPTIONS\n\nGET, HEAD, POST, OPTIONS",
    )
    .await;
    api.check("OPTIONS /connectors/s1/pause", "200 text/plain\nAllow: PUT,OPTIONS\n\nPUT, OPTIONS").await;
    let json = "200 application/json\nAllow: GET,HEAD,DELETE,OPTIONS";
    api.check("OPTIONS /connectors/s1\nAccept: application/json", json).await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = Api::new();
    let response = api.send("HEAD /connectors").await;
    assert_eq!(response.headers()["content-length"], "12");
    api.check("HEAD /connectors", "200 application/json").await;
}

#[tokio::test]
async fn health_tells_whether_the_start_is_complete() {
    let api = Api::new();
    let text = "Worker has completed startup and is ready to handle requests.";
    api.json("GET /health", &format!(r#"{{"status":"healthy","message":"{text}"}}"#)).await;
    api.ready.store(false, std::sync::atomic::Ordering::Release);
    let body = r#"{"status":"starting","message":"Worker is still starting up."}"#;
    api.check("GET /health", &format!("503 application/json\n\n{body}")).await;
}

#[tokio::test]
async fn health_tells_of_a_herder_that_hangs() {
    let mut api = Api::new();
    let (herder, _messages) = HerderHandle::new();
    api.resources = Some(resources(state(herder, api.ready.clone())).0);
    let text = "Worker was unable to handle this request and may be unable to handle other requests.";
    let body = format!(r#"{{"status":"unhealthy","message":"{text}"}}"#);
    api.check("GET /health", &format!("500 application/json\n\n{body}")).await;
}

#[tokio::test]
async fn a_herder_that_has_ended_says_so() {
    let mut api = Api::new();
    let (herder, messages) = HerderHandle::new();
    drop(messages);
    api.resources = Some(resources(state(herder, api.ready.clone())).0);
    api.error("GET /connectors", 500, "Worker is shutting down").await;
    api.error("GET /health", 500, "Worker is shutting down").await;
}

#[tokio::test]
async fn before_the_resources_are_registered_every_path_is_unknown() {
    let mut api = Api::new();
    api.resources = None;
    api.check("GET /", "404 text/plain\n\nThe worker is starting.\n").await;
}

mod sockets {
    use super::*;
    use crate::settings::ListenerUrl;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        time::timeout,
    };

    fn url(host: &str, port: u16) -> ListenerUrl {
        ListenerUrl { host: host.to_owned(), port }
    }

    fn state(herder: HerderHandle) -> RestState {
        let mut state = super::state(herder, Arc::new(AtomicBool::new(true)));
        let mut settings = state.worker.properties.as_ref().clone();
        settings.insert("rest.advertised.host.name", "me");
        state.worker = Arc::new(WorkerConfig::parse(settings, &plugins()).unwrap());
        state
    }

    /// Sends a request and returns everything until the worker closes the connection.
    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    const GET: &str = "GET /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_listener_answers_404_until_it_serves() {
        let listeners = Listeners::bind(&[url("127.0.0.1", 0), url("", 0)]).unwrap();
        let addresses: Vec<_> = listeners.addresses().collect();
        assert!(ask(addresses[0], GET).await.starts_with("HTTP/1.1 404 "));
        let state = state(herder(Arc::default()));
        assert_eq!(listeners.worker_id(&state.worker), format!("me:{}", addresses[0].port()));
        assert_eq!(listeners.advertised_url(&state.worker), format!("http://me:{}/", addresses[0].port()));
        let server = listeners.serve(state);
        let answer = ask(addresses[0], GET).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("[\"s1\",\"odd\"]"),
            "{answer}"
        );
        let other = SocketAddr::from(([127, 0, 0, 1], addresses[1].port()));
        assert!(ask(other, GET).await.ends_with("[\"s1\",\"odd\"]"));
        server.stop().await;
        assert!(TcpStream::connect(addresses[0]).await.is_err());
    }

    #[tokio::test]
    async fn a_busy_port_is_named_with_its_setting() {
        let first = Listeners::bind(&[url("127.0.0.1", 0)]).unwrap();
        let port = first.addresses().next().unwrap().port();
        let error = Listeners::bind(&[url("127.0.0.1", port)]).err().unwrap();
        let error = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        let expected =
            format!("listening on http://127.0.0.1:{port} (setting listeners): Address already in use");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[tokio::test]
    async fn the_worker_id_of_an_open_host_is_this_machines_address() {
        let listeners = Listeners::bind(&[url("", 0)]).unwrap();
        let settings = [
            ("key.converter", STRING),
            ("value.converter", STRING),
            ("offset.storage.file.filename", "/tmp/o"),
        ];
        let worker = WorkerConfig::parse(Properties::from(settings), &plugins()).unwrap();
        let id: SocketAddr = listeners.worker_id(&worker).parse().unwrap();
        assert!(!id.ip().is_unspecified());
    }

    #[tokio::test]
    async fn a_stop_waits_for_open_requests_and_ends_idle_connections() {
        let (handle, mut messages) = HerderHandle::new();
        let listeners = Listeners::bind(&[url("127.0.0.1", 0)]).unwrap();
        let address = listeners.addresses().next().unwrap();
        let server = listeners.serve(state(handle));
        let mut idle = TcpStream::connect(address).await.unwrap();
        let open = tokio::spawn(ask(address, "GET /connectors HTTP/1.1\r\nHost: x\r\n\r\n"));
        let Some(Message::Ask(_, answer)) = messages.recv().await else { panic!("somebody asks") };
        let stopping = tokio::spawn(server.stop());
        // The idle connection is closed at once: the stop has begun.
        assert_eq!(timeout(Duration::from_secs(10), idle.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
        assert!(!stopping.is_finished());
        answer.send(Ok(Answer::Connectors(vec!["s1".into()]))).unwrap();
        assert!(open.await.unwrap().ends_with("[\"s1\"]"));
        timeout(Duration::from_secs(10), stopping).await.unwrap().unwrap();
    }
}
