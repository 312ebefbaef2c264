//! `Filter`: drops every record that it is given; a predicate says which those are.

use millrace_api::{Origin, Plugins, Record, Result, Transform};

/// The transformation.
struct Filter;

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<()>("org.apache.kafka.connect.transforms.Filter", |()| Ok(Box::new(Filter)));
}

impl Transform for Filter {
    fn apply(&mut self, _: Record, _: &Origin) -> Result<Option<Record>> {
        Ok(None)
    }
}
