//! Our bytes against those that Java's classes write.

use std::sync::Arc;

use millrace_api::Properties;
use millrace_herder::wire::protocol::{
    Assignment, AssignmentError, MemberState, SubProtocol, Work, encode_assignment, encode_state,
};
use millrace_herder::wire::status::{StatusRecord, StoredStatus, TopicUse};
use millrace_herder::wire::{config, status};
use millrace_herder::{ConfigRecord, Include, SessionKey, State, Target, TaskId, Which};
use serde_json::Value;

use crate::hex::{hex, unhex};
use crate::oracle::ask;
use crate::random::Random;

/// Texts that a writer of JSON may stumble over.
const TEXTS: [&str; 7] = [
    "",
    "plain",
    "\"quoted\\\"",
    "line\nfeed\ttab\r\u{8}\u{c}",
    "\u{1}\u{1f}\u{7f}",
    "ü€ß",
    "\u{1F600}/<>&'",
];

#[test]
fn records_of_the_config_topic_are_javas() {
    let mut cases: Vec<(String, ConfigRecord)> = Vec::new();
    let name: Arc<str> = "a".into();
    for text in TEXTS {
        let settings = Arc::new(Properties::from([(text, text)]));
        let record = ConfigRecord::Connector { name: name.clone(), config: Some(settings) };
        cases.push((format!("properties {}={}", hex(text.as_bytes()), hex(text.as_bytes())), record));
        let record = ConfigRecord::LoggerLevel { logger: "root".into(), level: text.into() };
        cases.push((format!("level {}", hex(text.as_bytes())), record));
    }
    let mut settings = Properties::new();
    settings.insert_null("file");
    let settings = Arc::new(settings);
    let record = ConfigRecord::TaskConfig { name: name.clone(), index: 3, settings };
    cases.push(("properties 66696c65=null".to_owned(), record));
    for (words, target) in [
        ("STARTED STARTED", Target::Started),
        ("PAUSED PAUSED", Target::Paused),
        ("PAUSED STOPPED", Target::Stopped),
    ] {
        let record = ConfigRecord::TargetState { name: name.clone(), target: Some(target) };
        cases.push((format!("target {words}"), record));
    }
    for count in [0, 1, 10, i32::MAX as u32] {
        cases.push((format!("commit {count}"), ConfigRecord::TasksCommitted { name: name.clone(), count }));
        cases.push((format!("fencing {count}"), ConfigRecord::TasksFenced { name: name.clone(), count }));
    }
    for (include, with) in [(Include::WithTasks, true), (Include::ConnectorOnly, false)] {
        for (which, failed) in [(Which::OnlyFailed, true), (Which::All, false)] {
            let record = ConfigRecord::Restart { name: name.clone(), include, which };
            cases.push((format!("restart {with} {failed}"), record));
        }
    }
    for length in [1_u8, 32, 64, 65] {
        let bytes: Vec<u8> = (0..length).map(|number| number.wrapping_mul(37)).collect();
        let text = format!("key {} HmacSHA256 1730000000000", hex(&bytes));
        let key =
            SessionKey { bytes: bytes.into(), algorithm: "HmacSHA256".into(), created_ms: 1_730_000_000_000 };
        cases.push((text, ConfigRecord::SessionKey(key)));
    }
    let questions: Vec<_> = cases.iter().map(|(words, _)| format!("config {words}")).collect();
    for ((words, record), answer) in cases.iter().zip(ask(&questions)) {
        let (key, value) = config::encode(record);
        let value = value.expect("none of them is a tombstone");
        assert_eq!(text(&value), text(&unhex(&answer)), "{words}");
        let read = config::decode(Some(key.as_bytes()), Some(&unhex(&answer)));
        assert!(matches!(&read, config::Read::Record(read) if read == record), "{words}: {read:?}");
    }
}

