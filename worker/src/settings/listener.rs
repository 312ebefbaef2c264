//! The addresses of the REST API, as `listeners` names them.

use millrace_api::config::{Check, Parsed};
use std::fmt;

/// Kafka Connect's texts.
const WRONG_FORM: &str = "Listener doesn't have the right format (protocol://hostname:port).";
const WRONG_PROTOCOL: &str = "Listener protocol must be either \"http\" or \"https\".";
const NONE: &str = "Invalid value for listeners, at least one URL is expected, ex: http://localhost:8080,https://localhost:8443.";
const BLANK: &str = "Empty URL found when parsing listeners list.";
const BLANK_ADMIN: &str = "Empty URL found when parsing admin.listeners list.";
const HTTPS: &str = "HTTPS is not supported yet";

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerUrl {
    /// Empty for all addresses; without the brackets of IPv6.
    pub host: String,
    /// 0 for any free port.
    pub port: u16,
}

impl ListenerUrl {
    /// Reads `http://host:port`; the error is the reason why it will not do.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let (protocol, rest) = url.trim().split_once("://").ok_or(WRONG_FORM)?;
        match protocol.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(HTTPS),
            _ => return Err(WRONG_PROTOCOL),
        }
        let (host, port) = rest.rsplit_once(':').ok_or(WRONG_FORM)?;
        let port = port.parse().map_err(|_| WRONG_FORM)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let known = |char: char| char.is_ascii_alphanumeric() || "-%._:".contains(char);
        let host = bare.unwrap_or(host);
        if !host.chars().all(known) || (bare.is_none() && host.contains(':')) {
            return Err(WRONG_FORM);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// As a URL, with IPv6 in brackets.
impl fmt::Display for ListenerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "http://[{host}]:{port}")
        } else {
            write!(f, "http://{host}:{port}")
        }
    }
}

/// The check of `listeners`.
pub(super) fn list() -> Check {
    Check::new(|value| match value {
        Parsed::List(urls) if urls.is_empty() => Err(NONE.to_owned()),
        Parsed::List(urls) if urls.iter().any(String::is_empty) => Err(BLANK.to_owned()),
        Parsed::List(urls) => each(urls),
        _ => Err(NONE.to_owned()),
    })
}

/// The check of `admin.listeners`.
pub(super) fn admin_list() -> Check {
    Check::new(|value| match value {
        Parsed::List(urls) if urls.iter().any(String::is_empty) => Err(BLANK_ADMIN.to_owned()),
        Parsed::List(urls) => each(urls),
        _ => Ok(()),
    })
}

fn each(urls: &[String]) -> Result<(), String> {
    urls.iter().try_for_each(|url| match ListenerUrl::parse(url) {
        Ok(_) => Ok(()),
        Err(reason) => Err(format!("{url}: {reason}")),
    })
}

/// Reads addresses that the check has seen.
pub(super) fn all(urls: &[String]) -> Vec<ListenerUrl> {
    urls.iter().filter_map(|url| ListenerUrl::parse(url).ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, u16), &str>) {
        let found = ListenerUrl::parse(url);
        let found = found.as_ref().map(|found| (found.host.as_str(), found.port)).map_err(|reason| *reason);
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn addresses_are_read() {
        check("http://:8083", Ok(("", 8083)));
        check(" HTTP://localhost:0 ", Ok(("localhost", 0)));
        check("http://[::1]:8083", Ok(("::1", 8083)));
        check("http://10.0.0.5:8083", Ok(("10.0.0.5", 8083)));
        assert_eq!(ListenerUrl::parse("http://[::1]:8083").unwrap().to_string(), "http://[::1]:8083");
    }

    #[test]
    fn what_is_no_address_says_why() {
        check("localhost:8083", Err(WRONG_FORM));
        check("http://localhost", Err(WRONG_FORM));
        check("http://localhost:x", Err(WRONG_FORM));
        check("http://localhost:65536", Err(WRONG_FORM));
        check("http://a b:1", Err(WRONG_FORM));
        check("http://::1:8083", Err(WRONG_FORM));
        check("ftp://localhost:1", Err(WRONG_PROTOCOL));
        check("https://localhost:1", Err(HTTPS));
    }
}
