//! One file of a partition's log, with its sparse index in memory.

use super::batch::{BatchFault, BatchHeader, HEADER_BYTES};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IoSlice, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes between two index entries: what a lookup reads at most to find a batch, and what keeps the index of ten
/// gigabytes of small batches at 15 MB.
const INDEX_INTERVAL_BYTES: u64 = 16 * 1024;
/// Read ahead while scanning headers at open.
const SCAN_BUFFER_BYTES: usize = 64 * 1024;

/// A segment file. Batches are only ever added at its end.
#[derive(Debug)]
pub struct Segment {
    pub base_offset: i64,
    path: PathBuf,
    size: u64,
    index: Vec<IndexEntry>,
    /// Opened at the first use, so that idle partitions cost no descriptor.
    file: Option<Arc<File>>,
}

/// Where a stretch of batches begins.
#[derive(Debug, Clone, Copy)]
struct IndexEntry {
    base_offset: i64,
    position: u64,
    /// The latest record time of the stretch.
    max_timestamp: i64,
}

/// Bytes of whole batches in a file.
#[derive(Debug, Clone)]
pub struct Slice {
    file: Arc<File>,
    position: u64,
    pub length: usize,
}

/// What to check in each batch while a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The headers only.
    Contents,
    /// Headers and checksums.
    Nothing,
}

/// Where the sound part of a file ends, and what is wrong after it.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    pub position: u64,
    pub lost_bytes: u64,
    pub fault: BatchFault,
}

impl Segment {
    /// Returns a segment that has no file yet.
    pub fn new(folder: &Path, base_offset: i64) -> Self {
        let path = folder.join(format!("{base_offset:020}.log"));
        Self { base_offset, path, size: 0, index: Vec::new(), file: None }
    }

