//! Which tables are copied, by which task, and what forbids it. Pure.

use crate::identifier::{IdentifierRules, Quoting, TableId};
use millrace_api::{Error, regex::JavaRegex};
use std::collections::BTreeMap;

/// What selects tables.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) whitelist: Vec<String>,
    pub(super) blacklist: Vec<String>,
    pub(super) include: Vec<JavaRegex>,
    pub(super) exclude: Vec<JavaRegex>,
}

impl Selection {
    /// Returns the tables that are selected, in their order.
    pub(super) fn select(&self, tables: Vec<TableId>, rules: IdentifierRules) -> Result<Vec<TableId>, Error> {
        let named = |table: &TableId, names: &[String]| {
            let spellings = [table.unquoted(), table.sql(rules, Quoting::Always), table.name.clone()];
            names.iter().any(|name| spellings.contains(name))
        };
        let matches = |table: &TableId, expressions: &[JavaRegex]| {
            let name = table.unquoted();
            for expression in expressions {
                if expression.matches(&name)? {
                    return Ok(true);
                }
            }
            Ok::<_, Error>(false)
        };
        let mut selected: Vec<TableId> = Vec::new();
        for table in tables {
            let listed = if !self.whitelist.is_empty() {
                named(&table, &self.whitelist)
            } else {
                !named(&table, &self.blacklist)
            };
            let included = self.include.is_empty() || matches(&table, &self.include)?;
            if listed && included && !matches(&table, &self.exclude)? && !selected.contains(&table) {
                selected.push(table);
            }
        }
        Ok(selected)
    }
}

/// Cuts a list into so many runs of neighbours that differ by one at most, the longer ones first.
pub(super) fn groups<T: Clone>(items: &[T], most: usize) -> Vec<Vec<T>> {
    let count = most.min(items.len());
    let mut rest = items;
    let mut groups = Vec::new();
    for left in (1..=count).rev() {
        let (group, others) = rest.split_at(rest.len().div_ceil(left));
        groups.push(group.to_vec());
        rest = others;
    }
    groups
}

/// Returns the tables that have the same bare name, and so the same topic.
pub(super) fn namesakes(tables: &[TableId]) -> Vec<Vec<TableId>> {
    let mut by_name: BTreeMap<&str, Vec<TableId>> = BTreeMap::new();
    for table in tables {
        by_name.entry(&table.name).or_default().push(table.clone());
    }
    by_name.into_values().filter(|tables| tables.len() > 1).collect()
}

/// Cuts the setting `tables` of a task at the commas outside quotes.
pub(super) fn cut(text: &str, rules: IdentifierRules) -> Vec<TableId> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for char in text.chars() {
        quoted ^= char == rules.quote;
        if char == ',' && !quoted {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("there is one from the start").push(char);
        }
    }
    let named = parts.iter().filter(|part| !part.trim().is_empty());
    named.map(|part| TableId::parse(part, rules)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{dialect, url::Product};

    fn rules() -> IdentifierRules {
        dialect::of(Product::PostgreSql).identifiers()
    }

    fn tables(names: &[&str]) -> Vec<TableId> {
        names.iter().map(|name| TableId::parse(name, rules())).collect()
    }

    #[track_caller]
    fn check(selection: Selection, expected: &[&str]) {
        let found =
            selection.select(tables(&["a.customers", "public.offers", "public.orders"]), rules()).unwrap();
        assert_eq!(found, tables(expected));
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn expressions(names: &[&str]) -> Vec<JavaRegex> {
        names.iter().map(|name| JavaRegex::new(name).unwrap()).collect()
    }

    #[test]
    fn tables_are_selected_by_three_spellings_or_by_expressions() {
        check(Selection::default(), &["a.customers", "public.offers", "public.orders"]);
        let whitelist = list(&["public.orders", r#""a"."customers""#]);
        check(Selection { whitelist, ..Selection::default() }, &["a.customers", "public.orders"]);
        check(Selection { whitelist: list(&["orders"]), ..Selection::default() }, &["public.orders"]);
        check(Selection { whitelist: list(&["Orders"]), ..Selection::default() }, &[]);
        check(
            Selection { blacklist: list(&["orders"]), ..Selection::default() },
            &["a.customers", "public.offers"],
        );
        let include = expressions(&[r"public\.o.*"]);
        check(Selection { include, ..Selection::default() }, &["public.offers", "public.orders"]);
        let (include, exclude) = (expressions(&["public.*"]), expressions(&[".*offers"]));
        check(Selection { include, exclude, ..Selection::default() }, &["public.orders"]);
        check(Selection { include: expressions(&["orders"]), ..Selection::default() }, &[]);
    }

    #[test]
    fn tables_are_cut_into_runs() {
        let sizes =
            |count: usize, most| groups(&vec![0; count], most).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(7, 3), [3, 2, 2]);
        assert_eq!(sizes(2, 3), [1, 1]);
        assert_eq!(sizes(0, 3), [0; 0]);
        assert_eq!(groups(&[1, 2, 3], 2), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn namesakes_are_found() {
        assert_eq!(namesakes(&tables(&["a.t", "a.u", "b.t"])), [tables(&["a.t", "b.t"])]);
        assert!(namesakes(&tables(&["a.t", "a.u"])).is_empty());
    }

    #[test]
    fn the_list_of_a_task_is_read_back() {
        let given = tables(&["public.orders", r#""a,b"."c""d""#]);
        let text: Vec<_> = given.iter().map(|table| table.sql(rules(), Quoting::Always)).collect();
        assert_eq!(cut(&text.join(","), rules()), given);
        assert_eq!(cut("", rules()), []);
    }
}
