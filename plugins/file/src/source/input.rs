//! Where bytes come from: a file that grows, or standard input. Nothing here blocks an async thread.

use super::{
    reader::{Piece, Reader},
    stdin,
};
use crate::error::FileError;
use std::sync::Arc;
use tokio::{
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

/// How many files are read at the same time.
///
/// A read takes a blocking thread for some microseconds, so a few serve thousands of sources, and threads do not grow with
/// their number. More than one or two, because a read may hang for long on a network file system.
const READS_MAX: usize = 8;

static READS: Semaphore = Semaphore::const_new(READS_MAX);

/// Unfinished lines that took more memory than this are moved to a buffer of their own size while nothing happens.
const IDLE_BYTES_MAX: usize = 4 << 10;

/// How long to wait for bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// Until this time.
    Until(Instant),
}

/// What a source reads.
pub(super) enum Input {
    File(FileInput),
    Stdin(Stdin),
}

impl Input {
    /// Adds the next bytes to the buffer, waiting for them.
    pub(super) async fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<Piece, FileError> {
        match self {
            Self::File(input) => input.read(buffer, patience).await,
            Self::Stdin(input) => input.read(buffer, patience).await,
        }
    }
}

/// A file that grows.
pub(super) struct FileInput {
    name: String,
    /// Away while a blocking thread works with it, and for good when that has panicked.
    reader: Option<Reader>,
    wake: Arc<Notify>,
}

impl FileInput {
    /// Reads this file from a place on.
    pub(super) fn new(path: &str, position: u64) -> Self {
        let wake = Arc::<Notify>::default();
        let reader = Some(Reader::new(path, position, wake.clone()));
        Self { name: path.to_string(), reader, wake }
    }

    async fn read(&mut self, buffer: &mut Vec<u8>, patience: Patience) -> Result<Piece, FileError> {
        loop {
            let piece = self.read_now(buffer).await?;
            let Patience::Until(deadline) = patience else { return Ok(piece) };
            if piece != Piece::None {
                return Ok(piece);
            }
            if buffer.capacity() > IDLE_BYTES_MAX {
                buffer.shrink_to_fit();
            }
            if timeout_at(deadline, self.wake.notified()).await.is_err() {
                return Ok(Piece::None);
            }
        }
    }

    async fn read_now(&mut self, buffer: &mut Vec<u8>) -> Result<Piece, FileError> {
        let panicked = || FileError::Panicked { name: self.name.clone() };
        let mut reader = self.reader.take().ok_or_else(panicked)?;
        let mut bytes = std::mem::take(buffer);
        let _turn = READS.acquire().await.expect("the semaphore is never closed");
        let reading = spawn_blocking(move || {
            let piece = reader.read(&mut bytes);
            (reader, bytes, piece)
        });
        let (reader, bytes, piece) = reading.await.map_err(|_| panicked())?;
        self.reader = Some(reader);
        *buffer = bytes;
        piece
    }
}

/// Standard input, until it ends.
#[derive(Default)]
pub(super) struct Stdin {
    ended: bool,
}

impl Stdin {
    async fn read(&mut self, buffer: &mut Vec<u8>, patience: Patience) -> Result<Piece, FileError> {
        let deadline = match patience {
            Patience::None => return Ok(Piece::None),
            Patience::Until(deadline) => deadline,
        };
        let next = async {
            match self.ended {
                true => std::future::pending().await,
                false => stdin::next().await,
            }
        };
        match timeout_at(deadline, next).await {
            Err(_) => Ok(Piece::None),
            Ok(Some(Ok(bytes))) => {
                buffer.extend_from_slice(&bytes);
                Ok(Piece::Last)
            }
            Ok(Some(Err(source))) => Err(FileError::Stdin { source }),
            Ok(None) => {
                self.ended = true;
                Ok(Piece::None)
            }
        }
    }
}
