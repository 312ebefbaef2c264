//! The source reading real files.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use millrace_api::testing::{
    FakeConnectorHost, FakeSourceHost, PATIENCE, SourceFixture, eventually, source_contract,
};
use millrace_api::{Plugins, Value};
use std::{fs, fs::OpenOptions, io::Write, path::PathBuf};
use tempfile::TempDir;
use tokio::time::timeout;

/// A file in a folder of its own.
struct TempFile {
    folder: TempDir,
    path: PathBuf,
}

impl TempFile {
    fn missing() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.txt");
        Self { folder, path }
    }

    fn with(content: impl AsRef<[u8]>) -> Self {
        let file = Self::missing();
        file.append(content);
        file
    }

    fn append(&self, content: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    fn settings(&self) -> Properties {
        let path = self.path.to_str().unwrap();
        Properties::from([("name", "lines"), ("file", path), ("topic", "t")])
    }

    fn partition(&self) -> SourcePartition {
        partition(self.path.to_str().unwrap())
    }
}

async fn start(settings: &Properties, host: &Arc<FakeSourceHost>) -> Result<FileSourceTask> {
    FileSource::start_task(settings.clone(), host.context()).await
}

async fn started(file: &TempFile) -> FileSourceTask {
    start(&file.settings(), &Arc::default()).await.unwrap()
}

/// Starts a task from a stored position.
async fn resumed(file: &TempFile, position: i64) -> FileSourceTask {
    let host = Arc::<FakeSourceHost>::default();
    host.store(file.partition(), SourceOffset::new(Scalars::one(POSITION, position)));
    start(&file.settings(), &host).await.unwrap()
}

fn text(record: &SourceRecord) -> String {
    record.record.as_ref().unwrap().value.value.to_string()
}

fn position(record: &SourceRecord) -> i64 {
    match record.origin.as_ref().unwrap().offset.as_ref().unwrap().entries.get(POSITION) {
        Some(Scalar::Integer(position)) => *position,
        other => panic!("{other:?} is no position"),
    }
}

