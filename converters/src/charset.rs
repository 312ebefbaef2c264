//! Charsets by their Java names.
//!
//! Those of the Unicode family and the Latin ones are written out here, because Java's differ from what the web makes
//! of them; the others are `encoding_rs`'s tables. Java's EBCDIC and DOS code pages (`IBM037`, `Cp850` and the like)
//! are not there.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, EncoderResult, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_3,
    ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_13, ISO_8859_15, KOI8_R, KOI8_U,
    MACINTOSH, SHIFT_JIS, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

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
            Self::Utf32(mark) => {
                let unit = |char| u32::from(char).to_be_bytes();
                text.chars().flat_map(|char| ordered(unit(char), mark)).collect()
            }
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

/// Java's names in lower case, aliases included.
const NAMES: &[(Charset, &[&str])] = &[
    (Charset::Utf8, &["utf-8", "utf8", "unicode-1-1-utf-8"]),
    (
        Charset::Ascii,
        &[
            "us-ascii",
            "ascii",
            "ascii7",
            "iso646-us",
            "iso_646.irv:1991",
            "646",
            "ansi_x3.4-1968",
            "cp367",
            "ibm367",
        ],
    ),
    (
        Charset::Latin1,
        &[
            "iso-8859-1",
            "iso8859_1",
            "iso8859-1",
            "iso_8859-1",
            "iso_8859_1",
            "8859_1",
            "latin1",
            "l1",
            "cp819",
            "ibm819",
            "ibm-819",
            "819",
        ],
    ),
    (
        Charset::Latin5,
        &[
            "iso-8859-9",
            "iso8859_9",
            "iso8859-9",
            "iso_8859-9",
            "8859_9",
            "latin5",
            "l5",
            "cp920",
            "ibm920",
            "ibm-920",
            "920",
        ],
    ),
    (Charset::Utf16(Mark::Any), &["utf-16", "utf_16", "utf16", "unicode", "unicodebig"]),
    (
        Charset::Utf16(Mark::Big),
        &["utf-16be", "utf_16be", "iso-10646-ucs-2", "x-utf-16be", "unicodebigunmarked"],
    ),
    (Charset::Utf16(Mark::Little), &["utf-16le", "utf_16le", "x-utf-16le", "unicodelittleunmarked"]),
    (Charset::Utf16(Mark::LittleMarked), &["x-utf-16le-bom", "unicodelittle"]),
    (Charset::Utf32(Mark::Any), &["utf-32", "utf_32", "utf32", "iso-10646-ucs-4"]),
    (Charset::Utf32(Mark::Big), &["utf-32be", "utf_32be", "x-utf-32be"]),
    (Charset::Utf32(Mark::Little), &["utf-32le", "utf_32le", "x-utf-32le"]),
    (
        Charset::Table(ISO_8859_2),
        &["iso-8859-2", "iso8859_2", "iso8859-2", "iso_8859-2", "8859_2", "latin2", "l2"],
    ),
    (
        Charset::Table(ISO_8859_3),
        &["iso-8859-3", "iso8859_3", "iso8859-3", "iso_8859-3", "8859_3", "latin3", "l3"],
    ),
    (
        Charset::Table(ISO_8859_4),
        &["iso-8859-4", "iso8859_4", "iso8859-4", "iso_8859-4", "8859_4", "latin4", "l4"],
    ),
    (
        Charset::Table(ISO_8859_5),
        &["iso-8859-5", "iso8859_5", "iso8859-5", "iso_8859-5", "8859_5", "cyrillic"],
    ),
    (
        Charset::Table(ISO_8859_6),
        &["iso-8859-6", "iso8859_6", "iso8859-6", "iso_8859-6", "8859_6", "arabic", "asmo-708", "ecma-114"],
    ),
    (
        Charset::Table(ISO_8859_7),
        &[
            "iso-8859-7",
            "iso8859_7",
            "iso8859-7",
            "iso_8859-7",
            "8859_7",
            "greek",
            "greek8",
            "ecma-118",
            "elot_928",
        ],
    ),
    (Charset::Table(ISO_8859_8), &["iso-8859-8", "iso8859_8", "iso8859-8", "iso_8859-8", "8859_8", "hebrew"]),
    (Charset::Table(ISO_8859_13), &["iso-8859-13", "iso8859_13", "iso8859-13", "iso_8859-13", "8859_13"]),
    (
        Charset::Table(ISO_8859_15),
        &[
            "iso-8859-15",
            "iso8859_15",
            "iso8859-15",
            "iso_8859-15",
            "8859_15",
            "latin9",
            "latin-9",
            "l9",
            "iso8859_15_fdis",
            "csisolatin9",
        ],
    ),
    (Charset::Table(KOI8_R), &["koi8-r", "koi8_r", "koi8", "cskoi8r"]),
    (Charset::Table(KOI8_U), &["koi8-u", "koi8_u"]),
    (Charset::Table(IBM866), &["ibm866", "cp866", "ibm-866", "866", "csibm866"]),
    (Charset::Table(WINDOWS_1250), &["windows-1250", "cp1250", "cp5346"]),
    (Charset::Table(WINDOWS_1251), &["windows-1251", "cp1251", "cp5347", "ansi-1251"]),
    (Charset::Table(WINDOWS_1252), &["windows-1252", "cp1252", "cp5348", "ibm-1252", "ibm1252"]),
    (Charset::Table(WINDOWS_1253), &["windows-1253", "cp1253", "cp5349"]),
    (Charset::Table(WINDOWS_1254), &["windows-1254", "cp1254", "cp5350"]),
    (Charset::Table(WINDOWS_1255), &["windows-1255", "cp1255"]),
    (Charset::Table(WINDOWS_1256), &["windows-1256", "cp1256"]),
    (Charset::Table(WINDOWS_1257), &["windows-1257", "cp1257", "cp5353"]),
    (Charset::Table(WINDOWS_1258), &["windows-1258", "cp1258"]),
    (Charset::Table(MACINTOSH), &["x-macroman", "macroman"]),
    (Charset::Table(GB18030), &["gb18030", "gb18030-2022"]),
    (Charset::Table(GBK), &["gbk", "cp936", "windows-936"]),
    (Charset::Table(BIG5), &["big5", "csbig5"]),
    (Charset::Table(EUC_JP), &["euc-jp", "euc_jp", "eucjp", "eucjis", "x-euc-jp", "x-eucjp"]),
    (
        Charset::Table(SHIFT_JIS),
        &[
            "shift_jis",
            "shift-jis",
            "sjis",
            "x-sjis",
            "ms_kanji",
            "csshiftjis",
            "windows-31j",
            "ms932",
            "windows-932",
            "cswindows31j",
        ],
    ),
    (
        Charset::Table(ISO_2022_JP),
        &["iso-2022-jp", "iso2022jp", "jis", "jis_encoding", "csiso2022jp", "csjisencoding"],
    ),
    (
        Charset::Table(EUC_KR),
        &[
            "euc-kr",
            "euc_kr",
            "euckr",
            "ksc5601",
            "ks_c_5601-1987",
            "5601",
            "ksc5601-1987",
            "ksc5601_1987",
            "ksc_5601",
        ],
    ),
];

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

