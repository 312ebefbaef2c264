//! Pause, resume, stop, restart: codes, states, and what happens to the lines.

use std::time::Duration;

use millrace_tests::folder::append;
use millrace_tests::wait::stays;
use millrace_tests::{Broker, BrokerKind, SOON, eventually, file_source, unique};
use serde_json::json;

use crate::{source, worker};

#[test]
fn a_paused_connector_delivers_nothing_until_it_is_resumed() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let topic = unique("paused");
    let input = worker.folder().path("in.txt");
    rest.post("/connectors", &file_source("lines", &input, &topic).request());
    eventually(SOON, || broker.client().count(&topic) == 2);

    let paused = rest.put_nothing("/connectors/lines/pause");
    assert_eq!((paused.status, paused.text.as_str()), (202, ""));
    eventually(SOON, || {
        rest.connector_state("lines").as_deref() == Some("PAUSED") && rest.task_states("lines") == ["PAUSED"]
    });
    append(&input, "three\n");
    stays(Duration::from_secs(2), || broker.client().count(&topic) == 2);
    assert_eq!(rest.put_nothing("/connectors/lines/pause").status, 202);

    // A new configuration does not wake it.
    let changed = file_source("lines", &input, &topic).set("batch.size", 7);
    assert_eq!(rest.put("/connectors/lines/config", &changed.config()).status, 200);
    eventually(SOON, || rest.task_states("lines") == ["PAUSED"]);

    assert_eq!(rest.put_nothing("/connectors/lines/resume").status, 202);
    eventually(SOON, || rest.is_running("lines"));
    eventually(SOON, || broker.client().values(&topic) == ["one", "two", "three"]);
}

#[test]
fn a_stopped_connector_has_no_tasks_until_it_is_resumed() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let topic = unique("stopped");
    let input = worker.folder().path("in.txt");
    rest.post("/connectors", &file_source("lines", &input, &topic).request());
    eventually(SOON, || broker.client().count(&topic) == 2);

    let stopped = rest.put_nothing("/connectors/lines/stop");
    assert_eq!((stopped.status, stopped.text.as_str()), (204, ""));
    eventually(SOON, || rest.connector_state("lines").as_deref() == Some("STOPPED"));
    eventually(SOON, || rest.task_states("lines").is_empty());
    assert_eq!(rest.get("/connectors/lines/tasks").text, "[]");
    assert_eq!(rest.put_nothing("/connectors/lines/stop").status, 204);

    append(&input, "three\n");
    assert_eq!(rest.put_nothing("/connectors/lines/resume").status, 202);
    eventually(SOON, || rest.is_running("lines"));
    eventually(SOON, || broker.client().values(&topic) == ["one", "two", "three"]);
}

#[test]
fn restarts_answer_as_they_are_asked() {
    let worker = worker();
    let rest = worker.rest();
    rest.post("/connectors", &source(&worker, "lines").request());
    eventually(SOON, || rest.is_running("lines"));

    let plain = rest.post_nothing("/connectors/lines/restart");
    assert_eq!((plain.status, plain.text.as_str()), (204, ""));
    eventually(SOON, || rest.is_running("lines"));

    let all = rest.post_nothing("/connectors/lines/restart?includeTasks=true");
    assert_eq!(all.status, 202, "{}", all.text);
    assert_eq!(all.json()["connector"]["state"], "RESTARTING");
    assert_eq!(all.json()["tasks"][0]["state"], "RESTARTING");
    eventually(SOON, || rest.is_running("lines"));

    let none_failed = rest.post_nothing("/connectors/lines/restart?includeTasks=true&onlyFailed=true");
    assert_eq!(none_failed.status, 202, "{}", none_failed.text);
    assert_eq!(none_failed.json()["connector"]["state"], "RUNNING");
    assert_eq!(none_failed.json()["tasks"][0]["state"], "RUNNING");

    assert_eq!(rest.post_nothing("/connectors/lines/tasks/0/restart").status, 204);
    eventually(SOON, || rest.is_running("lines"));
}

/// The task fails on a folder, and runs once there is a file.
#[test]
fn a_failed_task_is_restarted() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let (topic, name) = (unique("repaired"), unique("sink"));
    broker.client().produce(&topic, &["one"]);
    let folder = worker.folder().path("missing");
    let output = folder.join("out.txt");
    rest.post("/connectors", &millrace_tests::file_sink(&name, &topic, &output).request());
    eventually(SOON, || rest.task_failure(&name).is_some());
    std::fs::create_dir(&folder).unwrap();

    let answer = rest.post_nothing(&format!("/connectors/{name}/restart?includeTasks=true&onlyFailed=true"));
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["connector"]["state"], "RUNNING");
    assert_eq!(answer.json()["tasks"][0]["state"], "RESTARTING");
    eventually(SOON, || rest.is_running(&name));
    eventually(SOON, || std::fs::read_to_string(&output).is_ok_and(|text| text == "one\n"));
}

#[test]
fn unknown_connectors_and_tasks_are_not_found() {
    let worker = worker();
    let rest = worker.rest();
    rest.post("/connectors", &source(&worker, "lines").request());
    eventually(SOON, || rest.is_running("lines"));
    let check = |answer: millrace_tests::Answer, message: &str| {
        assert_eq!(answer.json(), json!({ "error_code": 404, "message": message }));
        assert_eq!(answer.status, 404);
    };
    check(rest.get("/connectors/nobody"), "Connector nobody not found");
    check(rest.get("/connectors/nobody/config"), "Connector nobody not found");
    check(rest.get("/connectors/nobody/tasks"), "Connector nobody not found");
    check(rest.get("/connectors/nobody/status"), "No status found for connector nobody");
    check(rest.get("/connectors/lines/tasks/7/status"), "No status found for task lines-7");
    check(rest.delete("/connectors/nobody"), "Connector nobody not found");
    check(rest.put_nothing("/connectors/nobody/pause"), "Unknown connector nobody");
    check(rest.put_nothing("/connectors/nobody/resume"), "Unknown connector nobody");
    check(rest.post_nothing("/connectors/nobody/restart?includeTasks=true"), "Unknown connector: nobody");
    check(rest.post_nothing("/connectors/lines/tasks/7/restart"), "Task lines-7 not found");
    check(rest.get("/connectors/lines/tasks/x/status"), "HTTP 404 Not Found");
}

/// Connect answers 500 with a null pointer's text, or with another sentence; 404 was meant.
#[test]
fn unknown_connectors_are_not_found_where_connect_stumbles() {
    let worker = worker();
    let rest = worker.rest();
    for answer in [
        rest.post_nothing("/connectors/nobody/restart"),
        rest.post_nothing("/connectors/nobody/tasks/0/restart"),
        rest.put_nothing("/connectors/nobody/stop"),
    ] {
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
    assert_eq!(rest.post_nothing("/connectors/nobody/restart").message(), "Connector nobody not found");
}
