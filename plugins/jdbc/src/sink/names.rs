//! From a topic's name to its table's.

use super::error::RowError;
use std::collections::BTreeMap;

/// How tables are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableNames {
    /// `table.name.format`.
    pub format: String,
    /// Whether `table.name.normalize` replaces what is no letter, digit or underscore.
    pub characters: Characters,
    /// `topics.to.tables.mapping`, which wins over the format.
    pub mapping: BTreeMap<String, String>,
}

/// What becomes of unusual characters in a topic's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Characters {
    Kept,
    Normalized,
}

impl TableNames {
    /// Returns the name as a user would write it, still to be split into catalog, schema and name.
    pub fn table_of(&self, topic: &str) -> Result<String, RowError> {
        if let Some(table) = self.mapping.get(topic) {
            return Ok(table.clone());
        }
        let topic_part = match self.characters {
            Characters::Kept => topic.to_string(),
            Characters::Normalized => topic.chars().map(normalized).collect(),
        };
        let table = self.format.replace("${topic}", &topic_part);
        if table.trim().is_empty() {
            let (topic, format) = (topic.to_string(), self.format.clone());
            return Err(RowError::EmptyTableName { topic, format });
        }
        Ok(table)
    }
}

fn normalized(character: char) -> char {
    if character.is_ascii_alphanumeric() || character == '_' { character } else { '_' }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
    use super::*;

    #[track_caller]
    fn check(format: &str, characters: Characters, topic: &str, table: &str) {
        let mapping = BTreeMap::from([("mapped.topic".to_string(), "other_table".to_string())]);
        let names = TableNames { format: format.to_string(), characters, mapping };
        assert_eq!(names.table_of(topic).unwrap(), table);
    }

    #[test]
    fn the_topic_takes_its_place_in_the_format() {
        check("${topic}", Characters::Kept, "orders", "orders");
        check("kafka_${topic}", Characters::Kept, "orders", "kafka_orders");
        check("${topic}_${topic}", Characters::Kept, "a", "a_a");
        check("public.${topic}", Characters::Kept, "a.b", "public.a.b");
        check("fixed", Characters::Kept, "orders", "fixed");
    }

    #[test]
    fn a_mapped_topic_has_its_own_table() {
        check("${topic}", Characters::Kept, "mapped.topic", "other_table");
    }

    #[test]
    fn normalizing_replaces_all_but_letters_digits_and_underscores() {
        check("p.${topic}", Characters::Normalized, "a.b-c_1ü", "p.a_b_c_1_");
    }

    #[test]
    fn an_empty_name_is_an_error() {
        let names =
            TableNames { format: " ".to_string(), characters: Characters::Kept, mapping: BTreeMap::new() };
        let text = "Destination table name for topic 't' is empty using the format string ' '";
        assert_eq!(names.table_of("t").unwrap_err().to_string(), text);
    }
}
