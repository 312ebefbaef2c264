//! The parts of a page that are made, and those that they are made of.

use millrace_api::{ConfigDef, Plugins, Properties};
use serde_json::Value as Json;

/// What a page says about its plugin.
pub struct Page<'a> {
    /// The class that its table of settings names.
    pub class: &'a str,
    /// The settings of its example.
    pub settings: Properties,
    /// What the example works on.
    pub input: Json,
}

impl<'a> Page<'a> {
    pub fn read(page: &'a str) -> Self {
        let class = between(page, "<!-- settings: ", " -->").unwrap();
        let settings = between(page, "```properties\n", "```").unwrap();
        let input = between(page, "```json\n", "```").unwrap();
        Self {
            class,
            settings: settings.lines().map(|line| line.split_once('=').unwrap()).collect(),
            input: serde_json::from_str(input).unwrap_or_else(|error| panic!("{class}: {error}")),
        }
    }
}

/// Puts made text between a mark and the end mark after it.
pub fn with(page: &str, mark: &str, text: &str) -> String {
    let begin = format!("<!-- {mark} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has the mark {begin}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}{begin}\n{text}\n<!-- end -->{after}")
}

/// Returns the settings of a plugin of any kind.
pub fn definition(plugins: &Plugins, class: &str) -> ConfigDef {
    let converter = || plugins.find_converter(class).map(|plugin| plugin.definition());
    let header = || plugins.find_header_converter(class).map(|plugin| plugin.definition());
    let transform = || plugins.find_transform(class).map(|plugin| plugin.definition());
    let predicate = || plugins.find_predicate(class).map(|plugin| plugin.definition());
    let found = converter().or_else(header).or_else(transform).or_else(predicate);
    found.unwrap_or_else(|| panic!("no plugin is called {class}"))
}

/// Returns a class's name without package and without the side it works on.
pub fn simple_name(class: &str) -> &str {
    let class = class.rsplit('.').next().unwrap();
    class.split('$').next().unwrap()
}

/// Shows JSON as a block of a page.
pub fn block(json: &Json) -> String {
    format!("```json\n{}\n```\n", serde_json::to_string_pretty(json).unwrap())
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(begin)?.1.split_once(end)?.0)
}
