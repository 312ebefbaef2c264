//! The text of `sasl.jaas.config`: `<login module class> required key="value" … ;`.

use std::collections::BTreeMap;

/// A login module and its options. Shown nowhere: the options hold secrets.
pub(crate) struct Login {
    module: String,
    options: BTreeMap<String, String>,
}

/// Reads a text. An error never shows a part of it.
pub(crate) fn parse(text: &str) -> Result<Login, &'static str> {
    let mut tokens = tokens(text)?.into_iter();
    let Some(Token::Word(module)) = tokens.next() else { return Err("the login module is missing") };
    match tokens.next() {
        Some(Token::Word(flag))
            if ["required", "requisite", "sufficient", "optional"]
                .contains(&flag.to_ascii_lowercase().as_str()) => {}
        _ => return Err("the control flag, as required, is missing after the login module"),
    }
    let mut options = BTreeMap::new();
    loop {
        match tokens.next() {
            Some(Token::End) => break,
            Some(Token::Word(name)) => {
                let (Some(Token::Equals), Some(Token::Word(value))) = (tokens.next(), tokens.next()) else {
                    return Err("an option has no value");
                };
                options.insert(name, value);
            }
            Some(Token::Equals) => return Err("an option has no name"),
            None => return Err("the semicolon at the end is missing"),
        }
    }
    if tokens.next().is_some() {
        return Err("there is more than one login module");
    }
    Ok(Login { module, options })
}

enum Token {
    Word(String),
    Equals,
    End,
}

// === impl Login ===

impl Login {
    /// Returns user name and password of the plain and SCRAM modules.
    pub(crate) fn credentials(&self) -> Result<(&str, &str), &'static str> {
        let simple = self.module.rsplit('.').next().unwrap_or("");
        if !["PlainLoginModule", "ScramLoginModule"].contains(&simple) {
            return Err("only PlainLoginModule and ScramLoginModule are supported");
        }
        if self.options.get("tokenauth").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err("delegation tokens are not supported");
        }
        let username = self.options.get("username").ok_or("the option username is missing")?;
        let password = self.options.get("password").ok_or("the option password is missing")?;
        Ok((username, password))
    }
}

/// Splits a text as Java's `StreamTokenizer` does for JAAS: words, quoted texts with backslash escapes, `=` and `;`.
fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        match first {
            ';' => {
                chars.next();
                tokens.push(Token::End);
            }
            '=' => {
                chars.next();
                tokens.push(Token::Equals);
            }
            '"' | '\'' => {
                chars.next();
                tokens.push(Token::Word(quoted(&mut chars, first)?));
            }
            space if space.is_whitespace() => {
                chars.next();
            }
            _ => {
                let mut word = String::new();
                while let Some(&next) = chars.peek() {
                    if next.is_whitespace() || [';', '=', '"', '\''].contains(&next) {
                        break;
                    }
                    word.push(next);
                    chars.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> Result<String, &'static str> {
    let mut text = String::new();
    loop {
        match chars.next() {
            None => return Err("a quoted text does not end"),
            Some(end) if end == quote => return Ok(text),
            Some('\\') => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(other) => text.push(other),
                None => return Err("a quoted text does not end"),
            },
            Some(other) => text.push(other),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        let login = parse(text);
        let found = match &login {
            Ok(login) => login.credentials(),
            Err(reason) => Err(*reason),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_user_and_password() {
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
        check(&format!(r#"{plain} required username="a" password="b";"#), Ok(("a", "b")));
        check(&format!(r#"{plain} required password='x;=y' username=a ;"#), Ok(("a", "x;=y")));
        check(
            &format!("{plain} REQUIRED\n\tusername = \"a\"\n\tpassword=\"b\\\"c\\\\\";"),
            Ok(("a", "b\"c\\")),
        );
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule";
        check(&format!(r#"{scram} required username="ä" password="";"#), Ok(("ä", "")));
    }

    #[test]
    fn says_what_is_missing() {
        let plain = "a.b.PlainLoginModule";
        check("", Err("the login module is missing"));
        check(plain, Err("the control flag, as required, is missing after the login module"));
        check(&format!("{plain} required username=a password=b"), Err("the semicolon at the end is missing"));
        check(&format!("{plain} required username=a;"), Err("the option password is missing"));
        check(&format!("{plain} required username;"), Err("an option has no value"));
        check(&format!("{plain} required password=\"b;"), Err("a quoted text does not end"));
        check("a.Krb5LoginModule required;", Err("only PlainLoginModule and ScramLoginModule are supported"));
    }
}
