//! Errors of plugins: what went wrong, and what the worker should do about it.

use std::{borrow::Cow, error, fmt, time::Duration};

/// The result of a plugin's work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn error::Error + Send + Sync>;

/// An error of a plugin.
///
/// It carries what the worker should do ([`Class`]) and the name of the Java class that stands for it, because traces,
/// dead letter headers and the tools that read them name it.
#[derive(Debug)]
pub struct Error {
    class: Class,
    java_class: Cow<'static, str>,
    message: String,
    source: Option<Source>,
}

/// What the worker should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same again, after a while: a server that is away, a lock that is held.
    Retry {
        /// How long to wait; the worker decides when there is none.
        after: Option<Duration>,
    },
    /// This record is at fault; others may be fine. Tolerated when the connector's `errors.tolerance` says so.
    BadRecord,
    /// Nothing will help but a change from outside: the task fails.
    Fatal,
}

/// Java names of the errors that the framework itself raises.
pub mod java {
    /// A general failure.
    pub const CONNECT: &str = "org.apache.kafka.connect.errors.ConnectException";
    /// A failure that may pass.
    pub const RETRIABLE: &str = "org.apache.kafka.connect.errors.RetriableException";
    /// Data that does not fit its schema or its converter.
    pub const DATA: &str = "org.apache.kafka.connect.errors.DataException";
    /// A schema that cannot be built.
    pub const SCHEMA_BUILDER: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";
    /// A value that cannot be read with another schema.
    pub const SCHEMA_PROJECTOR: &str = "org.apache.kafka.connect.errors.SchemaProjectorException";
    /// A setting that is missing or wrong.
    pub const CONFIG: &str = "org.apache.kafka.common.config.ConfigException";
}

impl Error {
    /// The same again, when the worker thinks fit.
    pub fn retry(source: impl Into<Source>) -> Self {
        Self::from_source(Class::Retry { after: None }, java::RETRIABLE, source)
    }

    /// The same again, after a while.
    pub fn retry_after(after: Duration, source: impl Into<Source>) -> Self {
        Self::from_source(Class::Retry { after: Some(after) }, java::RETRIABLE, source)
    }

    /// One record is at fault.
    pub fn bad_record(source: impl Into<Source>) -> Self {
        Self::from_source(Class::BadRecord, java::DATA, source)
    }

    /// The task cannot go on.
    pub fn fatal(source: impl Into<Source>) -> Self {
        Self::from_source(Class::Fatal, java::CONNECT, source)
    }

    /// Data that does not fit: Java's `DataException`.
    pub fn data(message: impl Into<String>) -> Self {
        Self::of(Class::BadRecord, java::DATA, message)
    }

    /// A setting that is missing or wrong: Java's `ConfigException`.
    pub fn config(message: impl Into<String>) -> Self {
        Self::of(Class::Fatal, java::CONFIG, message)
    }

    /// A general failure: Java's `ConnectException`.
    pub fn connect(message: impl Into<String>) -> Self {
        Self::of(Class::Fatal, java::CONNECT, message)
    }

    /// An error with a message of its own.
    pub fn of(class: Class, java_class: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { class, java_class: java_class.into(), message: message.into(), source: None }
    }

    fn from_source(class: Class, java_class: &'static str, source: impl Into<Source>) -> Self {
        // The message shows the outermost error; its own causes follow as causes, none twice.
        let source = source.into();
        let message = source.to_string();
        let source = source.source().map(|cause| Source::from(chain(cause)));
        Self { class, java_class: java_class.into(), message, source }
    }

    /// The same error under another Java class.
    pub fn named(mut self, java_class: impl Into<Cow<'static, str>>) -> Self {
        self.java_class = java_class.into();
        self
    }

    /// The same error with its cause.
    pub fn caused_by(mut self, cause: impl Into<Source>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Returns what the worker should do.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns the name of the Java class that stands for this error.
    pub fn java_class(&self) -> &str {
        &self.java_class
    }

    /// Returns the text in the form of a Java stack trace: class and message, one place, then each cause.
    ///
    /// `place` is the component that saw the error, such as `millrace.worker.source_task`.
    pub fn trace(&self, place: &str) -> String {
        let mut text = format!("{}: {}\n\tat {place}\n", self.java_class, self.message);
        let mut cause = error::Error::source(self);
        while let Some(error) = cause {
            let class = error.downcast_ref::<Self>().map_or(java::CONNECT, |error| error.java_class());
            text.push_str(&format!("Caused by: {class}: {error}\n\tat {place}\n"));
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}

/// A cause whose own type could not be kept, with its causes.
#[derive(Debug)]
struct Cause {
    message: String,
    source: Option<Box<Cause>>,
}

fn chain(error: &dyn error::Error) -> Cause {
    Cause { message: error.to_string(), source: error.source().map(|cause| Box::new(chain(cause))) }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for Cause {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_names_classes_and_causes() {
        let io = std::io::Error::other("no space left on device");
        let error = Error::connect("writing lines").caused_by(Error::data("bad line").caused_by(io));
        assert_eq!(
            error.trace("millrace.file"),
            "org.apache.kafka.connect.errors.ConnectException: writing lines\n\tat millrace.file\n\
             Caused by: org.apache.kafka.connect.errors.DataException: bad line\n\tat millrace.file\n\
             Caused by: org.apache.kafka.connect.errors.ConnectException: no space left on device\n\tat millrace.file\n"
        );
    }
}
