//! JSON bodies, read strictly. A body that cannot be read is answered with 500 and the reason, as in Kafka Connect.

use super::ApiError;
use crate::json::{self, Members, Scalar};
use axum::{
    body::{Body, to_bytes},
    http::StatusCode,
};
use millrace_api::Properties;
use millrace_herder::Target;
use std::time::Duration;
use tokio::time::timeout;

/// The largest body. Kafka Connect has no limit but on single texts, of 20 million characters.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// How long a body may take to arrive: as long as a request may take.
const BODY_WAIT: Duration = Duration::from_secs(90);

const MEMBERS: [&str; 3] = ["config", "name", "initial_state"];

/// The body of `POST /connectors`.
#[derive(Debug)]
pub(super) struct Create {
    /// Without blanks around it; empty when there is none.
    pub(super) name: String,
    pub(super) config: Properties,
    pub(super) initial_state: Target,
}

/// The body of `POST /preview`.
#[derive(Debug)]
pub(super) struct Preview {
    pub(super) config: Properties,
    /// The JSON of the samples.
    pub(super) records: String,
}

/// Reads the body of a request.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    match timeout(BODY_WAIT, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => {
            let text = format!("the request body of at most {BODY_MAX} bytes could not be read: {error}");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Err(_) => {
            let text = format!("the request body did not arrive within {} seconds", BODY_WAIT.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, text))
        }
    }
}

/// Reads a configuration: a flat object.
pub(super) fn config(bytes: &[u8]) -> Result<Properties, ApiError> {
    properties(&object(bytes)?)
}

/// Reads the body of `POST /connectors`.
pub(super) fn create(bytes: &[u8]) -> Result<Create, ApiError> {
    let members = object(bytes)?;
    if let Some((unknown, _)) = members.iter().find(|(name, _)| !MEMBERS.contains(&name.as_str())) {
        let known = MEMBERS.map(|name| format!("\"{name}\"")).join(", ");
        let text = format!(
            "Unrecognized field \"{unknown}\", not marked as ignorable ({} known properties: {known})",
            MEMBERS.len()
        );
        return Err(ApiError::internal(text));
    }
    let text = |name: &str| match last(&members, name).map(Scalar::of) {
        None | Some(Some(Scalar::Null)) => Ok(None),
        Some(Some(Scalar::Text(text))) => Ok(Some(text)),
        Some(None) => Err(not_a_scalar(name)),
    };
    let name = text("name")?.unwrap_or_default().trim().to_owned();
    let initial_state = match text("initial_state")? {
        None => Target::default(),
        Some(state) => json::target(&state).ok_or_else(|| {
            ApiError::internal(format!("initial_state is '{state}', not one of RUNNING, PAUSED, STOPPED"))
        })?,
    };
    let config = last(&members, "config").filter(|config| config.get() != "null");
    let config = config.ok_or_else(|| ApiError::internal("the request body has no config"))?;
    let config = properties(&object(config.get().as_bytes())?)?;
    Ok(Create { name, config, initial_state })
}

/// Reads the body of `POST /preview`: the connector's `config`, and `records` to look at.
pub(super) fn preview(bytes: &[u8]) -> Result<Preview, ApiError> {
    let members = object(bytes)?;
    let bad = |text: &str| ApiError::new(StatusCode::BAD_REQUEST, text);
    let config = last(&members, "config").ok_or_else(|| bad("the request body has no config"))?;
    let config = properties(&object(config.get().as_bytes())?)?;
    let records = last(&members, "records").filter(|records| records.get().starts_with('['));
    let records = records.ok_or_else(|| bad("the request body has no records, an array of objects"))?;
    Ok(Preview { config, records: records.get().to_owned() })
}

pub(super) fn last<'a>(members: &'a Members, name: &str) -> Option<&'a serde_json::value::RawValue> {
    members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
}

pub(super) fn object(bytes: &[u8]) -> Result<Members, ApiError> {
    if matches!(bytes.trim_ascii(), b"" | b"null") {
        return Err(ApiError::internal("the request has no body"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let members = json::members(&mut reader).and_then(|members| reader.end().map(|()| members));
    members.map_err(|error| {
        ApiError::internal(format!("the request body is not the JSON that is expected: {error}"))
    })
}

fn properties(members: &Members) -> Result<Properties, ApiError> {
    json::scalars(members).map_err(|setting| not_a_scalar(&setting.0))
}

fn not_a_scalar(name: &str) -> ApiError {
    ApiError::internal(format!("the value of \"{name}\" is an object or an array, where a text is expected"))
}
