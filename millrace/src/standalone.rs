//! `connect-standalone worker.properties [connector.properties connector.json ...]`

use crate::{daemon, logging, plugins};
use anyhow::Context;
use millrace_broker::Broker;
use millrace_worker::{
    connector_file,
    data::Data,
    settings::{Bootstrap, WorkerConfig},
    standalone::{Running, Standalone, StartError},
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::{error, info};

const USAGE: &str = "Usage: ConnectStandalone worker.properties [connector1.properties connector2.json ...]";

/// Nothing was asked for, or only help.
const EXIT_USAGE: u8 = 1;
/// The herder panicked.
const EXIT_HERDER: u8 = 1;
/// The worker did not start.
const EXIT_START: u8 = 2;
/// The herder did not start.
const EXIT_HERDER_START: u8 = 3;
/// A connector of the command line could not be created.
const EXIT_CONNECTOR: u8 = 3;

/// What the worker itself reads and writes (the offset file) needs few of them.
const BLOCKING_THREADS_MAX: usize = 8;

/// Runs until a signal comes or something fails.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    if let Some((flag, rest)) = arguments.split_first()
        && flag == daemon::FLAG
    {
        return match daemon::start("standalone", rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("connect-standalone: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    logging::install();
    let asks_for_help = arguments.iter().any(|argument| argument == "--help");
    let Some((worker, connectors)) = arguments.split_first().filter(|_| !asks_for_help) else {
        println!("{USAGE}");
        return ExitCode::from(EXIT_USAGE);
    };
    let connectors: Vec<PathBuf> = connectors.iter().map(PathBuf::from).collect();
    match runtimes() {
        Ok((control, data)) => {
            let code = control.block_on(serve(Path::new(worker), &connectors, data));
            control.shutdown_background();
            ExitCode::from(code)
        }
        Err(reason) => {
            error!("Stopping due to error: {reason:#}");
            ExitCode::from(EXIT_START)
        }
    }
}

/// Control runs the worker itself, data runs plugins: neither can starve the other.
fn runtimes() -> anyhow::Result<(Runtime, Arc<Data>)> {
    let control = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .context("starting the control runtime")?;
    let data = Data::start().context("starting the data threads")?;
    Ok((control, data))
}

async fn serve(worker: &Path, connectors: &[PathBuf], data: Arc<Data>) -> u8 {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(reason) => return stopping(&reason),
    };
    info!("Kafka Connect worker initializing ...");
    daemon::without_effect().iter().for_each(|sentence| info!("{sentence}"));
    let started = tokio::select! {
        started = start(worker, data) => started,
        code = signals.next() => return code,
    };
    let (mut running, broker) = match started {
        Ok(started) => started,
        Err(reason) => return stopping(&reason),
    };
    let code = tokio::select! {
        created = create_all(&running, connectors) => match created {
            Ok(()) => {
                running.ready();
                tokio::select! {
                    code = signals.next() => code,
                    () = running.herder_ended() => {
                        error!("the herder has ended on its own, exiting");
                        EXIT_HERDER
                    }
                }
            }
            Err(reason) => {
                error!("Stopping after connector error: {reason:#}");
                EXIT_CONNECTOR
            }
        },
        code = signals.next() => code,
    };
    let orderly = async {
        running.stop().await;
        if let Some(broker) = broker {
            broker.stop().await;
        }
    };
    tokio::select! {
        () = orderly => code,
        code = signals.next() => {
            error!("a second signal came: ending at once");
            code
        }
    }
}

fn stopping(reason: &anyhow::Error) -> u8 {
    // Kafka Connect reads the offset file when it starts the herder, which has a code of its own.
    if let Some(StartError::Offsets(_)) = reason.downcast_ref() {
        error!("Failed to start Connect: {reason:#}");
        return EXIT_HERDER_START;
    }
    error!("Stopping due to error: {reason:#}");
    EXIT_START
}

async fn start(worker: &Path, data: Arc<Data>) -> anyhow::Result<(Running, Option<Broker>)> {
    let plugins = plugins::all();
    let config = WorkerConfig::read(worker, &plugins)?;
    config.log();
    let (bootstrap_servers, broker) = match &config.common.bootstrap {
        Bootstrap::Servers(servers) => (servers.clone(), None),
        Bootstrap::Embedded(folder) => {
            let listen = ([127, 0, 0, 1], 0).into();
            let broker = Broker::start(folder, listen, millrace_broker::Options::default()).await;
            let broker = broker.context("starting the embedded broker (bootstrap.servers)")?;
            info!(
                "the embedded broker listens on {}: it is for development, not for production",
                broker.address()
            );
            (broker.address().to_string(), Some(broker))
        }
    };
    let standalone = Standalone { config, bootstrap_servers, plugins, data };
    Ok((standalone.start().await?, broker))
}

async fn create_all(running: &Running, files: &[PathBuf]) -> anyhow::Result<()> {
    for path in files {
        let file = connector_file::read(path)?;
        if let Err(reason) = running.create(file).await {
            error!("Failed to create connector for {}", path.display());
            return Err(reason).with_context(|| format!("creating the connector of {}", path.display()));
        }
    }
    Ok(())
}

/// The signals that end the program, and the exit code of each.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        Ok(Self { interrupt, terminate })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