    /// Reads a segment's headers, calling `seen` with each; stops at the first batch that is not sound.
    pub fn scan(
        folder: &Path,
        base_offset: i64,
        trust: Trust,
        mut seen: impl FnMut(&BatchHeader),
    ) -> io::Result<(Self, Option<Damage>)> {
        let mut segment = Self::new(folder, base_offset);
        let file = File::open(&segment.path)?;
        let total = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(SCAN_BUFFER_BYTES, file);
        let mut next_offset = base_offset;
        let mut batch = Vec::new();
        while segment.size < total {
            let left = total - segment.size;
            match read_batch(&mut reader, left, trust, &mut batch)? {
                Ok(header) if follows(&header, next_offset, trust) => {
                    next_offset = header.last_offset() + 1;
                    segment.note(&header);
                    seen(&header);
                }
                Ok(header) => {
                    let fault = BatchFault::Offset(header.base_offset);
                    return Ok((segment, Some(Damage { position: total - left, lost_bytes: left, fault })));
                }
                Err(fault) => {
                    return Ok((segment, Some(Damage { position: total - left, lost_bytes: left, fault })));
                }
            }
        }
        Ok((segment, None))
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what lies behind the sound part.
    pub fn cut(&mut self) -> io::Result<()> {
        OpenOptions::new().write(true).open(&self.path)?.set_len(self.size)
    }

    /// Writes one batch, given in two parts, at the end. A failed write leaves the file as it was.
    pub fn append(&mut self, header: &[u8], rest: &[u8], placed: &BatchHeader) -> io::Result<()> {
        let file = self.file()?;
        if let Err(error) = write_both(&file, header, rest) {
            file.set_len(self.size)?;
            return Err(error);
        }
        self.note(placed);
        Ok(())
    }

    /// Returns the open file, creating it when needed.
    pub fn file(&mut self) -> io::Result<Arc<File>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(OpenOptions::new().create(true).append(true).read(true).open(&self.path)?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Closes the file; it is opened again when it is read.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Returns the batches from the one that holds `offset` on: at least one, then as many as fit `bytes_max`.
    /// `None` when every batch here lies before `offset`.
    pub fn slice(&mut self, offset: i64, bytes_max: usize) -> io::Result<Option<Slice>> {
        let from = self.index.partition_point(|entry| entry.base_offset <= offset).saturating_sub(1);
        let Some((position, first)) = self.find(from, |header| header.last_offset() >= offset)? else {
            return Ok(None);
        };
        let limit = position + bytes_max as u64;
        let first_end = position + first.size as u64;
        let end = if self.size <= limit {
            self.size
        } else {
            let after = self.index.partition_point(|entry| entry.position <= limit);
            self.index[after - 1].position.max(first_end)
        };
        Ok(Some(Slice { file: self.file()?, position, length: (end - position) as usize }))
    }

    /// Returns the bytes of the first batch with a record at `timestamp` or later.
    pub fn at_time(&mut self, timestamp: i64) -> io::Result<Option<Slice>> {
        let Some(from) = self.index.iter().position(|entry| entry.max_timestamp >= timestamp) else {
            return Ok(None);
        };
        let Some((position, header)) = self.find(from, |header| header.max_timestamp >= timestamp)? else {
            return Ok(None);
        };
        Ok(Some(Slice { file: self.file()?, position, length: header.size }))
    }

    /// Returns the latest record time.
    pub fn max_timestamp(&self) -> Option<i64> {
        self.index.iter().map(|entry| entry.max_timestamp).max()
    }

    /// Walks the headers from an index entry on until one is wanted.
    fn find(
        &mut self,
        from: usize,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> io::Result<Option<(u64, BatchHeader)>> {
        let Some(mut position) = self.index.get(from).map(|entry| entry.position) else { return Ok(None) };
        let file = self.file()?;
        let mut window = vec![0; INDEX_INTERVAL_BYTES as usize];
        let (mut window_at, mut window_bytes) = (position, 0);
        while position < self.size {
            let in_window = (position - window_at) as usize;
            if in_window + HEADER_BYTES > window_bytes {
                window_at = position;
                window_bytes = (self.size - position).min(INDEX_INTERVAL_BYTES) as usize;
                file.read_exact_at(&mut window[..window_bytes], position)?;
                continue;
            }
            let header = BatchHeader::parse(&window[in_window..window_bytes]).map_err(io::Error::other)?;
            if wanted(&header) {
                return Ok(Some((position, header)));
            }
            position += header.size as u64;
        }
        Ok(None)
    }

    fn note(&mut self, header: &BatchHeader) {
        let position = self.size;
        self.size += header.size as u64;
        match self.index.last_mut() {
            Some(entry) if position - entry.position < INDEX_INTERVAL_BYTES => {
                entry.max_timestamp = entry.max_timestamp.max(header.max_timestamp);
            }
            _ => self.index.push(IndexEntry {
                base_offset: header.base_offset,
                position,
                max_timestamp: header.max_timestamp,
            }),
        }
    }
}

// === impl Slice ===

impl Slice {
    /// Reads the bytes behind what `out` holds already.
    pub fn read_into(&self, out: &mut bytes::BytesMut) -> io::Result<()> {
        let start = out.len();
        out.resize(start + self.length, 0);
        self.file.read_exact_at(&mut out[start..], self.position)
    }
}

/// Returns whether a batch may lie behind the one that ends before `next_offset`.
fn follows(header: &BatchHeader, next_offset: i64, trust: Trust) -> bool {
    match trust {
        Trust::Contents => header.base_offset >= next_offset,
        // The base offset is not under the checksum; the file that was being written has no gaps.
        Trust::Nothing => header.base_offset == next_offset,
    }
}

/// Reads one batch into `batch`: its header, and its records when they have to be checked.
fn read_batch(
    reader: &mut BufReader<File>,
    left: u64,
    trust: Trust,
    batch: &mut Vec<u8>,
) -> io::Result<Result<BatchHeader, BatchFault>> {
    if left < HEADER_BYTES as u64 {
        return Ok(Err(BatchFault::Cut));
    }
    batch.resize(HEADER_BYTES, 0);
    reader.read_exact(batch)?;
    let header = match BatchHeader::parse(batch) {
        Ok(header) => header,
        Err(fault) => return Ok(Err(fault)),
    };
    if header.size as u64 > left {
        return Ok(Err(BatchFault::Cut));
    }
    if trust == Trust::Contents {
        reader.seek_relative((header.size - HEADER_BYTES) as i64)?;
        return Ok(Ok(header));
    }
    batch.resize(header.size, 0);
    reader.read_exact(&mut batch[HEADER_BYTES..])?;
    Ok(BatchHeader::check(batch))
}

/// Writes two buffers one behind the other without joining them first.
fn write_both(mut file: &File, header: &[u8], rest: &[u8]) -> io::Result<()> {
    let written = file.write_vectored(&[IoSlice::new(header), IoSlice::new(rest)])?;
    match written.checked_sub(header.len()) {
        Some(of_rest) => file.write_all(&rest[of_rest..]),
        None => {
            file.write_all(&header[written..])?;
            file.write_all(rest)
        }
    }
}
