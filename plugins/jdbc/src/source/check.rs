//! Checks of single settings, with the reference's texts, and what their words mean. Pure.

use super::schema::{Granularity, NumericMapping};
use crate::{clock::Calendar, dialect, identifier::Quoting};
use millrace_api::{
    config::{Check, Parsed},
    regex::JavaRegex,
};

/// The provider of credentials that is there: none but the settings.
pub(super) const CREDENTIALS_PROVIDER: &str = "io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider";

/// The longest name of a topic.
const TOPIC_CHARS_MAX: usize = 249;

const MODES: [&str; 5] = ["", "bulk", "timestamp", "incrementing", "timestamp+incrementing"];

fn text(check: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Check {
    Check::new(move |value| match value {
        Parsed::Text(text) => check(text),
        _ => Ok(()),
    })
}

fn entries(check: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Check {
    Check::new(move |value| match value {
        Parsed::List(entries) => entries.iter().try_for_each(|entry| check(entry)),
        _ => Ok(()),
    })
}

pub(super) fn mode() -> Check {
    text(|mode| match MODES.contains(&mode) {
        true => Ok(()),
        false => Err(format!("String must be one of: {}", MODES.join(", "))),
    })
}

pub(super) fn topic_prefix() -> Check {
    Check::new(|value| {
        match value {
        Parsed::Text(text) if text.trim().chars().count() > TOPIC_CHARS_MAX => {
            Err("Topic prefix length must not exceed max topic name length, 249 chars".to_string())
        }
        Parsed::Text(text)
            if !text.trim().chars().all(|char| char.is_ascii_alphanumeric() || "._-".contains(char)) =>
        {
            Err("Topic prefix must not contain any character other than ASCII alphanumerics, '.', '_' and '-'."
                .to_string())
        }
        Parsed::Null => Err("Topic prefix must not be null.".to_string()),
        _ => Ok(()),
    }
    })
}

pub(super) fn credentials_provider() -> Check {
    text(|class| match class.rsplit('.').next() {
        Some("DefaultJdbcCredentialsProvider" | "") => Ok(()),
        _ => Err("a provider of credentials is a Java class; set connection.user and connection.password, \
                  which a config provider may fill in"
            .to_string()),
    })
}

pub(super) fn numeric_mapping() -> Check {
    text(|text| read_numeric_mapping(text).map(drop).ok_or_else(|| "Invalid enumerator".to_string()))
}

pub(super) fn granularity() -> Check {
    text(|text| read_granularity(text).map(drop).ok_or_else(|| "Invalid enumerator".to_string()))
}

pub(super) fn dialect_name() -> Check {
    text(|name| match name.is_empty() || dialect::NAMES.contains(&name) {
        true => Ok(()),
        false => Err("Invalid enumerator".to_string()),
    })
}

pub(super) fn calendar() -> Check {
    text(|text| read_calendar(text).map(drop).ok_or_else(|| "Invalid enumerator".to_string()))
}

pub(super) fn expressions() -> Check {
    entries(|expression| match JavaRegex::new(expression) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(format!("Must be a valid comma-separated list of regular expression patterns: {error}"))
        }
    })
}

pub(super) fn timestamp_mapping() -> Check {
    entries(|entry| read_timestamp_mapping(entry).map(drop))
}

pub(super) fn incrementing_mapping() -> Check {
    entries(|entry| read_incrementing_mapping(entry).map(drop))
}

/// Reads `regex:[column|column]`.
pub(super) fn read_timestamp_mapping(entry: &str) -> Result<(JavaRegex, Vec<String>), String> {
    let (expression, columns) =
        one_colon(entry).ok_or_else(|| "Invalid format. Expected 'regex:[col1|col2|...]'".to_string())?;
    let expression =
        JavaRegex::new(expression).map_err(|error| format!("Invalid regular expression: {error}"))?;
    let columns = columns.trim().strip_prefix('[').and_then(|columns| columns.strip_suffix(']'));
    let columns = columns.ok_or_else(|| "Columns list must be enclosed in square brackets".to_string())?;
    if columns.trim().is_empty() {
        return Err("Columns list cannot be empty".to_string());
    }
    let columns: Vec<_> = columns.split('|').map(|column| column.trim().to_string()).collect();
    if columns.iter().any(String::is_empty) {
        return Err("Every column name should be non-empty string".to_string());
    }
    Ok((expression, columns))
}

/// Reads `regex:column`.
pub(super) fn read_incrementing_mapping(entry: &str) -> Result<(JavaRegex, String), String> {
    let (expression, column) =
        one_colon(entry).ok_or_else(|| "Invalid format. Expected 'regex:columnName'".to_string())?;
    let expression =
        JavaRegex::new(expression).map_err(|error| format!("Invalid regular expression: {error}"))?;
    match column.trim() {
        "" => Err("Column name cannot be empty".to_string()),
        column => Ok((expression, column.to_string())),
    }
}

fn one_colon(entry: &str) -> Option<(&str, &str)> {
    entry.split_once(':').filter(|(_, rest)| !rest.contains(':'))
}

/// Reads a word that may be written in lower or in upper case, and not mixed.
fn one_case(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    (text == lower || text == text.to_uppercase()).then_some(lower)
}

pub(super) fn read_numeric_mapping(text: &str) -> Option<NumericMapping> {
    Some(match one_case(text)?.as_str() {
        "none" => NumericMapping::None,
        "precision_only" => NumericMapping::PrecisionOnly,
        "best_fit" => NumericMapping::BestFit,
        "best_fit_eager_double" => NumericMapping::BestFitEagerDouble,
        _ => return None,
    })
}

pub(super) fn read_granularity(text: &str) -> Option<Granularity> {
    Some(match one_case(text)?.as_str() {
        "connect_logical" => Granularity::Logical,
        "micros_long" => Granularity::MicrosLong,
        "micros_string" => Granularity::MicrosString,
        "micros_iso_datetime_string" => Granularity::MicrosIso,
        "nanos_long" => Granularity::NanosLong,
        "nanos_string" => Granularity::NanosString,
        "nanos_iso_datetime_string" => Granularity::NanosIso,
        _ => return None,
    })
}

pub(super) fn read_calendar(text: &str) -> Option<Calendar> {
    match text {
        "LEGACY" => Some(Calendar::Legacy),
        "PROLEPTIC_GREGORIAN" => Some(Calendar::Proleptic),
        _ => None,
    }
}

pub(super) fn read_quoting(text: &str) -> Option<Quoting> {
    match one_case(text)?.as_str() {
        "always" => Some(Quoting::Always),
        "never" => Some(Quoting::Never),
        _ => None,
    }
}
