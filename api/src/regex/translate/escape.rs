//! What follows a backslash.

use super::{Outcome, Set, Translator, predefined, property, word};
use std::fmt::Write as _;

/// Returns the characters of a pattern with `\Q..\E` written as escapes, as Java does before it reads a pattern.
pub(super) fn without_quotes(pattern: &str) -> Vec<char> {
    let mut chars = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = split_at_quote(rest) {
        chars.extend(before.chars());
        let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
        for (index, char) in quoted.chars().enumerate() {
            match char {
                // A digit must not become part of a reference before the quote.
                '0'..='9' if index == 0 => chars.extend(['\\', 'x', '3', char]),
                char if char.is_ascii() && !char.is_ascii_alphanumeric() => chars.extend(['\\', char]),
                char => chars.push(char),
            }
        }
        rest = after;
    }
    chars.extend(rest.chars());
    chars
}

/// Splits at the first `\Q` whose backslash is not itself escaped.
fn split_at_quote(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find('\\') {
        let index = from + found;
        if text[index + 1..].starts_with('Q') {
            return Some((&text[..index], &text[index + 2..]));
        }
        let escaped = text[index + 1..].chars().next()?;
        from = index + 1 + escaped.len_utf8();
    }
    None
}

impl Translator<'_> {
    /// Translates an escape outside of a class; the backslash is taken.
    pub(super) fn escape(&mut self) -> Outcome {
        let Some(letter) = self.peek() else {
            return Err(self.error("Unexpected internal error"));
        };
        match letter {
            'A' | 'G' => self.put(r"(?:\A)"),
            'z' => self.put(r"(?:\z)"),
            'Z' => {
                self.next += 1;
                self.last_line_end();
            }
            'R' => self.put(r"(?:\x{D}\x{A}|[\x{A}-\x{D}\x{85}\x{2028}\x{2029}])"),
            'b' | 'B' => self.word_boundary(letter)?,
            '1'..='9' => self.reference(),
            'k' => self.named_reference()?,
            _ => {
                if let Some(set) = self.escaped_set()? {
                    self.put_set(&set.bracketed());
                } else {
                    let char = self.escaped_char()?;
                    self.literal(char);
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        self.next += 1;
        self.out.push_str(text);
    }

    fn word_boundary(&mut self, letter: char) -> Outcome {
        self.next += 1;
        if self.peek() == Some('{') {
            return Err(self.error(r"\b{g} is not supported"));
        }
        let word = word(self.flags);
        let _ = if letter == 'b' {
            write!(self.out, "(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))")
        } else {
            write!(self.out, "(?:(?<=[{word}])(?=[{word}])|(?<![{word}])(?![{word}]))")
        };
        Ok(())
    }

    /// The longest number that is a group so far; one digit is always taken.
    fn reference(&mut self) {
        let mut group = 0;
        while let Some(digit) = self.peek().and_then(|char| char.to_digit(10)) {
            let longer = group * 10 + digit as usize;
            if group > 0 && longer > self.groups {
                break;
            }
            group = longer;
            self.next += 1;
        }
        self.put_reference(group);
    }

    fn named_reference(&mut self) -> Outcome {
        self.next += 1;
        if !self.take_if("<") {
            return Err(self.error(r"\k is not followed by '<' for named capturing group"));
        }
        let name = self.group_name()?;
        let Some(group) = self.names.get(&name).copied() else {
            return Err(self.error(format!("named capturing group <{name}> does not exist")));
        };
        self.put_reference(group);
        Ok(())
    }

    fn put_reference(&mut self, group: usize) {
        let _ = match (group > self.groups_in_all, self.flags.ignore_case) {
            (true, _) => write!(self.out, "(?:(?!))"),
            (false, true) => write!(self.out, r"(?i:\{group})"),
            (false, false) => write!(self.out, r"(?:\{group})"),
        };
    }

    /// Reads an escape that stands for a set, if it does; the backslash is taken.
    pub(super) fn escaped_set(&mut self) -> Outcome<Option<Set>> {
        let Some(letter) = self.peek() else { return Ok(None) };
        if let Some(set) = predefined(letter, self.flags) {
            self.next += 1;
            return Ok(Some(set));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        self.next += 1;
        let name = match self.take() {
            Some('{') => {
                let rest = &self.chars[self.next..];
                let Some(length) = rest.iter().position(|char| *char == '}') else {
                    return Err(self.error("Unclosed character family"));
                };
                self.next += length + 1;
                rest[..length].iter().collect()
            }
            Some(letter) => String::from(letter),
            None => return Err(self.error("Illegal/unsupported escape sequence")),
        };
        match property(&name, self.flags) {
            Some(body) => Ok(Some(Set { body, negated: letter == 'P' })),
            None => Err(self.error_before(format!("Unknown character property name {{{name}}}"))),
        }
    }

    /// Reads an escape that stands for one character; the backslash is taken.
    pub(super) fn escaped_char(&mut self) -> Outcome<char> {
        let char = self.take();
        match char {
            Some('t') => Ok('\t'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('f') => Ok('\u{c}'),
            Some('a') => Ok('\u{7}'),
            Some('e') => Ok('\u{1b}'),
            Some('c') => self.control(),
            Some('0') => self.octal(),
            Some('x') => self.hexadecimal(),
            Some('u') => self.utf16(),
            Some(char) if !char.is_ascii_alphabetic() => Ok(char),
            _ => Err(self.error_before("Illegal/unsupported escape sequence")),
        }
    }

    fn control(&mut self) -> Outcome<char> {
        let char = self.take().and_then(|char| char::from_u32(u32::from(char) ^ 64));
        char.ok_or_else(|| self.error_before("Illegal control escape sequence"))
    }

    fn octal(&mut self) -> Outcome<char> {
        let mut code = 0;
        for length in 0..3 {
            let digit = self.peek().and_then(|char| char.to_digit(8));
            let Some(digit) = digit.filter(|_| length < 2 || code < 0o40) else {
                if length == 0 {
                    return Err(self.error("Illegal octal escape sequence"));
                }
                break;
            };
            code = code * 8 + digit;
            self.next += 1;
        }
        Ok(char::from_u32(code).expect("three octal digits are a character"))
    }

    fn hexadecimal(&mut self) -> Outcome<char> {
        let code = if self.take_if("{") {
            let mut code = 0_u32;
            while let Some(digit) = self.peek().and_then(|char| char.to_digit(16)) {
                code = code.saturating_mul(16).saturating_add(digit);
                self.next += 1;
            }
            if !self.take_if("}") {
                return Err(self.error("Unclosed hexadecimal escape sequence"));
            }
            Some(code)
        } else {
            self.hex_digits(2)
        };
        let char = code.and_then(char::from_u32);
        char.ok_or_else(|| self.error_before("Illegal hexadecimal escape sequence"))
    }

    fn utf16(&mut self) -> Outcome<char> {
        let first = self.hex_digits(4);
        let illegal = self.error_before("Illegal Unicode escape sequence");
        let Some(first) = first else { return Err(illegal) };
        if (0xd800..0xdc00).contains(&first) && self.take_if("\\u") {
            let second = self.hex_digits(4).filter(|unit| (0xdc00..0xe000).contains(unit));
            let Some(second) = second else { return Err(illegal) };
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return char::from_u32(code).ok_or(illegal);
        }
        char::from_u32(first).ok_or(illegal)
    }

    fn hex_digits(&mut self, count: usize) -> Option<u32> {
        let mut code = 0;
        for _ in 0..count {
            code = code * 16 + self.take()?.to_digit(16)?;
        }
        Some(code)
    }
}
