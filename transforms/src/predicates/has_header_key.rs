//! `HasHeaderKey`: true of records that have a header of a name, whatever its value.

use millrace_api::{Config, Origin, Plugins, Predicate, Record, Result, config::non_empty};

#[derive(Debug, Config)]
struct HasHeaderKeyConfig {
    /// Name of the header.
    #[config(check = non_empty())]
    name: String,
}

/// The predicate.
struct HasHeaderKey {
    name: String,
}

/// Adds the predicate.
pub(super) fn register(plugins: &mut Plugins) {
    plugins.predicate::<HasHeaderKeyConfig>(
        "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
        |config| Ok(Box::new(HasHeaderKey { name: config.name })),
    );
}

impl Predicate for HasHeaderKey {
    fn test(&mut self, record: &Record, _: &Origin) -> Result<bool> {
        Ok(record.headers.iter().any(|header| *header.name == *self.name))
    }
}
