//! What a caller may choose when it starts a broker.

use std::time::Duration;

/// Settings of a broker; every field has a default that suits a laptop.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether asking for the metadata of an unknown topic creates it, as Kafka does by default.
    pub auto_create_topics: bool,
    /// Partitions of a topic that is created without a number.
    pub default_partitions: i32,
    /// When written bytes are forced to the disk.
    pub fsync: Fsync,
    /// How long the first member of an empty group waits for others, so that a group that starts together is
    /// assigned once. Kafka waits three seconds.
    pub initial_rebalance_delay: Duration,
    /// The shortest session time-out that a group member may ask for. Kafka says six seconds; tests want less.
    pub session_timeout_min: Duration,
    /// The longest session time-out that a group member may ask for.
    pub session_timeout_max: Duration,
    /// Connections beyond this number are closed at once.
    pub connections_max: usize,
    /// A request larger than this closes its connection.
    pub frame_bytes_max: usize,
    /// A segment file is followed by the next when it would grow beyond this, unless the topic says otherwise.
    pub segment_bytes: u64,
}

/// When written bytes are forced to the disk.
///
/// In both cases bytes are with the operating system before they are acknowledged: a killed process loses none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Only when the broker stops. A power cut may lose acknowledged records.
    OnStop,
    /// Before every answer to a produce request or an offset commit.
    EveryWrite,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auto_create_topics: true,
            default_partitions: 1,
            fsync: Fsync::OnStop,
            initial_rebalance_delay: Duration::from_millis(20),
            session_timeout_min: Duration::from_millis(100),
            session_timeout_max: Duration::from_secs(1_800),
            connections_max: 1_000,
            frame_bytes_max: 100 * 1024 * 1024,
            segment_bytes: 256 * 1024 * 1024,
        }
    }
}
