//! Where records of a case come from, and how they are counted where they arrive.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use millrace_tests::Folder;

use crate::Bench;
use crate::cases::{Flow, Place};
use crate::ceiling::fill_topic;
use crate::kafka::Topics;
use crate::payload::Payload;

/// What all runs of a case move.
pub struct Data {
    /// The lines; kept also when they were copied into a topic, as they are what the bare programs read.
    pub file: PathBuf,
    /// The topic with the same lines, when records come from one.
    topic: Option<String>,
    pub records: u64,
    /// The bytes of all lines with their line ends.
    bytes: u64,
    /// Holds the files of the case.
    folder: Folder,
}

/// What one run moves from and to.
pub struct Run<'a> {
    data: &'a Data,
    to: Place,
    /// The input file, or the file that is written.
    pub file: PathBuf,
    /// The topic that is written, or read.
    pub topic: String,
}

/// All data is the same on every machine.
const SEED: u64 = 20_251;

/// Lines are written in blocks of this many bytes.
const BLOCK: usize = 1 << 20;

// === impl Data ===

impl Data {
    /// Makes the lines, and a topic with them when records come from a topic.
    pub fn make(bench: &Bench, flow: &Flow) -> Result<Self> {
        let folder = Folder::new();
        let file = folder.path("lines.txt");
        let bytes = write_lines(&file, flow).context("writing the lines")?;
        let mut data = Self { file, topic: None, records: flow.records, bytes, folder };
        if flow.from == Place::Topic {
            let topic = bench.unique("in");
            bench.topics.create(&topic)?;
            let filled = fill_topic(bench, &topic, &data.file)?;
            if filled.records != flow.records {
                bail!("topic {topic} got {} of {} records", filled.records, flow.records);
            }
            data.topic = Some(topic);
        }
        Ok(data)
    }

    /// Prepares one run.
    pub fn run(&self, bench: &Bench, flow: &Flow) -> Result<Run<'_>> {
        let file = match flow.to {
            Place::File => self.folder.path(&bench.unique("out")),
            Place::Topic => self.file.clone(),
        };
        let topic = match &self.topic {
            Some(topic) => topic.clone(),
            None => new_topic(bench)?,
        };
        Ok(Run { data: self, to: flow.to, file, topic })
    }

    /// Returns the topic with the lines.
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// Removes what does not lie in the folder.
    pub fn remove(self, bench: &Bench) -> Result<()> {
        self.topic.as_deref().map_or(Ok(()), |topic| bench.topics.delete(topic))
    }
}

// === impl Run ===

impl Run<'_> {
    /// Returns how many records have arrived. Of a file, bytes are counted: a line is as long as the mean.
    pub fn arrived(&self, topics: &Topics) -> Result<u64> {
        match self.to {
            Place::Topic => topics.count(&self.topic),
            Place::File => {
                let bytes = size(&self.file);
                if bytes > self.data.bytes {
                    bail!("{bytes} bytes were written, and the records have {}", self.data.bytes);
                }
                let records = u128::from(bytes) * u128::from(self.data.records) / u128::from(self.data.bytes);
                Ok(u64::try_from(records)?)
            }
        }
    }

    /// Checks what a run that moved everything has written, as far as it can be done quickly, and removes it.
    pub fn finish(self, bench: &Bench, whole: Whole) -> Result<()> {
        match self.to {
            Place::Topic => {
                let count = bench.topics.count(&self.topic)?;
                if whole == Whole::Yes && count != self.data.records {
                    bail!("{count} records arrived, and there were {}", self.data.records);
                }
                bench.topics.delete(&self.topic)
            }
            Place::File => {
                let same = whole == Whole::No || same_content(&self.file, &self.data.file)?;
                fs::remove_file(&self.file).context("removing the written file")?;
                if same {
                    Ok(())
                } else {
                    bail!("the file that was written differs from the lines in the topic")
                }
            }
        }
    }
}

/// Whether a run moved all records before its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Yes,
    No,
}

/// Makes a topic with a name of its own.
pub fn new_topic(bench: &Bench) -> Result<String> {
    let topic = bench.unique("out");
    bench.topics.create(&topic)?;
    Ok(topic)
}

/// Returns the size of a file, 0 when it is not there yet.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn write_lines(path: &Path, flow: &Flow) -> Result<u64> {
    let mut file = BufWriter::with_capacity(BLOCK, File::create(path)?);
    let mut payload = Payload::new(SEED, flow.bytes);
    let (mut line, mut bytes) = (Vec::new(), 0);
    for _ in 0..flow.records {
        line.clear();
        payload.line(&mut line);
        line.push(b'\n');
        file.write_all(&line)?;
        bytes += line.len() as u64;
    }
    file.flush()?;
    Ok(bytes)
}

fn same_content(a: &Path, b: &Path) -> Result<bool> {
    let (a, b) = (File::open(a)?, File::open(b)?);
    let (mut left, mut right) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    loop {
        left.clear();
        right.clear();
        (&a).take(BLOCK as u64).read_to_end(&mut left)?;
        (&b).take(BLOCK as u64).read_to_end(&mut right)?;
        if left != right || left.is_empty() {
            return Ok(left == right);
        }
    }
}
