//! `response.http.headers.config`: headers that are added to each response.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use millrace_api::config::{Check, Parsed};

/// One header of each response.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderRule {
    action: Action,
    name: HeaderName,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    /// Replaces what is there.
    Set,
    Add,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(HeaderValue),
    /// The date so much after the response.
    Date(SignedDuration),
}

/// Reads the rules. The texts are Kafka Connect's.
pub fn parse(text: &str) -> Result<Vec<HeaderRule>, String> {
    split(text).iter().filter(|rule| !rule.is_empty()).map(|rule| one(rule)).collect()
}

/// The check of the setting.
pub(super) fn check() -> Check {
    Check::new(|value| match value {
        Parsed::Text(text) => parse(text).map(drop),
        _ => Ok(()),
    })
}

impl HeaderRule {
    /// Puts the header where it belongs.
    pub fn apply(&self, headers: &mut HeaderMap, now: Timestamp) {
        let value = match &self.value {
            Value::Text(value) => value.clone(),
            Value::Date(after) => {
                let date = now.checked_add(*after).unwrap_or(now).to_zoned(TimeZone::UTC);
                let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let Ok(value) = HeaderValue::from_str(&text) else { return };
                value
            }
        };
        match self.action {
            Action::Set => drop(headers.insert(self.name.clone(), value)),
            Action::Add => drop(headers.append(self.name.clone(), value)),
        }
    }
}

/// Cuts at commas outside of double quotes, which are taken off.
fn split(text: &str) -> Vec<String> {
    let mut rules = vec![String::new()];
    let mut quoted = false;
    for char in text.chars() {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => rules.push(String::new()),
            char => rules.last_mut().expect("there is one from the beginning").push(char),
        }
    }
    rules.into_iter().map(|rule| rule.trim().to_owned()).collect()
}

fn one(rule: &str) -> Result<HeaderRule, String> {
    let Some((action, header)) = rule.split_once(char::is_whitespace) else {
        return Err(format!(
            "Invalid format of header config '{rule}'. Expected: '[action] [header name]:[header value]'"
        ));
    };
    let (is_date, action) = match action.to_ascii_lowercase().as_str() {
        "set" => (None, Action::Set),
        "add" => (None, Action::Add),
        "setdate" => (Some(()), Action::Set),
        "adddate" => (Some(()), Action::Add),
        _ => {
            return Err(format!(
                "Invalid header config action: '{action}'. Expected one of [set, add, setDate, addDate]"
            ));
        }
    };
    let header = header.trim();
    let wrong = || {
        format!(
            "Invalid format of header name and header value pair '{header}'. Expected: '[header name]:[header value]'"
        )
    };
    let (name, value) = header.split_once(':').ok_or_else(wrong)?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.contains(':') {
        return Err(wrong());
    }
    if name.contains(char::is_whitespace) {
        return Err(format!("Invalid header name '{name}'. The '[header name]' cannot contain whitespace"));
    }
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    let value = match is_date {
        None => Value::Text(HeaderValue::from_str(value).map_err(|_| wrong())?),
        Some(()) => {
            let after = value.parse().map_err(|_| wrong())?;
            Value::Date(SignedDuration::from_millis(after))
        }
    };
    Ok(HeaderRule { action, name, value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(rules: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_static("old"));
        let now = Timestamp::from_second(0).unwrap();
        let shown = parse(rules).map(|rules| {
            rules.iter().for_each(|rule| rule.apply(&mut headers, now));
            let mut shown: Vec<_> =
                headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
            shown.sort();
            shown.join("; ")
        });
        assert_eq!(shown.unwrap_or_else(|error| error), expected, "{rules}");
    }

    #[test]
    fn headers_are_set_and_added() {
        check("", "x=old");
        check("add x: new", "x=new; x=old");
        check("SET x:new", "x=new");
        check(
            r#""add Cache-Control: no-cache, no-store", add X-XSS-Protection: 1; mode=block"#,
            "cache-control=no-cache, no-store; x-xss-protection=1; mode=block; x=old",
        );
        check("setDate Expires: 86400000", "expires=Fri, 02 Jan 1970 00:00:00 GMT; x=old");
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_in_the_words_of_connect() {
        check(
            "add",
            "Invalid format of header config 'add'. Expected: '[action] [header name]:[header value]'",
        );
        check("put a:b", "Invalid header config action: 'put'. Expected one of [set, add, setDate, addDate]");
        check("add a b:c", "Invalid header name 'a b'. The '[header name]' cannot contain whitespace");
        for pair in ["a", "a:b:c", ":b"] {
            let text = format!(
                "Invalid format of header name and header value pair '{pair}'. Expected: '[header name]:[header value]'"
            );
            check(&format!("add {pair}"), &text);
        }
        check(
            "addDate a:soon",
            "Invalid format of header name and header value pair 'a:soon'. Expected: '[header name]:[header value]'",
        );
    }
}
