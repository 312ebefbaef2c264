//! `millrace demo`: the main job on the embedded broker, from an empty folder.

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The files of the demo, which are also examples of the repository.
const FILES: [(&str, &str); 3] = [
    ("worker.properties", include_str!("../../config-examples/demo/worker.properties")),
    ("lines-source.properties", include_str!("../../config-examples/demo/lines-source.properties")),
    ("lines-sink.properties", include_str!("../../config-examples/demo/lines-sink.properties")),
];

/// Marks a folder that a demo has made, and may remove.
const MARK: &str = ".millrace-demo";

/// How long nothing may move before the demo gives up.
const STALL: Duration = Duration::from_secs(30);

/// How often the screen is brought up to date.
const TICK: Duration = Duration::from_millis(50);

/// Runs the demo in this folder, which it makes anew.
pub fn run(folder: &Path, lines: u64) -> anyhow::Result<()> {
    prepare(folder)?;
    println!("Writing {lines} lines to {} ...", folder.join("lines.txt").display());
    let bytes = write_lines(&folder.join("lines.txt"), lines)?;
    let port = free_port(8083)?;
    println!(
        "Starting a worker with an embedded broker, a file source and a file sink (its log: {}) ...",
        folder.join("worker.log").display()
    );
    let mut worker = Worker::start(folder, port)?;
    let began = Instant::now();
    worker.follow(&folder.join("copy.txt"), bytes)?;
    let seconds = began.elapsed().as_secs_f64();
    compare(&folder.join("lines.txt"), &folder.join("copy.txt"))?;
    println!(
        "All {lines} lines went through topic `lines` in {seconds:.1} s, {:.0} lines a second; both files are equal.",
        lines as f64 / seconds
    );
    for path in ["/", "/connectors", "/connectors/lines-sink/status"] {
        println!("\n$ curl localhost:{port}{path}\n{}", get(port, path)?);
    }
    worker.stop()?;
    println!("{}", farewell(folder));
    Ok(())
}

fn farewell(folder: &Path) -> String {
    let program = std::env::current_exe().map_or("millrace".into(), |path| path.display().to_string());
    let folder = folder.display();
    format!(
        "\nLook at {folder}/: the two files, the three .properties files and worker.log.\n\
         To carry on, start the same worker again,\n\n  \
         cd {folder} && {program} standalone worker.properties lines-source.properties lines-sink.properties\n\n\
         and append a line in another terminal; it arrives in copy.txt at once:\n\n  \
         echo 'one more' >> {folder}/lines.txt\n"
    )
}

fn prepare(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        ensure!(
            folder.join(MARK).exists(),
            "{} is there and is not the folder of a demo; name another with --folder",
            folder.display()
        );
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    fs::write(folder.join(MARK), "this folder is made anew by each `millrace demo`\n")?;
    for (name, content) in FILES {
        fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

/// Writes lines like those of a web server's log: of different lengths, and no two alike.
fn write_lines(path: &Path, lines: u64) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path).with_context(|| format!("making {}", path.display()))?);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for number in 0..lines {
        let method = ["GET", "PUT", "POST", "DELETE"][next(4) as usize];
        let thing = ["orders", "customers", "invoices", "parcels", "stock"][next(5) as usize];
        let (id, status, took) = (next(10_000_000), [200, 201, 204, 404, 500][next(5) as usize], next(2000));
        let (a, b, c) = (next(256), next(256), next(256));
        writeln!(
            file,
            "{number} 10.{a}.{b}.{c} \"{method} /{thing}/{id}\" {status} {took}ms {:016x}",
            next(u64::MAX)
        )?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

/// Returns the usual port when it is free, else any.
fn free_port(usual: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", usual)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    Ok(listener.context("finding a free port")?.local_addr()?.port())
}

fn compare(one: &Path, other: &Path) -> anyhow::Result<()> {
    let open = |path: &Path| File::open(path).with_context(|| format!("reading {}", path.display()));
    let (mut one_lines, mut other_lines) = (BufReader::new(open(one)?), BufReader::new(open(other)?));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for line in 1.. {
        left.clear();
        right.clear();
        one_lines.read_until(b'\n', &mut left)?;
        other_lines.read_until(b'\n', &mut right)?;
        ensure!(left == right, "{} and {} differ in line {line}", one.display(), other.display());
        if left.is_empty() {
            break;
        }
    }
    Ok(())
}

fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(STALL))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("the worker gave no HTTP answer")?;
    Ok(body.to_string())
}

/// The worker of the demo, a process of its own as anybody would start it; stopped when dropped.
struct Worker {
    process: Child,
    log: std::path::PathBuf,
}

impl Worker {
    fn start(folder: &Path, port: u16) -> anyhow::Result<Self> {
        let settings = folder.join("worker.properties");
        let text = fs::read_to_string(&settings)?;
        fs::write(&settings, text.replace("127.0.0.1:8083", &format!("127.0.0.1:{port}")))?;
        let log = folder.join("worker.log");
        let process = Command::new(std::env::current_exe()?)
            .arg("standalone")
            .args(["worker.properties", "lines-source.properties", "lines-sink.properties"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(Stdio::inherit())
            .spawn()
            .context("starting the worker")?;
        Ok(Self { process, log })
    }

    /// Shows how the copy grows until it is whole.
    fn follow(&mut self, copy: &Path, bytes: u64) -> anyhow::Result<()> {
        let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {elapsed}")?;
        let bar = ProgressBar::new(bytes).with_style(style);
        let (mut last, mut moved) = (0, Instant::now());
        while last < bytes {
            std::thread::sleep(TICK);
            if let Some(status) = self.process.try_wait()? {
                bail!("the worker ended with {status}; see {}", self.log.display());
            }
            let size = fs::metadata(copy).map_or(0, |metadata| metadata.len());
            if size != last {
                (last, moved) = (size, Instant::now());
            }
            ensure!(moved.elapsed() < STALL, "nothing has moved for {STALL:?}; see {}", self.log.display());
            bar.set_position(size);
        }
        bar.finish();
        Ok(())
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM).context("stopping the worker")?;
        let status = self.process.wait()?;
        ensure!(status.code() == Some(143), "the worker ended with {status}; see {}", self.log.display());
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended already unless the demo failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
