//! `millrace validate FILE...`: every problem of worker and connector files, without starting anything.

use crate::{plugins, style};
use millrace_api::{Plugins, Properties};
use millrace_worker::{
    connector_file::{self, ConnectorFile},
    properties_file,
    settings::{WorkerConfig, WorkerConfigError},
    validate,
};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A worker for connectors that are validated without one: it defines what connectors leave open.
const WORKER: [(&str, &str); 3] = [
    ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("offset.storage.file.filename", "connect.offsets"),
];

/// What was found in one file.
#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Problem {
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<String>,
    problem: String,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
}

/// Validates the files. Those of connectors are held against the worker's file that is among them, if there is one.
pub fn run(files: &[PathBuf], form: Form) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millrace: starting a runtime: {error}");
            return ExitCode::from(2);
        }
    };
    let reports = runtime.block_on(validate_all(files, &plugins::all()));
    match form {
        Form::Text => reports.iter().for_each(|report| print!("{}", text(report))),
        Form::Json => match serde_json::to_string_pretty(&reports) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("millrace: writing JSON: {error}"),
        },
    }
    if reports.iter().all(|report| report.problems.is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn validate_all(files: &[PathBuf], plugins: &Plugins) -> Vec<Report> {
    let mut reports = Vec::new();
    let mut worker = None;
    let (workers, connectors): (Vec<_>, Vec<_>) = files.iter().partition(|file| is_worker(file));
    for file in workers {
        let (report, config) = of_worker(file, plugins);
        reports.push(report);
        worker = worker.or(config);
    }
    let worker = worker.or_else(|| WorkerConfig::parse(Properties::from(WORKER), plugins).ok());
    for file in connectors {
        reports.push(of_connector(file, plugins, worker.as_ref()).await);
    }
    reports
}

/// A worker's file names no connector, and has a setting that only workers have.
fn is_worker(file: &Path) -> bool {
    let Ok(properties) = properties_file::read(file) else { return false };
    let has = |name: &str| properties.contains(name);
    !has("connector.class")
        && ["offset.storage.file.filename", "group.id", "bootstrap.servers", "listeners"].into_iter().any(has)
}

fn of_worker(file: &Path, plugins: &Plugins) -> (Report, Option<WorkerConfig>) {
    let report =
        |problems, warnings| Report { file: file.to_owned(), kind: "worker", name: None, problems, warnings };
    match WorkerConfig::read(file, plugins) {
        Ok(config) => (report(Vec::new(), config.warnings().to_vec()), Some(config)),
        Err(WorkerConfigError::Settings { problems, .. }) => {
            let each = problems.iter().flat_map(|(setting, texts)| {
                texts.iter().map(|text| Problem { setting: Some(setting.to_owned()), problem: text.clone() })
            });
            (report(each.collect(), Vec::new()), None)
        }
        Err(WorkerConfigError::File(error)) => (report(vec![whole(&error)], Vec::new()), None),
    }
}

async fn of_connector(file: &Path, plugins: &Plugins, worker: Option<&WorkerConfig>) -> Report {
    let mut report = Report {
        file: file.to_owned(),
        kind: "connector",
        name: None,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let ConnectorFile { name, config, .. } = match connector_file::read(file) {
        Ok(read) => read,
        Err(error) => {
            report.problems.push(whole(&error));
            return report;
        }
    };
    report.name = Some(name);
    let Some(worker) = worker else {
        report
            .problems
            .push(Problem { setting: None, problem: "there is no worker to hold it against".to_owned() });
        return report;
    };
    match validate::validate(plugins, worker, &config).await {
        Ok(found) => {
            report.warnings = found.warnings.clone();
            report.problems = found
                .configs
                .iter()
                .flat_map(|info| {
                    let setting = info.value.name.to_string();
                    info.value
                        .errors
                        .iter()
                        .map(move |error| Problem { setting: Some(setting.clone()), problem: error.clone() })
                })
                .collect();
        }
        Err(error) => report.problems.push(whole(&error)),
    }
    report
}

/// A problem of the file as a whole, with its causes.
fn whole(error: &dyn std::error::Error) -> Problem {
    let mut problem = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        problem.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Problem { setting: None, problem }
}

fn text(report: &Report) -> String {
    let name = report.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let verdict = match report.problems.len() {
        0 => style::good("valid"),
        1 => style::bad("1 problem"),
        count => style::bad(&format!("{count} problems")),
    };
    let mut text = format!("{}: {}{name}: {verdict}\n", report.file.display(), report.kind);
    let settings = report.problems.iter().filter_map(|problem| problem.setting.as_ref());
    let width = settings.map(|setting| setting.chars().count()).max().unwrap_or(0);
    for Problem { setting, problem } in &report.problems {
        let setting = setting.as_deref().unwrap_or_default();
        text.push_str(&format!("  {setting:<width$}  {problem}\n"));
    }
    for warning in &report.warnings {
        text.push_str(&format!("  {} {warning}\n", style::warned("warning:")));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::fs;

    async fn reports(files: &[(&str, &str)]) -> Vec<Report> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = files
            .iter()
            .map(|(name, content)| {
                let path = folder.path().join(name);
                fs::write(&path, content).unwrap();
                path
            })
            .collect();
        validate_all(&paths, &plugins::all()).await
    }

    #[tokio::test]
    async fn every_problem_of_every_file_is_found_in_one_go() {
        let found = reports(&[
            ("w.properties", "key.converter=Nope\nvalue.converter=StringConverter\nlisteners=nowhere\n"),
            (
                "c.properties",
                "name=a\nconnector.class=FileStreamSource\nbatch.size=many\ntasks.max=0\nbatch.sise=1\n",
            ),
            ("c.json", r#"{"name":"b","connector.class":"FileStreamSink","topics":"t"}"#),
            ("nameless.json", r#"{"connector.class":"FileStreamSink"}"#),
        ])
        .await;
        let shown = |report: &Report| -> Vec<String> {
            let problems = report.problems.iter();
            problems.map(|problem| problem.setting.clone().unwrap_or_default()).collect()
        };
        assert_eq!((found[0].kind, shown(&found[0]).len()), ("worker", 3), "{:?}", found[0]);
        assert_eq!(shown(&found[1]), ["tasks.max", "topic", "batch.size"]);
        assert_eq!(found[1].warnings.len(), 1, "{:?}", found[1].warnings);
        assert_eq!((found[2].name.as_deref(), shown(&found[2]).len()), (Some("b"), 0));
        assert!(found[3].problems[0].problem.contains("missing the mandatory 'name'"));
        let text = text(&found[1]);
        assert!(text.contains("3 problems") && text.contains("\n  tasks.max   Invalid value 0"), "{text}");
    }
}
