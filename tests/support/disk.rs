//! A disk that is soon full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Folder;

/// A tmpfs of a few kilobytes, unmounted when dropped.
pub struct SmallDisk {
    folder: Folder,
}

impl SmallDisk {
    /// Mounts a disk of `kilobytes`; `None` when this user may not mount, in which case a test uses `/dev/full`.
    pub fn mount(kilobytes: u32) -> Option<Self> {
        let folder = Folder::new();
        let size = format!("size={kilobytes}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.root());
        let output = mount.output().ok()?;
        output.status.success().then_some(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// Fills what is left with a file of its own.
    pub fn fill(&self) {
        use std::io::Write;
        let mut filler =
            fs::File::create(self.path("filler")).unwrap_or_else(|error| panic!("filler: {error}"));
        while filler.write_all(&[0; 512]).is_ok() {}
    }

    /// Makes room again.
    pub fn free(&self) {
        let _ = fs::remove_file(self.path("filler"));
    }

    /// Gives the disk another size; what is on it stays.
    pub fn enlarge(&self, kilobytes: u32) {
        let size = format!("remount,size={kilobytes}k");
        let status = Command::new("mount").args(["-o", &size]).arg(self.folder.root()).status();
        assert!(status.is_ok_and(|status| status.success()), "the disk cannot be remounted");
    }

    pub fn root(&self) -> &Path {
        self.folder.root()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: a process that is about to end may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(self.folder.root()).status();
    }
}
