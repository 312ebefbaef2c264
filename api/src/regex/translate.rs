//! Java's pattern syntax, spelled out for an engine that shares most of it.
//!
//! Every flag is resolved here, every character that might be syntax is written as `\x{..}`, and groups are numbered,
//! so what comes out means the same in any dialect that knows groups, classes and look-around.

mod escape;
mod set;

use super::class::{Flags, LINE_ENDS, Set, predefined, property, word};
use std::{collections::BTreeMap, fmt::Write as _};
use thiserror::Error;

/// How deep groups and classes may nest: what the engine takes, less the groups that are added here.
const NESTING_MAX: usize = 24;

/// A pattern for the engine, and the numbers of its named groups.
#[derive(Debug)]
pub(super) struct Translated {
    pub pattern: String,
    pub names: BTreeMap<String, usize>,
}

/// Why a pattern will not do; the descriptions are Java's where Java has one.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{description}")]
struct PatternError {
    description: String,
    /// The character at fault.
    index: Option<usize>,
}

type Outcome<T = ()> = Result<T, PatternError>;

/// Translates a pattern; the error is the text of Java's `PatternSyntaxException`.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let chars = escape::without_quotes(pattern);
    // A reference to a group that never comes matches nothing; how many there are is known at the end.
    let mut first = Translator::new(&chars, usize::MAX);
    let outcome = first.pattern().and_then(|()| {
        let mut second = Translator::new(&chars, first.groups);
        second.pattern()?;
        Ok(Translated { pattern: second.out, names: second.names })
    });
    outcome.map_err(|error| {
        let near = error.index.map_or(String::new(), |index| format!(" near index {index}"));
        let length = pattern.encode_utf16().count();
        let mark = error.index.filter(|index| *index < length);
        let mark = mark.map_or(String::new(), |index| format!("\n{}^", " ".repeat(index)));
        format!("{}{near}\n{pattern}{mark}", error.description)
    })
}

struct Translator<'a> {
    chars: &'a [char],
    next: usize,
    flags: Flags,
    depth: usize,
    /// Groups so far, and how many there will be.
    groups: usize,
    groups_in_all: usize,
    names: BTreeMap<String, usize>,
    out: String,
}

impl<'a> Translator<'a> {
    fn new(chars: &'a [char], groups_in_all: usize) -> Self {
        Self {
            chars,
            next: 0,
            flags: Flags::default(),
            depth: 0,
            groups: 0,
            groups_in_all,
            names: BTreeMap::new(),
            out: String::new(),
        }
    }

    fn pattern(&mut self) -> Outcome {
        self.alternatives()?;
        match self.peek() {
            Some(_) => Err(self.error_before("Unmatched closing ')'")),
            None => Ok(()),
        }
    }

    // === Characters ===

    fn peek(&self) -> Option<char> {
        self.chars.get(self.next).copied()
    }

    fn take(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.next += 1;
        Some(char)
    }

    fn take_if(&mut self, expected: &str) -> bool {
        let mut rest = self.chars[self.next..].iter().copied();
        let found = expected.chars().all(|char| rest.next() == Some(char));
        if found {
            self.next += expected.chars().count();
        }
        found
    }

