//! Java's replacement texts: `$1`, `${name}`, `\$`.

use crate::{Class, Error};
use thiserror::Error;

/// What a match captured.
pub trait Groups {
    /// Returns how many groups the pattern has, without group 0.
    fn count(&self) -> usize;

    /// Returns the text of a group, empty when it took no part in the match.
    fn text(&self, group: usize) -> &str;

    /// Returns the number of a named group.
    fn named(&self, name: &str) -> Option<usize>;
}

/// What is wrong with a replacement text; Java notices it only when a match is replaced. The texts are Java's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplacementError {
    /// The pattern has no such group.
    #[error("No group {0}")]
    NoGroup(usize),
    /// The pattern has no group of that name.
    #[error("No group with name {{{0}}}")]
    NoName(String),
    /// A name begins with a digit.
    #[error("capturing group name {{{0}}} starts with digit character")]
    DigitFirst(String),
    /// A name is empty.
    #[error("named capturing group has 0 length name")]
    EmptyName,
    /// A name does not end.
    #[error("named capturing group is missing trailing '}}'")]
    OpenName,
    /// The text ends after a backslash.
    #[error("character to be escaped is missing")]
    NothingEscaped,
    /// The text ends after a dollar sign.
    #[error("Illegal group reference: group index is missing")]
    NoIndex,
    /// A dollar sign is followed by neither a digit nor a name.
    #[error("Illegal group reference")]
    NoReference,
}

impl From<ReplacementError> for Error {
    fn from(error: ReplacementError) -> Self {
        let java_class = match &error {
            ReplacementError::NoGroup(_) => "java.lang.IndexOutOfBoundsException",
            ReplacementError::NoName(_)
            | ReplacementError::DigitFirst(_)
            | ReplacementError::EmptyName
            | ReplacementError::OpenName
            | ReplacementError::NothingEscaped
            | ReplacementError::NoIndex
            | ReplacementError::NoReference => "java.lang.IllegalArgumentException",
        };
        Self::of(Class::BadRecord, java_class, error.to_string())
    }
}

/// Returns the replacement with its references replaced by what the groups captured.
pub fn expand(replacement: &str, groups: &impl Groups) -> Result<String, ReplacementError> {
    let mut text = String::with_capacity(replacement.len());
    let mut rest = replacement.chars();
    while let Some(char) = rest.next() {
        match char {
            '\\' => text.push(rest.next().ok_or(ReplacementError::NothingEscaped)?),
            '$' => {
                let (group, after) = reference(rest.as_str(), groups)?;
                if group > groups.count() {
                    return Err(ReplacementError::NoGroup(group));
                }
                text.push_str(groups.text(group));
                rest = after.chars();
            }
            char => text.push(char),
        }
    }
    Ok(text)
}

/// Reads what follows a dollar sign; returns the group and the rest of the text.
fn reference<'a>(text: &'a str, groups: &impl Groups) -> Result<(usize, &'a str), ReplacementError> {
    if let Some(text) = text.strip_prefix('{') {
        return named_reference(text, groups);
    }
    let first = text.chars().next().ok_or(ReplacementError::NoIndex)?;
    let mut group = digit(first).ok_or(ReplacementError::NoReference)?;
    let mut rest = &text[1..];
    // The longest number that is a group: `$12` is group 1 and a 2 when there are fewer than twelve.
    while let Some(next) = rest.chars().next().and_then(digit) {
        let longer = group * 10 + next;
        if longer > groups.count() {
            break;
        }
        (group, rest) = (longer, &rest[1..]);
    }
    Ok((group, rest))
}

fn named_reference<'a>(text: &'a str, groups: &impl Groups) -> Result<(usize, &'a str), ReplacementError> {
    let end = text.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err(ReplacementError::EmptyName);
    }
    let rest = rest.strip_prefix('}').ok_or(ReplacementError::OpenName)?;
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(ReplacementError::DigitFirst(name.to_string()));
    }
    let group = groups.named(name).ok_or_else(|| ReplacementError::NoName(name.to_string()))?;
    Ok((group, rest))
}

fn digit(char: char) -> Option<usize> {
    char.to_digit(10).map(|digit| digit as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve groups `a` to `l`, the second named `db`.
    struct Twelve;

    impl Groups for Twelve {
        fn count(&self) -> usize {
            12
        }

        fn text(&self, group: usize) -> &str {
            ["whole", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"][group]
        }

        fn named(&self, name: &str) -> Option<usize> {
            (name == "db").then_some(2)
        }
    }

    #[track_caller]
    fn check(replacement: &str, expected: &str) {
        let found = expand(replacement, &Twelve).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(found, expected, "{replacement}");
    }

    #[test]
    fn groups_are_replaced_by_what_they_captured() {
        check("x-$0-y", "x-whole-y");
        check("$1$2", "ab");
        check("$12", "l");
        check("$13", "a3");
        check("$120", "l0");
        check("$1x", "ax");
        check("${db}_é", "b_é");
        check("", "");
    }

    #[test]
    fn a_backslash_takes_the_next_character_as_it_is() {
        check(r"\$1", "$1");
        check(r"\\$1", r"\a");
        check(r"\n", "n");
        check(r"a\", "error: character to be escaped is missing");
    }

    #[test]
    fn bad_references_are_errors() {
        check("x$", "error: Illegal group reference: group index is missing");
        check("$x", "error: Illegal group reference");
        check("$é", "error: Illegal group reference");
        check("${}", "error: named capturing group has 0 length name");
        check("${db", "error: named capturing group is missing trailing '}'");
        check("${d-b}", "error: named capturing group is missing trailing '}'");
        check("${1b}", "error: capturing group name {1b} starts with digit character");
        check("${tbl}", "error: No group with name {tbl}");
    }

    #[test]
    fn a_group_that_is_missing_has_another_java_class() {
        struct None;
        impl Groups for None {
            fn count(&self) -> usize {
                0
            }

            fn text(&self, _: usize) -> &str {
                "a"
            }

            fn named(&self, _: &str) -> Option<usize> {
                Option::None
            }
        }
        assert_eq!(expand("$1", &None), Err(ReplacementError::NoGroup(1)));
        let error = Error::from(ReplacementError::NoGroup(1));
        assert_eq!(error.java_class(), "java.lang.IndexOutOfBoundsException");
    }
}
