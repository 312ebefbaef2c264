//! The one list of plugins: a line each.

use millrace_api::{Plugins, config};
use std::process::ExitCode;

/// Returns every plugin of this program.
pub fn all() -> Plugins {
    let mut plugins = Plugins::default();
    millrace_converters::register(&mut plugins);
    millrace_transforms::register(&mut plugins);
    millrace_file::register(&mut plugins);
    plugins
}

/// Prints the list, or the settings of one plugin.
pub fn show(class: Option<&str>) -> ExitCode {
    let plugins = all();
    let Some(class) = class else {
        for (kind, info) in plugins.list() {
            println!("{:<17} {:<9} {}", kind.to_string(), info.version, info.class);
        }
        return ExitCode::SUCCESS;
    };
    let connector = plugins.connector(class).map(|plugin| plugin.definition());
    let definition = connector.ok().or_else(|| {
        let converter = || plugins.find_converter(class).map(|plugin| plugin.definition());
        let header = || plugins.find_header_converter(class).map(|plugin| plugin.definition());
        let transform = || plugins.find_transform(class).map(|plugin| plugin.definition());
        let predicate = || plugins.find_predicate(class).map(|plugin| plugin.definition());
        converter().or_else(header).or_else(transform).or_else(predicate)
    });
    let Some(definition) = definition else {
        eprintln!("millrace: no plugin is called {class}; `millrace plugins` lists them");
        return ExitCode::FAILURE;
    };
    print!("{}", config::markdown(&definition));
    ExitCode::SUCCESS
}