// === UTF-16, UTF-32 ===

fn ordered<const N: usize>(mut big: [u8; N], mark: Mark) -> [u8; N] {
    match mark {
        Mark::Big | Mark::Any => {}
        Mark::Little | Mark::LittleMarked => big.reverse(),
    }
    big
}

fn encode_utf16(text: &str, mark: Mark) -> Vec<u8> {
    let marked = matches!(mark, Mark::Any | Mark::LittleMarked) && !text.is_empty();
    let units = marked.then_some(BYTE_ORDER_MARK as u16).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| ordered(unit.to_be_bytes(), mark)).collect()
}

const BYTE_ORDER_MARK: u32 = 0xfeff;

/// Splits bytes into big-endian units, and takes a mark off when one may be there; `None` stands for a unit that is
/// cut off.
fn units<const N: usize>(bytes: &[u8], mark: Mark, value: fn([u8; N]) -> u32) -> Vec<Option<u32>> {
    let chunk = |bytes: &[u8]| <[u8; N]>::try_from(bytes).ok();
    let reversed = |mut bytes: [u8; N]| {
        bytes.reverse();
        bytes
    };
    let first = bytes.get(..N).and_then(chunk);
    let is_mark = |bytes: Option<[u8; N]>| bytes.is_some_and(|bytes| value(bytes) == BYTE_ORDER_MARK);
    let may_be_marked = matches!(mark, Mark::Any | Mark::LittleMarked);
    let (skipped, little) = match mark {
        _ if may_be_marked && is_mark(first) => (N, false),
        _ if may_be_marked && is_mark(first.map(reversed)) => (N, true),
        Mark::Big | Mark::Any => (0, false),
        Mark::Little | Mark::LittleMarked => (0, true),
    };
    let order = |bytes: [u8; N]| value(if little { reversed(bytes) } else { bytes });
    bytes[skipped..].chunks(N).map(|bytes| chunk(bytes).map(order)).collect()
}

/// As Java's decoder, takes two units for one malformed character when the second does not fit the first.
fn decode_utf16(bytes: &[u8], mark: Mark) -> String {
    let mut units = units(bytes, mark, |bytes| u16::from_be_bytes(bytes).into()).into_iter();
    let mut text = String::with_capacity(bytes.len());
    while let Some(unit) = units.next() {
        let code = match unit {
            Some(high @ 0xd800..0xdc00) => match units.next().flatten() {
                Some(low @ 0xdc00..0xe000) => Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
                _ => None,
            },
            // The mark of the other order is no character to Java.
            Some(0xfffe) => None,
            unit => unit,
        };
        text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    text
}

fn decode_utf32(bytes: &[u8], mark: Mark) -> String {
    let units = units(bytes, mark, u32::from_be_bytes).into_iter();
    units.map(|unit| unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
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
