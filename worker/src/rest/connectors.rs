//! `/connectors` and what lies below one connector, tasks aside.

use super::{
    ApiError, App, Ends, Name, Query,
    answers::{self, ClassInfo, InfoAnswer, Settings, StatusAnswer},
    errors, request_body,
};
use crate::validate;
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderValue, Response, StatusCode,
        header::{HOST, LOCATION},
    },
    response::IntoResponse,
};
use jiff::Timestamp;
use millrace_api::Properties;
use millrace_herder::{ConnectorInfo, ConnectorStatus, Include, Request, Response as Answer, Which};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

type Outcome = Result<Response<Body>, ApiError>;

/// What a name keeps in `Location`: what a path may have, and slashes.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

impl App {
    /// Asks the herder.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, ApiError> {
        self.state.herder.ask(request).await.map_err(|refusal| self.refused(refusal))
    }

    /// Returns the class of a connector; unknown when the connector is gone meanwhile.
    pub(super) async fn class_of(&self, name: &Arc<str>) -> ClassInfo {
        let answer = self.state.herder.ask(Request::Connector { name: name.clone() }).await;
        match answer {
            Ok(Answer::Connector(info)) => self.class(&info),
            _ => ClassInfo::of(&self.state.plugins, None),
        }
    }

    fn class(&self, info: &ConnectorInfo) -> ClassInfo {
        ClassInfo::of(&self.state.plugins, Some(&info.config))
    }

    pub(super) async fn connector(&self, name: Arc<str>) -> Result<ConnectorInfo, ApiError> {
        match self.ask(Request::Connector { name }).await? {
            Answer::Connector(info) => Ok(info),
            other => Err(unexpected(&other)),
        }
    }

    async fn done(&self, request: Request, status: StatusCode) -> Outcome {
        match self.ask(request).await? {
            Answer::Done => Ok(status.into_response()),
            other => Err(unexpected(&other)),
        }
    }

    /// Refuses a configuration that will not do.
    async fn check(&self, config: &Properties) -> Result<(), ApiError> {
        let began = Timestamp::now();
        let found = validate::validate(&self.state.plugins, &self.state.worker, config).await;
        let found = found.map_err(|error| errors::not_validated(error, began))?;
        let name = config.get("name").unwrap_or_default();
        found.warnings.iter().for_each(|warning| tracing::warn!("connector {name}: {warning}"));
        let refusal = found.refusal();
        refusal.map_or(Ok(()), |text| Err(ApiError::new(StatusCode::BAD_REQUEST, text)))
    }
}

pub(super) async fn list(State(app): State<App>, query: Query) -> Outcome {
    let wanted: Vec<_> = query.all("expand").collect();
    if wanted.is_empty() {
        let Answer::Connectors(names) = app.ask(Request::Connectors).await? else {
            return Err(ApiError::internal("the herder gave no names"));
        };
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        return Ok(answers::json(StatusCode::OK, &names));
    }
    for unknown in wanted.iter().filter(|wanted| !matches!(**wanted, "info" | "status")) {
        tracing::info!("ignoring the unknown expansion type {unknown:?}");
    }
    let Answer::Statuses(all) = app.ask(Request::Statuses).await? else {
        return Err(ApiError::internal("the herder gave no statuses"));
    };
    Ok(expanded(&app, &wanted, &all))
}

#[derive(Serialize)]
struct Expanded<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<InfoAnswer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusAnswer<'a>>,
}

fn expanded(app: &App, wanted: &[&str], all: &[(ConnectorInfo, ConnectorStatus)]) -> Response<Body> {
    let classes: Vec<_> = all.iter().map(|(info, _)| app.class(info)).collect();
    let entries: BTreeMap<&str, Expanded<'_>> = all
        .iter()
        .zip(&classes)
        .map(|((info, status), class)| {
            let entry = Expanded {
                info: wanted.contains(&"info").then(|| InfoAnswer::of(info, class)),
                status: wanted.contains(&"status").then(|| StatusAnswer::of(status, class)),
            };
            (info.name.as_ref(), entry)
        })
        .collect();
    answers::json(StatusCode::OK, &entries)
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let create = request_body::create(&request_body::read(body).await?)?;
    let config = with_name(&create.name, create.config)?;
    app.check(&config).await?;
    let request = Request::Create { name: create.name.into(), config, initial_state: create.initial_state };
    stored(&app, request, &headers, ends).await
}

pub(super) async fn put_config(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    Name(name): Name,
    headers: HeaderMap,
    body: Body,
) -> Outcome {
    let config = with_name(&name, request_body::config(&request_body::read(body).await?)?)?;
    app.check(&config).await?;
    stored(&app, Request::PutConfig { name, config }, &headers, ends).await
}

