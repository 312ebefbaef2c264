//! Rust types that settings can have.

use super::{Check, Parsed, Type};
use std::{fmt, path::PathBuf, time::Duration};

/// A type that can be one setting's value.
pub trait Setting: Sized {
    /// How its text is read, and what the REST API calls it.
    const TYPE: Type;

    /// Whether the setting may be left out.
    const OPTIONAL: bool = false;

    /// Takes the value; the error is the reason why it will not do.
    fn from_parsed(parsed: Parsed) -> Result<Self, String>;

    /// Returns the check that every setting of this type has.
    fn implied_check() -> Option<Check> {
        None
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the text, for the one who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::HIDDEN)
    }
}

const MISFIT: &str = "Value must be non-null";

macro_rules! setting {
    ($($type:ty, $kind:ident, $pattern:pat => $value:expr;)*) => { $(
        impl Setting for $type {
            const TYPE: Type = Type::$kind;

            fn from_parsed(parsed: Parsed) -> Result<Self, String> {
                match parsed {
                    $pattern => $value,
                    _ => Err(MISFIT.to_string()),
                }
            }
        }
    )* };
}

setting! {
    bool, Boolean, Parsed::Boolean(value) => Ok(value);
    String, String, Parsed::Text(text) => Ok(text);
    PathBuf, String, Parsed::Text(text) => Ok(text.into());
    Secret, Password, Parsed::Text(text) => Ok(Secret(text));
    f64, Double, Parsed::Double(number) => Ok(number);
    Vec<String>, List, Parsed::List(texts) => Ok(texts);
    i16, Short, Parsed::Integer(number) => narrow(number);
    i32, Int, Parsed::Integer(number) => narrow(number);
    u32, Int, Parsed::Integer(number) => narrow(number);
    i64, Long, Parsed::Integer(number) => Ok(number);
    u64, Long, Parsed::Integer(number) => narrow(number);
    Duration, Long, Parsed::Integer(number) => narrow(number).map(Duration::from_millis);
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T, String> {
    let too_far = if number < 0 { "Value must be at least 0" } else { "Value is too large" };
    T::try_from(number).map_err(|_| too_far.to_string())
}

impl<T: Setting> Setting for Option<T> {
    const TYPE: Type = T::TYPE;
    const OPTIONAL: bool = true;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        match parsed {
            Parsed::Null => Ok(None),
            parsed => T::from_parsed(parsed).map(Some),
        }
    }

    fn implied_check() -> Option<Check> {
        T::implied_check()
    }
}

/// Makes an enum whose variants are the texts that a setting may have.
///
/// ```
/// millrace_api::choice! {
///     /// What the value of a record is.
///     pub enum ValueType {
///         /// Text.
///         String = "string",
///         /// The bytes as they are.
///         Bytes = "bytes",
///     }
/// }
/// ```
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $crate::config::Setting for $name {
            const TYPE: $crate::config::Type = $crate::config::Type::String;

            fn from_parsed(parsed: $crate::config::Parsed) -> Result<Self, String> {
                match &parsed {
                    $($crate::config::Parsed::Text(text) if text == $text => Ok(Self::$variant),)*
                    _ => Err("Value must be non-null".to_string()),
                }
            }

            fn implied_check() -> Option<$crate::config::Check> {
                Some($crate::config::one_of(&[$($text),*]))
            }
        }
    };
}
