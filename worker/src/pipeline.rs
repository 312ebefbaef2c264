//! What happens to records between a connector and Kafka: transformations and converters, a batch at a time.

mod build;

pub use build::Pipeline;

use millrace_api::{
    Blob, Converter, Datum, Error, Header, Origin, Predicate, RawHeader, Record, Result, SinkRecord,
    SourceRecord, TimestampType, Transform,
};
use millrace_kafka::{Incoming, Outgoing};
use std::{borrow::Cow, collections::VecDeque, sync::Arc};

/// One transformation of the chain.
pub struct Step {
    class: Cow<'static, str>,
    transform: Box<dyn Transform>,
    guard: Option<Guard>,
}

/// When a transformation applies.
struct Guard {
    predicate: Box<dyn Predicate>,
    applies: When,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    True,
    False,
}

/// The converters of one task.
struct Converters {
    key: Box<dyn Converter>,
    value: Box<dyn Converter>,
    header: Box<dyn Converter>,
}

/// A record on its way through the chain.
struct Traveller {
    record: Record,
    origin: Origin,
    /// Its place in the batch it came with.
    index: usize,
}

/// What Kafka takes of a batch.
pub struct Converted {
    /// The records, in order.
    pub records: VecDeque<Outgoing>,
    /// For each of them its place in the batch that was polled.
    pub indexes: Vec<usize>,
}

// === source direction ===

impl Pipeline {
    /// Turns polled records into what Kafka takes, in order. Records that a transformation drops are missing.
    ///
    /// Takes the records out of `batch` and leaves the places they came from.
    pub async fn outgoing(&mut self, batch: &mut [SourceRecord]) -> Result<Converted> {
        let polled = batch.iter_mut().enumerate();
        // Without transformations nobody asks where a record came from.
        let (records, indexes): (Vec<Record>, Vec<usize>) = if self.chain.is_empty() {
            polled.filter_map(|(index, polled)| Some((polled.record.take()?, index))).unzip()
        } else {
            let travellers = polled.filter_map(|(index, polled)| {
                let origin = Origin::Source(polled.origin.clone());
                Some(Traveller { record: polled.record.take()?, origin, index })
            });
            let travellers = travellers.collect();
            self.transform(travellers)?.into_iter().map(|through| (through.record, through.index)).unzip()
        };
        self.prepare_encode(&records).await?;
        Ok(Converted { records: self.encode(records)?, indexes })
    }

    async fn prepare_encode(&mut self, records: &[Record]) -> Result<()> {
        let mut rest = records;
        while let Some(topic) = rest.first().map(|record| record.topic.clone()) {
            let end = rest.iter().position(|record| record.topic != topic).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            let topic = topic.as_deref().unwrap_or_default();
            let keys: Vec<&Datum> = run.iter().map(|record| &record.key).collect();
            self.converters.key.prepare_encode(topic, &keys).await?;
            let values: Vec<&Datum> = run.iter().map(|record| &record.value).collect();
            self.converters.value.prepare_encode(topic, &values).await?;
            rest = behind;
        }
        Ok(())
    }

    fn encode(&mut self, records: Vec<Record>) -> Result<VecDeque<Outgoing>> {
        let mut headers = Vec::with_capacity(records.len());
        for record in &records {
            headers.push(self.encode_headers(record)?);
        }
        let Converters { key, value, .. } = &mut self.converters;
        let topics = || records.iter().map(|record| record.topic.as_deref().unwrap_or_default());
        let data = topics().zip(&mut headers).zip(&records);
        let keys =
            key.encode_batch(&mut data.map(|((topic, headers), record)| (topic, headers, &record.key)));
        let data = topics().zip(&mut headers).zip(&records);
        let values =
            value.encode_batch(&mut data.map(|((topic, headers), record)| (topic, headers, &record.value)));
        let encoded = records.iter().zip(headers).zip(keys.into_iter().zip(values));
        encoded
            .map(|((record, headers), (key, value))| {
                let topic = record.topic.clone().ok_or_else(no_topic)?;
                Ok(Outgoing {
                    topic,
                    partition: record.partition,
                    timestamp: timestamp(record.timestamp)?,
                    key: key.map_err(intolerable)?.as_ref().map(Blob::to_bytes),
                    value: value.map_err(intolerable)?.as_ref().map(Blob::to_bytes),
                    headers: headers
                        .into_iter()
                        .map(|header| (header.name, header.value.as_ref().map(Blob::to_bytes)))
                        .collect(),
                })
            })
            .collect()
    }

