//! A connector's transformations, applied to one record.

use crate::{
    page::{self, Page},
    record,
};
use millrace_api::{Plugins, Properties, Role};

/// Returns what the chain of a page's example makes of its record.
pub fn example(plugins: &Plugins, page: &Page<'_>) -> String {
    let settings = &page.settings;
    let (mut record, origin) = record::read(plugins, &page.input);
    for alias in settings.get("transforms").unwrap().split(',') {
        let own = under(settings, &format!("transforms.{alias}."));
        if let Some(name) = own.get("predicate") {
            let condition = under(settings, &format!("predicates.{name}."));
            let class = condition.get("type").unwrap();
            let mut predicate = plugins.find_predicate(class).unwrap().make(&condition, Role::Value).unwrap();
            let is_negated = own.get("negate") == Some("true");
            if predicate.test(&record, &origin).unwrap() == is_negated {
                continue;
            }
        }
        let factory = plugins.find_transform(own.get("type").unwrap()).unwrap();
        let transformed = factory.make(&own, Role::Value).unwrap().apply(record, &origin).unwrap();
        let Some(left) = transformed else { return "Nothing: the record is dropped.\n".to_owned() };
        record = left;
    }
    page::block(&record::show(plugins, &record))
}

/// Returns the settings under a prefix, without it.
fn under(settings: &Properties, prefix: &str) -> Properties {
    settings
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix(prefix)?.to_owned(), text?.to_owned())))
        .collect()
}
