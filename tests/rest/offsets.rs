//! `/connectors/{name}/offsets` and `PATCH` of a configuration.

use millrace_tests::{Answer, Broker, BrokerKind, SOON, eventually, file_sink, file_source, unique};
use serde_json::{Value, json};
use std::fs;

use crate::worker;

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!(
        (answer.status, answer.json()["message"].as_str()),
        (status, Some(message)),
        "{}",
        answer.text
    );
}

fn not_stopped(name: &str) -> String {
    format!(
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
         specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
    )
}

const ALTERED: &str = "The offsets for this connector have been altered successfully";
const RESET: &str = "The offsets for this connector have been reset successfully";

#[test]
fn offsets_of_a_source_are_shown_altered_and_reset() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let topic = unique("offsets");
    let input = worker.folder().path("in.txt");
    rest.post("/connectors", &file_source("lines", &input, &topic).request());
    let partition = json!({ "filename": input });
    let at = |position: i64| json!({ "offsets": [{ "partition": partition, "offset": { "position": position } }] });
    eventually(SOON, || rest.get("/connectors/lines/offsets").json() == at(8));

    check(&rest.patch("/connectors/lines/offsets", &at(4)), 400, &not_stopped("lines"));
    check(&rest.delete("/connectors/lines/offsets"), 400, &not_stopped("lines"));
    assert_eq!(rest.put_nothing("/connectors/lines/pause").status, 202);
    check(&rest.delete("/connectors/lines/offsets"), 400, &not_stopped("lines"));

    assert_eq!(rest.put_nothing("/connectors/lines/stop").status, 204);
    check(&rest.patch("/connectors/lines/offsets", &at(4)), 200, ALTERED);
    assert_eq!(rest.get("/connectors/lines/offsets").json(), at(4));
    rest.put_nothing("/connectors/lines/resume");
    eventually(SOON, || broker.client().values(&topic) == ["one", "two", "two"]);

    assert_eq!(rest.put_nothing("/connectors/lines/stop").status, 204);
    check(&rest.delete("/connectors/lines/offsets"), 200, RESET);
    assert_eq!(rest.get("/connectors/lines/offsets").text, r#"{"offsets":[]}"#);
    check(&rest.delete("/connectors/lines/offsets"), 200, RESET);
    rest.put_nothing("/connectors/lines/resume");
    eventually(SOON, || broker.client().values(&topic) == ["one", "two", "two", "one", "two"]);
}

