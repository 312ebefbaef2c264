//! What keeps a worker from starting: the exit code, and a log that names file, setting and problem.

use std::net::TcpListener;
use std::process::Command;

use millrace_tests::process::exit_code;
use millrace_tests::{
    Broker, BrokerKind, Ended, Folder, SOON, Worker, eventually_some, file_source, free_port, millrace,
    unique,
};

fn worker() -> Worker {
    Worker::under_test(Broker::shared(BrokerKind::Embedded))
}

/// Runs the worker to its end; checks its exit code, and that the log names each of `names`.
#[track_caller]
fn check_end(worker: &mut Worker, code: i32, names: &[&str]) -> Ended {
    let ended = worker.run_to_its_end();
    assert_eq!(ended.code, code, "{}", ended.log);
    for name in names {
        assert!(ended.log.contains(name), "the log does not name {name}:\n{}", ended.log);
    }
    ended
}

#[test]
fn a_busy_rest_port_ends_with_2() {
    let mut worker = worker();
    let _busy = TcpListener::bind(("127.0.0.1", worker.port())).unwrap();
    let port = worker.port().to_string();
    check_end(&mut worker, 2, &["Stopping due to error", &port, "in use"]);
}

#[test]
fn a_broker_that_is_down_ends_with_2() {
    let bootstrap = format!("127.0.0.1:{}", free_port());
    let mut worker = Worker::millrace_at(&bootstrap);
    worker.set("request.timeout.ms", 1_000);
    worker.set("default.api.timeout.ms", 3_000);
    check_end(&mut worker, 2, &["Failed to connect to and describe Kafka cluster"]);
}

#[test]
fn a_setting_of_the_wrong_type_ends_with_2() {
    let mut worker = worker();
    worker.set("offset.flush.interval.ms", "soon");
    let text = "Invalid value soon for configuration offset.flush.interval.ms: Not a number of type LONG";
    check_end(&mut worker, 2, &[text]);
}

#[test]
fn a_missing_setting_ends_with_2() {
    let mut worker = worker();
    worker.remove("offset.storage.file.filename");
    let text = "Missing required configuration \"offset.storage.file.filename\" which has no default value.";
    check_end(&mut worker, 2, &[text]);
}

#[test]
fn an_unknown_converter_of_the_worker_ends_with_2() {
    let mut worker = worker();
    worker.set("value.converter", "com.example.NoSuchConverter");
    check_end(&mut worker, 2, &["com.example.NoSuchConverter", "value.converter"]);
}

#[test]
fn a_connector_file_without_name_ends_with_3() {
    let mut worker = worker();
    let file = worker.folder().write("nameless.properties", "connector.class=FileStreamSource\ntopic=t\n");
    worker.add_file(&file);
    let text = format!(
        "Connector configuration at '{}' is missing the mandatory 'name' configuration",
        file.display()
    );
    check_end(&mut worker, 3, &[&text, "Stopping after connector error"]);
}

#[test]
fn a_wrong_class_ends_with_3() {
    check_connector("connector.class", "com.example.NoSuchConnector", &["com.example.NoSuchConnector"]);
}

#[test]
fn an_unknown_converter_of_a_connector_ends_with_3() {
    check_connector(
        "value.converter",
        "com.example.NoSuchConverter",
        &["com.example.NoSuchConverter", "value.converter"],
    );
}

#[test]
fn an_unknown_transformation_ends_with_3() {
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "");
    let source =
        file_source("source", &input, "t").set("transforms", "a").set("transforms.a.type", "NoSuchTransform");
    worker.add(&source);
    check_end(&mut worker, 3, &["NoSuchTransform", "transforms.a.type", "source.properties"]);
}

#[test]
fn an_empty_topic_ends_with_3() {
    check_connector("topic", "", &["Invalid value  for configuration topic: String must be non-empty"]);
}

/// One source with one setting replaced. The log names the file too.
#[track_caller]
fn check_connector(key: &str, value: &str, names: &[&str]) {
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "");
    worker.add(&file_source("source", &input, "t").set(key, value));
    let ended = check_end(&mut worker, 3, names);
    let file = worker.folder().path("source.properties");
    let text = format!("Failed to create connector for {}", file.display());
    assert!(ended.log.contains(&text), "the log does not say {text}:\n{}", ended.log);
}

