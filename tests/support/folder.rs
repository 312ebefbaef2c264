//! A temporary folder, and the files in it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder that is removed when it is dropped.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("millrace-test-").tempdir();
        Self { folder: folder.unwrap_or_else(|error| panic!("making a temporary folder: {error}")) }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where `name` is or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
        path
    }

    /// Has the folder removed by a small shell that outlives this process by a moment: what is shared by all tests is
    /// in a static, and statics are never dropped.
    pub fn remove_when_this_process_ends(&self) {
        let mut shell = Command::new("sh");
        // The pipe closes when this process ends, in whatever way; the servers are killed at the same time and may
        // still write for a moment.
        shell.args(["-c", "cat; for _ in 1 2 3 4 5; do rm -rf -- \"$0\" && break; sleep 1; done"]);
        shell.arg(self.root()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = shell.spawn();
        std::mem::forget(started.unwrap_or_else(|error| panic!("starting sh: {error}")));
    }

    /// Writes `lines`, each with its line end.
    pub fn write_lines(&self, name: &str, lines: &[String]) -> PathBuf {
        self.write(name, with_ends(lines))
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds bytes to the end of a file.
#[track_caller]
pub fn append(path: &Path, content: impl AsRef<[u8]>) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(content.as_ref()))
        .unwrap_or_else(|error| panic!("appending to {}: {error}", path.display()));
}

/// Returns the complete lines of a file; none when it is not there yet. What follows the last line end is left out.
pub fn lines_of(path: &Path) -> Vec<String> {
    let content = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let Some(end) = text.rfind('\n') else { return Vec::new() };
    text[..end].split('\n').map(str::to_owned).collect()
}

/// Returns the bytes of `lines`, each with its line end.
pub fn with_ends(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    if !lines.is_empty() {
        text.push('\n');
    }
    text
}
