//! `/connector-plugins`.

use super::{ApiError, App, Query, answers, errors, request_body, segment};
use crate::{
    settings::{connector, version},
    validate::{self, ConfigInfo, ConfigInfos},
};
use axum::{
    body::Body,
    extract::{FromRequestParts, State},
    http::{Response, StatusCode, request::Parts},
};
use jiff::Timestamp;
use millrace_api::{
    ConfigDef, HIDDEN, PluginInfo, PluginKind, Plugins, Properties,
    config::{ConfigValue, Default, Key, Type},
};
use serde::Serialize;

#[derive(Serialize)]
struct PluginAnswer<'a> {
    class: &'a str,
    #[serde(rename = "type")]
    kind: String,
    version: &'a str,
}

/// The type of a connector in a path: any of its names.
pub(super) struct ConnectorType(String);

impl<S: Send + Sync> FromRequestParts<S> for ConnectorType {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(segment(parts, state, "type").await?))
    }
}

pub(super) async fn list(State(app): State<App>, query: Query) -> Response<Body> {
    let connectors_only = query.flag("connectorsOnly").unwrap_or(true);
    let plugins = app.state.plugins.list();
    let plugins: Vec<_> = plugins
        .iter()
        .filter(|(kind, _)| !connectors_only || matches!(kind, PluginKind::Sink | PluginKind::Source))
        .map(|(kind, info)| PluginAnswer {
            class: &info.class,
            kind: kind.to_string(),
            version: &info.version,
        })
        .collect();
    answers::json(StatusCode::OK, &plugins)
}

/// Shows the settings of one plugin; of a connector also those that every connector has.
pub(super) async fn config(
    State(app): State<App>,
    ConnectorType(plugin): ConnectorType,
    query: Query,
) -> Result<Response<Body>, ApiError> {
    let plugins = &app.state.plugins;
    let (info, own, kind) = match plugins.connector(&plugin) {
        Ok(found) => (found.info().clone(), found.definition(), Some(found.kind())),
        Err(_) => {
            let found = other_plugin(plugins, &plugin);
            let (info, own) = found
                .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, format!("Unknown plugin {plugin}.")))?;
            (info, own, None)
        }
    };
    if let Some(range) = query.all("version").next() {
        let checked = version::check(&info.class, range, &info.version);
        checked.map_err(|text| ApiError::new(StatusCode::BAD_REQUEST, text))?;
    }
    let common = kind.map(|kind| connector::framework(kind, plugins, &app.state.worker, &Properties::new()));
    let common = common.iter().flat_map(|framework| framework.definition.keys());
    let missing = common.filter(|key| own.key(&key.name).is_none());
    let keys: Vec<_> = own.keys().iter().chain(missing).map(KeyAnswer::of).collect();
    Ok(answers::json(StatusCode::OK, &keys))
}

fn other_plugin(plugins: &Plugins, name: &str) -> Option<(PluginInfo, ConfigDef)> {
    let converter = || plugins.find_converter(name).map(|found| (found.info().clone(), found.definition()));
    let header =
        || plugins.find_header_converter(name).map(|found| (found.info().clone(), found.definition()));
    let transform = || plugins.find_transform(name).map(|found| (found.info().clone(), found.definition()));
    let predicate = || plugins.find_predicate(name).map(|found| (found.info().clone(), found.definition()));
    converter().or_else(header).or_else(transform).or_else(predicate)
}

pub(super) async fn validate(
    State(app): State<App>,
    ConnectorType(kind): ConnectorType,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let config = request_body::config(&request_body::read(body).await?)?;
    let simple = |class: &str| class.strip_suffix("Connector").unwrap_or(class).to_owned();
    if let Some(class) = config.get("connector.class")
        && !simple(class).ends_with(&simple(&kind))
    {
        let text = format!("Included connector type {class} does not match request type {kind}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, text));
    }
    let began = Timestamp::now();
    match validate::validate(&app.state.plugins, &app.state.worker, &config).await {
        Ok(infos) => Ok(answers::json(StatusCode::OK, &InfosAnswer::of(&infos))),
        Err(error) => Err(errors::not_validated(error, began)),
    }
}

#[derive(Serialize)]
struct InfosAnswer<'a> {
    name: &'a str,
    error_count: usize,
    groups: Vec<&'a str>,
    configs: Vec<ConfigAnswer<'a>>,
}

#[derive(Serialize)]
struct ConfigAnswer<'a> {
    definition: Option<KeyAnswer<'a>>,
    value: ValueAnswer<'a>,
}

#[derive(Serialize)]
struct KeyAnswer<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    default_value: Option<&'a str>,
    importance: String,
    documentation: &'a str,
    group: Option<&'a str>,
    width: String,
    display_name: &'a str,
    dependents: Vec<&'a str>,
    order: i32,
}

#[derive(Serialize)]
struct ValueAnswer<'a> {
    name: &'a str,
    value: Option<&'a str>,
    recommended_values: &'a [String],
    errors: &'a [String],
    visible: bool,
}

impl<'a> InfosAnswer<'a> {
    fn of(infos: &'a ConfigInfos) -> Self {
        let config = |info: &'a ConfigInfo| ConfigAnswer {
            definition: info.definition.as_ref().map(KeyAnswer::of),
            value: ValueAnswer::of(&info.value),
        };
        Self {
            name: &infos.name,
            error_count: infos.error_count,
            groups: infos.groups.iter().map(AsRef::as_ref).collect(),
            configs: infos.configs.iter().map(config).collect(),
        }
    }
}

impl<'a> KeyAnswer<'a> {
    fn of(key: &'a Key) -> Self {
        let default_value = match &key.default {
            Default::Text(_) if key.kind == Type::Password => Some(HIDDEN),
            Default::Text(text) => Some(text.as_ref()),
            Default::Null | Default::None => None,
        };
        Self {
            name: &key.name,
            kind: key.kind.to_string(),
            required: key.default == Default::None,
            default_value,
            importance: key.importance.to_string(),
            documentation: &key.doc,
            group: key.group.as_deref(),
            width: key.width.to_string(),
            display_name: &key.display_name,
            dependents: key.dependents.iter().map(AsRef::as_ref).collect(),
            order: key.order,
        }
    }
}

impl<'a> ValueAnswer<'a> {
    fn of(value: &'a ConfigValue) -> Self {
        Self {
            name: &value.name,
            value: value.value.as_deref(),
            recommended_values: &value.recommended,
            errors: &value.errors,
            visible: value.visible,
        }
    }
}
