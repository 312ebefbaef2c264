//! Loggers with the names that Kafka Connect gives them, and the levels a user sets over REST.
//!
//! Whoever writes the log installs what applies the levels; a program that installs nothing has no loggers.

use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Mutex, OnceLock, PoisonError},
};

/// The logger of everything that has none of its own.
pub const ROOT: &str = "root";

/// How many loggers may be created over REST: names that nobody logs under are kept all the same.
const LOGGERS_MAX: usize = 10_000;

/// The Java logger names, and the module that logs in the place of each.
#[rustfmt::skip]
pub const NAMES: &[(&str, &str)] = &[
    ("org.apache.kafka.clients", "millrace_kafka"),
    ("org.apache.kafka.clients.NetworkClient", "librdkafka"),
    ("org.apache.kafka.clients.admin", "millrace_kafka::admin"),
    ("org.apache.kafka.clients.consumer", "millrace_kafka::consumer"),
    ("org.apache.kafka.clients.producer", "millrace_kafka::producer"),
    ("org.apache.kafka.connect", "millrace"),
    ("org.apache.kafka.connect.cli", "millrace::standalone"),
    ("org.apache.kafka.connect.converters", "millrace_converters"),
    ("org.apache.kafka.connect.file", "millrace_file"),
    ("org.apache.kafka.connect.runtime", "millrace_worker"),
    ("org.apache.kafka.connect.runtime.AbstractHerder", "millrace_worker::validate"),
    ("org.apache.kafka.connect.runtime.Worker", "millrace_worker::instances"),
    ("org.apache.kafka.connect.runtime.WorkerConnector", "millrace_worker::connector"),
    ("org.apache.kafka.connect.runtime.WorkerSinkTask", "millrace_worker::sink_task"),
    ("org.apache.kafka.connect.runtime.WorkerSourceTask", "millrace_worker::source_task"),
    ("org.apache.kafka.connect.runtime.rest", "millrace_worker::rest"),
    ("org.apache.kafka.connect.runtime.rest.RestServer", "org.apache.kafka.connect.runtime.rest.RestServer"),
    ("org.apache.kafka.connect.runtime.standalone", "millrace_worker::standalone"),
    ("org.apache.kafka.connect.runtime.standalone.StandaloneConfig", "org.apache.kafka.connect.runtime.standalone.StandaloneConfig"),
    ("org.apache.kafka.connect.runtime.standalone.StandaloneHerder", "millrace_worker::driver"),
    ("org.apache.kafka.connect.storage.FileOffsetBackingStore", "millrace_worker::offset_store"),
    ("org.apache.kafka.connect.transforms", "millrace_transforms"),
];

/// A level as Log4j has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off,
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    All,
}

/// A text that is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownLevel;

/// A logger as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logger {
    /// What it lets through.
    pub level: Level,
    /// When a user changed it last, in milliseconds since the epoch.
    pub modified: Option<i64>,
}

/// Takes the levels by module: first that of everything else, then those of single modules.
pub type Apply = Box<dyn Fn(Level, &[(String, Level)]) + Send + Sync>;

/// Every logger with its level.
pub struct Loggers {
    by_name: Mutex<BTreeMap<String, Logger>>,
    apply: Apply,
}

static LOGGERS: OnceLock<Loggers> = OnceLock::new();

/// Installs the loggers of this process; the first installation holds.
pub fn install(loggers: Loggers) {
    let _ = LOGGERS.set(loggers);
}

/// Returns the loggers of this process.
pub fn installed() -> Option<&'static Loggers> {
    LOGGERS.get()
}

// === impl Loggers ===

impl Loggers {
    /// Returns loggers whose levels are so far what `level_of` says of their modules.
    pub fn new(root: Level, level_of: impl Fn(&str) -> Level, apply: Apply) -> Self {
        let logger = |level| Logger { level, modified: None };
        let mut by_name: BTreeMap<_, _> =
            NAMES.iter().map(|(name, module)| ((*name).to_owned(), logger(level_of(module)))).collect();
        by_name.insert(ROOT.to_owned(), logger(root));
        Self { by_name: Mutex::new(by_name), apply }
    }

