//! One connection: frames in, frames out, in order.

pub mod fetch;
pub mod shape;
#[cfg(test)]
mod tests;
pub mod versions;

use crate::handlers::{self, Answer, Caller};
use crate::shared::Shared;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable};
use shape::ShapeFault;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// The shortest request: api key, version, correlation id.
const HEADER_BYTES_MIN: usize = 8;
/// First size of a connection's buffers; most requests fit.
const BUFFER_BYTES: usize = 8 * 1024;
/// A buffer that grew beyond this is given back when it is empty. Producers send batches of about a megabyte, and
/// keep theirs.
const BUFFER_BYTES_KEPT: usize = 2 * 1024 * 1024;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    stream: TcpStream,
    caller: Caller,
    received: BytesMut,
    sending: BytesMut,
}

/// Why a connection is closed by the broker.
#[derive(Debug, thiserror::Error)]
pub enum WireFault {
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("a frame of {0} bytes is not allowed")]
    FrameSize(i32),
    #[error("request {0} is not served")]
    Api(i16),
    #[error("version {version} of {api:?} is not served")]
    Version { api: ApiKey, version: i16 },
    #[error("{api:?} version {version} is malformed: {fault}")]
    Shape { api: ApiKey, version: i16, fault: ShapeFault },
    #[error("{api:?} version {version} does not decode: {problem}")]
    Decode { api: ApiKey, version: i16, problem: String },
    #[error("answer to {api:?} version {version} does not encode: {problem}")]
    Encode { api: ApiKey, version: i16, problem: String },
}

/// A request with what is needed to answer it.
#[derive(Debug)]
pub struct Request {
    pub api: ApiKey,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: String,
    pub body: RequestKind,
}

/// What a frame holds.
#[derive(Debug)]
pub enum Incoming {
    Request(Box<Request>),
    /// A client that speaks a newer ApiVersions than we do; it is told, in version 0, what we speak.
    NewerClient {
        correlation_id: i32,
    },
}

impl Connection {
    /// Serves a client until it goes, or sends what cannot be understood: then it is cut off with one line in the log.
    pub async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
        let reached = stream.local_addr().unwrap_or(peer);
        let caller = Caller { peer, reached, client_id: String::new() };
        let buffer = || BytesMut::with_capacity(BUFFER_BYTES);
        let mut connection = Self { shared, stream, caller, received: buffer(), sending: buffer() };
        match connection.run().await {
            Ok(()) => {}
            Err(WireFault::Io(error)) => tracing::debug!(%peer, "connection ended: {error}"),
            Err(fault) => tracing::warn!(%peer, "closed a connection: {fault}"),
        }
    }

    async fn run(&mut self) -> Result<(), WireFault> {
        self.stream.set_nodelay(true)?;
        while let Some(frame) = self.next_frame().await? {
            self.sending.clear();
            self.sending.put_i32(0);
            match parse(frame)? {
                Incoming::NewerClient { correlation_id } => {
                    encode_newer_client(correlation_id, &mut self.sending)?
                }
                Incoming::Request(request) => {
                    let Request { api, version, correlation_id, client_id, body } = *request;
                    self.caller.client_id = client_id;
                    // The only place where answers are made: faults on demand belong here.
                    let answer = handlers::answer(&self.shared, &self.caller, version, body).await;
                    if matches!(answer, Answer::Nothing) {
                        continue;
                    }
                    encode(api, version, correlation_id, answer, &mut self.sending)?;
                }
            }
            self.send().await?;
        }
        Ok(())
    }

    /// Reads the next frame, without its length; `None` when the client has gone.
    async fn next_frame(&mut self) -> Result<Option<Bytes>, WireFault> {
        if self.received.is_empty() && self.received.capacity() > BUFFER_BYTES_KEPT {
            self.received = BytesMut::with_capacity(BUFFER_BYTES);
        }
        if !self.fill(LENGTH_BYTES).await? {
            return Ok(None);
        }
        let length = self.received.get_i32();
        let allowed = HEADER_BYTES_MIN..=self.shared.options.frame_bytes_max;
        let bytes = usize::try_from(length).ok().filter(|bytes| allowed.contains(bytes));
        let bytes = bytes.ok_or(WireFault::FrameSize(length))?;
        if !self.fill(bytes).await? {
            return Ok(None);
        }
        Ok(Some(self.received.split_to(bytes).freeze()))
    }

    /// Reads until `bytes` are there; returns whether they are.
    async fn fill(&mut self, bytes: usize) -> Result<bool, WireFault> {
        while self.received.len() < bytes {
            let missing = bytes - self.received.len();
            self.received.reserve(missing.max(BUFFER_BYTES));
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn send(&mut self) -> Result<(), WireFault> {
        let length = (self.sending.len() - LENGTH_BYTES) as i32;
        self.sending[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&self.sending).await?;
        if self.sending.capacity() > BUFFER_BYTES_KEPT {
            self.sending = BytesMut::with_capacity(BUFFER_BYTES);
        }
        Ok(())
    }
}

/// Parses a frame that is at least as long as the shortest header.
pub fn parse(frame: Bytes) -> Result<Incoming, WireFault> {
    let mut start = &frame[..];
    let (key, version, correlation_id) = (start.get_i16(), start.get_i16(), start.get_i32());
    let api = ApiKey::try_from(key).map_err(|()| WireFault::Api(key))?;
    let Some(range) = versions::range(api) else { return Err(WireFault::Api(key)) };
    if !range.contains(&version) {
        if api == ApiKey::ApiVersions {
            return Ok(Incoming::NewerClient { correlation_id });
        }
        return Err(WireFault::Version { api, version });
    }
    // Before the decoder, which reserves memory for whatever length an array claims to have.
    shape::check(api, version, &frame).map_err(|fault| WireFault::Shape { api, version, fault })?;
    let malformed =
        |problem: &dyn std::fmt::Display| WireFault::Decode { api, version, problem: problem.to_string() };
    let mut rest = frame;
    let header = RequestHeader::decode(&mut rest, api.request_header_version(version))
        .map_err(|error| malformed(&error))?;
    let body = RequestKind::decode(api, &mut rest, version).map_err(|error| malformed(&error))?;
    let client_id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
    Ok(Incoming::Request(Box::new(Request { api, version, correlation_id, client_id, body })))
}

/// Writes an answer, header included, behind what `out` holds.
pub fn encode(
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    answer: Answer,
    out: &mut BytesMut,
) -> Result<(), WireFault> {
    let fault =
        |problem: &dyn std::fmt::Display| WireFault::Encode { api, version, problem: problem.to_string() };
    ResponseHeader::default()
        .with_correlation_id(correlation_id)
        .encode(out, api.response_header_version(version))
        .map_err(|error| fault(&error))?;
    match answer {
        Answer::Nothing => Ok(()),
        Answer::Message(message) => message.encode(out, version).map_err(|error| fault(&error)),
        Answer::Fetch(fetched) => {
            fetched.encode(out, version);
            Ok(())
        }
    }
}

fn encode_newer_client(correlation_id: i32, out: &mut BytesMut) -> Result<(), WireFault> {
    let response = versions::response().with_error_code(ResponseError::UnsupportedVersion.code());
    encode(ApiKey::ApiVersions, 0, correlation_id, response.into(), out)
}
