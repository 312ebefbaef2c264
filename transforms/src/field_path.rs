//! Paths to fields, as `field.syntax.version` says they are written.

use millrace_api::{
    Error, Result,
    config::{Check, Parsed, Setting, Type},
};

/// How a path is written: the setting `field.syntax.version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldSyntax {
    /// The text is the name of one field, dots included.
    V1,
    /// Dots part steps; backticks keep dots in a name.
    V2,
}

/// The steps down to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    /// The structs or maps on the way.
    pub parents: Vec<String>,
    /// The name of the field itself.
    pub last: String,
}

impl FieldPath {
    /// Reads a path.
    pub fn parse(path: &str, syntax: FieldSyntax) -> Result<Self> {
        let mut parents = match syntax {
            FieldSyntax::V1 => vec![path.to_string()],
            FieldSyntax::V2 => split(path)?,
        };
        let last = parents.pop().unwrap_or_default();
        Ok(Self { parents, last })
    }
}

impl Setting for FieldSyntax {
    const TYPE: Type = Type::String;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        match parsed {
            Parsed::Text(text) if text.eq_ignore_ascii_case("V1") => Ok(Self::V1),
            Parsed::Text(text) if text.eq_ignore_ascii_case("V2") => Ok(Self::V2),
            _ => Err("String must be one of (case insensitive): V1, V2".to_string()),
        }
    }

    fn implied_check() -> Option<Check> {
        Some(Check::new(|value| Self::from_parsed(value.clone()).map(|_| ())))
    }
}

/// Splits a path of the second version into its steps.
fn split(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('`') {
            let Some((step, after)) = split_quoted(quoted) else {
                let position = path[..path.len() - rest.len()].encode_utf16().count();
                return Err(Error::config(format!(
                    "Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at \
                     position {position} to escape it"
                )));
            };
            steps.push(step);
            rest = after;
        } else {
            let (step, after) = rest.split_once('.').unwrap_or((rest, ""));
            steps.push(step.to_string());
            rest = after;
        }
    }
    if path.ends_with('.') {
        steps.push(String::new());
    }
    Ok(steps)
}

/// Takes a step whose opening backtick is behind us; the closing one is last or followed by a dot.
fn split_quoted(quoted: &str) -> Option<(String, &str)> {
    let mut step = String::new();
    let mut start = 0;
    for (at, _) in quoted.match_indices('`') {
        let after = &quoted[at + 1..];
        // The character before may be the opening backtick, which is no backslash.
        let escaped = quoted[..at].ends_with('\\');
        match (escaped, after.strip_prefix('.')) {
            (false, Some(after)) => return Some((step + &quoted[start..at], after)),
            (false, None) if after.is_empty() => return Some((step + &quoted[start..at], after)),
            (true, Some(_)) => {
                step.push_str(&quoted[start..at - 1]);
                step.push('`');
                start = at + 1;
            }
            (_, None) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[track_caller]
    fn check(path: &str, steps: &[&str]) {
        let parsed = FieldPath::parse(path, FieldSyntax::V2).unwrap();
        let mut found = parsed.parents;
        found.push(parsed.last);
        assert_eq!(found, steps);
    }

    #[test]
    fn dots_part_steps_outside_backticks() {
        check("a.b", &["a", "b"]);
        check("`a.b`", &["a.b"]);
        check("a.`b.c`.d", &["a", "b.c", "d"]);
        check("`a`b`.c", &["a`b", "c"]);
        check(r"`a\`.b`.c", &["a`.b", "c"]);
        check("a..b.", &["a", "", "b", ""]);
        check("`a`.", &["a", ""]);
        check("a`b.c`", &["a`b", "c`"]);
        check("", &[""]);
    }

    #[test]
    fn the_first_version_is_one_name() {
        let path = FieldPath::parse("a.`b", FieldSyntax::V1).unwrap();
        assert_eq!((path.parents.len(), path.last.as_str()), (0, "a.`b"));
    }

    #[test]
    fn a_backtick_without_its_pair_is_an_error() {
        for (path, position) in [("a.`b", 2), (r"`a\`", 0), ("ä.`", 2)] {
            let error = FieldPath::parse(path, FieldSyntax::V2).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at \
                     position {position} to escape it"
                )
            );
        }
    }
}
