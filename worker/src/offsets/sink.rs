//! Offsets of sinks: those of their consumer group.

use super::{Offsets, ShownOffset, chain, text_of};
use crate::clients;
use millrace_api::{Altered, OffsetChange, Properties, Scalar, Scalars, TopicPartition, plugins::SinkPlugin};
use millrace_herder::{OffsetsChange, Refusal};
use millrace_kafka::{Admin, GroupError};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const TOPIC: &str = "kafka_topic";
const PARTITION: &str = "kafka_partition";
const OFFSET: &str = "kafka_offset";

/// What is to become of each partition: the next offset, or nothing at all.
type Wanted = BTreeMap<TopicPartition, Option<i64>>;

pub(super) fn shown(partition: &TopicPartition, offset: i64) -> ShownOffset {
    let mut entries = Scalars::one(TOPIC, partition.topic.as_ref());
    entries.insert(PARTITION, i64::from(partition.partition));
    ShownOffset { partition: entries, offset: Scalars::one(OFFSET, offset) }
}

impl Offsets {
    pub(super) async fn change_sink(
        &self,
        name: &Arc<str>,
        config: &Properties,
        plugin: &dyn SinkPlugin,
        change: OffsetsChange,
    ) -> Result<Altered, Refusal> {
        let group = clients::sink_group(name, &self.worker, config);
        let refused = |text: String, cause: &dyn std::error::Error| {
            tracing::error!("{text}: {}", chain(cause));
            Refusal::OffsetsFailed(text.into())
        };
        let (admin, limit) = self.admin(name, config).map_err(|error| {
            refused(format!("Failed to modify offsets for sink connector {name}: {error}"), &error)
        })?;
        let call = Call { admin, group: &group, limit };
        let (wanted, verb) = match &change {
            OffsetsChange::Alter(changes) => (parse(changes)?, "alter"),
            OffsetsChange::Reset => {
                let listed = call.admin.group_offsets(&group, limit).await.map_err(|error| {
                    let text = format!(
                        "Failed to list offsets prior to resetting offsets for sink connector {name}"
                    );
                    refused(text, &error)
                })?;
                (listed.into_keys().map(|partition| (partition, None)).collect(), "reset")
            }
        };
        let altered = plugin.alter_offsets(config, &wanted).await;
        let altered = altered.map_err(|error| Refusal::OffsetsFailed(error.to_string().into()))?;
        let done = match change {
            OffsetsChange::Alter(_) => call.alter(&wanted).await,
            OffsetsChange::Reset => call.reset().await,
        };
        done.map_err(|error| match &error {
            GroupError::InUse { .. } => refused(in_use(name, verb), &error),
            GroupError::Unknown { .. } | GroupError::Kafka(_) => {
                let whose = if verb == "reset" { "sink connector" } else { "connector" };
                refused(
                    format!("Failed to {verb} consumer group offsets for {whose} {name}: {error}"),
                    &error,
                )
            }
        })?;
        Ok(altered)
    }
}

/// What every call about one group needs.
struct Call<'a> {
    admin: Admin,
    group: &'a str,
    limit: Duration,
}

