//! One worker of the group: its herder, what it has started, and its client's part in the group.

use std::{collections::BTreeMap, collections::VecDeque, sync::Arc, time::Duration};

use millrace_herder::wire::protocol::SubProtocol;
use millrace_herder::wire::status::StatusRecord;
use millrace_herder::{GroupOptions, Herder, Incarnation, KeyOptions, Options, Time};

use crate::fake::Fake;

pub const TASK_STOP_TIMEOUT: Duration = Duration::from_secs(5);
pub const CONNECTOR_STOP_TIMEOUT: Duration = Duration::from_secs(3);

pub struct Worker {
    number: usize,
    protocol: SubProtocol,
    delay_max: Duration,
    /// Nothing while the process is down.
    pub herder: Option<Herder>,
    /// Counts the starts of the process.
    pub life: u64,
    pub fakes: BTreeMap<Incarnation, Fake>,
    /// No message passes between it and the brokers.
    pub cut: bool,
    pub member: Option<Arc<str>>,
    /// The last join; its answer is waited for.
    pub join: u64,
    pub joining: bool,
    /// The last heartbeat that was answered.
    pub seen: Time,
    /// It was told that the coordinator is lost.
    pub lost: bool,
    pub config_read: u64,
    pub status_read: u64,
    pub read_once: bool,
    /// A reading is on its way.
    pub reading: bool,
    /// Where the log ended after each write that was not answered.
    pub writes: VecDeque<Result<u64, ()>>,
    /// Statuses that wait for the brokers to be in reach again.
    pub unsent: Vec<StatusRecord>,
}

impl Worker {
    pub fn new(number: usize, protocol: SubProtocol, delay_max: Duration) -> Self {
        Self {
            number,
            protocol,
            delay_max,
            herder: None,
            life: 0,
            fakes: BTreeMap::new(),
            cut: false,
            member: None,
            join: 0,
            joining: false,
            seen: Time::default(),
            lost: false,
            config_read: 0,
            status_read: 0,
            read_once: false,
            reading: false,
            writes: VecDeque::new(),
            unsent: Vec::new(),
        }
    }

    pub fn url(&self) -> Arc<str> {
        format!("http://w{}:8083/", self.number).into()
    }

    pub fn start(&mut self, now: Time) {
        let options = Options {
            worker_id: format!("w{}:8083", self.number).into(),
            task_stop_timeout: TASK_STOP_TIMEOUT,
            connector_stop_timeout: CONNECTOR_STOP_TIMEOUT,
        };
        let group = GroupOptions {
            url: self.url(),
            protocol: self.protocol,
            delay_max: self.delay_max,
            sync_timeout: Duration::from_secs(3),
            unsync_backoff: Duration::from_secs(20),
            key: KeyOptions {
                algorithm: "HmacSHA256".into(),
                bytes: 32,
                ttl: Some(Duration::from_secs(3_600)),
            },
            epoch_ms: 1_700_000_000_000,
        };
        let (number, protocol, delay_max, life) = (self.number, self.protocol, self.delay_max, self.life);
        let cut = self.cut;
        *self = Self::new(number, protocol, delay_max);
        self.life = life + 1;
        self.cut = cut;
        self.seen = now;
        self.herder = Some(Herder::in_group(options, group, now));
    }

    /// Ends the process: what it ran is gone.
    pub fn kill(&mut self) {
        self.herder = None;
        self.fakes.clear();
        self.unsent.clear();
        self.life += 1;
    }

    pub fn deadline(&self) -> Option<Time> {
        self.herder.as_ref()?.deadline()
    }
}
