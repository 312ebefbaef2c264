#![allow(clippy::unwrap_used)]

use super::*;
use crate::fake_plugins::plugins;

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";

fn minimal() -> Properties {
    let settings =
        [("key.converter", STRING), ("value.converter", STRING), ("offset.storage.file.filename", "/tmp/o")];
    Properties::from(settings)
}

fn with(settings: &[(&str, &str)]) -> Properties {
    let mut properties = minimal();
    settings.iter().for_each(|(name, text)| properties.insert(*name, *text));
    properties
}

#[track_caller]
fn refused(settings: &[(&str, &str)], expected: &[&str]) {
    let problems = WorkerConfig::parse(with(settings), &plugins()).unwrap_err();
    let found: Vec<_> = problems.iter().flat_map(|(_, texts)| texts).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn warned(settings: &[(&str, &str)], expected: &[&str]) {
    let mut properties = with(settings);
    properties.insert("bootstrap.servers", "a:1");
    assert_eq!(WorkerConfig::parse(properties, &plugins()).unwrap().warnings(), expected);
}

#[test]
fn defaults_are_those_of_connect() {
    let worker = WorkerConfig::parse(minimal(), &plugins()).unwrap();
    assert_eq!(worker.common.bootstrap, Bootstrap::Servers("localhost:9092".to_owned()));
    assert_eq!(worker.common.offset_flush_interval, Duration::from_secs(60));
    assert_eq!(worker.common.task_shutdown_graceful_timeout, Duration::from_secs(5));
    assert_eq!(worker.listeners, [ListenerUrl { host: String::new(), port: 8083 }]);
    assert_eq!(worker.override_policy, OverridePolicy::All);
    let said = "bootstrap.servers is not set: the brokers are looked for at localhost:9092";
    assert_eq!(worker.warnings(), [said]);
}

#[test]
fn the_embedded_broker_is_asked_for_by_name() {
    let bootstrap = |text| WorkerConfig::parse(with(&[("bootstrap.servers", text)]), &plugins());
    let found = |text| bootstrap(text).unwrap().common.bootstrap;
    assert_eq!(found("embedded://data"), Bootstrap::Embedded("data".into()));
    assert_eq!(found(" embedded:///var/data "), Bootstrap::Embedded("/var/data".into()));
    assert_eq!(found("a:1, b:2"), Bootstrap::Servers("a:1,b:2".to_owned()));
    assert!(bootstrap("embedded://").unwrap_err().to_string().contains("needs a folder"));
    assert!(bootstrap("embedded://x,a:1").unwrap_err().to_string().contains("cannot be mixed"));
    assert!(bootstrap("").unwrap_err().to_string().contains("no server is named"));
}

#[test]
fn every_problem_is_told_at_once_with_file_and_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worker.properties");
    std::fs::write(
        &file,
        "key.converter=Nope\noffset.flush.interval.ms=soon\nlisteners=nowhere\nrest.extension.classes=x\n",
    )
    .unwrap();
    let text = WorkerConfig::read(&file, &plugins()).unwrap_err().to_string();
    let file = file.display();
    let expected = [
        "Invalid value Nope for configuration key.converter: Class Nope could not be found.",
        "Invalid value [nowhere] for configuration listeners: nowhere: Listener doesn't have the right format (protocol://hostname:port).",
        "Invalid value soon for configuration offset.flush.interval.ms: Not a number of type LONG",
        "Missing required configuration \"offset.storage.file.filename\" which has no default value.",
        "rest.extension.classes cannot be honoured: REST extensions are not supported yet, so the REST API would lack their protection",
        "Missing required configuration \"value.converter\" which has no default value.",
    ];
    let expected: Vec<_> = expected.iter().map(|line| format!("{file}: {line}")).collect();
    assert_eq!(text, expected.join("\n"));
}

#[test]
fn what_protects_is_never_ignored() {
    refused(
        &[("rest.extension.classes", "x.Y")],
        &[
            "rest.extension.classes cannot be honoured: REST extensions are not supported yet, so the REST API would lack their protection",
        ],
    );
    refused(
        &[("ssl.client.auth", "required")],
        &[
            "ssl.client.auth cannot be honoured: HTTPS is not supported yet, so no client would be asked for a certificate",
        ],
    );
    refused(
        &[("producer.acks", "some"), ("listeners", "http://:1,,http://:2")],
        &[
            "Invalid value [http://:1, , http://:2] for configuration listeners: Empty URL found when parsing listeners list.",
            "Invalid configuration producer.acks: not one of all, -1, 0, 1",
        ],
    );
}

#[test]
fn what_has_no_effect_is_warned_of() {
    warned(
        &[("group.id", "unknown names are accepted"), ("ssl.client.auth", "none"), ("config.providers", " ")],
        &[],
    );
    warned(
        &[("plugin.path", "/plugins")],
        &["plugin.path has no effect: plugins are built in; Java plugins in these folders are not loaded"],
    );
    warned(
        &[("internal.key.converter", STRING)],
        &["internal.key.converter was removed from Kafka Connect and has no effect"],
    );
    warned(&[("producer.none.such", "1")], &["producer.none.such has no effect on Kafka clients here"]);
}

#[test]
fn the_logged_block_is_sorted_and_hides_passwords() {
    let worker = with(&[
        ("ssl.key.password", "hunter2"),
        ("producer.sasl.jaas.config", "hunter2"),
        ("listeners", "http://:1, http://:2"),
    ]);
    // The translation wants the rest of SASL too; what is shown does not depend on it.
    let mut worker = worker;
    worker.remove("producer.sasl.jaas.config");
    let worker = WorkerConfig::parse(worker, &plugins()).unwrap();
    let shown = worker.shown();
    assert!(shown.starts_with("StandaloneConfig values: \n\taccess.control.allow.methods = \n\t"), "{shown}");
    assert!(shown.contains("\n\tlisteners = [http://:1, http://:2]\n"), "{shown}");
    assert!(shown.contains("\n\tssl.key.password = [hidden]\n"), "{shown}");
    assert!(shown.contains("\n\tadmin.listeners = null\n"), "{shown}");
    assert!(!format!("{shown}{worker:?}").contains("hunter2"));
}