#[test]
fn a_source_has_a_say_in_its_offsets() {
    let worker = worker();
    let rest = worker.rest();
    let input = worker.folder().path("in.txt");
    let mut request = file_source("lines", &input, &unique("say")).request();
    request["initial_state"] = json!("STOPPED");
    rest.post("/connectors", &request);
    eventually(SOON, || rest.connector_state("lines").as_deref() == Some("STOPPED"));
    let change = |partition: Value, offset: Value| {
        rest.patch(
            "/connectors/lines/offsets",
            &json!({ "offsets": [{ "partition": partition, "offset": offset }] }),
        )
    };
    for answer in [
        change(json!({ "file": "x" }), json!({ "position": 1 })),
        change(json!({ "filename": "x" }), json!({ "position": "one" })),
        change(json!({ "filename": "x" }), json!({ "position": -1 })),
        change(json!(null), json!({ "position": 1 })),
    ] {
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert!(!answer.message().is_empty());
    }
    let none = "Partitions / offsets need to be provided for an alter offsets request";
    check(&rest.patch("/connectors/lines/offsets", &json!({ "offsets": [] })), 400, none);
    check(&rest.patch("/connectors/nobody/offsets", &json!({ "offsets": [] })), 400, none);
    check(&rest.delete("/connectors/nobody/offsets"), 404, "Connector nobody not found");
    check(&rest.get("/connectors/nobody/offsets"), 404, "Connector nobody not found");
    assert_eq!(rest.get("/connectors/lines/offsets").text, r#"{"offsets":[]}"#);
}

#[test]
fn offsets_of_a_sink_are_shown_altered_and_reset() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let (topic, name) = (unique("sunk"), unique("sink"));
    broker.client().produce(&topic, &["one", "two", "three"]);
    let output = worker.folder().path("out.txt");
    let text = || fs::read_to_string(&output).unwrap_or_default();
    rest.post("/connectors", &file_sink(&name, &topic, &output).request());
    let path = format!("/connectors/{name}/offsets");
    let partition = json!({ "kafka_topic": topic, "kafka_partition": 0 });
    let at = |offset: Value| json!({ "offsets": [{ "partition": partition, "offset": offset }] });
    let shown = |offset: i64| at(json!({ "kafka_offset": offset }));
    eventually(SOON, || rest.get(&path).json() == shown(3));

    check(&rest.patch(&path, &shown(1)), 400, &not_stopped(&name));
    assert_eq!(rest.put_nothing(&format!("/connectors/{name}/stop")).status, 204);
    check(&rest.patch(&path, &at(json!({ "kafka_offset": "1" }))), 200, ALTERED);
    assert_eq!(rest.get(&path).json(), shown(1));
    rest.put_nothing(&format!("/connectors/{name}/resume"));
    eventually(SOON, || text() == "one\ntwo\nthree\ntwo\nthree\n");
    eventually(SOON, || rest.get(&path).json() == shown(3));

    assert_eq!(rest.put_nothing(&format!("/connectors/{name}/stop")).status, 204);
    check(&rest.patch(&path, &at(Value::Null)), 200, ALTERED);
    assert_eq!(rest.get(&path).text, r#"{"offsets":[]}"#);
    check(&rest.patch(&path, &shown(2)), 200, ALTERED);
    check(&rest.delete(&path), 200, RESET);
    assert_eq!(rest.get(&path).text, r#"{"offsets":[]}"#);
    // A group that is not there has nothing to reset.
    check(&rest.delete(&path), 200, RESET);
}

#[test]
fn offsets_of_a_sink_that_make_no_sense_are_refused() {
    let worker = worker();
    let rest = worker.rest();
    let name = unique("sink");
    let mut request = file_sink(&name, &unique("none"), &worker.folder().path("out.txt")).request();
    request["initial_state"] = json!("STOPPED");
    rest.post("/connectors", &request);
    eventually(SOON, || rest.connector_state(&name).as_deref() == Some("STOPPED"));
    let wrong = |partition: Value, offset: Value, message: &str| {
        let body = json!({ "offsets": [{ "partition": partition, "offset": offset }] });
        check(&rest.patch(&format!("/connectors/{name}/offsets"), &body), 400, message);
    };
    let good = json!({ "kafka_topic": "t", "kafka_partition": 0 });
    wrong(json!(null), json!(null), "The partition for a sink connector offset cannot be null or missing");
    wrong(
        json!({ "kafka_topic": "t" }),
        json!(null),
        "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
    );
    wrong(
        json!({ "kafka_topic": null, "kafka_partition": 0 }),
        json!(null),
        "Kafka topic names must be valid strings and may not be null",
    );
    wrong(
        json!({ "kafka_topic": "t", "kafka_partition": "x" }),
        json!(null),
        "Failed to parse the following Kafka partition value in the provided offsets: 'x'. Partition values for sink connectors need to be integers.",
    );
    wrong(
        good.clone(),
        json!({ "offset": 1 }),
        "The offset for a sink connector should either be null or contain the key 'kafka_offset'",
    );
    wrong(
        good,
        json!({ "kafka_offset": 1.5 }),
        "Failed to parse the following Kafka offset value in the provided offsets: '1.5'. Offset values for sink connectors need to be integers.",
    );
    let absent = json!({ "kafka_topic": unique("absent"), "kafka_partition": 0 });
    let body = json!({ "offsets": [{ "partition": absent, "offset": { "kafka_offset": 1 } }] });
    let answer = rest.patch(&format!("/connectors/{name}/offsets"), &body);
    assert_eq!(answer.status, 500, "{}", answer.text);
    let text = format!("Failed to alter consumer group offsets for connector {name}");
    assert!(answer.message().starts_with(&text), "{}", answer.text);
}

#[test]
fn a_configuration_is_patched() {
    let worker = worker();
    let rest = worker.rest();
    let source = file_source("lines", &worker.folder().path("in.txt"), &unique("patched"));
    rest.post("/connectors", &source.clone().set("batch.size", 7).request());
    eventually(SOON, || rest.is_running("lines"));
    let patched = rest.patch("/connectors/lines/config", &json!({ "batch.size": null, "tasks.max": 2 }));
    assert_eq!(patched.status, 200, "{}", patched.text);
    let expected = source.set("tasks.max", 2).config();
    assert_eq!(patched.json()["config"], expected);
    assert_eq!(rest.get("/connectors/lines/config").json(), expected);

    let invalid = rest.patch("/connectors/lines/config", &json!({ "topic": null }));
    assert_eq!(invalid.status, 400, "{}", invalid.text);
    assert!(invalid.message().contains("Missing required configuration \"topic\""), "{}", invalid.text);
    let classless = rest.patch("/connectors/lines/config", &json!({ "connector.class": null }));
    assert_eq!(classless.status, 400, "{}", classless.text);
    assert!(classless.message().contains("contains no connector type"), "{}", classless.text);
    check(&rest.patch("/connectors/nobody/config", &json!({})), 404, "Connector nobody not found");
    assert_eq!(rest.get("/connectors/lines/config").json(), expected);
}
