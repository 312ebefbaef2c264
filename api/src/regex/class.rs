//! Java's predefined character classes and properties, as sets that stand between brackets.

use fancy_regex::Regex;

/// Letters of the pattern that say how the rest is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// `i`: ASCII letters match in either case.
    pub ignore_case: bool,
    /// `u`: with `i`, all letters do.
    pub unicode_case: bool,
    /// `U`: predefined classes are Unicode's.
    pub unicode_classes: bool,
    /// `m`: `^` and `$` match at every line.
    pub multiline: bool,
    /// `s`: `.` matches line terminators.
    pub dot_all: bool,
    /// `d`: only `\n` ends a line.
    pub unix_lines: bool,
    /// `x`: blanks and comments count for nothing.
    pub comments: bool,
}

/// A set of characters: what stands between the brackets, and whether it is turned round.
pub(super) struct Set {
    pub body: String,
    pub negated: bool,
}

impl Set {
    /// Returns the set in brackets, which may stand in another set.
    pub fn bracketed(&self) -> String {
        format!("[{}{}]", if self.negated { "^" } else { "" }, self.body)
    }
}

/// What Java takes for the end of a line.
pub(super) const LINE_ENDS: &str = r"\x{A}\x{D}\x{85}\x{2028}\x{2029}";

/// Characters of words, for `\w` and `\b`.
pub(super) fn word(flags: Flags) -> &'static str {
    if flags.unicode_classes { r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}" } else { "a-zA-Z0-9_" }
}

/// Returns the class that a letter after a backslash stands for.
pub(super) fn predefined(letter: char, flags: Flags) -> Option<Set> {
    let body = match (letter.to_ascii_lowercase(), flags.unicode_classes) {
        ('d', true) => r"\p{Nd}",
        ('d', false) => "0-9",
        ('s', true) => r"\p{White_Space}",
        ('s', false) => r"\x{9}-\x{D}\x{20}",
        ('w', _) => word(flags),
        ('h', _) => r"\x{9}\x{20}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}",
        ('v', _) => r"\x{A}-\x{D}\x{85}\x{2028}\x{2029}",
        _ => return None,
    };
    Some(Set { body: body.to_string(), negated: letter.is_ascii_uppercase() })
}

/// Returns the set of a property name as it stands in `\p{..}`, or `None` when it is not one that both sides know.
pub(super) fn property(name: &str, flags: Flags) -> Option<String> {
    let cased = matches!(name, "Lower" | "Upper" | "Lu" | "Ll" | "Lt" | "javaLowerCase" | "javaUpperCase");
    if flags.ignore_case && cased {
        let posix = matches!(name, "Lower" | "Upper") && !flags.unicode_classes;
        return Some(if posix { "a-zA-Z" } else { r"\p{LC}" }.to_string());
    }
    if let Some(set) = if flags.unicode_classes { posix_unicode(name) } else { posix_ascii(name) } {
        return Some(set.to_string());
    }
    if let Some(java) = name.strip_prefix("java") {
        return java_class(java).map(str::to_string);
    }
    let name = match name.split_once('=') {
        Some(("script" | "sc" | "general_category" | "gc", value)) => value,
        Some(_) => return None,
        None => name.strip_prefix("Is").unwrap_or(name),
    };
    let word =
        !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "_- ".contains(char));
    let set = format!(r"\p{{{name}}}");
    // Blocks have no counterpart. Whether the rest is a property is for the engine to say.
    (word && !name.starts_with("In") && Regex::new(&set).is_ok()).then_some(set)
}

fn posix_ascii(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x{0}-\x{7F}",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}",
        "Graph" => r"\x{21}-\x{7E}",
        "Print" => r"\x{20}-\x{7E}",
        "Blank" => r"\x{9}\x{20}",
        "Cntrl" => r"\x{0}-\x{1F}\x{7F}",
        "XDigit" => "0-9a-fA-F",
        "Space" => r"\x{9}-\x{D}\x{20}",
        "L1" => r"\x{0}-\x{FF}",
        "all" => r"\x{0}-\x{10FFFF}",
        _ => return None,
    })
}

fn posix_unicode(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => r"\p{Lowercase}",
        "Upper" => r"\p{Uppercase}",
        "Alpha" => r"\p{Alphabetic}",
        "Digit" => r"\p{Nd}",
        "Alnum" => r"\p{Alphabetic}\p{Nd}",
        "Punct" => r"\p{P}",
        "Blank" => r"\x{9}\p{Zs}",
        "Cntrl" => r"\p{Cc}",
        "XDigit" => r"\p{Nd}\p{Hex_Digit}",
        "Space" => r"\p{White_Space}",
        "Graph" => r"[^\p{White_Space}\p{Cc}\p{Cn}]",
        "Print" => r"[^\p{White_Space}\p{Cc}\p{Cn}]\p{Zs}",
        other => return posix_ascii(other),
    })
}

fn java_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "LowerCase" => r"\p{Lowercase}",
        "UpperCase" => r"\p{Uppercase}",
        "Alphabetic" => r"\p{Alphabetic}",
        "Ideographic" => r"\p{Ideographic}",
        "TitleCase" => r"\p{Lt}",
        "Digit" => r"\p{Nd}",
        "Letter" => r"\p{L}",
        "LetterOrDigit" => r"\p{L}\p{Nd}",
        "SpaceChar" => r"\p{Z}",
        "Whitespace" => r"\x{9}-\x{D}\x{1C}-\x{1F}[\p{Z}--[\x{A0}\x{2007}\x{202F}]]",
        "ISOControl" => r"\p{Cc}",
        "Defined" => r"[^\p{Cn}]",
        _ => return None,
    })
}
