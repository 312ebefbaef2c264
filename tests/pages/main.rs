//! The pages of transformations, predicates and converters: their settings are the defined ones, and what their
//! examples show is what running them gives. `UPDATE_GOLDEN=1 cargo test -p millrace-tests --test pages` rewrites them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod chain;
mod encoded;
mod page;
mod record;

use millrace_api::{PluginKind, Plugins, config::markdown};
use page::Page;
use std::{collections::BTreeSet, env, fs, path::PathBuf};

fn plugins() -> Plugins {
    let mut plugins = Plugins::default();
    millrace_converters::register(&mut plugins);
    millrace_transforms::register(&mut plugins);
    plugins
}

/// Returns the pages of a folder of docs/, by name.
fn pages(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).join(folder);
    let mut pages: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

/// Makes each page of a folder again, and compares.
fn check(folder: &str, example: impl Fn(&Plugins, &Page<'_>) -> String) {
    let plugins = plugins();
    for path in pages(folder) {
        let kept = fs::read_to_string(&path).unwrap();
        let page = Page::read(&kept);
        let settings = markdown(&page::definition(&plugins, page.class));
        let table =
            if settings.lines().count() > 2 { settings } else { "There are no settings.\n".to_owned() };
        let made = page::with(&kept, &format!("settings: {}", page.class), &table);
        let made = page::with(&made, "becomes", &example(&plugins, &page));
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, made).unwrap();
            continue;
        }
        assert!(kept == made, "{} is out of date: it would be\n{made}", path.display());
    }
}

#[test]
fn transformations_do_what_their_pages_show() {
    check("transforms", chain::example);
}

#[test]
fn predicates_do_what_their_pages_show() {
    check("predicates", chain::example);
}

#[test]
fn converters_do_what_their_pages_show() {
    check("converters", encoded::example);
}

#[test]
fn every_plugin_has_its_page() {
    let kinds = |folder| -> &[PluginKind] {
        match folder {
            "transforms" => &[PluginKind::Transformation],
            "predicates" => &[PluginKind::Predicate],
            _ => &[PluginKind::Converter, PluginKind::HeaderConverter],
        }
    };
    for folder in ["transforms", "predicates", "converters"] {
        let listed = plugins().list();
        let of_kind = listed.iter().filter(|(kind, _)| kinds(folder).contains(kind));
        let simple = of_kind.map(|(_, info)| page::simple_name(&info.class).to_owned());
        let with_pages = pages(folder);
        let with_pages = with_pages.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(simple.collect::<BTreeSet<_>>(), with_pages.collect::<BTreeSet<_>>(), "{folder}");
    }
}
