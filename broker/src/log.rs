//! The log of one partition: segment files on disk, offsets, and what idempotent producers wrote.
//!
//! **Invariant:** what [`Log::append`] returned is with the operating system, whole, before the caller goes on. A
//! killed process can only leave a torn batch behind the last acknowledged one; [`Log::open`] cuts it off.

pub mod batch;
mod producers;
pub mod records;
mod segment;
#[cfg(test)]
mod tests;

pub use segment::Slice;

use crate::BrokerError;
use crate::folder::LastStop;
use batch::{BatchHeader, HEADER_BYTES};
use kafka_protocol::ResponseError;
use producers::{Producers, Verdict};
use segment::{Segment, Trust};
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log of one partition.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    segment_bytes: u64,
    /// In order of their base offsets; never empty. Only the last one grows.
    segments: Vec<Segment>,
    /// The first segment that may hold bytes which are not on the disk yet, if one does.
    unflushed: Option<usize>,
    next_offset: i64,
    producers: Producers,
}

/// Whose clock gives the records their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordTime {
    Producer,
    /// The broker's, in milliseconds since 1970.
    Broker(i64),
}

/// Where a batch is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub base_offset: i64,
    /// Whether it was written now; a batch that a producer sent again was there before.
    pub novelty: Novelty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    Written,
    SentAgain,
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("refused: {0}")]
    Refused(ResponseError),
    #[error("writing the log")]
    Disk(#[from] io::Error),
}

/// Why offsets cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {0} is outside the log")]
    OutOfRange(i64),
    #[error("reading the log")]
    Disk(#[from] io::Error),
}

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    pub offset: i64,
    pub timestamp: i64,
}

impl Log {
    /// Opens a partition's folder, creating it when needed, and cuts off what a killed process left torn.
    pub fn open(folder: &Path, segment_bytes: u64, last_stop: LastStop) -> Result<Self, BrokerError> {
        fs::create_dir_all(folder).map_err(BrokerError::folder(folder))?;
        let bases = segment_bases(folder)?;
        let mut log = Self {
            folder: folder.to_owned(),
            segment_bytes,
            segments: Vec::new(),
            unflushed: None,
            next_offset: bases.first().copied().unwrap_or(0),
            producers: Producers::default(),
        };
        for (at, base) in bases.iter().enumerate() {
            let is_last = at + 1 == bases.len();
            // Only the file that was being written can be torn; older ones are read by their headers.
            let trust =
                if is_last && last_stop == LastStop::Killed { Trust::Nothing } else { Trust::Contents };
            if log.load(*base, trust)? == ControlFlow::Break(()) {
                log.set_aside(&bases[at + 1..])?;
                break;
            }
        }
        if log.segments.is_empty() {
            log.segments.push(Segment::new(folder, log.next_offset));
        }
        log.unflushed = (last_stop == LastStop::Killed).then_some(0);
        Ok(log)
    }

    pub fn start_offset(&self) -> i64 {
        self.segments.first().map_or(self.next_offset, |segment| segment.base_offset)
    }

    /// Returns the offset that the next record gets; a single node has no other high watermark.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// Appends a batch whose header was checked, or finds it when its producer sent it before.
    pub fn append(
        &mut self,
        bytes: &[u8],
        header: &BatchHeader,
        time: RecordTime,
    ) -> Result<Placed, AppendError> {
        if let Verdict::Duplicate { base_offset } =
            self.producers.judge(header).map_err(AppendError::Refused)?
        {
            return Ok(Placed { base_offset, novelty: Novelty::SentAgain });
        }
        let base_offset = self.next_offset;
        let mut own = batch::placed(bytes, base_offset);
        let rest = &bytes[HEADER_BYTES..header.size];
        let mut placed = BatchHeader { base_offset, ..*header };
        if let RecordTime::Broker(now) = time {
            batch::stamp(&mut own, rest, now);
            placed.max_timestamp = now;
        }
        self.unflushed.get_or_insert(self.segments.len() - 1);
        self.growing(header.size as u64)?.append(&own, rest, &placed)?;
        self.next_offset = placed.last_offset() + 1;
        self.producers.note(&placed);
        Ok(Placed { base_offset, novelty: Novelty::Written })
    }

    /// Returns where the batches from `offset` on lie: at least one whole batch, then as many as fit `bytes_max`.
    /// `None` at the end of the log.
    pub fn read(&mut self, offset: i64, bytes_max: usize) -> Result<Option<Slice>, ReadError> {
        if offset < self.start_offset() || offset > self.next_offset {
            return Err(ReadError::OutOfRange(offset));
        }
        if offset == self.next_offset {
            return Ok(None);
        }
        let at = self.segments.partition_point(|segment| segment.base_offset <= offset) - 1;
        for segment in &mut self.segments[at..] {
            if let Some(slice) = segment.slice(offset, bytes_max)? {
                return Ok(Some(slice));
            }
        }
        Ok(None)
    }

