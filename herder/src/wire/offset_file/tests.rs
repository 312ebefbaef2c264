#![allow(clippy::unwrap_used)]
use proptest::{collection::vec, option, prelude::*};

use super::*;

/// As a Java 17 runtime has written it.
const ONE_ENTRY: &str = "
    AC ED 00 05 73 72 00 11 6A 61 76 61 2E 75 74 69
    6C 2E 48 61 73 68 4D 61 70 05 07 DA C1 C3 16 60
    D1 03 00 02 46 00 0A 6C 6F 61 64 46 61 63 74 6F
    72 49 00 09 74 68 72 65 73 68 6F 6C 64 78 70 3F
    40 00 00 00 00 00 0C 77 08 00 00 00 10 00 00 00
    01 75 72 00 02 5B 42 AC F3 17 F8 06 08 54 E0 02
    00 00 78 70 00 00 00 2D 5B 22 6C 6F 63 61 6C 2D
    66 69 6C 65 2D 73 6F 75 72 63 65 22 2C 7B 22 66
    69 6C 65 6E 61 6D 65 22 3A 22 74 65 73 74 2E 74
    78 74 22 7D 5D 75 71 00 7E 00 02 00 00 00 0F 7B
    22 70 6F 73 69 74 69 6F 6E 22 3A 32 31 7D 78";

/// Up to the threshold.
const HEADER: &str = "
    AC ED 00 05 73 72 00 11 6A 61 76 61 2E 75 74 69
    6C 2E 48 61 73 68 4D 61 70 05 07 DA C1 C3 16 60
    D1 03 00 02 46 00 0A 6C 6F 61 64 46 61 63 74 6F
    72 49 00 09 74 68 72 65 73 68 6F 6C 64 78 70 3F
    40 00 00";

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn map(entries: &[(Option<&str>, Option<&str>)]) -> OffsetMap {
    let bytes = |text: &Option<&str>| text.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    entries.iter().map(|(key, value)| (bytes(key), bytes(value))).collect()
}

/// Compares what a file holds, and that writing the same gives the same bytes.
#[track_caller]
fn check(file: &str, entries: &[(Option<&str>, Option<&str>)]) {
    let file = hex(file);
    assert_eq!(decode(file.clone().into()), Ok(map(entries)));
    let entries: Vec<_> =
        entries.iter().map(|(key, value)| (key.map(str::as_bytes), value.map(str::as_bytes))).collect();
    assert_eq!(encode(entries), file);
}

#[track_caller]
fn check_refused(file: &str, expected: &str) {
    assert_eq!(decode(hex(file).into()).unwrap_err().to_string(), expected);
}

