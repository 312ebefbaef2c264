//! `InsertHeader`: adds the same header to every record.

use jiff::tz::TimeZone;
use millrace_api::{
    Config, Header, Origin, Plugins, Record, Result, Transform,
    config::{Parsed, Setting, Type},
    values,
};

#[derive(Debug, Config)]
struct InsertHeaderConfig {
    /// Name of the header.
    #[config(high)]
    header: Given,

    /// Value of the header; its type is found out from the text, as header converters do.
    #[config(high)]
    value_literal: Given,
}

/// A text, perhaps an empty one, but not null.
#[derive(Debug)]
struct Given(String);

impl Setting for Given {
    const TYPE: Type = Type::String;

    fn from_parsed(parsed: Parsed) -> Result<Self, String> {
        String::from_parsed(parsed).map(Self).map_err(|_| "entry must be non null".to_string())
    }
}

/// The transformation.
struct InsertHeader {
    header: Header,
}

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<InsertHeaderConfig>("org.apache.kafka.connect.transforms.InsertHeader", |config| {
        let value = values::parse(&config.value_literal.0, &TimeZone::system());
        Ok(Box::new(InsertHeader { header: Header { name: config.header.0.into(), value } }))
    });
}

impl Transform for InsertHeader {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        record.headers.push(self.header.clone());
        Ok(Some(record))
    }
}
