//! What the members of a group tell each other when they join, and what the leader answers.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{event::TaskId, wire::json};

/// Stands for the connector itself among the numbers of its tasks.
const CONNECTOR: i32 = -1;

/// One of the protocols that a member offers when it joins; the broker picks one that all offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubProtocol {
    /// Everything is stopped before each round.
    Eager,
    /// What stays where it is runs on.
    Compatible,
    /// The same, and requests between workers are signed.
    Sessioned,
    /// The same bytes as `Sessioned`: it says that every member is Millrace.
    Millrace1,
}

/// What a worker may and may not run; the order matters to the leader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    pub connectors: Vec<Arc<str>>,
    pub tasks: Vec<TaskId>,
}

/// What a member says when it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberState {
    /// Its advertised REST URL, with a slash at the end.
    pub url: Arc<str>,
    /// The end of the config topic as it knows it: -1 when it has read nothing.
    pub config_offset: i64,
    /// What it runs; nothing when it has no assignment.
    pub allocation: Option<Assignment>,
}

/// What the leader gives a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub error: AssignmentError,
    /// The leader's member id.
    pub leader: Arc<str>,
    pub leader_url: Arc<str>,
    /// The end of the config topic for which this was computed.
    pub config_offset: i64,
    /// What is new to the member; everything under `Eager`, and when the member tells what it has.
    pub assigned: Work,
    pub revoked: Work,
    /// After so many milliseconds everybody joins again; 0 for not at all.
    pub delay_ms: i32,
}

/// Why an assignment holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentError {
    None,
    /// The leader knows less of the config topic than a member.
    ConfigMismatch,
    /// Of a later version.
    Unknown(i16),
}

/// Why bytes are not what a member sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    #[error("{what} of a worker ends after {length} bytes")]
    Short { what: &'static str, length: usize },
    #[error("{what} of a worker has version {version}")]
    Version { what: &'static str, version: i16 },
    #[error("{what} of a worker has a negative length")]
    Length { what: &'static str },
    #[error("{what} of a worker holds text that is not UTF-8")]
    Text { what: &'static str },
    #[error("{what} of a worker names task {index} of {connector}")]
    Task { what: &'static str, connector: Arc<str>, index: i32 },
}

/// Returns the bytes with which a member joins under that protocol.
pub fn encode_state(state: &MemberState, protocol: SubProtocol) -> Vec<u8> {
    let mut out = Writer::default();
    out.short(protocol.version());
    out.text(&state.url);
    out.long(state.config_offset);
    if protocol != SubProtocol::Eager {
        match &state.allocation {
            None => out.int(-1),
            Some(allocation) => {
                let allocation = encode_assignment(allocation, protocol);
                out.int(allocation.len() as i32);
                out.0.extend(allocation);
            }
        }
    }
    out.0
}

/// Reads what a member of any version joined with; what it does not say is nothing.
pub fn decode_state(bytes: &[u8]) -> Result<MemberState, ProtocolError> {
    let mut reader = Reader { what: "the state", bytes, length: bytes.len() };
    reader.version()?;
    let url = reader.text()?;
    let config_offset = reader.long()?;
    let mut allocation = None;
    if !reader.bytes.is_empty() {
        let length = reader.int()?;
        // What Kafka calls null has a negative length.
        if let Ok(length) = usize::try_from(length) {
            allocation = Some(decode_assignment(reader.take(length)?)?);
        }
    }
    Ok(MemberState { url, config_offset, allocation })
}

/// Returns the bytes that the leader sends a member.
pub fn encode_assignment(assignment: &Assignment, protocol: SubProtocol) -> Vec<u8> {
    let mut out = Writer::default();
    out.short(protocol.version());
    out.short(assignment.error.code());
    out.text(&assignment.leader);
    out.text(&assignment.leader_url);
    out.long(assignment.config_offset);
    out.work(&in_javas_order(&assignment.assigned));
    if protocol != SubProtocol::Eager {
        out.work(&assignment.revoked);
        out.int(assignment.delay_ms);
    }
    out.0
}

/// Reads what a leader of any version has sent; what it does not say is nothing.
pub fn decode_assignment(bytes: &[u8]) -> Result<Assignment, ProtocolError> {
    let mut reader = Reader { what: "the assignment", bytes, length: bytes.len() };
    reader.version()?;
    Ok(Assignment {
        error: AssignmentError::of(reader.short()?),
        leader: reader.text()?,
        leader_url: reader.text()?,
        config_offset: reader.long()?,
        assigned: reader.work()?,
        revoked: if reader.bytes.is_empty() { Work::default() } else { reader.work()? },
        delay_ms: if reader.bytes.is_empty() { 0 } else { reader.int()? },
    })
}

// === impl SubProtocol ===

impl SubProtocol {
    /// Returns what a worker with this protocol as its best offers, in order.
    pub fn offers(self) -> &'static [Self] {
        match self {
            Self::Eager => &[Self::Eager],
            Self::Compatible => &[Self::Compatible, Self::Eager],
            Self::Sessioned => &[Self::Sessioned, Self::Compatible, Self::Eager],
            Self::Millrace1 => &[Self::Millrace1, Self::Sessioned, Self::Compatible, Self::Eager],
        }
    }

    /// Returns the name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eager => "default",
            Self::Compatible => "compatible",
            Self::Sessioned => "sessioned",
            Self::Millrace1 => "millrace-1",
        }
    }

    /// Returns the protocol of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::Millrace1.offers().iter().copied().find(|protocol| protocol.name() == name)
    }

    /// Tells whether requests between workers are signed.
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Sessioned | Self::Millrace1)
    }

    fn version(self) -> i16 {
        match self {
            Self::Eager => 0,
            Self::Compatible => 1,
            Self::Sessioned | Self::Millrace1 => 2,
        }
    }
}

