//! The one list of plugins: a line each.

use crate::style;
use anyhow::Context;
use millrace_api::{ConfigDef, HIDDEN, Plugins, config};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Returns every plugin of this program.
pub fn all() -> Plugins {
    let mut plugins = Plugins::default();
    millrace_converters::register(&mut plugins);
    millrace_transforms::register(&mut plugins);
    millrace_file::register(&mut plugins);
    millrace_jdbc::register(&mut plugins);
    plugins
}

/// Prints the list, or the settings of one plugin.
pub fn show(class: Option<&str>) -> ExitCode {
    let plugins = all();
    let Some(class) = class else {
        println!("{}", style::strong(&format!("{:<17} {:<9} {}", "TYPE", "VERSION", "CLASS")));
        for (kind, info) in plugins.list() {
            println!("{:<17} {:<9} {}", kind.to_string(), info.version, info.class);
        }
        return ExitCode::SUCCESS;
    };
    let Some(definition) = definition(&plugins, class) else {
        eprintln!("millrace: no plugin is called {class}; `millrace plugins` lists them");
        return ExitCode::FAILURE;
    };
    print!("{}", config::markdown(&definition));
    ExitCode::SUCCESS
}

/// Writes the list, or the settings of one plugin, as the REST API shows them.
pub fn show_json(class: Option<&str>) -> anyhow::Result<()> {
    let plugins = all();
    let shown: Vec<Value> = match class {
        None => plugins
            .list()
            .iter()
            .map(|(kind, info)| json!({ "class": info.class, "type": kind.to_string(), "version": info.version }))
            .collect(),
        Some(class) => {
            let definition = definition(&plugins, class).with_context(|| format!("no plugin is called {class}"))?;
            definition.keys().iter().map(setting).collect()
        }
    };
    println!("{}", serde_json::to_string_pretty(&shown)?);
    Ok(())
}

fn setting(key: &config::Key) -> Value {
    let default = match &key.default {
        config::Default::Text(_) if key.kind == config::Type::Password => Some(HIDDEN),
        config::Default::Text(text) => Some(text.as_ref()),
        config::Default::Null | config::Default::None => None,
    };
    json!({
        "name": key.name.as_ref(),
        "type": key.kind.to_string(),
        "required": key.default == config::Default::None,
        "default_value": default,
        "importance": key.importance.to_string(),
        "documentation": key.doc.as_ref(),
    })
}

fn definition(plugins: &Plugins, class: &str) -> Option<ConfigDef> {
    let connector = plugins.connector(class).map(|plugin| plugin.definition());
    connector.ok().or_else(|| {
        let converter = || plugins.find_converter(class).map(|plugin| plugin.definition());
        let header = || plugins.find_header_converter(class).map(|plugin| plugin.definition());
        let transform = || plugins.find_transform(class).map(|plugin| plugin.definition());
        let predicate = || plugins.find_predicate(class).map(|plugin| plugin.definition());
        converter().or_else(header).or_else(transform).or_else(predicate)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use millrace_worker::{connector_file, settings::WorkerConfig, validate};
    use std::{fs, path::PathBuf};

    /// Returns every file of config-examples/, folders included.
    fn examples() -> Vec<PathBuf> {
        let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../config-examples"))];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    /// `UPDATE_GOLDEN=1 cargo test -p millrace the_settings_page` rewrites the page.
    #[test]
    fn the_settings_page_is_up_to_date() {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md"));
        let made = millrace_worker::settings::table::markdown(&all());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == made,
            "docs/settings.md is out of date; it would be\n{made}"
        );
    }

    #[tokio::test]
    async fn every_example_works_as_it_is() {
        let plugins = all();
        let (workers, connectors): (Vec<_>, Vec<_>) = examples()
            .into_iter()
            .partition(|path| fs::read_to_string(path).unwrap().contains("offset.storage"));
        assert!(workers.len() >= 2 && connectors.len() >= 6, "examples are missing");
        for path in &workers {
            let worker = WorkerConfig::read(path, &plugins).unwrap();
            assert_eq!(worker.warnings(), [""; 0], "{}", path.display());
            for path in &connectors {
                let file = connector_file::read(path).unwrap();
                let found = validate::validate(&plugins, &worker, &file.config).await.unwrap();
                assert_eq!(found.refusal(), None, "{}", path.display());
            }
        }
    }
}
