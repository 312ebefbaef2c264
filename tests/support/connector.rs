//! Connector configurations, as files and as JSON.

use std::path::Path;

use serde_json::{Map, Value};

/// A connector's name and settings, in the order in which they were given.
#[derive(Debug, Clone)]
pub struct Connector {
    name: String,
    settings: Vec<(String, String)>,
}

/// A file source that writes each line of `file` to `topic`.
pub fn file_source(name: &str, file: &Path, topic: &str) -> Connector {
    let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    Connector::new(name, class).set("file", file.display()).set("topic", topic)
}

/// A file sink that appends each value of `topic` to `file`.
pub fn file_sink(name: &str, topic: &str, file: &Path) -> Connector {
    let class = "org.apache.kafka.connect.file.FileStreamSinkConnector";
    Connector::new(name, class).set("topics", topic).set("file", file.display())
}

impl Connector {
    pub fn new(name: &str, class: &str) -> Self {
        let connector = Self { name: name.to_owned(), settings: Vec::new() };
        connector.set("name", name).set("connector.class", class).set("tasks.max", 1)
    }

    /// Adds or replaces a setting.
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        let value = value.to_string();
        match self.settings.iter_mut().find(|(known, _)| known == key) {
            Some(setting) => setting.1 = value,
            None => self.settings.push((key.to_owned(), value)),
        }
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        self.settings.retain(|(known, _)| known != key);
        self
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the settings as the body of `PUT /connectors/NAME/config`.
    pub fn config(&self) -> Value {
        let entry = |(key, value): &(String, String)| (key.clone(), Value::from(value.clone()));
        Value::Object(self.settings.iter().map(entry).collect::<Map<_, _>>())
    }

    /// Returns the body of `POST /connectors`.
    pub fn request(&self) -> Value {
        serde_json::json!({ "name": self.name, "config": self.config() })
    }

    pub fn to_properties(&self) -> String {
        to_properties(&self.settings)
    }
}

/// Writes settings as a Java properties file.
pub fn to_properties(settings: &[(String, String)]) -> String {
    let line = |(key, value): &(String, String)| format!("{}={}\n", escaped(key), escaped(value));
    settings.iter().map(line).collect()
}

/// Escapes what a properties file gives a meaning to.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        match character {
            ' ' if index > 0 => escaped.push(' '),
            '\\' | '=' | ':' | '#' | '!' | ' ' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            ' '..='~' => escaped.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_their_order_and_are_replaced_in_place() {
        let connector =
            file_source("lines", Path::new("/tmp/a b"), "t").set("tasks.max", 2).without("connector.class");
        assert_eq!(connector.to_properties(), "name=lines\ntasks.max=2\nfile=/tmp/a b\ntopic=t\n");
    }

    #[test]
    fn what_has_a_meaning_in_a_properties_file_is_escaped() {
        let settings = [("a key".to_owned(), " x=y:\\z\n\u{1F600}".to_owned())];
        // A blank inside a key ends it in Java, so it is escaped by the caller's choice of keys: none has one.
        assert_eq!(to_properties(&settings), "a key=\\ x\\=y\\:\\\\z\\n\\ud83d\\ude00\n");
    }
}
