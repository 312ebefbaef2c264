//! Java's `.properties` files, in full: what `java.util.Properties` reads from a byte stream.
//!
//! Two things differ on purpose. A broken escape names its line. Half of a surrogate pair is a problem too, because no
//! text can hold it.

use millrace_api::Properties;
use std::{fs, io, path::Path, path::PathBuf};

/// What is wrong with the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct PropertiesError {
    /// Counted from 1.
    pub line: usize,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("broken escape {0}: \\u takes four hexadecimal digits")]
    BrokenEscape(String),
    #[error("{0} is half of a surrogate pair, and its other half does not stand beside it")]
    HalfOfAPair(String),
}

/// Why a file could not be read as properties.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("reading {}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}", file.display())]
    Malformed { file: PathBuf, source: PropertiesError },
}

/// Reads a properties file.
pub fn read(file: &Path) -> Result<Properties, FileError> {
    let bytes = fs::read(file).map_err(|source| FileError::Unreadable { file: file.to_owned(), source })?;
    parse(&bytes).map_err(|source| FileError::Malformed { file: file.to_owned(), source })
}

/// Reads the content of a properties file, in Latin-1; of two settings of one name the last holds.
pub fn parse(bytes: &[u8]) -> Result<Properties, PropertiesError> {
    parse_chars(bytes.iter().copied().map(char::from).collect())
}

/// Reads the content of a properties file that was decoded already, as what `java.util.Properties` reads from characters.
pub fn parse_text(text: &str) -> Result<Properties, PropertiesError> {
    parse_chars(text.chars().collect())
}

fn parse_chars(chars: Vec<char>) -> Result<Properties, PropertiesError> {
    let mut properties = Properties::new();
    let mut lines = LogicalLines { chars: &chars, at: 0, line: 1 };
    while let Some(line) = lines.next_line() {
        let (key, value) = split(&line);
        properties.insert(unescape(key)?, unescape(value)?);
    }
    Ok(properties)
}

/// A character and the line it stands in.
type Char = (char, usize);

/// Cuts characters into lines: comments and empty lines left out, continued lines joined.
struct LogicalLines<'a> {
    chars: &'a [char],
    at: usize,
    line: usize,
}

/// What the reader of a line is in.
#[derive(PartialEq)]
enum Place {
    /// Before the first character of a line.
    Start,
    /// Before the first character of a line that continues the one before.
    Continuation,
    Inside,
}

impl LogicalLines<'_> {
    fn next_line(&mut self) -> Option<Vec<Char>> {
        let mut line = Vec::new();
        let mut place = Place::Start;
        let mut escaped = false;
        while let Some((char, number)) = self.next_char() {
            let is_end = matches!(char, '\n' | '\r');
            if place != Place::Inside {
                if is_blank(char) || (is_end && place == Place::Start) {
                    continue;
                }
                place = Place::Inside;
            }
            if line.is_empty() && matches!(char, '#' | '!') {
                self.skip_to_line_end();
                place = Place::Start;
            } else if !is_end {
                escaped = char == '\\' && !escaped;
                line.push((char, number));
            } else if line.is_empty() {
                place = Place::Start;
            } else if !escaped {
                return Some(line);
            } else {
                line.pop();
                if self.at == self.chars.len() {
                    // Java takes a file that ends here for one that has a line, be it an empty one.
                    return Some(line);
                }
                escaped = false;
                place = Place::Continuation;
            }
        }
        if line.is_empty() {
            return None;
        }
        if escaped {
            line.pop();
        }
        Some(line)
    }

    /// Takes the next character; a carriage return and line feed are one line end.
    fn next_char(&mut self) -> Option<Char> {
        let char = *self.chars.get(self.at)?;
        let number = self.line;
        self.at += 1;
        if char == '\r' && self.chars.get(self.at) == Some(&'\n') {
            self.at += 1;
        }
        if matches!(char, '\n' | '\r') {
            self.line += 1;
        }
        Some((char, number))
    }

    fn skip_to_line_end(&mut self) {
        while let Some((char, _)) = self.next_char() {
            if matches!(char, '\n' | '\r') {
                return;
            }
        }
    }
}

fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\x0c')
}

fn is_separator(char: char) -> bool {
    matches!(char, '=' | ':')
}

/// Splits a line into key and value, both still escaped.
fn split(line: &[Char]) -> (&[Char], &[Char]) {
    let mut escaped = false;
    let key_end = line.iter().position(|&(char, _)| {
        let found = !escaped && (is_blank(char) || is_separator(char));
        escaped = char == '\\' && !escaped;
        found
    });
    let Some(key_end) = key_end else { return (line, &[]) };
    let (key, rest) = line.split_at(key_end);
    let rest = without_blanks(rest);
    match rest.first() {
        Some(&(char, _)) if is_separator(char) => (key, without_blanks(&rest[1..])),
        _ => (key, rest),
    }
}

fn without_blanks(chars: &[Char]) -> &[Char] {
    let blanks = chars.iter().take_while(|(char, _)| is_blank(*char)).count();
    &chars[blanks..]
}

/// Resolves escapes. `\uXXXX` is a UTF-16 unit, so the text is put together from those.
fn unescape(chars: &[Char]) -> Result<String, PropertiesError> {
    let mut units: Vec<(u16, usize)> = Vec::with_capacity(chars.len());
    let mut rest = chars.iter().copied();
    while let Some((char, line)) = rest.next() {
        let char = match char {
            '\\' => match rest.next() {
                Some(('u', _)) => {
                    units.push((escaped_unit(&mut rest, line)?, line));
                    continue;
                }
                Some(('t', _)) => '\t',
                Some(('n', _)) => '\n',
                Some(('r', _)) => '\r',
                Some(('f', _)) => '\x0c',
                Some((other, _)) => other,
                None => continue,
            },
            char => char,
        };
        units.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| (*unit, line)));
    }
    let mut text = String::with_capacity(units.len());
    let mut taken = 0;
    for decoded in char::decode_utf16(units.iter().map(|(unit, _)| *unit)) {
        let char = decoded.map_err(|half| PropertiesError {
            line: units[taken].1,
            problem: Problem::HalfOfAPair(format!("\\u{:04x}", half.unpaired_surrogate())),
        })?;
        taken += char.len_utf16();
        text.push(char);
    }
    Ok(text)
}

fn escaped_unit(rest: &mut impl Iterator<Item = Char>, line: usize) -> Result<u16, PropertiesError> {
    const DIGITS: usize = 4;
    let digits: String = rest.take(DIGITS).map(|(char, _)| char).collect();
    if digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(u16::from_str_radix(&digits, 16).expect("four hexadecimal digits are a unit"));
    }
    Err(PropertiesError { line, problem: Problem::BrokenEscape(format!("\\u{digits}")) })
}

#[cfg(test)]
mod tests;
