//! Settings as they were given: names and texts, nothing parsed, no defaults added.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// What a secret looks like wherever it might be shown. The text is Kafka's.
pub const HIDDEN: &str = "[hidden]";

/// An ordered map of setting names to texts, as a user wrote them.
///
/// A text may be absent (`null` in JSON). A property is marked secret when a config provider resolved any
/// part of it or when its definition is a PASSWORD; `Debug` shows `[hidden]` for those. Two maps are equal when their names and
/// texts are: the mark says how a value is shown, not what it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    entries: BTreeMap<Arc<str>, Property>,
}

#[derive(Clone)]
struct Property {
    text: Option<Arc<str>>,
    secret: bool,
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Property {}

impl Properties {
    /// Returns an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the text of a setting, or `None` when it is missing or null.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name)?.text.as_deref()
    }

    /// Tells whether the setting was given at all, be it as null.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Tells whether the setting must never be shown.
    pub fn is_secret(&self, name: &str) -> bool {
        self.entries.get(name).is_some_and(|property| property.secret)
    }

    /// Sets a text; an earlier one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) {
        let text = Some(text.into());
        self.entries.insert(name.into(), Property { text, secret: false });
    }

    /// Sets a text that must never be shown.
    pub fn insert_secret(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) {
        let text = Some(text.into());
        self.entries.insert(name.into(), Property { text, secret: true });
    }

    /// Sets an explicit null.
    pub fn insert_null(&mut self, name: impl Into<Arc<str>>) {
        self.entries.insert(name.into(), Property { text: None, secret: false });
    }

    /// Removes a setting.
    pub fn remove(&mut self, name: &str) {
        self.entries.remove(name);
    }

    /// Marks an existing setting as one that must never be shown.
    pub fn hide(&mut self, name: &str) {
        if let Some(property) = self.entries.get_mut(name) {
            property.secret = true;
        }
    }

    /// Returns names and texts in alphabetical order; a null shows as `None`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.entries.iter().map(|(name, property)| (name.as_ref(), property.text.as_deref()))
    }

    /// Returns the settings whose names begin with `prefix`, without it; marks are kept.
    pub fn with_prefix(&self, prefix: &str) -> Self {
        let entries = self.entries.iter().filter_map(|(name, property)| {
            let rest = name.strip_prefix(prefix)?;
            Some((Arc::from(rest), property.clone()))
        });
        Self { entries: entries.collect() }
    }

    /// Adds every setting of `other`, replacing those of the same name; marks are kept.
    pub fn extend(&mut self, other: &Self) {
        let entries = other.entries.iter().map(|(name, property)| (name.clone(), property.clone()));
        self.entries.extend(entries);
    }

    /// Returns how many settings there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there is no setting.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<N: Into<Arc<str>>, T: Into<Arc<str>>> FromIterator<(N, T)> for Properties {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(settings: I) -> Self {
        let mut properties = Self::new();
        for (name, text) in settings {
            properties.insert(name, text);
        }
        properties
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Properties {
    fn from(settings: [(&str, &str); N]) -> Self {
        settings.into_iter().collect()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.entries.iter().map(|(name, property)| {
            let text = if property.secret { Some(HIDDEN) } else { property.text.as_deref() };
            (name, text)
        });
        f.debug_map().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let mut properties = Properties::from([("name", "orders")]);
        properties.insert_secret("password", "hunter2");
        let mut wider = Properties::new();
        wider.extend(&properties);
        let shown = format!("{wider:?} {:?}", wider.with_prefix("pass"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains(HIDDEN) && shown.contains("orders"), "{shown}");
    }

    #[test]
    fn marks_do_not_make_settings_differ() {
        let mut hidden = Properties::from([("a", "1")]);
        hidden.hide("a");
        assert_eq!(hidden, Properties::from([("a", "1")]));
    }
}
