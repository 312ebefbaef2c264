//! Charsets by their Java names.
//!
//! Those of the Unicode family and the Latin ones are written out here, because Java's differ from what the web makes
//! of them; the others are `encoding_rs`'s tables. Java's EBCDIC and DOS code pages (`IBM037`, `Cp850` and the like)
//! are not there.

mod names;
mod wide;

use encoding_rs::{EncoderResult, Encoding};
use names::NAMES;
use wide::{decode_utf16, decode_utf32, encode_utf16, encode_utf32};

/// How text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// One byte for each of the first 128 characters.
    Ascii,
    /// ISO-8859-1: one byte for each of the first 256 characters.
    Latin1,
    /// ISO-8859-9: the same but for six Turkish letters.
    Latin5,
    /// UTF-16.
    Utf16(Mark),
    /// UTF-32.
    Utf32(Mark),
    /// A table.
    Table(&'static Encoding),
}

/// The order of bytes in wide units, and whether a mark tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Big-endian without a mark.
    Big,
    /// Little-endian without a mark.
    Little,
    /// Read as a mark says, big-endian without one; UTF-16 is written with a mark, UTF-32 without.
    Any,
    /// Read as a mark says, little-endian without one; written with a mark.
    LittleMarked,
}

impl Charset {
    /// Finds a charset by one of its Java names, in any case.
    pub fn for_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let known = NAMES.iter().find(|(_, names)| names.contains(&name.as_str()));
        known.map(|(charset, _)| *charset)
    }

    /// Writes text; a character that the charset lacks becomes a question mark.
    pub fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Ascii => narrow(text, |char| u8::try_from(char).ok().filter(u8::is_ascii)),
            Self::Latin1 => narrow(text, |char| u8::try_from(char).ok()),
            Self::Latin5 => narrow(text, latin5_byte),
            Self::Utf16(mark) => encode_utf16(text, mark),
            Self::Utf32(mark) => encode_utf32(text, mark),
            Self::Table(table) => encode_with(table, text),
        }
    }

    /// Reads text; malformed bytes become U+FFFD.
    pub fn decode(self, bytes: &[u8]) -> String {
        let latin1 = |byte: &u8| char::from(*byte);
        match self {
            Self::Utf8 => millrace_api::Text::from_utf8_lossy(bytes.into()).to_string(),
            Self::Ascii => bytes
                .iter()
                .map(|byte| if byte.is_ascii() { latin1(byte) } else { char::REPLACEMENT_CHARACTER })
                .collect(),
            Self::Latin1 => bytes.iter().map(latin1).collect(),
            Self::Latin5 => bytes.iter().map(|byte| latin5_char(*byte)).collect(),
            Self::Utf16(mark) => decode_utf16(bytes, mark),
            Self::Utf32(mark) => decode_utf32(bytes, mark),
            Self::Table(table) => decode_with(table, bytes),
        }
    }
}

fn narrow(text: &str, byte: impl Fn(char) -> Option<u8>) -> Vec<u8> {
    text.chars().map(|char| byte(char).unwrap_or(b'?')).collect()
}

// === ISO-8859-9 ===

/// The letters in which ISO-8859-9 differs from ISO-8859-1.
const TURKISH: [(u8, char); 6] =
    [(0xd0, 'Ğ'), (0xdd, 'İ'), (0xde, 'Ş'), (0xf0, 'ğ'), (0xfd, 'ı'), (0xfe, 'ş')];

fn latin5_byte(char: char) -> Option<u8> {
    if let Some((byte, _)) = TURKISH.iter().find(|(_, letter)| *letter == char) {
        return Some(*byte);
    }
    u8::try_from(char).ok().filter(|byte| TURKISH.iter().all(|(replaced, _)| replaced != byte))
}

fn latin5_char(byte: u8) -> char {
    let letter = TURKISH.iter().find(|(replaced, _)| *replaced == byte);
    letter.map_or(char::from(byte), |(_, letter)| *letter)
}

// === Tables ===

/// Control characters that the web's windows tables have and Java's have not.
fn is_filler(table: &'static Encoding, char: char) -> bool {
    matches!(char, '\u{80}'..='\u{9f}') && table.name().starts_with("windows")
}

