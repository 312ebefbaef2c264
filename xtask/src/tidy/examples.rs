//! Examples that no test loads are examples that do not work.

use crate::tidy::Fault;
use crate::tidy::source::Source;
use crate::tree::Tree;

const FOLDER: &str = "config-examples/";

/// Returns a fault for each file in `config-examples/` that no test names. A test that reads the whole folder names
/// them all.
pub fn mentioned(tree: &Tree) -> Vec<Fault> {
    let tests: Vec<String> = tree.rust_files().map(|(path, text)| test_text(path, text)).collect();
    if tests.iter().any(|test| test.contains(FOLDER.trim_end_matches('/')) && test.contains("read_dir")) {
        return Vec::new();
    }
    let examples = tree.files().map(|(path, _)| path).filter(|path| path.starts_with(FOLDER));
    let is_named = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        tests.iter().any(|test| test.contains(name))
    };
    let fault = |path| Fault::new(path, 1, "examples", "no test mentions this file");
    examples.filter(|path| !is_named(path)).map(fault).collect()
}

/// Returns the lines of a file that are tests, as they are written: names stand in strings.
fn test_text(path: &str, text: &str) -> String {
    let source = Source::parse(path, text);
    let lines = text.lines().enumerate().filter(|(line, _)| source.is_test(*line));
    lines.map(|(_, line)| format!("{line}\n")).collect()
}
