//! `millrace broker DIR`: the embedded broker alone.

use crate::logging;
use millrace_broker::{Broker, Options};
use std::{io::Write, net::SocketAddr, path::Path, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

/// Runs until a signal comes.
pub fn run(folder: &Path, listen: SocketAddr) -> ExitCode {
    logging::install();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let served =
        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(serve(folder, listen)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            error!("Stopping due to error: {reason:#}");
            ExitCode::from(2)
        }
    }
}

async fn serve(folder: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let broker = Broker::start(folder, listen, Options::default()).await?;
    // Scripts read the address from the first line of the output.
    println!("{}", broker.address());
    std::io::stdout().flush()?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    broker.stop().await;
    Ok(())
}
