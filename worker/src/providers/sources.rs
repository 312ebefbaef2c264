//! Where values come from: a properties file, the files of a directory, environment variables.

use super::{ProviderError, paths::Allowed};
use crate::properties_file;
use millrace_api::{Properties, regex::JavaRegex};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The largest file with secrets: a trust store in PEM form has some hundred kilobytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

pub(super) const PATTERN: &str = "allowlist.pattern";

/// One provider. `Debug` shows no value.
pub(super) enum Source {
    File(Allowed),
    Directory(Allowed),
    /// The variables that may be seen, as they were when the worker started.
    Environment(BTreeMap<String, String>),
}

/// What a path leads to.
pub(super) enum Content {
    /// Nothing may be read there: references to it stay as they are.
    Nothing,
    File(Properties),
    Directory(PathBuf),
    Environment,
}

/// Reads the variables that the parameters allow.
pub(super) fn environment(parameters: &Properties) -> Result<Source, (&'static str, String)> {
    let pattern = parameters.get(PATTERN).map(str::trim).filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(JavaRegex::new).transpose();
    let pattern = pattern.map_err(|reason| (PATTERN, format!("Pattern is invalid: {reason}")))?;
    let may_be_seen =
        |name: &str| pattern.as_ref().is_none_or(|pattern| pattern.matches(name).unwrap_or(false));
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        may_be_seen(&name).then_some((name, value))
    });
    Ok(Source::Environment(variables.collect()))
}

impl Source {
    /// Reads what a path leads to, as far as it is the same for every key.
    pub(super) fn open(&self, path: &str) -> Result<Content, ProviderError> {
        match self {
            Self::Environment(_) if !path.is_empty() => Err(ProviderError::PathOfVariable(path.to_owned())),
            Self::Environment(_) => Ok(Content::Environment),
            Self::File(_) | Self::Directory(_) if path.is_empty() => Ok(Content::Nothing),
            Self::File(allowed) => match permitted(allowed, path) {
                Some(file) => read_properties(&file).map(Content::File),
                None => Ok(Content::Nothing),
            },
            Self::Directory(allowed) => match permitted(allowed, path) {
                Some(folder) if folder.is_dir() => Ok(Content::Directory(folder)),
                Some(folder) => {
                    tracing::warn!("The path {} is not a directory", folder.display());
                    Ok(Content::Nothing)
                }
                None => Ok(Content::Nothing),
            },
        }
    }

    /// Returns the value of a key, when there is one.
    pub(super) fn value(
        &self,
        content: &Content,
        path: &str,
        key: &str,
    ) -> Result<Option<String>, ProviderError> {
        match (self, content) {
            (Self::Environment(variables), Content::Environment) => Ok(variables.get(key).cloned()),
            (_, Content::File(properties)) => Ok(properties.get(key).map(str::to_owned)),
            (Self::Directory(allowed), Content::Directory(folder)) => {
                let is_name = !key.is_empty() && key != "." && key != ".." && !key.contains('/');
                let file = folder.join(key);
                // A link out of the allowed paths is one out of the folder, too.
                if !is_name || !file.is_file() || permitted(allowed, &format!("{path}/{key}")).is_none() {
                    return Ok(None);
                }
                let text = read_text(&file);
                text.map(Some).map_err(|error| ProviderError::Entry {
                    file,
                    key: key.to_owned(),
                    reason: error.to_string(),
                })
            }
            _ => Ok(None),
        }
    }
}

fn permitted(allowed: &Allowed, path: &str) -> Option<PathBuf> {
    let permitted = allowed.check(path);
    if permitted.is_none() {
        tracing::warn!("The path {path} is not allowed to be accessed");
    }
    permitted
}

fn read_properties(file: &Path) -> Result<Properties, ProviderError> {
    let failed = |reason: String| ProviderError::File { file: file.to_owned(), reason };
    let text = read_text(file).map_err(|error| failed(error.to_string()))?;
    // The line is named and nothing of it: it may be a secret's.
    properties_file::parse_text(&text)
        .map_err(|error| failed(format!("line {} has a broken escape", error.line)))
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(allowed) => f.debug_tuple("File").field(allowed).finish(),
            Self::Directory(allowed) => f.debug_tuple("Directory").field(allowed).finish(),
            Self::Environment(variables) => write!(f, "Environment({} variables)", variables.len()),
        }
    }
}
