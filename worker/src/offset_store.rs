//! Where source tasks keep their offsets: in memory, and in a file that a Java worker can read.

use bytes::Bytes;
use millrace_herder::wire::{
    offset,
    offset_file::{self, OffsetFileError},
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Offsets by their key bytes; a null is a partition that was forgotten, which the file keeps as Java does.
type Entries = BTreeMap<Bytes, Option<Bytes>>;

/// The largest offset file that is read: a million partitions of a few hundred bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The offsets of every source connector of a standalone worker.
#[derive(Debug)]
pub struct FileOffsetStore {
    path: PathBuf,
    entries: Mutex<Entries>,
    /// One writer at a time, so that an older state never replaces a newer one. The turn is the writing thread's: whoever
    /// waits for it may give up waiting.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// Offsets could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum OffsetStoreError {
    /// The file is there and cannot be read.
    #[error("reading offset file {path} (offset.storage.file.filename)")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no offset file; it is left as it is.
    #[error(
        "offset file {path} (offset.storage.file.filename) is not one that Kafka Connect writes; it was left untouched"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: OffsetFileError,
    },
    /// Something else has that name, and would be replaced by the first write.
    #[error("{path} (offset.storage.file.filename) is not a regular file; it was left untouched")]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The file ends too early: its writer was killed while it wrote.
    #[error(
        "offset file {path} (offset.storage.file.filename) is cut off and was left untouched: restore a copy of it, or move it away to read every source from its beginning"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any that could be meant.
    #[error(
        "offset file {path} (offset.storage.file.filename) has {size} bytes, the limit is {FILE_BYTES_MAX}; it was left untouched"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// The file could not be written; the former one is still there.
    #[error("writing offset file {path} (offset.storage.file.filename)")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that wrote it has gone.
    #[error("writing offset file {path} was interrupted")]
    Interrupted {
        /// The file.
        path: PathBuf,
    },
}

impl FileOffsetStore {
    /// Reads the file. One that is missing or empty starts without offsets.
    ///
    /// So does one that is cut off in Kafka Connect, which then reads every source again and overwrites the rest. Here it
    /// is refused: what it still holds may be worth more than a quick start.
    pub fn open(path: &Path) -> Result<Self, OffsetStoreError> {
        let entries = match Self::read_file(path)? {
            None => Entries::new(),
            Some(bytes) => match offset_file::decode(bytes) {
                Ok(entries) => entries.into_iter().filter_map(|(key, value)| Some((key?, value))).collect(),
                Err(OffsetFileError::Truncated { .. }) => {
                    return Err(OffsetStoreError::Truncated { path: path.into() });
                }
                Err(source) => return Err(OffsetStoreError::Foreign { path: path.into(), source }),
            },
        };
        // A link stays one: what it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
        Ok(Self { path, entries: Mutex::new(entries), writing: Arc::default() })
    }

    /// Returns the stored offset of a key.
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).cloned().flatten()
    }

    /// Returns keys and offsets of one connector.
    pub fn of_connector(&self, connector: &str) -> Vec<(Bytes, Bytes)> {
        let prefix = offset::key_prefix(connector);
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let own = entries.iter().filter(|(key, _)| key.starts_with(&prefix));
        own.filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
    }

    /// Takes in offsets and returns when the file holds them. On an error memory keeps them, the file its former state.
    pub async fn set(self: &Arc<Self>, changes: Vec<(Bytes, Option<Bytes>)>) -> Result<(), OffsetStoreError> {
        let turn = self.writing.clone().lock_owned().await;
        let content = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.extend(changes);
            offset_file::encode(entries.iter().map(|(key, value)| (Some(&key[..]), value.as_deref())))
        };
        let store = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            store.replace_file(&content)
        });
        let written = written.await;
        match written {
            Ok(written) => {
                written.map_err(|source| OffsetStoreError::Write { path: self.path.clone(), source })
            }
            Err(_) => Err(OffsetStoreError::Interrupted { path: self.path.clone() }),
        }
    }

    /// Writes a new file beside the old one and renames it, so that there is always a whole one.
    fn replace_file(&self, content: &[u8]) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(".tmp");
        let temporary = self.path.with_file_name(name);
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_data()
        });
        written.and_then(|()| fs::rename(&temporary, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })
    }

    fn read_file(path: &Path) -> Result<Option<Bytes>, OffsetStoreError> {
        let read = |source| OffsetStoreError::Read { path: path.into(), source };
        let size = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(OffsetStoreError::NotAFile { path: path.into() });
            }
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        if size > FILE_BYTES_MAX {
            return Err(OffsetStoreError::TooLarge { path: path.into(), size });
        }
        let bytes = fs::read(path).map_err(read)?;
        Ok(if bytes.is_empty() { None } else { Some(bytes.into()) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[tokio::test]
    async fn offsets_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connect.offsets");
        let store = Arc::new(FileOffsetStore::open(&path).unwrap());
        store.set(vec![(bytes("a"), Some(bytes("1"))), (bytes("b"), Some(bytes("2")))]).await.unwrap();
        store.set(vec![(bytes("b"), None)]).await.unwrap();
        let store = FileOffsetStore::open(&path).unwrap();
        assert_eq!((store.get(b"a"), store.get(b"b")), (Some(bytes("1")), None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[tokio::test]
    async fn a_cut_or_foreign_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connect.offsets");
        let store = Arc::new(FileOffsetStore::open(&path).unwrap());
        store.set(vec![(bytes("a"), Some(bytes("1")))]).await.unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let error = FileOffsetStore::open(&path).unwrap_err();
        assert!(matches!(error, OffsetStoreError::Truncated { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), &whole[..whole.len() - 3]);
        fs::write(&path, b"not an offset file").unwrap();
        let error = FileOffsetStore::open(&path).unwrap_err();
        assert!(matches!(error, OffsetStoreError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"not an offset file");
    }

    #[tokio::test]
    async fn a_device_or_folder_is_refused_and_a_link_stays_one() {
        for path in ["/dev/zero", "/dev/null", "/tmp"] {
            let error = FileOffsetStore::open(Path::new(path)).unwrap_err();
            assert!(matches!(error, OffsetStoreError::NotAFile { .. }), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, b"").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let store = Arc::new(FileOffsetStore::open(&link).unwrap());
        store.set(vec![(bytes("a"), Some(bytes("1")))]).await.unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(FileOffsetStore::open(&file).unwrap().get(b"a"), Some(bytes("1")));
    }

    #[tokio::test]
    async fn a_write_that_fails_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/connect.offsets");
        let store = Arc::new(FileOffsetStore::open(&path).unwrap());
        let error = store.set(vec![(bytes("a"), Some(bytes("1")))]).await.unwrap_err();
        assert!(error.to_string().contains("offset.storage.file.filename"), "{error}");
    }
}
