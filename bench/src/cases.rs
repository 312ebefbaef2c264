//! What is measured: each file in `cases/` is one case.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::side::Side;

/// One measurement, the same for both programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name of its file.
    pub name: String,
    pub title: String,
    /// Cases of a group stand in one table; they differ in their settings alone.
    pub group: String,
    /// How the programs are set up: `default` or `tuned`.
    pub settings: String,
    /// The heap of the Java worker, such as `1g`.
    pub heap: String,
    pub work: Work,
    worker: Files,
    connector: Option<Files>,
}

/// What the programs are made to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Moves records from one place to the other.
    Flow(Flow),
    /// Starts, without a connector, until REST answers.
    Start { times: usize },
    /// Does nothing, with so many connectors that have nothing to do.
    Idle { connectors: usize },
    /// Creates so many connectors over REST, one after the other, until all run.
    Creates { connectors: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    pub from: Place,
    pub to: Place,
    pub records: u64,
    /// The mean size of a record; sizes vary by a fifth.
    pub bytes: usize,
    /// Records a second while the latency is measured; to be chosen below what either program can do.
    pub latency_rate: u64,
}

/// Where records come from or go to. A connector to another system brings its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    File,
    Topic,
}

/// The file for each program: mostly the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files {
    java: PathBuf,
    millrace: PathBuf,
}

/// How many records, starts or connectors the short form has at most.
const SHORT_RECORDS: u64 = 20_000;
const SHORT_RATE: u64 = 500;
const SHORT_CONNECTORS: usize = 5;

/// Returns the cases whose names contain one of `parts`, or all; an error when a part fits none.
pub fn load(folder: &Path, parts: &[String]) -> Result<Vec<Case>> {
    let entries = fs::read_dir(folder.join("cases")).context("reading bench/cases")?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let cases = paths.iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Case::parse(&name, &text, &folder.join("settings")).with_context(|| format!("case {name}"))
    });
    let mut cases = cases.collect::<Result<Vec<Case>>>()?;
    if let Some(part) = parts.iter().find(|part| !cases.iter().any(|case| case.name.contains(*part))) {
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        bail!("no case has {part:?} in its name; there are {}", names.join(", "));
    }
    cases.retain(|case| parts.is_empty() || parts.iter().any(|part| case.name.contains(part)));
    Ok(cases)
}

// === impl Case ===

impl Case {
    fn parse(name: &str, text: &str, settings: &Path) -> Result<Self> {
        let mut lines = Lines::parse(text)?;
        let work = match lines.take("work")?.as_str() {
            "flow" => Work::Flow(Flow {
                from: Place::parse(&lines.take("from")?)?,
                to: Place::parse(&lines.take("to")?)?,
                records: lines.number("records")?,
                bytes: usize::try_from(lines.number("record.bytes")?)?,
                latency_rate: lines.number("latency.rate")?,
            }),
            "start" => Work::Start { times: usize::try_from(lines.number("times")?)? },
            "idle" => Work::Idle { connectors: usize::try_from(lines.number("connectors")?)? },
            "creates" => Work::Creates { connectors: usize::try_from(lines.number("connectors")?)? },
            other => bail!("work={other} is none of flow, start, idle, creates"),
        };
        let case = Self {
            name: name.to_owned(),
            title: lines.take("title")?,
            group: lines.optional("group").unwrap_or_else(|| name.to_owned()),
            settings: lines.optional("settings").unwrap_or_else(|| "default".to_owned()),
            heap: lines.optional("heap").unwrap_or_else(|| "1g".to_owned()),
            work,
            worker: lines.files("worker", settings).context("worker is not set")?,
            connector: lines.files("connector", settings),
        };
        let needs_connector = !matches!(work, Work::Start { .. } | Work::Idle { connectors: 0 });
        if needs_connector && case.connector.is_none() {
            bail!("connector is not set");
        }
        match lines.0.keys().next() {
            Some(unknown) => bail!("{unknown} is no setting of a case"),
            None => Ok(case),
        }
    }

