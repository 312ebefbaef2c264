//! `GET /connector-plugins`.

use serde_json::{Value, json};

use crate::worker;

#[test]
fn connectors_are_listed_by_default_and_everything_on_demand() {
    let worker = worker();
    let rest = worker.rest();
    let connectors = rest.get("/connector-plugins").json();
    for (class, kind) in [("FileStreamSourceConnector", "source"), ("FileStreamSinkConnector", "sink")] {
        let class = format!("org.apache.kafka.connect.file.{class}");
        assert!(
            has(&connectors, &json!({ "class": class, "type": kind, "version": "4.1.1" })),
            "{connectors}"
        );
    }
    let kinds = |plugins: &Value| {
        let mut kinds: Vec<String> = plugins
            .as_array()
            .unwrap()
            .iter()
            .map(|plugin| plugin["type"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&connectors), ["sink", "source"]);

    let all = rest.get("/connector-plugins?connectorsOnly=false").json();
    for (class, kind) in [
        ("org.apache.kafka.connect.storage.StringConverter", "converter"),
        ("org.apache.kafka.connect.converters.ByteArrayConverter", "converter"),
        ("org.apache.kafka.connect.transforms.RegexRouter", "transformation"),
        ("org.apache.kafka.connect.transforms.InsertField$Value", "transformation"),
        ("org.apache.kafka.connect.transforms.InsertField$Key", "transformation"),
    ] {
        let is_listed =
            all.as_array().unwrap().iter().any(|plugin| plugin["class"] == class && plugin["type"] == kind);
        assert!(is_listed, "{class} is not listed as {kind}: {all}");
    }
}

fn has(plugins: &Value, plugin: &Value) -> bool {
    plugins.as_array().is_some_and(|plugins| plugins.contains(plugin))
}
