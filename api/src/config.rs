//! Settings: their definitions, and how texts become typed values.
//!
//! One field of a struct is one setting. `#[derive(Config)]` writes the same builder calls an author could write
//! by hand, so the REST definition, the parser and the reference page come from one line:
//!
//! ```
//! use millrace_api::{Config, Properties};
//!
//! #[derive(Debug, Config)]
//! struct LinesConfig {
//!     /// File to read. Standard input is read when this is not set.
//!     #[config(high)]
//!     file: Option<String>,
//!
//!     /// The most lines one poll may return.
//!     #[config(low, default = 2000)]
//!     batch_size: i32,
//! }
//!
//! let config = LinesConfig::parse(&Properties::from([("file", "a.txt")])).unwrap();
//! assert_eq!(config.file.as_deref(), Some("a.txt"));
//! assert_eq!(config.batch_size, 2000);
//! let problems = LinesConfig::parse(&Properties::from([("batch.size", "many")])).unwrap_err();
//! assert_eq!(problems.to_string(), "Invalid value many for configuration batch.size: Not a number of type INT");
//! ```

mod check;
mod definition;
mod markdown;
mod setting;

pub use check::{Check, at_least, no_duplicates, non_empty, one_of};
pub use definition::{ConfigDef, ConfigValue, Default, Importance, Key, Parsed, Type, Width};
pub use markdown::markdown;
pub use setting::{Secret, Setting};

use crate::{Error, Properties};
use std::{collections::BTreeMap, fmt};

/// A struct whose fields are settings.
pub trait Config: Sized + Send + Sync + 'static {
    /// Adds the settings to a definition.
    fn define(definition: &mut ConfigDef);

    /// Takes the values; `None` when one is missing, which the reader then knows the reason of.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;

    /// Returns the definition of all settings.
    fn definition() -> ConfigDef {
        let mut definition = ConfigDef::default();
        Self::define(&mut definition);
        definition
    }

    /// Reads settings, collecting every problem. Touches nothing outside.
    fn parse(properties: &Properties) -> Result<Self, Problems> {
        let definition = Self::definition();
        let mut reader = Reader { definition: &definition, properties, problems: Problems::default() };
        match Self::read(&mut reader) {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(reader.problems),
        }
    }
}

/// No settings.
impl Config for () {
    fn define(_: &mut ConfigDef) {}

    fn read(_: &mut Reader<'_>) -> Option<Self> {
        Some(())
    }
}

/// Every problem of a set of settings, by setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    by_setting: BTreeMap<String, Vec<String>>,
}

impl Problems {
    /// Adds a problem of a setting.
    pub fn add(&mut self, setting: &str, problem: impl Into<String>) {
        self.by_setting.entry(setting.to_string()).or_default().push(problem.into());
    }

    /// Tells whether all is well.
    pub fn is_empty(&self) -> bool {
        self.by_setting.is_empty()
    }

    /// Returns the problems by setting, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.by_setting.iter().map(|(setting, problems)| (setting.as_str(), problems.as_slice()))
    }
}

/// One line for each problem.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.by_setting.values().flatten().map(String::as_str).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::config(problems.to_string())
    }
}

/// Reads typed values and collects what is wrong with them; used by derived code.
pub struct Reader<'a> {
    definition: &'a ConfigDef,
    properties: &'a Properties,
    problems: Problems,
}

impl Reader<'_> {
    /// Returns the text of a setting as it was given, defined or not: for settings that are only passed on.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.properties.get(name)
    }

    /// Returns the typed value of a defined setting, or `None` after noting what is wrong.
    pub fn read<T: Setting>(&mut self, name: &str) -> Option<T> {
        let key = self.definition.key(name).expect("a setting is defined before it is read");
        let value = key.validate(self.properties);
        if !value.errors.is_empty() {
            value.errors.iter().for_each(|error| self.problems.add(name, error));
            return None;
        }
        match T::from_parsed(value.parsed) {
            Ok(typed) => Some(typed),
            Err(reason) => {
                let given = value.value.as_deref().unwrap_or("null");
                self.problems.add(name, format!("Invalid value {given} for configuration {name}: {reason}"));
                None
            }
        }
    }
}
