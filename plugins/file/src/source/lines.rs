//! Finds lines in bytes that arrive in pieces. Pure: bytes in, lines and positions out.

use bytes::Bytes;
use millrace_api::Blob;
use std::sync::Arc;

/// Bytes that were read, and how far they have been cut into lines.
///
/// A line ends at `\n`, `\r` or `\r\n`. A `\r` that is the last byte so far waits for one more, because it may be half of a `\r\n`.
/// Lines are views of the buffer they were read into; only an unfinished line moves on into the next one.
#[derive(Debug)]
pub(super) struct Lines {
    chunk: Arc<Bytes>,
    /// Where the next line starts in the chunk.
    start: usize,
    /// No line ends before this place of the chunk.
    scanned: usize,
    /// The place of the chunk's first byte in the file.
    position: u64,
    line_max: usize,
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Blob,
    /// The place in the file right after the line's end.
    pub(super) next: u64,
}

/// A line is longer than it may be, finished or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    /// Where it starts in the file.
    pub(super) position: u64,
}

impl Lines {
    /// Starts at this place of a file.
    pub(super) fn at(position: u64, line_max: usize) -> Self {
        Self { chunk: Arc::default(), start: 0, scanned: 0, position, line_max }
    }

    /// Returns the next finished line, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Line>, TooLong> {
        let Some(offset) = memchr::memchr2(b'\n', b'\r', &self.chunk[self.scanned..]) else {
            self.scanned = self.chunk.len();
            return self.check_length(self.scanned).map(|()| None);
        };
        let end = self.scanned + offset;
        self.check_length(end)?;
        let after = match (self.chunk[end], self.chunk.get(end + 1)) {
            (b'\r', None) => {
                self.scanned = end;
                return Ok(None);
            }
            (b'\r', Some(b'\n')) => end + 2,
            _ => end + 1,
        };
        let bytes = Blob::view(&self.chunk, self.start, end);
        (self.start, self.scanned) = (after, after);
        Ok(Some(Line { bytes, next: self.position + after as u64 }))
    }

    /// Returns the longest length of a line.
    pub(super) fn line_max(&self) -> usize {
        self.line_max
    }

    /// Takes the unfinished line out, to be given back by [`Lines::refill`] with more bytes behind it.
    ///
    /// Nothing is copied when the whole chunk is one unfinished line, so that a long line costs no more than its length.
    pub(super) fn take_unfinished(&mut self) -> Vec<u8> {
        let chunk = std::mem::take(&mut self.chunk);
        let start = std::mem::take(&mut self.start);
        self.scanned -= start;
        self.position += start as u64;
        match Arc::try_unwrap(chunk) {
            Ok(bytes) if start == 0 => bytes.into(),
            Ok(bytes) => bytes[start..].to_vec(),
            Err(shared) => shared[start..].to_vec(),
        }
    }

    /// Takes an unfinished line back, with what was read behind it.
    pub(super) fn refill(&mut self, bytes: Vec<u8>) {
        debug_assert!(self.chunk.is_empty() && bytes.len() >= self.scanned, "only the unfinished was taken");
        self.chunk = Arc::new(bytes.into());
    }

    fn check_length(&self, end: usize) -> Result<(), TooLong> {
        if end - self.start > self.line_max {
            return Err(TooLong { position: self.position + self.start as u64 });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cuts pieces into lines, starting at a position.
    fn cut(pieces: &[&[u8]], position: u64, line_max: usize) -> Result<Vec<(Vec<u8>, u64)>, TooLong> {
        let mut lines = Lines::at(position, line_max);
        let mut found = Vec::new();
        for piece in pieces {
            let mut bytes = lines.take_unfinished();
            bytes.extend_from_slice(piece);
            lines.refill(bytes);
            while let Some(line) = lines.next()? {
                found.push((line.bytes.to_vec(), line.next));
            }
        }
        Ok(found)
    }

    /// The same, slow and simple, from all bytes at once.
    fn model(bytes: &[u8]) -> Vec<(Vec<u8>, u64)> {
        let (mut found, mut line, mut at) = (Vec::new(), Vec::new(), 0);
        while at < bytes.len() {
            let size = match (bytes[at], bytes.get(at + 1)) {
                (b'\r', None) => break,
                (b'\r', Some(b'\n')) => 2,
                (b'\r' | b'\n', _) => 1,
                (byte, _) => {
                    line.push(byte);
                    at += 1;
                    continue;
                }
            };
            at += size;
            found.push((std::mem::take(&mut line), at as u64));
        }
        found
    }

    #[track_caller]
    fn check(pieces: &[&str], expected: &[(&str, u64)]) {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        let found = cut(&pieces, 0, 1000).unwrap();
        let expected: Vec<_> =
            expected.iter().map(|(line, next)| (line.as_bytes().to_vec(), *next)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn mixed_line_ends_have_exact_positions() {
        let first = ["partial line", " finished\n", "line1\rline2\r\nline3\nline4\n\r"];
        let lines = [
            ("partial line finished", 22),
            ("line1", 28),
            ("line2", 35),
            ("line3", 41),
            ("line4", 47),
            ("", 48),
        ];
        check(&first[..1], &[]);
        check(&first[..2], &lines[..1]);
        check(&first, &lines[..5]);
        check(&[first[0], first[1], first[2], "subsequent text"], &lines);
    }

    #[test]
    fn a_return_waits_for_the_byte_behind_it() {
        check(&["a\r"], &[]);
        check(&["a\r", "\n"], &[("a", 3)]);
        check(&["a\r", "\r"], &[("a", 2)]);
        check(&["a\r", "", "b\n"], &[("a", 2), ("b", 4)]);
    }

    #[test]
    fn a_line_over_the_limit_is_named_by_its_place() {
        let too_long = Err(TooLong { position: 103 });
        assert_eq!(cut(&[b"ab\n12345\n"], 100, 5).unwrap().len(), 2);
        assert_eq!(cut(&[b"ab\n123456\n"], 100, 5), too_long);
        assert_eq!(cut(&[b"ab\n1", b"234", b"56"], 100, 5), too_long, "unfinished");
        assert_eq!(cut(&[b"ab\n123456\r"], 100, 5), too_long, "its end not yet known");
        assert_eq!(cut(&[b"ab\n12345\r", b"\n"], 100, 5).unwrap().len(), 2);
    }

    #[test]
    fn an_unfinished_line_is_not_copied_again_and_again() {
        let mut lines = Lines::at(0, 1000);
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"unfinished");
        let place = bytes.as_ptr();
        lines.refill(bytes);
        assert_eq!(lines.next(), Ok(None));
        let unfinished = lines.take_unfinished();
        assert_eq!(unfinished.as_ptr(), place);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), Just(0xff_u8)], 0..60),
            cuts in proptest::collection::vec(0_usize..60, 0..8),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect();
            prop_assert_eq!(cut(&pieces, 0, 1000).unwrap(), model(&text));
        }

        #[test]
        fn starting_after_a_line_gives_exactly_the_rest(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a')], 0..60),
        ) {
            let all = model(&text);
            for (index, (_, next)) in all.iter().enumerate() {
                let rest = cut(&[&text[*next as usize..]], *next, 1000).unwrap();
                prop_assert_eq!(&rest, &all[index + 1..]);
            }
        }
    }
}
