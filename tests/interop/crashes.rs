//! The broker or the worker is killed at any moment, and every line arrives.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use millrace_tests::folder::{append, lines_of, with_ends};
use millrace_tests::wait::stays;
use millrace_tests::{
    Broker, BrokerKind, LATE, SOON, Worker, eventually, file_sink, file_source, is_long, numbered_lines,
    unique,
};

on_both_brokers!(
    a_broker_that_is_killed_and_comes_back_gets_every_line,
    a_worker_that_is_killed_at_any_moment_loses_nothing,
    a_worker_that_is_stopped_in_order_goes_on_without_repeating,
);

fn a_broker_that_is_killed_and_comes_back_gets_every_line(kind: BrokerKind) {
    let mut broker = Broker::new(kind);
    let lines = numbered_lines(60_000);
    let mut worker = Worker::under_test(&broker);
    let input = worker.folder().write_lines("in.txt", &lines[..20_000]);
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, "lines")).add(&file_sink("sink", "lines", &output));
    worker.start();
    eventually(LATE, || lines_of(&output).len() > 100);

    broker.kill_9();
    append(&input, with_ends(&lines[20_000..40_000]));
    // Long enough for the clients to notice: what they had in flight is lost.
    stays(Duration::from_secs(2), || worker.is_alive());
    broker.start();
    append(&input, with_ends(&lines[40_000..]));

    eventually(LATE, || has_all(&lines_of(&output), &lines));
    assert_order(&broker.client().values("lines"), &lines);
    assert!(worker.rest().is_running("source"), "{:?}", worker.rest().get("/connectors/source/status").text);
    assert!(worker.rest().is_running("sink"), "{:?}", worker.rest().get("/connectors/sink/status").text);
}

fn a_worker_that_is_killed_at_any_moment_loses_nothing(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("killed");
    let kills = if is_long() { 100 } else { 8 };
    let lines = numbered_lines(2_000 * (kills + 1));
    let mut worker = Worker::under_test(broker);
    let input = worker.folder().write("in.txt", "");
    let output = worker.folder().path("out.txt");
    worker.set("offset.flush.interval.ms", 100);
    worker.add(&file_source("source", &input, &topic));
    worker.add(&sink_that_rejoins_quickly(&topic, &output));
    let mut moments = Moments::new();
    for part in lines[2_000..].chunks(2_000) {
        append(&input, with_ends(part));
        worker.start();
        stays(moments.next(), || worker.is_alive());
        worker.kill_9();
    }
    append(&input, with_ends(&lines[..2_000]));
    worker.start();
    let expected: Vec<String> = lines[2_000..].iter().chain(&lines[..2_000]).cloned().collect();
    eventually(LATE, || has_all(&lines_of(&output), &expected));
    let values = broker.client().values(&topic);
    assert_order(&values, &expected);
    // What was committed does not come again: at most what two commits are apart, each time.
    assert!(values.len() < expected.len() * 2, "{} records for {} lines", values.len(), expected.len());
}

fn a_worker_that_is_stopped_in_order_goes_on_without_repeating(kind: BrokerKind) {
    let broker = Broker::shared(kind);
    let topic = unique("stopped");
    let lines = numbered_lines(3_000);
    let mut worker = Worker::under_test(broker);
    // Only the stop itself commits.
    worker.set("offset.flush.interval.ms", 600_000);
    let input = worker.folder().write_lines("in.txt", &lines[..1_000]);
    let output = worker.folder().path("out.txt");
    worker.add(&file_source("source", &input, &topic));
    worker.add(&sink_that_rejoins_quickly(&topic, &output));
    for end in [1_000, 2_000, 3_000] {
        if end > 1_000 {
            append(&input, with_ends(&lines[end - 1_000..end]));
        }
        worker.start();
        eventually(LATE, || lines_of(&output).len() >= end);
        assert_eq!(worker.stop().code, 143);
    }
    assert_eq!(broker.client().values(&topic), lines);
    assert_eq!(lines_of(&output), lines);
}

/// The task fails over to nobody: a crashed member is only gone when its session is.
fn sink_that_rejoins_quickly(topic: &str, output: &Path) -> millrace_tests::Connector {
    file_sink(&unique("sink"), topic, output)
        .set("consumer.override.session.timeout.ms", 6_000)
        .set("consumer.override.heartbeat.interval.ms", 500)
}

/// Pauses of 0 to 1.5 seconds, other ones on each run: the point is to hit moments that nobody thought of.
struct Moments {
    state: u64,
}

impl Moments {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos()));
        println!("the moments are those of MILLRACE_SEED={seed}");
        Self { state: seed }
    }

    fn next(&mut self) -> Duration {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.state >> 33) % 1500)
    }
}

fn has_all(found: &[String], expected: &[String]) -> bool {
    let found: BTreeSet<&String> = found.iter().collect();
    expected.iter().all(|line| found.contains(line))
}

/// Checks that every line is there, in order when repeats are left out, and that nothing else is.
#[track_caller]
fn assert_order(found: &[String], expected: &[String]) {
    let mut seen = BTreeSet::new();
    let first_ones: Vec<&String> = found.iter().filter(|line| seen.insert(*line)).collect();
    let differs = first_ones.iter().zip(expected).position(|(found, expected)| *found != expected);
    assert_eq!(differs.map(|at| (first_ones[at], &expected[at])), None, "another line stands there");
    assert_eq!(first_ones.len(), expected.len());
}

#[test]
fn a_sink_does_not_tear_a_line_after_a_kill_in_the_middle_of_it() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let topic = unique("torn");
    broker.client().produce(&topic, &["one", "two"]);
    let mut worker = Worker::under_test(broker);
    // As a killed write leaves it.
    let output = worker.folder().write("out.txt", "zero\non");
    worker.add(&file_sink(&unique("sink"), &topic, &output));
    worker.start();
    eventually(SOON, || fs::read_to_string(&output).is_ok_and(|text| text.ends_with("two\n")));
    let lines = lines_of(&output);
    assert!(lines.contains(&"one".to_owned()), "the first line is glued to the rest of another: {lines:?}");
}
