//! The REST API: handlers parse, send one request to the herder, wait for its answer, and render it.
//!
//! What holds for every path (unknown paths, wrong methods and media types, trailing slashes, the request log) is in
//! `respond`; a resource sees only requests that are meant for it.

mod answers;
mod connectors;
mod cross_origin;
mod errors;
mod health;
mod listeners;
mod loggers;
mod media;
mod offsets;
mod plugins;
mod preview;
mod request_body;
mod request_log;
mod tasks;
mod topics;

use crate::{
    active_topics::ActiveTopics,
    driver::HerderHandle,
    offsets::Offsets,
    settings::{
        WorkerConfig,
        response_headers::{self, HeaderRule},
    },
    watchdog::Watchdog,
};
use axum::{
    Router,
    body::Body,
    extract::FromRequestParts,
    http::{Request, Response, StatusCode, Uri, request::Parts, uri::PathAndQuery},
    middleware,
    routing::{MethodRouter, get, post, put},
};
use cross_origin::{Asked, CrossOrigin};
use errors::ApiError;
use jiff::Timestamp;
use millrace_api::Plugins;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};
use tower::ServiceExt;

pub use listeners::{Listeners, RestError, RestServer};

/// What requests are answered from.
#[derive(Clone)]
pub struct RestState {
    pub herder: HerderHandle,
    pub plugins: Arc<Plugins>,
    pub worker: Arc<WorkerConfig>,
    pub cluster_id: String,
    pub offsets: Offsets,
    pub topics: Arc<ActiveTopics>,
    /// Whether everything that the command line named has been created.
    pub ready: Arc<AtomicBool>,
    /// Knows which connectors and tasks are stuck.
    pub watchdog: Arc<Watchdog>,
}

