//! Downloads that outlive a test run: Kafka's jars, the Python client. Kept outside the clone.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the tests use from the system, and how to get it. Order: name, what for, how to install.
const TOOLS: [(&str, &str); 5] = [
    ("java", "apt-get install -y default-jre-headless (any Java from 17 on will do)"),
    ("javac", "apt-get install -y default-jdk-headless (any Java from 17 on will do)"),
    ("mvn", "apt-get install -y maven"),
    ("python3", "apt-get install -y python3 python3-venv"),
    ("setpriv", "apt-get install -y util-linux"),
];

/// The client that plays "any other Kafka client": pure Python, so that it needs no compiler and shares no code with
/// librdkafka.
const PYTHON_CLIENT: &str = "kafka-python==3.0.12";

/// Pinned, because another version of the plugin may ask for another Maven.
const COPY_JARS: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Returns the folder with the jars of Kafka and Connect; the first call on a machine fetches them with Maven.
pub fn kafka_jars() -> Result<PathBuf> {
    require("java")?;
    let pom = concat!(env!("CARGO_MANIFEST_DIR"), "/support/pom.xml");
    // The name follows the content: another version in the pom is another folder.
    let name = format!("kafka-jars-{:08x}", checksum(&fs::read(pom).context("reading support/pom.xml")?));
    filled(&name, |folder| {
        require("mvn")?;
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f", pom, COPY_JARS]);
        maven.arg(format!("-DoutputDirectory={}", folder.display()));
        run(&mut maven)
    })
}

/// Returns the folder with the classes of a Java source file that uses Kafka's; the first call on a machine compiles it.
pub fn java_classes(source: &Path) -> Result<PathBuf> {
    let jars = kafka_jars()?;
    let text = fs::read(source).with_context(|| format!("reading {}", source.display()))?;
    let jars_name = jars.file_name().unwrap_or_default().as_encoded_bytes();
    let name = format!("java-classes-{:08x}", checksum(&[&text, jars_name].concat()));
    filled(&name, |folder| {
        require("javac")?;
        let mut compiler = Command::new("javac");
        compiler.args(["-nowarn", "-XDignore.symbol.file", "-cp"]).arg(jars.join("*"));
        run(compiler.arg("-d").arg(folder).arg(source))
    })
}

/// Returns the Python interpreter that has the Kafka client; the first call on a machine makes its environment.
pub fn python() -> Result<PathBuf> {
    let name = format!("python-{:08x}", checksum(PYTHON_CLIENT.as_bytes()));
    let folder = filled(&name, |folder| {
        require("python3")?;
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))
            .context("python3 cannot make an environment: apt-get install -y python3-venv")?;
        let python = folder.join("bin/python");
        run(Command::new(python).args([
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            PYTHON_CLIENT,
        ]))
    })?;
    Ok(folder.join("bin/python"))
}

/// Returns an error that says what to install when `tool` is not on the path.
pub fn require(tool: &str) -> Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|folder| folder.join(tool).is_file()) {
        return Ok(());
    }
    let install = TOOLS.iter().find(|(name, _)| *name == tool).map_or("install it", |(_, install)| install);
    bail!("{tool} is not installed: {install}")
}

/// Returns the folder for downloads: `MILLRACE_CACHE`, or `~/.cache/millrace`.
pub fn cache_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("MILLRACE_CACHE") {
        return Ok(folder.into());
    }
    let home = env::var_os("HOME").context("neither MILLRACE_CACHE nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/millrace"))
}

/// Returns the cached folder `name`; `fill` makes its content when it is not there or was left half done.
///
/// One process fills at a time: the tests of several programs may ask at once.
fn filled(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
    let folder = cache.join(name);
    let complete = folder.join(".complete");
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("locking {name} in {}", cache.display()))?;
    if complete.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("removing a half-filled {}", folder.display()))?;
    }
    fs::create_dir(&folder)?;
    fill(&folder)?;
    File::create(complete)?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    bail!("{command:?} ended with {}:\n{said}", output.status)
}

/// FNV-1a: enough to tell one version of a small file from another.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        assert!(require("sh").is_ok());
        let error = require("mvn-that-is-not-there").expect_err("there is no such tool");
        assert_eq!(error.to_string(), "mvn-that-is-not-there is not installed: install it");
    }
}