    /// Returns the same case with so little to do that it takes seconds.
    pub fn short(mut self) -> Self {
        match &mut self.work {
            Work::Flow(flow) => {
                flow.records = flow.records.min(SHORT_RECORDS);
                flow.latency_rate = flow.latency_rate.min(SHORT_RATE);
            }
            Work::Start { times } => *times = 1,
            Work::Idle { connectors } | Work::Creates { connectors } => {
                *connectors = (*connectors).min(SHORT_CONNECTORS);
            }
        }
        self
    }

    /// Returns the files that set the programs up, without their folder.
    pub fn files(&self) -> Vec<String> {
        let all = [Some(&self.worker), self.connector.as_ref()].into_iter().flatten();
        let mut paths: Vec<&Path> = all.flat_map(|files| [&*files.java, &*files.millrace]).collect();
        paths.dedup();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        paths.into_iter().map(name).collect()
    }

    /// Returns the worker file with its placeholders.
    pub fn worker(&self, side: Side) -> &Path {
        self.worker.of(side)
    }

    /// Returns the connector file with its placeholders.
    pub fn connector(&self, side: Side) -> Result<&Path> {
        let files =
            self.connector.as_ref().with_context(|| format!("case {} has no connector", self.name))?;
        Ok(files.of(side))
    }
}

impl Files {
    fn of(&self, side: Side) -> &Path {
        match side {
            Side::Java => &self.java,
            Side::Millrace => &self.millrace,
        }
    }
}

impl Place {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "file" => Ok(Self::File),
            "topic" => Ok(Self::Topic),
            other => bail!("{other} is neither file nor topic"),
        }
    }
}

/// The settings of a case file that were not taken yet.
struct Lines(BTreeMap<String, String>);

impl Lines {
    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &str| {
            let (key, value) = line.split_once('=').with_context(|| format!("no = in {line:?}"))?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        };
        Ok(Self(lines.map(entry).collect::<Result<_>>()?))
    }

    fn optional(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    fn take(&mut self, key: &str) -> Result<String> {
        self.optional(key).with_context(|| format!("{key} is not set"))
    }

    fn number(&mut self, key: &str) -> Result<u64> {
        let text = self.take(key)?;
        text.replace('_', "").parse().with_context(|| format!("{key}={text} is no number"))
    }

    /// `KEY` for both programs; `KEY.java` and `KEY.millrace` for one of them.
    fn files(&mut self, key: &str, folder: &Path) -> Option<Files> {
        let both = self.optional(key);
        let mut one = |side| self.optional(&format!("{key}.{side}")).or_else(|| both.clone());
        let (java, millrace) = (one("java")?, one("millrace")?);
        Some(Files { java: folder.join(java), millrace: folder.join(millrace) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "# Why.\ntitle=A title\nwork=idle\nconnectors=1_000\nworker=w.properties\n\
        worker.java=j.properties\nconnector=c.properties\n";

    #[test]
    fn a_case_may_have_files_of_its_own_for_a_program() {
        let case = Case::parse("idle", CASE, Path::new("s")).unwrap();
        assert_eq!(case.work, Work::Idle { connectors: 1000 });
        assert_eq!(case.worker(Side::Java), Path::new("s/j.properties"));
        assert_eq!(case.worker(Side::Millrace), Path::new("s/w.properties"));
        assert_eq!(case.connector(Side::Java).unwrap(), Path::new("s/c.properties"));
        assert_eq!(case.short().work, Work::Idle { connectors: SHORT_CONNECTORS });
    }

    #[test]
    fn what_is_wrong_in_a_case_is_named() {
        let error = |text: &str| Case::parse("a", text, Path::new("s")).unwrap_err().to_string();
        assert_eq!(error("work=idle\nconnectors=many"), "connectors=many is no number");
        assert_eq!(error("work=run"), "work=run is none of flow, start, idle, creates");
        assert_eq!(error(&format!("{CASE}conector=x")), "conector is no setting of a case");
        assert_eq!(error("title=A\nwork=start\ntimes=2"), "worker is not set");
    }

    #[test]
    fn every_case_of_the_folder_parses_and_its_files_are_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cases = load(folder, &[]).unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            for side in [Side::Java, Side::Millrace] {
                assert!(case.worker(side).is_file(), "{}", case.name);
                assert!(case.connector(side).map_or(true, Path::is_file), "{}", case.name);
            }
        }
        assert!(load(folder, &["no-such".to_owned()]).is_err());
    }
}
