//! Keys and values of stored source offsets: bare JSON, as Kafka Connect writes it.
//!
//! A store finds offsets by the bytes of the key, so these matter to the byte.

use std::{fmt, sync::Arc};

use millrace_api::{Scalar, Scalars, SourceOffset, SourcePartition, text};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::wire::json;

/// Whose offset it is, and of what.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetKey {
    pub connector: Arc<str>,
    /// Nothing for the key of a connector that names no partition.
    pub partition: Option<SourcePartition>,
}

/// Why stored bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OffsetError {
    #[error("offset key is not of the form [connector, partition]: {0}")]
    Key(#[source] serde_json::Error),
    #[error("offset is not an object of primitive values: {0}")]
    Offset(#[source] serde_json::Error),
}

/// Returns the key of a partition: the bytes under which the store holds it, when it came from there.
pub fn encode_key(connector: &str, partition: &SourcePartition) -> Vec<u8> {
    if let Some(key) = partition.stored_key() {
        return key.to_vec();
    }
    let mut out = String::from("[");
    json::put_text(&mut out, connector);
    out.push(',');
    let mut entries: Vec<_> = partition.entries.iter().collect();
    json::sort_like_java(&mut entries);
    put_entries(&mut out, entries);
    out.push(']');
    out.into_bytes()
}

/// Returns what every key of a connector begins with, and no other connector's does.
pub fn key_prefix(connector: &str) -> Vec<u8> {
    let mut out = String::from("[");
    json::put_text(&mut out, connector);
    out.push(',');
    out.into_bytes()
}

/// Reads a key. Its partition remembers the bytes.
pub fn decode_key(key: &[u8]) -> Result<OffsetKey, OffsetError> {
    let (connector, partition): (String, Option<ReadScalars>) =
        serde_json::from_slice(key).map_err(OffsetError::Key)?;
    let partition = partition.map(|entries| SourcePartition::stored(entries.0, key));
    Ok(OffsetKey { connector: connector.into(), partition })
}

/// Returns the value of an offset.
pub fn encode_offset(offset: &SourceOffset) -> Vec<u8> {
    let mut out = String::new();
    put_entries(&mut out, offset.entries.iter());
    out.into_bytes()
}

/// Reads a value. A JSON null is no offset, like a tombstone.
pub fn decode_offset(value: &[u8]) -> Result<Option<SourceOffset>, OffsetError> {
    let entries: Option<ReadScalars> = serde_json::from_slice(value).map_err(OffsetError::Offset)?;
    Ok(entries.map(|entries| SourceOffset::new(entries.0)))
}

/// Scalars in the order in which they are read.
struct ReadScalars(Scalars);

struct ReadScalar(Scalar);

impl<'de> Deserialize<'de> for ReadScalars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = ReadScalars;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of primitive values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadScalars, A::Error> {
                let mut scalars = Scalars::default();
                while let Some((name, scalar)) = map.next_entry::<String, ReadScalar>()? {
                    scalars.insert(name, scalar.0);
                }
                Ok(ReadScalars(scalars))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for ReadScalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Primitive;

        impl Visitor<'_> for Primitive {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a primitive value")
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Integer(value))
            }

            /// Java keeps the low 64 bits of an integer that has more.
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Integer(value.cast_signed()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(value.into())
            }
        }

        deserializer.deserialize_any(Primitive).map(ReadScalar)
    }
}

fn put_entries<'a>(out: &mut String, entries: impl IntoIterator<Item = (&'a Arc<str>, &'a Scalar)>) {
    out.push('{');
    for (place, (name, scalar)) in entries.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        json::put_text(out, name);
        out.push(':');
        put_scalar(out, scalar);
    }
    out.push('}');
}

