//! The client side of Kafka: producers, consumers and admin calls behind small interfaces that take and
//! give batches, and the one table that turns Java client settings into librdkafka's.
//!
//! **Invariant:** no type of librdkafka leaves this crate, so that another data plane can take its place.

mod admin;
mod closing;
mod connection;
mod consumer;
mod error;
mod group;
mod groups;
mod internal_topic;
mod jaas;
mod logs;
mod producer;
#[allow(
    unsafe_code,
    reason = "the batch calls of librdkafka that rdkafka does not wrap; each block has its proof"
)]
mod raw;
mod settings;
mod topic_log;

pub use admin::{Admin, NewTopic, TopicSummary};
pub use closing::all_closed;
pub use consumer::{Consumer, ConsumerLimits, Departure, Incoming, Limits, Polled, Topics};
pub use error::{Failure, FailureKind, KafkaError};
pub use group::{Group, GroupNews, GroupSettings};
pub use groups::GroupError;
pub use internal_topic::{InternalTopic, InternalTopicError, Patience};
pub use producer::{
    Budget, DeliveryError, Failed, Finished, Lane, Outgoing, RecordMetadata, Remains, Report, SendError,
    SharedProducer, Sharing, Ticket,
};
pub use settings::{Role, Translation, translate};
pub use topic_log::{LogNews, LogRecord, Question, TopicLog};
