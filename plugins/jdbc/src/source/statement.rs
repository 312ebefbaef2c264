//! The statements of each mode, with the texts and the order of parameters of the reference. Pure.

use crate::{
    cell::{Cell, Moment},
    dialect::Dialect,
    identifier::{Quoting, TableId},
};

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Table(TableId),
    /// The user's own SELECT.
    Query(String),
}

/// The columns that tell what is new; none of either reads everything each time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) timestamps: Vec<String>,
    pub(super) incrementing: Option<String>,
}

/// How statements are written.
#[derive(Clone, Copy)]
pub(super) struct Style<'a> {
    pub(super) dialect: &'a dyn Dialect,
    pub(super) quoting: Quoting,
    /// What the user wants behind each statement.
    pub(super) suffix: &'a str,
}

/// Where reading begins, and where it ends where the clock says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    pub(super) begin: Moment,
    pub(super) end: Moment,
    pub(super) id: i64,
}

impl Style<'_> {
    /// Returns the text of a table or query.
    pub(super) fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Table(table) => table.sql(self.dialect.identifiers(), self.quoting),
            Subject::Query(query) => query.clone(),
        }
    }

    /// Returns the statement that reads what is new.
    pub(super) fn select(&self, subject: &Subject, progress: &Progress) -> String {
        let mut sql = match subject {
            Subject::Table(_) => format!("SELECT * FROM {}", self.subject(subject)),
            Subject::Query(query) => query.trim().trim_end_matches(';').to_string(),
        };
        let stamp = self.timestamp(subject, progress);
        let id = progress.incrementing.as_deref().map(|column| self.column(subject, column));
        let p = |number| self.dialect.placeholder(number);
        match (stamp, id) {
            (None, None) => {}
            (None, Some(id)) => sql.push_str(&format!(" WHERE {id} > {} ORDER BY {id} ASC", p(1))),
            (Some(stamp), None) => sql.push_str(&format!(
                " WHERE {stamp} > {} AND {stamp} < {} ORDER BY {stamp} ASC",
                p(1),
                p(2)
            )),
            (Some(stamp), Some(id)) => sql.push_str(&format!(
                " WHERE {stamp} < {} AND (({stamp} = {} AND {id} > {}) OR {stamp} > {}) ORDER BY {stamp},{id} ASC",
                p(1),
                p(2),
                p(3),
                p(4)
            )),
        }
        if !self.suffix.is_empty() {
            sql.push(' ');
            sql.push_str(self.suffix);
        }
        sql
    }

    fn timestamp(&self, subject: &Subject, progress: &Progress) -> Option<String> {
        let columns: Vec<_> = progress.timestamps.iter().map(|column| self.column(subject, column)).collect();
        match columns.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            more => Some(format!("COALESCE({})", more.join(","))),
        }
    }

    /// In a table, a column is written with all that qualifies it; in a query nobody knows of which table it is.
    fn column(&self, subject: &Subject, column: &str) -> String {
        let name = self.dialect.identifiers().write(column, self.quoting);
        match subject {
            Subject::Table(_) => format!("{}.{name}", self.subject(subject)),
            Subject::Query(_) => name,
        }
    }
}

impl Progress {
    /// Returns the parameters of [`Style::select`] in their order.
    pub(super) fn parameters(&self, bounds: Bounds) -> Vec<Cell<'static>> {
        let Bounds { begin, end, id } = bounds;
        let (begin, end, id) = (Cell::Instant(begin), Cell::Instant(end), Cell::Integer(id));
        match (self.timestamps.is_empty(), &self.incrementing) {
            (true, None) => vec![],
            (true, Some(_)) => vec![id],
            (false, None) => vec![begin, end],
            (false, Some(_)) => vec![end, begin.clone(), id, begin],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect, url::Product};

    #[track_caller]
    fn check(product: Product, subject: Subject, progress: (&[&str], Option<&str>), expected: &str) {
        let style = Style { dialect: dialect::of(product), quoting: Quoting::Always, suffix: "" };
        let timestamps = progress.0.iter().map(|column| column.to_string()).collect();
        let progress = Progress { timestamps, incrementing: progress.1.map(str::to_string) };
        assert_eq!(style.select(&subject, &progress), expected);
        let places = expected.matches(['?', '$']).count();
        let bounds = Bounds { begin: Moment::default(), end: Moment::default(), id: -1 };
        assert_eq!(progress.parameters(bounds).len(), places);
    }

    fn orders(product: Product) -> Subject {
        let text = if product == Product::PostgreSql { "public.orders" } else { "shop.orders" };
        Subject::Table(TableId::parse(text, dialect::of(product).identifiers()))
    }

    #[test]
    fn each_mode_has_its_statement() {
        let table = || orders(Product::PostgreSql);
        check(Product::PostgreSql, table(), (&[], None), r#"SELECT * FROM "public"."orders""#);
        check(
            Product::PostgreSql,
            table(),
            (&[], Some("id")),
            r#"SELECT * FROM "public"."orders" WHERE "public"."orders"."id" > $1 ORDER BY "public"."orders"."id" ASC"#,
        );
        check(
            Product::MySql,
            orders(Product::MySql),
            (&["a", "b"], None),
            "SELECT * FROM `shop`.`orders` WHERE COALESCE(`shop`.`orders`.`a`,`shop`.`orders`.`b`) > ? AND \
             COALESCE(`shop`.`orders`.`a`,`shop`.`orders`.`b`) < ? ORDER BY COALESCE(`shop`.`orders`.`a`,`shop`.`orders`.`b`) ASC",
        );
        check(
            Product::PostgreSql,
            table(),
            (&["updated_at"], Some("id")),
            r#"SELECT * FROM "public"."orders" WHERE "public"."orders"."updated_at" < $1 AND (("public"."orders"."updated_at" = $2 AND "public"."orders"."id" > $3) OR "public"."orders"."updated_at" > $4) ORDER BY "public"."orders"."updated_at","public"."orders"."id" ASC"#,
        );
    }

    #[test]
    fn a_query_is_taken_as_it_is() {
        let query = || Subject::Query("SELECT a.id FROM a JOIN b ON a.x = b.x; ".to_string());
        check(
            Product::Sqlite,
            query(),
            (&[], Some("id")),
            r#"SELECT a.id FROM a JOIN b ON a.x = b.x WHERE "id" > ? ORDER BY "id" ASC"#,
        );
        let style =
            Style { dialect: dialect::of(Product::Sqlite), quoting: Quoting::Never, suffix: "LIMIT 5" };
        let progress = Progress { timestamps: vec![], incrementing: Some("id".to_string()) };
        let expected = "SELECT a.id FROM a JOIN b ON a.x = b.x WHERE id > ? ORDER BY id ASC LIMIT 5";
        assert_eq!(style.select(&query(), &progress), expected);
    }
}
