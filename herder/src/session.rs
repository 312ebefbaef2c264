//! The key with which the workers of a group sign what they ask of each other.

use std::{fmt, sync::Arc, time::Duration};

/// A session key as the config topic has it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// Never shown.
    pub bytes: Arc<[u8]>,
    /// The key generator's name, as `HmacSHA256`.
    pub algorithm: Arc<str>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
}

/// What keys a worker makes, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOptions {
    /// `inter.worker.key.generation.algorithm`
    pub algorithm: Arc<str>,
    /// How many bytes a key has: `inter.worker.key.size`, or the algorithm's own size.
    pub bytes: usize,
    /// `inter.worker.key.ttl.ms`; nothing when keys are for ever.
    pub ttl: Option<Duration>,
}

// === impl KeyOptions ===

impl KeyOptions {
    /// Tells how many milliseconds a key is still good for; nothing is left of one that this worker would not make,
    /// and a key without an end has no number.
    pub(crate) fn remaining(&self, key: Option<&SessionKey>, wall_ms: i64) -> Remaining {
        let Some(key) = key else { return Remaining::Nothing };
        if key.algorithm != self.algorithm || key.bytes.len() != self.bytes {
            return Remaining::Nothing;
        }
        let Some(ttl) = self.ttl else { return Remaining::Endless };
        let until = key.created_ms.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        match u64::try_from(until.saturating_sub(wall_ms)) {
            Ok(millis) if millis > 0 => Remaining::Some(Duration::from_millis(millis)),
            _ => Remaining::Nothing,
        }
    }
}

/// How long a key is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remaining {
    Nothing,
    Some(Duration),
    Endless,
}

// === impl SessionKey ===

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey")
            .field("bytes", &"[hidden]")
            .field("algorithm", &self.algorithm)
            .field("created_ms", &self.created_ms)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(algorithm: &str, bytes: usize, created_ms: i64) -> SessionKey {
        SessionKey { bytes: vec![7; bytes].into(), algorithm: algorithm.into(), created_ms }
    }

    #[track_caller]
    fn check(ttl: Option<u64>, key: Option<SessionKey>, wall_ms: i64, expected: Remaining) {
        let options =
            KeyOptions { algorithm: "HmacSHA256".into(), bytes: 32, ttl: ttl.map(Duration::from_millis) };
        assert_eq!(options.remaining(key.as_ref(), wall_ms), expected);
    }

    #[test]
    fn a_key_ends_with_its_time() {
        check(Some(1000), Some(key("HmacSHA256", 32, 500)), 600, Remaining::Some(Duration::from_millis(900)));
        check(Some(1000), Some(key("HmacSHA256", 32, 500)), 1500, Remaining::Nothing);
        check(None, Some(key("HmacSHA256", 32, 500)), i64::MAX, Remaining::Endless);
    }

    #[test]
    fn a_key_that_would_not_be_made_here_is_replaced() {
        check(None, None, 0, Remaining::Nothing);
        check(None, Some(key("HmacSHA1", 32, 0)), 0, Remaining::Nothing);
        check(None, Some(key("HmacSHA256", 64, 0)), 0, Remaining::Nothing);
    }

    #[test]
    fn a_key_is_never_shown() {
        let shown = format!("{:?}", key("HmacSHA256", 32, 5));
        assert!(shown.contains("[hidden]") && !shown.contains('7'), "{shown}");
    }
}
