//! `/connectors/{name}/topics`.

use super::{ApiError, App, Name, answers};
use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
    response::IntoResponse,
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

type Outcome = Result<Response<Body>, ApiError>;

/// Kafka Connect's texts.
const DISABLED: &str = "Topic tracking is disabled.";
const RESET_DISABLED: &str = "Topic tracking reset is disabled.";

#[derive(Serialize)]
struct Topics<'a> {
    topics: Vec<&'a str>,
}

/// Shows the topics that a connector has used; an unknown one has used none, as in Kafka Connect.
pub(super) async fn show(State(app): State<App>, Name(name): Name) -> Outcome {
    if !app.state.worker.common.topic_tracking_enable {
        return Err(forbidden(DISABLED));
    }
    let topics: Vec<Arc<str>> = app.state.topics.of(&name);
    let topics = Topics { topics: topics.iter().map(AsRef::as_ref).collect() };
    Ok(answers::json(StatusCode::OK, &BTreeMap::from([(name.as_ref(), topics)])))
}

pub(super) async fn reset(State(app): State<App>, Name(name): Name) -> Outcome {
    let common = &app.state.worker.common;
    if !common.topic_tracking_enable {
        return Err(forbidden(DISABLED));
    }
    if !common.topic_tracking_allow_reset {
        return Err(forbidden(RESET_DISABLED));
    }
    app.state.topics.reset(&name);
    Ok(StatusCode::ACCEPTED.into_response())
}

fn forbidden(text: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, text)
}
