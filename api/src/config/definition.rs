//! Definitions of settings, and what the REST API shows of them.

use super::{Check, Setting};
use crate::{HIDDEN, Properties};
use std::{fmt, sync::Arc};

/// The settings of one plugin, in order.
#[derive(Clone, Debug, std::default::Default)]
pub struct ConfigDef {
    keys: Vec<Key>,
}

/// The definition of one setting.
#[derive(Clone)]
pub struct Key {
    /// The name, such as `batch.size`.
    pub name: Arc<str>,
    /// How its text is read.
    pub kind: Type,
    /// What holds when it is not given.
    pub default: Default,
    /// How much it matters.
    pub importance: Importance,
    /// What it does, for users.
    pub doc: Arc<str>,
    /// The heading under which it is shown.
    pub group: Option<Arc<str>>,
    /// Its place under that heading; -1 for none.
    pub order: i32,
    /// How wide a form's field should be.
    pub width: Width,
    /// Its name in forms.
    pub display_name: Arc<str>,
    /// Settings that mean something only with this one.
    pub dependents: Vec<Arc<str>>,
    checks: Vec<Check>,
}

/// How a setting's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false` in any case.
    Boolean,
    /// Text, trimmed.
    String,
    /// 32 bits.
    Int,
    /// 16 bits.
    Short,
    /// 64 bits.
    Long,
    /// Double precision.
    Double,
    /// Texts separated by commas.
    List,
    /// A class name.
    Class,
    /// Text that is never shown.
    Password,
}

/// What holds when a setting is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    /// Nothing: the setting is required.
    None,
    /// No value.
    Null,
    /// This text.
    Text(Arc<str>),
}

/// How much a setting matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// Nearly everybody sets it.
    High,
    /// Some set it.
    Medium,
    /// Few set it.
    Low,
}

/// How wide a form's field should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Nothing said.
    None,
    /// A number or a word.
    Short,
    /// A name.
    Medium,
    /// A path or a list.
    Long,
}

/// A setting's text as its type reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A text, a class name or a password.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// Texts.
    List(Vec<String>),
}

/// What validation found about one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigValue {
    /// The setting.
    pub name: Arc<str>,
    /// The text form of its value; `[hidden]` for passwords.
    pub value: Option<String>,
    /// The value as read; null when it could not be.
    pub parsed: Parsed,
    /// What is wrong, as shown to users.
    pub errors: Vec<String>,
    /// Values that would do.
    pub recommended: Vec<String>,
    /// Whether a form should show it.
    pub visible: bool,
}

// === impl ConfigDef ===

impl ConfigDef {
    /// Adds a setting.
    ///
    /// # Panics
    /// When the name is defined already: a mistake of the plugin's author that its first test shows.
    pub fn define(&mut self, key: Key) {
        assert!(self.key(&key.name).is_none(), "setting {} is defined twice", key.name);
        self.keys.push(key);
    }

    /// Returns the definition of a setting.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name.as_ref() == name)
    }

    /// Returns all definitions in order.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Validates every defined setting, in order; settings that are not defined are left alone.
    pub fn validate(&self, properties: &Properties) -> Vec<ConfigValue> {
        self.keys.iter().map(|key| key.validate(properties)).collect()
    }
}

// === impl Key ===

impl Key {
    /// Returns the definition of a required setting of the type that `T` reads.
    pub fn of<T: Setting>(
        name: impl Into<Arc<str>>,
        importance: Importance,
        doc: impl Into<Arc<str>>,
    ) -> Self {
        let name = name.into();
        Self {
            display_name: name.clone(),
            name,
            kind: T::TYPE,
            default: if T::OPTIONAL { Default::Null } else { Default::None },
            importance,
            doc: doc.into(),
            group: None,
            order: -1,
            width: Width::None,
            dependents: Vec::new(),
            checks: T::implied_check().into_iter().collect(),
        }
    }

    /// The same with a default.
    pub fn default(mut self, value: impl fmt::Display) -> Self {
        self.default = Default::Text(value.to_string().into());
        self
    }

    /// The same with one more check.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// The same under a heading.
    pub fn group(mut self, group: impl Into<Arc<str>>, order: i32) -> Self {
        self.group = Some(group.into());
        self.order = order;
        self
    }

    /// The same with a name and width for forms.
    pub fn display(mut self, name: impl Into<Arc<str>>, width: Width) -> Self {
        self.display_name = name.into();
        self.width = width;
        self
    }

    /// The same as a text of another type: a class name or a password.
    pub fn typed(mut self, kind: Type) -> Self {
        self.kind = kind;
        self
    }

    /// Reads and checks the setting: what is given, else the default.
    pub fn validate(&self, properties: &Properties) -> ConfigValue {
        let mut errors = Vec::new();
        let given = properties.contains(&self.name);
        let text = match &self.default {
            _ if given => properties.get(&self.name),
            Default::Text(default) => Some(default.as_ref()),
            Default::Null => None,
            Default::None => {
                errors.push(format!(
                    "Missing required configuration \"{}\" which has no default value.",
                    self.name
                ));
                None
            }
        };
        let hidden = self.kind == Type::Password || properties.is_secret(&self.name);
        let parsed = text.map_or(Ok(Parsed::Null), |text| self.kind.parse(text)).unwrap_or_else(|reason| {
            errors.push(self.problem(text.unwrap_or("null"), hidden, &reason));
            Parsed::Null
        });
        for check in &self.checks {
            if let Err(reason) = check.run(&parsed) {
                errors.push(self.problem(&parsed.shown(), hidden, &reason));
            }
        }
        let value = parsed.text_form().map(|text| if hidden { HIDDEN.to_string() } else { text });
        let recommended = Vec::new();
        ConfigValue { name: self.name.clone(), value, parsed, errors, recommended, visible: true }
    }

