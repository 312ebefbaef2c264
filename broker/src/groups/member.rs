//! One member of a group.

use super::{Join, Ticket, Time};
use bytes::Bytes;
use std::time::Duration;

#[derive(Debug)]
pub struct Member {
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout: Duration,
    pub rebalance_timeout: Duration,
    pub protocols: Vec<(String, Bytes)>,
    pub assignment: Bytes,
    /// Counts up in the order in which members came: the oldest leads.
    pub seniority: u64,
    /// When it is dropped, unless it is heard of or waits for an answer.
    pub expires: Time,
    pub joining: Option<Ticket>,
    pub syncing: Option<Ticket>,
}

impl Member {
    pub fn new(now: Time, join: &Join, seniority: u64) -> Self {
        Self {
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            seniority,
            expires: now + join.session_timeout,
            joining: None,
            syncing: None,
        }
    }

    /// Takes over what a member says when it joins again.
    pub fn update(&mut self, now: Time, join: &Join) {
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.session_timeout = join.session_timeout;
        self.rebalance_timeout = join.rebalance_timeout;
        self.protocols.clone_from(&join.protocols);
        self.heard(now);
    }

    pub fn heard(&mut self, now: Time) {
        self.expires = now + self.session_timeout;
    }

    /// Whether it waits for the group, so that its silence says nothing.
    pub fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    pub fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    pub fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    pub fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}
