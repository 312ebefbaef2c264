//! Ranges of plugin versions: `1.2.3`, `[1.0,2.0)`, `(,1.5]`, `latest`.

use std::cmp::Ordering;

/// Refuses an installed version that is not in the range; the text is Kafka Connect's.
pub fn check(class: &str, range: &str, installed: &str) -> Result<(), String> {
    let range = range.trim();
    if range.is_empty() || range == "latest" || contains(range, installed) {
        return Ok(());
    }
    let shown = if range.starts_with(['[', '(']) { range.to_owned() } else { format!("[{range},{range}]") };
    Err(format!(
        "Plugin {class} not found that matches the version range {shown}, available versions: [{installed}]"
    ))
}

/// Tells whether a version is in a range of Maven's syntax. One that cannot be read contains nothing.
fn contains(range: &str, version: &str) -> bool {
    let Some(inner) = range.strip_prefix(['[', '(']) else {
        return compare(range, version) == Ordering::Equal;
    };
    let Some(inner) = inner.strip_suffix([']', ')']) else { return false };
    let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
    let above = match compare(version, low.trim()) {
        _ if low.trim().is_empty() => true,
        Ordering::Greater => true,
        Ordering::Equal => range.starts_with('['),
        Ordering::Less => false,
    };
    let below = match compare(version, high.trim()) {
        _ if high.trim().is_empty() => true,
        Ordering::Less => true,
        Ordering::Equal => range.ends_with(']'),
        Ordering::Greater => false,
    };
    above && below
}

/// Compares part by part; missing parts count as 0, and parts that are no numbers compare as text.
fn compare(left: &str, right: &str) -> Ordering {
    let parts = |version: &str| version.split(['.', '-']).map(str::to_owned).collect::<Vec<_>>();
    let (left, right) = (parts(left), parts(right));
    for index in 0..left.len().max(right.len()) {
        let (a, b) =
            (left.get(index).map_or("0", String::as_str), right.get(index).map_or("0", String::as_str));
        let ordering = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_maven() {
        for range in
            ["4.1.1", "[4.1.1]", "[4.0,5.0)", "(,4.1.1]", "[4.1.1,)", "latest", "", "[4,4.2]", "4.1.1.0"]
        {
            assert_eq!(check("C", range, "4.1.1"), Ok(()), "{range}");
        }
        for range in ["4.1", "[9,9]", "(4.1.1,)", "[,4.1.1)", "xx[", "[4"] {
            assert!(check("C", range, "4.1.1").is_err(), "{range}");
        }
    }

    #[test]
    fn the_text_is_that_of_connect() {
        let text = "Plugin C not found that matches the version range [9,9], available versions: [4.1.1]";
        assert_eq!(check("C", "9", "4.1.1"), Err(text.to_owned()));
        assert_eq!(check("C", "[9,9]", "4.1.1"), Err(text.to_owned()));
    }
}
