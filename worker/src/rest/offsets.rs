//! `/connectors/{name}/offsets`.

use super::{ApiError, App, Name, answers, connectors::unexpected, request_body};
use crate::offsets::OffsetsError;
use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use millrace_api::{OffsetChange, Scalar, Scalars, SourceOffset, SourcePartition};
use millrace_herder::{OffsetsChange, Request, Response as Answer};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

type Outcome = Result<Response<Body>, ApiError>;

/// Kafka Connect's text.
const NONE_GIVEN: &str = "Partitions / offsets need to be provided for an alter offsets request";

#[derive(Serialize)]
struct OffsetsAnswer<'a> {
    offsets: Vec<OffsetAnswer<'a>>,
}

#[derive(Serialize)]
struct OffsetAnswer<'a> {
    partition: Entries<'a>,
    offset: Entries<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

/// Names and scalars as an object.
struct Entries<'a>(&'a Scalars);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, scalar) in self.0.iter() {
            match scalar {
                Scalar::Null => map.serialize_entry(name.as_ref(), &()),
                Scalar::Boolean(flag) => map.serialize_entry(name.as_ref(), flag),
                Scalar::Integer(number) => map.serialize_entry(name.as_ref(), number),
                Scalar::Float(number) => map.serialize_entry(name.as_ref(), number),
                Scalar::String(text) => map.serialize_entry(name.as_ref(), text.as_str()),
            }?;
        }
        map.end()
    }
}

pub(super) async fn show(State(app): State<App>, Name(name): Name) -> Outcome {
    let info = app.connector(name.clone()).await?;
    let offsets = app.state.offsets.read(&name, info.config).await.map_err(|error| unread(&error))?;
    let offsets = offsets
        .iter()
        .map(|shown| OffsetAnswer { partition: Entries(&shown.partition), offset: Entries(&shown.offset) })
        .collect();
    Ok(answers::json(StatusCode::OK, &OffsetsAnswer { offsets }))
}

pub(super) async fn alter(State(app): State<App>, Name(name): Name, body: Body) -> Outcome {
    let changes = changes(&request_body::read(body).await?)?;
    if changes.is_empty() {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, NONE_GIVEN));
    }
    change(&app, name, OffsetsChange::Alter(changes.into())).await
}

pub(super) async fn reset(State(app): State<App>, Name(name): Name) -> Outcome {
    change(&app, name, OffsetsChange::Reset).await
}

async fn change(app: &App, name: Arc<str>, change: OffsetsChange) -> Outcome {
    match app.ask(Request::ChangeOffsets { name, change }).await? {
        Answer::OffsetsChanged(message) => Ok(answers::json(StatusCode::OK, &Message { message: &message })),
        other => Err(unexpected(&other)),
    }
}

fn unread(error: &OffsetsError) -> ApiError {
    use std::error::Error as _;
    if let Some(cause) = error.source() {
        tracing::error!("{error}: {cause}");
    }
    ApiError::internal(error.to_string())
}

/// Reads the body of a change; a missing list is an empty one.
fn changes(bytes: &[u8]) -> Result<Vec<OffsetChange>, ApiError> {
    let members = request_body::object(bytes)?;
    only(members.iter().map(|(name, _)| name.as_str()), &["offsets"])?;
    let Some(list) = request_body::last(&members, "offsets") else { return Ok(Vec::new()) };
    let list: Option<Vec<Option<Box<RawValue>>>> =
        serde_json::from_str(list.get()).map_err(|error| wrong(&format!("offsets is no list: {error}")))?;
    list.into_iter().flatten().map(|entry| one(entry.as_deref())).collect()
}

fn one(entry: Option<&RawValue>) -> Result<OffsetChange, ApiError> {
    let Some(entry) = entry else { return Err(wrong("an entry of offsets is null")) };
    let Value::Object(members) =
        serde_json::from_str(entry.get()).map_err(|error| wrong(&error.to_string()))?
    else {
        return Err(wrong("an entry of offsets is no object"));
    };
    only(members.keys().map(String::as_str), &["partition", "offset"])?;
    let partition = scalars("partition", members.get("partition"))?.map(SourcePartition::new);
    let offset = scalars("offset", members.get("offset"))?.map(SourceOffset::new);
    Ok(OffsetChange { partition, offset })
}

fn only<'a>(mut names: impl Iterator<Item = &'a str>, known: &[&str]) -> Result<(), ApiError> {
    match names.find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(ApiError::internal(format!(
            "Unrecognized field \"{name}\", not marked as ignorable ({} known properties: {known:?})",
            known.len()
        ))),
    }
}

fn scalars(what: &str, value: Option<&Value>) -> Result<Option<Scalars>, ApiError> {
    let members = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(wrong(&format!("{what} is neither an object nor null"))),
    };
    let mut scalars = Scalars::default();
    for (name, value) in members {
        let scalar = match value {
            Value::Null => Scalar::Null,
            Value::Bool(flag) => Scalar::Boolean(*flag),
            Value::String(text) => text.as_str().into(),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => number.into(),
                (None, Some(fraction)) if number.is_f64() => Scalar::Float(fraction),
                _ => return Err(wrong(&format!("{name} of {what} has more than 64 bits"))),
            },
            Value::Array(_) | Value::Object(_) => {
                return Err(wrong(&format!(
                    "{name} of {what} is an object or an array, where a primitive is expected"
                )));
            }
        };
        scalars.insert(name.as_str(), scalar);
    }
    Ok(Some(scalars))
}

fn wrong(reason: &str) -> ApiError {
    ApiError::internal(format!("the request body is not the JSON that is expected: {reason}"))
}
