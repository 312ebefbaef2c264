//! The program: command line, and the one list of plugins.

mod broker;
mod daemon;
mod demo;
mod logging;
mod plugins;
mod preview;
mod standalone;
mod style;
mod validate;

use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kafka Connect, rebuilt in Rust: connectors and a worker that move data between Kafka and other systems.
#[derive(Parser)]
#[command(name = "millrace", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a worker on its own, as connect-standalone does.
    #[command(disable_help_flag = true)]
    Standalone {
        /// worker.properties [connector.properties connector.json ...]
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        files: Vec<OsString>,
    },
    /// Runs the embedded broker alone: for development and tests, never for production.
    Broker {
        /// Where its data lies; made when it is missing.
        folder: PathBuf,
        /// The address it listens on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:9092")]
        listen: std::net::SocketAddr,
    },
    /// Lists the plugins that are built in, or shows the settings of one.
    Plugins {
        /// A class name, a simple name or a short name.
        class: Option<String>,
        /// Writes JSON.
        #[arg(long)]
        json: bool,
    },
    /// Finds every problem of worker and connector files, and starts nothing.
    Validate {
        /// Properties files of workers and connectors, JSON files of connectors.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Writes JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows what a connector file would do to sample records, a step at a time, and writes nothing.
    Preview(preview::Arguments),
    /// Moves a million lines from a file through a topic into another file, and compares the two.
    Demo {
        /// Where everything of the demo lies; made anew each time.
        #[arg(long, default_value = "demo")]
        folder: PathBuf,
        /// How many lines.
        #[arg(long, default_value_t = 1_000_000)]
        lines: u64,
    },
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = PathBuf::from(arguments.next().unwrap_or_default());
    // The program has other names, by which it is the program of Kafka Connect.
    let name = called.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match name.as_str() {
        "connect-standalone" => return standalone::run(arguments.collect()),
        "connect-distributed" => {
            eprintln!(
                "connect-distributed: distributed mode is not part of this version; connect-standalone is"
            );
            return ExitCode::from(2);
        }
        "connect-mirror-maker" => {
            eprintln!(
                "connect-mirror-maker: MirrorMaker is not part of Millrace; Apache Kafka's own works beside it, with the \
                 same brokers"
            );
            return ExitCode::FAILURE;
        }
        "connect-plugin-path" => {
            eprintln!(
                "connect-plugin-path: there are no plugin folders to look through, because plugins are built in; \
                 `millrace plugins` lists them"
            );
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    match Arguments::parse().command {
        Command::Standalone { files } => standalone::run(files),
        Command::Broker { folder, listen } => broker::run(&folder, listen),
        Command::Plugins { class, json: true } => report(plugins::show_json(class.as_deref())),
        Command::Plugins { class, json: false } => plugins::show(class.as_deref()),
        Command::Validate { files, json } => {
            let form = if json { validate::Form::Json } else { validate::Form::Text };
            validate::run(&files, form)
        }
        Command::Preview(arguments) => report(preview::run(&arguments)),
        Command::Demo { folder, lines } => report(demo::run(&folder, lines)),
    }
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {error:#}");
            ExitCode::FAILURE
        }
    }
}
