//! What a sink may ask for and what it may answer: nothing is lost, nothing that was committed comes again, and each
//! partition stays in order.

use super::{PATIENCE, Worker, plugins::said, plugins::say};
use async_trait::async_trait;
use millrace_api::{
    Batch, Config, ConnectorContext, Error, PluginInfo, Plugins, Properties, Result, SinkConnector,
    SinkContext, SinkTask, TopicOffsets, testing::eventually,
};
use millrace_kafka::{Admin, NewTopic};
use std::{collections::BTreeMap, time::Duration};

pub fn register(plugins: &mut Plugins) {
    plugins.sink::<Scripted>(PluginInfo::connector("test.ScriptedConnector", "test.ScriptedTask"));
}

#[derive(Debug, Config)]
struct Script {
    /// Who it is.
    name: String,
    /// What it does that is out of the ordinary, once.
    trick: String,
    /// At which record.
    #[config(default = 5)]
    at: i64,
}

struct Scripted(Properties);

struct ScriptedTask {
    script: Script,
    context: SinkContext,
    /// Whether the trick was done.
    done: bool,
    taken: i64,
}

#[async_trait]
impl SinkConnector for Scripted {
    type Config = Script;
    type Task = ScriptedTask;

    async fn start(_: Script, context: ConnectorContext) -> Result<Self> {
        Ok(Self(context.settings().clone()))
    }

    async fn task_configs(&mut self, tasks_max: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.0.clone(); tasks_max])
    }

    async fn start_task(settings: Properties, context: SinkContext) -> Result<ScriptedTask> {
        Ok(ScriptedTask { script: Script::parse(&settings)?, context, done: false, taken: 0 })
    }
}

impl ScriptedTask {
    fn say(&self, text: impl Into<String>) {
        say(&self.script.name, text);
    }

    /// Does the trick when its time has come; returns whether this put takes nothing.
    fn perform(&mut self) -> Result<bool> {
        self.done = true;
        let mine = self.context.assignment();
        match self.script.trick.as_str() {
            "retry" => {
                self.say("retry");
                return Err(Error::retry("not now"));
            }
            "leave" => {
                self.say("leave");
                return Ok(true);
            }
            "rewind" => {
                self.say("rewind");
                self.context.rewind([(mine[0].clone(), 2)]);
            }
            "pause" => {
                self.say("pause");
                self.context.pause(&mine)?;
                self.context.retry_after(Duration::from_millis(300));
            }
            // The other task takes over.
            "panic" if !has_said(&self.script.name, "panic") => {
                self.say("panic");
                panic!("one of two");
            }
            _ => {}
        }
        Ok(false)
    }
}

#[async_trait]
impl SinkTask for ScriptedTask {
    async fn put(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.is_empty() && self.done && self.script.trick == "pause" {
            self.say("resume");
            self.context.resume(&self.context.assignment())?;
            self.script.trick = "paused".to_string();
        }
        let due = self.taken + batch.len() as i64 > self.script.at;
        if due && !self.done && self.perform()? {
            return Ok(());
        }
        for record in batch.take_all() {
            self.taken += 1;
            let value = record.record.value.value.to_string();
            self.say(format!("{}:{} {value}", record.partition, record.offset));
        }
        if self.done && self.script.trick == "pause" {
            self.say("paused");
        }
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &TopicOffsets) -> Result<TopicOffsets> {
        match self.script.trick.as_str() {
            "hold back" => {
                let held = offsets.iter().map(|(partition, place)| {
                    let mut place = place.clone();
                    place.offset = place.offset.min(self.script.at);
                    (partition.clone(), place)
                });
                Ok(held.collect())
            }
            "refuse" if self.taken > self.script.at => {
                self.script.trick = "refused".to_string();
                self.say("refuse");
                Err(Error::retry("the disk is busy"))
            }
            _ => Ok(offsets.clone()),
        }
    }
}

/// Offsets of what the sink took of one partition, in the order in which it did; words that it said are left out.
fn offsets(name: &str, partition: i32) -> Vec<i64> {
    let prefix = format!("{partition}:");
    let said = said(name);
    let taken = said.iter().filter_map(|text| text.strip_prefix(prefix.as_str()));
    taken.filter_map(|text| text.split(' ').next()?.parse().ok()).collect()
}

fn has_said(name: &str, word: &str) -> bool {
    said(name).iter().any(|text| text == word)
}

