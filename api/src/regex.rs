//! Java's regular expressions: settings such as `topics.regex` hold them, and mean what they mean there.
//!
//! A pattern is translated into one of the `fancy-regex` crate: predefined classes, flags, quotes and anchors are
//! spelled out as Java reads them, what both write alike is passed on. A pattern that would mean something else
//! here is refused, never guessed. Refused are `\X`, `\N{..}`, `\b{g}`, blocks (`\p{InGreek}`), the `java*` classes
//! without a Unicode property, and in-class forms that Java itself reads in surprising ways. What is not the same:
//! a match may take [`STEPS_MAX`] steps and fails then, where Java goes on (perhaps for ever).

mod class;
mod replacement;
mod translate;

pub use replacement::{Groups, ReplacementError, expand};

use crate::{Error, Result};
use fancy_regex::{Captures, Regex, RegexBuilder};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// How many steps back one match may take.
///
/// Patterns that people write for topics need fewer than a thousand; a million takes some ten milliseconds.
pub const STEPS_MAX: usize = 1_000_000;

/// A regular expression of `java.util.regex`.
#[derive(Clone)]
pub struct JavaRegex {
    pattern: Arc<str>,
    /// The pattern between `\A` and `\z`.
    whole: Regex,
    search: Regex,
    names: Arc<BTreeMap<String, usize>>,
}

impl JavaRegex {
    /// Compiles a pattern; the error is the reason why it will not do, in Java's words where Java refuses it too.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let translated = translate::translate(pattern)?;
        let compile = |text: &str| {
            let compiled = RegexBuilder::new(text).backtrack_limit(STEPS_MAX).build();
            compiled.map_err(|error| format!("{error}\n{pattern}"))
        };
        Ok(Self {
            pattern: pattern.into(),
            whole: compile(&format!(r"\A(?:{})\z", translated.pattern))?,
            search: compile(&translated.pattern)?,
            names: Arc::new(translated.names),
        })
    }

    /// Returns the pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Tells whether the whole text matches: `Matcher.matches`.
    pub fn matches(&self, text: &str) -> Result<bool> {
        self.whole.is_match(text).map_err(|error| self.failure(text, &error))
    }

    /// Tells whether some part of the text matches: `Matcher.find`.
    pub fn is_found_in(&self, text: &str) -> Result<bool> {
        self.search.is_match(text).map_err(|error| self.failure(text, &error))
    }

    /// Replaces the first part that matches, found by a search from the start: `Matcher.replaceFirst`.
    ///
    /// The replacement may refer to groups, and is looked at only when there is a match.
    pub fn replace_first(&self, text: &str, replacement: &str) -> Result<String> {
        let found = self.search.captures(text).map_err(|error| self.failure(text, &error))?;
        let Some(captures) = found else { return Ok(text.to_string()) };
        let matched = captures.get(0).expect("group 0 is the match itself");
        let middle = expand(replacement, &Found { captures: &captures, names: &self.names })?;
        Ok(format!("{}{middle}{}", &text[..matched.start()], &text[matched.end()..]))
    }

    fn failure(&self, text: &str, error: &fancy_regex::Error) -> Error {
        Error::data(format!("matching '{text}' against the regular expression '{}': {error}", self.pattern))
    }
}

impl fmt::Debug for JavaRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.pattern)
    }
}

struct Found<'a> {
    captures: &'a Captures<'a, str>,
    names: &'a BTreeMap<String, usize>,
}

impl Groups for Found<'_> {
    fn count(&self) -> usize {
        self.captures.len() - 1
    }

    fn text(&self, group: usize) -> &str {
        self.captures.get(group).map_or("", |group| group.as_str())
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }
}

#[cfg(test)]
mod tests;