#[test]
fn a_missing_connector_file_ends_with_3() {
    let mut worker = worker();
    let file = worker.folder().path("no-such.properties");
    worker.add_file(file);
    check_end(&mut worker, 3, &["no-such.properties", "Stopping after connector error"]);
}

#[test]
fn a_broken_escape_in_a_connector_file_ends_with_3() {
    let mut worker = worker();
    let file = worker.folder().write("broken.properties", "name=a\ntopic=\\u12G4\n");
    worker.add_file(file);
    check_end(&mut worker, 3, &["\\u12G4", "broken.properties: line 2"]);
}

/// The first of the two runs until then, and is stopped in order: its offsets are written.
#[test]
fn two_connectors_of_one_name_end_with_3() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("twins");
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "one\n");
    let source = file_source("twin", &input, &topic);
    worker.add(&source);
    let second = worker.folder().write("second.properties", source.to_properties());
    worker.add_file(second);
    check_end(
        &mut worker,
        3,
        &["Connector twin already exists", "second.properties", "Created connector twin"],
    );
    assert!(broker.client().count(&topic) <= 1);
}

#[test]
fn an_invalid_second_file_stops_the_first_connector_in_order() {
    let mut worker = worker();
    let input = worker.folder().write("in.txt", "");
    worker.add(&file_source("good", &input, &unique("good")));
    worker.add(&file_source("bad", &input, "t").without("topic"));
    let text = "Missing required configuration \"topic\" which has no default value.";
    check_end(&mut worker, 3, &["Created connector good", text, "Kafka Connect stopped"]);
}

/// Runs the program with any arguments.
#[track_caller]
fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(millrace().unwrap()).args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (exit_code(output.status), log.into_owned())
}

#[test]
fn a_worker_file_that_cannot_be_read_ends_with_2() {
    let folder = Folder::new();
    let missing = folder.path("missing.properties").display().to_string();
    let directory = folder.root().display().to_string();
    for (path, reason) in [(&missing, "No such file or directory"), (&directory, "Is a directory")] {
        let (code, log) = run(&["standalone", path]);
        assert_eq!(code, 2, "{log}");
        assert!(log.contains(path.as_str()) && log.contains(reason), "{log}");
    }
}

#[test]
fn a_broken_escape_in_the_worker_file_ends_with_2() {
    let folder = Folder::new();
    let file = folder.write("worker.properties", "key.converter=\\u00\n").display().to_string();
    let (code, log) = run(&["standalone", &file]);
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("\\u00") && log.contains("worker.properties: line 1"), "{log}");
}

#[test]
fn no_argument_and_help_end_with_1() {
    for arguments in
        [&["standalone"][..], &["standalone", "--help"], &["standalone", "worker.properties", "--help"]]
    {
        let (code, log) = run(arguments);
        assert_eq!(code, 1, "{arguments:?}: {log}");
        assert!(log.to_lowercase().contains("usage"), "{arguments:?}: {log}");
    }
}

/// The program knows by the name it was called with what it is to be.
#[test]
fn a_link_named_connect_standalone_is_the_worker() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let folder = Folder::new();
    let link = folder.path("connect-standalone");
    std::os::unix::fs::symlink(millrace().unwrap(), &link).unwrap();
    let output = Command::new(&link).output().unwrap();
    assert_eq!(exit_code(output.status), 1);

    let text = "org.apache.kafka.connect.storage.StringConverter";
    let port = free_port();
    let worker = folder.write(
        "worker.properties",
        format!(
            "bootstrap.servers={}\nkey.converter={text}\nvalue.converter={text}\n\
             offset.storage.file.filename={}\nlisteners=http://127.0.0.1:{port}\n",
            broker.bootstrap(),
            folder.path("offsets").display()
        ),
    );
    let mut command = Command::new(&link);
    command.arg(worker);
    let _process = millrace_tests::Process::start("connect", &command, folder.root()).unwrap();
    let rest = millrace_tests::Rest::new(port);
    let root = eventually_some(SOON, || rest.try_get("/").ok());
    assert_eq!(root.json()["version"], "4.1.1");
}
