//! What can go wrong on the way to Kafka, and what Java calls it.

use std::{fmt, time::Duration};

use rdkafka::types::RDKafkaErrorCode as Code;

/// The error of this crate's calls.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KafkaError {
    /// A client setting cannot be used. The value is not shown: it may be a secret.
    #[error("client setting {name}: {reason}")]
    Setting {
        /// The Java name of the setting.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// librdkafka refused to create a client.
    #[error("creating a Kafka {client}: {reason}")]
    Create {
        /// Which kind of client.
        client: &'static str,
        /// librdkafka's reason.
        reason: String,
    },
    /// No broker answered.
    #[error("none of the servers {servers} could be reached within {waited:?}: {reason}")]
    Unreachable {
        /// The bootstrap servers.
        servers: String,
        /// How long was waited.
        waited: Duration,
        /// The last error that a connection met.
        reason: String,
    },
    /// A call got no answer in time.
    #[error("{call} got no answer within {waited:?}")]
    TimedOut {
        /// The call, as `committing offsets`.
        call: &'static str,
        /// How long was waited.
        waited: Duration,
    },
    /// A broker, or the client on its behalf, refused a call.
    #[error("{call}: {failure}")]
    Refused {
        /// The call, as `committing offsets`.
        call: &'static str,
        /// Why.
        failure: Failure,
    },
    /// The client cannot go on: it must be replaced.
    #[error("the Kafka {client} cannot go on: {failure}")]
    Fatal {
        /// Which kind of client.
        client: &'static str,
        /// Why.
        failure: Failure,
    },
    /// The client was closed while it was used.
    #[error("the Kafka {client} is closed")]
    Closed {
        /// Which kind of client.
        client: &'static str,
    },
}

/// Why Kafka refused something, with what should be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What may help.
    pub kind: FailureKind,
    /// The Java exception that a Java client would have thrown, with its package.
    pub class: &'static str,
    /// Why, in words.
    pub reason: String,
}

/// What may help against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Trying again later.
    Retriable,
    /// Leaving the record out: it can never be accepted.
    Record,
    /// Nothing that a client can do.
    Fatal,
}

// === impl KafkaError ===

impl KafkaError {
    /// Returns what may help, as Java's clients would see it.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Setting { .. } | Self::Create { .. } | Self::Closed { .. } => FailureKind::Fatal,
            Self::Unreachable { .. } | Self::TimedOut { .. } => FailureKind::Retriable,
            Self::Refused { failure, .. } => failure.kind,
            Self::Fatal { .. } => FailureKind::Fatal,
        }
    }

    /// Returns the Java exception that a Java client would have thrown, with its package.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "org.apache.kafka.common.config.ConfigException",
            Self::Create { .. } | Self::Closed { .. } => "org.apache.kafka.common.KafkaException",
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "org.apache.kafka.common.errors.TimeoutException"
            }
            Self::Refused { failure, .. } | Self::Fatal { failure, .. } => failure.class,
        }
    }

    pub(crate) fn setting(name: &str, reason: impl Into<String>) -> Self {
        Self::Setting { name: name.to_owned(), reason: reason.into() }
    }

    pub(crate) fn refused(call: &'static str, code: Code) -> Self {
        Self::Refused { call, failure: Failure::of(code) }
    }

    /// Turns an error of rdkafka into ours. A wrong setting is named without its value.
    pub(crate) fn of(call: &'static str, error: &rdkafka::error::KafkaError) -> Self {
        if let rdkafka::error::KafkaError::ClientConfig(_, _, name, _) = error {
            return Self::setting(name, "librdkafka does not accept its value");
        }
        let failure = match error.rdkafka_error_code() {
            Some(code) => Failure::of(code),
            None => Failure {
                kind: FailureKind::Fatal,
                class: "org.apache.kafka.common.KafkaException",
                reason: error.to_string(),
            },
        };
        Self::Refused { call, failure }
    }
}

// === impl Failure ===

impl Failure {
    pub(crate) fn of(code: Code) -> Self {
        Self::because(code, code.to_string())
    }

