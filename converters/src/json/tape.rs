//! The parser: a document becomes a flat list of tokens in a buffer that the next document reuses.
//!
//! It accepts what Jackson accepts with Connect's settings: zeros at the front of numbers, a byte order mark, and
//! anything behind the first value. Nothing is converted here, so that errors of the data never hide those of the
//! text, and values are read in the order of the schema's fields.

use std::{borrow::Cow, str};

/// How deep arrays and objects may nest: Jackson's bound.
pub(super) const DEPTH_MAX: usize = 1000;

/// How many digits a number may have: Jackson's bound. It keeps big integers from taking quadratic time.
const DIGITS_MAX: usize = 1000;

/// One token. Positions of text are those of its first byte and the one behind it; `end` is the index of the token
/// behind the last of an array or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Null,
    Boolean(bool),
    /// Digits with an optional minus at the front.
    Integer(Span),
    /// A number with a point or an exponent.
    Fraction(Span),
    /// Text between quotes.
    Plain(Span),
    /// Text between quotes with backslashes in it.
    Escaped(Span),
    Array {
        end: u32,
        len: u32,
    },
    /// Its members are a token for the name and the tokens of the value.
    Object {
        end: u32,
        len: u32,
        text: Span,
    },
    /// The schema that was expected: its text was only compared.
    Known,
}

/// A piece of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// A text that is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {position}")]
pub(super) struct SyntaxError {
    problem: &'static str,
    position: usize,
}

/// The tokens of a document, and its text.
#[derive(Clone, Copy)]
pub(super) struct Tape<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) text: &'a str,
}

/// Reads the first value of a document into `tokens`; they stay empty when there is none.
///
/// The value of a member `schema` of the outermost object that begins with `known`, the text of an object, becomes
/// [`Token::Known`].
pub(super) fn parse<'a>(
    bytes: &'a [u8],
    known: Option<&[u8]>,
    tokens: &'a mut Vec<Token>,
) -> Result<Tape<'a>, SyntaxError> {
    tokens.clear();
    // What is not UTF-8 ends the text; that matters only when the first value reaches it.
    let (text, whole) = match str::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => (
            bytes.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok()).unwrap_or(""),
            false,
        ),
    };
    let mut parser = Parser { bytes: text.as_bytes(), position: 0, depth: 0, known, tokens };
    if u32::try_from(bytes.len()).is_err() {
        return Err(parser.problem("more than 4 GiB"));
    }
    if text.starts_with('\u{feff}') {
        parser.position = '\u{feff}'.len_utf8();
    }
    parser.skip_blanks();
    if parser.position == text.len() {
        return if whole { Ok(Tape { tokens, text }) } else { Err(parser.problem("invalid UTF-8")) };
    }
    parser.value()?;
    parser.check_end(whole)?;
    Ok(Tape { tokens, text })
}

// === impl Tape ===

impl<'a> Tape<'a> {
    /// Returns the index of the token behind a value.
    pub(super) fn after(self, index: usize) -> usize {
        match self.tokens[index] {
            Token::Array { end, .. } | Token::Object { end, .. } => end as usize,
            _ => index + 1,
        }
    }

    /// Returns the indexes of an array's elements or an object's values; none for any other value.
    pub(super) fn children(self, index: usize) -> impl Iterator<Item = usize> + use<'a> {
        let (end, step) = match self.tokens[index] {
            Token::Array { end, .. } => (end as usize, 0),
            Token::Object { end, .. } => (end as usize, 1),
            _ => (0, 0),
        };
        let mut next = index + 1;
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let child = next + step;
            next = self.after(child);
            Some(child)
        })
    }

    /// Returns the indexes of an object's names and values; none for any other value.
    pub(super) fn members(self, index: usize) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let object = matches!(self.tokens[index], Token::Object { .. });
        self.children(index).filter(move |_| object).map(|value| (value - 1, value))
    }

    /// Returns the index of the last member of that name.
    pub(super) fn member(self, index: usize, name: &str) -> Option<usize> {
        let found = self.members(index).filter(|(key, _)| self.text_at(*key).as_deref() == Some(name)).last();
        found.map(|(_, value)| value)
    }

    /// Returns the piece of the document.
    pub(super) fn slice(self, span: Span) -> &'a str {
        &self.text[span.range()]
    }

    /// Returns the text at `index`; none when there is something else.
    pub(super) fn text_at(self, index: usize) -> Option<Cow<'a, str>> {
        match self.tokens[index] {
            Token::Plain(span) => Some(self.slice(span).into()),
            Token::Escaped(span) => Some(unescape(self.slice(span)).into()),
            _ => None,
        }
    }
}

