//! A Kafka client that is neither Java's nor librdkafka: what it reads is what any user's program would read.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cache;

/// Reads and writes topics of one broker. Every call is a process of its own, so none remembers a broken connection.
pub struct Client {
    bootstrap: String,
}

/// A record as it lies in the topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub partition: Option<i64>,
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Client {
    pub fn new(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned() }
    }

    #[track_caller]
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        self.create_topic_with(topic, partitions, &[]);
    }

    /// Creates a topic with settings such as `cleanup.policy=compact`.
    #[track_caller]
    pub fn create_topic_with(&self, topic: &str, partitions: u32, settings: &[&str]) {
        let partitions = partitions.to_string();
        let mut arguments = vec!["create", topic, &partitions];
        arguments.extend(settings);
        self.must(&arguments, "");
    }

    #[track_caller]
    pub fn delete_topic(&self, topic: &str) {
        self.must(&["delete", topic], "");
    }

    /// Gives a user of a broker with access control a right, such as `["app", "READ", "TOPIC", "orders"]`.
    #[track_caller]
    pub fn allow(&self, right: [&str; 4]) {
        self.must(&[&["allow"], &right[..]].concat(), "");
    }

    /// Takes a right back.
    #[track_caller]
    pub fn forbid(&self, right: [&str; 4]) {
        self.must(&[&["forbid"], &right[..]].concat(), "");
    }

    /// Produces one record without key for each text, and waits until the broker has them all.
    #[track_caller]
    pub fn produce(&self, topic: &str, values: &[impl AsRef<str>]) {
        let record = |value: &str| Record { value: Some(value.as_bytes().to_vec()), ..Record::default() };
        let records: Vec<Record> = values.iter().map(|value| record(value.as_ref())).collect();
        self.produce_records(topic, &records);
    }

    #[track_caller]
    pub fn produce_records(&self, topic: &str, records: &[Record]) {
        let lines: String = records.iter().map(|record| to_json(record).to_string() + "\n").collect();
        self.must(&["produce", topic], &lines);
    }

    /// Returns every record of the topic, by partition and offset; none when there is no such topic.
    #[track_caller]
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let output = self.must(&["read", topic], "");
        output.lines().map(|line| from_json(&parsed(line))).collect()
    }

    /// Returns the values of all records as text.
    #[track_caller]
    pub fn values(&self, topic: &str) -> Vec<String> {
        let text = |record: Record| String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned();
        self.records(topic).into_iter().map(text).collect()
    }

    /// Returns how many records the topic holds; 0 when there is no such topic.
    #[track_caller]
    pub fn count(&self, topic: &str) -> u64 {
        self.try_count(topic).unwrap_or_else(|error| panic!("counting records of {topic}: {error:#}"))
    }

    /// As `count`, for brokers that may be down.
    pub fn try_count(&self, topic: &str) -> Result<u64> {
        let output = self.call(&["count", topic], "")?;
        output.trim().parse().with_context(|| format!("not a number: {output}"))
    }

    /// Returns the committed offsets of a consumer group as (topic, partition, offset).
    #[track_caller]
    pub fn committed(&self, group: &str) -> Vec<(String, i64, i64)> {
        let offset = |line: &str| {
            let line = parsed(line);
            let number = |index: usize| line[index].as_i64().unwrap_or(-1);
            (line[0].as_str().unwrap_or_default().to_owned(), number(1), number(2))
        };
        self.must(&["committed", group], "").lines().map(offset).collect()
    }

    /// Returns the topic's partitions and settings; no partitions when there is no such topic.
    #[track_caller]
    pub fn describe(&self, topic: &str) -> Value {
        parsed(self.must(&["describe", topic], "").trim())
    }

    /// Refuses the topic to everybody who does not say who they are. The broker needs an authorizer.
    #[track_caller]
    pub fn reserve(&self, topic: &str) {
        self.must(&["reserve", topic], "");
    }

    #[track_caller]
    fn must(&self, arguments: &[&str], input: &str) -> String {
        self.call(arguments, input)
            .unwrap_or_else(|error| panic!("{} {}: {error:#}", arguments[0], arguments[1]))
    }

    fn call(&self, arguments: &[&str], input: &str) -> Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/client.py");
        let mut command = Command::new(cache::python()?);
        command.arg(script).arg(&self.bootstrap).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting python")?;
        // The script reads its input to the end before it writes anything, so neither side can block the other.
        child.stdin.take().context("python's input is piped")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        bail!("the Python client failed:\n{}", String::from_utf8_lossy(&output.stderr))
    }
}

fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("the Python client wrote {line:?}: {error}"))
}

fn to_json(record: &Record) -> Value {
    let headers: Vec<Value> =
        record.headers.iter().map(|(name, value)| json!([name, to_text(value)])).collect();
    json!({
        "partition": record.partition,
        "key": to_text(&record.key),
        "value": to_text(&record.value),
        "headers": headers,
    })
}

fn from_json(json: &Value) -> Record {
    let header = |header: &Value| (header[0].as_str().unwrap_or_default().to_owned(), to_bytes(&header[1]));
    Record {
        partition: json["partition"].as_i64(),
        offset: json["offset"].as_i64().unwrap_or(-1),
        timestamp: json["timestamp"].as_i64().unwrap_or(-1),
        key: to_bytes(&json["key"]),
        value: to_bytes(&json["value"]),
        headers: json["headers"].as_array().into_iter().flatten().map(header).collect(),
    }
}

/// One character for each byte; see client.py.
fn to_text(bytes: &Option<Vec<u8>>) -> Option<String> {
    bytes.as_ref().map(|bytes| bytes.iter().copied().map(char::from).collect())
}

fn to_bytes(text: &Value) -> Option<Vec<u8>> {
    let byte = |character: char| u8::try_from(u32::from(character)).unwrap_or(b'?');
    text.as_str().map(|text| text.chars().map(byte).collect())
}
