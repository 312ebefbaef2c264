//! What is in the records: characters that no codec makes much smaller, in lines of varying length.

use std::time::{SystemTime, UNIX_EPOCH};

/// 64 characters, so that one of them is six bits of a random number.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters out of one random number of 64 bits.
const PER_NUMBER: usize = 10;

/// Digits of a time stamp in microseconds; enough until the year 2286.
const STAMP_DIGITS: usize = 16;

/// Makes lines of about `length` characters, without line ends. The same seed gives the same lines.
pub struct Payload {
    state: u64,
    length: usize,
}

impl Payload {
    pub fn new(seed: u64, length: usize) -> Self {
        // Zero would stay zero for ever.
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, length }
    }

    /// Adds a line's characters to `out`.
    pub fn line(&mut self, out: &mut Vec<u8>) {
        let length = self.next_length();
        self.fill(length, out);
    }

    /// As `line`, beginning with the time.
    pub fn stamped_line(&mut self, now: u64, out: &mut Vec<u8>) {
        let length = self.next_length();
        out.extend(format!("{now:0STAMP_DIGITS$}").as_bytes());
        self.fill(length.saturating_sub(STAMP_DIGITS), out);
    }

    /// Four fifths to six fifths of the mean.
    fn next_length(&mut self) -> usize {
        let spread = self.length / 5;
        if spread == 0 {
            return self.length;
        }
        let step = usize::try_from(self.next() >> 40).unwrap_or(0) % (2 * spread + 1);
        self.length - spread + step
    }

    fn fill(&mut self, length: usize, out: &mut Vec<u8>) {
        let end = out.len() + length;
        while out.len() < end {
            let mut number = self.next();
            for _ in 0..PER_NUMBER.min(end - out.len()) {
                out.push(ALPHABET[(number & 63) as usize]);
                number >>= 6;
            }
        }
    }

    /// Xorshift with a multiplication: quick, and random enough to have nothing to compress.
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Returns the microseconds since the epoch that a stamped line begins with.
pub fn stamp_of(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line.get(..STAMP_DIGITS)?).ok()?.parse().ok()
}

/// Returns the time as it stands in a stamped line.
pub fn stamp_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize, length: usize) -> Vec<Vec<u8>> {
        let mut payload = Payload::new(7, length);
        let line = |_| {
            let mut line = Vec::new();
            payload.line(&mut line);
            line
        };
        (0..count).map(line).collect()
    }

    #[test]
    fn lines_vary_in_length_around_the_mean() {
        let lengths: Vec<usize> = lines(10_000, 100).iter().map(Vec::len).collect();
        let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
        assert!((99.0..101.0).contains(&mean), "{mean}");
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&80), Some(&120)));
    }

    #[test]
    fn all_characters_are_about_as_frequent() {
        let mut counts = [0_usize; 256];
        let all: Vec<u8> = lines(1000, 1000).concat();
        for byte in &all {
            counts[usize::from(*byte)] += 1;
        }
        let share = all.len() / 64;
        for character in ALPHABET {
            let count = counts[usize::from(*character)];
            assert!((share * 9 / 10..share * 11 / 10).contains(&count), "{character} came {count} times");
        }
    }

    #[test]
    fn a_stamp_is_read_back() {
        let mut line = Vec::new();
        Payload::new(1, 100).stamped_line(1_763_000_000_000_001, &mut line);
        assert_eq!(stamp_of(&line), Some(1_763_000_000_000_001));
        assert!((80..=120).contains(&line.len()));
        assert_eq!(stamp_of(b"short"), None);
    }
}
