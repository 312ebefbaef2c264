//! A file of small entries that is only appended to, and replaced by a shorter one now and then.
//!
//! Each entry is its length, its checksum, and its bytes. A torn last entry is ignored when the file is read.

use crate::BrokerError;
use crate::folder::replace_file;
use bytes::{Buf, BufMut};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of length and checksum before each entry.
const ENTRY_HEADER_BYTES: usize = 8;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Arc<File>,
    size: u64,
}

impl Journal {
    /// Returns the sound entries of a journal file; none when it does not exist.
    pub fn read(path: &Path) -> Result<Vec<Vec<u8>>, BrokerError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BrokerError::folder(path)(error)),
        };
        let mut rest = &bytes[..];
        let mut entries = Vec::new();
        while let Some(entry) = next_entry(&mut rest) {
            entries.push(entry.to_vec());
        }
        if !rest.is_empty() {
            tracing::warn!(file = %path.display(), lost_bytes = rest.len(), "ignored the torn end of a journal");
        }
        Ok(entries)
    }

    /// Replaces the file with one that holds `entries`, and opens it for more.
    pub fn rewrite(path: &Path, entries: impl IntoIterator<Item = Vec<u8>>) -> io::Result<Self> {
        let mut content = Vec::new();
        for entry in entries {
            put_entry(&mut content, &entry);
        }
        replace_file(path, &content)?;
        let file = Arc::new(OpenOptions::new().append(true).open(path)?);
        Ok(Self { path: path.to_owned(), file, size: content.len() as u64 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends entries in one write: after a crash all of them are there, or a beginning of them.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> io::Result<Arc<File>> {
        let mut content = Vec::new();
        for entry in entries {
            put_entry(&mut content, entry);
        }
        if let Err(error) = (&*self.file).write_all(&content) {
            self.file.set_len(self.size)?;
            return Err(error);
        }
        self.size += content.len() as u64;
        Ok(Arc::clone(&self.file))
    }

    pub fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn put_entry(content: &mut Vec<u8>, entry: &[u8]) {
    content.put_u32(entry.len() as u32);
    content.put_u32(crc32c::crc32c(entry));
    content.put_slice(entry);
}

fn next_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut header = rest.get(..ENTRY_HEADER_BYTES)?;
    let (length, checksum) = (header.get_u32() as usize, header.get_u32());
    let entry = rest.get(ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + length)?;
    if crc32c::crc32c(entry) != checksum {
        return None;
    }
    *rest = &rest[ENTRY_HEADER_BYTES + length..];
    Some(entry)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_journal_cut_at_every_byte_keeps_its_whole_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        assert!(Journal::read(&path).unwrap().is_empty());
        let entries = [b"one".to_vec(), Vec::new(), b"three".to_vec()];
        let mut journal = Journal::rewrite(&path, entries[..1].to_vec()).unwrap();
        journal.append(&entries[1..]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, journal.size());
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let expected = [11, 19, 32].iter().filter(|end| **end <= length).count();
            assert_eq!(Journal::read(&path).unwrap(), entries[..expected], "cut at {length}");
        }
    }
}
