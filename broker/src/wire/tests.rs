#![allow(clippy::unwrap_used)]

use super::*;
use crate::Options;
use bytes::BufMut;
use proptest::prelude::*;

/// Builds a frame by hand: header with a null client id, then the body.
fn frame(api: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i16(api as i16);
    frame.put_i16(version);
    frame.put_i32(5);
    frame.put_i16(-1);
    frame.put_slice(body);
    frame.freeze()
}

#[test]
fn an_array_that_claims_two_billion_elements_is_refused_before_decoding() {
    let claims = frame(ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff]);
    assert!(matches!(parse(claims), Err(WireFault::Shape { fault: ShapeFault::Outside, .. })));
    let compact = frame(ApiKey::Metadata, 9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(matches!(parse(compact), Err(WireFault::Shape { fault: ShapeFault::Outside, .. })));
    let many = frame(ApiKey::DescribeGroups, 0, &[&[0, 0x08, 0, 0][..], &vec![0; 2 << 20]].concat());
    assert!(matches!(parse(many), Err(WireFault::Shape { fault: ShapeFault::Elements, .. })));
}

#[test]
fn what_is_not_announced_is_refused_by_name() {
    assert!(matches!(parse(frame(ApiKey::Produce, 99, &[])), Err(WireFault::Version { version: 99, .. })));
    assert!(matches!(parse(frame(ApiKey::AddOffsetsToTxn, 0, &[])), Err(WireFault::Api(25))));
    assert!(matches!(
        parse(frame(ApiKey::ApiVersions, 99, &[])),
        Ok(Incoming::NewerClient { correlation_id: 5 })
    ));
}

#[test]
fn a_newer_client_is_told_the_versions_in_the_oldest_form() {
    let mut out = BytesMut::new();
    encode_newer_client(5, &mut out).unwrap();
    let mut bytes = out.freeze();
    assert_eq!((bytes.get_i32(), bytes.get_i16()), (5, 35));
    assert_eq!(bytes.get_i32() as usize, versions::SERVED.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_frame_of_any_bytes_panics(
        at in any::<prop::sample::Index>(), version in 0_i16..14, body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (api, ..) = versions::SERVED[at.index(versions::SERVED.len())];
        drop(parse(frame(api, version, &body)));
    }
}

/// Connects to a fresh broker, writes `bytes`, and returns what comes back until the broker closes.
async fn exchange(options: Options, bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let broker = crate::Broker::start(folder.path(), ([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let mut stream = TcpStream::connect(broker.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let closing = stream.read_to_end(&mut answer);
    let closed =
        tokio::time::timeout(std::time::Duration::from_secs(10), closing).await.expect("closed in time");
    // A reset is a way of closing too.
    drop(closed);
    // The others are still served.
    let mut other = TcpStream::connect(broker.address()).await.unwrap();
    let question = frame(ApiKey::ApiVersions, 0, &[]);
    other.write_all(&[&(question.len() as u32).to_be_bytes()[..], &question].concat()).await.unwrap();
    assert!(other.read_i32().await.unwrap() > 10);
    broker.stop().await;
    answer
}

#[tokio::test]
async fn a_hostile_frame_closes_its_own_connection_only() {
    let framed = |frame: Bytes| [&(frame.len() as u32).to_be_bytes()[..], &frame].concat();
    for bytes in [
        vec![0xff; 4],
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 3],
        framed(frame(ApiKey::Metadata, 1, &[0x7f, 0xff, 0xff, 0xff])),
        framed(frame(ApiKey::Produce, 99, &[])),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        assert_eq!(exchange(Options::default(), &bytes).await, Vec::<u8>::new(), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_frame_beyond_the_bound_is_not_read() {
    let options = Options { frame_bytes_max: 1_000, ..Options::default() };
    assert!(exchange(options, &1_001_u32.to_be_bytes()).await.is_empty());
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { connections_max: 1, ..Options::default() };
    let broker = crate::Broker::start(folder.path(), ([127, 0, 0, 1], 0).into(), options).await.unwrap();
    let question = frame(ApiKey::ApiVersions, 0, &[]);
    let question = [&(question.len() as u32).to_be_bytes()[..], &question].concat();
    let mut first = TcpStream::connect(broker.address()).await.unwrap();
    first.write_all(&question).await.unwrap();
    assert!(first.read_i32().await.unwrap() > 10);
    let mut second = TcpStream::connect(broker.address()).await.unwrap();
    assert!(matches!(second.read_i32().await, Err(error) if error.kind() != io::ErrorKind::TimedOut));
    broker.stop().await;
}
