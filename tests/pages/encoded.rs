//! Values as a converter writes them.

use crate::{page::Page, record};
use jiff::tz::TimeZone;
use millrace_api::{Datum, Plugins, Properties, Role, Schema, values};
use serde_json::Value as Json;

/// Returns a table of what the converter of a page's example writes, and reads back, for each of its values.
pub fn example(plugins: &Plugins, page: &Page<'_>) -> String {
    let class = page.class;
    let prefix = if page.settings.get("header.converter").is_some() {
        "header.converter."
    } else {
        "value.converter."
    };
    let own: Properties = page
        .settings
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix(prefix)?.to_owned(), text?.to_owned())))
        .collect();
    let factory = plugins.find_converter(class).or_else(|| plugins.find_header_converter(class)).unwrap();
    let mut converter = factory.make(&own, Role::Value).unwrap();
    let mut table = String::from("| value | bytes | read back |\n| --- | --- | --- |\n");
    for json in page.input.as_array().unwrap() {
        let datum = record::datum(plugins, json);
        let row = match converter.encode("pages", &mut Vec::new(), &datum) {
            Ok(None) => "no bytes (a tombstone) | `null`".to_owned(),
            Ok(Some(bytes)) => {
                let back = converter.decode("pages", &[], Some(&bytes)).unwrap();
                format!("`{}` | {}", shown(&bytes), described(&back))
            }
            Err(error) => format!("an error: {error} | "),
        };
        table.push_str(&format!("| `{}` | {} |\n", cell(json), row.replace('\n', " ")));
    }
    table
}

fn cell(json: &Json) -> String {
    json.to_string().replace('|', "\\|")
}

/// Shows text as it is, other bytes as hexadecimal digits.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.replace('|', "\\|"),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

fn described(datum: &Datum) -> String {
    let kind = datum.schema.as_deref().map_or("no schema".to_owned(), kind);
    let text = values::to_text(&datum.value, &TimeZone::UTC);
    format!("{kind}: `{}`", text.as_deref().unwrap_or("null").replace('|', "\\|"))
}

fn kind(schema: &Schema) -> String {
    let optional = if schema.optional { "optional " } else { "" };
    format!("{optional}{}", schema.kind.to_string().to_lowercase())
}
