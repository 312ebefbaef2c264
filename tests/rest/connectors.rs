//! `/connectors` and below: create, read, change, delete.

use millrace_tests::{SOON, eventually};
use serde_json::json;

use crate::{source, worker};

#[test]
fn a_connector_is_created_read_and_deleted() {
    let worker = worker();
    let rest = worker.rest();
    assert_eq!(rest.get("/connectors").text, "[]");

    let source = source(&worker, "lines");
    let created = rest.post("/connectors", &source.request());
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.header("location"), Some(format!("{}/connectors/lines", rest.base()).as_str()));
    let info = json!({
        "name": "lines",
        "config": source.config(),
        "tasks": [{ "connector": "lines", "task": 0 }],
        "type": "source",
    });
    assert_eq!(created.json(), info);

    assert_eq!(rest.get("/connectors").json(), json!(["lines"]));
    assert_eq!(rest.get("/connectors/").json(), json!(["lines"]));
    assert_eq!(rest.get("/connectors/lines").json(), info);
    assert_eq!(rest.get("/connectors/lines/config").json(), source.config());
    let mut task = source.config();
    task["task.class"] = json!("org.apache.kafka.connect.file.FileStreamSourceTask");
    let tasks = json!([{ "id": { "connector": "lines", "task": 0 }, "config": task }]);
    assert_eq!(rest.get("/connectors/lines/tasks").json(), tasks);

    let deleted = rest.delete("/connectors/lines");
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    let gone = rest.get("/connectors/lines");
    assert_eq!((gone.status, gone.message()), (404, "Connector lines not found".to_owned()));
    assert_eq!(rest.get("/connectors").text, "[]");
}

#[test]
fn status_and_info_are_expanded() {
    let worker = worker();
    let rest = worker.rest();
    rest.post("/connectors", &source(&worker, "lines").request());
    eventually(SOON, || rest.is_running("lines"));

    let answer = rest.get("/connectors/lines/status");
    let status = answer.json();
    let id = status["connector"]["worker_id"].as_str().unwrap();
    assert!(id.ends_with(&format!(":{}", worker.port())), "{id}");
    assert_eq!(
        answer.text,
        format!(
            r#"{{"name":"lines","connector":{{"state":"RUNNING","worker_id":"{id}","version":"4.1.1"}},"tasks":[{{"id":0,"state":"RUNNING","worker_id":"{id}","version":"4.1.1"}}],"type":"source"}}"#
        )
    );
    let task = rest.get("/connectors/lines/tasks/0/status").json();
    assert_eq!((&task["id"], &task["state"]), (&json!(0), &json!("RUNNING")));

    let info = rest.get("/connectors/lines").json();
    assert_eq!(rest.get("/connectors?expand=info").json(), json!({ "lines": { "info": info } }));
    let both = rest.get("/connectors?expand=status&expand=info").json();
    assert_eq!(both, json!({ "lines": { "status": status, "info": info } }));
    assert_eq!(rest.get("/connectors?expand=other").json(), json!({ "lines": {} }));
}

#[test]
fn a_configuration_is_put_and_replaced() {
    let worker = worker();
    let rest = worker.rest();
    let source = source(&worker, "lines");
    let created = rest.put("/connectors/lines/config", &source.config());
    assert_eq!(created.status, 201, "{}", created.text);
    assert!(created.header("location").is_some_and(|location| location.ends_with("/connectors/lines")));
    eventually(SOON, || rest.is_running("lines"));

    let changed = source.clone().set("batch.size", 7);
    let replaced = rest.put("/connectors/lines/config", &changed.config());
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    assert_eq!(replaced.json()["config"], changed.config());
    assert_eq!(rest.get("/connectors/lines/config").json(), changed.config());
    eventually(SOON, || rest.is_running("lines"));
    eventually(SOON, || rest.get("/connectors/lines/tasks").json()[0]["config"]["batch.size"] == "7");

    // Numbers and booleans become their text.
    let mut scalars = changed.config();
    scalars["batch.size"] = json!(9);
    assert_eq!(rest.put("/connectors/lines/config", &scalars).status, 200);
    assert_eq!(rest.get("/connectors/lines/config").json()["batch.size"], "9");
}

#[test]
fn a_name_that_exists_is_a_conflict() {
    let worker = worker();
    let rest = worker.rest();
    let source = source(&worker, "lines");
    assert_eq!(rest.post("/connectors", &source.request()).status, 201);
    let again = rest.post("/connectors", &source.request());
    assert_eq!((again.status, again.message()), (409, "Connector lines already exists".to_owned()));
    assert_eq!(again.json()["error_code"], 409);
}

#[test]
fn a_name_in_the_configuration_must_be_the_same() {
    let worker = worker();
    let rest = worker.rest();
    let mut config = source(&worker, "lines").config();
    config["name"] = json!("other");
    let expected = "Connector name configuration (other) doesn't match connector name in the URL (lines)";
    for answer in [
        rest.post("/connectors", &json!({ "name": "lines", "config": config })),
        rest.put("/connectors/lines/config", &config),
    ] {
        assert_eq!((answer.status, answer.message()), (400, expected.to_owned()));
    }
    let mut nameless = config.clone();
    nameless.as_object_mut().unwrap().remove("name");
    let answer = rest.post("/connectors", &json!({ "name": "  lines ", "config": nameless }));
    assert_eq!((answer.status, answer.json()["name"].as_str()), (201, Some("lines")));
    assert_eq!(answer.json()["config"]["name"], "lines");
}

#[test]
fn an_initial_state_is_kept() {
    let worker = worker();
    let rest = worker.rest();
    for (name, state) in [("one", "STOPPED"), ("two", "paused")] {
        let mut request = source(&worker, name).request();
        request["initial_state"] = json!(state);
        let answer = rest.post("/connectors", &request);
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["tasks"], json!([]));
        eventually(SOON, || rest.connector_state(name).as_deref() == Some(state.to_uppercase().as_str()));
    }
    let mut request = source(&worker, "three").request();
    request["initial_state"] = json!("SLEEPING");
    assert_eq!(rest.post("/connectors", &request).status, 500);
    assert_eq!(rest.get("/connectors/three").status, 404);
}
