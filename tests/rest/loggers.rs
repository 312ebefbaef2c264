//! `/admin/loggers`.

use millrace_tests::{Broker, BrokerKind, Worker};
use serde_json::json;

use crate::worker;

const REQUESTS: &str = "/admin/loggers/org.apache.kafka.connect.runtime.rest.RestServer";

#[test]
fn levels_are_shown_and_set() {
    let worker = worker();
    let rest = worker.rest();
    let all = rest.get("/admin/loggers").json();
    assert_eq!(all["root"]["level"], "INFO", "{all}");
    assert_eq!(all["org.apache.kafka.connect"]["level"], "INFO", "{all}");
    assert_eq!(rest.get("/admin/loggers/ROOT").json(), json!({ "level": "INFO", "last_modified": null }));

    let name = "org.apache.kafka.connect.runtime.WorkerSinkTask";
    let set = rest.put(&format!("/admin/loggers/{name}"), &json!({ "level": "debug" }));
    assert_eq!((set.status, set.json()), (200, json!([name])));
    let shown = rest.get(&format!("/admin/loggers/{name}")).json();
    assert_eq!(shown["level"], "DEBUG");
    assert!(shown["last_modified"].as_i64().is_some_and(|at| at > 1_700_000_000_000), "{shown}");
    let cluster = rest.put(&format!("/admin/loggers/{name}?scope=cluster"), &json!({ "level": "INFO" }));
    assert_eq!((cluster.status, cluster.text.as_str()), (204, ""));
    assert_eq!(rest.get(&format!("/admin/loggers/{name}")).json()["level"], "INFO");
}

#[test]
fn levels_that_make_no_sense_are_refused() {
    let worker = worker();
    let rest = worker.rest();
    let unknown = rest.get("/admin/loggers/no.such.logger");
    assert_eq!((unknown.status, unknown.message()), (404, "Logger no.such.logger not found.".to_owned()));
    let missing = rest.put("/admin/loggers/root", &json!({}));
    let text = "Desired 'level' parameter was not specified in request.";
    assert_eq!((missing.status, missing.message()), (400, text.to_owned()));
    let loud = rest.put("/admin/loggers/root", &json!({ "level": "loud" }));
    assert_eq!((loud.status, loud.message()), (404, "invalid log level 'loud'.".to_owned()));
}

/// The names of Java's classes reach what this worker logs in their place.
#[test]
fn a_level_takes_effect() {
    let worker = worker();
    let rest = worker.rest();
    rest.get("/connectors/seen");
    assert!(worker.log().contains("/connectors/seen"), "{}", worker.log());
    assert_eq!(rest.put(REQUESTS, &json!({ "level": "WARN" })).status, 200);
    rest.get("/connectors/unseen");
    assert_eq!(rest.put(REQUESTS, &json!({ "level": "INFO" })).status, 200);
    rest.get("/connectors/seen-again");
    let log = worker.log();
    assert!(!log.contains("/connectors/unseen") && log.contains("/connectors/seen-again"), "{log}");
}

#[test]
fn administration_may_have_listeners_of_its_own_or_none() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    let port = millrace_tests::free_port();
    worker.set("admin.listeners", format!("http://127.0.0.1:{port}"));
    worker.start();
    assert_eq!(worker.rest().get("/admin/loggers").status, 404);
    let administration = millrace_tests::Rest::new(port);
    assert_eq!(administration.get("/admin/loggers").status, 200);
    assert_eq!(administration.get("/connectors").status, 404);
    worker.stop();
    worker.set("admin.listeners", "");
    worker.start();
    assert_eq!(worker.rest().get("/admin/loggers").status, 404);
}
