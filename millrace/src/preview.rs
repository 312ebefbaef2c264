//! `millrace preview FILE`: what a connector file would do to records, without doing it.

use crate::plugins;
use anyhow::{Context, Result, bail};
use millrace_api::{ConnectorPlugin, Properties};
use millrace_worker::{
    connector_file,
    preview::{self, Preview, PreviewedRecord, PreviewedStep, Samples},
    properties_file,
};
use std::{fs, io::IsTerminal, path::PathBuf};

/// How many records are taken of a source that is asked itself.
const SOURCE_RECORDS: usize = 10;

/// What the command line asks for.
#[derive(clap::Args)]
pub struct Arguments {
    /// The connector file: properties or JSON, as for a worker.
    file: PathBuf,
    /// Sample records: a JSON array of objects with topic, partition, offset, timestamp, key, value and headers.
    #[arg(long, value_name = "FILE", conflicts_with = "from_topic")]
    input: Option<PathBuf>,
    /// Takes the first N records of a sink's topics, or of the source itself (10 when nothing is said).
    #[arg(long, visible_alias = "records", value_name = "N")]
    from_topic: Option<usize>,
    /// The brokers to read from; the worker file's, else localhost:9092, when not given.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// The worker file, for the converters of connectors that name none.
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the preview. The error is for a file or samples that cannot be used, not for records that fail.
pub fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting a runtime")?;
    let preview = runtime.block_on(make(arguments));
    // What a plugin left running ends with the program.
    runtime.shutdown_background();
    let preview = preview?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&preview).context("writing JSON")?);
    } else {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", shown(&preview, if colours { Look::Coloured } else { Look::Plain }));
    }
    Ok(())
}

async fn make(arguments: &Arguments) -> Result<Preview> {
    let plugins = plugins::all();
    let connector = connector_file::read(&arguments.file)?.config;
    let worker = match &arguments.worker {
        Some(file) => {
            let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            properties_file::parse(&bytes).with_context(|| file.display().to_string())?
        }
        None => Properties::new(),
    };
    let plugin = preview::plugin(&plugins, &connector)?;
    let samples = samples(arguments, &plugin, &worker, &connector).await?;
    let preview = preview::preview(&plugins, &worker, &connector, samples).await;
    preview.with_context(|| {
        let hint =
            if arguments.worker.is_none() { " (--worker FILE gives the worker's converters)" } else { "" };
        format!("{}{hint}", arguments.file.display())
    })
}

async fn samples(
    arguments: &Arguments,
    plugin: &ConnectorPlugin,
    worker: &Properties,
    connector: &Properties,
) -> Result<Samples> {
    if let Some(file) = &arguments.input {
        let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let topic = connector.get("topics").or(connector.get("topic")).unwrap_or_default();
        let topic = topic.split(',').next().unwrap_or_default().trim();
        let read = match plugin {
            ConnectorPlugin::Sink(_) => preview::messages(&text, topic).map(Samples::Messages),
            ConnectorPlugin::Source(_) => preview::polled(&text, topic).map(Samples::Polled),
        };
        return read.with_context(|| file.display().to_string());
    }
    match (plugin, arguments.from_topic) {
        (ConnectorPlugin::Source(source), count) => {
            let count = count.unwrap_or(SOURCE_RECORDS);
            Ok(Samples::Polled(preview::from_source(source, connector, count).await?))
        }
        (ConnectorPlugin::Sink(_), Some(count)) => {
            let given = arguments.bootstrap.as_deref().or(worker.get("bootstrap.servers"));
            let servers = given.unwrap_or("localhost:9092");
            if servers.starts_with("embedded://") {
                bail!("an embedded broker runs inside its worker: give its address with --bootstrap");
            }
            Ok(Samples::Messages(preview::from_topics(worker, connector, servers, count).await?))
        }
        (ConnectorPlugin::Sink(_), None) => {
            bail!("a sink needs records to look at: --input records.json, or --from-topic N")
        }
    }
}

/// How the text looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Coloured,
}

fn shown(preview: &Preview, look: Look) -> String {
    let steps = || preview.records.iter().flat_map(|record| &record.steps);
    let width = steps().map(|step| step.step.len()).max().unwrap_or(0).max("before".len());
    let classes = steps().map(|step| simple(&step.class).len()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, record) in (1..).zip(&preview.records) {
        text.push_str(&format!("{}\n", look.paint(BOLD, &format!("record {number}"))));
        text.push_str(&format!("  {:width$}  {:classes$}  {}\n", "before", "", record.before.get()));
        for step in &record.steps {
            let class = format!("{:classes$}", simple(&step.class));
            text.push_str(&format!(
                "  {:width$}  {}  {}\n",
                step.step,
                look.paint(DIM, &class),
                outcome(step, look)
            ));
        }
        text.push_str(&format!("  {}\n", verdict(record, look)));
    }
    let count = |outcome: &str| preview.records.iter().filter(|record| record.outcome == outcome).count();
    let (passed, dropped, failed) = (count("passed"), count("dropped"), count("failed"));
    let summary = format!(
        "{} {} records: {passed} passed, {dropped} dropped, {failed} failed; nothing was written",
        preview.kind,
        preview.records.len()
    );
    text + &look.paint(BOLD, &summary) + "\n"
}

fn outcome(step: &PreviewedStep, look: Look) -> String {
    match (&step.after, &step.error) {
        (Some(after), _) => after.get().to_owned(),
        (None, Some(error)) => {
            let causes: String = error.causes.iter().map(|cause| format!(": {cause}")).collect();
            look.paint(
                RED,
                &format!("{}: {}{causes}", simple(&error.class), error.message.trim_end_matches([' ', ':'])),
            )
        }
        (None, None) if step.result == "dropped" => look.paint(YELLOW, "dropped"),
        (None, None) => look.paint(DIM, step.result),
    }
}

fn verdict(record: &PreviewedRecord, look: Look) -> String {
    let last = record.steps.last().map(|step| step.step.as_str()).unwrap_or_default();
    match record.outcome {
        "failed" => look.paint(RED, &format!("=> failed in {last}")),
        "dropped" => look.paint(YELLOW, &format!("=> dropped by {last}")),
        _ => look.paint(GREEN, "=> passed"),
    }
}

/// The class without its package.
fn simple(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

impl Look {
    fn paint(self, colour: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }
}
