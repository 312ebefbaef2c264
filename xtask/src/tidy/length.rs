//! Files that fit a sitting, functions that fit a screen. Tests are free of both: a table of cases may be long.

use crate::tidy::Fault;
use crate::tidy::source::{Source, end_of_item, has_word};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Settings tables, wire codecs and type maps: they grow by lines, not by thoughts. Path and reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Functions that are one table: path, name and reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] =
    &[("kafka/src/error.rs", "classify", "an exhaustive match over every error code of the client")];

pub fn file_length(source: &Source) -> Option<Fault> {
    let lines = (0..source.code.len()).filter(|line| !source.is_test(*line)).count();
    let is_exempt = LONG_FILES.iter().any(|(path, _)| *path == source.path);
    let is_long = lines > FILE_LINES_MAX && !is_exempt;
    let message = format!("{lines} lines without tests; at most {FILE_LINES_MAX}");
    is_long.then(|| Fault::new(&source.path, lines, "file length", message))
}

pub fn function_lengths(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (start, line) in source.code.iter().enumerate() {
        if source.is_test(start) || !has_word(line, "fn") {
            continue;
        }
        let Some((name, column)) = function_name(line) else { continue };
        let Some(end) = end_of_item(&source.code, start, column) else { continue };
        let lines = end - start + 1;
        let is_exempt =
            LONG_FUNCTIONS.iter().any(|(path, exempt, _)| *path == source.path && *exempt == name);
        if lines > FUNCTION_LINES_MAX && !is_exempt {
            let message = format!("`{name}` has {lines} lines; at most {FUNCTION_LINES_MAX}");
            faults.push(Fault::new(&source.path, start + 1, "function length", message));
        }
    }
    faults
}

/// Returns a fault for each exemption whose file is gone or short enough: the lists shrink as the code does.
pub fn stale_exemptions(sources: &[Source]) -> Vec<Fault> {
    let long = |path: &str| {
        let source = sources.iter().find(|source| source.path == path);
        source.is_some_and(|source| source.code.len() > FILE_LINES_MAX)
    };
    let stale = LONG_FILES.iter().filter(|(path, _)| !sources.is_empty() && !long(path));
    let fault =
        |(path, _): &(&str, &str)| Fault::new(path, 1, "file length", "the exemption is not needed any more");
    stale.map(fault).collect()
}

/// Returns the name of the function that is declared on the line, and the column after it. `fn(u8)` is a type.
fn function_name(line: &str) -> Option<(&str, usize)> {
    let start = line.match_indices("fn ").find(|(start, _)| {
        let before = line[..*start].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    });
    let start = start?.0 + "fn ".len();
    let name = line[start..].trim_start();
    let length =
        name.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(name.len());
    let column = line.len() - name.len() + length;
    (length > 0).then(|| (&name[..length], line[..column].chars().count()))
}
