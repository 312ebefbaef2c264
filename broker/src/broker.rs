//! Starting and stopping a broker, and the tasks in between.

use crate::shared::Shared;
use crate::wire::Connection;
use crate::{BrokerError, Options};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};

/// How long `stop` waits for the disk. A gigabyte of unwritten bytes takes this long on a slow one; a broker that
/// gives up is found unclean at the next start, and checked then.
const FLUSH_WAIT: Duration = Duration::from_secs(10);
/// How long to wait after an accept failed, usually because descriptors ran out.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// A running broker. Dropping it ends it without flushing; [`Broker::stop`] ends it properly.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
    address: SocketAddr,
    stopping: watch::Sender<()>,
    tasks: Option<Tasks>,
}

#[derive(Debug)]
struct Tasks {
    accepting: JoinHandle<()>,
    driving: JoinHandle<()>,
}

impl Broker {
    /// Opens a data folder and listens on an address; port 0 is any free one. Runs on the present tokio runtime.
    pub async fn start(folder: &Path, listen: SocketAddr, options: Options) -> Result<Self, BrokerError> {
        let path = folder.to_owned();
        let opening = tokio::task::spawn_blocking(move || Shared::open(&path, options));
        let opened =
            opening.await.map_err(|error| BrokerError::folder(folder)(std::io::Error::other(error)))?;
        let shared = Arc::new(opened?);
        let refused = |source| BrokerError::Address { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (stopping, stopped) = watch::channel(());
        let accepting = tokio::spawn(accept(Arc::clone(&shared), listener, stopped));
        let driven = Arc::clone(&shared);
        let driving = tokio::spawn(async move { driven.membership.drive().await });
        tracing::info!(%address, folder = %folder.display(), "embedded broker started, for development and tests only");
        Ok(Self { shared, address, stopping, tasks: Some(Tasks { accepting, driving }) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn cluster_id(&self) -> &str {
        self.shared.folder.cluster_id()
    }

    /// Closes all connections, flushes everything to the disk, and frees the address and the folder.
    pub async fn stop(mut self) {
        let Some(tasks) = self.tasks.take() else { return };
        self.stopping.send_replace(());
        tasks.driving.abort();
        for ended in [tasks.accepting.await, tasks.driving.await] {
            log_panic(ended);
        }
        let shared = Arc::clone(&self.shared);
        let flushing = tokio::task::spawn_blocking(move || shared.flush());
        match tokio::time::timeout(FLUSH_WAIT, flushing).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!("flushing the broker's files failed: {error}"),
            Ok(Err(error)) => tracing::error!("flushing the broker's files failed: {error}"),
            Err(_) => tracing::error!("flushing the broker's files takes more than {FLUSH_WAIT:?}: given up"),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(tasks) = &self.tasks {
            tasks.accepting.abort();
            tasks.driving.abort();
        }
    }
}

/// Accepts connections until the broker stops; owns their tasks, and ends them.
async fn accept(shared: Arc<Shared>, listener: TcpListener, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < shared.options.connections_max => {
                    connections.spawn(Connection::serve(Arc::clone(&shared), stream, peer));
                }
                Ok((_, peer)) => tracing::warn!(%peer, "closed a connection: there are too many"),
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    tokio::time::sleep(ACCEPT_RETRY_WAIT).await;
                }
            },
            Some(ended) = connections.join_next() => log_panic(ended),
            _ = stopped.changed() => break,
        }
    }
    // A connection only ever waits between whole steps, so ending it there tears nothing.
    connections.shutdown().await;
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection of the broker panicked: {error}");
    }
}
