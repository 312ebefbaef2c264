//! `GET /` and `GET /health`.

use super::{ApiError, App, answers};
use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use millrace_api::CONNECT_VERSION;
use millrace_herder::{Refusal, Request};
use serde::Serialize;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::timeout;

/// How long the herder may take to answer. Kafka Connect waits ten seconds; nothing that works here takes one.
const HEALTH_WAIT: Duration = Duration::from_secs(1);

/// The commit that was built, when the build says so.
const COMMIT: &str = match option_env!("MILLRACE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

const HEALTHY: &str = "Worker has completed startup and is ready to handle requests.";
const STARTING: &str = "Worker is still starting up.";
const UNHEALTHY: &str =
    "Worker was unable to handle this request and may be unable to handle other requests.";

#[derive(Serialize)]
struct Root<'a> {
    version: &'a str,
    commit: &'a str,
    kafka_cluster_id: &'a str,
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    message: &'a str,
}

pub(super) async fn root(State(app): State<App>) -> Response<Body> {
    let root = Root { version: CONNECT_VERSION, commit: COMMIT, kafka_cluster_id: &app.state.cluster_id };
    answers::json(StatusCode::OK, &root)
}

pub(super) async fn health(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    let answer = timeout(HEALTH_WAIT, app.state.herder.ask(Request::Health)).await;
    let is_ready = app.state.ready.load(Ordering::Acquire);
    let stage = match answer {
        Ok(Ok(_)) if is_ready => return Ok(shown(StatusCode::OK, "healthy", HEALTHY)),
        Ok(Ok(_)) | Err(_) => String::new(),
        Ok(Err(Refusal::TimedOut { stage, since })) => {
            format!(" The worker is currently {stage}, which began at {}.", app.instant(since))
        }
        Ok(Err(refusal)) => return Err(app.refused(refusal)),
    };
    Ok(match is_ready {
        true => shown(StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", &format!("{UNHEALTHY}{stage}")),
        false => shown(StatusCode::SERVICE_UNAVAILABLE, "starting", &format!("{STARTING}{stage}")),
    })
}

fn shown(code: StatusCode, status: &'static str, message: &str) -> Response<Body> {
    answers::json(code, &Health { status, message })
}
