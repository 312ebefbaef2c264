//! A Rust file, split into code and comments so that a rule about one is not fooled by the other.

/// The text of a file three times: as it is, and with everything blanked but code or but comments. All three have the
/// same lines.
pub struct Source {
    pub path: String,
    pub code: Vec<String>,
    pub comments: Vec<String>,
    is_test: Vec<bool>,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let code: Vec<String> = code.lines().map(str::to_owned).collect();
        let comments = comments.lines().map(str::to_owned).collect();
        let is_test = if is_test_file(path) { vec![true; code.len()] } else { test_lines(&code) };
        Self { path: path.to_owned(), code, comments, is_test }
    }

    /// Returns whether the line, counted from 0, is part of a test.
    pub fn is_test(&self, line: usize) -> bool {
        self.is_test.get(line).copied().unwrap_or(false)
    }

    /// Returns the lines, counted from 1, on which `word` stands in the code, not inside a longer word.
    pub fn lines_with<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let lines = self.code.iter().enumerate();
        lines.filter(move |(_, code)| has_word(code, word)).map(|(index, _)| index + 1)
    }
}

/// Returns whether `word` stands in `text` and is not a part of a longer identifier.
pub fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let continues = |inside: Option<char>, outside: Option<char>| {
        inside.is_some_and(is_part) && outside.is_some_and(is_part)
    };
    text.match_indices(word).any(|(start, found)| {
        let before = continues(word.chars().next(), text[..start].chars().next_back());
        let after = continues(word.chars().next_back(), text[start + found.len()..].chars().next());
        !before && !after
    })
}

/// Returns the index of the line on which the brace closes that is the first to open at or after `start`; `None` when
/// a semicolon ends the item before any brace opens.
pub fn end_of_item(code: &[String], start: usize, column: usize) -> Option<usize> {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (index, line) in code.iter().enumerate().skip(start) {
        let skipped = if index == start { column } else { 0 };
        for character in line.chars().skip(skipped) {
            match character {
                '(' | '[' => others += 1,
                ')' | ']' => others = others.saturating_sub(1),
                '{' => braces += 1,
                '}' if braces == 1 => return Some(index),
                '}' => braces = braces.saturating_sub(1),
                ';' if braces == 0 && others == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

/// Files that hold nothing but tests. `tests/support` is code that tests use, and kept like code.
fn is_test_file(path: &str) -> bool {
    let in_tests = path.starts_with("tests/") || path.contains("/tests/");
    let is_test_module = path.ends_with("/tests.rs") || path.ends_with("_tests.rs");
    (in_tests || is_test_module) && !path.starts_with("tests/support/")
}

fn test_lines(code: &[String]) -> Vec<bool> {
    let whole = code.iter().any(|line| line.contains("#![cfg(test)]"));
    let mut is_test = vec![whole; code.len()];
    for (start, line) in code.iter().enumerate() {
        let Some(column) = line.find("#[cfg(test)]").or_else(|| line.find("#[cfg(any(test")) else {
            continue;
        };
        let after = line[column..].find(']').map_or(line.len(), |end| column + end + 1);
        let after = line[..after].chars().count();
        if let Some(end) = end_of_item(code, start, after) {
            is_test[start..=end].fill(true);
        }
    }
    is_test
}

/// Where in the text the splitter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

/// Returns the code and the comments, each with everything else blanked, line by line as they were.
fn split(text: &str) -> (String, String) {
    let characters: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut place = Place::Code;
    let mut index = 0;
    while index < characters.len() {
        let (taken, next) = step(&characters, index, place);
        // The brace in `'{'` opens nothing.
        let is_literal = characters[index] == '\'' && taken > 1;
        let is_comment = |place| matches!(place, Place::LineComment | Place::BlockComment { .. });
        for &character in &characters[index..index + taken] {
            let blank = if character == '\n' { '\n' } else { ' ' };
            let in_code = place == Place::Code && !is_comment(next) && !is_literal;
            code.push(if in_code { character } else { blank });
            comments.push(if is_comment(place) || is_comment(next) { character } else { blank });
        }
        index += taken;
        place = next;
    }
    (code, comments)
}

/// Returns how many characters belong together here, and the place after them.
fn step(characters: &[char], index: usize, place: Place) -> (usize, Place) {
    let next = characters.get(index + 1).copied();
    match (place, characters[index]) {
        (Place::Code, '/') if next == Some('/') => (2, Place::LineComment),
        (Place::Code, '/') if next == Some('*') => (2, Place::BlockComment { depth: 1 }),
        (Place::Code, '"') => (1, Place::Text),
        (Place::Code, 'r') => raw_start(characters, index).unwrap_or((1, Place::Code)),
        (Place::Code, '\'') => (character_literal(characters, index), Place::Code),
        (Place::LineComment, '\n') => (1, Place::Code),
        (Place::BlockComment { depth }, '/') if next == Some('*') => {
            (2, Place::BlockComment { depth: depth + 1 })
        }
        (Place::BlockComment { depth: 1 }, '*') if next == Some('/') => (2, Place::Code),
        (Place::BlockComment { depth }, '*') if next == Some('/') => {
            (2, Place::BlockComment { depth: depth - 1 })
        }
        (Place::Text, '\\') if next.is_some() => (2, Place::Text),
        (Place::Text, '"') => (1, Place::Code),
        (Place::RawText { hashes }, '"') if closes(characters, index, hashes) => (1 + hashes, Place::Code),
        (place, _) => (1, place),
    }
}

/// `r"`, `r#"`, also after `b`; but neither `r#name` nor the `r` at the end of a word.
fn raw_start(characters: &[char], index: usize) -> Option<(usize, Place)> {
    let before = index.checked_sub(1).map(|before| characters[before]);
    if before.is_some_and(|before| before.is_alphanumeric() && before != 'b' || before == '_') {
        return None;
    }
    let hashes = characters[index + 1..].iter().take_while(|character| **character == '#').count();
    let is_text = characters.get(index + 1 + hashes) == Some(&'"');
    is_text.then_some((2 + hashes, Place::RawText { hashes }))
}

fn closes(characters: &[char], index: usize, hashes: usize) -> bool {
    let after = characters.get(index + 1..index + 1 + hashes);
    after.is_some_and(|after| after.iter().all(|character| *character == '#'))
}

/// Returns the length of the character literal at `index`, or 1 for a lifetime's tick.
fn character_literal(characters: &[char], index: usize) -> usize {
    let length = match characters.get(index + 1) {
        Some('\\') => {
            let rest = characters.get(index + 3..).unwrap_or_default();
            rest.iter().position(|character| *character == '\'').map(|end| end + 4)
        }
        Some(_) if characters.get(index + 2) == Some(&'\'') => Some(3),
        _ => None,
    };
    length.unwrap_or(1)
}
