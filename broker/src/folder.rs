//! The data folder: who holds it, which format it has, and its small files.

use crate::BrokerError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Content of the file `format`. A change that older programs cannot read gets another number.
const FORMAT: &str = "millrace-broker 1";

/// An open data folder; the lock lasts as long as the value.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    cluster_id: String,
    last_stop: LastStop,
    _lock: File,
}

/// How the process that used the folder before ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastStop {
    /// It flushed everything and said so, or there was none.
    Clean,
    /// It was killed: the ends of its files may be torn.
    Killed,
}

impl DataFolder {
    /// Opens the folder, creating it when needed, and keeps every other process out.
    pub fn open(path: &Path) -> Result<Self, BrokerError> {
        fs::create_dir_all(path).map_err(BrokerError::folder(path))?;
        let lock = lock(path)?;
        let fresh = check_format(path)?;
        let cluster_id = cluster_id(path)?;
        let marker = clean_marker(path);
        let last_stop = if fresh || marker.exists() { LastStop::Clean } else { LastStop::Killed };
        // From here on only a clean stop may claim that the files are whole.
        if marker.exists() {
            fs::remove_file(&marker).map_err(BrokerError::folder(&marker))?;
        }
        Ok(Self { path: path.to_owned(), cluster_id, last_stop, _lock: lock })
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn last_stop(&self) -> LastStop {
        self.last_stop
    }

    /// Notes that every file is whole and on the disk.
    pub fn mark_clean(&self) -> io::Result<()> {
        replace_file(&clean_marker(&self.path), b"")
    }
}

/// Replaces a file's content at once: after a crash it holds the old bytes or the new ones.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_data()?;
    fs::rename(&draft, path)
}

/// Reads a small text file; `None` when it does not exist.
pub fn read_text(path: &Path) -> Result<Option<String>, BrokerError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BrokerError::folder(path)(error)),
    }
}

fn lock(folder: &Path) -> Result<File, BrokerError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(BrokerError::folder(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BrokerError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(BrokerError::folder(path)(error)),
    }
}

/// Checks the format version, or writes it; returns whether the folder is a new one.
fn check_format(folder: &Path) -> Result<bool, BrokerError> {
    let path = folder.join("format");
    if let Some(found) = read_text(&path)? {
        let found = found.trim_end().to_owned();
        if found != FORMAT {
            return Err(BrokerError::ForeignFormat { folder: folder.to_owned(), found, expected: FORMAT });
        }
        return Ok(false);
    }
    for entry in fs::read_dir(folder).map_err(BrokerError::folder(folder))? {
        let name = entry.map_err(BrokerError::folder(folder))?.file_name();
        if name != "lock" && name != "format.draft" {
            return Err(BrokerError::NotOurs { folder: folder.to_owned() });
        }
    }
    replace_file(&path, format!("{FORMAT}\n").as_bytes()).map_err(BrokerError::folder(&path))?;
    Ok(true)
}

/// Returns the cluster's id, made up when the folder was first used.
fn cluster_id(folder: &Path) -> Result<String, BrokerError> {
    let path = folder.join("cluster-id");
    if let Some(id) = read_text(&path)? {
        return Ok(id.trim_end().to_owned());
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    replace_file(&path, format!("{id}\n").as_bytes()).map_err(BrokerError::folder(&path))?;
    Ok(id)
}

fn clean_marker(folder: &Path) -> PathBuf {
    folder.join("clean")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_holder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataFolder::open(folder.path()).unwrap();
        let error = DataFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, BrokerError::Locked { .. }), "{error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
        drop(held);
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn only_a_marked_stop_is_clean() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        assert_eq!(first.last_stop(), LastStop::Clean);
        let cluster_id = first.cluster_id().to_owned();
        drop(first);
        let second = DataFolder::open(folder.path()).unwrap();
        assert_eq!(second.last_stop(), LastStop::Killed);
        second.mark_clean().unwrap();
        drop(second);
        let third = DataFolder::open(folder.path()).unwrap();
        assert_eq!(third.last_stop(), LastStop::Clean);
        assert_eq!(third.cluster_id(), cluster_id);
    }

    #[test]
    fn foreign_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("letter.txt"), "dear reader").unwrap();
        assert!(matches!(DataFolder::open(folder.path()).unwrap_err(), BrokerError::NotOurs { .. }));
        fs::write(folder.path().join("format"), "millrace-broker 99\n").unwrap();
        let error = DataFolder::open(folder.path()).unwrap_err();
        assert!(matches!(error, BrokerError::ForeignFormat { .. }));
        assert!(error.to_string().contains("millrace-broker 99"), "{error}");
    }
}
