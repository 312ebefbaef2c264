//! Standard input and output, each in a process of its own.

use crate::{child, is_child, record, sink, source};
use millrace_api::{Batch, Properties};
use std::io::{BufRead, BufReader, Write};

/// What the other half prints before each line, to be told from what the test program prints.
const MARK: &str = "line> ";

#[tokio::test]
async fn standard_input_is_read_without_offsets() {
    if is_child() {
        return print_standard_input().await;
    }
    let mut other = child("standard::standard_input_is_read_without_offsets").spawn().unwrap();
    let mut input = other.stdin.take().unwrap();
    let output = BufReader::new(other.stdout.take().unwrap());
    let mut lines =
        output.lines().map_while(Result::ok).filter_map(|line| Some(line.split_once(MARK)?.1.to_string()));
    input.write_all(b"one\ntw").unwrap();
    assert_eq!(lines.next().as_deref(), Some("one"));
    input.write_all(b"o\r\nthree\n").unwrap();
    assert_eq!(lines.next().as_deref(), Some("two"));
    assert_eq!(lines.next().as_deref(), Some("three"));
    // After the end of the input the task waits on, without a new line.
    drop(input);
    assert_eq!(lines.next().as_deref(), Some("idle"));
    assert!(other.wait().unwrap().success());
}

async fn print_standard_input() {
    let mut task = source(Properties::from([("topic", "t"), ("file", " ")])).await;
    let mut count = 0;
    while count < 3 {
        for record in task.poll().await.unwrap() {
            assert_eq!(record.origin, None, "nothing is stored for standard input");
            println!("{MARK}{}", record.record.unwrap().value.value);
            count += 1;
        }
    }
    // The first may see the end of the input, the second waits.
    for _ in 0..2 {
        assert!(task.poll().await.unwrap().is_empty());
    }
    println!("{MARK}idle");
    task.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_file_lines_go_to_standard_output() {
    if is_child() {
        let mut task = sink(Properties::new()).await;
        let record = record(&format!("\n{MARK}hello\n{MARK}world"));
        return task.put(&mut Batch::new([record])).await.unwrap();
    }
    let output = child("standard::without_a_file_lines_go_to_standard_output").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(MARK)).collect();
    assert_eq!(lines, ["hello", "world"]);
    assert!(output.status.success());
}
