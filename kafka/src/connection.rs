//! A connection of our own to a broker, for the calls that librdkafka does not have.
//!
//! TLS and SASL will go between the socket and the frames: see `Connection::open`.

use std::{collections::BTreeMap, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, ApiVersionsRequest, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest answer that is read. The largest is that of a leader's join: a kilobyte for a member and some bytes for
/// each task.
const ANSWER_BYTES_MAX: i32 = 64 << 20;

/// The version of `ApiVersions` that is asked first. A broker that does not know it answers in version 0.
const API_VERSIONS: i16 = 3;

/// What brokers answer to a version that they do not know.
const UNSUPPORTED_VERSION: i16 = 35;

/// Calls one broker, one call at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    client_id: StrBytes,
    correlation: i32,
    /// The newest version of each call that the broker has.
    versions: BTreeMap<i16, (i16, i16)>,
}

/// Why a broker could not be asked. The connection is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("connecting to {address} took more than {waited:?}")]
    ConnectTimeout { address: String, waited: Duration },
    #[error("connecting to {address}: {source}")]
    Connect { address: String, source: std::io::Error },
    #[error("the connection to the broker broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("the broker did not answer {call:?} within {waited:?}")]
    Timeout { call: ApiKey, waited: Duration },
    #[error("the broker's answer to {call:?} cannot be read: {problem}")]
    Malformed { call: ApiKey, problem: String },
    #[error("the broker has no version of {call:?} that this client knows")]
    NoVersion { call: ApiKey },
}

/// Whom to connect to, and how long to wait for it.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) address: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) connect_timeout: Duration,
}

impl Connection {
    /// Connects, and asks which versions the broker has.
    pub(crate) async fn open(target: Target<'_>) -> Result<Self, ConnectionError> {
        let Target { address, client_id, connect_timeout: waited } = target;
        let connected = timeout(waited, TcpStream::connect(address)).await;
        let failed = |source| ConnectionError::Connect { address: address.to_owned(), source };
        let timed_out = |_| ConnectionError::ConnectTimeout { address: address.to_owned(), waited };
        let stream = connected.map_err(timed_out)?.map_err(failed)?;
        // Calls are small and waited for: there is nothing to gather.
        stream.set_nodelay(true)?;
        let client_id = StrBytes::from_string(client_id.to_owned());
        let mut connection = Self { stream, client_id, correlation: 0, versions: BTreeMap::new() };
        connection.learn_versions(waited).await?;
        Ok(connection)
    }

    /// Returns the newest version of a call that both sides have.
    pub(crate) fn version<R: Request>(&self, newest: i16) -> Result<i16, ConnectionError> {
        let call = || ApiKey::try_from(R::KEY).unwrap_or(ApiKey::ApiVersions);
        let (min, max) = self.versions.get(&R::KEY).copied().unwrap_or((0, -1));
        let version = max.min(newest);
        if version < min { Err(ConnectionError::NoVersion { call: call() }) } else { Ok(version) }
    }

    /// Sends a call and waits for its answer.
    pub(crate) async fn call<R>(
        &mut self,
        version: i16,
        request: &R,
        waited: Duration,
    ) -> Result<R::Response, ConnectionError>
    where
        R: Request + Encodable + HeaderVersion,
        R::Response: Decodable + HeaderVersion,
    {
        let call = ApiKey::try_from(R::KEY).unwrap_or(ApiKey::ApiVersions);
        let malformed = |problem: String| ConnectionError::Malformed { call, problem };
        let frame = self.frame(version, request).map_err(malformed)?;
        let answer = timeout(waited, self.exchange(call, &frame)).await;
        let mut answer = answer.map_err(|_| ConnectionError::Timeout { call, waited })??;
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version));
        let header = header.map_err(|error| malformed(error.to_string()))?;
        if header.correlation_id != self.correlation {
            return Err(malformed("it answers another call".to_owned()));
        }
        R::Response::decode(&mut answer, version).map_err(|error| malformed(error.to_string()))
    }

    async fn learn_versions(&mut self, waited: Duration) -> Result<(), ConnectionError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("millrace"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let answer = match self.call(API_VERSIONS, &request, waited).await {
            Ok(answer) if answer.error_code != UNSUPPORTED_VERSION => answer,
            // An old broker answers in a version that is not the asked one.
            Ok(_) | Err(ConnectionError::Malformed { .. }) => {
                self.call(0, &ApiVersionsRequest::default(), waited).await?
            }
            Err(error) => return Err(error),
        };
        self.versions =
            answer.api_keys.iter().map(|key| (key.api_key, (key.min_version, key.max_version))).collect();
        Ok(())
    }

    fn frame<R: Request + Encodable + HeaderVersion>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<Bytes, String> {
        self.correlation = self.correlation.wrapping_add(1);
        let mut body = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(self.client_id.clone()));
        header.encode(&mut body, R::header_version(version)).map_err(|error| error.to_string())?;
        request.encode(&mut body, version).map_err(|error| error.to_string())?;
        let length = i32::try_from(body.len()).map_err(|error| error.to_string())?;
        let mut frame = BytesMut::with_capacity(4 + body.len());
        frame.put_i32(length);
        frame.extend_from_slice(&body);
        Ok(frame.freeze())
    }

    async fn exchange(&mut self, call: ApiKey, frame: &[u8]) -> Result<Bytes, ConnectionError> {
        self.stream.write_all(frame).await?;
        let length = self.stream.read_i32().await?;
        if !(0..=ANSWER_BYTES_MAX).contains(&length) {
            let problem = format!("it has {length} bytes");
            return Err(ConnectionError::Malformed { call, problem });
        }
        let mut answer = vec![0; length as usize];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer.into())
    }
}