fn put_scalar(out: &mut String, scalar: &Scalar) {
    match scalar {
        Scalar::Null => out.push_str("null"),
        Scalar::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Scalar::Integer(value) => out.push_str(&value.to_string()),
        Scalar::Float(value) if value.is_finite() => out.push_str(&text::double(*value)),
        // JSON has no form for these; Java's writer quotes its own.
        Scalar::Float(value) => json::put_text(out, &text::double(*value)),
        Scalar::String(value) => json::put_text(out, value.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn scalars(entries: &[(&str, Scalar)]) -> Scalars {
        let mut scalars = Scalars::default();
        for (name, scalar) in entries {
            scalars.insert(*name, scalar.clone());
        }
        scalars
    }

    #[track_caller]
    fn check_offset(entries: &[(&str, Scalar)], expected: &str) {
        let offset = SourceOffset::new(scalars(entries));
        assert_eq!(String::from_utf8(encode_offset(&offset)).unwrap(), expected);
        assert_eq!(decode_offset(expected.as_bytes()).unwrap(), Some(offset));
    }

    #[track_caller]
    fn check_key(connector: &str, entries: &[(&str, Scalar)], expected: &str) {
        let partition = SourcePartition::new(scalars(entries));
        assert_eq!(String::from_utf8(encode_key(connector, &partition)).unwrap(), expected);
        let key = decode_key(expected.as_bytes()).unwrap();
        assert_eq!((key.connector.as_ref(), key.partition), (connector, Some(partition)));
    }

    #[test]
    fn offsets_keep_order_and_kinds() {
        check_offset(&[("position", 21.into())], r#"{"position":21}"#);
        check_offset(
            &[("lsn", 25_039_874.into()), ("snapshot", Scalar::Boolean(false)), ("a", Scalar::Null)],
            r#"{"lsn":25039874,"snapshot":false,"a":null}"#,
        );
        check_offset(&[], "{}");
        check_offset(&[("a", i64::MIN.into())], r#"{"a":-9223372036854775808}"#);
    }

    #[test]
    fn floats_have_their_java_form() {
        for (value, expected) in
            [(1.0, "1.0"), (1e10, "1.0E10"), (1e-5, "1.0E-5"), (0.1, "0.1"), (-0.0, "-0.0")]
        {
            check_offset(&[("a", Scalar::Float(value))], &format!(r#"{{"a":{expected}}}"#));
        }
    }

    #[test]
    fn numbers_that_json_lacks_are_quoted() {
        let offset = SourceOffset::new(scalars(&[("a", Scalar::Float(f64::NAN))]));
        assert_eq!(encode_offset(&offset), br#"{"a":"NaN"}"#);
    }

    #[test]
    fn texts_are_escaped_as_java_does() {
        check_offset(&[("a", "\"\\\u{8}\u{c}\n\r\t/".into())], r#"{"a":"\"\\\b\f\n\r\t/"}"#);
        check_offset(&[("a", "\u{1}\u{1f}\u{7f}".into())], "{\"a\":\"\\u0001\\u001F\u{7f}\"}");
        check_offset(&[("ü€", "\u{1F600}".into())], r#"{"ü€":"\uD83D\uDE00"}"#);
    }

    #[test]
    fn keys_name_connector_and_partition() {
        check_key(
            "local-file-source",
            &[("filename", "test.txt".into())],
            r#"["local-file-source",{"filename":"test.txt"}]"#,
        );
    }

    /// `a` and `q` share a bucket, where the earlier one stays first.
    #[test]
    fn fresh_keys_are_in_the_order_of_a_java_map() {
        let bucket = |name: &str| {
            let hash =
                name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
            (hash ^ (hash >> 16)) & 15
        };
        assert_eq!((bucket("a"), bucket("b"), bucket("q")), (1, 2, 1));
        check_key("c", &[("b", 1.into()), ("q", 2.into()), ("a", 3.into())], r#"["c",{"q":2,"a":3,"b":1}]"#);
    }

    #[test]
    fn keys_from_the_store_keep_their_bytes() {
        let stored = br#"["c", {"b":1, "a":2.50}]"#;
        let key = decode_key(stored).unwrap();
        let partition = key.partition.unwrap();
        assert_eq!(partition, SourcePartition::new(scalars(&[("a", Scalar::Float(2.5)), ("b", 1.into())])));
        assert_eq!(encode_key("c", &partition), stored);
    }

    #[test]
    fn a_key_may_lack_its_partition() {
        assert_eq!(
            decode_key(br#"["c",null]"#).unwrap(),
            OffsetKey { connector: "c".into(), partition: None }
        );
    }

    #[test]
    fn a_null_is_no_offset() {
        assert_eq!(decode_offset(b"null").unwrap(), None);
    }

    #[test]
    fn other_shapes_are_refused() {
        for key in ["", "{}", r#"["c"]"#, r#"["c",{},1]"#, r#"["c",{"a":[]}]"#, r#"[1,{}]"#, r#"["c",1]"#] {
            assert!(decode_key(key.as_bytes()).is_err(), "{key}");
        }
        for offset in ["", "[]", "1", r#"{"a":{}}"#, r#"{"a":1} x"#] {
            assert!(decode_offset(offset.as_bytes()).is_err(), "{offset}");
        }
    }

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            Just(Scalar::Null),
            any::<bool>().prop_map(Scalar::Boolean),
            any::<i64>().prop_map(Scalar::Integer),
            any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Scalar::Float),
            any::<String>().prop_map(|text| text.as_str().into()),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(name: String, entries in vec((any::<String>(), scalar()), 0..20)) {
            let mut scalars = Scalars::default();
            for (entry, scalar) in entries {
                scalars.insert(entry, scalar);
            }
            let offset = SourceOffset::new(scalars.clone());
            prop_assert_eq!(decode_offset(&encode_offset(&offset)).unwrap(), Some(offset));
            let key = encode_key(&name, &SourcePartition::new(scalars.clone()));
            let read = decode_key(&key).unwrap();
            prop_assert_eq!(read.connector.as_ref(), name.as_str());
            prop_assert_eq!(read.partition.unwrap().entries, scalars);
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&key).is_ok());
        }
    }
}
