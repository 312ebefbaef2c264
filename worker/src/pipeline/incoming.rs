//! The sink direction: messages of Kafka become records.

use super::{
    Named, Pipeline,
    chain::{Place, Traveller, complete},
    trial::{Failures, Trials},
};
use crate::errors::{Failure, Stage, repeated};
use millrace_api::{
    Blob, Class, Datum, Header, Origin, RawHeader, Record, Result, SinkRecord, TimestampType,
};
use millrace_kafka::Incoming;
use std::sync::Arc;

/// What a sink is given of a batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The records, in order. Records that a transformation drops are missing.
    pub records: Vec<SinkRecord>,
    /// The messages that failed, in order. While nothing is tolerated there is one at most, and what was behind it is
    /// missing.
    pub failed: Vec<(Incoming, Failure)>,
}

/// Consumed messages by column, so that a converter sees one contiguous batch.
struct Columns {
    places: Vec<Message>,
    keys: Vec<Option<Blob>>,
    values: Vec<Option<Blob>>,
    headers: Vec<Vec<RawHeader>>,
}

#[derive(Clone)]
struct Message {
    topic: Arc<str>,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: TimestampType,
}

impl Pipeline {
    /// Turns consumed messages into records for the sink.
    pub async fn incoming(&mut self, messages: Vec<Incoming>, trials: &Trials) -> Result<Decoded> {
        let columns = Columns::of(messages);
        let mut failures = Failures::new(trials.tolerance(), columns.places.len());
        let converters = &mut self.converters;
        let keys = converters.key.decode(Stage::KeyConverter, &columns, &columns.keys, trials, &mut failures);
        let keys = keys.await;
        let values =
            converters.value.decode(Stage::ValueConverter, &columns, &columns.values, trials, &mut failures);
        let values = values.await;
        let headers = converters.header.decode_headers(&columns, trials, &mut failures).await;
        let rows = columns.places.iter().zip(headers).zip(keys.into_iter().zip(values));
        let mut travellers = Vec::with_capacity(rows.len());
        for (index, ((message, headers), (key, value))) in rows.enumerate() {
            let (Some(key), Some(value), Some(headers)) = (key, value, headers) else { continue };
            if failures.is_out(index) {
                continue;
            }
            let Message { topic, partition, offset, timestamp, timestamp_type } = message.clone();
            let timestamp = super::timestamp(timestamp)?;
            let (named, at) = (Some(topic.clone()), Some(partition));
            let record =
                Record { topic: named, partition: at, key, value, headers, timestamp, timestamp_type };
            let origin = Origin::Sink { topic, partition, offset };
            travellers.push(Traveller { record, place: Place { origin, index } });
        }
        let through = self.transform(travellers, trials, &mut failures).await;
        let records = through.into_iter().filter_map(sink_record).collect();
        let failed = failures.into_failed().into_iter();
        let failed = failed.map(|failed| (columns.message(failed.index), failed.failure)).collect();
        Ok(Decoded { records, failed })
    }
}

fn sink_record(Traveller { record, place }: Traveller) -> Option<SinkRecord> {
    match place.origin {
        Origin::Sink { topic, partition, offset } => Some(SinkRecord { record, topic, partition, offset }),
        Origin::Source(_) => None,
    }
}

// === impl Named ===

impl Named {
    async fn decode(
        &mut self,
        stage: Stage,
        columns: &Columns,
        data: &[Option<Blob>],
        trials: &Trials,
        failures: &mut Failures,
    ) -> Vec<Option<Datum>> {
        let mut results = self.decode_all(columns, data).await;
        let mut rounds = trials.rounds();
        while let Some(rows) = rounds.again(&results, |row| failures.is_out(row)).await {
            self.decode_rows(columns, data, &rows, &mut results).await;
        }
        failures.sift(results, stage, &self.class, |row| row)
    }

