//! The files of the repository, as git knows them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Paths from the root, with `/`, and texts. Files that are not text have an empty one.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    pub fn insert(&mut self, path: &str, text: &str) {
        self.files.insert(path.to_owned(), text.to_owned());
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| path.ends_with(".rs"))
    }
}

/// Reads every file that is committed or could be: ignored ones are left out.
pub fn load(root: &Path) -> Result<Tree> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = git.output().context("starting git")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut tree = Tree::default();
    for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
        // A file that was removed and not yet committed is still listed.
        let Ok(content) = fs::read(root.join(path)) else { continue };
        tree.insert(path, &String::from_utf8(content).unwrap_or_default());
    }
    Ok(tree)
}