impl Span {
    /// Returns the positions of the first byte and of the one behind the last.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Resolves the backslashes of a text that the parser accepted. Half a surrogate pair has no place in UTF-8 and
/// becomes U+FFFD.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let (kind, behind) = escaped.split_at(1);
        rest = behind;
        match kind {
            "b" => out.push('\u{8}'),
            "f" => out.push('\u{c}'),
            "n" => out.push('\n'),
            "r" => out.push('\r'),
            "t" => out.push('\t'),
            "u" => {
                let (char, behind) = unescape_unit(rest);
                out.push(char);
                rest = behind;
            }
            itself => out.push_str(itself),
        }
    }
    out.push_str(rest);
    out
}

/// Reads what follows `\u`, and the second half of a pair.
fn unescape_unit(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let (first, rest) = (unit(text).unwrap_or_default(), &text[4..]);
    if !(0xd800..0xdc00).contains(&first) {
        return (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest);
    }
    let second = rest.strip_prefix("\\u").and_then(unit).filter(|second| (0xdc00..0xe000).contains(second));
    match second.and_then(|second| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))) {
        Some(char) => (char, &rest[6..]),
        None => (char::REPLACEMENT_CHARACTER, rest),
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    position: usize,
    /// How many arrays and objects are open.
    depth: usize,
    known: Option<&'a [u8]>,
    tokens: &'a mut Vec<Token>,
}

type Parsed = Result<(), SyntaxError>;

