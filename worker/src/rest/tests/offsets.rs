//! `/connectors/{name}/offsets`, and `PATCH` of a configuration.

use super::*;
use millrace_api::{OffsetChange, Scalar};
use millrace_herder::OffsetsChange;

fn alter(name: &str, body: &str) -> String {
    format!("PATCH /connectors/{name}/offsets\n{JSON}\n\n{body}")
}

#[tokio::test]
async fn offsets_are_shown_in_any_state() {
    let api = Api::new();
    api.json("GET /connectors/s1/offsets", r#"{"offsets":[]}"#).await;
    api.error("GET /connectors/none/offsets", 404, "Connector none not found").await;
}

#[tokio::test]
async fn changes_of_offsets_are_read_and_passed_on() {
    let api = Api::new();
    let body = r#"{"offsets":[{"partition":{"filename":"f","n":1,"x":1.5,"b":true,"z":null},"offset":{"position":7}},{"partition":{"filename":"g"},"offset":null},{"partition":null}]}"#;
    api.json(&alter("s1", body), r#"{"message":"well"}"#).await;
    let Ask::ChangeOffsets { change: OffsetsChange::Alter(changes), .. } = api.last_asked() else {
        panic!("{:?}", api.last_asked());
    };
    let partition = changes[0].partition.as_ref().unwrap();
    assert_eq!(partition.entries.get("n"), Some(&Scalar::Integer(1)));
    assert_eq!(partition.entries.get("x"), Some(&Scalar::Float(1.5)));
    assert_eq!(partition.entries.get("z"), Some(&Scalar::Null));
    assert_eq!(changes[0].offset.as_ref().unwrap().entries.get("position"), Some(&Scalar::Integer(7)));
    assert_eq!(changes[1].offset, None);
    assert_eq!(changes[2], OffsetChange { partition: None, offset: None });

    api.json("DELETE /connectors/s1/offsets", r#"{"message":"well"}"#).await;
    assert!(matches!(api.last_asked(), Ask::ChangeOffsets { change: OffsetsChange::Reset, .. }));
    let text = "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/none/stop' endpoint";
    api.error("DELETE /connectors/none/offsets", 400, text).await;
}

#[tokio::test]
async fn changes_of_offsets_that_make_no_sense_are_refused() {
    let api = Api::new();
    let text = "Partitions / offsets need to be provided for an alter offsets request";
    for body in [r#"{"offsets":[]}"#, "{}", r#"{"offsets":null}"#] {
        api.error(&alter("s1", body), 400, text).await;
    }
    for body in [
        "[]",
        r#"{"offsets":{}}"#,
        r#"{"offsets":[1]}"#,
        r#"{"offsets":[null]}"#,
        r#"{"offsets":[{"partition":1}]}"#,
        r#"{"offsets":[{"partition":{"a":{}}}]}"#,
        r#"{"offsets":[{"partition":{"a":18446744073709551615}}]}"#,
        r#"{"offsets":[{"more":1}]}"#,
        r#"{"more":1}"#,
        r#"{"offsets":[{"#,
        "null",
    ] {
        let response = api.send(&alter("s1", body)).await;
        assert_eq!(response.status(), 500, "{body}");
    }
    assert!(api.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_configuration_is_patched() {
    let api = Api::new();
    let patch = |name: &str, body: &str| format!("PATCH /connectors/{name}/config\n{JSON}\n\n{body}");
    let body = r#"{"name":"s1","config":{"connector.class":"LinesSource","file":"f","name":"s1","topic":"u"},"tasks":[],"type":"source"}"#;
    api.json(&patch("s1", r#"{"topic":"u","file":"f","gone":null}"#), body).await;
    api.error(&patch("none", "{}"), 404, "Connector none not found").await;
    let text = "Connector name configuration (b) doesn't match connector name in the URL (s1)";
    api.error(&patch("s1", r#"{"name":"b"}"#), 400, text).await;
    let text = "Connector configuration is invalid and contains the following 1 error(s):\nMissing required configuration \"name\" which has no default value.\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`";
    api.error(&patch("s1", r#"{"name":null}"#), 400, text).await;
    let text = "Connector config {name=s1, topic=t} contains no connector type";
    api.error(&patch("s1", r#"{"connector.class":null}"#), 400, text).await;
    api.error(&patch("s1", "[]"), 500, "the request body is not the JSON that is expected: invalid type: sequence, expected an object at line 1 column 0").await;
}
