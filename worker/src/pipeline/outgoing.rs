//! The source direction: polled records become what Kafka takes.

use super::{
    Named, Pipeline,
    chain::{Place, Traveller, complete},
    timestamp,
    trial::{Failures, Trials},
};
use crate::errors::{Failed, Stage, repeated};
use millrace_api::{Blob, Class, Datum, Error, Header, Origin, RawHeader, Record, Result, SourceRecord};
use millrace_kafka::Outgoing;
use std::collections::VecDeque;

/// What Kafka takes of a batch.
#[derive(Debug, Default)]
pub struct Converted {
    /// The records, in order. Records that a transformation drops are missing.
    pub records: VecDeque<Outgoing>,
    /// For each of them its place in the batch that was polled.
    pub indexes: Vec<usize>,
    /// Those that failed, in order, by their places in the batch. While nothing is tolerated there is one at most, and
    /// what was behind it is missing.
    pub failed: Vec<Failed>,
}

/// A record that is being converted.
struct Row {
    record: Record,
    index: usize,
    headers: Vec<RawHeader>,
}

/// Which part of a record is converted.
#[derive(Clone, Copy)]
enum Part {
    Key,
    Value,
}

impl Pipeline {
    /// Turns polled records into what Kafka takes. Takes the records out of `batch` and leaves the places they came from.
    pub async fn outgoing(&mut self, batch: &mut [SourceRecord], trials: &Trials) -> Result<Converted> {
        let mut failures = Failures::new(trials.tolerance(), batch.len());
        let polled = batch.iter_mut().enumerate();
        // Without transformations nobody asks where a record came from.
        let mut rows: Vec<Row> = if self.chain.is_empty() {
            let row =
                |(index, polled): (usize, &mut SourceRecord)| Some(Row::new(polled.record.take()?, index));
            polled.filter_map(row).collect()
        } else {
            let travellers = polled.filter_map(|(index, polled)| {
                let origin = Origin::Source(polled.origin.clone());
                Some(Traveller { record: polled.record.take()?, place: Place { origin, index } })
            });
            let through = self.transform(travellers.collect(), trials, &mut failures).await;
            through.into_iter().map(|through| Row::new(through.record, through.place.index)).collect()
        };
        let converters = &mut self.converters;
        converters.header.encode_headers(&mut rows, trials, &mut failures).await;
        let keys = converters.key.encode(Part::Key, &mut rows, trials, &mut failures).await;
        let values = converters.value.encode(Part::Value, &mut rows, trials, &mut failures).await;
        let mut converted = Converted::default();
        for (row, (key, value)) in rows.into_iter().zip(keys.into_iter().zip(values)) {
            let (Some(key), Some(value)) = (key, value) else { continue };
            if !failures.is_out(row.index) {
                converted.indexes.push(row.index);
                converted.records.push_back(row.outgoing(key, value)?);
            }
        }
        converted.failed = failures.into_failed();
        Ok(converted)
    }
}

// === impl Row ===

impl Row {
    fn new(record: Record, index: usize) -> Self {
        Self { record, index, headers: Vec::new() }
    }

    fn topic(&self) -> &str {
        self.record.topic.as_deref().unwrap_or_default()
    }

    fn part(&self, part: Part) -> &Datum {
        match part {
            Part::Key => &self.record.key,
            Part::Value => &self.record.value,
        }
    }

    fn outgoing(self, key: Option<Blob>, value: Option<Blob>) -> Result<Outgoing> {
        let headers = self.headers.into_iter();
        Ok(Outgoing {
            topic: self.record.topic.ok_or_else(no_topic)?,
            partition: self.record.partition,
            timestamp: timestamp(self.record.timestamp)?,
            key: key.as_ref().map(Blob::to_bytes),
            value: value.as_ref().map(Blob::to_bytes),
            headers: headers.map(|header| (header.name, header.value.as_ref().map(Blob::to_bytes))).collect(),
        })
    }
}

// === impl Named ===

