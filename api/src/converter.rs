//! Converters: between the data model and the bytes in Kafka.

use crate::{Blob, Datum, Result};
use async_trait::async_trait;
use std::sync::Arc;

/// What a converter is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Keys of records.
    Key,
    /// Values of records.
    Value,
    /// Headers of records.
    Header,
}

impl Role {
    /// Returns the text of the setting `converter.type`: `key`, `value` or `header`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
            Self::Header => "header",
        }
    }
}

/// A header as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawHeader {
    /// The name.
    pub name: Arc<str>,
    /// The bytes; none for null.
    pub value: Option<Blob>,
}

/// Turns values into bytes and back; one instance for each task and role, used by one at a time.
///
/// Null is an absent blob both ways. Errors of single records should be
/// [`Error::data`](crate::Error::data): what is tolerated is decided by the worker.
#[async_trait]
pub trait Converter: Send + 'static {
    /// Fetches what decoding these bytes will need (schemas, for example), once for each batch, so that decoding
    /// never waits.
    async fn prepare_decode(&mut self, _topic: &str, _batch: &[Option<Blob>]) -> Result<()> {
        Ok(())
    }

    /// Fetches or registers what encoding these values will need, once for each batch and topic.
    async fn prepare_encode(&mut self, _topic: &str, _batch: &[&Datum]) -> Result<()> {
        Ok(())
    }

    /// Turns a value into bytes; may add headers to the record.
    fn encode(&mut self, topic: &str, headers: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>>;

    /// Turns bytes into a value.
    fn decode(&mut self, topic: &str, headers: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum>;

    /// Turns a header's value into bytes.
    fn encode_header(&mut self, topic: &str, _name: &str, datum: &Datum) -> Result<Option<Blob>> {
        self.encode(topic, &mut Vec::new(), datum)
    }

    /// Turns a header's bytes into a value.
    fn decode_header(&mut self, topic: &str, _name: &str, bytes: Option<&Blob>) -> Result<Datum> {
        self.decode(topic, &[], bytes)
    }

    /// Turns a batch into bytes, one result for each; a converter behind a border overrides it to cross once.
    fn encode_batch(
        &mut self,
        batch: &mut dyn Iterator<Item = (&str, &mut Vec<RawHeader>, &Datum)>,
    ) -> Vec<Result<Option<Blob>>> {
        batch.map(|(topic, headers, datum)| self.encode(topic, headers, datum)).collect()
    }

    /// Turns a batch into values, one result for each.
    fn decode_batch(
        &mut self,
        batch: &mut dyn Iterator<Item = (&str, &[RawHeader], Option<&Blob>)>,
    ) -> Vec<Result<Datum>> {
        batch.map(|(topic, headers, bytes)| self.decode(topic, headers, bytes)).collect()
    }
}