    fn encode_headers(&mut self, record: &Record) -> Result<Vec<RawHeader>> {
        let topic = record.topic.as_deref().unwrap_or_default();
        let encode = |header: &Header| {
            let value = self.converters.header.encode_header(topic, &header.name, &header.value);
            Ok(RawHeader { name: header.name.clone(), value: value.map_err(intolerable)? })
        };
        record.headers.iter().map(encode).collect()
    }
}

// === sink direction ===

/// Consumed messages by column, so that a converter sees one contiguous batch.
struct Columns {
    places: Vec<Place>,
    keys: Vec<Option<Blob>>,
    values: Vec<Option<Blob>>,
    headers: Vec<Vec<RawHeader>>,
}

struct Place {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: TimestampType,
}

impl Columns {
    fn of(messages: Vec<Incoming>) -> Self {
        let count = messages.len();
        let mut columns = Self {
            places: Vec::with_capacity(count),
            keys: Vec::with_capacity(count),
            values: Vec::with_capacity(count),
            headers: Vec::with_capacity(count),
        };
        for message in messages {
            let Incoming { topic, partition, offset, timestamp, timestamp_type, .. } = message;
            columns.places.push(Place { topic, partition, offset, timestamp, timestamp_type });
            columns.keys.push(message.key);
            columns.values.push(message.value);
            let headers = message.headers.into_iter();
            columns.headers.push(headers.map(|(name, value)| RawHeader { name, value }).collect());
        }
        columns
    }

    fn column<'a>(
        &'a self,
        data: &'a [Option<Blob>],
    ) -> impl Iterator<Item = (&'a str, &'a [RawHeader], Option<&'a Blob>)> {
        let rows = self.places.iter().zip(&self.headers).zip(data);
        rows.map(|((place, headers), bytes)| (place.topic.as_ref(), headers.as_slice(), bytes.as_ref()))
    }
}

impl Pipeline {
    /// Turns consumed messages into records for the sink, in order. Records that a transformation drops are missing.
    pub async fn incoming(&mut self, messages: Vec<Incoming>) -> Result<Vec<SinkRecord>> {
        let columns = Columns::of(messages);
        self.prepare_decode(&columns).await?;
        let keys = self.converters.key.decode_batch(&mut columns.column(&columns.keys));
        let values = self.converters.value.decode_batch(&mut columns.column(&columns.values));
        let rows = columns.places.into_iter().zip(columns.headers).zip(keys.into_iter().zip(values));
        let mut records = Vec::with_capacity(rows.len());
        for ((place, headers), (key, value)) in rows {
            let (key, value) = (key.map_err(intolerable)?, value.map_err(intolerable)?);
            let headers = self.decode_headers(&place.topic, headers)?;
            let Place { topic, partition, offset, timestamp_type, .. } = place;
            let timestamp = timestamp(place.timestamp)?;
            let (named, at) = (Some(topic.clone()), Some(partition));
            let record =
                Record { topic: named, partition: at, key, value, headers, timestamp, timestamp_type };
            records.push(SinkRecord { record, topic, partition, offset });
        }
        if self.chain.is_empty() {
            return Ok(records);
        }
        let travellers = records.into_iter().enumerate().map(|(index, read)| {
            let SinkRecord { record, topic, partition, offset } = read;
            Traveller { record, origin: Origin::Sink { topic, partition, offset }, index }
        });
        let through = self.transform(travellers.collect())?;
        Ok(through.into_iter().filter_map(sink_record).collect())
    }

