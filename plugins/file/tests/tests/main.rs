//! Tests that need a process of their own, or both connectors.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod full;
mod idle;
mod page;
mod round_trip;
mod standard;

use millrace_api::{
    ConnectorPlugin, Datum, Plugins, Properties, Record, SinkRecord, SinkTask, SourceTask, TimestampType,
    testing::{FakeSinkHost, FakeSourceHost},
};
use std::{
    process::{Command, Stdio},
    sync::Arc,
};

/// Set in a process that was started to be one test's other half.
const CHILD: &str = "MILLRACE_FILE_TEST_CHILD";

fn plugins() -> Plugins {
    let mut plugins = Plugins::default();
    millrace_file::register(&mut plugins);
    plugins
}

async fn source(settings: Properties) -> Box<dyn SourceTask> {
    let Ok(ConnectorPlugin::Source(plugin)) = plugins().connector("FileStreamSource") else { panic!() };
    plugin.start_task(settings, Arc::<FakeSourceHost>::default().context()).await.unwrap()
}

async fn sink(settings: Properties) -> Box<dyn SinkTask> {
    let Ok(ConnectorPlugin::Sink(plugin)) = plugins().connector("FileStreamSink") else { panic!() };
    plugin.start_task(settings, FakeSinkHost::assigning([]).context()).await.unwrap()
}

fn record(text: &str) -> SinkRecord {
    let record = Record::new("t", Datum::string(text));
    let record = Record { timestamp_type: TimestampType::CreateTime, ..record };
    SinkRecord { record, topic: "t".into(), partition: 0, offset: 0 }
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Returns a command that runs one test of this program in a process of its own.
fn child(test: &str) -> Command {
    prepared_child("true", test)
}

/// The same after a command of the shell, whose limits it inherits.
fn prepared_child(preparation: &str, test: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{preparation}; exec \"$@\"")])
        .arg("sh")
        .arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}
