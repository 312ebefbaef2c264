//! Databases from the system's packages: PostgreSQL and MariaDB, each on a free port and in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result, bail};

use crate::wait::holds_within;
use crate::{Folder, LATE, Process, Signal, free_port};

/// The user and password of every server here.
pub const USER: &str = "test";
pub const PASSWORD: &str = "secret";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    PostgreSql,
    MariaDb,
}

/// A database server that may be killed and started again.
pub struct Database {
    kind: Kind,
    folder: Folder,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl Database {
    /// Returns the PostgreSQL server that the tests of this process share. Its database is `postgres`.
    pub fn postgresql() -> &'static Self {
        static SHARED: OnceLock<Database> = OnceLock::new();
        SHARED.get_or_init(|| Self::shared(Kind::PostgreSql))
    }

    /// Returns the MariaDB server that the tests of this process share. Its database is `test`.
    pub fn mariadb() -> &'static Self {
        static SHARED: OnceLock<Database> = OnceLock::new();
        SHARED.get_or_init(|| Self::shared(Kind::MariaDb))
    }

    /// Starts a PostgreSQL server of the test's own.
    #[track_caller]
    pub fn own_postgresql() -> Self {
        Self::start_new(Kind::PostgreSql)
    }

    /// Starts a MariaDB server of the test's own.
    #[track_caller]
    pub fn own_mariadb() -> Self {
        Self::start_new(Kind::MariaDb)
    }

    /// Returns the URL that Java's drivers take.
    pub fn jdbc_url(&self) -> String {
        match self.kind {
            Kind::PostgreSql => format!("jdbc:postgresql://127.0.0.1:{}/postgres", self.port),
            Kind::MariaDb => format!("jdbc:mysql://127.0.0.1:{}/test", self.port),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements with the server's own client and returns what it prints: rows, columns parted by `|`.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error:#}"))
    }

    /// Ends the server as a crash would.
    pub fn kill_9(&self) {
        if let Some(mut process) = self.slot().take() {
            process.kill_9();
        }
        // A killed PostgreSQL leaves its children for a moment.
        let _ = fs::remove_file(self.folder.path("data/postmaster.pid"));
    }

    /// Starts the server again on its port.
    #[track_caller]
    pub fn start(&self) {
        self.try_start().unwrap_or_else(|error| panic!("starting {:?}: {error:#}", self.kind));
    }

    fn shared(kind: Kind) -> Self {
        let server = Self::start_new(kind);
        server.folder.remove_when_this_process_ends();
        server
    }

    #[track_caller]
    fn start_new(kind: Kind) -> Self {
        let server = Self { kind, folder: Folder::new(), port: free_port(), process: Mutex::new(None) };
        let made = server.make().and_then(|()| server.try_start()).and_then(|()| server.first_use());
        made.unwrap_or_else(|error| panic!("starting {kind:?}: {error:#}"));
        server
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn make(&self) -> Result<()> {
        let data = self.folder.path("data");
        match self.kind {
            Kind::PostgreSql => {
                self.give_to("postgres")?;
                let password = self.folder.write("password", PASSWORD);
                let mut command = self.as_user("postgres", &postgresql_program("initdb")?);
                command.arg("-D").arg(&data).args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "-N"]);
                command.arg("--locale=C.UTF-8").arg(format!("--pwfile={}", password.display()));
                run(&mut command).map(drop)
            }
            Kind::MariaDb => {
                self.give_to("mysql")?;
                let mut command = Command::new("mariadb-install-db");
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                command.arg(format!("--datadir={}", data.display()));
                if is_root() {
                    command.arg("--user=mysql");
                }
                run(&mut command)
                    .context("mariadb-install-db comes with the package mariadb-server")
                    .map(drop)
            }
        }
    }

    fn try_start(&self) -> Result<()> {
        let command = match self.kind {
            Kind::PostgreSql => self.postgresql_command()?,
            Kind::MariaDb => self.mariadb_command(),
        };
        let mut process = Process::start("database", &command, self.folder.root())?;
        let ready = holds_within(LATE, &mut || !process.is_running() || self.answers());
        if !ready || !process.is_running() {
            bail!("the server does not answer:\n{}", process.log());
        }
        *self.slot() = Some(process);
        Ok(())
    }

    fn postgresql_command(&self) -> Result<Command> {
        let mut command = self.as_user("postgres", &postgresql_program("postgres")?);
        command.arg("-D").arg(self.folder.path("data"));
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder.root().display()),
            "shared_buffers=32MB".to_owned(),
            "fsync=off".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        Ok(command)
    }

    fn mariadb_command(&self) -> Command {
        // Not by its own `--user`: a process that changes its user itself is no longer tied to its parent's end.
        let mut command = self.as_user("mysql", Path::new("mariadbd"));
        command.arg("--no-defaults");
        command.arg(format!("--datadir={}", self.folder.path("data").display()));
        command.arg(format!("--socket={}", self.folder.path("my.sock").display()));
        command.arg(format!("--pid-file={}", self.folder.path("my.pid").display()));
        command.args([format!("--port={}", self.port), "--bind-address=127.0.0.1".to_owned()]);
        // What was committed survives a kill of the process, if not one of the machine.
        command.args(["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2"]);
        command.args(["--performance-schema=OFF", "--character-set-server=utf8mb4"]);
        command
    }

    fn first_use(&self) -> Result<()> {
        if self.kind == Kind::PostgreSql {
            return Ok(());
        }
        let sql = format!(
            "create database test; create user {USER}@'127.0.0.1' identified by '{PASSWORD}';
             grant all on *.* to {USER}@'127.0.0.1' with grant option;"
        );
        run(self.mariadb_root().args(["-e", &sql])).map(drop)
    }

    fn answers(&self) -> bool {
        match self.kind {
            Kind::PostgreSql => self.try_sql("select 1").is_ok(),
            Kind::MariaDb => run(self.mariadb_root().args(["-e", "select 1"])).is_ok(),
        }
    }

    fn mariadb_root(&self) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "-uroot"]);
        command.arg(format!("--socket={}", self.folder.path("my.sock").display()));
        command
    }

    /// As `sql`, for servers that may be down.
    pub fn try_sql(&self, sql: &str) -> Result<String> {
        let port = self.port.to_string();
        let mut command = match self.kind {
            Kind::PostgreSql => {
                let mut command = Command::new(postgresql_program("psql")?);
                command.env("PGPASSWORD", PASSWORD).env("PGOPTIONS", "-c client_min_messages=warning");
                command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
                command.args(["-h", "127.0.0.1", "-p", &port, "-U", USER, "-d", "postgres"]);
                command.args(["-c", sql]);
                command
            }
            Kind::MariaDb => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "--default-character-set=utf8mb4", "-N", "-B"]);
                command.args(["-h", "127.0.0.1", "-P", &port, "-u", USER, "test"]);
                command.arg(format!("-p{PASSWORD}")).args(["-e", sql]);
                command
            }
        };
        let printed = run(&mut command)?;
        Ok(if self.kind == Kind::MariaDb { printed.replace('\t', "|") } else { printed })
    }

    /// Servers refuse to run as root: the folder becomes their own user's.
    fn give_to(&self, user: &str) -> Result<()> {
        if is_root() {
            run(Command::new("chown").arg(user).arg(self.folder.root())).map(drop)?;
        }
        Ok(())
    }

    fn as_user(&self, user: &str, program: &Path) -> Command {
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--init-groups", "--pdeathsig", "KILL", "--"]);
        command.arg(program);
        command
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // PostgreSQL takes INT as "end now, cut the clients off".
        if let Some(process) = self.slot().as_mut() {
            process.send(Signal::INT);
        }
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// Returns a program of the newest PostgreSQL; Debian keeps the server's programs out of the way.
fn postgresql_program(name: &str) -> Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|entry| entry.path().join("bin").join(name)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    match found.pop() {
        Some(path) => Ok(path),
        None if Command::new(name).arg("--version").output().is_ok() => Ok(name.into()),
        None => bail!("{name} is not installed; it comes with the package postgresql"),
    }
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
