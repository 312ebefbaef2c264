//! Reads one file with plain blocking calls; runs on blocking threads only.

use super::watch::{self, Subscription};
use crate::error::FileError;
use rustix::fs::OFlags;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};
use tokio::sync::Notify;
use tracing::{info, warn};

/// How much the first read of a busy file brings. Each read that is filled doubles the next.
const PIECE_MIN: usize = 64 << 10;

/// The most one read brings: a larger one no longer pays, and falls out of the processor's cache before it is cut.
const PIECE_MAX: usize = 256 << 10;

/// How much is asked for when the file seems to have nothing new: sizes of some file systems are late or always zero.
const PROBE: usize = 512;

/// A file that may not be there yet.
pub(super) struct Reader {
    path: PathBuf,
    wake: Arc<Notify>,
    /// Where the next read begins.
    position: u64,
    file: Option<File>,
    watch: Option<Subscription>,
    piece: usize,
    said: Said,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// As much as was asked for: there may be more.
    Full,
    /// All there was.
    Last,
    /// Nothing.
    None,
}

/// What the log has said of the file, so that it says each thing once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Said {
    missing: bool,
    state: State,
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Usual,
    /// It ends before the place to read from.
    Shorter,
    /// Its name stands for another file.
    Replaced,
    /// Its name is gone.
    Removed,
}

impl Reader {
    /// Returns a reader that begins at this place.
    pub(super) fn new(path: &str, position: u64, wake: Arc<Notify>) -> Self {
        let (path, piece) = (path.into(), PIECE_MIN);
        Self { path, wake, position, file: None, watch: None, piece, said: Said::default() }
    }

    /// Adds the next bytes to the buffer; opens the file first when it was not there before.
    ///
    /// An error of a read that is not the first is logged and counts as nothing read, as in the reference.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> Result<Piece, FileError> {
        if self.file.is_none() && !self.open().map_err(|source| self.failed(source))? {
            return Ok(Piece::None);
        }
        match self.read_open(buffer) {
            Ok(piece) => Ok(piece),
            Err(error) => {
                self.say_error(&error);
                Ok(Piece::None)
            }
        }
    }

    fn read_open(&mut self, buffer: &mut Vec<u8>) -> io::Result<Piece> {
        let Some(file) = &mut self.file else { return Ok(Piece::None) };
        let metadata = file.metadata()?;
        let wanted = if metadata.is_file() {
            let behind = metadata.len().saturating_sub(self.position);
            usize::try_from(behind).unwrap_or(usize::MAX).min(self.piece)
        } else if self.piece > PIECE_MIN {
            // A pipe or device that was busy: its size tells nothing.
            self.piece
        } else {
            0
        };
        let size = append(file, buffer, wanted)?;
        self.position += size as u64;
        self.said.error = None;
        if size == 0 {
            self.piece = PIECE_MIN;
            self.rest(&metadata);
            return Ok(Piece::None);
        }
        if size < wanted.max(PROBE) || (wanted > 0 && wanted < self.piece) {
            return Ok(Piece::Last);
        }
        self.piece = (self.piece * 2).min(PIECE_MAX);
        Ok(Piece::Full)
    }

    /// Opens the file and watches it, or its folder while it is not there.
    fn open(&mut self) -> io::Result<bool> {
        let mut file = self.try_open()?;
        if file.is_none() && self.watch.is_none() {
            self.watch = watch::appearance(&self.path, &self.wake);
            // It may have come in between.
            file = self.try_open()?;
        }
        let Some(mut file) = file else {
            if !self.said.missing {
                let file = self.path.display();
                warn!(
                    "Couldn't find file {file} for FileStreamSourceTask, sleeping to wait for it to be created"
                );
            }
            self.said.missing = true;
            return Ok(false);
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            // The reference opens a folder and reads nothing from it for ever; the read says what is wrong.
            file.read_exact(&mut [0])?;
        }
        if metadata.is_file() {
            file.seek(SeekFrom::Start(self.position))?;
        }
        info!("reading file {} from byte {}", self.path.display(), self.position);
        self.watch = watch::file(&self.path, &self.wake);
        self.file = Some(file);
        Ok(true)
    }

    fn try_open(&self) -> io::Result<Option<File>> {
        // Non-blocking: the open of a pipe would else wait for somebody to write.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        match OpenOptions::new().read(true).custom_flags(flags).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does what can wait until there is nothing to read: logs what became of the file, and asks for a watch again.
    fn rest(&mut self, metadata: &Metadata) {
        let state = self.state(metadata);
        if state != self.said.state {
            let (file, position) = (self.path.display(), self.position);
            match state {
                State::Usual => info!("file {file} is as it was again, reading on from byte {position}"),
                State::Shorter => {
                    let size = metadata.len();
                    warn!(
                        "file {file} has {size} bytes and ends before byte {position}, where reading goes on: \
                         it was truncated, or the offset is another file's; waiting for it to grow"
                    );
                }
                State::Replaced => warn!(
                    "another file has the name {file} now: reading goes on in the one that was open, \
                     restart the task to read the new one"
                ),
                State::Removed => warn!("file {file} was removed or renamed: reading goes on in it"),
            }
            self.said.state = state;
        }
        if self.watch.is_none() {
            self.watch = watch::file(&self.path, &self.wake);
        }
    }

    fn state(&self, metadata: &Metadata) -> State {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::Removed,
            Ok(other) if (other.dev(), other.ino()) != (metadata.dev(), metadata.ino()) => State::Replaced,
            _ if metadata.is_file() && metadata.len() < self.position => State::Shorter,
            _ => State::Usual,
        }
    }

    fn say_error(&mut self, error: &io::Error) {
        let text = error.to_string();
        if self.said.error.as_ref() != Some(&text) {
            warn!("reading file {} at byte {}: {text}; trying again", self.path.display(), self.position);
            self.said.error = Some(text);
        }
    }

    fn failed(&self, source: io::Error) -> FileError {
        FileError::Read { file: self.path.display().to_string(), source }
    }
}