    async fn prepare_decode(&mut self, columns: &Columns) -> Result<()> {
        let mut start = 0;
        while let Some(Place { topic, .. }) = columns.places.get(start) {
            let run = columns.places[start..].iter().take_while(|place| place.topic == *topic).count();
            let rows = start..start + run;
            self.converters.key.prepare_decode(topic, &columns.keys[rows.clone()]).await?;
            self.converters.value.prepare_decode(topic, &columns.values[rows]).await?;
            start += run;
        }
        Ok(())
    }

    fn decode_headers(&mut self, topic: &str, headers: Vec<RawHeader>) -> Result<Vec<Header>> {
        let decode = |header: RawHeader| {
            let value = self.converters.header.decode_header(topic, &header.name, header.value.as_ref());
            Ok(Header { name: header.name, value: value.map_err(intolerable)? })
        };
        headers.into_iter().map(decode).collect()
    }
}

fn sink_record(Traveller { record, origin, .. }: Traveller) -> Option<SinkRecord> {
    match origin {
        Origin::Sink { topic, partition, offset } => Some(SinkRecord { record, topic, partition, offset }),
        Origin::Source(_) => None,
    }
}

// === the chain ===

impl Pipeline {
    fn transform(&mut self, mut travellers: Vec<Traveller>) -> Result<Vec<Traveller>> {
        for step in &mut self.chain {
            travellers = step.apply(travellers).map_err(intolerable)?;
        }
        Ok(travellers)
    }
}

impl Step {
    fn apply(&mut self, travellers: Vec<Traveller>) -> Result<Vec<Traveller>> {
        let Some(guard) = &mut self.guard else {
            return self.apply_all(travellers);
        };
        let predicate = guard.predicate.as_mut();
        let tested = predicate.test_batch(&mut travellers.iter().map(|one| (&one.record, &one.origin)));
        let applies = guard.applies == When::True;
        let (mut chosen, mut rest) = (Vec::new(), Vec::new());
        for (traveller, passes) in travellers.into_iter().zip(tested) {
            if passes? == applies { chosen.push(traveller) } else { rest.push(traveller) }
        }
        // Two runs in the order of the batch are merged back into it.
        let mut through = self.apply_all(chosen)?;
        through.extend(rest);
        through.sort_by_key(|traveller| traveller.index);
        Ok(through)
    }

    fn apply_all(&mut self, travellers: Vec<Traveller>) -> Result<Vec<Traveller>> {
        let mut places = Vec::with_capacity(travellers.len());
        let mut records = Vec::with_capacity(travellers.len());
        for Traveller { record, origin, index } in travellers {
            places.push((origin, index));
            records.push(record);
        }
        let origins = places.iter().map(|(origin, _)| origin);
        let changed = self.transform.apply_batch(&mut records.into_iter().zip(origins));
        let mut through = Vec::with_capacity(places.len());
        for (record, (origin, index)) in changed.into_iter().zip(places) {
            if let Some(record) = record? {
                through.push(Traveller { record, origin, index });
            }
        }
        Ok(through)
    }
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.class)
    }
}

// === errors ===

/// What a record that cannot be converted or transformed means while no errors are tolerated.
fn intolerable(error: Error) -> Error {
    Error::connect("Tolerance exceeded in error handler").caused_by(error)
}

fn no_topic() -> Error {
    Error::of(millrace_api::Class::Fatal, "java.lang.IllegalArgumentException", "Topic cannot be null.")
}

/// Reads a time stamp as Java's clients do: -1 means none, others below zero are invalid.
fn timestamp(timestamp: Option<i64>) -> Result<Option<i64>> {
    match timestamp {
        None | Some(-1) => Ok(None),
        Some(time) if time >= 0 => Ok(Some(time)),
        Some(time) => {
            let text = format!("Invalid record timestamp {time}");
            Err(Error::connect(text).named("org.apache.kafka.common.InvalidRecordException"))
        }
    }
}