    /// Returns the first record whose time is `timestamp` or later.
    pub fn find_time(&mut self, timestamp: i64) -> io::Result<Option<Found>> {
        for segment in &mut self.segments {
            if let Some(slice) = segment.at_time(timestamp)? {
                return find_in_batch(&slice, timestamp).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns the record with the latest time.
    pub fn find_latest_time(&mut self) -> io::Result<Option<Found>> {
        match self.segments.iter().filter_map(Segment::max_timestamp).max() {
            Some(timestamp) => self.find_time(timestamp),
            None => Ok(None),
        }
    }

    /// Returns the file that was written last, for a caller that wants it on the disk.
    pub fn growing_file(&mut self) -> io::Result<Arc<File>> {
        self.last().file()
    }

    /// Forces everything to the disk.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(from) = self.unflushed else { return Ok(()) };
        for segment in &mut self.segments[from..] {
            if segment.size() > 0 {
                segment.file()?.sync_data()?;
                segment.close();
            }
        }
        self.unflushed = None;
        Ok(())
    }

    /// Returns the segment that takes the next `bytes`, beginning a new one when they would not fit.
    fn growing(&mut self, bytes: u64) -> io::Result<&mut Segment> {
        let limit = self.segment_bytes;
        let last = self.last();
        if last.size() > 0 && last.size() + bytes > limit {
            last.close();
            let next = Segment::new(&self.folder, self.next_offset);
            self.segments.push(next);
        }
        Ok(self.last())
    }

    fn last(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log always has a segment")
    }

    /// Loads one segment file; breaks when what follows it cannot be used.
    fn load(&mut self, base: i64, trust: Trust) -> Result<ControlFlow<()>, BrokerError> {
        let (producers, next_offset) = (&mut self.producers, &mut self.next_offset);
        *next_offset = base.max(*next_offset);
        let seen = |header: &BatchHeader| {
            producers.note(header);
            *next_offset = header.last_offset() + 1;
        };
        let (mut segment, damage) =
            Segment::scan(&self.folder, base, trust, seen).map_err(BrokerError::folder(&self.folder))?;
        let path = segment.path().to_owned();
        let Some(damage) = damage else {
            self.segments.push(segment);
            return Ok(ControlFlow::Continue(()));
        };
        tracing::warn!(
            file = %path.display(), position = damage.position, lost_bytes = damage.lost_bytes,
            "cut off the end of a segment: {}", damage.fault
        );
        segment.cut().map_err(BrokerError::folder(path))?;
        self.segments.push(segment);
        Ok(ControlFlow::Break(()))
    }

    /// Keeps, under another name, the segments behind a damaged one: their records cannot follow a hole.
    fn set_aside(&self, bases: &[i64]) -> Result<(), BrokerError> {
        for base in bases {
            let path = Segment::new(&self.folder, *base).path().to_owned();
            let aside = path.with_extension("damaged");
            tracing::error!(file = %aside.display(), "a segment follows a damaged one and was set aside");
            fs::rename(&path, aside).map_err(BrokerError::folder(path))?;
        }
        Ok(())
    }
}

/// Returns the base offsets of the segment files of a folder, in order.
fn segment_bases(folder: &Path) -> Result<Vec<i64>, BrokerError> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(folder).map_err(BrokerError::folder(folder))? {
        let path = entry.map_err(BrokerError::folder(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let base = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let problem = "its name is no offset".to_owned();
            bases.push(base.ok_or(BrokerError::Unreadable { path, problem })?);
        }
    }
    bases.sort_unstable();
    Ok(bases)
}

/// Returns the first record of a batch at `timestamp` or later; the batch is known to have one.
fn find_in_batch(slice: &Slice, timestamp: i64) -> io::Result<Found> {
    let mut bytes = bytes::BytesMut::new();
    slice.read_into(&mut bytes)?;
    let header = BatchHeader::parse(&bytes).map_err(io::Error::other)?;
    let mut found = Found { offset: header.base_offset, timestamp: header.max_timestamp };
    if header.has_append_time() {
        return Ok(found);
    }
    let read = records::visit(&bytes, &header, |record| {
        let time = header.base_timestamp + record.timestamp_delta;
        if time < timestamp {
            return ControlFlow::Continue(());
        }
        found = Found { offset: header.base_offset + i64::from(record.offset_delta), timestamp: time };
        ControlFlow::Break(())
    });
    // Records that a producer wrote wrongly still have the batch's own offset and time.
    if let Err(fault) = read {
        tracing::debug!(offset = header.base_offset, "records of a batch cannot be read: {fault}");
    }
    Ok(found)
}
