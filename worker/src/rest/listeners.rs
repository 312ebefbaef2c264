//! Sockets: bound first, answering 404 until the resources are registered, closed last.

use super::{Ends, Resources, RestState, resources, respond};
use crate::settings::{ListenerUrl, WorkerConfig};
use axum::body::Body;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, ToSocketAddrs, UdpSocket},
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// How many connections may be open at a time; more wait to be accepted. Clients are few, and each holds one or two.
const CONNECTIONS_MAX: usize = 1024;

/// How long a connection may stay without a complete request head, which is also how long it may be idle. Kafka Connect's is
/// the same.
const HEAD_WAIT: Duration = Duration::from_secs(90);

/// How long open requests may take after the stop was asked, as in Kafka Connect.
const STOP_WAIT: Duration = Duration::from_secs(60);

/// How long to wait when no connection can be accepted, which is when the process has no file descriptor left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The REST API has no address.
#[derive(Debug, thiserror::Error)]
#[error("listening on {url} (setting {setting})")]
pub struct RestError {
    url: ListenerUrl,
    setting: &'static str,
    source: io::Error,
}

/// Bound sockets. Every path answers 404 until [`serve`](Self::serve).
pub struct Listeners {
    bound: Vec<(ListenerUrl, SocketAddr)>,
    resources: Arc<OnceLock<Resources>>,
    /// What listeners for administration alone serve.
    administration: Arc<OnceLock<Resources>>,
    connections: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
}

/// The REST API while it is served.
pub struct RestServer {
    listeners: Listeners,
}

// === impl Listeners ===

impl Listeners {
    /// Binds all addresses; must run inside a tokio runtime.
    pub fn bind(urls: &[ListenerUrl]) -> Result<Self, RestError> {
        let mut listeners = Self {
            bound: Vec::new(),
            resources: Arc::default(),
            administration: Arc::default(),
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            stop: watch::channel(false).0,
            loops: JoinSet::new(),
        };
        for url in urls {
            let address = listeners.open(url, listeners.resources.clone(), "listeners")?;
            listeners.bound.push((url.clone(), address));
        }
        Ok(listeners)
    }

    /// Binds addresses that serve nothing but administration. Returns them.
    pub fn bind_administration(&mut self, urls: &[ListenerUrl]) -> Result<Vec<SocketAddr>, RestError> {
        urls.iter().map(|url| self.open(url, self.administration.clone(), "admin.listeners")).collect()
    }

    fn open(
        &mut self,
        url: &ListenerUrl,
        resources: Arc<OnceLock<Resources>>,
        setting: &'static str,
    ) -> Result<SocketAddr, RestError> {
        let failed = |source| RestError { url: url.clone(), setting, source };
        let (listener, address) = listen(url).map_err(failed)?;
        let stopping = self.stop.subscribe();
        let shared = Shared { resources, stopping, connections: self.connections.clone() };
        self.loops.spawn(shared.accept(listener));
        Ok(address)
    }

    /// Returns the bound addresses, in the order of the URLs.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|(_, address)| *address)
    }

    /// Returns `host:port` of the advertised URL: the worker's name in every status.
    pub fn worker_id(&self, worker: &WorkerConfig) -> String {
        let settings = &worker.rest;
        let first = self.bound.first();
        let configured = first.map(|(url, _)| url.host.as_str()).filter(|host| !host.is_empty());
        let given = settings.rest_advertised_host_name.as_deref().filter(|host| !host.is_empty());
        let host = given.or(configured).map_or_else(own_address, str::to_owned);
        let bound = first.map_or(0, |(_, address)| address.port().into());
        let port = settings.rest_advertised_port.unwrap_or(bound);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Returns the URL that other workers are told.
    pub fn advertised_url(&self, worker: &WorkerConfig) -> String {
        let scheme = worker.rest.rest_advertised_listener.as_deref().map(str::to_ascii_lowercase);
        let scheme = scheme.filter(|scheme| !scheme.is_empty()).unwrap_or_else(|| "http".to_owned());
        format!("{scheme}://{}/", self.worker_id(worker))
    }

    /// Registers the resources.
    pub fn serve(self, state: RestState) -> RestServer {
        let (ordinary, administration) = resources(state);
        // There is one call, because it consumes the listeners.
        let _ = self.resources.set(ordinary);
        let _ = self.administration.set(administration);
        RestServer { listeners: self }
    }
}

fn listen(url: &ListenerUrl) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = match url.host.as_str() {
        // All addresses of both protocols; a machine without IPv6 has one protocol.
        "" => StdListener::bind(("::", url.port)).or_else(|_| StdListener::bind(("0.0.0.0", url.port)))?,
        host => {
            let addresses: Vec<_> = (host, url.port).to_socket_addrs()?.collect();
            StdListener::bind(addresses.as_slice())?
        }
    };
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// Returns the address under which this machine reaches others. Nothing is sent: the socket is only routed.
fn own_address() -> String {
    let routed = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // An address for documentation, which nobody has.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    routed().map_or_else(|_: io::Error| Ipv4Addr::LOCALHOST.to_string(), |address| address.ip().to_string())
}

// === impl RestServer ===

impl RestServer {
    /// Returns the bound addresses.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.addresses()
    }

    /// Refuses new connections, lets open requests end for a bounded time, and closes everything.
    pub async fn stop(mut self) {
        let _ = self.listeners.stop.send(true);
        while self.listeners.loops.join_next().await.is_some() {}
    }
}

/// What the loops of all sockets share.
#[derive(Clone)]
struct Shared {
    resources: Arc<OnceLock<Resources>>,
    stopping: watch::Receiver<bool>,
    connections: Arc<Semaphore>,
}

impl Shared {
    async fn accept(mut self, listener: TcpListener) {
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            let turn = self.connections.clone().acquire_owned();
            let accepted = async {
                let turn = turn.await.expect("the semaphore is never closed");
                (listener.accept().await, turn)
            };
            tokio::select! {
                _ = self.stopping.changed() => break,
                (accepted, turn) = accepted => match accepted {
                    Ok((stream, remote)) => {
                        let shared = self.clone();
                        open.spawn(async move {
                            shared.serve(stream, remote).await;
                            drop(turn);
                        });
                    }
                    Err(error) => {
                        tracing::warn!("accepting a REST connection: {error}");
                        sleep(ACCEPT_RETRY).await;
                    }
                },
            }
        }
        drop(listener);
        while open.join_next().await.is_some() {}
    }

    async fn serve(mut self, stream: TcpStream, remote: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        // Answers are small and written at once.
        let _ = stream.set_nodelay(true);
        let ends = Ends { local, remote };
        let resources = self.resources.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let resources = resources.get().cloned();
            async move { Ok::<_, Infallible>(respond(resources, ends, request.map(Body::new)).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // What a client does wrong, or that it went away, is its own matter.
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = self.stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(STOP_WAIT, connection).await;
            }
        }
    }
}
