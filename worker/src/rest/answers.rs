//! The JSON objects of the REST API, in the order in which Kafka Connect writes their members.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use millrace_api::{ConnectorPlugin, Plugins, Properties};
use millrace_herder::{ConnectorInfo, ConnectorStatus, TaskId, TaskInfo, TaskStatus};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Renders a value.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).expect("texts, numbers and maps with text keys are JSON");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What the registry knows of a connector's class.
#[derive(Debug, Clone)]
pub(super) struct ClassInfo {
    kind: &'static str,
    version: Option<String>,
}

impl ClassInfo {
    /// Looks the class of a configuration up; one that is not known here is of type `unknown`, without a version.
    pub(super) fn of(plugins: &Plugins, config: Option<&Properties>) -> Self {
        let class = config.and_then(|config| config.get("connector.class"));
        match class.map(|class| plugins.connector(class)) {
            Some(Ok(plugin)) => Self {
                kind: if matches!(plugin, ConnectorPlugin::Source(_)) { "source" } else { "sink" },
                version: Some(plugin.info().version.to_string()),
            },
            _ => Self { kind: "unknown", version: None },
        }
    }
}

#[derive(Serialize)]
pub(super) struct InfoAnswer<'a> {
    name: &'a str,
    config: Settings<'a>,
    tasks: Vec<TaskIdAnswer<'a>>,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> InfoAnswer<'a> {
    pub(super) fn of(info: &'a ConnectorInfo, class: &ClassInfo) -> Self {
        Self {
            name: &info.name,
            config: Settings(&info.config),
            tasks: info.tasks.iter().map(TaskIdAnswer::of).collect(),
            kind: class.kind,
        }
    }
}

#[derive(Serialize)]
struct TaskIdAnswer<'a> {
    connector: &'a str,
    task: u32,
}

impl<'a> TaskIdAnswer<'a> {
    fn of(task: &'a TaskId) -> Self {
        Self { connector: &task.connector, task: task.index }
    }
}

#[derive(Serialize)]
pub(super) struct TaskAnswer<'a> {
    id: TaskIdAnswer<'a>,
    config: Settings<'a>,
}

impl<'a> TaskAnswer<'a> {
    pub(super) fn of(task: &'a TaskInfo) -> Self {
        Self { id: TaskIdAnswer::of(&task.task), config: Settings(&task.settings) }
    }
}

#[derive(Serialize)]
pub(super) struct StatusAnswer<'a> {
    name: &'a str,
    connector: ConnectorState<'a>,
    tasks: Vec<TaskStatusAnswer<'a>>,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct ConnectorState<'a> {
    state: &'static str,
    worker_id: &'a str,
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    trace: Option<&'a str>,
}

impl<'a> StatusAnswer<'a> {
    pub(super) fn of(status: &'a ConnectorStatus, class: &'a ClassInfo) -> Self {
        let connector = ConnectorState {
            state: status.state.as_str(),
            worker_id: &status.worker_id,
            version: class.version.as_deref(),
            trace: status.trace.as_deref(),
        };
        let tasks = status.tasks.iter().map(|task| TaskStatusAnswer::of(task, class)).collect();
        Self { name: &status.name, connector, tasks, kind: class.kind }
    }
}

#[derive(Serialize)]
pub(super) struct TaskStatusAnswer<'a> {
    id: u32,
    state: &'static str,
    worker_id: &'a str,
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "is_empty")]
    trace: Option<&'a str>,
}

impl<'a> TaskStatusAnswer<'a> {
    pub(super) fn of(task: &'a TaskStatus, class: &'a ClassInfo) -> Self {
        Self {
            id: task.index,
            state: task.state.as_str(),
            worker_id: &task.worker_id,
            version: class.version.as_deref(),
            trace: task.trace.as_deref(),
        }
    }
}

fn is_empty(text: &Option<&str>) -> bool {
    text.is_none_or(str::is_empty)
}

/// Settings as an object of texts and nulls.
pub(super) struct Settings<'a>(pub(super) &'a Properties);

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, text) in self.0.iter() {
            map.serialize_entry(name, &text)?;
        }
        map.end()
    }
}
