//! The reference page of settings, made from their definitions so that it cannot say anything else.

use super::{ConfigDef, Default, Key};

/// Returns a table of all settings, one line each, in their order.
pub fn markdown(definition: &ConfigDef) -> String {
    let mut table = String::from(
        "| setting | type | default | importance | what it does |\n| --- | --- | --- | --- | --- |\n",
    );
    for key in definition.keys() {
        table.push_str(&row(key));
    }
    table
}

fn row(key: &Key) -> String {
    let default = match &key.default {
        Default::None => "required".to_string(),
        Default::Null => "none".to_string(),
        Default::Text(text) if text.is_empty() => "empty".to_string(),
        Default::Text(text) => format!("`{text}`"),
    };
    let (kind, importance) = (key.kind.to_string().to_lowercase(), key.importance.to_string().to_lowercase());
    let doc = key.doc.replace('|', "\\|").replace('\n', " ");
    format!("| `{}` | {kind} | {default} | {importance} | {doc} |\n", key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Importance;

    #[test]
    fn a_setting_is_a_line() {
        let mut definition = ConfigDef::default();
        definition.define(Key::of::<String>("topic", Importance::High, "Where to."));
        definition.define(Key::of::<Option<i32>>("size", Importance::Low, "This | that."));
        definition.define(Key::of::<i64>("wait.ms", Importance::Medium, "How long.").default(5));
        let lines: Vec<_> = markdown(&definition).lines().skip(2).map(str::to_string).collect();
        let expected = [
            "| `topic` | string | required | high | Where to. |",
            "| `size` | int | none | low | This \\| that. |",
            "| `wait.ms` | long | `5` | medium | How long. |",
        ];
        assert_eq!(lines, expected);
    }
}