/// What handlers are given.
#[derive(Clone)]
struct App {
    state: RestState,
    /// When the worker's clock started: the herder tells times as distances from it.
    started: Timestamp,
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
struct Ends {
    local: SocketAddr,
    remote: SocketAddr,
}

/// What a listener serves, and what it adds to each answer.
#[derive(Clone)]
struct Resources {
    router: Router,
    cross_origin: Option<Arc<CrossOrigin>>,
    headers: Arc<[HeaderRule]>,
}

/// Makes the resources available: those of ordinary listeners, and those of listeners for administration alone.
fn resources(state: RestState) -> (Resources, Resources) {
    let settings = &state.worker.rest;
    let cross_origin =
        CrossOrigin::of(&settings.access_control_allow_origin, &settings.access_control_allow_methods);
    // The rules were checked with the settings.
    let headers = response_headers::parse(&settings.response_http_headers_config).unwrap_or_default();
    let is_shared = settings.admin_listeners.is_none();
    let app = App { state, started: Timestamp::now() };
    let ordinary =
        if app.state.worker.rest.preview_enable { ordinary().merge(previews()) } else { ordinary() };
    let ordinary = if is_shared { ordinary.merge(administration()) } else { ordinary };
    let unknown = async || ApiError::of_framework(StatusCode::NOT_FOUND);
    (
        Resources {
            router: ordinary.fallback(unknown).with_state(app.clone()),
            cross_origin: cross_origin.map(Arc::new),
            headers: headers.into(),
        },
        Resources {
            router: administration().fallback(unknown).with_state(app),
            cross_origin: None,
            headers: Arc::default(),
        },
    )
}

fn administration() -> Router<App> {
    Router::new()
        .route("/admin/loggers", resource(get(loggers::list)))
        .route("/admin/loggers/{logger}", resource(get(loggers::show).put(loggers::set)))
}

/// Millrace's own, and off unless a setting says so.
fn previews() -> Router<App> {
    Router::new().route("/preview", resource(post(preview::preview)))
}

fn ordinary() -> Router<App> {
    Router::new()
        .route("/", get(health::root).route_layer(middleware::from_fn(media::accepts_json)))
        .route("/health", get(health::health).route_layer(middleware::from_fn(media::accepts_json)))
        .route("/connectors", resource(get(connectors::list).post(connectors::create)))
        .route("/connectors/{name}", resource(get(connectors::info).delete(connectors::delete)))
        .route(
            "/connectors/{name}/config",
            resource(get(connectors::config).put(connectors::put_config).patch(connectors::patch_config)),
        )
        .route("/connectors/{name}/status", resource(get(connectors::status)))
        .route("/connectors/{name}/restart", resource(post(connectors::restart)))
        .route("/connectors/{name}/pause", resource(put(connectors::pause)))
        .route("/connectors/{name}/resume", resource(put(connectors::resume)))
        .route("/connectors/{name}/stop", resource(put(connectors::stop)))
        .route(
            "/connectors/{name}/offsets",
            resource(get(offsets::show).patch(offsets::alter).delete(offsets::reset)),
        )
        .route("/connectors/{name}/topics", resource(get(topics::show)))
        .route("/connectors/{name}/topics/reset", resource(put(topics::reset)))
        .route("/connectors/{name}/tasks", resource(get(tasks::list)))
        .route("/connectors/{name}/tasks/{task}/status", resource(get(tasks::status)))
        .route("/connectors/{name}/tasks/{task}/restart", resource(post(tasks::restart)))
        .route("/connector-plugins", resource(get(plugins::list)))
        .route("/connector-plugins/{type}/config", resource(get(plugins::config)))
        .route("/connector-plugins/{type}/config/validate", resource(put(plugins::validate)))
}

/// Checks media types only when path and method are those of a handler, as Kafka Connect does.
fn resource(methods: MethodRouter<App>) -> MethodRouter<App> {
    methods
        .route_layer(middleware::from_fn(media::accepts_json))
        .route_layer(middleware::from_fn(media::sends_json))
}

/// Answers one request and logs it.
async fn respond(resources: Option<Resources>, ends: Ends, mut request: Request<Body>) -> Response<Body> {
    let line = request_log::Line::of(&request, ends.remote);
    let Some(resources) = resources else {
        let response = errors::not_registered_yet();
        line.log(&response);
        return response;
    };
    let method = request.method().clone();
    let asked = Asked::of(&method, request.headers());
    let accepts_json_only = media::accepts_json_only(request.headers());
    let uri = without_trailing_slash(request.uri());
    *request.uri_mut() = uri;
    request.extensions_mut().insert(ends);
    let response = match resources.router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let mut response = media::complete(&method, accepts_json_only, response);
    if let Some(cross_origin) = &resources.cross_origin {
        cross_origin.complete(&asked, response.headers_mut());
    }
    for rule in resources.headers.iter() {
        rule.apply(response.headers_mut(), Timestamp::now());
    }
    line.log(&response);
    response
}

fn without_trailing_slash(uri: &Uri) -> Uri {
    let path = uri.path();
    let Some(shorter) = path.strip_suffix('/').filter(|path| !path.is_empty()) else { return uri.clone() };
    let text = match uri.query() {
        Some(query) => format!("{shorter}?{query}"),
        None => shorter.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    match PathAndQuery::try_from(text) {
        Ok(path) => parts.path_and_query = Some(path),
        Err(_) => return uri.clone(),
    }
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// The name of a connector in a path, percent-decoded.
struct Name(Arc<str>);

/// The number of a task in a path. Anything but a number is an unknown path.
struct TaskNumber(u32);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(segment(parts, state, "name").await?.into()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TaskNumber {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let task = segment(parts, state, "task").await?;
        let number = task.parse().map_err(|_| ApiError::new(StatusCode::NOT_FOUND, "HTTP 404 Not Found"))?;
        Ok(Self(number))
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, ApiError> {
    use axum::extract::Path;
    let found = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
    let Path(mut segments) =
        found.map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "the path is not percent-encoded UTF-8"))?;
    segments.remove(name).ok_or_else(|| ApiError::of_framework(StatusCode::NOT_FOUND))
}

/// The parameters of a query in order; a name may come more than once.
struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(|axum::extract::Query(pairs)| Self(pairs))
            .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "the query is not percent-encoded UTF-8"))
    }
}

impl Query {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `true` in any case is true, any other text is not.
    fn flag(&self, name: &str) -> Option<bool> {
        self.all(name).next().map(|value| value.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests;
