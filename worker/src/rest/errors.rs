//! What a request that failed is answered with.

use super::App;
use crate::validate::ValidateError;
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use jiff::{SignedDuration, Timestamp};
use millrace_herder::{Refusal, RefusalKind, Time};
use serde::Serialize;

/// An error of a resource, or of the framework before one was found.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// Errors of the framework have the body of JSON, but no content type.
    by: By,
}

#[derive(Debug, PartialEq)]
enum By {
    Resource,
    Framework,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: u16,
    message: &'a str,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), by: By::Resource }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn of_framework(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self { status, message: format!("HTTP {} {reason}", status.as_u16()), by: By::Framework }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let body = ErrorBody { error_code: self.status.as_u16(), message: &self.message };
        let body = serde_json::to_vec(&body).expect("a number and a text are JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        if self.by == By::Resource {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}

impl App {
    /// Returns the answer to a request that the herder has refused.
    pub(super) fn refused(&self, refusal: Refusal) -> ApiError {
        let status = match refusal.kind() {
            RefusalKind::Wrong => StatusCode::BAD_REQUEST,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Failed | RefusalKind::TimedOut | RefusalKind::ShuttingDown => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            RefusalKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        };
        let text = match &refusal {
            Refusal::TimedOut { since, .. } => format!("{refusal}, which began at {}.", self.instant(*since)),
            _ => refusal.to_string(),
        };
        ApiError::new(status, text)
    }

    /// Returns the instant of a time of the herder, to the millisecond.
    pub(super) fn instant(&self, time: Time) -> Timestamp {
        let since_start = SignedDuration::try_from(time.0).unwrap_or(SignedDuration::ZERO);
        let instant = self.started.checked_add(since_start).unwrap_or(self.started);
        to_the_millisecond(instant)
    }
}

/// Returns the answer to a configuration that could not be validated; `began` is when validation did.
pub(super) fn not_validated(error: ValidateError, began: Timestamp) -> ApiError {
    match error {
        ValidateError::NoClass(_) | ValidateError::UnknownClass(_) => {
            ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
        }
        ValidateError::Panicked(_) | ValidateError::Reference(_) => ApiError::internal(error.to_string()),
        ValidateError::TimedOut(_) => {
            ApiError::internal(format!("{error}, which began at {}.", to_the_millisecond(began)))
        }
    }
}

fn to_the_millisecond(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

/// Returns what every path answers before the resources are registered. The body is not JSON.
pub(super) fn not_registered_yet() -> Response<Body> {
    let mut response = Response::new(Body::from("The worker is starting.\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
