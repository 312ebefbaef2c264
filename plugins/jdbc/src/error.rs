//! What can go wrong with a database, and what the worker should do about it.

use crate::url::{Product, UrlError};
use millrace_api::Error;
use std::error;

#[derive(Debug, thiserror::Error)]
pub(crate) enum JdbcError {
    #[error(transparent)]
    Url(#[from] UrlError),

    #[error("parameter {name} of connection.url or connection.{name}: {reason}")]
    Parameter { name: String, reason: String },

    #[error("{what}")]
    Setting { what: String },

    #[error("connecting to {target}")]
    Connect { target: String, transient: bool, source: Cause },

    #[error("the connection to {target} was lost")]
    Lost { target: String, source: Cause },

    #[error("{message}")]
    Sql { product: Product, state: Option<String>, code: i32, message: String },

    #[error("column {column}: {reason}")]
    Value { column: String, reason: String },

    #[error("{what}")]
    Data { what: String },

    #[error("the thread that works on {target} ended")]
    Panicked { target: String },
}

/// What a driver said.
pub(crate) type Cause = Box<dyn error::Error + Send + Sync>;

impl JdbcError {
    /// Returns the error of a value that cannot be read or written.
    pub(crate) fn value(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { column: column.into(), reason: reason.into() }
    }

    /// Returns the error of settings that do not go together, in a text of the reference or our own.
    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self::Setting { what: what.into() }
    }

    /// Tells whether the same again may succeed.
    ///
    /// PostgreSQL's Java driver marks nothing as permanent, so the reference asks PostgreSQL for ever, and so is done here: a
    /// table that is being replaced is back a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Connect { transient, .. } => *transient,
            Self::Lost { .. } => true,
            Self::Sql { product: Product::PostgreSql, .. } => true,
            Self::Sql { state, .. } => !state.as_deref().is_some_and(is_permanent),
            Self::Url(_)
            | Self::Parameter { .. }
            | Self::Setting { .. }
            | Self::Value { .. }
            | Self::Data { .. }
            | Self::Panicked { .. } => false,
        }
    }

    /// Returns the SQLSTATE, where the server gave one.
    pub(crate) fn sql_state(&self) -> Option<&str> {
        match self {
            Self::Sql { state, .. } => state.as_deref(),
            _ => None,
        }
    }

    /// Returns the number of the error in the words of its database; 0 when there is none.
    pub(crate) fn vendor_code(&self) -> i32 {
        match self {
            Self::Sql { code, .. } => *code,
            _ => 0,
        }
    }

    /// Returns the message with all its causes in one line.
    pub(crate) fn full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = error::Error::source(self);
        while let Some(error) = cause {
            let message = error.to_string();
            // Some drivers repeat their cause.
            if !text.ends_with(&message) {
                text.push_str(": ");
                text.push_str(&message);
            }
            cause = error.source();
        }
        text
    }
}

/// Classes of SQLSTATE that no second try mends: data, constraints, authorization, syntax, features.
fn is_permanent(state: &str) -> bool {
    ["22", "23", "28", "42", "0A"].iter().any(|class| state.starts_with(class))
}

impl From<JdbcError> for Error {
    fn from(error: JdbcError) -> Self {
        match error {
            JdbcError::Url(_) | JdbcError::Parameter { .. } | JdbcError::Setting { .. } => {
                Self::config(error.to_string())
            }
            JdbcError::Connect { .. } | JdbcError::Lost { .. } | JdbcError::Sql { .. } => {
                if error.is_transient() { Self::retry(error) } else { Self::fatal(error) }
            }
            JdbcError::Value { .. } | JdbcError::Data { .. } | JdbcError::Panicked { .. } => {
                Self::fatal(error)
            }
        }
    }
}
