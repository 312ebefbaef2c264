//! Checks of parsed values, with the texts of Kafka.

use super::Parsed;
use std::sync::Arc;

/// A check of one setting's parsed value: returns the reason why it will not do.
///
/// The reason is shown as `Invalid value <value> for configuration <name>: <reason>`.
#[derive(Clone)]
pub struct Check(Arc<Run>);

type Run = dyn Fn(&Parsed) -> Result<(), String> + Send + Sync;

impl Check {
    /// Makes a check of a function.
    pub fn new(check: impl Fn(&Parsed) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Returns the reason why a value will not do.
    pub fn run(&self, value: &Parsed) -> Result<(), String> {
        (self.0)(value)
    }
}

/// A number that is not smaller than `min`.
pub fn at_least(min: i64) -> Check {
    Check::new(move |value| match value {
        Parsed::Null => Err("Value must be non-null".to_string()),
        Parsed::Integer(number) if *number < min => Err(format!("Value must be at least {min}")),
        _ => Ok(()),
    })
}

/// A text that is not empty; null passes.
pub fn non_empty() -> Check {
    Check::new(|value| match value {
        Parsed::Text(text) if text.is_empty() => Err("String must be non-empty".to_string()),
        _ => Ok(()),
    })
}

/// One of these texts, in this case.
pub fn one_of(texts: &'static [&'static str]) -> Check {
    Check::new(move |value| match value {
        Parsed::Text(text) if texts.contains(&text.as_str()) => Ok(()),
        Parsed::Null => Ok(()),
        _ => Err(format!("String must be one of: {}", texts.join(", "))),
    })
}

/// A list that names nothing twice.
pub fn no_duplicates() -> Check {
    Check::new(|value| {
        let Parsed::List(names) = value else {
            return Err("entry must be non null".to_string());
        };
        let twice = (1..names.len()).any(|index| names[..index].contains(&names[index]));
        if twice { Err("Duplicate alias provided.".to_string()) } else { Ok(()) }
    })
}
