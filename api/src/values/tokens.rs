//! Splits a text into tokens: delimiters, and what stands between them.

/// Characters that are tokens of their own.
const DELIMITERS: [u8; 7] = *b":,{}[]\"";

/// The tokens of a text, one of which may have been looked at but not taken.
///
/// A backslash keeps the next character from being a delimiter and stays in the token.
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// Where the next token begins that has not been looked at.
    position: usize,
    /// The token that has been looked at.
    ahead: Option<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0, ahead: None }
    }

    /// Returns the whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Tells whether a token is left, be it a blank one.
    pub(super) fn has_next(&self) -> bool {
        self.ahead.is_some() || self.position < self.text.len()
    }

    /// Returns where the next token begins. Blank tokens that were skipped to look at it stay skipped.
    pub(super) fn mark(&self) -> usize {
        self.position - self.ahead.map_or(0, str::len)
    }

    /// Goes back to a mark.
    pub(super) fn rewind_to(&mut self, mark: usize) {
        self.position = mark;
        self.ahead = None;
    }

    /// Takes the next token; empty at the end.
    pub(super) fn next(&mut self) -> &'a str {
        match self.ahead.take() {
            Some(token) => token,
            None => self.read(),
        }
    }

    /// Takes the next tokens and returns them as one text, or takes none when there are fewer.
    pub(super) fn next_joined(&mut self, count: usize) -> Option<&'a str> {
        let start = self.mark();
        for _ in 0..count {
            if !self.has_next() {
                self.rewind_to(start);
                return None;
            }
            self.next();
        }
        Some(&self.text[start..self.position])
    }

    /// Takes the next token if it is this one; blank tokens before it and blanks around it do not count.
    pub(super) fn take_if(&mut self, expected: &str) -> bool {
        let mut token = match self.ahead {
            Some(token) => token,
            None if self.position < self.text.len() => self.read(),
            None => return false,
        };
        while is_blank(token) && self.position < self.text.len() {
            token = self.read();
        }
        self.ahead = if trim(token) == expected { None } else { Some(token) };
        self.ahead.is_none()
    }

    /// Takes the next token if it is exactly this one.
    pub(super) fn take_if_exactly(&mut self, expected: &str) -> bool {
        if !self.has_next() {
            return false;
        }
        let token = self.next();
        self.ahead = if token == expected { None } else { Some(token) };
        self.ahead.is_none()
    }

    fn read(&mut self) -> &'a str {
        let start = self.position;
        let rest = &self.text.as_bytes()[start..];
        let mut escaped = false;
        let mut length = rest.len();
        for (index, byte) in rest.iter().enumerate() {
            if *byte == b'\\' {
                escaped = !escaped;
            } else if escaped {
                escaped = false;
            } else if DELIMITERS.contains(byte) {
                length = index.max(1);
                break;
            }
        }
        self.position += length;
        &self.text[start..self.position]
    }
}

/// `String.trim`: takes off all characters up to the blank.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|char| char <= ' ')
}

pub(super) fn is_blank(text: &str) -> bool {
    trim(text).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut tokens = Tokens::new(text);
        let mut found = Vec::new();
        while tokens.has_next() {
            found.push(tokens.next());
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn delimiters_are_tokens() {
        check(r#"{"a b":1,[x]}"#, &["{", "\"", "a b", "\"", ":", "1", ",", "[", "x", "]", "}"]);
        check("é:ü", &["é", ":", "ü"]);
    }

    #[test]
    fn an_escaped_delimiter_is_not() {
        check(r"a\:b:c", &[r"a\:b", ":", "c"]);
        check(r"a\\:b", &[r"a\\", ":", "b"]);
        check(r":\", &[":", r"\"]);
    }

    #[test]
    fn a_token_that_is_looked_at_is_still_there() {
        let mut tokens = Tokens::new("  ,:");
        assert!(!tokens.take_if(":"));
        assert!(!tokens.take_if_exactly(":"));
        // The blank token was skipped to look at the comma.
        assert_eq!((tokens.mark(), tokens.next()), (2, ","));
        tokens.rewind_to(0);
        assert!(tokens.take_if(",") && tokens.take_if(":") && !tokens.has_next());
    }

    #[test]
    fn tokens_are_joined_only_when_there_are_enough() {
        let mut tokens = Tokens::new("a:b:c");
        assert_eq!(tokens.next_joined(6), None);
        assert_eq!(tokens.next_joined(3), Some("a:b"));
        assert_eq!(tokens.next(), ":");
    }
}
