//! Plugins that panic, loop, block and wait for ever: everything else goes on, and the worker says what is the matter.

use super::{PATIENCE, Worker, odd::release, plugins::said};
use millrace_api::testing::eventually;
use std::time::{Duration, Instant};

/// What design and documentation promise for a panic. Far more than it takes, far less than a status that lies.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// What they promise for a call that does not return.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// How long REST may take to answer while tasks are stuck.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// A source that goes on and a sink that reads it, in a group that would notice if it were left alone.
struct Bystanders<'a> {
    worker: &'a Worker,
    sink: String,
}

impl<'a> Bystanders<'a> {
    async fn start(worker: &'a Worker, name: &str) -> Self {
        let (source, sink) = (format!("{name}-ticks"), format!("{name}-records"));
        worker.create(&source, "Ticking", &[("topic", &source)]).await;
        let settings = [
            ("topics", source.as_str()),
            ("consumer.override.session.timeout.ms", "3000"),
            ("consumer.override.heartbeat.interval.ms", "300"),
            ("consumer.override.max.poll.interval.ms", "9000"),
            ("consumer.override.metadata.max.age.ms", "500"),
        ];
        worker.create(&sink, "Recording", &settings).await;
        let bystanders = Self { worker, sink };
        eventually(PATIENCE, || bystanders.records() > 10).await;
        bystanders
    }

    fn records(&self) -> usize {
        said(&self.sink).iter().filter(|text| text.parse::<u64>().is_ok()).count()
    }

    /// Checks that records still come, in order and once, without a rebalance since the beginning.
    async fn go_on(&self) {
        let before = self.records();
        eventually(PATIENCE, || self.records() > before + 20).await;
        let said = said(&self.sink);
        let opened: Vec<_> = said.iter().filter(|text| text.parse::<u64>().is_err()).collect();
        assert_eq!(opened, ["open 1"], "the consumer has left its group");
        let numbers: Vec<u64> = said.iter().filter_map(|text| text.parse().ok()).collect();
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
        let asked = Instant::now();
        self.worker.get("/connectors");
        assert!(asked.elapsed() < ANSWERED_WITHIN, "{:?}", asked.elapsed());
    }
}

