//! `DropHeaders`: removes headers by name.

use crate::checks::non_empty_list;
use millrace_api::{Config, Origin, Plugins, Record, Result, Transform};
use std::collections::HashSet;

#[derive(Debug, Config)]
struct DropHeadersConfig {
    /// Names of the headers to remove, all of each name.
    #[config(high, check = non_empty_list())]
    headers: Vec<String>,
}

/// The transformation.
struct DropHeaders {
    names: HashSet<String>,
}

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<DropHeadersConfig>("org.apache.kafka.connect.transforms.DropHeaders", |config| {
        Ok(Box::new(DropHeaders { names: config.headers.into_iter().collect() }))
    });
}

impl Transform for DropHeaders {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        record.headers.retain(|header| !self.names.contains(header.name.as_ref()));
        Ok(Some(record))
    }
}
