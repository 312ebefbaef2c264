//! Ports that nothing listens on.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Ports are taken from below Linux's range for outgoing connections (32768 to 60999): a client that keeps trying a
/// port of that range while its broker is down may be given the very same number for its own end, and then talks to
/// itself while the broker cannot come back.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

/// Returns a port on which nothing listens now, and which this process has not given out before.
pub fn free_port() -> u16 {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut port = next.unwrap_or_else(first_candidate);
    for _ in FIRST..LAST {
        let candidate = port;
        port = if port + 1 >= LAST { FIRST } else { port + 1 };
        if TcpListener::bind(("127.0.0.1", candidate)).is_ok() {
            *next = Some(port);
            return candidate;
        }
    }
    panic!("no free port between {FIRST} and {LAST}");
}

/// Two test processes at a time begin at different places.
fn first_candidate() -> u16 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let spread = u32::from(LAST - FIRST);
    let offset = (nanos / 1000).wrapping_add(std::process::id().wrapping_mul(977)) % spread;
    FIRST + u16::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_out_once_and_can_be_bound() {
        let ports: Vec<u16> = (0..20).map(|_| free_port()).collect();
        for (index, port) in ports.iter().enumerate() {
            assert!(!ports[..index].contains(port), "{port} was given out twice");
            assert!(TcpListener::bind(("127.0.0.1", *port)).is_ok(), "{port} is not free");
        }
    }
}