    /// Decodes a column. What cannot be fetched for all at once is fetched for each, so that one record's missing schema
    /// is not the fault of its neighbours; unless the server is away, which it is for all.
    async fn decode_all(&mut self, columns: &Columns, data: &[Option<Blob>]) -> Vec<Result<Datum>> {
        let count = data.len();
        let Err(error) = self.prepare_decode(columns, data).await else {
            return complete(self.converter.decode_batch(&mut columns.column(data)), count);
        };
        if matches!(error.class(), Class::Retry { .. }) {
            return (0..count).map(|_| Err(repeated(&error))).collect();
        }
        let mut results: Vec<_> = (0..count).map(|_| Err(repeated(&error))).collect();
        self.decode_rows(columns, data, &(0..count).collect::<Vec<_>>(), &mut results).await;
        results
    }

    async fn prepare_decode(&mut self, columns: &Columns, data: &[Option<Blob>]) -> Result<()> {
        let mut start = 0;
        while let Some(Message { topic, .. }) = columns.places.get(start) {
            let run = columns.places[start..].iter().take_while(|place| place.topic == *topic).count();
            self.converter.prepare_decode(topic, &data[start..start + run]).await?;
            start += run;
        }
        Ok(())
    }

    /// Decodes some rows one by one. When a server is away the rest of the rows keep the results they had.
    async fn decode_rows(
        &mut self,
        columns: &Columns,
        data: &[Option<Blob>],
        rows: &[usize],
        results: &mut [Result<Datum>],
    ) {
        for &row in rows {
            let (topic, headers) = (&columns.places[row].topic, &columns.headers[row]);
            results[row] = match self.converter.prepare_decode(topic, &data[row..=row]).await {
                Ok(()) => self.converter.decode(topic, headers, data[row].as_ref()),
                Err(error) => Err(error),
            };
            if matches!(&results[row], Err(error) if matches!(error.class(), Class::Retry { .. })) {
                return;
            }
        }
    }

    async fn decode_headers(
        &mut self,
        columns: &Columns,
        trials: &Trials,
        failures: &mut Failures,
    ) -> Vec<Option<Vec<Header>>> {
        let mut results: Vec<_> =
            (0..columns.headers.len()).map(|row| self.decode_header_list(columns, row)).collect();
        let mut rounds = trials.rounds();
        while let Some(rows) = rounds.again(&results, |row| failures.is_out(row)).await {
            for row in rows {
                results[row] = self.decode_header_list(columns, row);
            }
        }
        failures.sift(results, Stage::HeaderConverter, &self.class, |row| row)
    }

    fn decode_header_list(&mut self, columns: &Columns, row: usize) -> Result<Vec<Header>> {
        let topic = &columns.places[row].topic;
        let decode = |header: &RawHeader| {
            let value = self.converter.decode_header(topic, &header.name, header.value.as_ref())?;
            Ok(Header { name: header.name.clone(), value })
        };
        columns.headers[row].iter().map(decode).collect()
    }
}

// === impl Columns ===

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
            columns.places.push(Message { topic, partition, offset, timestamp, timestamp_type });
            columns.keys.push(message.key);
            columns.values.push(message.value);
            let headers = message.headers.into_iter();
            columns.headers.push(headers.map(|(name, value)| RawHeader { name, value }).collect());
        }
        columns
    }

    /// Returns a message as it was read.
    fn message(&self, row: usize) -> Incoming {
        let Message { topic, partition, offset, timestamp, timestamp_type } = self.places[row].clone();
        let headers = self.headers[row].iter();
        Incoming {
            topic,
            partition,
            offset,
            leader_epoch: None,
            timestamp,
            timestamp_type,
            key: self.keys[row].clone(),
            value: self.values[row].clone(),
            headers: headers.map(|header| (header.name.clone(), header.value.clone())).collect(),
        }
    }

    fn column<'a>(
        &'a self,
        data: &'a [Option<Blob>],
    ) -> impl Iterator<Item = (&'a str, &'a [RawHeader], Option<&'a Blob>)> {
        let rows = self.places.iter().zip(&self.headers).zip(data);
        rows.map(|((place, headers), bytes)| (place.topic.as_ref(), headers.as_slice(), bytes.as_ref()))
    }
}
