//! What a request can do wrong.

use millrace_tests::{Answer, SOON, eventually};
use serde_json::json;

use crate::{source, worker};

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!((answer.status, answer.message().as_str()), (status, message), "{}", answer.text);
    assert_eq!(answer.json()["error_code"], status);
}

#[test]
fn an_invalid_configuration_lists_every_problem() {
    let worker = worker();
    let rest = worker.rest();
    let invalid =
        source(&worker, "lines").without("topic").set("batch.size", "many").set("tasks.max", "none");
    let answer = rest.post("/connectors", &invalid.request());
    assert_eq!(answer.status, 400, "{}", answer.text);
    // What cannot be parsed becomes null, and is checked all the same.
    assert_eq!(
        answer.message(),
        "Connector configuration is invalid and contains the following 4 error(s):\n\
         Invalid value none for configuration tasks.max: Not a number of type INT\n\
         Invalid value null for configuration tasks.max: Value must be non-null\n\
         Missing required configuration \"topic\" which has no default value.\n\
         Invalid value many for configuration batch.size: Not a number of type INT\n\
         You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
    );
    assert_eq!(rest.get("/connectors/lines").status, 404);
}

#[test]
fn a_class_must_be_there_and_known() {
    let worker = worker();
    let rest = worker.rest();
    let classless = rest.post("/connectors", &json!({ "name": "a", "config": { "topic": "t" } }));
    assert_eq!(classless.status, 400);
    assert!(classless.message().contains("contains no connector type"), "{}", classless.text);
    let unknown =
        rest.post("/connectors", &source(&worker, "a").set("connector.class", "NoSuchThing").request());
    assert_eq!(unknown.status, 400, "{}", unknown.text);
    let text = "Failed to find any class that implements Connector and which name matches NoSuchThing";
    assert!(unknown.message().starts_with(text), "{}", unknown.text);
    assert_eq!(rest.get("/connectors").text, "[]");
}

#[test]
fn short_class_names_are_known() {
    let worker = worker();
    let rest = worker.rest();
    for class in ["FileStreamSource", "FileStreamSourceConnector"] {
        let answer =
            rest.post("/connectors", &source(&worker, class).set("connector.class", class).request());
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json()["config"]["connector.class"], class);
        eventually(SOON, || rest.is_running(class));
    }
}

#[test]
fn unknown_paths_and_methods_are_refused() {
    let worker = worker();
    let rest = worker.rest();
    check(&rest.get("/nothing/here"), 404, "HTTP 404 Not Found");
    check(&rest.delete("/connectors"), 405, "HTTP 405 Method Not Allowed");
    check(&rest.post_nothing("/"), 405, "HTTP 405 Method Not Allowed");
}

#[test]
fn bodies_are_read_strictly() {
    let worker = worker();
    let rest = worker.rest();
    let json = Some("application/json");
    for body in [
        "{",
        "{} more",
        "[1]",
        r#"{"name":"a","config":{},"more":1}"#,
        r#"{"name":"a","config":{"a":[1]}}"#,
        "",
    ] {
        let answer = rest.send_text("POST", "/connectors", json, body);
        assert_eq!(answer.status, 500, "{body}: {}", answer.text);
        assert_eq!(answer.json()["error_code"], 500, "{body}");
    }
    assert_eq!(rest.send_text("POST", "/connectors", json, r#"{"name":"a"}"#).status, 500);
    let form = rest.send_text("POST", "/connectors", Some("application/x-www-form-urlencoded"), "name=a");
    assert_eq!(form.status, 415, "{}", form.text);
    let untyped = rest.send_text("POST", "/connectors", None, "{}");
    assert_eq!(untyped.status, 415, "{}", untyped.text);
    assert_eq!(rest.get("/connectors").text, "[]");
}

#[test]
fn names_with_blanks_and_letters_of_all_kinds_are_addressed() {
    let worker = worker();
    let rest = worker.rest();
    let name = "a bé+c";
    let answer = rest.post("/connectors", &source(&worker, name).request());
    assert_eq!(answer.status, 201, "{}", answer.text);
    let location = answer.header("location").unwrap().to_owned();
    assert!(location.starts_with(&format!("{}/connectors/a%20b%C3%A9", rest.base())), "{location}");
    assert_eq!(rest.get("/connectors/a%20b%C3%A9+c").json()["name"], name);
    assert_eq!(rest.delete("/connectors/a%20b%C3%A9%2Bc").status, 204);
}
