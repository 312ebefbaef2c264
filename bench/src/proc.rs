//! What the kernel knows of a process: CPU time, memory, threads.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// In what `/proc` counts CPU time: a hundredth of a second, whatever the kernel's own clock.
const TICKS_PER_SECOND: u64 = 100;

/// The state of a process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of the process and its children since its start.
    pub cpu: Duration,
    /// Resident bytes.
    pub resident: u64,
    /// The most bytes that were resident at a time.
    pub peak: u64,
    pub threads: u64,
}

/// Returns what the process `id` uses; CPU time with that of its descendants.
pub fn usage(id: u32) -> Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))
        .with_context(|| format!("process {id} has ended"))?;
    let mut usage = memory_and_threads(&status);
    usage.cpu = duration(tree_ticks(id, &all_stats()));
    Ok(usage)
}

/// Returns the CPU time of this process's children that have ended.
pub fn ended_children_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat").context("reading /proc/self/stat")?;
    let stat = stat(&text).context("reading /proc/self/stat")?;
    Ok(duration(stat.children))
}

/// One line of `/proc/ID/stat`, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    id: u32,
    parent: u32,
    /// User and system time, with that of children that have ended.
    ticks: u64,
    /// The part of the children.
    children: u64,
}

fn all_stats() -> Vec<Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        .filter_map(|entry| stat(&fs::read_to_string(entry.path().join("stat")).ok()?))
        .collect()
}

/// The second field is the program's name, which may hold blanks and brackets: fields are counted behind it.
fn stat(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let id = head.split_whitespace().next()?.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let children = number(13)? + number(14)?;
    let ticks = number(11)? + number(12)? + children;
    Some(Stat { id, parent: fields.get(1)?.parse().ok()?, ticks, children })
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Adds up the process and its living descendants.
fn tree_ticks(root: u32, stats: &[Stat]) -> u64 {
    let own = stats.iter().filter(|stat| stat.id == root).map(|stat| stat.ticks).sum::<u64>();
    let children = stats.iter().filter(|stat| stat.parent == root && stat.id != root);
    own + children.map(|child| tree_ticks(child.id, stats)).sum::<u64>()
}

fn memory_and_threads(status: &str) -> Usage {
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    Usage {
        cpu: Duration::ZERO,
        resident: number("VmRSS:") * 1024,
        peak: number("VmHWM:") * 1024,
        threads: number("Threads:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_is_skipped() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 0 1 2 3 4 100 20 3 4 20 0 9";
        assert_eq!(stat(line), Some(Stat { id: 42, parent: 7, ticks: 127, children: 7 }));
        assert_eq!(stat("nothing"), None);
    }

    #[test]
    fn descendants_count_and_others_do_not() {
        let stat = |id, parent, ticks| Stat { id, parent, ticks, children: 0 };
        let stats = [stat(1, 0, 1000), stat(5, 1, 10), stat(6, 5, 20), stat(7, 6, 40), stat(8, 1, 80)];
        assert_eq!(tree_ticks(5, &stats), 70);
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident && usage.threads >= 1);
    }
}
