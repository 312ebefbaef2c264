//! The page for users holds exactly the settings that are defined.

use super::*;
use millrace_api::config::markdown;
use std::{fs, path::Path};

#[test]
fn the_page_shows_the_settings_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/jdbc-sink.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut plugins = Plugins::default();
    register(&mut plugins);
    let mut made = page.clone();
    for (mark, class) in ["confluent", "aiven"].into_iter().zip(SINK_CLASSES) {
        let table = markdown(&plugins.connector(class).unwrap().definition());
        made = with_table(&made, mark, &table);
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, made).unwrap();
    }
    assert!(page == made, "{} is out of date; UPDATE_GOLDEN=1 cargo test rewrites it", path.display());
}

/// Puts a table between its two marks.
fn with_table(page: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- settings: {mark} -->\n"), "<!-- end -->");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has the mark {begin}"));
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{begin}\n{table}\n{end}{after}")
}