impl fmt::Display for SubProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Work ===

impl Work {
    pub fn is_empty(&self) -> bool {
        self.connectors.is_empty() && self.tasks.is_empty()
    }
}

// === impl AssignmentError ===

impl AssignmentError {
    fn of(code: i16) -> Self {
        match code {
            0 => Self::None,
            1 => Self::ConfigMismatch,
            code => Self::Unknown(code),
        }
    }

    fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::ConfigMismatch => 1,
            Self::Unknown(code) => code,
        }
    }
}

/// Puts connectors in the order in which Java's workers write them, which is that of a hash set. It means nothing.
fn in_javas_order(work: &Work) -> Work {
    let mut connectors: Vec<_> = work.connectors.iter().map(|name| (name.clone(), ())).collect();
    json::sort_like_java_set(&mut connectors);
    connectors.dedup();
    Work { connectors: connectors.into_iter().map(|(name, ())| name).collect(), tasks: work.tasks.clone() }
}

/// Bytes in the classic types of Kafka's protocol.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn short(&mut self, number: i16) {
        self.0.extend(number.to_be_bytes());
    }

    fn int(&mut self, number: i32) {
        self.0.extend(number.to_be_bytes());
    }

    fn long(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    /// Connector names, member ids and URLs are far shorter than the 32 KiB that fit; longer ones are cut, as a length
    /// that does not fit would make all of the rest unreadable.
    fn text(&mut self, text: &str) {
        let mut end = text.len().min(i16::MAX as usize);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.short(end as i16);
        self.0.extend(&text.as_bytes()[..end]);
    }

    /// One entry for each connector, in the order in which they first come.
    fn work(&mut self, work: &Work) {
        let mut places: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        let mut entries: Vec<(&Arc<str>, Vec<i32>)> = Vec::new();
        let connectors = work.connectors.iter().map(|name| (name, CONNECTOR));
        for (name, number) in
            connectors.chain(work.tasks.iter().map(|task| (&task.connector, task.index as i32)))
        {
            let place = *places.entry(name).or_insert_with(|| {
                entries.push((name, Vec::new()));
                entries.len() - 1
            });
            entries[place].1.push(number);
        }
        self.int(entries.len() as i32);
        for (name, numbers) in entries {
            self.text(name);
            self.int(numbers.len() as i32);
            for number in numbers {
                self.int(number);
            }
        }
    }
}

struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let short = ProtocolError::Short { what: self.what, length: self.length };
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(short)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let short = ProtocolError::Short { what: self.what, length: self.length };
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(short)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// Later versions only add to what is known.
    fn version(&mut self) -> Result<(), ProtocolError> {
        let version = self.short()?;
        if version < 0 { Err(ProtocolError::Version { what: self.what, version }) } else { Ok(()) }
    }

    fn short(&mut self) -> Result<i16, ProtocolError> {
        self.array().map(i16::from_be_bytes)
    }

    fn int(&mut self) -> Result<i32, ProtocolError> {
        self.array().map(i32::from_be_bytes)
    }

    fn long(&mut self) -> Result<i64, ProtocolError> {
        self.array().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> Result<Arc<str>, ProtocolError> {
        let length = usize::try_from(self.short()?).map_err(|_| ProtocolError::Length { what: self.what })?;
        let text = std::str::from_utf8(self.take(length)?);
        text.map(Arc::from).map_err(|_| ProtocolError::Text { what: self.what })
    }

    /// A null array holds nothing.
    fn count(&mut self) -> Result<i32, ProtocolError> {
        Ok(self.int()?.max(0))
    }

    fn work(&mut self) -> Result<Work, ProtocolError> {
        let mut work = Work::default();
        for _ in 0..self.count()? {
            let connector = self.text()?;
            for _ in 0..self.count()? {
                match self.int()? {
                    CONNECTOR => work.connectors.push(connector.clone()),
                    number => {
                        let index = u32::try_from(number).map_err(|_| ProtocolError::Task {
                            what: self.what,
                            connector: connector.clone(),
                            index: number,
                        })?;
                        work.tasks.push(TaskId { connector: connector.clone(), index });
                    }
                }
            }
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests;
