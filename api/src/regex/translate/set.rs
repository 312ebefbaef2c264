//! Sets between brackets.

use super::{NESTING_MAX, Outcome, Translator, quoted};
use std::fmt::Write as _;

impl Translator<'_> {
    /// Translates a set; its opening bracket is taken.
    pub(super) fn set(&mut self) -> Outcome<String> {
        let open = self.next - 1;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(format!("classes are nested deeper than {NESTING_MAX}")));
        }
        let mut set = String::from(if self.take_if("^") { "[^" } else { "[" });
        let empty = set.len();
        // A closing bracket that comes first is a character.
        loop {
            self.skip_comments();
            let Some(char) = self.take() else {
                let mut error = self.error("Unclosed character class");
                error.index = Some(self.chars.len().saturating_sub(1).max(open));
                return Err(error);
            };
            match char {
                ']' if set.len() > empty => break,
                '[' => {
                    let nested = self.set()?;
                    set.push_str(&nested);
                }
                '&' if self.take_if("&") => self.intersection(&mut set, empty)?,
                char => self.member(char, &mut set)?,
            }
        }
        self.depth -= 1;
        set.push(']');
        Ok(set)
    }

    /// Translates `&&`, which is taken. Java reads single characters after a set there as if the set were not there.
    fn intersection(&mut self, set: &mut String, empty: usize) -> Outcome {
        self.skip_comments();
        if set.len() == empty || matches!(self.peek(), None | Some(']' | '&')) {
            return Err(self.error("Bad class syntax"));
        }
        set.push_str("&&");
        let mut sets = 0;
        while self.take_if("[") {
            let nested = self.set()?;
            set.push_str(&nested);
            sets += 1;
            self.skip_comments();
        }
        if sets > 0 && !matches!(self.peek(), None | Some(']' | '&')) {
            return Err(self.error("Bad class syntax: characters after a class after && are not supported"));
        }
        Ok(())
    }

    /// Translates a character, a range or a predefined class.
    fn member(&mut self, char: char, set: &mut String) -> Outcome {
        let mut first = char;
        if char == '\\' {
            if let Some(predefined) = self.escaped_set()? {
                set.push_str(&predefined.bracketed());
                return Ok(());
            }
            first = self.escaped_char()?;
        }
        self.skip_comments();
        let after = self.chars.get(self.next + 1);
        if self.peek() != Some('-') || matches!(after, None | Some('[' | ']')) {
            self.put_range(first, first, set);
            return Ok(());
        }
        self.next += 1;
        self.skip_comments();
        let last = match self.take() {
            Some('\\') => self.escaped_char()?,
            Some(char) => char,
            None => return Err(self.error("Unclosed character class")),
        };
        if last < first {
            return Err(self.error_before("Illegal character range"));
        }
        self.put_range(first, last, set);
        Ok(())
    }

    fn put_range(&self, first: char, last: char, set: &mut String) {
        put_range(first, last, set);
        if !self.flags.ignore_case || self.flags.unicode_case {
            return;
        }
        for (low, high) in [('a', 'z'), ('A', 'Z')] {
            let (from, to) = (first.max(low), last.min(high));
            if from <= to {
                let swap = |char: char| char::from(u8::try_from(char).expect("an ASCII letter") ^ 32);
                put_range(swap(from), swap(to), set);
            }
        }
    }
}

fn put_range(first: char, last: char, set: &mut String) {
    set.push_str(&quoted(first));
    // A colon alone could begin what the engine takes for `[:alpha:]`.
    if last != first || first == ':' {
        let _ = write!(set, "-{}", quoted(last));
    }
}
