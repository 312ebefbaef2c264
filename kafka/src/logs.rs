//! librdkafka's log lines, and what a client knows of its brokers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{config::RDKafkaLogLevel, error::KafkaError, types::RDKafkaErrorCode as Code};

/// How long lines of one kind (level and facility) stay under [`LINES_MAX`].
///
/// A client that cannot reach its brokers writes a line at each attempt: some ten a second and broker.
const WINDOW: Duration = Duration::from_secs(30);

/// How many lines of one kind are written in a [`WINDOW`].
const LINES_MAX: u32 = 5;

/// How many kinds are counted apart; librdkafka has fewer facilities.
const KINDS_MAX: usize = 256;

/// Writes a client's log lines, and remembers its last error.
#[derive(Default)]
pub(crate) struct ClientLog {
    client: String,
    kinds: Mutex<BTreeMap<String, Kind>>,
    last_error: Mutex<Option<(Code, String)>>,
}

struct Kind {
    since: Instant,
    lines: u32,
}

enum Verdict {
    Write { left_out: u32 },
    LeaveOut,
}

// === impl ClientLog ===

impl ClientLog {
    pub(crate) fn new(client: impl Into<String>) -> Self {
        Self { client: client.into(), ..Self::default() }
    }

    /// Returns the most verbose level that anybody reads.
    pub(crate) fn level() -> RDKafkaLogLevel {
        if tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG) {
            RDKafkaLogLevel::Debug
        } else {
            RDKafkaLogLevel::Info
        }
    }

    pub(crate) fn line(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let left_out = match self.admit(facility, Instant::now()) {
            Verdict::Write { left_out } => left_out,
            Verdict::LeaveOut => return,
        };
        let client = self.client.as_str();
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", client, left_out, "{facility}: {text}");
            }
            RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", client, left_out, "{facility}: {text}")
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", client, left_out, "{facility}: {text}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "librdkafka", client, left_out, "{facility}: {text}")
            }
        }
    }

    /// Remembers an error that librdkafka goes on after, and logs it.
    pub(crate) fn error(&self, error: &KafkaError, text: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are down says less than what the last of them met.
        if code != Code::AllBrokersDown || last.is_none() {
            *last = Some((code, text.to_owned()));
        }
        drop(last);
        self.line(RDKafkaLogLevel::Warning, &format!("{code:?}"), text);
    }

    /// Returns the last error.
    pub(crate) fn last_error(&self) -> Option<(Code, String)> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the last error: a broker has answered.
    pub(crate) fn recovered(&self) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn admit(&self, kind: &str, now: Instant) -> Verdict {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kinds.get_mut(kind) {
            if now.duration_since(known.since) < WINDOW {
                known.lines += 1;
                return if known.lines <= LINES_MAX {
                    Verdict::Write { left_out: 0 }
                } else {
                    Verdict::LeaveOut
                };
            }
            let left_out = known.lines.saturating_sub(LINES_MAX);
            *known = Kind { since: now, lines: 1 };
            return Verdict::Write { left_out };
        }
        if kinds.len() == KINDS_MAX {
            return Verdict::LeaveOut;
        }
        kinds.insert(kind.to_owned(), Kind { since: now, lines: 1 });
        Verdict::Write { left_out: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_is_cut_and_counted() {
        let log = ClientLog::new("test");
        let start = Instant::now();
        let written = (0..100).filter(|_| matches!(log.admit("FAIL", start), Verdict::Write { .. })).count();
        assert_eq!(written, 5);
        assert!(matches!(log.admit("OTHER", start), Verdict::Write { left_out: 0 }));
        assert!(matches!(log.admit("FAIL", start + WINDOW), Verdict::Write { left_out: 95 }));
    }
}
