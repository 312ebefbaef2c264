//! `TimestampRouter`: makes the topic of the old one and the record's time stamp.

use crate::date_format::DateFormat;
use millrace_api::{
    Class, Config, Datum, Error, Origin, Plugins, Record, Result, Scalar, Scalars, TimestampType, Transform,
    text,
};
use std::fmt::Write as _;

/// What the old topic and the time stamp take the place of.
const TOPIC: &str = "${topic}";
const TIMESTAMP: &str = "${timestamp}";

#[derive(Debug, Config)]
struct TimestampRouterConfig {
    /// What the topic becomes; `${topic}` stands for the old one, `${timestamp}` for the time stamp.
    #[config(high, default = "${topic}-${timestamp}")]
    topic_format: String,

    /// How the time stamp is written: a pattern of Java's `SimpleDateFormat`, in UTC.
    #[config(high, default = "yyyyMMdd")]
    timestamp_format: String,
}

/// The transformation.
struct TimestampRouter {
    topic_format: String,
    /// Or the reason why the pattern will not do: as in Connect, records show it, not the validation.
    timestamp_format: Result<DateFormat, String>,
}

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<TimestampRouterConfig>(
        "org.apache.kafka.connect.transforms.TimestampRouter",
        |config| {
            Ok(Box::new(TimestampRouter {
                topic_format: config.topic_format,
                // Nothing is read with it, so that it does not matter when now is.
                timestamp_format: DateFormat::new(&config.timestamp_format, 0),
            }))
        },
    );
}

impl Transform for TimestampRouter {
    fn apply(&mut self, mut record: Record, origin: &Origin) -> Result<Option<Record>> {
        let Some(timestamp) = record.timestamp else {
            let text = record_text(&record, origin);
            return Err(Error::data(format!("Timestamp missing on record: {text}")));
        };
        let format = self.timestamp_format.as_ref().map_err(|reason| {
            Error::of(Class::BadRecord, "java.lang.IllegalArgumentException", reason.as_str())
        })?;
        let Some(topic) = &record.topic else {
            let text = "the record has no topic that a new one could be made of";
            return Err(Error::of(Class::BadRecord, "java.lang.NullPointerException", text));
        };
        // The topic first: what looks like the other mark in it counts too.
        let routed = self.topic_format.replace(TOPIC, topic).replace(TIMESTAMP, &format.write(timestamp));
        record.topic = Some(routed.into());
        Ok(Some(record))
    }
}

/// Returns the text of a record that Java shows in this error.
fn record_text(record: &Record, origin: &Origin) -> String {
    let mut shown = match origin {
        Origin::Source(origin) => {
            let partition = origin.as_ref().map(|origin| entries(&origin.partition.entries));
            let offset = origin.as_ref().and_then(|origin| origin.offset.as_ref());
            let offset = offset.map(|offset| entries(&offset.entries));
            let null = || "null".to_string();
            format!(
                "SourceRecord{{sourcePartition={}, sourceOffset={}}}",
                partition.unwrap_or_else(null),
                offset.unwrap_or_else(null)
            )
        }
        Origin::Sink { topic, partition, offset } => {
            let kind = match record.timestamp_type {
                TimestampType::None => "NoTimestampType",
                TimestampType::CreateTime => "CreateTime",
                TimestampType::LogAppendTime => "LogAppendTime",
            };
            format!(
                "SinkRecord{{kafkaOffset={offset}, timestampType={kind}, originalTopic={topic}, \
                 originalKafkaPartition={partition}, originalKafkaOffset={offset}}}"
            )
        }
    };
    let partition = record.partition.map_or("null".to_string(), |partition| partition.to_string());
    let schema =
        |datum: &Datum| datum.schema.as_ref().map_or("null".to_string(), |schema| schema.to_string());
    let _ = write!(
        shown,
        " ConnectRecord{{topic='{}', kafkaPartition={partition}, key={}, keySchema={}, value={}, valueSchema={}, \
         timestamp=null, headers=ConnectHeaders(headers={})}}",
        record.topic.as_deref().unwrap_or("null"),
        record.key.value,
        schema(&record.key),
        record.value.value,
        schema(&record.value),
        headers(record),
    );
    shown
}

fn headers(record: &Record) -> String {
    let headers = record.headers.iter().map(|header| {
        let schema = header.value.schema.as_ref().map_or("null".to_string(), |schema| schema.to_string());
        format!("ConnectHeader(key={}, value={}, schema={schema})", header.name, header.value.value)
    });
    let headers: Vec<_> = headers.collect();
    if headers.is_empty() { String::new() } else { format!("[{}]", headers.join(", ")) }
}

/// Returns the text of a Java map.
fn entries(scalars: &Scalars) -> String {
    let entries = scalars.iter().map(|(name, scalar)| match scalar {
        Scalar::Null => format!("{name}=null"),
        Scalar::Boolean(value) => format!("{name}={value}"),
        Scalar::Integer(value) => format!("{name}={value}"),
        Scalar::Float(value) => format!("{name}={}", text::double(*value)),
        Scalar::String(value) => format!("{name}={value}"),
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}
