//! What the start scripts of Kafka Connect do around the program: `-daemon`, and the variables for the Java machine.

use anyhow::Context;
use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Runs in the background when it is the first argument.
pub const FLAG: &str = "-daemon";

/// Variables that the start scripts of Kafka Connect know, and what is to be said about each.
const VARIABLES: [(&str, &str); 7] = [
    (
        "KAFKA_HEAP_OPTS",
        "there is no Java heap; memory is bounded by the settings of producers and consumers",
    ),
    ("KAFKA_OPTS", "there is no Java machine; JAAS files are not read, give sasl.jaas.config instead"),
    (
        "KAFKA_LOG4J_OPTS",
        "Log4j files are not read; MILLRACE_LOG sets levels, and so does PUT /admin/loggers/{logger}",
    ),
    ("KAFKA_JVM_PERFORMANCE_OPTS", "there is no Java machine"),
    ("KAFKA_GC_LOG_OPTS", "there is no Java machine"),
    ("KAFKA_JMX_OPTS", "there is no JMX"),
    ("JMX_PORT", "there is no JMX"),
];

/// Returns a sentence for each variable that is set and has no effect here.
pub fn without_effect() -> Vec<String> {
    let set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let set = VARIABLES.iter().filter(|(name, _)| set(name));
    set.map(|(name, reason)| format!("{name} is set and has no effect: {reason}")).collect()
}

/// Starts this program again in the background, without a terminal, and returns.
///
/// Its output goes to a file in `LOG_DIR`, which is overwritten, as the start scripts do.
pub fn start(program: &str, arguments: &[OsString]) -> anyhow::Result<()> {
    let folder = env::var_os("LOG_DIR").map_or_else(|| PathBuf::from("logs"), PathBuf::from);
    fs::create_dir_all(&folder).with_context(|| format!("making {} (LOG_DIR)", folder.display()))?;
    let path = folder.join(format!("{}.out", name(env::var_os("EXTRA_ARGS").as_deref())));
    let output = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    let errors = output.try_clone().with_context(|| format!("opening {} again", path.display()))?;
    Command::new(env::current_exe().context("finding this program")?)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context("starting the program in the background")?;
    Ok(())
}

/// Returns the name that `EXTRA_ARGS` gives with `-name`, or that of the start script.
fn name(extra: Option<&OsStr>) -> String {
    let extra = extra.map(OsStr::to_string_lossy).unwrap_or_default();
    let mut words = extra.split_whitespace().skip_while(|word| *word != "-name");
    let given = words.nth(1).filter(|name| !name.contains('/'));
    given.unwrap_or("connectStandalone").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_output_is_that_of_the_scripts() {
        assert_eq!(name(None), "connectStandalone");
        assert_eq!(name(Some(OsStr::new("-x -name mine -y"))), "mine");
        assert_eq!(name(Some(OsStr::new("-name"))), "connectStandalone");
        assert_eq!(name(Some(OsStr::new("-name ../x"))), "connectStandalone");
    }
}
