//! What happens to bad records, from the source's poll and the sink's topic to the dead letter queue.

#[path = "bad_plugins.rs"]
pub mod bad_plugins;

use super::{PATIENCE, Worker, plugins::said};
use millrace_api::testing::eventually;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Creates a source that writes these values and waits for nothing.
async fn feed(worker: &Worker, topic: &str, values: &str) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("feeds-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    worker.create(&name, "Listing", &[("topic", topic), ("values", values)]).await;
}

/// Creates a sink that says what arrives in a topic, headers and all.
async fn listen(worker: &Worker, topic: &str) -> String {
    let name = format!("hears-{topic}");
    worker.create(&name, "Saying", &[("topics", topic)]).await;
    name
}

async fn hears(name: &str, count: usize) -> Vec<String> {
    eventually(PATIENCE, || said(name).len() >= count).await;
    said(name)
}

const PICKY: (&str, &str) = ("value.converter", "test.PickyConverter");
const ALL: (&str, &str) = ("errors.tolerance", "all");
const ONE_REPLICA: (&str, &str) = ("errors.deadletterqueue.topic.replication.factor", "1");
const HEADERS: (&str, &str) = ("errors.deadletterqueue.context.headers.enable", "true");

fn queue(topic: &str) -> (&str, &str) {
    ("errors.deadletterqueue.topic.name", topic)
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_go_to_the_queue_and_the_others_on() {
    let worker = Worker::start().await;
    feed(&worker, "mixed", "one,bad-1,two,bad-2,three").await;
    let settings = [("topics", "mixed"), PICKY, ALL, queue("mixed-dead"), ONE_REPLICA, HEADERS];
    worker.create("tolerates", "Saying", &settings).await;
    let arrived: Vec<_> =
        hears("tolerates", 3).await.iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(arrived, ["one", "two", "three"]);
    let dead = hears(&listen(&worker, "mixed-dead").await, 2).await;
    let expected = "bad-1 origin=list __connect.errors.topic=mixed __connect.errors.partition=0 \
        __connect.errors.offset=1 __connect.errors.connector.name=tolerates __connect.errors.task.id=0 \
        __connect.errors.stage=VALUE_CONVERTER __connect.errors.class.name=test.PickyConverter \
        __connect.errors.exception.class.name=org.apache.kafka.connect.errors.DataException \
        __connect.errors.exception.message=I do not like bad-1 \
        __connect.errors.exception.stacktrace=org.apache.kafka.connect.errors.DataException: I do not like bad-1\n\t";
    assert!(dead[0].starts_with(expected), "{}", dead[0]);
    assert!(dead[1].starts_with("bad-2 origin=list __connect.errors.topic=mixed"), "{}", dead[1]);
    worker.stop().await;
}

/// A record that comes out of a dead letter queue and fails again carries both sets.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_there_already_stay() {
    let worker = Worker::start().await;
    feed(&worker, "again", "bad").await;
    let first = [("topics", "again"), PICKY, ALL, queue("again-1"), ONE_REPLICA, HEADERS];
    worker.create("again-first", "Saying", &first).await;
    let second = [("topics", "again-1"), PICKY, ALL, queue("again-2"), ONE_REPLICA, HEADERS];
    worker.create("again-second", "Saying", &second).await;
    let dead = hears(&listen(&worker, "again-2").await, 1).await;
    assert_eq!(dead[0].matches("__connect.errors.stage=VALUE_CONVERTER").count(), 2, "{}", dead[0]);
    let names: Vec<_> = dead[0]
        .match_indices("connector.name=")
        .map(|(at, _)| dead[0][at..].split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["connector.name=again-first", "connector.name=again-second"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tolerance_the_record_is_reported_and_the_task_fails() {
    let worker = Worker::start().await;
    feed(&worker, "strict", "one,bad-1,bad-2").await;
    worker
        .create("strict", "Saying", &[("topics", "strict"), PICKY, queue("strict-dead"), ONE_REPLICA])
        .await;
    eventually(PATIENCE, || worker.status("strict").contains("Tolerance exceeded in error handler")).await;
    assert!(worker.status("strict").contains("I do not like bad-1"), "{}", worker.status("strict"));
    assert!(said("strict").is_empty(), "the batch of a bad record is not put: {:?}", said("strict"));
    feed(&worker, "strict-dead", "end").await;
    let dead = hears(&listen(&worker, "strict-dead").await, 2).await;
    assert_eq!(
        dead,
        ["bad-1 origin=list", "end origin=list"],
        "reported once, and the second was never reached"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_may_pass_is_tried_again() {
    let worker = Worker::start().await;
    feed(&worker, "flaky", "one,flaky-2,three").await;
    let retries = [("errors.retry.timeout", "20000"), ("errors.retry.delay.max.ms", "20")];
    worker.create("flaky", "Saying", &[("topics", "flaky"), PICKY, retries[0], retries[1]]).await;
    let arrived = hears("flaky", 3).await;
    assert_eq!(arrived, ["one origin=list", "flaky-2 origin=list", "three origin=list"], "in order");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_never_ends_does_not_hold_up_the_end() {
    let worker = Worker::start().await;
    feed(&worker, "endless", "never").await;
    worker.create("endless", "Saying", &[("topics", "endless"), PICKY, ("errors.retry.timeout", "-1")]).await;
    eventually(PATIENCE, || said("picky").contains(&"never".to_owned())).await;
    let asked = Instant::now();
    worker.stop().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_runs_out_is_tolerated_or_not() {
    let worker = Worker::start().await;
    feed(&worker, "away", "one,never,three").await;
    let retries = [("errors.retry.timeout", "100"), ("errors.retry.delay.max.ms", "20")];
    worker.create("away-all", "Saying", &[("topics", "away"), PICKY, ALL, retries[0], retries[1]]).await;
    assert_eq!(hears("away-all", 2).await, ["one origin=list", "three origin=list"]);
    worker.create("away-none", "Saying", &[("topics", "away"), PICKY, retries[0], retries[1]]).await;
    eventually(PATIENCE, || worker.status("away-none").contains("Tolerance exceeded in error handler")).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_reports_records_of_its_own() {
    let worker = Worker::start().await;
    feed(&worker, "errant", "one,refused-1,two").await;
    let settings = [("topics", "errant"), ALL, queue("errant-dead"), ONE_REPLICA, HEADERS];
    worker.create("errant", "Saying", &settings).await;
    assert_eq!(hears("errant", 2).await, ["one origin=list", "two origin=list"]);
    let dead = hears(&listen(&worker, "errant-dead").await, 1).await;
    let expected = "refused-1 origin=list __connect.errors.topic=errant __connect.errors.partition=0 \
        __connect.errors.offset=1 __connect.errors.connector.name=errant __connect.errors.task.id=0 \
        __connect.errors.stage=TASK_PUT __connect.errors.class.name=org.apache.kafka.connect.sink.SinkTask \
        __connect.errors.exception.class.name=org.apache.kafka.connect.errors.DataException \
        __connect.errors.exception.message=I cannot write refused-1";
    assert!(dead[0].starts_with(expected), "{}", dead[0]);
    eventually(PATIENCE, || said("errant-report").contains(&"safe".to_owned())).await;
    worker.stop().await;
}

/// The sink does not look at what its report says; the task fails all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_fails_the_task_when_nothing_is_tolerated() {
    let worker = Worker::start().await;
    feed(&worker, "intolerant", "one,refused-1,two").await;
    let settings = [("topics", "intolerant"), queue("intolerant-dead"), ONE_REPLICA];
    worker.create("intolerant", "Saying", &settings).await;
    eventually(PATIENCE, || worker.status("intolerant").contains("Tolerance exceeded in error handler"))
        .await;
    assert_eq!(hears(&listen(&worker, "intolerant-dead").await, 1).await, ["refused-1 origin=list"]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_queue_and_log_nobody_takes_reports() {
    let worker = Worker::start().await;
    feed(&worker, "unheard", "refused-1").await;
    worker.create("unheard", "Saying", &[("topics", "unheard"), ALL]).await;
    eventually(PATIENCE, || said("unheard-report").contains(&"nobody takes reports".to_owned())).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_cannot_be_created_fails_the_task() {
    let worker = Worker::start().await;
    feed(&worker, "uncreated", "one").await;
    worker.create("uncreated", "Saying", &[("topics", "uncreated"), ALL, queue("not a topic")]).await;
    let expected = "Could not initialize dead letter queue with topic=not a topic";
    eventually(PATIENCE, || worker.status("uncreated").contains(expected)).await;
    worker.stop().await;
}

/// The record does not fit into the queue: it is left out, as the connector tolerates it, and the others go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_queue_refuses_does_not_stop_the_connector() {
    let worker = Worker::start().await;
    let values = format!("one,bad-{},two", "x".repeat(5_000));
    feed(&worker, "refusing", &values).await;
    let small = ("producer.override.max.request.size", "2000");
    let settings = [("topics", "refusing"), PICKY, ALL, queue("refusing-dead"), ONE_REPLICA, small];
    worker.create("refusing", "Saying", &settings).await;
    assert_eq!(hears("refusing", 2).await, ["one origin=list", "two origin=list"]);
    feed(&worker, "refusing", "three").await;
    assert_eq!(hears("refusing", 3).await[2], "three origin=list");
    assert!(!worker.status("refusing").contains("FAILED"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_leaves_out_what_it_cannot_convert_or_send() {
    let worker = Worker::start().await;
    let values = format!("one,bad-1,{},two", "x".repeat(5_000));
    let small = ("producer.override.max.request.size", "2000");
    let settings = [("topic", "polled"), ("values", values.as_str()), PICKY, ALL, small];
    worker.create("leaves-out", "Listing", &settings).await;
    let arrived = hears(&listen(&worker, "polled").await, 2).await;
    assert_eq!(arrived, ["one origin=list", "two origin=list"]);
    assert!(!worker.status("leaves-out").contains("FAILED"));

    worker.create("does-not", "Listing", &[("topic", "polled-2"), ("values", "one,bad-1,two"), PICKY]).await;
    eventually(PATIENCE, || worker.status("does-not").contains("Tolerance exceeded in error handler")).await;
    assert_eq!(
        hears(&listen(&worker, "polled-2").await, 1).await,
        ["one origin=list"],
        "what stood before it is sent"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_may_have_a_queue_too() {
    let worker = Worker::start().await;
    let values = format!("one,bad-1,{}", "x".repeat(3_000));
    let settings = [
        ("topic", "sourced"),
        ("values", values.as_str()),
        PICKY,
        ALL,
        queue("sourced-dead"),
        ONE_REPLICA,
        HEADERS,
        ("producer.override.max.request.size", "2000"),
    ];
    worker.create("sourced", "Listing", &settings).await;
    let dead = hears(&listen(&worker, "sourced-dead").await, 1).await;
    let expected = r#"{"sourcePartition":{"name":"sourced"},"sourceOffset":{"number":1},"topic":"sourced","partition":null,"timestamp":null,"key":null,"keySchema":null,"value":"bad-1","valueSchema":"STRING","headers":[{"name":"origin","value":"list"}]} __connect.errors.topic=sourced __connect.errors.connector.name=sourced __connect.errors.task.id=0 __connect.errors.stage=VALUE_CONVERTER __connect.errors.class.name=test.PickyConverter"#;
    assert!(dead[0].starts_with(expected), "{}", dead[0]);
    assert!(
        !worker.status("sourced").contains("FAILED"),
        "the long record fits into no topic, and is left out"
    );
    worker.stop().await;
}
