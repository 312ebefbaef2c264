//! Each rule catches a planted fault, and leaves alone what only looks like one.

use super::*;

/// Checks one file; the only place that builds a tree.
#[track_caller]
fn check_file(path: &str, text: &str, expected: &[&str]) {
    check_files(&[(path, text)], expected);
}

#[track_caller]
fn check_files(files: &[(&str, &str)], expected: &[&str]) {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.insert(path, text);
    }
    // The real exemptions are about files that a planted tree does not have.
    let faults = check(&tree).into_iter().filter(|fault| !fault.message.contains("exemption"));
    let faults: Vec<String> = faults.map(|fault| fault.to_string()).collect();
    assert_eq!(faults, expected);
}

fn function(lines: usize) -> String {
    format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn a_long_file_is_a_fault() {
    check_file("api/src/a.rs", &"use a;\n".repeat(600), &[]);
    let fault = "api/src/a.rs:601: 601 lines without tests; at most 600 [file length]";
    check_file("api/src/a.rs", &"use a;\n".repeat(601), &[fault]);
}

#[test]
fn tests_do_not_count_as_length() {
    let tests =
        format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "use a;\n".repeat(600), "use b;\n".repeat(300));
    check_file("api/src/a.rs", &tests, &[]);
    check_file("api/src/a/tests.rs", &"use a;\n".repeat(900), &[]);
    check_file("tests/interop/a.rs", &function(100), &[]);
}

#[test]
fn a_long_function_is_a_fault_at_its_first_line() {
    check_file("api/src/a.rs", &function(70), &[]);
    let fault = "api/src/a.rs:2: `long` has 71 lines; at most 70 [function length]";
    check_file("api/src/a.rs", &format!("\n{}", function(71)), &[fault]);
    let fault = "tests/support/a.rs:1: `long` has 71 lines; at most 70 [function length]";
    check_file("tests/support/a.rs", &function(71), &[fault]);
}

#[test]
fn braces_in_texts_and_comments_do_not_end_a_function() {
    for line in [
        "    a(\"}\");",
        "    a('}');",
        "    // }",
        "    /* } /* } */ } */",
        "    a(r#\"}\"}\"#);",
        "    a(b'\\'');",
    ] {
        let text = format!("fn long<'a>(a: [u8; 2]) {{\n{line}\n{}}}\n", "    step();\n".repeat(68));
        check_file(
            "api/src/a.rs",
            &text,
            &["api/src/a.rs:1: `long` has 71 lines; at most 70 [function length]"],
        );
    }
}

#[test]
fn a_declaration_and_a_function_type_have_no_length() {
    let text =
        format!("trait A {{\n    fn a(&self);\n    b: fn(u8) -> u8,\n{}}}\n", "    use_it();\n".repeat(100));
    check_file("api/src/a.rs", &text, &[]);
}

#[test]
fn leftovers_are_faults_also_in_tests() {
    let text =
        "fn a() {\n    dbg!(1);\n    todo!();\n}\n// dbg!(1) in a comment\nconst A: &str = \"todo!()\";\n";
    let faults = ["api/src/a.rs:2: `dbg!` [no leftovers]", "api/src/a.rs:3: `todo!` [no leftovers]"];
    check_file("api/src/a.rs", text, &faults);
    check_file(
        "tests/rest/a.rs",
        "unimplemented!()",
        &["tests/rest/a.rs:1: `unimplemented!` [no leftovers]"],
    );
    check_file("api/src/a.rs", "fn my_todo() { not_todo!() }", &[]);
}

#[test]
fn a_todo_names_its_issue() {
    let fault = "api/src/a.rs:1: a TODO names its issue: `TODO #12` [issues]";
    check_file("api/src/a.rs", "// TODO: later\n", &[fault]);
    check_file("api/src/a.rs", "/* FIXME */ fn a() {}\n", &[fault]);
    check_file("api/src/a.rs", "// TODO #12: later\nconst TODO: &str = \"TODO\";\n", &[]);
}

#[test]
fn an_allow_carries_its_reason() {
    let fault = "api/src/a.rs:1: `allow` without `reason = \"…\"` [reasons]";
    check_file("api/src/a.rs", "#[allow(dead_code)]\nfn a() {}\n", &[fault]);
    check_file("api/src/a.rs", "#![allow(\n    dead_code,\n)]\n", &[fault]);
    check_file("api/src/a.rs", "#![allow(clippy::unwrap_used)]\n", &[fault]);
    check_file("api/src/a/tests.rs", "#![allow(clippy::unwrap_used)]\n", &[]);
    check_file(
        "api/src/a.rs",
        "#[allow(\n    dead_code,\n    reason = \"used on one system\"\n)]\nfn a() {}\n",
        &[],
    );
}

#[test]
fn a_mod_rs_is_a_fault() {
    check_file("api/src/a/mod.rs", "", &["api/src/a/mod.rs:1: write `foo.rs` beside `foo/` [no mod.rs]"]);
    check_file("api/src/a/modrs.rs", "", &[]);
}

#[test]
fn a_path_of_one_machine_is_a_fault_in_any_file() {
    let path = concat!("..", "/shared");
    let fault = format!("docs/a.md:2: `{path}` [machine paths]");
    check_file("docs/a.md", &format!("one\nsee {path}/design.md\n"), &[&fault]);
    let path = concat!("/ro", "ot/");
    let fault = format!("Makefile:1: `{path}` [machine paths]");
    check_file("Makefile", &format!("HOME = {path}\n"), &[&fault]);
}

#[test]
fn the_herder_has_no_clock_socket_chance_or_async() {
    let fault =
        |line: u8, word: &str| format!("herder/src/a.rs:{line}: `{word}` in the herder [herder purity]");
    let check_herder = |text: &str, expected: &[String]| {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check_file("herder/src/a.rs", text, &expected);
    };
    check_herder("use tokio::time;\n", &[fault(1, "tokio")]);
    check_herder("use std::net::TcpStream;\n", &[fault(1, "std::net")]);
    check_herder("use rand::random;\n", &[fault(1, "rand")]);
    check_herder("\nlet now = std::time::SystemTime::now();\n", &[fault(2, "SystemTime")]);
    check_herder("use std::time::Instant;\n", &[fault(1, "std::time::Instant")]);
    check_herder("async fn a() {}\n", &[fault(1, "async fn")]);
    check_herder("a.await;\n", &[fault(1, ".await")]);
    check_herder("use std::collections::HashMap;\n", &[fault(1, "HashMap")]);
    check_herder("use std::time::Duration; // as tokio does\nlet operand = strand;\n", &[]);
    check_file("worker/src/a.rs", "use tokio::time;\n", &[]);
}

#[test]
fn an_example_that_no_test_loads_is_a_fault() {
    let example = ("config-examples/demo/source.properties", "name=a\n");
    let fault = "config-examples/demo/source.properties:1: no test mentions this file [examples]";
    check_files(&[example], &[fault]);
    check_files(&[example, ("millrace/src/main.rs", "// source.properties\n")], &[fault]);
    check_files(&[example, ("millrace/tests/examples.rs", "load(\"demo/source.properties\")\n")], &[]);
    check_files(&[example, ("millrace/tests/examples.rs", "read_dir(\"config-examples\")\n")], &[]);
}