    /// Returns the loggers that are not off, by name.
    pub fn all(&self) -> BTreeMap<String, Logger> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = by_name.iter().filter(|(_, logger)| logger.level != Level::Off);
        shown.map(|(name, logger)| (name.clone(), *logger)).collect()
    }

    /// Returns one logger.
    pub fn get(&self, name: &str) -> Option<Logger> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.get(canonical(name)).copied()
    }

    /// Sets the level of a logger and of all whose names begin like its own; returns those whose level has changed.
    ///
    /// A name that is not there yet is created, be it of a module of this program or of a Java class.
    pub fn set(&self, name: &str, level: Level, now: Timestamp) -> Vec<String> {
        let name = canonical(name);
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let room = by_name.len() < LOGGERS_MAX;
        if !by_name.contains_key(name) && room {
            let level = if level == Level::Off { Level::Info } else { Level::Off };
            by_name.insert(name.to_owned(), Logger { level, modified: None });
        }
        let mut changed = Vec::new();
        for (known, logger) in by_name.iter_mut() {
            if (name == ROOT || known.starts_with(name)) && logger.level != level {
                *logger = Logger { level, modified: Some(now.as_millisecond()) };
                changed.push(known.clone());
            }
        }
        let (root, modules) = by_module(&by_name);
        (self.apply)(root, &modules);
        changed
    }
}

/// The root has two names.
fn canonical(name: &str) -> &str {
    if name.is_empty() || name.eq_ignore_ascii_case(ROOT) { ROOT } else { name }
}

/// Returns the levels by module: of a logger that is no module of ours by its own name, in both spellings.
fn by_module(by_name: &BTreeMap<String, Logger>) -> (Level, Vec<(String, Level)>) {
    let root = by_name.get(ROOT).map_or(Level::Info, |logger| logger.level);
    let mut modules = Vec::new();
    for (name, logger) in by_name.iter().filter(|(name, _)| *name != ROOT) {
        match NAMES.iter().find(|(known, _)| known == name) {
            Some((_, module)) => modules.push(((*module).to_owned(), logger.level)),
            None => {
                modules.push((name.clone(), logger.level));
                modules.push((name.replace('.', "::"), logger.level));
            }
        }
    }
    (root, modules)
}

// === impl Level ===

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "OFF" => Self::Off,
            "FATAL" => Self::Fatal,
            "ERROR" => Self::Error,
            "WARN" => Self::Warn,
            "INFO" => Self::Info,
            "DEBUG" => Self::Debug,
            "TRACE" => Self::Trace,
            "ALL" => Self::All,
            _ => return Err(UnknownLevel),
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "OFF",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
            Self::All => "ALL",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;

    type Applied = (Level, Vec<(String, Level)>);

    fn loggers() -> (Loggers, mpsc::Receiver<Applied>) {
        let (sender, applied) = mpsc::channel();
        let apply: Apply = Box::new(move |root, modules| sender.send((root, modules.to_vec())).unwrap());
        (Loggers::new(Level::Info, |_| Level::Info, apply), applied)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_level_reaches_every_name_that_begins_so() {
        let (loggers, applied) = loggers();
        let changed = loggers.set("org.apache.kafka.connect.runtime.Worker", Level::Debug, at(7));
        assert_eq!(
            changed,
            ["", "Connector", "SinkTask", "SourceTask"]
                .map(|rest| format!("org.apache.kafka.connect.runtime.Worker{rest}"))
        );
        let shown = loggers.get("org.apache.kafka.connect.runtime.WorkerSinkTask").unwrap();
        assert_eq!(shown, Logger { level: Level::Debug, modified: Some(7000) });
        let (root, modules) = applied.recv().unwrap();
        assert_eq!(root, Level::Info);
        assert!(modules.contains(&("millrace_worker::sink_task".to_owned(), Level::Debug)));
        assert!(modules.contains(&("millrace_worker::rest".to_owned(), Level::Info)));
        assert_eq!(loggers.set("org.apache.kafka.connect.runtime.Worker", Level::Debug, at(8)), [""; 0]);
    }

    #[test]
    fn the_root_sets_all_and_off_hides() {
        let (loggers, _applied) = loggers();
        assert_eq!(loggers.set("ROOT", Level::Error, at(1)).len(), NAMES.len() + 1);
        assert_eq!(loggers.get("").unwrap().level, Level::Error);
        assert_eq!(loggers.set("org.apache.kafka.clients", Level::Off, at(2)).len(), 5);
        assert!(!loggers.all().contains_key("org.apache.kafka.clients"));
        assert_eq!(loggers.get("org.apache.kafka.clients").unwrap().level, Level::Off);
    }

    #[test]
    fn a_new_name_is_created_and_applied_as_it_is() {
        let (loggers, applied) = loggers();
        assert_eq!(loggers.get("millrace_file.source"), None);
        assert_eq!(loggers.set("millrace_file.source", Level::Trace, at(1)), ["millrace_file.source"]);
        let (_, modules) = applied.recv().unwrap();
        assert!(modules.contains(&("millrace_file::source".to_owned(), Level::Trace)));
    }

    #[test]
    fn levels_have_the_names_of_log4j() {
        for text in ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"] {
            assert_eq!(text.to_lowercase().parse::<Level>().unwrap().to_string(), text);
        }
        assert_eq!("loud".parse::<Level>(), Err(UnknownLevel));
    }
}
