//! What a connector says about errors: its `errors.*` settings.

use super::tolerance::{Patience, Policy, Tolerance};
use millrace_api::{Error, Properties, Result};
use std::{str::FromStr, sync::Arc, time::Duration};

/// A connector's `errors.*` settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSettings {
    pub policy: Policy,
    pub log: Log,
    /// Where failed records go, if anywhere.
    pub dead_letters: Option<DeadLetterSettings>,
}

/// What the log says of failed records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Nothing.
    Off,
    /// That they failed, and why.
    Failures,
    /// Which records they are, too.
    Records,
}

/// A dead letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterSettings {
    pub topic: Arc<str>,
    /// How many replicas the topic gets when it has to be created.
    pub replication_factor: i16,
    pub headers: ContextHeaders,
}

/// Whether headers say where and why a record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextHeaders {
    Added,
    None,
}

const TOPIC: &str = "errors.deadletterqueue.topic.name";
const REPLICATION: &str = "errors.deadletterqueue.topic.replication.factor";
const CONTEXT: &str = "errors.deadletterqueue.context.headers.enable";

impl ErrorSettings {
    /// Reads the settings of a connector. A validated connector has no wrong ones.
    pub fn of(connector: &Properties) -> Result<Self> {
        let timeout: i64 = number(connector, "errors.retry.timeout", 0)?;
        let delay_max: i64 = number(connector, "errors.retry.delay.max.ms", 60_000)?;
        let tolerance = match text(connector, "errors.tolerance") {
            None | Some("none") => Tolerance::None,
            Some("all") => Tolerance::All,
            Some(other) => return Err(wrong("errors.tolerance", other, "it is neither none nor all")),
        };
        let log = match (flag(connector, "errors.log.enable"), flag(connector, "errors.log.include.messages"))
        {
            (false, _) => Log::Off,
            (true, false) => Log::Failures,
            (true, true) => Log::Records,
        };
        let policy = Policy {
            patience: u64::try_from(timeout)
                .map_or(Patience::Forever, |timeout| Patience::For(Duration::from_millis(timeout))),
            delay_max: Duration::from_millis(u64::try_from(delay_max).unwrap_or_default()),
            tolerance,
        };
        Ok(Self { policy, log, dead_letters: dead_letters(connector)? })
    }
}

/// Returns what is wrong with a source's dead letter queue, an extension that Kafka Connect's definitions do not have.
pub(crate) fn source_problems(connector: &Properties) -> Vec<(String, String)> {
    if text(connector, TOPIC).is_none() {
        return Vec::new();
    }
    let replication = number::<i16>(connector, REPLICATION, 3).err();
    replication.map(|error| (REPLICATION.to_owned(), error.to_string())).into_iter().collect()
}

fn dead_letters(connector: &Properties) -> Result<Option<DeadLetterSettings>> {
    let Some(topic) = text(connector, TOPIC) else { return Ok(None) };
    let headers = if flag(connector, CONTEXT) { ContextHeaders::Added } else { ContextHeaders::None };
    let replication_factor = number(connector, REPLICATION, 3)?;
    Ok(Some(DeadLetterSettings { topic: topic.into(), replication_factor, headers }))
}

fn text<'a>(connector: &'a Properties, name: &str) -> Option<&'a str> {
    connector.get(name).map(str::trim).filter(|text| !text.is_empty())
}

fn flag(connector: &Properties, name: &str) -> bool {
    text(connector, name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

fn number<N: FromStr>(connector: &Properties, name: &str, default: N) -> Result<N> {
    let Some(text) = text(connector, name) else { return Ok(default) };
    text.parse().map_err(|_| wrong(name, text, "it is not a number in range"))
}

fn wrong(name: &str, value: &str, reason: &str) -> Error {
    Error::config(format!("Invalid value {value} for configuration {name}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_tolerated_unless_a_setting_says_so() {
        let settings = ErrorSettings::of(&Properties::new()).unwrap();
        assert_eq!(settings.policy.patience, Patience::For(Duration::ZERO));
        assert_eq!(settings.policy.delay_max, Duration::from_secs(60));
        assert_eq!(settings.policy.tolerance, Tolerance::None);
        assert_eq!((settings.log, settings.dead_letters), (Log::Off, None));
    }

    #[test]
    fn everything_that_is_given_is_read() {
        let connector = Properties::from([
            ("errors.retry.timeout", "-1"),
            ("errors.retry.delay.max.ms", " 500 "),
            ("errors.tolerance", "all"),
            ("errors.log.enable", "TRUE"),
            ("errors.log.include.messages", "true"),
            (TOPIC, " dead "),
            (REPLICATION, "1"),
            (CONTEXT, "true"),
        ]);
        let settings = ErrorSettings::of(&connector).unwrap();
        assert_eq!(settings.policy.patience, Patience::Forever);
        assert_eq!(settings.policy.delay_max, Duration::from_millis(500));
        assert_eq!((settings.policy.tolerance, settings.log), (Tolerance::All, Log::Records));
        let headers = ContextHeaders::Added;
        let expected = DeadLetterSettings { topic: "dead".into(), replication_factor: 1, headers };
        assert_eq!(settings.dead_letters, Some(expected));
    }

    #[test]
    fn a_wrong_number_names_its_setting() {
        let connector = Properties::from([(TOPIC, "dead"), (REPLICATION, "many")]);
        let text = ErrorSettings::of(&connector).unwrap_err().to_string();
        assert_eq!(
            text,
            format!("Invalid value many for configuration {REPLICATION}: it is not a number in range")
        );
        assert_eq!(source_problems(&connector), [(REPLICATION.to_owned(), text)]);
    }
}
