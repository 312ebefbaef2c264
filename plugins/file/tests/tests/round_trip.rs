//! From a file through both connectors into another file.

use crate::{sink, source};
use millrace_api::{Batch, Properties, SinkRecord, SourceRecord, TimestampType};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[tokio::test]
async fn a_hundred_thousand_lines_come_through_byte_by_byte() {
    let lines: String = (0..100_000).map(|number| format!("line {number} äöü\n")).collect();
    check(lines.as_bytes(), &[("batch.size", "100")], &[]).await;
}

#[tokio::test]
async fn bytes_that_are_not_utf8_come_through() {
    let any_byte = (0..=255).filter(|byte| *byte != b'\r');
    let bytes: Vec<u8> = any_byte.cycle().take(100_000).chain([b'\n']).collect();
    check(&bytes, &[("value.type", "bytes")], &[("value.type", "bytes")]).await;
}

async fn check(content: &[u8], source_settings: &[(&str, &str)], sink_settings: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&from, content).unwrap();
    let mut source = source(settings(&from, source_settings)).await;
    let mut sink = sink(settings(&to, sink_settings)).await;
    loop {
        let records = source.poll().await.unwrap();
        if records.is_empty() {
            break;
        }
        sink.put(&mut Batch::new(records.into_iter().map(consumed).collect::<Vec<_>>())).await.unwrap();
    }
    assert!(fs::read(&to).unwrap() == content, "the files differ");
}

fn settings(file: &Path, more: &[(&str, &str)]) -> Properties {
    let file: PathBuf = file.into();
    let mut settings = Properties::from([("topic", "t"), ("file", file.to_str().unwrap())]);
    for (name, text) in more {
        settings.insert(*name, *text);
    }
    settings
}

fn consumed(record: SourceRecord) -> SinkRecord {
    let mut record = record.record.unwrap();
    record.timestamp_type = TimestampType::CreateTime;
    SinkRecord { record, topic: "t".into(), partition: 0, offset: 0 }
}
