//! Requests of browsers that come from other sites (CORS), for `access.control.allow.origin`.

use axum::http::{
    HeaderMap, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};
use millrace_api::regex::JavaRegex;

/// What is allowed when `access.control.allow.methods` is empty, as in Kafka Connect.
const METHODS: &str = "GET,POST,HEAD";

const HEADERS: &str = "X-Requested-With,Content-Type,Accept,Origin";

/// How long a browser may remember the answer to its first question, in seconds.
const MAX_AGE: &str = "1800";

/// Which sites may ask, and how.
#[derive(Debug)]
pub(super) struct CrossOrigin {
    origins: Vec<Origin>,
    methods: HeaderValue,
}

#[derive(Debug)]
enum Origin {
    Any,
    Exactly(String),
    Matching(Box<JavaRegex>),
}

/// What is to be known of a request before it is answered.
pub(super) struct Asked {
    origin: Option<HeaderValue>,
    /// Only asks what it may ask.
    is_preflight: Option<()>,
}

impl CrossOrigin {
    /// Reads the settings; nothing when no other site may ask.
    pub(super) fn of(origins: &str, methods: &str) -> Option<Self> {
        if origins.trim().is_empty() {
            return None;
        }
        let methods = if methods.trim().is_empty() { METHODS } else { methods };
        let methods = HeaderValue::from_str(methods).unwrap_or(HeaderValue::from_static(METHODS));
        Some(Self { origins: origins.split(',').map(|origin| Origin::of(origin.trim())).collect(), methods })
    }

    /// Adds to an answer what the browser must know; nothing for a site that may not ask.
    pub(super) fn complete(&self, asked: &Asked, headers: &mut HeaderMap) {
        let Some(origin) = &asked.origin else { return };
        let text = origin.to_str().unwrap_or_default();
        if !self.origins.iter().any(|known| known.is(text)) {
            return;
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if !self.origins.iter().any(|origin| matches!(origin, Origin::Any)) {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if asked.is_preflight.is_some() {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
        }
    }
}

impl Asked {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Self { origin: headers.get(ORIGIN).cloned(), is_preflight: asks.then_some(()) }
    }
}

impl Origin {
    /// A star is any site, other stars are parts of a name, and what is left is a regular expression.
    fn of(text: &str) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let plain = text.chars().all(|char| char.is_alphanumeric() || ":/.-_[]*".contains(char));
        let pattern = match plain && text.contains('*') && !text.contains(".*") {
            true => text.replace('.', "\\.").replace('*', ".*"),
            false => text.to_owned(),
        };
        match JavaRegex::new(&pattern) {
            Ok(regex) => Self::Matching(Box::new(regex)),
            Err(_) => Self::Exactly(text.to_owned()),
        }
    }

    fn is(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => text == origin,
            Self::Matching(regex) => regex.matches(origin).unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(allowed: &str, request: &[(&'static str, &'static str)], method: Method, expected: &str) {
        let mut headers = HeaderMap::new();
        request.iter().for_each(|(name, value)| {
            headers.insert(*name, HeaderValue::from_static(value));
        });
        let mut answer = HeaderMap::new();
        if let Some(cross_origin) = CrossOrigin::of(allowed, "") {
            cross_origin.complete(&Asked::of(&method, &headers), &mut answer);
        }
        let mut shown: Vec<_> = answer
            .iter()
            .map(|(name, value)| {
                format!("{}={}", name.as_str().replace("access-control-", ""), value.to_str().unwrap())
            })
            .collect();
        shown.sort();
        assert_eq!(shown.join(" "), expected, "{allowed}");
    }

    #[test]
    fn allowed_sites_are_answered() {
        let asks = [("origin", "http://a.example")];
        let granted = "allow-credentials=true allow-origin=http://a.example";
        check("", &asks, Method::GET, "");
        check("*", &asks, Method::GET, granted);
        check("http://a.example", &asks, Method::GET, &format!("{granted} vary=Origin"));
        check("http://b.example,http://*.example", &asks, Method::GET, &format!("{granted} vary=Origin"));
        check("http://.*\\.example", &asks, Method::GET, &format!("{granted} vary=Origin"));
        check("http://b.example", &asks, Method::GET, "");
        check("*", &[], Method::GET, "");
    }

    #[test]
    fn a_browser_may_ask_first() {
        let asks = [("origin", "http://a"), ("access-control-request-method", "PUT")];
        check(
            "*",
            &asks,
            Method::OPTIONS,
            "allow-credentials=true allow-headers=X-Requested-With,Content-Type,Accept,Origin \
             allow-methods=GET,POST,HEAD allow-origin=http://a max-age=1800",
        );
        check("*", &asks, Method::PUT, "allow-credentials=true allow-origin=http://a");
    }
}
