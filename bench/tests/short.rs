//! Every case in its short form, with the real programs and a real broker. It judges no times.

use std::path::PathBuf;

use clap::Parser;
use millrace_bench::options::Options;

#[test]
fn every_case_runs() {
    let options = Options::parse_from(["bench", "--short"]);
    let failed = millrace_bench::run(options, PathBuf::from(env!("CARGO_BIN_EXE_millrace-bench"))).unwrap();
    assert!(failed.is_empty(), "failed: {failed:?}");
}
