//! `POST /preview`: what a connector would do to sample records. Millrace's own, and off unless `preview.enable` says so.

use super::{ApiError, App, answers, request_body};
use crate::preview::{self, Samples};
use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
};
use millrace_api::ConnectorPlugin;
use std::time::Duration;
use tokio::{runtime::Handle, sync::Semaphore, task::spawn_blocking, time::timeout};

/// How long a preview may take: as long as a request may.
const TIME_MAX: Duration = Duration::from_secs(90);

/// How many may be made at a time. Each occupies a thread, and one that hangs keeps it.
const PREVIEWS_MAX: usize = 4;

static PREVIEWS: Semaphore = Semaphore::const_new(PREVIEWS_MAX);

pub(super) async fn preview(State(app): State<App>, body: Body) -> Result<Response<Body>, ApiError> {
    let request_body::Preview { config, records } = request_body::preview(&request_body::read(body).await?)?;
    let bad = |text: String| ApiError::new(StatusCode::BAD_REQUEST, text);
    let plugin = preview::plugin(&app.state.plugins, &config).map_err(|error| bad(error.to_string()))?;
    let topic = config.get("topics").or(config.get("topic")).unwrap_or_default();
    let topic = topic.split(',').next().unwrap_or_default().trim().to_owned();
    let samples = match plugin {
        ConnectorPlugin::Sink(_) => preview::messages(&records, &topic).map(Samples::Messages),
        ConnectorPlugin::Source(_) => preview::polled(&records, &topic).map(Samples::Polled),
    };
    let samples = samples.map_err(|error| bad(error.to_string()))?;
    let Ok(turn) = PREVIEWS.try_acquire() else {
        let text = format!("{PREVIEWS_MAX} previews are being made; try again when one has ended");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    // Plugins do not run on the threads that answer requests.
    let runtime = Handle::current();
    let (plugins, worker) = (app.state.plugins.clone(), app.state.worker.properties.clone());
    let making = spawn_blocking(move || {
        let _turn = turn;
        runtime.block_on(timeout(TIME_MAX, preview::preview(&plugins, &worker, &config, samples)))
    });
    match timeout(TIME_MAX, making).await {
        Ok(Ok(Ok(Ok(preview)))) => Ok(answers::json(StatusCode::OK, &preview)),
        Ok(Ok(Ok(Err(error)))) => Err(bad(error.to_string())),
        Ok(Err(panic)) => Err(ApiError::internal(format!("a plugin panicked: {panic}"))),
        Ok(Ok(Err(_))) | Err(_) => {
            let text = format!("the preview took longer than {} seconds", TIME_MAX.as_secs());
            Err(ApiError::internal(text))
        }
    }
}