async fn scripted(worker: &Worker, name: &str, trick: &str, records: &str) {
    let source = format!("{name}-source");
    worker.create(&source, "Asking", &[("topic", name), ("records", records)]).await;
    eventually(PATIENCE, || said(&source).iter().any(|text| text.starts_with("poll heard of"))).await;
    worker.create(name, "Scripted", &[("topics", name), ("trick", trick)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sink_did_not_take_is_offered_again() {
    let worker = Worker::start().await;
    for trick in ["retry", "leave"] {
        let name = format!("again-{trick}");
        scripted(&worker, &name, trick, "1000").await;
        eventually(PATIENCE, || offsets(&name, 0).len() >= 1000).await;
        assert!(has_said(&name, trick));
        assert!(offsets(&name, 0).into_iter().eq(0..1000), "{:?}", said(&name));
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewind_reads_on_from_where_it_points() {
    let worker = Worker::start().await;
    scripted(&worker, "rewinds", "rewind", "1000").await;
    eventually(PATIENCE, || offsets("rewinds", 0).iter().filter(|offset| **offset == 999).count() == 2).await;
    let read = offsets("rewinds", 0);
    let turn = read.windows(2).position(|pair| pair[1] < pair[0]).unwrap();
    assert!(read[..=turn].iter().copied().eq(0..=read[turn]), "{read:?}");
    assert!(read[turn + 1..].iter().copied().eq(2..1000), "{read:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_pauses_itself_is_left_alone_until_it_resumes() {
    let worker = Worker::start().await;
    worker.create("pauses-ticks", "Ticking", &[("topic", "pauses")]).await;
    worker.create("pauses", "Scripted", &[("topics", "pauses"), ("trick", "pause")]).await;
    eventually(PATIENCE, || has_said("pauses", "resume")).await;
    let said_before = said("pauses");
    let paused = said_before.iter().position(|text| text == "paused").unwrap();
    let resumed = said_before.iter().position(|text| text == "resume").unwrap();
    assert_eq!(resumed, paused + 1, "{said_before:?}");
    let before = offsets("pauses", 0).len();
    eventually(PATIENCE, || offsets("pauses", 0).len() > before + 20).await;
    let read = offsets("pauses", 0);
    assert!(read.iter().copied().eq(0..read.len() as i64), "{read:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connector_reads_nothing_and_goes_on_where_it_was() {
    let worker = Worker::start().await;
    worker.create("rests-ticks", "Ticking", &[("topic", "rests")]).await;
    worker.create("rests", "Scripted", &[("topics", "rests"), ("trick", "none")]).await;
    eventually(PATIENCE, || offsets("rests", 0).len() > 10).await;
    worker.put("/connectors/rests/pause");
    eventually(PATIENCE, || worker.status("rests").contains(r#""tasks":[{"id":0,"state":"PAUSED""#)).await;
    let ticks = || said("rests").len();
    let before = ticks();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(ticks(), before, "nothing is read while it is paused");
    worker.put("/connectors/rests/resume");
    eventually(PATIENCE, || ticks() > before + 30).await;
    let read = offsets("rests", 0);
    assert!(read.iter().copied().eq(0..read.len() as i64), "{read:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_sink_calls_safe_is_committed() {
    let worker = Worker::start().await;
    scripted(&worker, "holds", "hold back", "100").await;
    eventually(PATIENCE, || offsets("holds", 0).len() == 100).await;
    worker.call("POST", "/connectors/holds/tasks/0/restart");
    // From the place that was called safe, and neither before nor behind it.
    eventually(PATIENCE, || offsets("holds", 0).len() >= 195).await;
    let read = offsets("holds", 0);
    assert!(read.iter().copied().eq((0..100).chain(5..100)), "{read:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_may_succeed_later_reads_again_what_was_not_committed() {
    let worker = Worker::start().await;
    scripted(&worker, "refuses", "refuse", "100").await;
    let read = || offsets("refuses", 0).len();
    let again = tokio::time::timeout(PATIENCE, eventually(PATIENCE * 2, || read() >= 200)).await;
    assert!(again.is_ok(), "{:?} {}", said("refuses"), worker.status("refuses"));
    let read = offsets("refuses", 0);
    assert!(read.iter().copied().eq((0..100).chain(0..100)), "{read:?}");
    assert!(worker.status("refuses").contains(r#""tasks":[{"id":0,"state":"RUNNING""#));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partitions_of_a_task_that_fails_go_on_with_another() {
    let worker = Worker::start().await;
    let mut settings = Properties::new();
    settings.insert("bootstrap.servers", worker.broker.address().to_string());
    let topic = NewTopic { name: "shares".into(), partitions: Some(4), ..NewTopic::default() };
    let admin = Admin::connect(&settings).unwrap();
    admin.create_topics(&[topic], PATIENCE).await.unwrap().remove(0).unwrap();
    worker.create("shares-ticks", "Ticking", &[("topic", "shares")]).await;
    let sink = [
        ("topics", "shares"),
        ("trick", "panic"),
        ("at", "40"),
        ("tasks.max", "2"),
        ("consumer.override.heartbeat.interval.ms", "200"),
    ];
    worker.create("shares", "Scripted", &sink).await;
    eventually(PATIENCE, || has_said("shares", "panic")).await;
    let ends = |counts: &BTreeMap<i32, i64>| counts.values().sum::<i64>();
    let last = || (0..4).map(|number| (number, offsets("shares", number).last().copied().unwrap_or(-1)));
    let before: BTreeMap<_, _> = last().collect();
    eventually(PATIENCE, || ends(&last().collect()) > ends(&before)).await;
    for partition in 0..4 {
        let read = offsets("shares", partition);
        let mut next = 0;
        for offset in &read {
            assert!(*offset <= next, "{partition}: {offset} after {next} in {read:?}");
            next = next.max(offset + 1);
        }
    }
    worker.stop().await;
}
