//! Media types and methods: what is refused before a resource sees the request.

use super::ApiError;
use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, Response, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    },
    middleware::Next,
    response::IntoResponse,
};

const JSON: &str = "application/json";

/// Refuses a client that does not take JSON: 406.
pub(super) async fn accepts_json(request: Request, next: Next) -> Response<Body> {
    if admits(request.headers(), &["*/*", "application/*", JSON]) {
        return next.run(request).await;
    }
    ApiError::of_framework(StatusCode::NOT_ACCEPTABLE).into_response()
}

/// Refuses a body that is not said to be JSON, and any other type even without a body: 415.
pub(super) async fn sends_json(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let error = match headers.get(CONTENT_TYPE).map(|kind| kind.to_str().map(essence)) {
        Some(Ok(kind)) if kind.eq_ignore_ascii_case(JSON) => return next.run(request).await,
        Some(_) => ApiError::of_framework(unsupported),
        None if !has_body(headers) => return next.run(request).await,
        // Here it is the resource's reader of bodies that refuses, so the answer has a type.
        None => ApiError::new(unsupported, "HTTP 415 Unsupported Media Type"),
    };
    error.into_response()
}

/// Tells whether a client takes JSON, and no text.
pub(super) fn accepts_json_only(headers: &HeaderMap) -> bool {
    admits(headers, &["application/*", JSON]) && !admits(headers, &["*/*", "text/*", "text/plain"])
}

/// Completes an answer that no handler gave: a wrong method, or OPTIONS. Axum names the methods that there are.
pub(super) fn complete(method: &Method, accepts_json_only: bool, response: Response<Body>) -> Response<Body> {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    if method != Method::OPTIONS {
        return ApiError::of_framework(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    let allowed = response.headers().get(ALLOW).and_then(|methods| methods.to_str().ok()).unwrap_or_default();
    let mut methods: Vec<_> = allowed.split(',').filter(|method| !method.is_empty()).collect();
    methods.push("OPTIONS");
    let (body, kind) = match accepts_json_only {
        true => (Body::empty(), JSON),
        false => (Body::from(methods.join(", ")), "text/plain"),
    };
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(methods) = HeaderValue::from_str(&methods.join(",")) {
        answer.headers_mut().insert(ALLOW, methods);
    }
    answer
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.is_some_and(|length| length != "0") || headers.contains_key(TRANSFER_ENCODING)
}

/// Tells whether `Accept` admits one of these; an absent header admits everything.
fn admits(headers: &HeaderMap, kinds: &[&str]) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if values.peek().is_none() {
        return true;
    }
    values.flat_map(|value| value.split(',')).any(|range| {
        let is_refused = range.split(';').skip(1).any(|parameter| {
            let quality = parameter.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
            quality == Some(0.0)
        });
        !is_refused && kinds.iter().any(|kind| essence(range).eq_ignore_ascii_case(kind))
    })
}

/// Returns a media type without its parameters.
fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}
