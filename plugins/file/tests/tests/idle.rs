//! What many idle sources cost, in a process of its own.

use crate::{child, is_child, source};
use millrace_api::Properties;
use std::fs;

const SOURCES: usize = 100;

/// Four megabytes: room for the file watcher's and some blocking threads, and 20 KB for each source.
const MEMORY_MAX: usize = 4 << 20;

/// Blocking threads: eight read files at a time, and some have just done so.
const BLOCKING_MAX: usize = 16;

/// The blocking threads, the file watcher, and room for the runtime's own.
const THREADS_MAX: usize = BLOCKING_MAX + 4;

#[test]
fn a_hundred_idle_sources_cost_next_to_nothing() {
    if !is_child() {
        let status = child("idle::a_hundred_idle_sources_cost_next_to_nothing").status().unwrap();
        return assert!(status.success());
    }
    // A pool of blocking threads may start one more while another is about to be free: its owner bounds it, as the
    // worker does, and the sources must do with that.
    let runtime =
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(BLOCKING_MAX).enable_all().build();
    runtime.unwrap().block_on(run_idle_sources());
}

async fn run_idle_sources() {
    let folder = tempfile::tempdir().unwrap();
    let before = cost();
    let mut tasks = Vec::new();
    for number in 0..SOURCES {
        let path = folder.path().join(format!("{number}.txt"));
        fs::write(&path, "a line\nand an unfinished one").unwrap();
        let settings = Properties::from([("topic", "t"), ("file", path.to_str().unwrap())]);
        tasks.push(source(settings).await);
    }
    let mut polling = tokio::task::JoinSet::new();
    for mut task in tasks {
        polling.spawn(async move {
            assert_eq!(task.poll().await.unwrap().len(), 1);
            for _ in 0..3 {
                assert!(task.poll().await.unwrap().is_empty());
            }
            task
        });
    }
    let mut idle = Vec::new();
    while let Some(task) = polling.join_next().await {
        idle.push(task.unwrap());
    }
    let after = cost();
    eprintln!("{SOURCES} idle sources: {before:?} before, {after:?} after");
    assert!(after.memory <= before.memory + MEMORY_MAX, "{before:?}, {after:?}");
    assert!(after.threads <= before.threads + THREADS_MAX, "{before:?}, {after:?}");
}

#[derive(Debug)]
struct Cost {
    memory: usize,
    threads: usize,
}

fn cost() -> Cost {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let number = |name: &str| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    Cost { memory: number("VmRSS:") << 10, threads: number("Threads:") }
}