fn encode_with(table: &'static Encoding, text: &str) -> Vec<u8> {
    let mut encoder = table.new_encoder();
    let mut bytes = Vec::with_capacity(text.len() * 2 + 16);
    let text = text.replace(|char| is_filler(table, char), "?");
    let mut rest = text.as_str();
    loop {
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return bytes,
            EncoderResult::OutputFull => bytes.reserve(rest.len() * 2 + 16),
            EncoderResult::Unmappable(_) => bytes.push(b'?'),
        }
    }
}

fn decode_with(table: &'static Encoding, bytes: &[u8]) -> String {
    let (text, _) = table.decode_without_bom_handling(bytes);
    text.replace(|char| is_filler(table, char), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, bytes: &[u8]) {
        let charset = Charset::for_name(name).unwrap();
        assert_eq!(charset.encode(text), bytes);
        assert_eq!(charset.decode(bytes), text);
    }

    #[track_caller]
    fn check_decoded(name: &str, bytes: &[u8], text: &str) {
        assert_eq!(Charset::for_name(name).unwrap().decode(bytes), text);
    }

    #[track_caller]
    fn check_encoded(name: &str, text: &str, bytes: &[u8]) {
        assert_eq!(Charset::for_name(name).unwrap().encode(text), bytes);
    }

    #[test]
    fn text_is_written_and_read_back() {
        check("UTF8", "é€😀", "é€😀".as_bytes());
        check("ascii", "abc", b"abc");
        check("Latin1", "é\u{81}", b"\xe9\x81");
        check("ISO-8859-9", "ğé", b"\xf0\xe9");
        check("UTF-16", "aé😀", b"\xfe\xff\0a\0\xe9\xd8\x3d\xde\0");
        check("UTF-16BE", "a\u{feff}", b"\0a\xfe\xff");
        check("UTF-16LE", "a", b"a\0");
        check("UnicodeLittle", "a", b"\xff\xfea\0");
        check("UTF-16", "", b"");
        check("UTF-32", "a😀", b"\0\0\0a\0\x01\xf6\0");
        check("UTF-32LE", "a", b"a\0\0\0");
        check("Cp1252", "€é", b"\x80\xe9");
        check("KOI8-R", "Я", b"\xf1");
        check("Shift_JIS", "日本", b"\x93\xfa\x96\x7b");
        check("GBK", "中", b"\xd6\xd0");
        check("ISO-2022-JP", "日a", b"\x1b$BF|\x1b(Ba");
    }

    #[test]
    fn characters_that_are_missing_become_question_marks() {
        check_encoded("ISO-8859-1", "é€", b"\xe9?");
        check_encoded("US-ASCII", "éa", b"?a");
        check_encoded("ISO-8859-9", "ðé", b"?\xe9");
        check_encoded("windows-1252", "\u{81}日€", b"??\x80");
        check_encoded("Big5", "a😀b", b"a?b");
    }

    #[test]
    fn malformed_bytes_become_replacement_characters() {
        check_decoded("US-ASCII", b"a\xff", "a\u{fffd}");
        check_decoded("windows-1252", b"a\x81", "a\u{fffd}");
        check_decoded("UTF-16", b"\0a\0", "a\u{fffd}");
        check_decoded("UTF-16", b"\xd8\x3d\0a\0b", "\u{fffd}b");
        check_decoded("UTF-16", b"\xde\x00\0b", "\u{fffd}b");
        check_decoded("UTF-16", b"\xff\xfea\0", "a");
        check_decoded("UTF-16BE", b"\xff\xfe\0a", "\u{fffd}a");
        check_decoded("UTF-32", b"\0\x11\0\0\0\0\0a\0", "\u{fffd}a\u{fffd}");
    }

    #[test]
    fn names_are_those_of_java() {
        assert_eq!(Charset::for_name("Utf-8"), Some(Charset::Utf8));
        assert_eq!(Charset::for_name("IBM037"), None);
        assert_eq!(Charset::for_name("NOPE-8"), None);
        assert_eq!(Charset::for_name(""), None);
        let mut names: Vec<_> = NAMES.iter().flat_map(|(_, names)| *names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "no name stands twice");
    }
}
