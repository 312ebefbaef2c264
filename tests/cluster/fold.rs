//! The fold of the config topic against Java's, on random logs: in order, cut short, compacted, and with broken
//! records in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_api::Properties;
use millrace_herder::wire::config::{Read, decode, encode};
use millrace_herder::{ConfigRecord, ConfigState, Fencing, Include, SessionKey, Target, Which};
use millrace_tests::is_long;

use crate::hex::hex;
use crate::oracle::ask;
use crate::random::Random;

type Record = (String, Option<Vec<u8>>);

#[test]
fn the_fold_is_javas() {
    let logs = if is_long() { 3_000 } else { 300 };
    let logs: Vec<Vec<Record>> = (0..logs).map(log).collect();
    let questions: Vec<_> = logs.iter().map(|log| question(log)).collect();
    for (log, answer) in logs.iter().zip(ask(&questions)) {
        let shown: Vec<_> = log
            .iter()
            .map(|(key, value)| match value {
                Some(value) => format!("{key} {}", String::from_utf8_lossy(value)),
                None => format!("{key} (tombstone)"),
            })
            .collect();
        assert_eq!(show(&fold(log)), answer, "Java's is right, after\n{}", shown.join("\n"));
    }
}

fn log(seed: u64) -> Vec<Record> {
    let mut random = Random::seeded(seed);
    let mut log: Vec<Record> = Vec::new();
    for _ in 0..random.below(40) {
        let name: Arc<str> = ["a", "b-0"][random.below(2) as usize].into();
        let version = random.below(5).to_string();
        let settings = Arc::new(Properties::from([("v", version.as_str())]));
        let index = random.below(3) as u32;
        let record = match random.below(20) {
            0..4 => ConfigRecord::Connector { name, config: Some(settings) },
            4 => ConfigRecord::Connector { name, config: None },
            5..10 => ConfigRecord::TaskConfig { name, index, settings },
            10..14 => ConfigRecord::TasksCommitted { name, count: index },
            14 => ConfigRecord::TargetState { name, target: Some(Target::Paused) },
            15 => ConfigRecord::TargetState { name, target: Some(Target::Stopped) },
            16 => ConfigRecord::TargetState { name, target: None },
            17 => ConfigRecord::TasksFenced { name, count: index },
            18 => ConfigRecord::SessionKey(SessionKey {
                bytes: vec![index as u8; 4].into(),
                algorithm: "HmacSHA256".into(),
                created_ms: index.into(),
            }),
            _ => ConfigRecord::Restart { name, include: Include::WithTasks, which: Which::All },
        };
        let (key, mut value) = encode(&record);
        if random.percent(4) {
            value = [None, Some("{"), Some(""), Some("{\"x\":1}"), Some("null")][random.below(5) as usize]
                .map(|text| text.as_bytes().to_vec());
        }
        // Java's own reader gives up the whole log at these.
        let fatal = value.is_none() && !key.starts_with("connector-") && !key.starts_with("target-state-");
        if !fatal && !ends_java(&key, value.as_deref()) {
            log.push((key, value));
        }
    }
    if random.percent(30) {
        // What compaction leaves: of each key the last record.
        let last: BTreeMap<_, _> =
            log.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        let mut place = 0;
        log.retain(|(key, _)| {
            place += 1;
            last[key] == place - 1
        });
    }
    log
}

/// Tells whether Java's reader throws where we skip the record.
fn ends_java(key: &str, value: Option<&[u8]>) -> bool {
    let nothing = matches!(value, Some(b"null") | None);
    let wrong = matches!(value, Some(b"{\"x\":1}"));
    (nothing && !key.starts_with("connector-") && !key.starts_with("target-state-"))
        || (wrong
            && (key.starts_with("commit-") || key.starts_with("tasks-fencing-") || key == "session-key"))
}

fn question(log: &[Record]) -> String {
    let mut question = String::from("fold");
    for (key, value) in log {
        let value = value.as_deref().map_or("null".to_owned(), hex);
        question.push_str(&format!(" {}={value}", hex(key.as_bytes())));
    }
    question
}

fn fold(log: &[Record]) -> ConfigState {
    let mut state = ConfigState::default();
    for (offset, (key, value)) in (0..).zip(log) {
        match decode(Some(key.as_bytes()), value.as_deref()) {
            Read::Record(record) => state.fold(offset, &record),
            Read::Skipped(_) => state.skip(offset),
            Read::Broken(_) => {}
        }
    }
    state
}

fn show(state: &ConfigState) -> String {
    let map = |settings: &Properties| format!("{{v={}}}", settings.get("v").unwrap_or("null"));
    let mut out = format!("offset {}", state.next().map_or(-1, |next| next as i64));
    for (name, connector) in state.connectors() {
        let target = match state.target(name) {
            Target::Started => "STARTED",
            Target::Paused => "PAUSED",
            Target::Stopped => "STOPPED",
        };
        out.push_str(&format!("; {name} {} {target} of {}", map(&connector.config), state.task_count(name)));
        for (index, settings) in state.tasks(name) {
            out.push_str(&format!(" {index}{}", map(settings)));
        }
        let applied = state.applied(name).map_or("none".to_owned(), |applied| map(applied));
        let (fenced, fencing) = state.fenced(name);
        let fenced = fenced.map_or("null".to_owned(), |count| count.to_string());
        let pending = if fencing == Fencing::Pending { " pending" } else { "" };
        let inconsistent = if state.is_inconsistent(name) { " inconsistent" } else { "" };
        out.push_str(&format!(" applied {applied} fenced {fenced}{pending}{inconsistent}"));
    }
    if let Some(key) = state.session_key() {
        out.push_str(&format!("; key {} {}", hex(&key.bytes), key.created_ms));
    }
    out
}