/// Polls until there are `count` lines, and returns them with their positions.
async fn read(task: &mut FileSourceTask, count: usize) -> Vec<(String, i64)> {
    let mut lines = Vec::new();
    let reading = async {
        while lines.len() < count {
            lines.extend(task.poll().await.unwrap().iter().map(|record| (text(record), position(record))));
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    lines
}

async fn texts(task: &mut FileSourceTask, count: usize) -> Vec<String> {
    read(task, count).await.into_iter().map(|(text, _)| text).collect()
}

/// Polls until the task fails, and returns the message with its causes.
async fn failure(task: &mut FileSourceTask) -> String {
    let failing = async {
        loop {
            if let Err(error) = task.poll().await {
                break error.trace("test");
            }
        }
    };
    timeout(PATIENCE, failing).await.unwrap()
}

struct Lines {
    file: TempFile,
    extra: &'static [(&'static str, &'static str)],
}

#[async_trait]
impl SourceFixture for Lines {
    fn register(&self, plugins: &mut Plugins) {
        crate::register(plugins);
    }

    fn class(&self) -> &str {
        "FileStreamSource"
    }

    fn settings(&self) -> Properties {
        let mut settings = self.file.settings();
        for (name, text) in self.extra {
            settings.insert(*name, *text);
        }
        settings
    }

    async fn feed(&mut self, index: usize) {
        // In two parts, with ends of all kinds.
        let end = ["\n", "\r\n", "\r"][index % 3];
        self.file.append(format!("line {index} äöü"));
        self.file.append(end);
        if end == "\r" {
            // Held back until the next byte tells that it was the whole end.
            self.file.append("\u{7f}");
        }
    }

    fn value(&self, index: usize) -> Value {
        let after_return = if index.is_multiple_of(3) && index > 0 { "\u{7f}" } else { "" };
        format!("{after_return}line {index} äöü").into()
    }
}

#[tokio::test]
async fn keeps_the_contract_of_sources() {
    source_contract(Lines { file: TempFile::missing(), extra: &[] }).await;
    source_contract(Lines { file: TempFile::missing(), extra: &[("batch.size", "1")] }).await;
}

#[tokio::test]
async fn a_record_has_the_shape_of_the_reference() {
    let file = TempFile::with("hello\n");
    let mut task = started(&file).await;
    let before = now();
    let records = task.poll().await.unwrap();
    let [SourceRecord { record: Some(record), origin: Some(origin) }] = &records[..] else {
        panic!("{records:?}")
    };
    assert!(record.timestamp.is_some_and(|time| (before..=now()).contains(&time)));
    let expected = Record { timestamp: record.timestamp, ..Record::new("t", Datum::string("hello")) };
    assert_eq!(record, &expected);
    assert_eq!(origin.partition.as_ref(), &file.partition());
    assert_eq!(origin.offset, Some(SourceOffset::new(Scalars::one("position", 6))));
}

#[tokio::test]
async fn mixed_line_ends_have_the_positions_of_the_reference() {
    let file = TempFile::with("partial line");
    let mut task = started(&file).await;
    assert!(task.poll().await.unwrap().is_empty());
    file.append(" finished\n");
    assert_eq!(read(&mut task, 1).await, [("partial line finished".to_string(), 22)]);
    file.append("line1\rline2\r\nline3\nline4\n\r");
    let expected = [("line1", 28), ("line2", 35), ("line3", 41), ("line4", 47)];
    assert_eq!(read(&mut task, 4).await, expected.map(|(line, next)| (line.to_string(), next)));
    file.append("subsequent text");
    assert_eq!(read(&mut task, 1).await, [(String::new(), 48)]);
    assert!(task.poll().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_complete_line_comes_though_the_file_rests() {
    let lines: Vec<_> = (0..100_000).map(|number| format!("line {number}")).collect();
    let file = TempFile::with(lines.join("\n") + "\n");
    let mut settings = file.settings();
    settings.insert("batch.size", "100");
    let mut task = start(&settings, &Arc::default()).await.unwrap();
    let mut found = Vec::new();
    while found.len() < lines.len() {
        let records = task.poll().await.unwrap();
        assert_eq!(records.len(), 100);
        found.extend(records.iter().map(text));
    }
    assert_eq!(found, lines);
    assert!(task.poll().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_size_below_one_is_one() {
    for size in ["0", "-7"] {
        let file = TempFile::with("a\nb\n");
        let mut settings = file.settings();
        settings.insert("batch.size", size);
        let mut task = start(&settings, &Arc::default()).await.unwrap();
        assert_eq!(task.poll().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_poll_with_nothing_new_ends_after_a_second() {
    let file = TempFile::with("unfinished");
    let mut task = started(&file).await;
    let start = Instant::now();
    assert!(task.poll().await.unwrap().is_empty());
    assert!(start.elapsed() >= POLL_WAIT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_appended_line_is_picked_up_at_once() {
    let file = TempFile::with("first\n");
    let mut task = started(&file).await;
    read(&mut task, 1).await;
    // One poll each: were nobody told of the line, a poll would end empty.
    for number in 0..5 {
        let line = format!("line {number}");
        let appending = async {
            tokio::task::yield_now().await;
            file.append(format!("{line}\n"));
        };
        let (records, ()) = tokio::join!(task.poll(), appending);
        assert_eq!(records.unwrap().iter().map(text).collect::<Vec<_>>(), [line]);
    }
}

#[tokio::test]
async fn a_file_that_appears_is_read_at_once() {
    let file = TempFile::missing();
    let mut task = started(&file).await;
    let (records, ()) = tokio::join!(task.poll(), async {
        eventually(PATIENCE, || watch::has_sleeper(&file.path)).await;
        file.append("here\n");
    });
    assert_eq!(records.unwrap().len(), 1);
}

#[tokio::test]
async fn a_folder_that_appears_is_noticed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later/lines.txt");
    let file = TempFile { folder, path };
    let mut task = started(&file).await;
    assert!(task.poll().await.unwrap().is_empty());
    fs::create_dir(file.folder.path().join("later")).unwrap();
    file.append("here\n");
    assert_eq!(texts(&mut task, 1).await, ["here"]);
}

#[tokio::test]
async fn a_folder_or_unreadable_file_fails_the_task_with_the_reason() {
    let file = TempFile::missing();
    fs::create_dir(&file.path).unwrap();
    let trace = failure(&mut started(&file).await).await;
    assert!(trace.contains("reading file ") && trace.contains("Is a directory (os error 21)"), "{trace}");

    let file = TempFile::with("a file, not a folder\n");
    let below = TempFile { path: file.path.join("lines.txt"), folder: tempfile::tempdir().unwrap() };
    let trace = failure(&mut started(&below).await).await;
    assert!(trace.contains("Not a directory (os error 20)"), "{trace}");

    let name = "x".repeat(300);
    let too_long = TempFile { path: file.folder.path().join(name), folder: tempfile::tempdir().unwrap() };
    let trace = failure(&mut started(&too_long).await).await;
    assert!(trace.contains("File name too long"), "{trace}");
}

#[tokio::test]
async fn a_truncated_file_goes_on_where_reading_was() {
    let file = TempFile::with("one\ntwo\n");
    let mut task = started(&file).await;
    read(&mut task, 2).await;
    fs::write(&file.path, "ONE\n").unwrap();
    assert!(task.poll().await.unwrap().is_empty());
    file.append("TWO\nthree\n");
    assert_eq!(read(&mut task, 1).await, [("three".to_string(), 14)]);
}

#[tokio::test]
async fn a_replaced_file_is_read_on_under_its_new_name() {
    let file = TempFile::with("one\n");
    let mut task = started(&file).await;
    read(&mut task, 1).await;
    let rotated = TempFile { path: file.folder.path().join("lines.1"), folder: tempfile::tempdir().unwrap() };
    fs::rename(&file.path, &rotated.path).unwrap();
    file.append("new file\n");
    assert!(task.poll().await.unwrap().is_empty());
    rotated.append("two\n");
    assert_eq!(texts(&mut task, 1).await, ["two"]);
    fs::remove_file(&rotated.path).unwrap();
    assert!(task.poll().await.unwrap().is_empty());
    // After a restart the new file is read, from the stored position.
    assert_eq!(texts(&mut resumed(&file, 4).await, 1).await, ["file"]);
}

#[tokio::test]
async fn a_stored_offset_behind_the_end_waits_for_the_file_to_grow() {
    let file = TempFile::with("1234\n");
    let mut task = resumed(&file, 8).await;
    assert!(task.poll().await.unwrap().is_empty());
    file.append("67\nlast\n");
    assert_eq!(read(&mut task, 1).await, [("last".to_string(), 13)]);
}

#[tokio::test]
async fn a_stored_offset_of_another_type_fails_the_task() {
    let file = TempFile::with("a\n");
    for wrong in [Scalar::from("5"), Scalar::Float(5.0), Scalar::Boolean(true)] {
        let host = Arc::<FakeSourceHost>::default();
        host.store(file.partition(), SourceOffset::new(Scalars::one(POSITION, wrong)));
        let error = start(&file.settings(), &host).await.err().unwrap();
        assert_eq!(error.to_string(), "Offset position is the incorrect type");
    }
}

#[tokio::test]
async fn a_line_over_the_limit_fails_the_task_and_names_its_place() {
    let file = TempFile::with("short\n1234567890\nafter\n");
    let mut settings = file.settings();
    settings.insert("line.bytes.max", "9");
    let mut task = start(&settings, &Arc::default()).await.unwrap();
    assert_eq!(texts(&mut task, 1).await, ["short"], "lines before it come first");
    let trace = failure(&mut task).await;
    let path = file.path.display();
    let text =
        format!("line at byte 6 of file {path} is longer than 9 bytes, the limit set by line.bytes.max");
    assert!(trace.contains(&text), "{trace}");
}

#[tokio::test]
async fn a_line_without_end_does_not_fill_the_memory() {
    let file = TempFile::missing();
    file.append("");
    // As long as a gigabyte, and takes no room on the disk.
    OpenOptions::new().write(true).open(&file.path).unwrap().set_len(1 << 30).unwrap();
    let mut settings = file.settings();
    settings.insert("line.bytes.max", "1000000");
    let mut task = start(&settings, &Arc::default()).await.unwrap();
    assert!(failure(&mut task).await.contains("longer than 1000000 bytes"));
    let held = task.lines.take_unfinished().capacity();
    assert!(held < 4_000_000, "{held} bytes are held for a limit of 1000000");
}

#[tokio::test]
async fn long_lines_end_a_batch_before_it_is_full() {
    let line = "x".repeat(POLL_BYTES_MAX / 2);
    let file = TempFile::with(format!("{line}\n").repeat(5));
    let mut task = started(&file).await;
    let mut counts = Vec::new();
    while counts.iter().sum::<usize>() < 5 {
        counts.push(task.poll().await.unwrap().len());
    }
    assert!(counts.iter().all(|count| (1..=2).contains(count)), "{counts:?}");
}

#[tokio::test]
async fn bytes_are_replaced_in_text_and_kept_as_bytes() {
    let file = TempFile::with(b"caf\xe9\n\x00\xff\xfe\n");
    assert_eq!(texts(&mut started(&file).await, 2).await, ["caf\u{fffd}", "\0\u{fffd}\u{fffd}"]);
    let mut settings = file.settings();
    settings.insert("value.type", "bytes");
    let records = start(&settings, &Arc::default()).await.unwrap().poll().await.unwrap();
    let values: Vec<_> = records.into_iter().map(|record| record.record.unwrap().value).collect();
    let bytes = |bytes: &[u8]| Datum::new(Schema::bytes(), Value::Bytes(bytes.into()));
    assert_eq!(values, [bytes(b"caf\xe9"), bytes(b"\x00\xff\xfe")]);
}

#[tokio::test]
async fn a_pipe_is_read_without_blocking() {
    let file = TempFile::missing();
    let made = std::process::Command::new("mkfifo").arg(&file.path).status().unwrap();
    assert!(made.success());
    let mut task = started(&file).await;
    assert!(task.poll().await.unwrap().is_empty(), "nobody writes yet");
    let path = file.path.clone();
    let lines: Vec<_> = (0..50_000).map(|number| format!("line {number}")).collect();
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || fs::write(path, text));
    assert_eq!(texts(&mut task, lines.len()).await, lines);
    writer.join().unwrap().unwrap();
    assert!(task.poll().await.unwrap().is_empty(), "the writer is gone");
}

#[tokio::test]
async fn there_is_one_task_with_the_settings_as_they_are() {
    let file = TempFile::missing();
    let host = Arc::<FakeConnectorHost>::default();
    let config = FileSourceConfig::parse(&file.settings()).unwrap();
    let mut connector = FileSource::start(config, host.context(&file.settings())).await.unwrap();
    assert_eq!(connector.task_configs(5).await.unwrap(), [file.settings()]);
}

#[test]
fn records_come_exactly_once_from_files_only() {
    let file = Properties::from([("file", "a.txt")]);
    assert_eq!(FileSource::exactly_once(&file), Some(Support::Supported));
    for none in [Properties::new(), Properties::from([("file", " ")])] {
        assert_eq!(FileSource::exactly_once(&none), Some(Support::Unsupported));
    }
    assert_eq!(FileSource::transaction_boundaries(&file), Support::Unsupported);
}

#[tokio::test]
async fn changes_of_offsets_are_checked_with_the_reference_texts() {
    let file = Properties::from([("file", "a.txt")]);
    let partition = || Some(SourcePartition::new(Scalars::one("filename", "other.txt")));
    let offset = |offset: Scalars| Some(SourceOffset::new(offset));
    let at = |position| offset(Scalars::one("position", Scalar::Integer(position)));
    let no_filename = || Some(SourcePartition::new(Scalars::one("file", "a.txt")));
    let no_long = "The value for the 'position' key in the offset is expected to be a Long value";
    let cases = [
        (partition(), at(0), None),
        (None, None, None),
        (no_filename(), None, None),
        (
            partition(),
            offset(Scalars::one("place", 5)),
            Some("Offset objects should either be null or contain the key 'position'"),
        ),
        (partition(), offset(Scalars::one("position", "5")), Some(no_long)),
        (partition(), offset(Scalars::one("position", Scalar::Float(1.5))), Some(no_long)),
        (partition(), offset(Scalars::one("position", Scalar::Null)), Some(no_long)),
        (None, at(-1), Some("The value for the 'position' key in the offset should be a non-negative value")),
        (None, at(1), Some("Partition objects cannot be null")),
        (no_filename(), at(1), Some("Partition objects should contain the key 'filename'")),
    ];
    for (partition, offset, expected) in cases {
        let change = OffsetChange { partition, offset };
        let altered = FileSource::alter_offsets(&file, std::slice::from_ref(&change)).await;
        let found = altered.map_err(|error| error.to_string());
        let expected = expected.map_or(Ok(Altered::Completely), |text| Err(text.to_string()));
        assert_eq!(found, expected, "{change:?}");
    }
    assert_eq!(FileSource::alter_offsets(&file, &[]).await.unwrap(), Altered::Completely);
    let error = FileSource::alter_offsets(&Properties::new(), &[]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Offsets cannot be modified if the 'file' configuration is unspecified. \
         This is because stdin is used for input and offsets are not tracked."
    );
}