    fn problem(&self, value: &str, hidden: bool, reason: &str) -> String {
        let value = if hidden { HIDDEN } else { value };
        format!("Invalid value {value} for configuration {}: {reason}", self.name)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} = {:?}", self.name, self.kind, self.default)
    }
}

// === impl Type ===

impl Type {
    /// Reads a text; the error is the reason.
    pub fn parse(self, text: &str) -> Result<Parsed, String> {
        let text = text.trim();
        let whole = |min: i64, max: i64| {
            let number = text.parse::<i64>().ok().filter(|number| (min..=max).contains(number));
            number.map(Parsed::Integer).ok_or(format!("Not a number of type {self}"))
        };
        match self {
            Self::Boolean if text.eq_ignore_ascii_case("true") => Ok(Parsed::Boolean(true)),
            Self::Boolean if text.eq_ignore_ascii_case("false") => Ok(Parsed::Boolean(false)),
            Self::Boolean => Err("Expected value to be either true or false".to_string()),
            Self::String | Self::Class | Self::Password => Ok(Parsed::Text(text.to_string())),
            Self::Short => whole(i16::MIN.into(), i16::MAX.into()),
            Self::Int => whole(i32::MIN.into(), i32::MAX.into()),
            Self::Long => whole(i64::MIN, i64::MAX),
            Self::Double => {
                java_double(text).map(Parsed::Double).ok_or("Not a number of type DOUBLE".to_string())
            }
            Self::List if text.is_empty() => Ok(Parsed::List(Vec::new())),
            Self::List => Ok(Parsed::List(text.split(',').map(|part| part.trim().to_string()).collect())),
        }
    }
}

/// Java's syntax of doubles: no words but `NaN` and `Infinity`, and an optional type letter at the end.
fn java_double(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = digits.chars().all(|char| char.is_ascii_digit() || "+-.eE".contains(char));
    if plain { digits.parse().ok() } else { None }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        })
    }
}

// === impl Importance, Width ===

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        })
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "NONE",
            Self::Short => "SHORT",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        })
    }
}

// === impl Parsed ===

impl Parsed {
    /// Returns the text form of the REST API; none for null.
    pub fn text_form(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::List(texts) => Some(texts.join(",")),
            other => Some(other.shown()),
        }
    }

    /// Returns the form of messages: a list is `[a, b]`, null is `null`.
    fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Double(number) => crate::text::double(*number),
            Self::List(texts) => format!("[{}]", texts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{at_least, no_duplicates, non_empty};

    #[track_caller]
    fn check(key: Key, text: Option<&str>, value: Option<&str>, errors: &[&str]) {
        let mut properties = Properties::new();
        if let Some(text) = text {
            properties.insert("k", text);
        }
        let found = key.validate(&properties);
        assert_eq!(
            (found.value.as_deref(), found.errors.as_slice()),
            (value, &errors.iter().map(|e| e.to_string()).collect::<Vec<_>>()[..])
        );
    }

    fn key<T: Setting>() -> Key {
        Key::of::<T>("k", Importance::High, "d")
    }

    #[test]
    fn a_value_that_cannot_be_read_is_checked_as_null_too() {
        let errors = [
            "Invalid value abc for configuration k: Not a number of type INT",
            "Invalid value null for configuration k: Value must be non-null",
        ];
        check(key::<i32>().check(at_least(1)), Some("abc"), None, &errors);
    }

    #[test]
    fn a_refused_value_is_kept_in_the_result() {
        let error = "Invalid value 0 for configuration k: Value must be at least 1";
        check(key::<i32>().check(at_least(1)), Some(" 0 "), Some("0"), &[error]);
        let error = "Invalid value  for configuration k: String must be non-empty";
        check(key::<String>().check(non_empty()), Some("  "), Some(""), &[error]);
        let error = "Invalid value [a, a] for configuration k: Duplicate alias provided.";
        check(key::<Vec<String>>().check(no_duplicates()), Some("a , a"), Some("a,a"), &[error]);
    }

    #[test]
    fn a_missing_setting_is_named() {
        let error = "Missing required configuration \"k\" which has no default value.";
        check(key::<String>(), None, None, &[error]);
        check(key::<Option<String>>(), None, None, &[]);
        check(key::<i64>().default(5), None, Some("5"), &[]);
    }

    #[test]
    fn a_password_is_never_shown() {
        check(key::<super::super::Secret>(), Some("hunter2"), Some(HIDDEN), &[]);
        let strict = key::<super::super::Secret>().check(Check::new(|_| Err("too short".to_string())));
        check(
            strict,
            Some("hunter2"),
            Some(HIDDEN),
            &["Invalid value [hidden] for configuration k: too short"],
        );
    }

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        check(key::<i32>(), Some("+7"), Some("7"), &[]);
        check(
            key::<i32>(),
            Some("2147483648"),
            None,
            &["Invalid value 2147483648 for configuration k: Not a number of type INT"],
        );
        check(key::<f64>(), Some("1e3d"), Some("1000.0"), &[]);
        check(
            key::<f64>(),
            Some("inf"),
            None,
            &["Invalid value inf for configuration k: Not a number of type DOUBLE"],
        );
    }
}