/// A map of several settings has no order of its own.
#[test]
fn settings_of_a_connector_are_javas() {
    let names = ["connector.class", "file", "name", "tasks.max", "topics", "transforms.a.type", "b", "c"];
    let list: Vec<_> = names.iter().map(|name| format!("{}={}", hex(name.as_bytes()), hex(b"x"))).collect();
    let answer = ask(&[format!("config properties {}", list.join(","))]).remove(0);
    let settings = names.iter().map(|name| (*name, "x")).collect();
    let record = ConfigRecord::Connector { name: "a".into(), config: Some(Arc::new(settings)) };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("it is JSON");
    let written = config::encode(&record).1.expect("it is no tombstone");
    assert_eq!(json(&written), json(&unhex(&answer)));
}

#[test]
fn records_of_the_status_topic_are_javas() {
    let states =
        [State::Unassigned, State::Running, State::Paused, State::Stopped, State::Failed, State::Restarting];
    let mut cases = Vec::new();
    for (state, number) in states.into_iter().zip(-1..) {
        for text in TEXTS {
            let trace = (!text.is_empty()).then_some(text);
            let given = StoredStatus {
                state,
                trace: trace.map(Arc::from),
                worker_id: text.into(),
                generation: number,
                version: trace.map(Arc::from),
            };
            let optional = trace.map_or("null".to_owned(), |text| hex(text.as_bytes()));
            let words = format!("{state} {optional} {} {number} {optional}", hex(text.as_bytes()));
            cases.push((words, StatusRecord::Connector { name: "a".into(), status: Some(given) }));
        }
    }
    let used = Some(TopicUse { task: 7, discovered_ms: 1_730_000_123_456 });
    let record = StatusRecord::Topic { topic: "orders".into(), connector: "a-sink".into(), used };
    cases.push(("topic orders a-sink 7 1730000123456".to_owned(), record));
    let questions: Vec<_> = cases.iter().map(|(words, _)| format!("status {words}")).collect();
    for ((words, record), answer) in cases.iter().zip(ask(&questions)) {
        let (key, value) = status::encode(record);
        let value = value.expect("none of them is a tombstone");
        assert_eq!(text(&value), text(&unhex(&answer)), "{words}");
        assert_eq!(&status::decode(Some(key.as_bytes()), Some(&unhex(&answer))).expect(words), record);
    }
}

/// Java reads what we write, and writes it again as it was.
#[test]
fn states_and_assignments_are_javas() {
    let mut random = Random::seeded(11);
    let mut questions = Vec::new();
    for protocol in [SubProtocol::Eager, SubProtocol::Compatible, SubProtocol::Sessioned] {
        for _ in 0..50 {
            let given = assignment(&mut random, protocol);
            questions.push(format!("assignment {}", hex(&encode_assignment(&given, protocol))));
            let allocation = (protocol != SubProtocol::Eager && random.percent(80)).then_some(given);
            let state = MemberState {
                url: "http://ü:8083/".into(),
                config_offset: random.below(100) as i64 - 1,
                allocation,
            };
            questions.push(format!("state {}", hex(&encode_state(&state, protocol))));
        }
    }
    for (question, answer) in questions.iter().zip(ask(&questions)) {
        assert_eq!(question.split_once(' ').map(|(_, bytes)| bytes), Some(answer.as_str()), "{question}");
    }
}

fn assignment(random: &mut Random, protocol: SubProtocol) -> Assignment {
    let error = if random.percent(20) { AssignmentError::ConfigMismatch } else { AssignmentError::None };
    let (assigned, mut revoked) = (work(random), work(random));
    let mut delay_ms = random.below(300_000) as i32;
    if protocol == SubProtocol::Eager {
        (revoked, delay_ms) = (Work::default(), 0);
    }
    Assignment {
        error,
        leader: "connect-1-ü".into(),
        leader_url: "http://leader:8083/".into(),
        config_offset: random.below(1_000) as i64 - 1,
        assigned,
        revoked,
        delay_ms,
    }
}

fn work(random: &mut Random) -> Work {
    let mut work = Work::default();
    for name in ["pg", "a-0", "ü", "s3"] {
        if random.percent(50) {
            work.connectors.push(name.into());
        }
        let tasks = random.below(4) as u32;
        work.tasks.extend((0..tasks).map(|index| TaskId { connector: name.into(), index: 7 - index }));
    }
    work
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
