//! Charsets of wide units: UTF-16 and UTF-32.

use super::Mark;

const BYTE_ORDER_MARK: u32 = 0xfeff;

/// Writes UTF-16; an empty text has no mark.
pub(super) fn encode_utf16(text: &str, mark: Mark) -> Vec<u8> {
    let marked = matches!(mark, Mark::Any | Mark::LittleMarked) && !text.is_empty();
    let units = marked.then_some(BYTE_ORDER_MARK as u16).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| ordered(unit.to_be_bytes(), mark)).collect()
}

/// Writes UTF-32, without a mark as Java does.
pub(super) fn encode_utf32(text: &str, mark: Mark) -> Vec<u8> {
    text.chars().flat_map(|char| ordered(u32::from(char).to_be_bytes(), mark)).collect()
}

/// Reads UTF-16. As Java's decoder, takes two units for one malformed character when the second does not fit the first.
pub(super) fn decode_utf16(bytes: &[u8], mark: Mark) -> String {
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

/// Reads UTF-32.
pub(super) fn decode_utf32(bytes: &[u8], mark: Mark) -> String {
    let units = units(bytes, mark, u32::from_be_bytes).into_iter();
    units.map(|unit| unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn ordered<const N: usize>(mut big: [u8; N], mark: Mark) -> [u8; N] {
    match mark {
        Mark::Big | Mark::Any => {}
        Mark::Little | Mark::LittleMarked => big.reverse(),
    }
    big
}

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
