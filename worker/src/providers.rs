//! Config providers: what stands for `${provider:path:key}` in settings.
//!
//! References are resolved whenever settings are handed to the framework or a plugin, and never before they are stored or
//! shown. What was resolved is marked secret.

mod known;
mod paths;
mod sources;

use crate::secrets;
use known::Found;
use millrace_api::{Problems, Properties};
use sources::Source;
use std::{borrow::Cow, collections::BTreeMap, path::PathBuf, sync::Arc};

/// The worker's setting that names the providers.
const SETTING: &str = "config.providers";

/// The providers of a worker by the names that references use.
#[derive(Debug, Default)]
pub struct Providers {
    by_name: BTreeMap<String, Source>,
}

/// A reference could not be resolved. No text of a file or variable is shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// The text is Kafka Connect's.
    #[error("Could not read properties from file {}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why, without anything of what it holds.
        reason: String,
    },
    /// The text is Kafka Connect's.
    #[error("Could not read file {} for property {key}: {reason}", file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// The key, which is the name of the file.
        key: String,
        /// Why.
        reason: String,
    },
    /// The text is Kafka Connect's.
    #[error("Path is not supported for EnvVarConfigProvider, invalid value '{0}'")]
    PathOfVariable(String),
}

impl Providers {
    /// Reads the providers that a worker's settings name: paths are looked at, the environment is read.
    pub fn of(worker: &Properties) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut by_name = BTreeMap::new();
        for name in worker.get(SETTING).unwrap_or_default().split(',').map(str::trim) {
            let setting = format!("{SETTING}.{name}.class");
            // References to a provider without a class stay as they are.
            let Some(class) = worker.get(&setting).map(str::trim).filter(|_| !name.is_empty()) else {
                continue;
            };
            let parameters = worker.with_prefix(&format!("{SETTING}.{name}.param."));
            let source = match known::find(class) {
                Ok(found) => source(found, &parameters)
                    .map_err(|(parameter, problem)| (format!("{SETTING}.{name}.param.{parameter}"), problem)),
                Err(problem) => Err((setting, problem)),
            };
            match source {
                Ok(source) => drop(by_name.insert(name.to_owned(), source)),
                Err((setting, problem)) => problems.add(&setting, problem),
            }
        }
        if problems.is_empty() { Ok(Self { by_name }) } else { Err(problems) }
    }

    /// Returns settings with their references resolved; what came from a provider is marked secret, and will be hidden in
    /// the log. What providers do not know stays as it is.
    pub fn resolve(&self, settings: &Properties) -> Result<Properties, ProviderError> {
        let mut resolved = settings.clone();
        if self.by_name.is_empty() {
            return Ok(resolved);
        }
        let mut session = Session { providers: self, seen: BTreeMap::new(), values: Vec::new() };
        for (name, text) in settings.iter() {
            let Some(text) = text.filter(|_| !name.starts_with(SETTING)) else { continue };
            if let Cow::Owned(text) = session.text(text)? {
                resolved.insert_secret(name, text);
            }
        }
        secrets::hide(session.values);
        Ok(resolved)
    }

    /// As [`resolve`](Self::resolve), away from the threads that must not wait for files.
    pub async fn resolve_away(
        self: &Arc<Self>,
        settings: Arc<Properties>,
    ) -> Result<Arc<Properties>, ProviderError> {
        if self.by_name.is_empty()
            || !settings.iter().any(|(_, text)| text.is_some_and(|text| text.contains("${")))
        {
            return Ok(settings);
        }
        let providers = self.clone();
        let resolving = tokio::task::spawn_blocking(move || providers.resolve(&settings).map(Arc::new));
        resolving.await.unwrap_or_else(|error| {
            Err(ProviderError::File {
                file: PathBuf::new(),
                reason: format!("reading was interrupted: {error}"),
            })
        })
    }
}

fn source(found: Found, parameters: &Properties) -> Result<Source, (&'static str, String)> {
    match found {
        Found::File => {
            Ok(Source::File(paths::Allowed::of(parameters).map_err(|text| (paths::PARAMETER, text))?))
        }
        Found::Directory => {
            Ok(Source::Directory(paths::Allowed::of(parameters).map_err(|text| (paths::PARAMETER, text))?))
        }
        Found::Environment => sources::environment(parameters),
    }
}

/// One resolution: a file is read once, however many references there are to it.
struct Session<'a> {
    providers: &'a Providers,
    seen: BTreeMap<(String, String), sources::Content>,
    values: Vec<String>,
}

impl Session<'_> {
    /// Resolves the references in a text; what was put in is not looked at again.
    fn text<'t>(&mut self, text: &'t str) -> Result<Cow<'t, str>, ProviderError> {
        let mut done = String::new();
        let mut rest = text;
        let mut changed = false;
        while let Some((before, reference, after)) = next_reference(rest) {
            done.push_str(before);
            match self.value(&reference)? {
                Some(value) => {
                    done.push_str(&value);
                    self.values.push(value);
                    changed = true;
                }
                None => done.push_str(reference.whole),
            }
            rest = after;
        }
        if !changed {
            return Ok(Cow::Borrowed(text));
        }
        done.push_str(rest);
        Ok(Cow::Owned(done))
    }

    fn value(&mut self, reference: &Reference<'_>) -> Result<Option<String>, ProviderError> {
        let Some(source) = self.providers.by_name.get(reference.provider) else { return Ok(None) };
        let place = (reference.provider.to_owned(), reference.path.to_owned());
        let content = match self.seen.get_mut(&place) {
            Some(content) => content,
            None => self.seen.entry(place).or_insert(source.open(reference.path)?),
        };
        source.value(content, reference.path, reference.key)
    }
}

/// `${provider:path:key}` or `${provider:key}`.
#[derive(Debug, PartialEq)]
struct Reference<'a> {
    whole: &'a str,
    provider: &'a str,
    path: &'a str,
    key: &'a str,
}

/// Finds the first reference: what stands before it, itself, what stands after it.
fn next_reference(text: &str) -> Option<(&str, Reference<'_>, &str)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find("${")?;
        let end = start + text[start..].find('}')?;
        let inside = &text[start + 2..end];
        if let Some((provider, rest)) = inside.split_once(':') {
            let (path, key) = rest.split_once(':').unwrap_or(("", rest));
            let whole = &text[start..=end];
            return Some((&text[..start], Reference { whole, provider, path, key }, &text[end + 1..]));
        }
        from = start + 2;
    }
}

#[cfg(test)]
mod tests;
