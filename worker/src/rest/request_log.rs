//! One line for each request: the extended NCSA format, followed by the milliseconds it took.

use axum::{
    body::{Body, HttpBody},
    http::{
        HeaderMap, Request, Response,
        header::{CONTENT_LENGTH, REFERER, USER_AGENT},
    },
};
use jiff::{Timestamp, tz::TimeZone};
use std::{net::SocketAddr, time::Instant};

/// What is known of a request before it is answered.
pub(super) struct Line {
    remote: SocketAddr,
    began: Timestamp,
    clock: Instant,
    request: String,
    referer: String,
    agent: String,
}

impl Line {
    pub(super) fn of(request: &Request<Body>, remote: SocketAddr) -> Self {
        let target = request.uri().path_and_query().map_or("*", |target| target.as_str());
        Self {
            remote,
            began: Timestamp::now(),
            clock: Instant::now(),
            request: format!("{} {target} {:?}", request.method(), request.version()),
            referer: header(request.headers(), &REFERER),
            agent: header(request.headers(), &USER_AGENT),
        }
    }

    pub(super) fn log(self, response: &Response<Body>) {
        let length =
            response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let length: u64 = length.or(response.body().size_hint().exact()).unwrap_or_default();
        let took = self.clock.elapsed().as_millis();
        let line = self.text(response.status().as_u16(), length, took);
        tracing::info!(target: "org.apache.kafka.connect.runtime.rest.RestServer", "{line}");
    }

    fn text(&self, status: u16, length: u64, took: u128) -> String {
        let Self { remote, request, referer, agent, .. } = self;
        let at = self.began.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S +0000");
        format!("{} - - [{at}] \"{request}\" {status} {length} \"{referer}\" \"{agent}\" {took}", remote.ip())
    }
}

/// A header as it came; one that is not visible ASCII shows as a dash, so that no client writes lines of its own.
fn header(headers: &HeaderMap, name: &axum::http::HeaderName) -> String {
    let value = headers.get(name).map_or(Some(""), |value| value.to_str().ok());
    value.unwrap_or("-").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_is_that_of_connect() {
        let request =
            Request::get("/connectors?expand=info").header(USER_AGENT, "curl/8 \"x\"").body(Body::empty());
        let mut line = Line::of(&request.unwrap(), "192.0.2.7:5".parse().unwrap());
        line.began = "2024-10-24T10:00:00Z".parse().unwrap();
        assert_eq!(
            line.text(200, 17, 4),
            "192.0.2.7 - - [24/Oct/2024:10:00:00 +0000] \"GET /connectors?expand=info HTTP/1.1\" 200 17 \"\" \"curl/8 %22x%22\" 4"
        );
    }
}
