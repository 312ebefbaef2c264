//! What can go wrong with a file, and what the worker should do about it.

use millrace_api::Error;
use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("reading file {file}")]
    Read { file: String, source: io::Error },

    #[error("reading standard input")]
    Stdin { source: io::Error },

    #[error(
        "line at byte {position} of {input} is longer than {limit} bytes, the limit set by line.bytes.max"
    )]
    LineTooLong { input: String, position: u64, limit: usize },

    // The next texts are the reference's.
    #[error("Offset position is the incorrect type")]
    OffsetType,

    #[error("Couldn't find or create file '{file}' for FileStreamSinkTask")]
    Create { file: String, source: io::Error },

    #[error("opening standard output")]
    Stdout { source: io::Error },

    #[error("writing {lines} lines to {output}")]
    Write { output: String, lines: usize, source: io::Error },

    #[error("the thread that worked on {name} panicked")]
    Panicked { name: String },
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        match error {
            // Trying a write again would repeat lines that are in the file already: the user restarts the task.
            FileError::Read { .. }
            | FileError::Stdin { .. }
            | FileError::LineTooLong { .. }
            | FileError::OffsetType
            | FileError::Create { .. }
            | FileError::Stdout { .. }
            | FileError::Write { .. }
            | FileError::Panicked { .. } => Self::fatal(error),
        }
    }
}
