//! `/connectors/{name}/tasks`.

use super::{
    ApiError, App, Name, TaskNumber,
    answers::{self, TaskAnswer, TaskStatusAnswer},
    connectors::unexpected,
};
use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode},
    response::IntoResponse,
};
use millrace_herder::{Request, Response as Answer, TaskId};

type Outcome = Result<Response<Body>, ApiError>;

pub(super) async fn list(State(app): State<App>, Name(name): Name) -> Outcome {
    match app.ask(Request::Tasks { name }).await? {
        Answer::Tasks(tasks) => {
            let tasks: Vec<_> = tasks.iter().map(TaskAnswer::of).collect();
            Ok(answers::json(StatusCode::OK, &tasks))
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn status(
    State(app): State<App>,
    Name(name): Name,
    TaskNumber(index): TaskNumber,
) -> Outcome {
    let task = TaskId { connector: name.clone(), index };
    match app.ask(Request::TaskStatus { task }).await? {
        Answer::TaskStatus(status) => {
            let class = app.class_of(&name).await;
            Ok(answers::json(StatusCode::OK, &TaskStatusAnswer::of(&status, &class)))
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn restart(
    State(app): State<App>,
    Name(connector): Name,
    TaskNumber(index): TaskNumber,
) -> Outcome {
    match app.ask(Request::RestartTask { task: TaskId { connector, index } }).await? {
        Answer::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        other => Err(unexpected(&other)),
    }
}
