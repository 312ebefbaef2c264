//! The page for users holds exactly the settings that are defined.

use super::super::JdbcSourceConfig;
use millrace_api::{Config, config::markdown};
use std::{fs, path::Path};

#[test]
fn the_page_shows_the_settings_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/jdbc-source.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("<!-- settings: source -->\n").expect("the page has the mark");
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let table = markdown(&JdbcSourceConfig::definition());
    let made = format!("{before}<!-- settings: source -->\n\n{table}\n<!-- end -->{after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, made).unwrap();
    }
    assert!(page == made, "{} is out of date; UPDATE_GOLDEN=1 cargo test rewrites it", path.display());
}
