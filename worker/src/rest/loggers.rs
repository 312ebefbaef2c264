//! `/admin/loggers`.

use super::{ApiError, App, Query, answers, request_body, segment};
use crate::loggers::{self, Level, Logger};
use axum::{
    body::Body,
    extract::{FromRequestParts, State},
    http::{Response, StatusCode, request::Parts},
    response::IntoResponse,
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

type Outcome = Result<Response<Body>, ApiError>;

/// The text is Kafka Connect's.
const NO_LEVEL: &str = "Desired 'level' parameter was not specified in request.";

#[derive(Serialize)]
struct LoggerAnswer {
    level: String,
    last_modified: Option<i64>,
}

/// The name of a logger in a path.
pub(super) struct LoggerName(String);

impl<S: Send + Sync> FromRequestParts<S> for LoggerName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(segment(parts, state, "logger").await?))
    }
}

impl From<Logger> for LoggerAnswer {
    fn from(logger: Logger) -> Self {
        Self { level: logger.level.to_string(), last_modified: logger.modified }
    }
}

pub(super) async fn list(State(_): State<App>) -> Response<Body> {
    let all = loggers::installed().map(loggers::Loggers::all).unwrap_or_default();
    let all: BTreeMap<_, _> =
        all.into_iter().map(|(name, logger)| (name, LoggerAnswer::from(logger))).collect();
    answers::json(StatusCode::OK, &all)
}

pub(super) async fn show(State(_): State<App>, LoggerName(name): LoggerName) -> Outcome {
    let logger = match loggers::installed() {
        // As Kafka Connect without a log to set: everything is off.
        None => Some(Logger { level: Level::Off, modified: Some(0) }),
        Some(loggers) => loggers.get(&name),
    };
    let Some(logger) = logger else {
        return Err(ApiError::new(StatusCode::NOT_FOUND, format!("Logger {name} not found.")));
    };
    Ok(answers::json(StatusCode::OK, &LoggerAnswer::from(logger)))
}

pub(super) async fn set(
    State(_): State<App>,
    LoggerName(name): LoggerName,
    query: Query,
    body: Body,
) -> Outcome {
    let body = request_body::config(&request_body::read(body).await?)?;
    let Some(text) = body.get("level") else {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, NO_LEVEL));
    };
    let level: Level = text
        .parse()
        .map_err(|_| ApiError::new(StatusCode::NOT_FOUND, format!("invalid log level '{text}'.")))?;
    let changed = loggers::installed().map(|loggers| loggers.set(&name, level, Timestamp::now()));
    let scope = query.all("scope").next().unwrap_or("worker").to_ascii_lowercase();
    match scope.as_str() {
        // This worker is the whole cluster.
        "cluster" => return Ok(StatusCode::NO_CONTENT.into_response()),
        "worker" => {}
        _ => tracing::warn!("the unknown scope {scope:?} of a log level is taken for worker"),
    }
    Ok(answers::json(StatusCode::OK, &changed.unwrap_or_default()))
}
