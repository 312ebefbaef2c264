//! `millrace preview` and `POST /preview`: what a connector would do to records, with nothing written.

use std::fs;
use std::process::{Command, Output};

use millrace_tests::{
    Broker, BrokerKind, Connector, Folder, Worker, file_sink, file_source, millrace, unique,
};
use serde_json::{Value, json};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const TEXT: &str = "org.apache.kafka.connect.storage.StringConverter";

/// A sink of JSON that masks a field.
fn masking(topic: &str, folder: &Folder) -> Connector {
    file_sink("masks", topic, &folder.path("out.txt"))
        .set("key.converter", TEXT)
        .set("value.converter", JSON)
        .set("value.converter.schemas.enable", false)
        .set("transforms", "mask")
        .set("transforms.mask.type", "org.apache.kafka.connect.transforms.MaskField$Value")
        .set("transforms.mask.fields", "amount")
}

fn preview(folder: &Folder, connector: &Connector, arguments: &[&str]) -> Output {
    let file = folder.write("connector.properties", connector.to_properties());
    let mut command = Command::new(millrace().unwrap());
    command.arg("preview").arg(file).args(arguments).current_dir(folder.root()).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_step_of_a_sink_is_shown() {
    let folder = Folder::new();
    let samples =
        folder.write("records.json", r#"[{"value": {"amount": 12}}, {"value": "{bad"}, {"value": 7}]"#);
    let samples = samples.to_str().unwrap();
    let shown = json_of(&preview(&folder, &masking("orders", &folder), &["--input", samples, "--json"]));
    let outcomes: Vec<_> =
        shown["records"].as_array().unwrap().iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, ["passed", "failed", "failed"]);
    let masked = &shown["records"][0]["steps"][2];
    assert_eq!(
        (&masked["step"], &masked["after"]["value"]),
        (&json!("transforms.mask"), &json!({"amount": 0}))
    );
    assert_eq!(
        shown["records"][1]["steps"][1]["error"]["class"],
        "org.apache.kafka.connect.errors.DataException"
    );
    let text = preview(&folder, &masking("orders", &folder), &["--input", samples]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("=> failed in transforms.mask"), "{text}");
    assert!(text.ends_with("sink 3 records: 1 passed, 0 dropped, 2 failed; nothing was written\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    assert!(!folder.path("out.txt").exists());
}

#[test]
fn a_source_is_asked_for_its_first_records() {
    let folder = Folder::new();
    let input = folder.write("in.txt", "one\ntwo\nthree\n");
    let source =
        file_source("lines", &input, "lines").set("key.converter", TEXT).set("value.converter", TEXT);
    let shown = json_of(&preview(&folder, &source, &["--records", "2", "--json"]));
    let values: Vec<_> =
        shown["records"].as_array().unwrap().iter().map(|it| it["before"]["value"].clone()).collect();
    assert_eq!(values, ["one", "two"]);
}

#[test]
fn messages_of_a_topic_are_read_and_none_is_committed() {
    let broker = Broker::shared(BrokerKind::Kafka);
    let (topic, folder) = (unique("previewed"), Folder::new());
    broker.client().produce(&topic, &[r#"{"amount":1}"#, r#"{"amount":2}"#, r#"{"amount":3}"#]);
    let arguments = ["--from-topic", "2", "--bootstrap", &broker.bootstrap(), "--json"];
    let shown = json_of(&preview(&folder, &masking(&topic, &folder), &arguments));
    assert_eq!(shown["records"].as_array().unwrap().len(), 2);
    assert_eq!(shown["records"][1]["before"]["value"], r#"{"amount":2}"#);
    assert!(broker.client().committed("connect-masks").is_empty());
}

#[test]
fn what_is_missing_is_said() {
    let folder = Folder::new();
    let problem = |connector: &Connector, arguments: &[&str]| {
        let output = preview(&folder, connector, arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let sink = masking("orders", &folder);
    assert!(problem(&sink, &[]).contains("--input records.json, or --from-topic N"));
    assert!(problem(&sink.clone().set("connector.class", "Nope"), &[]).contains("Nope"));
    let samples = folder.write("records.json", "[7]");
    let samples = ["--input", samples.to_str().unwrap()];
    assert!(problem(&sink, &samples).contains("sample 1: it is not an object"));
    fs::write(folder.path("records.json"), "[]").unwrap();
    assert!(problem(&sink.without("key.converter"), &samples).contains("key.converter"));
}

#[test]
fn rest_shows_it_only_when_it_is_allowed_to() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let mut worker = Worker::millrace(broker);
    let connector = masking("orders", worker.folder());
    let body = json!({ "config": connector.config(), "records": [{ "value": { "amount": 5 } }] });
    worker.start();
    assert_eq!(worker.rest().post("/preview", &body).status, 404);
    worker.stop();
    worker.set("preview.enable", true);
    worker.start();
    let answer = worker.rest().post("/preview", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["records"][0]["steps"][2]["after"]["value"], json!({"amount": 0}));
    let answer = worker.rest().post("/preview", &json!({ "config": connector.config() }));
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (400, "the request body has no records, an array of objects")
    );
    assert!(!worker.rest().get("/connectors").text.contains("masks"));
}