    pub(crate) fn because(code: Code, reason: impl Into<String>) -> Self {
        let (kind, class) = classify(code);
        Self { kind, class, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Says what may help against an error code, and its Java exception.
///
/// The retriable ones are those whose Java exception extends `RetriableException`.
fn classify(code: Code) -> (FailureKind, &'static str) {
    use FailureKind::{Fatal, Record, Retriable};
    macro_rules! java {
        ($kind:expr, $name:literal) => {
            ($kind, concat!("org.apache.kafka.common.errors.", $name))
        };
    }
    match code {
        Code::MessageSizeTooLarge => java!(Record, "RecordTooLargeException"),
        Code::MessageBatchTooLarge => java!(Record, "RecordBatchTooLargeException"),
        Code::InvalidRecord => java!(Record, "InvalidRecordException"),
        Code::InvalidTimestamp => java!(Record, "InvalidTimestampException"),
        Code::InvalidTopic => java!(Record, "InvalidTopicException"),
        Code::UnsupportedForMessageFormat => java!(Record, "UnsupportedForMessageFormatException"),
        Code::PolicyViolation => java!(Record, "PolicyViolationException"),
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
            java!(Retriable, "UnknownTopicOrPartitionException")
        }
        Code::MessageTimedOut
        | Code::RequestTimedOut
        | Code::OperationTimedOut
        | Code::TimedOutQueue
        | Code::AllBrokersDown => java!(Retriable, "TimeoutException"),
        Code::BrokerTransportFailure | Code::NetworkException | Code::Resolve => {
            java!(Retriable, "NetworkException")
        }
        Code::InvalidMessage => java!(Retriable, "CorruptRecordException"),
        Code::LeaderNotAvailable => java!(Retriable, "LeaderNotAvailableException"),
        Code::NotLeaderForPartition => java!(Retriable, "NotLeaderOrFollowerException"),
        Code::BrokerNotAvailable => java!(Retriable, "BrokerNotAvailableException"),
        Code::ReplicaNotAvailable => java!(Retriable, "ReplicaNotAvailableException"),
        Code::CoordinatorLoadInProgress => java!(Retriable, "CoordinatorLoadInProgressException"),
        Code::CoordinatorNotAvailable | Code::WaitingForCoordinator => {
            java!(Retriable, "CoordinatorNotAvailableException")
        }
        Code::NotCoordinator => java!(Retriable, "NotCoordinatorException"),
        Code::NotEnoughReplicas => java!(Retriable, "NotEnoughReplicasException"),
        Code::NotEnoughReplicasAfterAppend => java!(Retriable, "NotEnoughReplicasAfterAppendException"),
        Code::NotController => java!(Retriable, "NotControllerException"),
        Code::KafkaStorageError => java!(Retriable, "KafkaStorageException"),
        Code::FencedLeaderEpoch => java!(Retriable, "FencedLeaderEpochException"),
        Code::UnknownLeaderEpoch => java!(Retriable, "UnknownLeaderEpochException"),
        Code::OffsetNotAvailable => java!(Retriable, "OffsetNotAvailableException"),
        Code::UnstableOffsetCommit => java!(Retriable, "UnstableOffsetCommitException"),
        Code::ThrottlingQuotaExceeded => java!(Retriable, "ThrottlingQuotaExceededException"),
        Code::ConcurrentTransactions => java!(Retriable, "ConcurrentTransactionsException"),
        Code::RebalanceInProgress => java!(Retriable, "RebalanceInProgressException"),
        Code::IllegalGeneration | Code::UnknownMemberId | Code::AssignmentLost | Code::StaleMemberEpoch => {
            // Java folds these into the exception that the consumer's commit throws.
            (Retriable, "org.apache.kafka.clients.consumer.CommitFailedException")
        }
        Code::TopicAlreadyExists => java!(Fatal, "TopicExistsException"),
        Code::InvalidPartitions => java!(Fatal, "InvalidPartitionsException"),
        Code::InvalidReplicationFactor => java!(Fatal, "InvalidReplicationFactorException"),
        Code::InvalidConfig => java!(Fatal, "InvalidConfigurationException"),
        Code::InvalidRequest => java!(Fatal, "InvalidRequestException"),
        Code::TopicAuthorizationFailed => java!(Fatal, "TopicAuthorizationException"),
        Code::GroupAuthorizationFailed => java!(Fatal, "GroupAuthorizationException"),
        Code::ClusterAuthorizationFailed => java!(Fatal, "ClusterAuthorizationException"),
        Code::TransactionalIdAuthorizationFailed => java!(Fatal, "TransactionalIdAuthorizationException"),
        Code::Authentication | Code::SaslAuthenticationFailed => java!(Fatal, "SaslAuthenticationException"),
        Code::UnsupportedSASLMechanism => java!(Fatal, "UnsupportedSaslMechanismException"),
        Code::SSL => java!(Fatal, "SslAuthenticationException"),
        Code::UnsupportedVersion | Code::UnsupportedFeature => java!(Fatal, "UnsupportedVersionException"),
        Code::UnsupportedCompressionType => java!(Fatal, "UnsupportedCompressionTypeException"),
        Code::InvalidRequiredAcks => java!(Fatal, "InvalidRequiredAcksException"),
        Code::OutOfOrderSequenceNumber | Code::GaplessGuarantee => {
            java!(Fatal, "OutOfOrderSequenceException")
        }
        Code::UnknownProducerId => java!(Fatal, "UnknownProducerIdException"),
        Code::InvalidProducerEpoch => java!(Fatal, "InvalidProducerEpochException"),
        Code::InvalidProducerIdMapping => java!(Fatal, "InvalidPidMappingException"),
        Code::InvalidTransactionalState => java!(Fatal, "InvalidTxnStateException"),
        Code::ProducerFenced | Code::Fenced => java!(Fatal, "ProducerFencedException"),
        Code::FencedInstanceId => java!(Fatal, "FencedInstanceIdException"),
        Code::InconsistentGroupProtocol => java!(Fatal, "InconsistentGroupProtocolException"),
        Code::GroupMaxSizeReached => java!(Fatal, "GroupMaxSizeReachedException"),
        Code::InvalidGroupId => java!(Fatal, "InvalidGroupIdException"),
        Code::InvalidSessionTimeout => java!(Fatal, "InvalidSessionTimeoutException"),
        Code::OffsetMetadataTooLarge => java!(Fatal, "OffsetMetadataTooLarge"),
        Code::AutoOffsetReset | Code::NoOffset => {
            (Fatal, "org.apache.kafka.clients.consumer.NoOffsetForPartitionException")
        }
        Code::OffsetOutOfRange => (Fatal, "org.apache.kafka.clients.consumer.OffsetOutOfRangeException"),
        // The codes of librdkafka's own state, and those that no call of ours can meet.
        _ => (Fatal, "org.apache.kafka.common.KafkaException"),
    }
}