#[test]
fn one_entry_is_as_java_writes_it() {
    let key = r#"["local-file-source",{"filename":"test.txt"}]"#;
    check(ONE_ENTRY, &[(Some(key), Some(r#"{"position":21}"#))]);
}

#[test]
fn an_empty_map_is_as_java_writes_it() {
    check(&format!("{HEADER} 00 00 00 00 77 08 00 00 00 10 00 00 00 00 78"), &[]);
}

#[test]
fn tombstones_are_as_java_writes_them() {
    let file = format!(
        "{HEADER} 00 00 00 0C 77 08 00 00 00 10 00 00 00 02
         75 72 00 02 5B 42 AC F3 17 F8 06 08 54 E0 02 00 00 78 70 00 00 00 01 6B 70
         75 71 00 7E 00 02 00 00 00 01 6A 75 71 00 7E 00 02 00 00 00 01 76 78"
    );
    check(&file, &[(Some("k"), None), (Some("j"), Some("v"))]);
}

#[test]
fn a_null_key_is_kept() {
    let file = format!(
        "{HEADER} 00 00 00 0C 77 08 00 00 00 10 00 00 00 01
         70 75 72 00 02 5B 42 AC F3 17 F8 06 08 54 E0 02 00 00 78 70 00 00 00 01 76 78"
    );
    check(&file, &[(None, Some("v"))]);
}

#[test]
fn an_array_may_be_referred_to() {
    let file = format!(
        "{HEADER} 00 00 00 0C 77 08 00 00 00 10 00 00 00 01
         75 72 00 02 5B 42 AC F3 17 F8 06 08 54 E0 02 00 00 78 70 00 00 00 01 6B 71 00 7E 00 03 78"
    );
    assert_eq!(decode(hex(&file).into()), Ok(map(&[(Some("k"), Some("k"))])));
}

#[test]
fn an_empty_file_is_a_truncated_one() {
    check_refused("", "offset file ends after 0 bytes, before the mark of a Java object stream");
}

#[test]
fn foreign_files_are_refused_by_what_they_hold() {
    check_refused(
        "68 65",
        "offset file has 0x68 at byte 0 where the mark of a Java object stream was expected",
    );
    check_refused("AC ED 00 05 74 00 01 61", "offset file has 0x74 at byte 4 where an object was expected");
    check_refused("AC ED 00 05 73 72 00 03 61 2E 42 00", "Expected HashMap but found class a.B");
}

#[test]
fn foreign_classes_inside_are_refused() {
    let start = format!("{HEADER} 00 00 00 0C 77 08 00 00 00 10 00 00 00 01");
    check_refused(
        &format!("{start} 74 00 01 61"),
        "offset file has 0x74 at byte 81 where a key was expected",
    );
    check_refused(
        &format!("{start} 75 72 00 02 5B 49"),
        "offset file has 0x49 at byte 86 where the class of an array of bytes was expected",
    );
    check_refused(
        &format!("{start} 71 00 7E 00 01"),
        "offset file states 8257537 as reference to an array at byte 82",
    );
}

#[test]
fn sizes_beyond_the_file_ask_for_no_memory() {
    let start = format!("{HEADER} 00 00 00 0C 77 08 00 00 00 10");
    check_refused(&format!("{start} 7F FF FF FF"), "offset file ends after 81 bytes, before a key");
    check_refused(&format!("{start} FF FF FF FF"), "offset file states -1 as number of entries at byte 77");
    let array = "75 72 00 02 5B 42 AC F3 17 F8 06 08 54 E0 02 00 00 78 70";
    check_refused(
        &format!("{start} 00 00 00 01 {array} 7F FF FF FF 00"),
        "offset file ends after 105 bytes, before the end of an array",
    );
    check_refused(
        &format!("{start} 00 00 00 01 {array} 80 00 00 00"),
        "offset file states -2147483648 as length of an array at byte 100",
    );
}

#[test]
fn tables_grow_as_in_java() {
    for (size, expected) in [(0, 16), (12, 16), (13, 32), (24, 32), (25, 64), (1000, 2048)] {
        assert_eq!(buckets(size), expected, "{size}");
    }
}

type Entries = Vec<(Option<Vec<u8>>, Option<Vec<u8>>)>;

fn entries() -> impl Strategy<Value = Entries> {
    let array = || option::of(vec(any::<u8>(), 0..20));
    vec((array(), array()), 0..30)
}

fn written(entries: &Entries) -> Vec<u8> {
    encode(entries.iter().map(|(key, value)| (key.as_deref(), value.as_deref())).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn what_was_written_is_read(entries in entries()) {
        let bytes = |array: &Option<Vec<u8>>| array.clone().map(Bytes::from);
        let expected: OffsetMap = entries.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
        prop_assert_eq!(decode(written(&entries).into()), Ok(expected));
    }

    #[test]
    fn every_beginning_of_a_file_is_truncated(entries in entries(), cut in any::<prop::sample::Index>()) {
        let file = written(&entries);
        let cut = cut.index(file.len());
        let truncated = matches!(decode(file[..cut].to_vec().into()), Err(OffsetFileError::Truncated { .. }));
        prop_assert!(truncated);
    }

    #[test]
    fn no_damage_makes_the_reader_fail_otherwise(
        entries in entries(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut file = written(&entries);
        for (place, byte) in damage {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let _ = decode(file.into());
    }
}
