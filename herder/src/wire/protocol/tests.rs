#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const URL: &str = "http://10.0.0.5:8083/";

const URL_BYTES: &str = "0015687474703a2f2f31302e302e302e353a383038332f";

fn task(connector: &str, index: u32) -> TaskId {
    TaskId { connector: connector.into(), index }
}

fn work(connectors: &[&str], tasks: &[(&str, u32)]) -> Work {
    Work {
        connectors: connectors.iter().map(|name| Arc::from(*name)).collect(),
        tasks: tasks.iter().map(|(name, index)| task(name, *index)).collect(),
    }
}

fn assignment(config_offset: i64, assigned: Work, revoked: Work, delay_ms: i32) -> Assignment {
    Assignment {
        error: AssignmentError::None,
        leader: "m-1".into(),
        leader_url: URL.into(),
        config_offset,
        assigned,
        revoked,
        delay_ms,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn check_state(state: &MemberState, protocol: SubProtocol, expected: &str) {
    let bytes = encode_state(state, protocol);
    assert_eq!(hex(&bytes), expected.replace(' ', ""));
    assert_eq!(decode_state(&bytes).unwrap(), *state);
}

#[test]
fn a_member_without_work_joins() {
    let state = MemberState { url: URL.into(), config_offset: 17, allocation: None };
    check_state(&state, SubProtocol::Eager, &format!("0000 {URL_BYTES} 0000000000000011"));
    check_state(&state, SubProtocol::Compatible, &format!("0001 {URL_BYTES} 0000000000000011 ffffffff"));
    check_state(&state, SubProtocol::Sessioned, &format!("0002 {URL_BYTES} 0000000000000011 ffffffff"));
}

#[test]
fn a_member_tells_what_it_has() {
    let allocation = assignment(17, work(&["pg"], &[("pg", 0)]), Work::default(), 0);
    let state = MemberState { url: URL.into(), config_offset: 17, allocation: Some(allocation) };
    let expected = format!(
        "0002 {URL_BYTES} 0000000000000011 00000044 \
         0002 0000 0003 6d2d31 {URL_BYTES} 0000000000000011 \
         00000001 0002 7067 00000002 ffffffff 00000000 00000000 00000000"
    );
    check_state(&state, SubProtocol::Sessioned, &expected);
    assert_eq!(encode_state(&state, SubProtocol::Millrace1), encode_state(&state, SubProtocol::Sessioned));
}

#[test]
fn an_assignment_gives_takes_and_delays() {
    let given = assignment(21, work(&[], &[("pg", 1)]), work(&["s3"], &[("s3", 2)]), 60_000);
    let expected = format!(
        "0001 0000 0003 6d2d31 {URL_BYTES} 0000000000000015 \
         00000001 0002 7067 00000001 00000001 \
         00000001 0002 7333 00000002 ffffffff 00000002 0000ea60"
    );
    let bytes = encode_assignment(&given, SubProtocol::Compatible);
    assert_eq!((hex(&bytes), bytes.len()), (expected.replace(' ', ""), 80));
    assert_eq!(decode_assignment(&bytes).unwrap(), given);
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    let given = assignment(3, work(&["a"], &[]), Work::default(), 5);
    let mut bytes = encode_assignment(&given, SubProtocol::Sessioned);
    bytes[1] = 9;
    bytes.extend([1, 2, 3]);
    assert_eq!(decode_assignment(&bytes).unwrap(), given);
}

#[test]
fn null_arrays_hold_nothing() {
    let given = assignment(3, Work::default(), Work::default(), 0);
    let mut bytes = encode_assignment(&given, SubProtocol::Sessioned);
    let end = bytes.len();
    bytes[end - 12..end - 4].fill(0xff);
    assert_eq!(decode_assignment(&bytes).unwrap(), given);
}

#[test]
fn broken_bytes_are_refused() {
    assert_eq!(decode_state(&[0xff, 0xff]).unwrap_err().to_string(), "the state of a worker has version -1");
    assert_eq!(decode_state(&[0]).unwrap_err().to_string(), "the state of a worker ends after 1 bytes");
    let given = assignment(3, work(&["a"], &[("a", 7)]), Work::default(), 0);
    let bytes = encode_assignment(&given, SubProtocol::Eager);
    for end in 0..bytes.len() {
        assert!(decode_assignment(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn names_are_those_on_the_wire() {
    let names =
        |protocol: SubProtocol| protocol.offers().iter().map(|offer| offer.name()).collect::<Vec<_>>();
    assert_eq!(names(SubProtocol::Millrace1), ["millrace-1", "sessioned", "compatible", "default"]);
    assert_eq!(names(SubProtocol::Eager), ["default"]);
    assert_eq!(SubProtocol::named("sessioned"), Some(SubProtocol::Sessioned));
    assert_eq!(SubProtocol::named("range"), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_state(&bytes);
        let _ = decode_assignment(&bytes);
    }
}
