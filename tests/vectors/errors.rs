//! Expected errors.

use crate::suite::Verdict;
use millrace_api::{Error, Properties};
use serde_json::Value as Json;

/// Where an error was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Configure,
    Apply,
    Convert,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Apply => "apply",
            Self::Convert => "convert",
        }
    }
}

/// Holds an error against what a case expects.
pub fn check(vector: &Json, phase: Phase, error: &Error) -> Verdict {
    let expected = &vector["expected"]["error"];
    let found = format!("{} in {}: {error}", error.java_class(), phase.name());
    if expected.is_null() {
        return Verdict::Failed(found);
    }
    let message = error.to_string();
    let text = |member: &str| expected[member].as_str();
    let fits = expected["messageInformational"] == true
        || text("messagePrefix").is_some_and(|prefix| message.starts_with(prefix))
        || text("message") == Some(message.as_str());
    if fits && text("class") == Some(error.java_class()) && text("phase") == Some(phase.name()) {
        return Verdict::Held;
    }
    Verdict::Failed(format!("{found}\n    expected {expected}"))
}

/// Returns the settings of a case.
pub fn settings(vector: &Json) -> Properties {
    let mut settings = Properties::new();
    for (name, text) in vector["config"].as_object().into_iter().flatten() {
        match text.as_str() {
            Some(text) => settings.insert(name.as_str(), text),
            None => settings.insert_null(name.as_str()),
        }
    }
    settings
}
