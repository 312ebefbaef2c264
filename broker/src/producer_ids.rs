//! Hands out producer ids that were never used before in this data folder.

use crate::BrokerError;
use crate::folder::{read_text, replace_file};
use std::io;
use std::path::{Path, PathBuf};

/// Ids reserved by one write of the file; a killed broker wastes at most so many of 2^63.
const BLOCK: i64 = 1_000;

/// The next producer id, and the file that says from where on ids are free.
#[derive(Debug)]
pub struct ProducerIds {
    path: PathBuf,
    next: i64,
    reserved_to: i64,
}

impl ProducerIds {
    pub fn open(folder: &Path) -> Result<Self, BrokerError> {
        let path = folder.join("producer-ids");
        let next = match read_text(&path)? {
            None => 0,
            Some(text) => text.trim_end().parse().map_err(|_| BrokerError::Unreadable {
                path: path.clone(),
                problem: format!("{text:?} is no number"),
            })?,
        };
        Ok(Self { path, next, reserved_to: next })
    }

    /// Returns a new id.
    pub fn take(&mut self) -> io::Result<i64> {
        if self.next == self.reserved_to {
            let reserved_to = self.next + BLOCK;
            replace_file(&self.path, format!("{reserved_to}\n").as_bytes())?;
            self.reserved_to = reserved_to;
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_are_never_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let mut ids = ProducerIds::open(folder.path()).unwrap();
            for _ in 0..BLOCK + 1 {
                assert!(seen.insert(ids.take().unwrap()));
            }
        }
    }
}
