//! A REST client for one worker.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use reqwest::blocking::Client as Http;
use serde_json::Value;

/// Longer than the 90 seconds after which a worker itself gives up.
const ANSWER_WAIT: Duration = Duration::from_secs(100);

pub struct Rest {
    base: String,
    http: Http,
}

/// What a worker answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Rest {
    pub fn new(port: u16) -> Self {
        // No pool: a worker that was killed and started again would be met with a dead connection.
        let http = Http::builder().timeout(ANSWER_WAIT).pool_max_idle_per_host(0).no_proxy().build();
        let http = http.unwrap_or_else(|error| panic!("building an HTTP client: {error}"));
        Self { base: format!("http://127.0.0.1:{port}"), http }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.must(Method::GET, path, None)
    }

    /// As `get`, with headers of the caller's choice.
    #[track_caller]
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).unwrap_or_else(|error| panic!("{path}: {error:#}"))
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.must(Method::POST, path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.must(Method::PUT, path, Some(body))
    }

    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.must(Method::PATCH, path, Some(body))
    }

    /// PUT without a body, as `pause`, `resume` and `stop` are called.
    #[track_caller]
    pub fn put_nothing(&self, path: &str) -> Answer {
        self.must(Method::PUT, path, None)
    }

    /// POST without a body, as `restart` is called.
    #[track_caller]
    pub fn post_nothing(&self, path: &str) -> Answer {
        self.must(Method::POST, path, None)
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.must(Method::DELETE, path, None)
    }

    /// As `get`, for a worker that may not answer.
    pub fn try_get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path, None)
    }

    /// As `post`, for a worker that may not answer.
    pub fn try_post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call(Method::POST, path, Some(body))
    }

    /// As `delete`, for a worker that may not answer.
    pub fn try_delete(&self, path: &str) -> Result<Answer> {
        self.call(Method::DELETE, path, None)
    }

    /// Sends a body that need not be JSON.
    #[track_caller]
    pub fn send_text(&self, method: &str, path: &str, content_type: Option<&str>, body: &str) -> Answer {
        let method =
            Method::from_bytes(method.as_bytes()).unwrap_or_else(|error| panic!("{method}: {error}"));
        let mut request = self.http.request(method, format!("{}{path}", self.base)).body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        answer(request).unwrap_or_else(|error| panic!("{path}: {error:#}"))
    }

    /// Returns the state of a connector: `RUNNING`, `FAILED`…, or `None` when no status is known.
    pub fn connector_state(&self, name: &str) -> Option<String> {
        let status = self.status(name)?;
        Some(status["connector"]["state"].as_str()?.to_owned())
    }

    /// Returns the states of a connector's tasks.
    pub fn task_states(&self, name: &str) -> Vec<String> {
        let Some(status) = self.status(name) else { return Vec::new() };
        let state = |task: &Value| task["state"].as_str().unwrap_or_default().to_owned();
        status["tasks"].as_array().into_iter().flatten().map(state).collect()
    }

    /// Returns whether the connector runs, and has tasks that all run.
    pub fn is_running(&self, name: &str) -> bool {
        let tasks = self.task_states(name);
        let running = |state: &String| state == "RUNNING";
        self.connector_state(name).as_ref().is_some_and(running)
            && !tasks.is_empty()
            && tasks.iter().all(running)
    }

    /// Returns the trace of the connector's first failed task.
    pub fn task_failure(&self, name: &str) -> Option<String> {
        let status = self.status(name)?;
        let failed = status["tasks"].as_array()?.iter().find(|task| task["state"] == "FAILED")?;
        Some(failed["trace"].as_str().unwrap_or_default().to_owned())
    }

    fn status(&self, name: &str) -> Option<Value> {
        let answer = self.try_get(&format!("/connectors/{name}/status")).ok()?;
        (answer.status == 200).then(|| answer.json())
    }

    #[track_caller]
    fn must(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.call(method, path, body).unwrap_or_else(|error| panic!("{path}: {error:#}"))
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request)
    }
}

impl Answer {
    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// Returns the `message` of an error body.
    #[track_caller]
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn answer(request: reqwest::blocking::RequestBuilder) -> Result<Answer> {
    let response = request.send().context("no answer")?;
    let status = response.status().as_u16();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    let text = response.text().context("half an answer")?;
    Ok(Answer { status, headers, text })
}
