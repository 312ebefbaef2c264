//! A client without a socket.

use crate::handlers::{self, Answer, Caller};
use crate::shared::Shared;
use crate::wire::{self, Incoming, shape};
use crate::{Options, wire::versions};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

pub struct Client {
    pub shared: Shared,
    caller: Caller,
    answered: RefCell<BTreeSet<(i16, i16)>>,
    _folder: tempfile::TempDir,
}

impl Client {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { initial_rebalance_delay: Duration::ZERO, ..Options::default() };
        let shared = Shared::open(folder.path(), options).unwrap();
        let caller = Caller {
            peer: ([127, 0, 0, 1], 50_000).into(),
            reached: ([127, 0, 0, 1], 9_092).into(),
            client_id: "tester".to_owned(),
        };
        Self { shared, caller, answered: RefCell::default(), _folder: folder }
    }

    /// Sends a request and returns the answer; panics when any step fails.
    pub async fn call<R>(&self, version: i16, request: R) -> R::Response
    where
        R: Request + Encodable + HeaderVersion,
        R::Response: Decodable + HeaderVersion,
    {
        self.try_call(version, request).await.expect("an answer")
    }

    /// Sends a request that may get no answer.
    pub async fn try_call<R>(&self, version: i16, request: R) -> Option<R::Response>
    where
        R: Request + Encodable + HeaderVersion,
        R::Response: Decodable + HeaderVersion,
    {
        let api = ApiKey::try_from(R::KEY).unwrap();
        let frame = frame(version, &request);
        assert_eq!(shape::check(api, version, &frame), Ok(frame.len()), "shape of {api:?} version {version}");
        let Incoming::Request(parsed) = wire::parse(frame).unwrap() else {
            panic!("{api:?} {version} is served")
        };
        assert_eq!((parsed.api, parsed.version, parsed.correlation_id), (api, version, 77));
        let answer = handlers::answer(&self.shared, &self.caller, version, parsed.body).await;
        if matches!(answer, Answer::Nothing) {
            return None;
        }
        let mut out = BytesMut::new();
        wire::encode(api, version, 77, answer, &mut out).unwrap();
        let mut bytes = out.freeze();
        let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, 77);
        let response = R::Response::decode(&mut bytes, version).unwrap();
        assert!(!bytes.has_remaining(), "{api:?} version {version} leaves bytes");
        self.answered.borrow_mut().insert((R::KEY, version));
        Some(response)
    }

    pub fn answered(&self) -> BTreeSet<(i16, i16)> {
        self.answered.borrow().clone()
    }
}

/// Encodes a request as a client does, without the length in front.
pub fn frame<R: Request + Encodable + HeaderVersion>(version: i16, request: &R) -> Bytes {
    let mut out = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(StrBytes::from_static_str("tester")))
        .encode(&mut out, R::header_version(version))
        .unwrap();
    request.encode(&mut out, version).unwrap();
    out.freeze()
}

pub fn versions(api: ApiKey) -> RangeInclusive<i16> {
    versions::range(api).unwrap()
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
