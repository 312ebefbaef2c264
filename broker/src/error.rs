//! Why a broker could not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a broker could not start; every text names the folder or address, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("data folder {} is in use by another process: stop it or choose another folder", folder.display())]
    Locked { folder: PathBuf },
    #[error(
        "data folder {} holds format {found:?}, this broker reads {expected:?}: \
         choose another folder or the program that wrote it", folder.display()
    )]
    ForeignFormat { folder: PathBuf, found: String, expected: &'static str },
    #[error("folder {} holds other files and no broker data: choose an empty or new folder", folder.display())]
    NotOurs { folder: PathBuf },
    #[error("cannot use {}: check that it exists, is a readable and writable folder, and has room", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} cannot be understood: {problem}; move it away to start without it", path.display())]
    Unreadable { path: PathBuf, problem: String },
    #[error("cannot listen on {address}: choose a free port of this machine, or port 0 for any")]
    Address { address: SocketAddr, source: io::Error },
}

impl BrokerError {
    /// Wraps an input or output error with the path it happened on.
    pub(crate) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}
