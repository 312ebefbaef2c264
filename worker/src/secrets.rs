//! What must not be shown wherever it turns up: the log, a trace, an error.
//!
//! Settings are hidden by their marks. This is for what lost its mark on the way: a plugin that logs the file it opens, a
//! server that repeats a password in its refusal.

use aho_corasick::AhoCorasick;
use millrace_api::{HIDDEN, Properties};
use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{PoisonError, RwLock},
};

/// Shorter values are not looked for: a `true` or `orders` would be hidden in every second line.
const LENGTH_MIN: usize = 8;

/// How many values are remembered; of more, the oldest are forgotten.
const VALUES_MAX: usize = 100_000;

static HIDDEN_VALUES: RwLock<Option<Hidden>> = RwLock::new(None);

struct Hidden {
    values: VecDeque<String>,
    finder: AhoCorasick,
}

/// Hides these values from now on.
pub fn hide(values: Vec<String>) {
    let long = |value: &String| value.trim().len() >= LENGTH_MIN;
    let values: Vec<_> = values.into_iter().filter(long).map(|value| value.trim().to_owned()).collect();
    let known = HIDDEN_VALUES.read().unwrap_or_else(PoisonError::into_inner);
    let is_new = |value: &String| known.as_ref().is_none_or(|hidden| !hidden.values.contains(value));
    let news: Vec<_> = values.into_iter().filter(is_new).collect();
    drop(known);
    if news.is_empty() {
        return;
    }
    let mut hidden = HIDDEN_VALUES.write().unwrap_or_else(PoisonError::into_inner);
    let mut values = hidden.take().map(|hidden| hidden.values).unwrap_or_default();
    for value in news {
        if !values.contains(&value) {
            values.push_back(value);
        }
    }
    while values.len() > VALUES_MAX {
        values.pop_front();
    }
    let finder = AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostLongest).build(&values);
    // It fails only for more patterns than memory holds.
    *hidden = finder.ok().map(|finder| Hidden { values, finder });
}

/// Hides every value of these settings that is marked secret.
pub fn hide_marked(settings: &Properties) {
    let marked = settings.iter().filter(|(name, _)| settings.is_secret(name));
    hide(marked.filter_map(|(_, text)| text.map(str::to_owned)).collect());
}

/// Returns a text in which nothing hidden is left.
pub fn without(text: &str) -> Cow<'_, str> {
    let hidden = HIDDEN_VALUES.read().unwrap_or_else(PoisonError::into_inner);
    let Some(hidden) = hidden.as_ref() else { return Cow::Borrowed(text) };
    let mut shown = String::new();
    let mut from = 0;
    for found in hidden.finder.find_iter(text) {
        shown.push_str(&text[from..found.start()]);
        shown.push_str(HIDDEN);
        from = found.end();
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_values_are_not_shown_anywhere() {
        hide(vec!["hunter2-of-the-test".to_owned(), " ab ".to_owned(), "hunter2-of".to_owned()]);
        hide(vec!["another-of-the-test\n".to_owned()]);
        let shown = without("x=hunter2-of-the-test, another-of-the-test! ab");
        assert_eq!(shown, "x=[hidden], [hidden]! ab");
        assert!(matches!(without("plain"), Cow::Borrowed("plain")));
    }
}
