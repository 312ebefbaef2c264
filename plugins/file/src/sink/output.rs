//! Where lines go: a file that is appended to, or standard output. Blocking calls; runs on blocking threads only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{fd::AsFd, unix::fs::FileExt},
    sync::{Mutex, PoisonError},
};
use tracing::warn;

/// Held while lines go to standard output, which may be a pipe: it takes large writes in parts, and those of
/// several tasks would mix within a line.
static STDOUT: Mutex<()> = Mutex::new(());

/// An open output.
pub(super) enum Output {
    File(File),
    Stdout(File),
}

impl Output {
    /// Opens a file to append to, creating it when it is missing.
    pub(super) fn open(path: &str) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if ends_within_a_line(path)? {
            warn!(
                "file {path} ends within a line, as a killed process leaves it: the next line begins on its own"
            );
            file.write_all(b"\n")?;
        }
        Ok(Self::File(file))
    }

    /// Opens standard output by a handle of its own: the library's swallows some errors, and must stay open.
    pub(super) fn stdout() -> io::Result<Self> {
        Ok(Self::Stdout(io::stdout().as_fd().try_clone_to_owned()?.into()))
    }

    /// Writes whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => append(file, lines),
            Self::Stdout(file) => {
                let _turn = STDOUT.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(lines)
            }
        }
    }
}

/// Tells whether the last byte of a regular file is not the end of a line. One that may not be read is taken for whole.
fn ends_within_a_line(path: &str) -> io::Result<bool> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    let Ok(file) = File::open(path) else { return Ok(false) };
    let mut last = [0];
    file.read_exact_at(&mut last, metadata.len() - 1)?;
    Ok(last != *b"\n")
}

/// Writes everything, or as good as nothing: a full disk takes a part, and the torn line at its end would be
/// glued to the first one written after a restart.
fn append(file: &mut File, lines: &[u8]) -> io::Result<()> {
    let before = file.metadata()?;
    let mut written = 0;
    while written < lines.len() {
        match file.write(&lines[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(size) => written += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let ours = file.metadata().is_ok_and(|now| now.len() == before.len() + written as u64);
                if before.is_file() && written > 0 && ours {
                    // When this fails too, the error of the write is still the one to tell.
                    let _ = file.set_len(before.len());
                }
                return Err(error);
            }
        }
    }
    Ok(())
}