impl Parser<'_> {
    fn value(&mut self) -> Parsed {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Token::Boolean(true)),
            Some(b'f') => self.literal("false", Token::Boolean(false)),
            Some(b'n') => self.literal("null", Token::Null),
            Some(_) => Err(self.problem("unexpected character")),
            None => Err(self.problem("unexpected end of input")),
        }
    }

    fn object(&mut self) -> Parsed {
        let start = self.position;
        let token = self.open()?;
        let mut len = 0;
        while !self.take_end(b'}', len)? {
            if self.peek() != Some(b'"') {
                return Err(self.problem("expected the name of a member in quotes"));
            }
            let name = self.position;
            self.string()?;
            let is_schema = self.depth == 1 && &self.bytes[name..self.position] == b"\"schema\"";
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.problem("expected a colon"));
            }
            self.position += 1;
            self.skip_blanks();
            match self.known {
                Some(known) if is_schema && self.bytes[self.position..].starts_with(known) => {
                    self.position += known.len();
                    self.tokens.push(Token::Known);
                }
                _ => self.value()?,
            }
            len += 1;
        }
        self.tokens[token] = Token::Object { end: self.tokens.len() as u32, len, text: self.span(start) };
        Ok(())
    }

    fn array(&mut self) -> Parsed {
        let token = self.open()?;
        let mut len = 0;
        while !self.take_end(b']', len)? {
            self.value()?;
            len += 1;
        }
        self.tokens[token] = Token::Array { end: self.tokens.len() as u32, len };
        Ok(())
    }

    /// Takes the bracket; returns the index of the token that stands for it.
    fn open(&mut self) -> Result<usize, SyntaxError> {
        if self.depth == DEPTH_MAX {
            return Err(self.problem("arrays and objects nested more than 1000 deep"));
        }
        self.depth += 1;
        self.position += 1;
        self.tokens.push(Token::Null);
        Ok(self.tokens.len() - 1)
    }

    /// Takes the closing bracket, if it is there; else the comma before the next element, if one must be there.
    fn take_end(&mut self, closing: u8, len: u32) -> Result<bool, SyntaxError> {
        self.skip_blanks();
        match self.peek() {
            Some(byte) if byte == closing => {
                self.position += 1;
                self.depth -= 1;
                Ok(true)
            }
            Some(b',') if len > 0 => {
                self.position += 1;
                self.skip_blanks();
                Ok(false)
            }
            Some(_) if len > 0 => Err(self.problem("expected a comma")),
            Some(_) => Ok(false),
            None => Err(self.problem("unexpected end of input")),
        }
    }

    fn string(&mut self) -> Parsed {
        self.position += 1;
        let start = self.position;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(..0x20) => return Err(self.problem("a control character in a text")),
                Some(_) => self.position += 1,
                None => return Err(self.problem("unexpected end of input in a text")),
            }
        }
        let span = self.span(start);
        self.position += 1;
        self.tokens.push(if escaped { Token::Escaped(span) } else { Token::Plain(span) });
        Ok(())
    }

    fn escape(&mut self) -> Parsed {
        match self.bytes.get(self.position + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.position += 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.position + 2..self.position + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.problem("expected four hexadecimal digits"));
                }
                self.position += 6;
            }
            _ => return Err(self.problem("unknown escape")),
        }
        Ok(())
    }

    fn number(&mut self) -> Parsed {
        let start = self.position;
        self.take(b"-");
        let mut digits = self.digits()?;
        let mut fraction = false;
        if self.take(b".") {
            fraction = true;
            digits += self.digits()?;
        }
        if self.take(b"eE") {
            fraction = true;
            self.take(b"+-");
            let exponent = self.position;
            digits += self.digits()?;
            // An exponent of a decimal is an int32, and so is what is left when the digits behind the point are
            // taken off it: those are far fewer than what is kept free here.
            let text = str::from_utf8(&self.bytes[exponent..self.position]).unwrap_or_default();
            if !text.parse::<u32>().is_ok_and(|exponent| exponent <= i32::MAX as u32 - DIGITS_MAX as u32) {
                return Err(self.problem("exponent out of range"));
            }
        }
        if digits > DIGITS_MAX {
            return Err(self.problem("a number of more than 1000 digits"));
        }
        let span = self.span(start);
        self.tokens.push(if fraction { Token::Fraction(span) } else { Token::Integer(span) });
        Ok(())
    }

    /// Takes digits, of which there must be one, and returns how many there are.
    fn digits(&mut self) -> Result<usize, SyntaxError> {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        if start == self.position { Err(self.problem("expected a digit")) } else { Ok(self.position - start) }
    }

    fn literal(&mut self, text: &str, token: Token) -> Parsed {
        if !self.bytes[self.position..].starts_with(text.as_bytes()) {
            return Err(self.problem("unrecognized token"));
        }
        self.position += text.len();
        self.tokens.push(token);
        Ok(())
    }

    /// Checks what stands behind the first value: a number must end at a blank, a word where a word can end.
    fn check_end(&self, whole: bool) -> Parsed {
        let next = self.peek().or(if whole { None } else { Some(0xff) });
        let runs_on = match (self.tokens.first(), next) {
            (_, None) => false,
            (Some(Token::Integer(_) | Token::Fraction(_)), Some(byte)) => !is_blank(byte),
            (Some(Token::Boolean(_) | Token::Null), Some(byte)) => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
            }
            _ => false,
        };
        if runs_on { Err(self.problem("expected a blank behind the value")) } else { Ok(()) }
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.position += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn span(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.position as u32 }
    }

    fn problem(&self, problem: &'static str) -> SyntaxError {
        SyntaxError { problem, position: self.position }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
