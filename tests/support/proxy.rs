//! The network between a broker and those who come to it by way of this: as slow as a test wants it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::wait::pass_time;

/// What is read at a time: small enough that a slow line does not deliver in lumps of a second.
const PIECE: usize = 4096;

/// Passes connections on to a port of this machine, at a limited speed in each direction.
pub struct Proxy {
    port: u16,
    line: Arc<Line>,
}

struct Line {
    target: u16,
    bytes_per_second: AtomicU64,
    is_open: AtomicBool,
}

impl Proxy {
    /// Listens on a port of its own. As fast as it can until `limit` is called.
    #[track_caller]
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.unwrap_or_else(|error| panic!("listening for a proxy: {error}"));
        let port = listener.local_addr().map(|address| address.port());
        let port = port.unwrap_or_else(|error| panic!("the proxy's own port: {error}"));
        let line = Arc::new(Line {
            target,
            bytes_per_second: AtomicU64::new(u64::MAX),
            is_open: AtomicBool::new(true),
        });
        let accepting = line.clone();
        thread::spawn(move || accepting.accept(&listener));
        Self { port, line }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets each connection carry no more than this in each direction from now on.
    pub fn limit(&self, bytes_per_second: u64) {
        self.line.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.is_open.store(false, Ordering::Relaxed);
        // Whoever waits for a connection looks.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Line {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if !self.is_open.load(Ordering::Relaxed) {
                return;
            }
            // Without a broker behind it the connection ends, as with no broker there.
            let Ok(broker) = TcpStream::connect(("127.0.0.1", self.target)) else { continue };
            for (from, to) in [(&client, &broker), (&broker, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                let line = self.clone();
                thread::spawn(move || {
                    // A connection may break at any time: that is what both ends are tested for.
                    let _ = line.carry(&from, &to);
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            }
        }
    }

    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut piece = [0; PIECE];
        loop {
            let size = from.read(&mut piece)?;
            if size == 0 {
                return Ok(());
            }
            let speed = self.bytes_per_second.load(Ordering::Relaxed);
            pass_time(Duration::from_secs_f64(size as f64 / speed as f64));
            to.write_all(&piece[..size])?;
        }
    }
}
