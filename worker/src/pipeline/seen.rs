//! The pipeline one step at a time, for somebody who watches. Nothing is tried again, and nothing is tolerated.

use super::{Named, Pipeline, chain::Step};
use millrace_api::{
    Blob, Datum, Error, Header, Origin, RawHeader, Record, Result, SourceRecord, TimestampType,
};
use millrace_kafka::Incoming;

/// What one step made of a record.
#[derive(Debug)]
pub struct Seen {
    /// The setting that puts the step there: `value.converter`, `transforms.route`.
    pub step: String,
    /// The class of the step.
    pub class: String,
    pub state: State,
}

/// A record after a step.
#[derive(Debug)]
pub enum State {
    /// One part of it was decoded.
    Decoded(Datum),
    /// One part of it was encoded.
    Encoded(Option<Blob>),
    /// Its headers were decoded.
    Headers(Vec<Header>),
    /// Its headers were encoded.
    RawHeaders(Vec<RawHeader>),
    /// It was transformed.
    Changed(Box<Record>),
    /// It went through as it was.
    Unchanged,
    /// It ends here, as the transformation wants it.
    Dropped,
    /// It fails here.
    Failed(Error),
}

impl Pipeline {
    /// Takes a consumed message through converters and transformations.
    pub async fn watch_incoming(&mut self, message: Incoming) -> Vec<Seen> {
        let mut seen = Vec::new();
        let Incoming { topic, partition, offset, timestamp, timestamp_type, .. } = message;
        let headers = message.headers.into_iter().map(|(name, value)| RawHeader { name, value });
        let headers: Vec<RawHeader> = headers.collect();
        let converters = &mut self.converters;
        let key = message.key;
        let Some(key) = converters.key.watch_decode("key", &topic, &headers, key, &mut seen).await else {
            return seen;
        };
        let value = message.value;
        let value = converters.value.watch_decode("value", &topic, &headers, value, &mut seen).await;
        let Some(value) = value else { return seen };
        let Some(headers) = converters.header.watch_decode_headers(&topic, &headers, &mut seen) else {
            return seen;
        };
        let record = Record {
            topic: Some(topic.clone()),
            partition: Some(partition),
            key,
            value,
            headers,
            timestamp: timestamp.filter(|time| *time >= 0),
            timestamp_type: if timestamp.is_some() { timestamp_type } else { TimestampType::None },
        };
        self.watch_chain(record, &Origin::Sink { topic, partition, offset }, &mut seen);
        seen
    }

    /// Takes a polled record through transformations and converters.
    pub async fn watch_outgoing(&mut self, polled: SourceRecord) -> Vec<Seen> {
        let mut seen = Vec::new();
        let Some(record) = polled.record else { return seen };
        let Some(record) = self.watch_chain(record, &Origin::Source(polled.origin), &mut seen) else {
            return seen;
        };
        let converters = &mut self.converters;
        let topic = record.topic.as_deref().unwrap_or_default();
        let Some(mut headers) = converters.header.watch_encode_headers(topic, &record.headers, &mut seen)
        else {
            return seen;
        };
        for (part, converter, datum) in
            [("key", &mut converters.key, &record.key), ("value", &mut converters.value, &record.value)]
        {
            if !converter.watch_encode(part, topic, &mut headers, datum, &mut seen).await {
                break;
            }
        }
        seen
    }

    fn watch_chain(&mut self, record: Record, origin: &Origin, seen: &mut Vec<Seen>) -> Option<Record> {
        let mut record = record;
        for step in &mut self.chain {
            let Step { alias, class, .. } = step;
            let (name, class) = (format!("transforms.{alias}"), class.to_string());
            let before = record.clone();
            let (state, after) = match step.apply(record, origin) {
                Ok(Some(after)) if after == before => (State::Unchanged, Some(after)),
                Ok(Some(after)) => (State::Changed(Box::new(after.clone())), Some(after)),
                Ok(None) => (State::Dropped, None),
                Err(error) => (State::Failed(error), None),
            };
            seen.push(Seen { step: name, class, state });
            record = after?;
        }
        Some(record)
    }
}

impl Named {
    async fn watch_decode(
        &mut self,
        part: &str,
        topic: &str,
        headers: &[RawHeader],
        bytes: Option<Blob>,
        seen: &mut Vec<Seen>,
    ) -> Option<Datum> {
        let bytes = [bytes];
        let decoded = match self.converter.prepare_decode(topic, &bytes).await {
            Ok(()) => self.converter.decode(topic, headers, bytes[0].as_ref()),
            Err(error) => Err(error),
        };
        self.note(part, decoded, |datum| State::Decoded(datum.clone()), seen)
    }

    async fn watch_encode(
        &mut self,
        part: &str,
        topic: &str,
        headers: &mut Vec<RawHeader>,
        datum: &Datum,
        seen: &mut Vec<Seen>,
    ) -> bool {
        let encoded = match self.converter.prepare_encode(topic, &[datum]).await {
            Ok(()) => self.converter.encode(topic, headers, datum),
            Err(error) => Err(error),
        };
        self.note(part, encoded, |bytes| State::Encoded(bytes.clone()), seen).is_some()
    }

    fn watch_decode_headers(
        &mut self,
        topic: &str,
        headers: &[RawHeader],
        seen: &mut Vec<Seen>,
    ) -> Option<Vec<Header>> {
        let decode = |header: &RawHeader| {
            let value = self.converter.decode_header(topic, &header.name, header.value.as_ref())?;
            Ok(Header { name: header.name.clone(), value })
        };
        let decoded: Result<Vec<Header>> = headers.iter().map(decode).collect();
        match decoded {
            Ok(none) if none.is_empty() => Some(none),
            decoded => self.note("header", decoded, |headers| State::Headers(headers.clone()), seen),
        }
    }

    fn watch_encode_headers(
        &mut self,
        topic: &str,
        headers: &[Header],
        seen: &mut Vec<Seen>,
    ) -> Option<Vec<RawHeader>> {
        let encode = |header: &Header| {
            let value = self.converter.encode_header(topic, &header.name, &header.value)?;
            Ok(RawHeader { name: header.name.clone(), value })
        };
        let encoded: Result<Vec<RawHeader>> = headers.iter().map(encode).collect();
        match encoded {
            Ok(none) if none.is_empty() => Some(none),
            encoded => self.note("header", encoded, |headers| State::RawHeaders(headers.clone()), seen),
        }
    }

    fn note<T>(
        &self,
        part: &str,
        result: Result<T>,
        shown: impl FnOnce(&T) -> State,
        seen: &mut Vec<Seen>,
    ) -> Option<T> {
        let (state, value) = match result {
            Ok(value) => (shown(&value), Some(value)),
            Err(error) => (State::Failed(error), None),
        };
        seen.push(Seen { step: format!("{part}.converter"), class: self.class.to_string(), state });
        value
    }
}