/// Changes what is stored: a null removes a setting, anything else sets it.
///
/// A patch that would give the connector another name is refused. Kafka Connect stores it, and the connector then has two.
pub(super) async fn patch_config(State(app): State<App>, Name(name): Name, body: Body) -> Outcome {
    let patch = request_body::config(&request_body::read(body).await?)?;
    let mut config = app.connector(name.clone()).await?.config.as_ref().clone();
    for (setting, text) in patch.iter() {
        match text {
            Some(text) => config.insert(setting, text),
            None => config.remove(setting),
        }
    }
    if config.get("name").is_some_and(|other| other != name.as_ref()) {
        with_name(&name, config.clone())?;
    }
    app.check(&config).await?;
    let answer = app.ask(Request::PutConfig { name, config }).await?;
    let (Answer::Created(info) | Answer::Replaced(info)) = answer else { return Err(unexpected(&answer)) };
    Ok(answers::json(StatusCode::OK, &InfoAnswer::of(&info, &app.class(&info))))
}

/// Adds the connector's name to its configuration, which must not have another.
fn with_name(name: &str, mut config: Properties) -> Result<Properties, ApiError> {
    match config.get("name") {
        Some(other) if other != name => {
            let text = format!(
                "Connector name configuration ({other}) doesn't match connector name in the URL ({name})"
            );
            Err(ApiError::new(StatusCode::BAD_REQUEST, text))
        }
        _ => {
            config.insert("name", name);
            Ok(config)
        }
    }
}

async fn stored(app: &App, request: Request, headers: &HeaderMap, ends: Ends) -> Outcome {
    let answer = app.ask(request).await?;
    let is_created = answer.is_created();
    let (Answer::Created(info) | Answer::Replaced(info)) = answer else { return Err(unexpected(&answer)) };
    let status = if is_created { StatusCode::CREATED } else { StatusCode::OK };
    let class = app.class(&info);
    let mut response = answers::json(status, &InfoAnswer::of(&info, &class));
    if is_created && let Some(location) = location(&info.name, headers, ends) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Returns the URL of a connector as this client sees the worker.
fn location(name: &str, headers: &HeaderMap, ends: Ends) -> Option<HeaderValue> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = host.unwrap_or_else(|| ends.local.to_string());
    HeaderValue::from_str(&format!("http://{host}/connectors/{}", utf8_percent_encode(name, KEPT))).ok()
}

pub(super) async fn info(State(app): State<App>, Name(name): Name) -> Outcome {
    let info = app.connector(name).await?;
    Ok(answers::json(StatusCode::OK, &InfoAnswer::of(&info, &app.class(&info))))
}

pub(super) async fn config(State(app): State<App>, Name(name): Name) -> Outcome {
    let info = app.connector(name).await?;
    Ok(answers::json(StatusCode::OK, &Settings(&info.config)))
}

pub(super) async fn status(State(app): State<App>, Name(name): Name) -> Outcome {
    match app.ask(Request::Status { name: name.clone() }).await? {
        Answer::Status(status) => {
            let class = app.class_of(&name).await;
            Ok(answers::json(StatusCode::OK, &StatusAnswer::of(&status, &class)))
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn delete(State(app): State<App>, Name(name): Name) -> Outcome {
    let answer = app.done(Request::Delete { name: name.clone() }, StatusCode::NO_CONTENT).await?;
    app.state.topics.reset(&name);
    Ok(answer)
}

pub(super) async fn pause(State(app): State<App>, Name(name): Name) -> Outcome {
    app.done(Request::Pause { name }, StatusCode::ACCEPTED).await
}

pub(super) async fn resume(State(app): State<App>, Name(name): Name) -> Outcome {
    app.done(Request::Resume { name }, StatusCode::ACCEPTED).await
}

pub(super) async fn stop(State(app): State<App>, Name(name): Name) -> Outcome {
    app.done(Request::Stop { name }, StatusCode::NO_CONTENT).await
}

pub(super) async fn restart(State(app): State<App>, Name(name): Name, query: Query) -> Outcome {
    let include = match query.flag("includeTasks") {
        Some(true) => Include::WithTasks,
        _ => Include::ConnectorOnly,
    };
    let which = match query.flag("onlyFailed") {
        Some(true) => Which::OnlyFailed,
        _ => Which::All,
    };
    match app.ask(Request::RestartConnector { name: name.clone(), include, which }).await? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Answer::Restarting(status) => {
            let class = app.class_of(&name).await;
            Ok(answers::json(StatusCode::ACCEPTED, &StatusAnswer::of(&status, &class)))
        }
        other => Err(unexpected(&other)),
    }
}

/// The herder has answered another question: a mistake of this program.
pub(super) fn unexpected(answer: &Answer) -> ApiError {
    tracing::error!("the herder's answer does not fit the request: {answer:?}");
    ApiError::internal("the herder's answer does not fit the request")
}
