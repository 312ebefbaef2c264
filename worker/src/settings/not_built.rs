//! What Kafka Connect has and Millrace does not have yet: the one place that says so, for workers and connectors.
//!
//! A setting of such a feature is never passed over in silence. Where going on without the feature would lose data or
//! protection, it is refused; else a warning names it.

use millrace_api::{Problems, Properties};

/// What happens when a worker's setting asks for something that is not there.
#[derive(Clone, Copy)]
enum Effect {
    Refused,
    Warned,
}

/// A worker's setting that asks for something that is not there, unless it is empty or one of `harmless`.
struct Setting {
    name: &'static str,
    harmless: &'static [&'static str],
    effect: Effect,
    reason: &'static str,
}

#[rustfmt::skip]
const WORKER: &[Setting] = &[
    Setting { name: "rest.extension.classes", harmless: &[], effect: Effect::Refused,
        reason: "REST extensions are not supported yet, so the REST API would lack their protection" },
    Setting { name: "ssl.client.auth", harmless: &["none"], effect: Effect::Refused,
        reason: "HTTPS is not supported yet, so no client would be asked for a certificate" },
    Setting { name: "plugin.path", harmless: &[], effect: Effect::Warned,
        reason: "plugins are built in; Java plugins in these folders are not loaded" },
    Setting { name: "metric.reporters", harmless: &["org.apache.kafka.common.metrics.JmxReporter"], effect: Effect::Warned,
        reason: "metrics are not supported yet" },
    Setting { name: "metrics.recording.level", harmless: &["INFO"], effect: Effect::Warned,
        reason: "metrics are not supported yet" },
    Setting { name: "metrics.sample.window.ms", harmless: &["30000"], effect: Effect::Warned,
        reason: "metrics are not supported yet" },
    Setting { name: "metrics.num.samples", harmless: &["2"], effect: Effect::Warned,
        reason: "metrics are not supported yet" },
];

/// A connector's setting that asks for something that is not there, unless it is empty or one of `harmless`.
///
/// Each is an error of the connector's configuration: a connector that runs otherwise than it says may lose records.
struct ConnectorSetting {
    name: &'static str,
    harmless: &'static [&'static str],
    feature: &'static str,
}

#[rustfmt::skip]
const CONNECTOR: &[ConnectorSetting] = &[
    ConnectorSetting { name: "exactly.once.support", harmless: &["requested"], feature: "exactly-once delivery" },
];

/// Holds a worker's settings against the table.
pub(super) fn check(properties: &Properties, problems: &mut Problems, warnings: &mut Vec<String>) {
    for Setting { name, harmless, effect, reason } in WORKER {
        if !asks(properties, name, harmless) {
            continue;
        }
        match effect {
            Effect::Refused => problems.add(name, format!("{name} cannot be honoured: {reason}")),
            Effect::Warned => warnings.push(format!("{name} has no effect: {reason}")),
        }
    }
    if let Some((name, _)) = properties.iter().find(|(name, _)| name.starts_with("metrics.context.")) {
        warnings.push(format!("{name} has no effect: metrics are not supported yet"));
    }
}

/// Returns a connector's settings that ask for something that is not there, and what to tell its user.
pub(crate) fn of_connector(config: &Properties) -> Vec<(String, String)> {
    let asked = CONNECTOR.iter().filter(|setting| asks(config, setting.name, setting.harmless));
    asked.map(|setting| problem(setting.name, config, setting.feature)).collect()
}

/// Says what becomes of a worker's setting that asks for something that is not there.
pub(super) fn of_worker_setting(name: &str) -> Option<String> {
    let Setting { harmless, effect, reason, .. } = WORKER.iter().find(|setting| setting.name == name)?;
    let unless = match harmless.is_empty() {
        true => "when it is given".to_owned(),
        false => format!("unless it is {}", harmless.join(" or ")),
    };
    Some(match effect {
        Effect::Refused => format!("refused {unless}: {reason}"),
        Effect::Warned => format!("accepted, with a warning {unless}: {reason}"),
    })
}

/// The same for a connector's setting.
pub(super) fn of_connector_setting(name: &str) -> Option<String> {
    let setting = CONNECTOR.iter().find(|setting| setting.name == name)?;
    let unless = match setting.harmless.is_empty() {
        true => "when it is given".to_owned(),
        false => format!("unless it is {}", setting.harmless.join(" or ")),
    };
    Some(format!("refused {unless}: {} is not there yet", setting.feature))
}

fn problem(name: &str, config: &Properties, feature: &str) -> (String, String) {
    let value = config.get(name).unwrap_or_default();
    let text =
        format!("Invalid value {value} for configuration {name}: {feature} is not supported by Millrace yet");
    (name.to_owned(), text)
}

fn asks(properties: &Properties, name: &str, harmless: &[&str]) -> bool {
    let Some(text) = properties.get(name).map(str::trim) else { return false };
    !text.is_empty() && !harmless.iter().any(|known| known.eq_ignore_ascii_case(text))
}
