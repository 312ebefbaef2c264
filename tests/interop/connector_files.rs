//! Connector files in each of their forms, and Java's properties syntax in full.

use std::path::PathBuf;

use millrace_tests::{Broker, BrokerKind, SOON, Worker, eventually, eventually_some};

const CLASS: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";

fn worker() -> Worker {
    Worker::under_test(Broker::shared(BrokerKind::Embedded))
}

#[test]
fn properties_flat_json_and_a_request_stand_side_by_side() {
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "").display().to_string();
    let folder = worker.folder();
    let files: Vec<PathBuf> = vec![
        folder.write("a.properties", format!("name=a\nconnector.class={CLASS}\nfile={input}\ntopic=forms\n")),
        folder.write(
            "b.json",
            format!(r#"{{"name":"b","connector.class":"FileStreamSource","tasks.max":1,"file":"{input}","topic":"forms"}}"#),
        ),
        folder.write(
            "c.json",
            format!(
                r#"{{"name":"c","initial_state":"STOPPED","config":{{"connector.class":"FileStreamSourceConnector","tasks.max":"1","file":"{input}","topic":"forms"}}}}"#
            ),
        ),
        folder.write(
            "d.json",
            format!(
                r#"{{"name":"d","initial_state":"paused","config":{{"connector.class":"{CLASS}","file":"{input}","topic":"forms"}}}}"#
            ),
        ),
    ];
    for file in files {
        worker.add_file(file);
    }
    worker.start();
    let state = |name| worker.rest().connector_state(name);
    eventually(SOON, || worker.rest().is_running("a") && worker.rest().is_running("b"));
    eventually(SOON, || state("c").as_deref() == Some("STOPPED") && state("d").as_deref() == Some("PAUSED"));
    assert!(worker.rest().task_states("c").is_empty());
    let config = worker.rest().get("/connectors/b/config").json();
    assert_eq!(config["tasks.max"], "1");
    for name in ["a", "b", "c", "d"] {
        assert!(worker.log().contains(&format!("Created connector {name}")), "{}", worker.log());
    }
}

#[test]
fn names_that_differ_in_a_request_end_with_3() {
    check_refused(
        "differ.json",
        r#"{"name":"x","config":{"name":"y","connector.class":"FileStreamSource","topic":"t"}}"#,
        "Connector name configuration in 'config' doesn't match the one specified in 'name'",
    );
}

#[test]
fn a_form_that_is_none_of_the_three_ends_with_3() {
    check_refused("empty.properties", "", "is missing the mandatory 'name' configuration");
    check_refused("list.json", "[1]", "is missing the mandatory 'name' configuration");
}

#[track_caller]
fn check_refused(name: &str, content: &str, text: &str) {
    let mut worker = worker();
    let file = worker.folder().write(name, content);
    worker.add_file(file);
    let ended = worker.run_to_its_end();
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert!(ended.log.contains(text) && ended.log.contains(name), "{}", ended.log);
}

/// Every escape, separator, comment and continuation that Java's reader knows; a list that a Java worker was given too.
#[test]
fn the_whole_syntax_of_properties_is_read() {
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "").display().to_string();
    let content = format!(
        "# a comment\n\
         ! another one\n\
         \x20\x20name  =  syntax\n\
         connector.class:{CLASS}\n\
         file {input}\n\
         topic=sy\\\n\
         \x20\x20\x20ntax-\\\n\
         \tfile\n\
         escaped\\ key\\:\\==a\\tb\\u00e9\\u20AC\n\
         last = trailing blanks stay  \n\
         empty\n\
         equals==\n\
         twice=1\n\
         twice=2\n\
         windows=line\r\n\
         backslash=c:\\\\dir\\q\n\
         comment\\\n\
         # is not one here\n\
         surrogates=\\uD83D\\uDE00"
    );
    let file = worker.folder().write("syntax.properties", content);
    worker.add_file(file);
    worker.start();
    let config = eventually_some(SOON, || {
        let answer = worker.rest().try_get("/connectors/syntax/config").ok()?;
        (answer.status == 200).then(|| answer.json())
    });
    let expected = serde_json::json!({
        "name": "syntax",
        "connector.class": CLASS,
        "file": input,
        "topic": "syntax-file",
        "escaped key:=": "a\tbé€",
        "last": "trailing blanks stay  ",
        "empty": "",
        "equals": "=",
        "twice": "2",
        "windows": "line",
        "backslash": "c:\\dirq",
        "comment#": "is not one here",
        "surrogates": "😀",
    });
    assert_eq!(config, expected);
}
