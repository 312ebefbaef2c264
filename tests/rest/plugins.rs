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

#[test]
fn the_settings_of_a_plugin_are_shown() {
    let worker = worker();
    let rest = worker.rest();
    let names = |path: &str| -> Vec<String> {
        let answer = rest.get(path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let keys = answer.json();
        keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    let source = names("/connector-plugins/FileStreamSource/config");
    assert_eq!(source[0], "file");
    for name in ["topic", "batch.size", "name", "tasks.max", "errors.tolerance", "topic.creation.groups"] {
        assert!(source.iter().any(|known| known == name), "{name} is missing in {source:?}");
    }
    assert!(!source.iter().any(|name| name == "topics"));
    let router = names("/connector-plugins/org.apache.kafka.connect.transforms.RegexRouter/config");
    assert_eq!(router, ["regex", "replacement"]);
    assert_eq!(names("/connector-plugins/StringConverter/config"), ["converter.type", "converter.encoding"]);
    let unknown = rest.get("/connector-plugins/Nothing/config");
    assert_eq!((unknown.status, unknown.message()), (404, "Unknown plugin Nothing.".to_owned()));
    let other = rest.get("/connector-plugins/FileStreamSource/config?version=9");
    assert_eq!(other.status, 400, "{}", other.text);
    assert!(other.message().contains("matches the version range [9,9], available versions: [4.1.1]"));
}

fn has(plugins: &Value, plugin: &Value) -> bool {
    plugins.as_array().is_some_and(|plugins| plugins.contains(plugin))
}
