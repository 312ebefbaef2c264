//! Shared bytes and text: many views of one buffer, none of which copies it.

use bytes::Bytes;
use std::{borrow::Borrow, fmt, hash, ops::Deref, str::Utf8Error, sync::Arc};

/// A view of a shared buffer, 16 bytes wide so that a [`Value`](crate::Value) stays small.
///
/// A batch read from a file or from Kafka is one buffer with thousands of views in it: making a view costs
/// one reference count, and the buffer lives as long as any of them. So share within a batch, and
/// [`Blob::to_owned_blob`] what is kept for longer.
#[derive(Clone)]
pub struct Blob {
    owner: Arc<Bytes>,
    start: u32,
    len: u32,
}

impl Blob {
    /// Returns a view of `owner` from `start` to `end`.
    ///
    /// # Panics
    /// When the range is not inside the buffer, or the buffer is 4 GiB or larger (Kafka's limit is 2 GiB).
    pub fn view(owner: &Arc<Bytes>, start: usize, end: usize) -> Self {
        assert!(start <= end && end <= owner.len(), "the view lies inside its buffer");
        let narrow = |size: usize| u32::try_from(size).expect("buffers are smaller than 4 GiB");
        Self { owner: owner.clone(), start: narrow(start), len: narrow(end - start) }
    }

    /// Returns the same bytes as a [`Bytes`], sharing the buffer.
    pub fn to_bytes(&self) -> Bytes {
        let start = self.start as usize;
        self.owner.slice(start..start + self.len as usize)
    }

    /// Returns a copy that pins nothing but itself.
    pub fn to_owned_blob(&self) -> Self {
        Self::from(Bytes::copy_from_slice(self))
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.start as usize;
        &self.owner[start..start + self.len as usize]
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Self {
        let len = bytes.len();
        Self::view(&Arc::new(bytes), 0, len)
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self::from(Bytes::copy_from_slice(bytes))
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Blob {}

impl hash::Hash for Blob {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

// === impl Text ===

/// Decodes as Java's `new String(bytes, UTF_8)`: one U+FFFD for each malformed sequence, where an encoded surrogate
/// is one sequence (Rust and browsers count its bytes).
fn decode_lossy(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    while let Some(chunk) = bytes.utf8_chunks().next() {
        text.push_str(chunk.valid());
        let invalid = chunk.invalid();
        bytes = &bytes[chunk.valid().len()..];
        if invalid.is_empty() {
            break;
        }
        text.push(char::REPLACEMENT_CHARACTER);
        let malformed = match bytes {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
            [0xed, 0xa0..=0xbf, ..] => 2,
            _ => invalid.len(),
        };
        bytes = &bytes[malformed..];
    }
    text
}

/// Checked UTF-8 over a [`Blob`].
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Blob);

impl Text {
    /// Checks the bytes and returns them as text, sharing the buffer.
    pub fn from_utf8(blob: Blob) -> Result<Self, Utf8Error> {
        std::str::from_utf8(&blob)?;
        Ok(Self(blob))
    }

    /// Returns the bytes as text, sharing the buffer when they are UTF-8; else a copy in which each malformed
    /// sequence is U+FFFD, as Java's decoder leaves it.
    pub fn from_utf8_lossy(blob: Blob) -> Self {
        if std::str::from_utf8(&blob).is_ok() { Self(blob) } else { Self::from(decode_lossy(&blob)) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // The check costs a few nanoseconds for a line; `unsafe` is not worth them here.
        std::str::from_utf8(&self.0).expect("checked when the text was made")
    }

    /// Returns the bytes of the text without checking them again.
    pub fn as_blob(&self) -> &Blob {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl hash::Hash for Text {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Blob::from(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Blob::from(text.into_bytes()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], text: &str) {
        assert_eq!(Text::from_utf8_lossy(bytes.into()).as_str(), text);
    }

    #[test]
    fn malformed_bytes_are_replaced_as_java_replaces_them() {
        check(b"plain", "plain");
        check(b"a\xffb", "a\u{fffd}b");
        check(b"\xe2\x82", "\u{fffd}");
        check(b"\xe2\x82x\xf0\x9f\x98", "\u{fffd}x\u{fffd}");
        check(b"\xf5\x80\xc0\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        check(b"\xed\xa0\xbd\xed\xb8\x80!", "\u{fffd}\u{fffd}!");
        check(b"\xed\xa0x\xed\xa0", "\u{fffd}x\u{fffd}");
        check(b"\xed", "\u{fffd}");
    }

    #[test]
    fn checked_text_shares_its_buffer() {
        let blob = Blob::from(b"line".as_slice());
        assert_eq!(Text::from_utf8_lossy(blob.clone()).as_blob().as_ptr(), blob.as_ptr());
    }
}