/// What `GET /health` says of a task.
fn named(worker: &Worker, connector: &str, call: &str, blocks: &str) -> bool {
    let health = worker.get("/health");
    assert!(health.starts_with(r#"{"status":"healthy","message":"Worker has completed startup"#), "{health}");
    let expected = format!(
        r#"{{"connector":"{connector}","task":0,"call":"{call}","blocks_thread":{blocks},"seconds":"#
    );
    health.contains(&expected)
}

async fn named_in_time(worker: &Worker, connector: &str, call: &str, blocks: &str, since: Instant) {
    eventually(PATIENCE, || named(worker, connector, call, blocks)).await;
    assert!(since.elapsed() < NAMED_WITHIN, "{:?}", since.elapsed());
    let status = worker.status(connector);
    let expected = if call == "start" { "UNASSIGNED" } else { "RUNNING" };
    assert!(status.contains(&format!(r#""tasks":[{{"id":0,"state":"{expected}""#)), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_loops_keeps_its_thread_and_nothing_else() {
    let worker = Worker::start().await;
    let bystanders = Bystanders::start(&worker, "loops").await;
    let began = Instant::now();
    worker.create("loops", "OddSource", &[("odd.place", "poll"), ("odd.how", "loop")]).await;
    named_in_time(&worker, "loops", "poll", "true", began).await;
    bystanders.go_on().await;
    release("loops");
    eventually(PATIENCE, || !worker.get("/health").contains(r#""stuck":["#)).await;
    assert!(worker.get("/health").contains(r#""stuck_total":1"#), "it is still counted");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_block_every_thread_stop_nobody_else() {
    let worker = Worker::start().await;
    let bystanders = Bystanders::start(&worker, "blocks").await;
    let threads = worker.data.threads().to_string();
    let began = Instant::now();
    let odd = [("odd.place", "poll"), ("odd.how", "block"), ("tasks.max", threads.as_str())];
    worker.create("blocks", "OddSource", &odd).await;
    named_in_time(&worker, "blocks", "poll", "true", began).await;
    bystanders.go_on().await;

    // Asked to stop they are FAILED when the time is over, and what hangs is not waited for.
    assert_eq!(worker.put("/connectors/blocks/stop"), "");
    eventually(PATIENCE, || worker.status("blocks").contains(r#""state":"FAILED""#)).await;
    bystanders.go_on().await;
    release("blocks");
    eventually(PATIENCE, || worker.data.look().iter().all(|sight| sight.step.is_none())).await;
    eventually(PATIENCE, || worker.data.threads().to_string() == threads).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_ever_are_named_and_given_up_when_asked_to_stop() {
    let worker = Worker::start().await;
    let bystanders = Bystanders::start(&worker, "waits").await;
    let began = Instant::now();
    let places = ["start", "open", "put", "preCommit"];
    for place in places {
        let odd = [("topics", "waits-ticks"), ("odd.place", place), ("odd.how", "wait")];
        worker.create(&format!("waits-{place}"), "OddSink", &odd).await;
    }
    for place in places {
        named_in_time(&worker, &format!("waits-{place}"), place, "false", began).await;
    }
    bystanders.go_on().await;
    let asked = Instant::now();
    for place in places {
        assert_eq!(worker.delete(&format!("/connectors/waits-{place}")), "");
    }
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    bystanders.go_on().await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_blocks_and_was_given_up_leaves_its_partitions_to_the_next() {
    let worker = Worker::start().await;
    worker.create("leaves-ticks", "Ticking", &[("topic", "leaves")]).await;
    let odd = [("topics", "leaves"), ("odd.place", "put"), ("odd.how", "block")];
    worker.create("leaves", "OddSink", &odd).await;
    let blocked = || said("leaves").iter().filter(|text| *text == "odd in put").count();
    eventually(PATIENCE, || blocked() == 1).await;
    worker.call("POST", "/connectors/leaves/tasks/0/restart");
    // Else its group would wait for it until `max.poll.interval.ms`, five minutes, is over.
    eventually(PATIENCE, || blocked() == 2).await;
    release("leaves");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn panics_fail_their_own_task_at_once() {
    let worker = Worker::start().await;
    let bystanders = Bystanders::start(&worker, "panics").await;
    for (class, places) in [
        ("OddSource", "start"),
        ("OddSource", "poll"),
        ("OddSink", "start"),
        ("OddSink", "open"),
        ("OddSink", "put"),
        ("OddSink", "preCommit"),
        // One panic while another unwinds the task would end any program.
        ("OddSource", "poll drop"),
        ("OddSink", "put drop"),
    ] {
        let name = format!("panics-{class}-{}", places.replace(' ', "-"));
        let topic = if class == "OddSink" { "topics" } else { "topic" };
        let odd = [(topic, "panics-ticks"), ("odd.place", places), ("odd.how", "panic")];
        worker.create(&name, class, &odd).await;
        eventually(PATIENCE, || !said(&name).is_empty()).await;
        let panicked = Instant::now();
        eventually(PATIENCE, || worker.status(&name).contains(r#""tasks":[{"id":0,"state":"FAILED""#)).await;
        assert!(panicked.elapsed() < SHOWN_WITHIN, "{name}: {:?}", panicked.elapsed());
        let first = places.split(' ').next().unwrap();
        let status = worker.status(&name);
        assert!(status.contains(&format!("odd in {first}")), "{status}");
        assert_eq!(worker.delete(&format!("/connectors/{name}")), "");
    }
    bystanders.go_on().await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_panics_blocks_or_waits_while_it_stops_does_not_hold_up_the_rest() {
    let worker = Worker::start().await;
    let bystanders = Bystanders::start(&worker, "stops").await;
    for (place, how) in
        [("stop", "panic"), ("stop", "block"), ("stop", "wait"), ("drop", "panic"), ("drop", "block")]
    {
        for class in ["OddSource", "OddSink"] {
            let name = format!("stops-{class}-{place}-{how}");
            let topic = if class == "OddSink" { "topics" } else { "topic" };
            let odd = [(topic, "stops-ticks"), ("odd.place", place), ("odd.how", how)];
            worker.create(&name, class, &odd).await;
            eventually(PATIENCE, || worker.status(&name).contains(r#""tasks":[{"id":0,"state":"RUNNING""#))
                .await;
            let asked = Instant::now();
            assert_eq!(worker.delete(&format!("/connectors/{name}")), "");
            assert!(asked.elapsed() < Duration::from_secs(5), "{name}: {:?}", asked.elapsed());
        }
    }
    bystanders.go_on().await;
    for class in ["OddSource", "OddSink"] {
        for place in ["stop", "drop"] {
            release(&format!("stops-{class}-{place}-block"));
        }
    }
    worker.stop().await;
}
