//! The sink writing real files.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use millrace_api::testing::{FakeSinkHost, SinkFixture, sink_contract};
use millrace_api::{Blob, Datum, Error, Plugins, Record, SinkRecord, TimestampType, TopicOffset, Value};
use std::{fs, path::PathBuf};

struct Target {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("lines.txt"), _folder: folder }
    }

    fn settings(&self) -> Properties {
        settings(self.path.to_str().unwrap())
    }

    fn content(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }
}

fn settings(file: &str) -> Properties {
    Properties::from([("name", "lines"), ("file", file)])
}

async fn start(settings: Properties) -> Result<FileSinkTask> {
    FileSink::start_task(settings, FakeSinkHost::assigning([]).context()).await
}

fn batch(values: impl IntoIterator<Item = Value>) -> Batch {
    let records = values.into_iter().enumerate().map(|(offset, value)| SinkRecord {
        record: Record {
            timestamp_type: TimestampType::CreateTime,
            ..Record::new("t", Datum::schemaless(value))
        },
        topic: "t".into(),
        partition: 0,
        offset: offset as i64,
    });
    Batch::new(records.collect::<Vec<_>>())
}

fn offsets(next: i64) -> TopicOffsets {
    TopicOffsets::from([(TopicPartition::new("t", 0), TopicOffset::at(next))])
}

#[async_trait]
impl SinkFixture for Target {
    fn register(&self, plugins: &mut Plugins) {
        crate::register(plugins);
    }

    fn class(&self) -> &str {
        "FileStreamSink"
    }

    fn settings(&self) -> Properties {
        self.settings()
    }

    async fn written(&mut self) -> Vec<usize> {
        let number = |line: &str| line.strip_prefix("record ").unwrap().parse().unwrap();
        self.content().lines().map(number).collect()
    }

    fn broken(&self) -> Option<Properties> {
        Some(settings("/dev/full"))
    }
}

#[tokio::test]
async fn a_line_after_a_torn_one_begins_on_its_own() {
    let target = Target::new();
    for (before, after) in [("", "new\n"), ("zero\n", "zero\nnew\n"), ("zero\non", "zero\non\nnew\n")] {
        fs::write(&target.path, before).unwrap();
        let mut task = start(target.settings()).await.unwrap();
        task.put(&mut batch([Value::from("new")])).await.unwrap();
        assert_eq!(target.content(), after);
    }
}

#[tokio::test]
async fn keeps_the_contract_of_sinks() {
    sink_contract(Target::new()).await;
}

#[tokio::test]
async fn what_is_there_already_stays() {
    let target = Target::new();
    fs::write(&target.path, "before\n").unwrap();
    for line in ["one", "two"] {
        let mut task = start(target.settings()).await.unwrap();
        task.put(&mut batch([line.into()])).await.unwrap();
        assert_eq!(task.pre_commit(&offsets(1)).await.unwrap(), offsets(1));
        SinkTask::stop(Box::new(task)).await.unwrap();
    }
    assert_eq!(target.content(), "before\none\ntwo\n");
}

#[tokio::test]
async fn large_batches_and_long_lines_are_written_whole() {
    let target = Target::new();
    let mut task = start(target.settings()).await.unwrap();
    let lines: Vec<_> = (0..2000).map(|number| format!("{number} ").repeat(number)).collect();
    let mut batch = batch(lines.iter().map(|line| line.as_str().into()));
    task.put(&mut batch).await.unwrap();
    assert!(batch.is_empty());
    assert!(target.content().lines().eq(lines.iter()));
    assert!(task.lines.capacity() > 0, "the room for lines is kept between batches");
    task.put(&mut Batch::default()).await.unwrap();
    assert_eq!(task.lines.capacity(), 0, "and given back when nothing comes");
}

#[tokio::test]
async fn lines_of_several_tasks_are_not_torn() {
    let target = Target::new();
    let tasks: Vec<_> = ('a'..='d')
        .map(|letter| {
            let settings = target.settings();
            tokio::spawn(async move {
                let mut task = start(settings).await.unwrap();
                for _ in 0..50 {
                    let line = letter.to_string().repeat(5000);
                    task.put(&mut batch((0..20).map(|_| line.as_str().into()))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let content = target.content();
    assert_eq!(content.lines().count(), 4 * 50 * 20);
    assert!(
        content.lines().all(|line| line.len() == 5000 && line.bytes().all(|byte| byte == line.as_bytes()[0]))
    );
}

#[tokio::test]
async fn a_full_disk_fails_the_task_and_takes_nothing() {
    let mut task = start(settings("/dev/full")).await.unwrap();
    let mut batch = batch(["one".into(), "two".into()]);
    let error = task.put(&mut batch).await.unwrap_err();
    assert_eq!(error.class(), millrace_api::Class::Fatal);
    let trace = error.trace("test");
    assert!(trace.contains("writing 2 lines to file /dev/full"), "{trace}");
    assert!(trace.contains("No space left on device"), "{trace}");
    assert_eq!(batch.len(), 2, "what was not written is not taken");
}

#[tokio::test]
async fn a_file_that_cannot_be_made_fails_the_task_with_the_reference_text() {
    let error = start(settings("/no/such/folder/lines.txt")).await.err().unwrap();
    let text = "Couldn't find or create file '/no/such/folder/lines.txt' for FileStreamSinkTask";
    assert_eq!(error.to_string(), text);
    assert!(error.trace("test").contains("No such file or directory"), "{}", error.trace("test"));
    assert!(
        start(settings("/tmp")).await.is_err_and(|error: Error| error.trace("").contains("Is a directory"))
    );
}

#[tokio::test]
async fn bytes_go_through_unchanged_when_asked_for() {
    let target = Target::new();
    let mut settings = target.settings();
    settings.insert("value.type", "bytes");
    let mut task = start(settings).await.unwrap();
    let bytes = Value::Bytes(Blob::from(&b"caf\xe9"[..]));
    task.put(&mut batch([bytes, Value::Null, "text".into()])).await.unwrap();
    assert_eq!(fs::read(&target.path).unwrap(), b"caf\xe9\nnull\ntext\n");
}

#[tokio::test]
async fn every_change_of_offsets_is_accepted() {
    let changes =
        BTreeMap::from([(TopicPartition::new("t", 0), Some(5)), (TopicPartition::new("t", 1), None)]);
    let altered = FileSink::alter_offsets(&Properties::new(), &changes).await.unwrap();
    assert_eq!(altered, Altered::Completely);
}
