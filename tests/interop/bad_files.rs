//! Input and output paths that cannot be used: the task says why, the worker goes on.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use millrace_tests::{Broker, BrokerKind, SOON, Worker, eventually_some, file_sink, file_source, unique};

#[test]
fn a_directory_as_input_fails_the_task() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    let input = worker.folder().path("folder");
    fs::create_dir(&input).unwrap();
    let trace = failure_of_source(&mut worker, &input);
    assert!(trace.contains("Is a directory") && trace.contains("folder"), "{trace}");
}

/// No user can open a link that leads to itself; root opens any file.
#[test]
fn an_unreadable_input_fails_the_task() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    let input = worker.folder().path("loop.txt");
    symlink(&input, &input).unwrap();
    let trace = failure_of_source(&mut worker, &input);
    assert!(trace.contains("Too many levels of symbolic links") && trace.contains("loop.txt"), "{trace}");
}

#[test]
fn an_input_without_permission_fails_the_task() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    let input = worker.folder().write("secret.txt", "one\n");
    fs::set_permissions(&input, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&input).is_ok() {
        // Root; the test above is the one that counts.
        return;
    }
    let trace = failure_of_source(&mut worker, &input);
    assert!(trace.contains("Permission denied") && trace.contains("secret.txt"), "{trace}");
}

#[track_caller]
fn failure_of_source(worker: &mut Worker, input: &Path) -> String {
    worker.add(&file_source("source", input, &unique("unreadable")));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure("source"));
    assert_eq!(worker.rest().connector_state("source").as_deref(), Some("RUNNING"));
    assert_eq!(worker.rest().get("/").status, 200);
    trace
}

#[test]
fn an_output_in_a_missing_folder_fails_the_task() {
    check_output(|folder| folder.join("missing/out.txt"));
}

#[test]
fn a_directory_as_output_fails_the_task() {
    check_output(Path::to_path_buf);
}

#[track_caller]
fn check_output(place: impl Fn(&Path) -> std::path::PathBuf) {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("no-output");
    broker.client().produce(&topic, &["one"]);
    let mut worker = Worker::under_test(broker);
    let output = place(worker.folder().root());
    let name = unique("sink");
    worker.add(&file_sink(&name, &topic, &output));
    worker.start();
    let trace = eventually_some(SOON, || worker.rest().task_failure(&name));
    let expected = format!("Couldn't find or create file '{}' for FileStreamSinkTask", output.display());
    assert!(trace.contains(&expected), "{trace}");
    assert!(broker.client().committed(&format!("connect-{name}")).is_empty());
}
