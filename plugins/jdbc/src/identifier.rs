//! Names of tables and columns: how users write them, and how SQL and offsets do. Pure.

/// A table of a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableId {
    pub(crate) catalog: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

/// How a database writes names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdentifierRules {
    pub(crate) quote: char,
    /// What the first of two parts is.
    pub(crate) qualifier: Qualifier,
    /// The most bytes of a name, where the server cuts longer ones silently.
    pub(crate) bytes_max: Option<usize>,
}

/// What stands before a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qualifier {
    Schema,
    Catalog,
}

/// Whether names are quoted in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    Always,
    Never,
}

impl TableId {
    /// Returns a table that is named by nothing but its name.
    pub(crate) fn bare(name: impl Into<String>) -> Self {
        Self { catalog: None, schema: None, name: name.into() }
    }

    /// Returns the name with what qualifies it, as offsets and regular expressions see it: `public.orders`.
    pub(crate) fn unquoted(&self) -> String {
        self.parts().collect::<Vec<_>>().join(".")
    }

    /// Returns the text that stands for the table in SQL.
    pub(crate) fn sql(&self, rules: IdentifierRules, quoting: Quoting) -> String {
        let parts = self.parts().map(|part| rules.write(part, quoting));
        parts.collect::<Vec<_>>().join(".")
    }

    /// Reads a name that a user wrote, its parts quoted or not.
    pub(crate) fn parse(text: &str, rules: IdentifierRules) -> Self {
        let mut parts = rules.split(text);
        let mut name = parts.pop().unwrap_or_default();
        if let Some(max) = rules.bytes_max {
            cut(&mut name, max);
        }
        let (mut catalog, mut schema) = (None, None);
        match (parts.len(), rules.qualifier) {
            (0, _) => {}
            (1, Qualifier::Schema) => schema = parts.pop(),
            (1, Qualifier::Catalog) => catalog = parts.pop(),
            _ => {
                schema = parts.pop();
                catalog = parts.pop();
            }
        }
        Self { catalog, schema, name }
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        [self.catalog.as_deref(), self.schema.as_deref(), Some(self.name.as_str())].into_iter().flatten()
    }
}

impl IdentifierRules {
    /// Writes one name for SQL. A quote inside a quoted name is doubled.
    pub(crate) fn write(self, name: &str, quoting: Quoting) -> String {
        let quote = self.quote;
        match quoting {
            Quoting::Never => name.to_string(),
            Quoting::Always => {
                let doubled = name.replace(quote, &format!("{quote}{quote}"));
                format!("{quote}{doubled}{quote}")
            }
        }
    }

    /// Cuts a text at the points outside quotes, and takes the quotes off.
    fn split(self, text: &str) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut quoted = false;
        let mut chars = text.trim().chars().peekable();
        while let Some(char) = chars.next() {
            let last = parts.last_mut().expect("there is one from the start");
            match char {
                _ if char == self.quote && quoted && chars.peek() == Some(&char) => {
                    chars.next();
                    last.push(char);
                }
                _ if char == self.quote => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                _ => last.push(char),
            }
        }
        parts
    }
}

/// Shortens a name to so many bytes, never inside a character.
fn cut(name: &mut String, bytes_max: usize) {
    if name.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMAS: IdentifierRules =
        IdentifierRules { quote: '"', qualifier: Qualifier::Schema, bytes_max: Some(63) };
    const CATALOGS: IdentifierRules =
        IdentifierRules { quote: '`', qualifier: Qualifier::Catalog, bytes_max: None };

    #[track_caller]
    fn check(text: &str, rules: IdentifierRules, sql: &str, unquoted: &str) {
        let table = TableId::parse(text, rules);
        assert_eq!(
            (table.sql(rules, Quoting::Always), table.unquoted()),
            (sql.to_string(), unquoted.to_string())
        );
        assert_eq!(TableId::parse(sql, rules), table);
    }

    #[test]
    fn names_are_read_and_written() {
        check("orders", SCHEMAS, r#""orders""#, "orders");
        check("public.orders", SCHEMAS, r#""public"."orders""#, "public.orders");
        check(r#""public"."a.b""#, SCHEMAS, r#""public"."a.b""#, "public.a.b");
        check(r#"shop.public."a""b""#, SCHEMAS, r#""shop"."public"."a""b""#, r#"shop.public.a"b"#);
        check("shop.orders", CATALOGS, "`shop`.`orders`", "shop.orders");
        check("`bücher regal`", CATALOGS, "`bücher regal`", "bücher regal");
        let never = TableId::parse("public.orders", SCHEMAS).sql(SCHEMAS, Quoting::Never);
        assert_eq!(never, "public.orders");
    }

    #[test]
    fn two_parts_are_a_schema_or_a_catalog() {
        assert_eq!(TableId::parse("a.b", SCHEMAS).schema.as_deref(), Some("a"));
        assert_eq!(TableId::parse("a.b", CATALOGS).catalog.as_deref(), Some("a"));
    }

    #[test]
    fn long_names_are_cut_where_the_server_cuts_them() {
        let table = TableId::parse(&"ä".repeat(40), SCHEMAS);
        assert_eq!(table.name, "ä".repeat(31));
    }
}
