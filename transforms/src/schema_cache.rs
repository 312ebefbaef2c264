//! Rebuilt schemas, so that equal input schemas give the same output schema.

use millrace_api::{Result, Schema};
use std::{collections::VecDeque, sync::Arc};

/// How many schemas are kept, as in Connect.
const SCHEMAS_MAX: usize = 16;

/// Output schemas, or plans that hold one, by input schema, the most recently used first.
#[derive(Debug)]
pub struct SchemaCache<P> {
    entries: VecDeque<(Arc<Schema>, P)>,
}

impl<P> Default for SchemaCache<P> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<P> SchemaCache<P> {
    /// Returns what was built of an input schema, building it when no equal one was seen lately.
    pub fn get_or_build(
        &mut self,
        input: &Arc<Schema>,
        build: impl FnOnce(&Arc<Schema>) -> Result<P>,
    ) -> Result<&P> {
        // Schemas are compared by pointer first: a batch nearly always shares one.
        let same = self.entries.iter().position(|(seen, _)| Arc::ptr_eq(seen, input));
        let found = same.or_else(|| self.entries.iter().position(|(seen, _)| seen == input));
        if let Some(index) = found {
            if index > 0
                && let Some(entry) = self.entries.remove(index)
            {
                self.entries.push_front(entry);
            }
            return Ok(&self.entries[0].1);
        }
        let output = build(input)?;
        self.entries.truncate(SCHEMAS_MAX - 1);
        self.entries.push_front((input.clone(), output));
        Ok(&self.entries[0].1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn named(name: usize) -> Arc<Schema> {
        Arc::new(Schema::clone(&Schema::string()).named(name.to_string()))
    }

    fn get(cache: &mut SchemaCache<Arc<Schema>>, name: usize) -> Arc<Schema> {
        let build = |input: &Arc<Schema>| Ok(Arc::new(Schema::clone(input).optional()));
        cache.get_or_build(&named(name), build).unwrap().clone()
    }

    #[test]
    fn equal_schemas_give_the_same_schema() {
        let mut cache = SchemaCache::default();
        let first = get(&mut cache, 1);
        get(&mut cache, 2);
        assert!(Arc::ptr_eq(&first, &get(&mut cache, 1)));
        assert!(first.optional && first.name.as_deref() == Some("1"));
    }

    #[test]
    fn the_least_recently_used_schema_goes() {
        let mut cache = SchemaCache::default();
        let (first, second) = (get(&mut cache, 0), get(&mut cache, 1));
        (2..SCHEMAS_MAX).for_each(|name| drop(get(&mut cache, name)));
        assert!(Arc::ptr_eq(&first, &get(&mut cache, 0)));
        get(&mut cache, SCHEMAS_MAX);
        assert!(Arc::ptr_eq(&first, &get(&mut cache, 0)));
        assert!(!Arc::ptr_eq(&second, &get(&mut cache, 1)));
        assert_eq!(cache.entries.len(), SCHEMAS_MAX);
    }

    #[test]
    fn what_cannot_be_built_is_not_kept() {
        let mut cache = SchemaCache::<Arc<Schema>>::default();
        let failed = cache.get_or_build(&named(1), |_| Err(millrace_api::Error::data("no")));
        assert!(failed.is_err() && cache.entries.is_empty());
    }
}