impl Call<'_> {
    async fn alter(&self, wanted: &Wanted) -> Result<(), GroupError> {
        let set: BTreeMap<_, _> =
            wanted.iter().filter_map(|(partition, offset)| Some((partition.clone(), (*offset)?))).collect();
        let removed: Vec<_> = wanted
            .iter()
            .filter(|(_, offset)| offset.is_none())
            .map(|(partition, _)| partition.clone())
            .collect();
        if !set.is_empty() {
            self.admin.alter_group_offsets(self.group, &set, self.limit).await?;
        }
        if !removed.is_empty() {
            match self.admin.delete_group_offsets(self.group, &removed, self.limit).await {
                // A group that does not exist has no offsets to remove.
                Ok(()) | Err(GroupError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn reset(&self) -> Result<(), GroupError> {
        match self.admin.delete_group(self.group, self.limit).await {
            Ok(()) | Err(GroupError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Reads what a user gave; of several changes of one partition the last counts. The texts are Kafka Connect's.
fn parse(changes: &[OffsetChange]) -> Result<Wanted, Refusal> {
    changes
        .iter()
        .map(parse_one)
        .collect::<Result<_, String>>()
        .map_err(|text| Refusal::WrongOffsets(text.into()))
}

fn parse_one(change: &OffsetChange) -> Result<(TopicPartition, Option<i64>), String> {
    let Some(partition) = &change.partition else {
        return Err("The partition for a sink connector offset cannot be null or missing".to_owned());
    };
    let (Some(topic), Some(number)) = (partition.entries.get(TOPIC), partition.entries.get(PARTITION)) else {
        return Err(format!(
            "The partition for a sink connector offset must contain the keys '{TOPIC}' and '{PARTITION}'"
        ));
    };
    if *topic == Scalar::Null {
        return Err("Kafka topic names must be valid strings and may not be null".to_owned());
    }
    if *number == Scalar::Null {
        return Err("Kafka partitions must be valid numbers and may not be null".to_owned());
    }
    let number = text_of(number);
    let index = number.parse::<i32>().ok().filter(|index| *index >= 0).ok_or_else(|| {
        format!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{number}'. Partition values \
             for sink connectors need to be integers."
        )
    })?;
    let partition = TopicPartition::new(text_of(topic), index);
    let Some(offset) = &change.offset else { return Ok((partition, None)) };
    let Some(offset) = offset.entries.get(OFFSET) else {
        return Err(format!(
            "The offset for a sink connector should either be null or contain the key '{OFFSET}'"
        ));
    };
    let offset = text_of(offset);
    let at = offset.parse::<i64>().ok().filter(|offset| *offset >= 0).ok_or_else(|| {
        format!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{offset}'. Offset values for sink \
             connectors need to be integers."
        )
    })?;
    Ok((partition, Some(at)))
}

fn in_use(name: &str, verb: &str) -> String {
    format!(
        "Failed to {verb} consumer group offsets for connector {name} either because its tasks haven't stopped completely \
         yet or the connector was resumed before the request to {verb} its offsets could be successfully completed. If the \
         connector is in a stopped state, this operation can be safely retried. If it doesn't eventually succeed, the \
         Connect cluster may need to be restarted to get rid of the zombie sink tasks."
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use millrace_api::{SourceOffset, SourcePartition};

    /// Reads one change, given as names and values.
    #[track_caller]
    fn check(partition: &[(&str, Scalar)], offset: Option<&[(&str, Scalar)]>, expected: Result<&str, &str>) {
        let scalars = |entries: &[(&str, Scalar)]| {
            let mut scalars = Scalars::default();
            entries.iter().for_each(|(name, scalar)| scalars.insert(*name, scalar.clone()));
            scalars
        };
        let change = OffsetChange {
            partition: Some(SourcePartition::new(scalars(partition))),
            offset: offset.map(|offset| SourceOffset::new(scalars(offset))),
        };
        let found = parse(&[change]);
        let found = found.map(|wanted| format!("{wanted:?}")).map_err(|refusal| refusal.to_string());
        match expected {
            Ok(expected) => {
                let wanted = found.unwrap();
                assert!(wanted.contains(expected), "{wanted}");
            }
            Err(expected) => {
                let text = found.unwrap_err();
                assert!(text.contains(expected), "{text}");
            }
        }
    }

    #[test]
    fn numbers_may_be_texts() {
        let offset: &[(&str, Scalar)] = &[(OFFSET, "7".into())];
        check(&[(TOPIC, "t".into()), (PARTITION, "3".into())], Some(offset), Ok("partition: 3 }: Some(7)"));
        check(&[(TOPIC, "t".into()), (PARTITION, 3.into())], None, Ok("partition: 3 }: None"));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        check(&[(TOPIC, "t".into())], None, Err("must contain the keys 'kafka_topic' and 'kafka_partition'"));
        check(&[(TOPIC, Scalar::Null), (PARTITION, 0.into())], None, Err("may not be null"));
        check(&[(TOPIC, "t".into()), (PARTITION, Scalar::Null)], None, Err("Kafka partitions must be valid"));
        check(&[(TOPIC, "t".into()), (PARTITION, "x".into())], None, Err("offsets: 'x'. Partition values"));
        check(&[(TOPIC, "t".into()), (PARTITION, (-1).into())], None, Err("offsets: '-1'. Partition values"));
        let good = [(TOPIC, "t".into()), (PARTITION, 0.into())];
        check(&good, Some(&[("other", 0.into())]), Err("contain the key 'kafka_offset'"));
        check(&good, Some(&[(OFFSET, Scalar::Null)]), Err("offsets: 'null'. Offset values"));
        check(&good, Some(&[(OFFSET, Scalar::Float(1.5))]), Err("offsets: '1.5'. Offset values"));
        let nothing = OffsetChange { partition: None, offset: None };
        let text = parse(&[nothing]).unwrap_err().to_string();
        assert_eq!(text, "The partition for a sink connector offset cannot be null or missing");
    }
}
