//! Which files a provider may read.

use millrace_api::Properties;
use std::path::{Component, Path, PathBuf};

pub(super) const PARAMETER: &str = "allowed.paths";

/// The paths below which files may be read; all, when none is named.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    paths: Vec<PathBuf>,
}

impl Allowed {
    /// Reads `allowed.paths`. The texts are Kafka Connect's.
    pub(super) fn of(parameters: &Properties) -> Result<Self, String> {
        let mut paths = Vec::new();
        let given = parameters.get(PARAMETER).unwrap_or_default().split(',').map(str::trim);
        for text in given.filter(|text| !text.is_empty()) {
            let path = Path::new(text);
            if !path.is_absolute() {
                return Err(format!("Path {text} is not absolute"));
            }
            if !path.exists() {
                return Err(format!("Path {text} does not exist"));
            }
            paths.push(normal(path));
        }
        Ok(Self { paths })
    }

    /// Returns the path to read, or nothing when it may not be read.
    ///
    /// A link that leads out of the allowed paths is refused; Kafka Connect follows it. Links inside are how Kubernetes mounts
    /// secrets.
    pub(super) fn check(&self, path: &str) -> Option<PathBuf> {
        let path = normal(Path::new(path));
        if self.paths.is_empty() {
            return Some(path);
        }
        let named = self.paths.iter().any(|allowed| path.starts_with(allowed));
        // A file that is not there is reported by whoever reads it.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        let led = self.paths.iter().any(|allowed| {
            let real_allowed = allowed.canonicalize().unwrap_or_else(|_| allowed.clone());
            real.starts_with(&real_allowed) || real.starts_with(allowed)
        });
        (named && led).then_some(path)
    }
}

/// Takes `.` and `..` out of a path, as text.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            Component::ParentDir if normal.has_root() => {}
            component => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn allowed(paths: &str) -> Result<Allowed, String> {
        Allowed::of(&Properties::from([(PARAMETER, paths)]))
    }

    #[test]
    fn only_paths_below_the_allowed_ones_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(inside.join("a"), "").unwrap();
        fs::write(outside.join("b"), "").unwrap();
        symlink(inside.join("a"), inside.join("near")).unwrap();
        symlink(outside.join("b"), inside.join("far")).unwrap();
        symlink(&outside, inside.join("folder")).unwrap();
        let allowed = allowed(&format!("/usr, {}", inside.display())).unwrap();
        let check = |path: &str, expected: bool| {
            let path = inside.join(path);
            assert_eq!(allowed.check(path.to_str().unwrap()).is_some(), expected, "{}", path.display());
        };
        check("a", true);
        check("missing", true);
        check("near", true);
        check("sub/../a", true);
        check("far", false);
        check("folder/b", false);
        check("../out/b", false);
        check("../in/a", true);
        check("../inside", false);
        assert!(allowed.check("relative").is_none());
        assert!(Allowed::default().check("relative").is_some());
    }

    #[test]
    fn allowed_paths_must_be_there() {
        assert_eq!(allowed("etc").unwrap_err(), "Path etc is not absolute");
        assert_eq!(allowed("/no/such/path").unwrap_err(), "Path /no/such/path does not exist");
        assert!(allowed("").unwrap().paths.is_empty());
    }
}
