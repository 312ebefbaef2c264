//! Words that must not stand, or not alone.

use crate::tidy::Fault;
use crate::tidy::source::{Source, has_word};

/// What is left over from writing, and what stands for something that is not there.
const MACROS: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];

/// Written in two parts, so that this file does not break its own rule.
const MACHINE_PATHS: [&str; 5] = [
    concat!("..", "/shared"),
    concat!("/wo", "rk/main"),
    concat!("/wo", "rk/shared"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];

/// Where a path may be anything: data that was made elsewhere.
const FOREIGN: [&str; 2] = ["tests/vectors/", "Cargo.lock"];

pub fn macros(source: &Source) -> Vec<Fault> {
    let faults_of = |name: &'static str| {
        let fault = move |line| Fault::new(&source.path, line, "no leftovers", format!("`{name}`"));
        source.lines_with(name).map(fault)
    };
    MACROS.into_iter().flat_map(faults_of).collect()
}

/// A note of what is to be done names the issue in which it will be: `TODO #12: …`.
pub fn todos(source: &Source) -> Vec<Fault> {
    let is_open = |comment: &str| ["TODO", "FIXME", "XXX"].iter().any(|word| has_word(comment, word));
    let lines = source.comments.iter().enumerate();
    let open = lines.filter(|(_, comment)| is_open(comment) && !names_an_issue(comment));
    let fault =
        |(line, _)| Fault::new(&source.path, line + 1, "issues", "a TODO names its issue: `TODO #12`");
    open.map(fault).collect()
}

/// Every lint that is switched off says why. `unwrap` in tests needs no reason: it is what style asks for there.
pub fn allows(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (line, code) in source.code.iter().enumerate() {
        let starts = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
        if !starts.iter().any(|start| code.contains(start)) {
            continue;
        }
        let mut attribute = String::new();
        for code in &source.code[line..] {
            attribute.push_str(code);
            if code.contains(")]") {
                break;
            }
        }
        let unwraps_in_a_test = attribute.contains("(clippy::unwrap_used)") && source.is_test(line);
        if !has_word(&attribute, "reason") && !unwraps_in_a_test {
            faults.push(Fault::new(&source.path, line + 1, "reasons", "`allow` without `reason = \"…\"`"));
        }
    }
    faults
}

pub fn module_files(path: &str) -> Option<Fault> {
    let is_module_file = path.ends_with("/mod.rs") || path == "mod.rs";
    is_module_file.then(|| Fault::new(path, 1, "no mod.rs", "write `foo.rs` beside `foo/`"))
}

/// A clone stands alone: it names no folder of one machine.
pub fn machine_paths(path: &str, text: &str) -> Vec<Fault> {
    if FOREIGN.iter().any(|foreign| path.starts_with(foreign)) {
        return Vec::new();
    }
    let found = |line: &str| MACHINE_PATHS.into_iter().find(|machine_path| line.contains(machine_path));
    let lines = text.lines().enumerate();
    let fault =
        |(line, text)| Some(Fault::new(path, line + 1, "machine paths", format!("`{}`", found(text)?)));
    lines.filter_map(fault).collect()
}

fn names_an_issue(comment: &str) -> bool {
    let digit = |after: &str| after.starts_with(|character: char| character.is_ascii_digit());
    comment.match_indices('#').any(|(start, _)| digit(&comment[start + 1..]))
}
