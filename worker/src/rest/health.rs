//! `GET /` and `GET /health`.

use super::{ApiError, App, answers};
use crate::{
    data::{Call, Owner},
    watchdog::{How, Stuck},
};
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

/// What is stuck is shown beside the reference's two fields, and nothing while nothing ever was.
#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stuck: Vec<StuckAnswer<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    stuck_total: u64,
    /// For how long nothing that plugins have spawned, nor their timers, has had a thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_stuck_seconds: Option<u64>,
}

/// A connector or task that makes no step.
#[derive(Serialize)]
struct StuckAnswer<'a> {
    connector: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<u32>,
    /// The call of the plugin that has not returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'static str>,
    /// Whether it keeps a thread.
    blocks_thread: bool,
    seconds: u64,
}

pub(super) async fn root(State(app): State<App>) -> Response<Body> {
    let root = Root { version: CONNECT_VERSION, commit: COMMIT, kafka_cluster_id: &app.state.cluster_id };
    answers::json(StatusCode::OK, &root)
}

pub(super) async fn health(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    let answer = timeout(HEALTH_WAIT, app.state.herder.ask(Request::Health)).await;
    let is_ready = app.state.ready.load(Ordering::Acquire);
    let stage = match answer {
        Ok(Ok(_)) if is_ready => return Ok(shown(&app, StatusCode::OK, "healthy", HEALTHY)),
        Ok(Ok(_)) | Err(_) => String::new(),
        Ok(Err(Refusal::TimedOut { stage, since })) => {
            format!(" The worker is currently {stage}, which began at {}.", app.instant(since))
        }
        Ok(Err(refusal)) => return Err(app.refused(refusal)),
    };
    Ok(match is_ready {
        true => shown(&app, StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", &format!("{UNHEALTHY}{stage}")),
        false => shown(&app, StatusCode::SERVICE_UNAVAILABLE, "starting", &format!("{STARTING}{stage}")),
    })
}

fn shown(app: &App, code: StatusCode, status: &'static str, message: &str) -> Response<Body> {
    let report = app.state.watchdog.report();
    let stuck = report.stuck.iter().map(StuckAnswer::of).collect();
    let runtime_stuck_seconds = report.runtime_silent.map(|since| since.elapsed().as_secs());
    answers::json(code, &Health { status, message, stuck, stuck_total: report.total, runtime_stuck_seconds })
}

impl<'a> StuckAnswer<'a> {
    fn of(stuck: &'a Stuck) -> Self {
        let (connector, task) = match &stuck.owner {
            Owner::Connector(name) => (name.as_ref(), None),
            Owner::Task(task) => (task.connector.as_ref(), Some(task.index)),
        };
        Self {
            connector,
            task,
            call: stuck.call.map(Call::name),
            blocks_thread: stuck.how == How::Blocks,
            seconds: stuck.since.elapsed().as_secs(),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