/// Reads once, `wanted` bytes or what little there is when that is 0.
fn append(file: &mut File, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<usize> {
    if wanted == 0 {
        let mut probe = [0; PROBE];
        let size = quiet(file.read(&mut probe))?;
        buffer.extend_from_slice(&probe[..size]);
        return Ok(size);
    }
    let before = buffer.len();
    buffer.resize(before + wanted, 0);
    let size = quiet(file.read(&mut buffer[before..]));
    buffer.truncate(before + *size.as_ref().unwrap_or(&0));
    size
}

/// An empty pipe has nothing, which is no error.
fn quiet(read: io::Result<usize>) -> io::Result<usize> {
    match read {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
        read => read,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reader: &mut Reader, piece: Piece, state: State) {
        let found = reader.read(&mut Vec::new()).unwrap();
        assert_eq!((found, reader.said.state), (piece, state));
    }

    #[test]
    fn what_becomes_of_the_file_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        let mut reader = Reader::new(path.to_str().unwrap(), 0, Arc::default());
        check(&mut reader, Piece::None, State::Usual);
        assert!(reader.said.missing);
        fs::write(&path, "one two").unwrap();
        check(&mut reader, Piece::Last, State::Usual);
        check(&mut reader, Piece::None, State::Usual);
        fs::write(&path, "one").unwrap();
        check(&mut reader, Piece::None, State::Shorter);
        fs::write(&path, "one two").unwrap();
        check(&mut reader, Piece::None, State::Usual);
        fs::rename(&path, &other).unwrap();
        check(&mut reader, Piece::None, State::Removed);
        fs::write(&path, "another").unwrap();
        check(&mut reader, Piece::None, State::Replaced);
        fs::rename(&other, &path).unwrap();
        check(&mut reader, Piece::None, State::Usual);
    }

    #[test]
    fn pieces_grow_with_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
        let mut reader = Reader::new(path.to_str().unwrap(), 0, Arc::default());
        let mut sizes = Vec::new();
        loop {
            let mut buffer = Vec::new();
            if reader.read(&mut buffer).unwrap() == Piece::None {
                break;
            }
            sizes.push(buffer.len() >> 10);
        }
        assert_eq!(sizes, [64, 128, 256, 256, 256, 64]);
        assert_eq!(reader.piece, PIECE_MIN);
    }
}
