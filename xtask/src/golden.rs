//! Files that a command writes and a review reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tidy::Fault;

/// A file, from the root, that holds what a command writes to standard output.
struct Golden {
    file: &'static str,
    command: &'static [&'static str],
}

/// Add a line here, run `cargo xtask golden`, commit the file: from then on a change of the output is a change of the
/// file, and seen in review. Commands run in the root of the repository.
const GOLDEN: &[Golden] = &[];

/// Returns a fault for each file that differs from what its command writes.
pub fn check(root: &Path) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for golden in GOLDEN {
        let written = output(golden, root)?;
        let kept = fs::read_to_string(root.join(golden.file)).unwrap_or_default();
        faults.extend(difference(golden.file, &kept, &written));
    }
    Ok(faults)
}

pub fn write(root: &Path) -> Result<()> {
    for golden in GOLDEN {
        let written = output(golden, root)?;
        fs::write(root.join(golden.file), written).with_context(|| format!("writing {}", golden.file))?;
        println!("{}", golden.file);
    }
    Ok(())
}

fn output(golden: &Golden, root: &Path) -> Result<String> {
    let (program, arguments) = golden.command.split_first().context("a golden file names a command")?;
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.with_context(|| format!("starting {program} for {}", golden.file))?;
    if !output.status.success() {
        bail!("{:?} for {}: {}", golden.command, golden.file, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns a fault at the first line that differs.
fn difference(file: &str, kept: &str, written: &str) -> Option<Fault> {
    if kept == written {
        return None;
    }
    let same = kept.lines().zip(written.lines()).take_while(|(kept, written)| kept == written).count();
    let message = "differs from what its command writes; run `cargo xtask golden` and review the change";
    Some(Fault::new(file, same + 1, "golden", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_output_is_a_fault_at_its_line() {
        assert_eq!(difference("a.golden", "1\n2\n", "1\n2\n"), None);
        let fault = difference("a.golden", "1\n2\n", "1\n3\n").map(|fault| fault.to_string());
        assert!(fault.is_some_and(|fault| fault.starts_with("a.golden:2: differs")));
    }

    #[test]
    fn a_command_is_run_in_the_root() -> Result<()> {
        let golden = Golden { file: "a.golden", command: &["pwd"] };
        assert_eq!(output(&golden, Path::new("/"))?, "/\n");
        let golden = Golden { file: "a.golden", command: &["false"] };
        assert!(output(&golden, Path::new("/")).is_err());
        Ok(())
    }
}
