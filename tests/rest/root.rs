//! `GET /` and `GET /health`.

use crate::worker;

#[test]
fn the_root_tells_version_commit_and_cluster() {
    let worker = worker();
    let answer = worker.rest().get("/");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let root = answer.json();
    let mut keys: Vec<&String> = root.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["commit", "kafka_cluster_id", "version"]);
    assert_eq!(root["version"], "4.1.1");
    assert!(root["commit"].as_str().is_some_and(|commit| !commit.is_empty()));
    assert!(root["kafka_cluster_id"].as_str().is_some_and(|id| !id.is_empty()));
}

#[test]
fn health_is_told() {
    let worker = worker();
    let answer = worker.rest().get("/health");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text,
        r#"{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}"#
    );
}
