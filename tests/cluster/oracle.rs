//! Kafka Connect's own classes, asked by a small Java program.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use millrace_tests::java::java_of;

/// Asks each question, and returns the answers in order.
#[track_caller]
pub fn ask(questions: &[String]) -> Vec<String> {
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/cluster/java/Oracle.java"));
    let class = "org.apache.kafka.connect.runtime.distributed.Oracle";
    let mut command = java_of(source, class).unwrap_or_else(|error| panic!("{error:#}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("java starts");
    let mut input = child.stdin.take().expect("it was asked for");
    let text = questions.join("\n") + "\n";
    // Both pipes are bounded: questions are written while answers are read.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("java ends");
    writer.join().expect("the writer does not panic").expect("java reads all questions");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the Java program ended with {}: {said}", output.status);
    let answers: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "some questions were not answered: {said}");
    answers
}
