//! Checks of connector settings, single and together, with the texts of Kafka Connect.

use millrace_api::{
    Properties,
    config::{Check, Key, Parsed},
    regex::JavaRegex,
};

/// Returns the names in a list of aliases, each once.
pub(super) fn alias_list(config: &Properties, setting: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for alias in config.get(setting).unwrap_or_default().split(',').map(str::trim) {
        if !alias.is_empty() && !found.iter().any(|known| known == alias) {
            found.push(alias.to_owned());
        }
    }
    found
}

/// The text is Kafka Connect's.
pub(super) fn class_check(key: Key, is_found: bool) -> Key {
    key.check(Check::new(move |value| match value {
        Parsed::Text(class) if !is_found => Err(format!("Class {class} could not be found.")),
        _ => Ok(()),
    }))
}

pub(super) fn name_check() -> Check {
    Check::new(|value| {
        let Parsed::Text(name) = value else { return Ok(()) };
        if name.is_empty() {
            return Err("String may not be empty".to_owned());
        }
        let control: Vec<_> =
            name.chars().filter(|char| char.is_control()).map(|char| u32::from(char).to_string()).collect();
        if control.is_empty() {
            return Ok(());
        }
        Err(format!(
            "String may not contain control sequences but had the following ASCII chars: {}",
            control.join(", ")
        ))
    })
}

pub(super) fn regex_check() -> Check {
    Check::new(|value| match value {
        Parsed::Text(pattern) => match JavaRegex::new(pattern) {
            Ok(_) => Ok(()),
            Err(reason) => Err(format!("Invalid regex: {reason}")),
        },
        _ => Ok(()),
    })
}

pub(super) fn at_least_or_null(min: i64) -> Check {
    Check::new(move |value| match value {
        Parsed::Integer(number) if *number < min => Err(format!("Value must be at least {min}")),
        _ => Ok(()),
    })
}

/// What settings of a sink must hold together; the texts are Kafka Connect's.
pub(super) fn sink_problems(config: &Properties) -> Vec<(String, String)> {
    let given = |name: &str| config.get(name).map(str::trim).unwrap_or_default();
    let (topics, regex) = (given("topics"), given("topics.regex"));
    let dead_letters = given("errors.deadletterqueue.topic.name");
    let both = |text: &str| {
        vec![("topics".to_owned(), text.to_owned()), ("topics.regex".to_owned(), text.to_owned())]
    };
    match (topics.is_empty(), regex.is_empty()) {
        (true, true) => return both("Must configure one of topics or topics.regex"),
        (false, false) => {
            return both("topics and topics.regex are mutually exclusive options, but both are set.");
        }
        _ => {}
    }
    if dead_letters.is_empty() {
        return Vec::new();
    }
    let names = alias_list(config, "topics");
    if names.iter().any(|name| name == dead_letters) {
        let text = format!(
            "The DLQ topic '{dead_letters}' may not be included in the list of topics ('topics=[{}]') consumed by the connector",
            names.join(", ")
        );
        return vec![("topics".to_owned(), text)];
    }
    let whole = JavaRegex::new(regex).ok().filter(|_| !regex.is_empty());
    if whole.is_some_and(|whole| whole.matches(dead_letters).unwrap_or(false)) {
        let text = format!(
            "The DLQ topic '{dead_letters}' may not be matched by the regex for the topics ('topics.regex={regex}') consumed by the connector"
        );
        return vec![("topics.regex".to_owned(), text)];
    }
    Vec::new()
}
