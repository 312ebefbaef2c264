#![allow(clippy::unwrap_used)]
use super::*;

fn record(text: &str) -> ConfigRecord {
    let (kind, rest) = text.split_once(' ').unwrap();
    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
    let name: Arc<str> = name.into();
    let settings = |value: &str| Arc::new(Properties::from([("v", value)]));
    match kind {
        "connector" if value.is_empty() => ConfigRecord::Connector { name, config: None },
        "connector" => ConfigRecord::Connector { name, config: Some(settings(value)) },
        "target" if value.is_empty() => ConfigRecord::TargetState { name, target: None },
        "target" => {
            let target = match value {
                "paused" => Target::Paused,
                "stopped" => Target::Stopped,
                _ => Target::Started,
            };
            ConfigRecord::TargetState { name, target: Some(target) }
        }
        "task" => {
            let (index, value) = value.split_once(' ').unwrap();
            ConfigRecord::TaskConfig { name, index: index.parse().unwrap(), settings: settings(value) }
        }
        "commit" => ConfigRecord::TasksCommitted { name, count: value.parse().unwrap() },
        "fenced" => ConfigRecord::TasksFenced { name, count: value.parse().unwrap() },
        _ => panic!("{kind}"),
    }
}

/// Folds the records, which are separated by `;`, and compares what is then known of connector `a`.
#[track_caller]
fn check(records: &str, expected: &str) {
    let mut state = ConfigState::default();
    for (offset, text) in records.split(';').enumerate() {
        state.fold(offset as u64, &record(text.trim()));
    }
    assert_eq!(show(&state), expected, "after {records}");
}

fn show(state: &ConfigState) -> String {
    let value = |settings: &Properties| settings.get("v").unwrap().to_owned();
    let connector = match state.connector("a") {
        Some(connector) => format!("{}@{}", value(&connector.config), connector.revision),
        None => "none".to_owned(),
    };
    let tasks: Vec<_> =
        state.tasks("a").map(|(index, settings)| format!("{index}={}", value(settings))).collect();
    let applied = state.applied("a").map_or("none".to_owned(), |config| value(config));
    let mark = if state.is_inconsistent("a") { " inconsistent" } else { "" };
    format!(
        "{connector} {:?} [{}]@{} of {} applied {applied}{mark}",
        state.target("a"),
        tasks.join(" "),
        state.task_revision("a"),
        state.task_count("a"),
    )
}

#[test]
fn nothing_is_known_before_the_first_record() {
    assert_eq!(show(&ConfigState::default()), "none Started []@0 of 0 applied none");
    assert_eq!(ConfigState::default().next(), None);
}

#[test]
fn a_connector_is_started_unless_said_otherwise() {
    check("connector a x", "x@0 Started []@0 of 0 applied none");
    check("target a paused; connector a x", "x@1 Paused []@0 of 0 applied none");
    check("connector a x; target a stopped", "x@0 Stopped []@0 of 0 applied none");
    check("connector a x; target a stopped; target a", "x@0 Started []@0 of 0 applied none");
}

#[test]
fn tasks_count_from_their_commit_on() {
    check("connector a x; task a 0 p; task a 1 q", "x@0 Started []@0 of 0 applied none");
    check("connector a x; task a 0 p; task a 1 q; commit a 2", "x@0 Started [0=p 1=q]@3 of 2 applied x");
}

#[test]
fn a_commit_without_all_its_tasks_leaves_none() {
    check("connector a x; task a 1 q; commit a 2", "x@0 Started []@0 of 2 applied none inconsistent");
    check("connector a x; commit a 1", "x@0 Started []@0 of 1 applied none inconsistent");
    check(
        "connector a x; task a 0 p; commit a 1; task a 1 q; commit a 2",
        "x@0 Started []@2 of 2 applied x inconsistent",
    );
}

#[test]
fn a_complete_set_heals_the_connector() {
    check("connector a x; commit a 1; task a 0 p; commit a 1", "x@0 Started [0=p]@3 of 1 applied x");
}

#[test]
fn a_smaller_set_hides_the_tasks_beyond() {
    check(
        "connector a x; task a 0 p; task a 1 q; commit a 2; task a 0 r; commit a 1",
        "x@0 Started [0=r]@5 of 1 applied x",
    );
}

#[test]
fn an_empty_set_needs_no_tasks() {
    check("connector a x; commit a 0", "x@0 Started []@0 of 0 applied x");
    check("connector a x; task a 0 p; commit a 1; commit a 0", "x@0 Started []@2 of 0 applied x");
}

#[test]
fn the_applied_configuration_is_that_of_the_commit() {
    check("connector a x; task a 0 p; commit a 1; connector a y", "y@3 Started [0=p]@2 of 1 applied x");
}

#[test]
fn a_deleted_connector_leaves_nothing_but_its_target() {
    check("connector a x; task a 0 p; commit a 1; connector a", "none Started []@0 of 0 applied none");
    check("connector a x; target a paused; connector a; connector a y", "y@3 Paused []@0 of 0 applied none");
    check("task a 0 p; commit a 1", "none Started []@0 of 0 applied none");
    check(
        "connector a x; task a 0 p; connector a; connector a y; commit a 1",
        "y@3 Started []@0 of 1 applied none inconsistent",
    );
}

#[test]
fn the_place_is_that_after_the_last_record() {
    let mut state = ConfigState::default();
    state.fold(7, &record("fenced a 3"));
    assert_eq!(state.next(), Some(8));
}
