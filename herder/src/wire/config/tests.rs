use super::*;

#[track_caller]
fn check(record: ConfigRecord, key: &str, value: Option<&str>) {
    let (written_key, written) = encode(&record);
    assert_eq!(written_key, key);
    assert_eq!(written.as_deref().map(String::from_utf8_lossy).as_deref(), value);
    let read = decode(Some(key.as_bytes()), value.map(str::as_bytes));
    let Read::Record(read) = read else { panic!("{key} is read as {read:?}") };
    assert_eq!(read, record);
}

#[track_caller]
fn check_skipped(key: &str, value: Option<&str>, expected: &str) {
    let read = decode(Some(key.as_bytes()), value.map(str::as_bytes));
    let Read::Skipped(problem) = read else { panic!("{key} is read as {read:?}") };
    assert_eq!(problem.to_string(), expected);
}

#[test]
fn connectors_and_tasks() {
    let config = Arc::new(Properties::from([
        ("connector.class", "FileStreamSink"),
        ("file", "/tmp/orders.txt"),
        ("name", "orders-sink"),
        ("tasks.max", "2"),
        ("topics", "orders"),
    ]));
    check(
        ConfigRecord::Connector { name: "orders-sink".into(), config: Some(config) },
        "connector-orders-sink",
        Some(
            r#"{"properties":{"connector.class":"FileStreamSink","file":"/tmp/orders.txt","name":"orders-sink","tasks.max":"2","topics":"orders"}}"#,
        ),
    );
    check(ConfigRecord::Connector { name: "a".into(), config: None }, "connector-a", None);
    let mut settings = Properties::from([("topics", "\u{1F600}\"")]);
    settings.insert_null("file");
    check(
        ConfigRecord::TaskConfig { name: "orders-sink".into(), index: 10, settings: Arc::new(settings) },
        "task-orders-sink-10",
        Some(r#"{"properties":{"file":null,"topics":"\uD83D\uDE00\""}}"#),
    );
    check(
        ConfigRecord::TasksCommitted { name: "orders-sink".into(), count: 2 },
        "commit-orders-sink",
        Some(r#"{"tasks":2}"#),
    );
    check(
        ConfigRecord::TasksFenced { name: "pg-source".into(), count: 3 },
        "tasks-fencing-pg-source",
        Some(r#"{"task-count":3}"#),
    );
}

#[test]
fn target_states() {
    let record = |target| ConfigRecord::TargetState { name: "a-1".into(), target };
    let key = "target-state-a-1";
    check(record(Some(Target::Stopped)), key, Some(r#"{"state":"PAUSED","state.v2":"STOPPED"}"#));
    check(record(Some(Target::Paused)), key, Some(r#"{"state":"PAUSED","state.v2":"PAUSED"}"#));
    check(record(Some(Target::Started)), key, Some(r#"{"state":"STARTED","state.v2":"STARTED"}"#));
    check(record(None), key, None);
}

#[test]
fn an_old_worker_writes_one_state_only() {
    let read = decode(Some(b"target-state-a"), Some(br#"{"state":"PAUSED"}"#));
    let expected = ConfigRecord::TargetState { name: "a".into(), target: Some(Target::Paused) };
    assert!(matches!(read, Read::Record(record) if record == expected));
}

#[test]
fn session_keys_restarts_and_levels() {
    let bytes: Vec<u8> = (0..32).collect();
    check(
        ConfigRecord::SessionKey(SessionKey {
            bytes: bytes.into(),
            algorithm: "HmacSHA256".into(),
            created_ms: 1_730_000_000_000,
        }),
        "session-key",
        Some(
            r#"{"key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","algorithm":"HmacSHA256","creation-timestamp":1730000000000}"#,
        ),
    );
    check(
        ConfigRecord::Restart { name: "orders-sink".into(), include: Include::WithTasks, which: Which::All },
        "restart-connector-orders-sink",
        Some(r#"{"include-tasks":true,"only-failed":false}"#),
    );
    check(
        ConfigRecord::LoggerLevel { logger: "org.apache.kafka.connect".into(), level: "warn".into() },
        "logger-cluster-org.apache.kafka.connect",
        Some(r#"{"level":"warn"}"#),
    );
}

#[test]
fn what_is_not_understood_is_skipped() {
    check_skipped("what-is-this", Some("{}"), "key what-is-this is of no known kind");
    check_skipped("task-a", Some("{}"), "key task-a: it names no task");
    check_skipped("task-a-", Some("{}"), "key task-a-: it ends with no task number");
    check_skipped("task-a-0", None, "key task-a-0: its value is null");
    check_skipped("task-a-0", Some("null"), "key task-a-0: its value is null");
    check_skipped("connector-a", Some("[]"), "key connector-a: its value is not an object");
    check_skipped("connector-a", Some("{}"), "key connector-a: properties is not an object");
    check_skipped("commit-a", Some(r#"{"tasks":1.5}"#), "key commit-a: it holds no number of tasks");
    check_skipped("commit-a", Some(r#"{"tasks":-1}"#), "key commit-a: it holds no number of tasks");
    check_skipped(
        "target-state-a",
        Some(r#"{"state":"RUN"}"#),
        "key target-state-a: it names no target state",
    );
    check_skipped("session-key", Some(r#"{"key":"?"}"#), "key session-key: algorithm is not a string");
    assert!(matches!(decode(None, Some(b"{}")), Read::Skipped(ConfigProblem::NoKey)));
}

#[test]
fn what_is_not_json_does_not_count_as_read() {
    for value in ["{", "nonsense", "{\"properties\":"] {
        let read = decode(Some(b"connector-a"), Some(value.as_bytes()));
        assert!(matches!(read, Read::Broken(_)), "{value} is read as {read:?}");
    }
}

/// As Java's reader does, which stops after the first value.
#[test]
fn what_follows_the_value_is_not_looked_at() {
    assert!(matches!(decode(Some(b"commit-a"), Some(br#"{"tasks":1} and more"#)), Read::Record(_)));
}

#[test]
fn a_broken_key_is_not_shown() {
    let Read::Skipped(problem) = decode(
        Some(b"session-key"),
        Some(br#"{"key":"c2VjcmV0","algorithm":"HmacSHA256","creation-timestamp":"x"}"#),
    ) else {
        panic!("it is read")
    };
    assert!(!format!("{problem} {problem:?}").contains("c2VjcmV0"));
}