    /// Skips blanks and comments where they count for nothing.
    fn skip_comments(&mut self) {
        while self.flags.comments {
            match self.peek() {
                Some(' ' | '\t'..='\r') => self.next += 1,
                Some('#') => {
                    while self.peek().is_some_and(|char| !self.ends_line(char)) {
                        self.next += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn ends_line(&self, char: char) -> bool {
        char == '\n' || !self.flags.unix_lines && matches!(char, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
    }

    fn error(&self, description: impl Into<String>) -> PatternError {
        PatternError { description: description.into(), index: Some(self.next) }
    }

    fn error_before(&self, description: impl Into<String>) -> PatternError {
        PatternError { description: description.into(), index: self.next.checked_sub(1) }
    }

    // === Structure ===

    fn alternatives(&mut self) -> Outcome {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(format!("groups are nested deeper than {NESTING_MAX}")));
        }
        loop {
            self.sequence()?;
            if !self.take_if("|") {
                break;
            }
            self.out.push('|');
        }
        self.depth -= 1;
        Ok(())
    }

    fn sequence(&mut self) -> Outcome {
        loop {
            self.skip_comments();
            match self.peek() {
                None | Some('|' | ')') => return Ok(()),
                Some(_) => {}
            }
            let start = self.out.len();
            if self.atom()? {
                self.skip_comments();
                self.quantifier(start)?;
            }
        }
    }

    /// Translates one atom; false for one that cannot be repeated because it is only a change of flags.
    fn atom(&mut self) -> Outcome<bool> {
        let char = self.take().expect("the caller has seen a character");
        match char {
            '(' => return self.group(),
            '[' => {
                let set = self.set()?;
                self.put_set(&set);
            }
            '.' => self.dot(),
            '^' => self.line_start(),
            '$' if self.flags.multiline => self.line_end(),
            '$' => self.last_line_end(),
            '\\' => self.escape()?,
            '*' | '+' | '?' => {
                return Err(self.error_before(format!("Dangling meta character '{char}'")));
            }
            '{' => return Err(self.error_before("Illegal repetition")),
            char => self.literal(char),
        }
        Ok(true)
    }

    fn group(&mut self) -> Outcome<bool> {
        let flags = self.flags;
        if !self.take_if("?") {
            self.groups += 1;
            self.out.push('(');
        } else if let Some(open) = ["=", "!", ">", "<=", "<!"].into_iter().find(|open| self.take_if(open)) {
            // A group of its own, so that what follows may repeat it.
            let _ = write!(self.out, "(?:(?{open}");
            self.group_end()?;
            self.out.push(')');
            self.flags = flags;
            return Ok(true);
        } else if self.take_if("<") {
            let name = self.group_name()?;
            self.groups += 1;
            if self.names.insert(name.clone(), self.groups).is_some() {
                return Err(self.error(format!("Named capturing group <{name}> is already defined")));
            }
            self.out.push('(');
        } else {
            self.change_flags()?;
            match self.take() {
                Some(')') => return Ok(false),
                Some(':') => self.out.push_str("(?:"),
                _ => return Err(self.error_before("Unknown inline modifier")),
            }
        }
        self.group_end()?;
        self.flags = flags;
        Ok(true)
    }

    fn group_end(&mut self) -> Outcome {
        self.alternatives()?;
        if self.take() != Some(')') {
            return Err(self.error("Unclosed group"));
        }
        self.out.push(')');
        Ok(())
    }

    fn group_name(&mut self) -> Outcome<String> {
        let mut name = String::new();
        while let Some(char) = self.peek().filter(char::is_ascii_alphanumeric) {
            name.push(char);
            self.next += 1;
        }
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(self.error("capturing group name does not start with a Latin letter"));
        }
        if !self.take_if(">") {
            return Err(self.error("named capturing group is missing trailing '>'"));
        }
        Ok(name)
    }

    fn change_flags(&mut self) -> Outcome {
        let mut on = true;
        while let Some(char) = self.peek() {
            match char {
                'i' => self.flags.ignore_case = on,
                'm' => self.flags.multiline = on,
                's' => self.flags.dot_all = on,
                'd' => self.flags.unix_lines = on,
                'u' => self.flags.unicode_case = on,
                'x' => self.flags.comments = on,
                'U' => (self.flags.unicode_classes, self.flags.unicode_case) = (on, on),
                '-' if on => on = false,
                _ => return Ok(()),
            }
            self.next += 1;
        }
        Ok(())
    }

    // === Quantifiers ===

    /// Repeats the atom that begins at `start`; a possessive quantifier makes it an atomic group.
    fn quantifier(&mut self, start: usize) -> Outcome {
        let count = match self.peek() {
            Some(char @ ('*' | '+' | '?')) => {
                self.next += 1;
                char.to_string()
            }
            Some('{') => self.counted()?,
            _ => return Ok(()),
        };
        if self.take_if("+") {
            self.out.insert_str(start, "(?>");
            let _ = write!(self.out, "{count})");
        } else {
            self.out.push_str(&count);
            if self.take_if("?") {
                self.out.push('?');
            }
        }
        Ok(())
    }

    fn counted(&mut self) -> Outcome<String> {
        self.next += 1;
        if !self.peek().is_some_and(|char| char.is_ascii_digit()) {
            return Err(self.error_before("Illegal repetition"));
        }
        let least = self.number()?;
        let most = match self.take_if(",") {
            true if self.peek().is_some_and(|char| char.is_ascii_digit()) => Some(self.number()?),
            true => None,
            false => Some(least),
        };
        if !self.take_if("}") {
            return Err(self.error("Unclosed counted closure"));
        }
        if most.is_some_and(|most| most < least) {
            return Err(self.error("Illegal repetition range"));
        }
        Ok(match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        })
    }

    fn number(&mut self) -> Outcome<i32> {
        let mut number: i32 = 0;
        while let Some(digit) = self.peek().and_then(|char| char.to_digit(10)) {
            let longer = number.checked_mul(10).and_then(|number| number.checked_add_unsigned(digit));
            number = longer.ok_or_else(|| self.error("Illegal repetition range"))?;
            self.next += 1;
        }
        Ok(number)
    }

    // === What atoms become ===

    fn put_set(&mut self, set: &str) {
        if self.flags.ignore_case && self.flags.unicode_case {
            let _ = write!(self.out, "(?i:{set})");
        } else {
            self.out.push_str(set);
        }
    }

    fn literal(&mut self, char: char) {
        let quoted = quoted(char);
        match (self.flags.ignore_case, self.flags.unicode_case) {
            (true, true) => drop(write!(self.out, "(?i:{quoted})")),
            (true, false) if char.is_ascii_alphabetic() => {
                let (lower, upper) = (char.to_ascii_lowercase(), char.to_ascii_uppercase());
                let _ = write!(self.out, "[{lower}{upper}]");
            }
            _ => self.out.push_str(&quoted),
        }
    }

    fn dot(&mut self) {
        match (self.flags.dot_all, self.flags.unix_lines) {
            (true, _) => self.out.push_str(r"[\x{0}-\x{10FFFF}]"),
            (false, true) => self.out.push_str(r"[^\x{A}]"),
            (false, false) => drop(write!(self.out, "[^{LINE_ENDS}]")),
        }
    }

    fn line_start(&mut self) {
        // Java's `^` is never the end of the text, not even after a line terminator.
        self.out.push_str(match (self.flags.multiline, self.flags.unix_lines) {
            (false, _) => r"(?:\A)",
            (true, true) => r"(?:(?:\A|(?<=\x{A}))(?!\z))",
            (true, false) => r"(?:(?:\A|(?<=[\x{A}\x{85}\x{2028}\x{2029}])|(?<=\x{D})(?!\x{A}))(?!\z))",
        });
    }

    fn line_end(&mut self) {
        self.out.push_str(if self.flags.unix_lines {
            r"(?:(?=\z|\x{A}))"
        } else {
            r"(?:(?=\z|[\x{D}\x{85}\x{2028}\x{2029}])|(?<!\x{D})(?=\x{A}))"
        });
    }

    /// `$` and `\Z`: at the end, or before a line terminator that ends the text.
    fn last_line_end(&mut self) {
        self.out.push_str(if self.flags.unix_lines {
            r"(?:(?=\x{A}?\z))"
        } else {
            r"(?:(?=(?:\x{D}\x{A}|[\x{D}\x{85}\x{2028}\x{2029}])?\z)|(?<!\x{D})(?=\x{A}\z))"
        });
    }
}

/// Returns a character so that it cannot be taken for syntax.
fn quoted(char: char) -> String {
    if char.is_alphanumeric() { char.to_string() } else { format!(r"\x{{{:X}}}", u32::from(char)) }
}
