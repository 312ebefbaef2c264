//! JSON as Java's writer writes it and Java's reader reads it.

use std::fmt::Write as _;

use serde_json::Value;

/// Reads what stands first, as Java's reader does: what follows it is not looked at, and no bytes are a null.
pub(super) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let first = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next();
    first.transpose().map(Option::unwrap_or_default)
}

/// Puts names in the order of a Java `HashMap`, which is what most connectors for Java keep a partition in: a Java
/// worker that takes over then finds the offset.
pub(super) fn sort_like_java<N: AsRef<str>, V>(entries: &mut [(N, V)]) {
    let mut buckets = 16;
    while entries.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    sort_by_bucket(entries, buckets);
}

/// The same for a `HashSet` that was made from another collection: it is larger from the start.
pub(super) fn sort_like_java_set<N: AsRef<str>, V>(entries: &mut [(N, V)]) {
    sort_by_bucket(entries, (entries.len() * 4 / 3 + 1).max(16).next_power_of_two());
}

fn sort_by_bucket<N: AsRef<str>, V>(entries: &mut [(N, V)], buckets: usize) {
    entries.sort_by_key(|(name, _)| {
        let units = name.as_ref().encode_utf16();
        let hash = units.fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

/// Appends a JSON string as Java's writer does.
pub(super) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..'\u{20}' | '\u{10000}'.. => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a text cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
            character => out.push(character),
        }
    }
    out.push('"');
}
