//! The embedded broker, in its own process and inside the worker.

use std::process::Command;

use millrace_tests::folder::lines_of;
use millrace_tests::process::exit_code;
use millrace_tests::{
    Broker, BrokerKind, Folder, SOON, Worker, eventually, file_sink, file_source, free_port, millrace,
    numbered_lines,
};

#[test]
fn it_keeps_what_it_acknowledged_over_kill_9() {
    let mut broker = Broker::new(BrokerKind::Embedded);
    let lines = numbered_lines(2_000);
    broker.client().create_topic("orders", 3);
    for (round, part) in lines.chunks(500).enumerate() {
        broker.client().produce("orders", part);
        broker.kill_9();
        assert!(broker.client().try_count("orders").is_err());
        broker.start();
        assert_eq!(broker.client().count("orders"), (round as u64 + 1) * 500);
    }
    let mut values = broker.client().values("orders");
    values.sort();
    assert_eq!(values, lines);
}

#[test]
fn it_prints_its_address_and_that_it_is_for_development() {
    let broker = Broker::new(BrokerKind::Embedded);
    eventually(SOON, || broker.log().contains(&broker.bootstrap()));
    assert!(broker.log().contains("development"), "{}", broker.log());
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let folder = Folder::new();
    let data = folder.path("data");
    let mut first = Command::new(millrace().unwrap());
    let port = free_port();
    first.arg("broker").arg(&data).args(["--listen", &format!("127.0.0.1:{port}")]);
    let first = millrace_tests::Process::start("first", &first, folder.root()).unwrap();
    eventually(SOON, || first.log().contains(&port.to_string()));
    let mut second = Command::new(millrace().unwrap());
    second.arg("broker").arg(&data).args(["--listen", &format!("127.0.0.1:{}", free_port())]);
    let output = second.output().unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_ne!(exit_code(output.status), 0);
    assert!(log.contains(&*data.to_string_lossy()), "the log does not name the folder: {log}");
}

/// `bootstrap.servers=embedded://DIR`: one process, one folder, nothing else.
#[test]
fn a_worker_runs_it_inside_and_finds_its_data_again() {
    let data = Folder::new();
    let mut worker = Worker::millrace_at(&format!("embedded://{}", data.path("broker").display()));
    let lines = numbered_lines(1_000);
    let input = worker.folder().write_lines("in.txt", &lines);
    let first = worker.folder().path("first.txt");
    worker.add(&file_source("source", &input, "lines")).add(&file_sink("first", "lines", &first));
    worker.start();
    eventually(SOON, || lines_of(&first) == lines);
    worker.kill_9();

    let second = worker.folder().path("second.txt");
    worker.add(&file_sink("second", "lines", &second));
    worker.start();
    eventually(SOON, || lines_of(&second).len() >= lines.len());
    assert_eq!(lines_of(&second)[..lines.len()], lines);
    assert_eq!(worker.stop().code, 143);
}
