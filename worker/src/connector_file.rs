//! Connector files of the command line: a flat JSON object, the JSON of `POST /connectors`, or Java properties.
//!
//! The name of the file says nothing: the formats are tried in this order, as Kafka Connect does.

use crate::{
    json::{Scalar, scalars},
    properties_file::{self, PropertiesError},
};
use millrace_api::Properties;
use millrace_herder::Target;
use serde_json::value::RawValue;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A connector as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorFile {
    pub name: String,
    /// Always has the name.
    pub config: Properties,
    pub initial_state: Target,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectorFileError {
    #[error("reading {}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}", file.display())]
    Malformed { file: PathBuf, source: PropertiesError },
    /// The text is Kafka Connect's. A file that was meant as JSON says what is wrong with it.
    #[error(
        "Connector configuration at '{}' is missing the mandatory 'name' configuration{}",
        file.display(),
        json.as_ref().map(|error| format!(" (it begins like JSON, but was not read as such: {error})")).unwrap_or_default()
    )]
    NoName { file: PathBuf, json: Option<String> },
    /// The text is Kafka Connect's.
    #[error(
        "Connector name configuration in 'config' doesn't match the one specified in 'name' at '{}'",
        file.display()
    )]
    TwoNames { file: PathBuf },
}

/// Reads a connector file.
pub fn read(file: &Path) -> Result<ConnectorFile, ConnectorFileError> {
    let bytes =
        fs::read(file).map_err(|source| ConnectorFileError::Unreadable { file: file.to_owned(), source })?;
    parse(file, &bytes)
}

/// Reads the content of a connector file; `file` is named in errors.
pub fn parse(file: &Path, bytes: &[u8]) -> Result<ConnectorFile, ConnectorFileError> {
    let json = match parse_json(bytes) {
        Ok(Json::Flat(config)) => return named(file, config, Target::default(), None),
        Ok(Json::Request(request)) => return from_request(file, request),
        Err(error) => bytes.trim_ascii_start().starts_with(b"{").then(|| error.to_string()),
    };
    let config = properties_file::parse(bytes)
        .map_err(|source| ConnectorFileError::Malformed { file: file.to_owned(), source })?;
    named(file, config, Target::default(), json)
}

/// Takes the connector's name from its configuration.
fn named(
    file: &Path,
    config: Properties,
    initial_state: Target,
    json: Option<String>,
) -> Result<ConnectorFile, ConnectorFileError> {
    let Some(name) = config.get("name").map(str::to_owned) else {
        return Err(ConnectorFileError::NoName { file: file.to_owned(), json });
    };
    Ok(ConnectorFile { name, config, initial_state })
}

fn from_request(file: &Path, request: Request) -> Result<ConnectorFile, ConnectorFileError> {
    let Request { name, mut config, initial_state } = request;
    match (&name, config.contains("name")) {
        (_, true) if config.get("name") != name.as_deref() => {
            return Err(ConnectorFileError::TwoNames { file: file.to_owned() });
        }
        (Some(name), false) => config.insert("name", name.as_str()),
        _ => {}
    }
    named(file, config, initial_state, None)
}

/// What a JSON file is.
enum Json {
    /// A configuration.
    Flat(Properties),
    /// What `POST /connectors` takes.
    Request(Request),
}

struct Request {
    name: Option<String>,
    config: Properties,
    initial_state: Target,
}

/// Reads the first JSON value; what follows it is ignored.
fn parse_json(bytes: &[u8]) -> Result<Json, JsonError> {
    // Java's parser skips a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let members = crate::json::members(&mut reader)?;
    if let Ok(config) = scalars(&members) {
        return Ok(Json::Flat(config));
    }
    let member =
        |name: &str| members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_ref());
    let config = member("config").ok_or(JsonError::NoConfig)?;
    let config = scalars(&crate::json::members(&mut serde_json::Deserializer::from_str(config.get()))?)
        .map_err(|setting| JsonError::Nested(setting.0))?;
    let name = text(member("name")).map_err(|()| JsonError::NotAText("name"))?;
    let initial_state = text(member("initial_state")).map_err(|()| JsonError::NotAText("initial_state"))?;
    let initial_state = match initial_state {
        None => Target::default(),
        Some(state) => crate::json::target(&state).ok_or(JsonError::UnknownState(state))?,
    };
    Ok(Json::Request(Request { name, config, initial_state }))
}

fn text(value: Option<&RawValue>) -> Result<Option<String>, ()> {
    match value.map(Scalar::of) {
        None | Some(Some(Scalar::Null)) => Ok(None),
        Some(Some(Scalar::Text(text))) => Ok(Some(text)),
        Some(None) => Err(()),
    }
}

/// Why a file is not JSON that a connector can be made of; shown only when nothing else fits either.
#[derive(Debug, thiserror::Error)]
enum JsonError {
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    #[error("the member config is missing")]
    NoConfig,
    #[error("the value of {0} is neither text, number, boolean nor null")]
    Nested(String),
    #[error("{0} is not a text")]
    NotAText(&'static str),
    #[error("initial_state is {0}, not RUNNING, PAUSED or STOPPED")]
    UnknownState(String),
}

#[cfg(test)]
mod tests;