impl Named {
    async fn encode_headers(&mut self, rows: &mut [Row], trials: &Trials, failures: &mut Failures) {
        let mut results: Vec<_> = rows.iter().map(|row| self.encode_header_list(row)).collect();
        let mut rounds = trials.rounds();
        while let Some(again) = rounds.again(&results, |row| failures.is_out(rows[row].index)).await {
            for row in again {
                results[row] = self.encode_header_list(&rows[row]);
            }
        }
        let lists = failures.sift(results, Stage::HeaderConverter, &self.class, |row| rows[row].index);
        for (row, list) in rows.iter_mut().zip(lists) {
            row.headers = list.unwrap_or_default();
        }
    }

    fn encode_header_list(&mut self, row: &Row) -> Result<Vec<RawHeader>> {
        let encode = |header: &Header| {
            let value = self.converter.encode_header(row.topic(), &header.name, &header.value)?;
            Ok(RawHeader { name: header.name.clone(), value })
        };
        row.record.headers.iter().map(encode).collect()
    }

    async fn encode(
        &mut self,
        part: Part,
        rows: &mut [Row],
        trials: &Trials,
        failures: &mut Failures,
    ) -> Vec<Option<Option<Blob>>> {
        let mut results = self.encode_all(part, rows).await;
        let mut rounds = trials.rounds();
        while let Some(again) = rounds.again(&results, |row| failures.is_out(rows[row].index)).await {
            self.encode_rows(part, rows, &again, &mut results).await;
        }
        let stage = match part {
            Part::Key => Stage::KeyConverter,
            Part::Value => Stage::ValueConverter,
        };
        failures.sift(results, stage, &self.class, |row| rows[row].index)
    }

    /// Encodes one part of all rows. What cannot be registered for all at once is registered for each; see the other
    /// direction.
    async fn encode_all(&mut self, part: Part, rows: &mut [Row]) -> Vec<Result<Option<Blob>>> {
        let count = rows.len();
        let Err(error) = self.prepare_encode(part, rows).await else {
            let mut data = rows.iter_mut().map(|row| {
                let Row { record, headers, .. } = row;
                let topic = record.topic.as_deref().unwrap_or_default();
                let datum = match part {
                    Part::Key => &record.key,
                    Part::Value => &record.value,
                };
                (topic, headers, datum)
            });
            return complete(self.converter.encode_batch(&mut data), count);
        };
        let mut results: Vec<_> = (0..count).map(|_| Err(repeated(&error))).collect();
        if !matches!(error.class(), Class::Retry { .. }) {
            self.encode_rows(part, rows, &(0..count).collect::<Vec<_>>(), &mut results).await;
        }
        results
    }

    async fn prepare_encode(&mut self, part: Part, rows: &[Row]) -> Result<()> {
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let end =
                rest.iter().position(|row| row.record.topic != first.record.topic).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(end);
            let data: Vec<&Datum> = run.iter().map(|row| row.part(part)).collect();
            self.converter.prepare_encode(first.topic(), &data).await?;
            rest = behind;
        }
        Ok(())
    }

    /// Encodes some rows one by one. When a server is away the rest of the rows keep the results they had.
    async fn encode_rows(
        &mut self,
        part: Part,
        rows: &mut [Row],
        again: &[usize],
        results: &mut [Result<Option<Blob>>],
    ) {
        for &index in again {
            let mut headers = std::mem::take(&mut rows[index].headers);
            let before = headers.len();
            let row = &rows[index];
            let result = match self.converter.prepare_encode(row.topic(), &[row.part(part)]).await {
                Ok(()) => self.converter.encode(row.topic(), &mut headers, row.part(part)),
                Err(error) => Err(error),
            };
            if result.is_err() {
                // An attempt that failed leaves none of its headers behind.
                headers.truncate(before);
            }
            rows[index].headers = headers;
            let is_away = matches!(&result, Err(error) if matches!(error.class(), Class::Retry { .. }));
            results[index] = result;
            if is_away {
                return;
            }
        }
    }
}

fn no_topic() -> Error {
    Error::of(Class::Fatal, "java.lang.IllegalArgumentException", "Topic cannot be null.")
}
