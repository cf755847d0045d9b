//! What went wrong with a request, named by what the caller does about it.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The settings make no client; somebody must change them.
    #[error("kafka settings: {0}")]
    Settings(String),
    /// The brokers do not let this user do it; somebody must allow it.
    #[error("kafka refuses: {0}")]
    Unauthorised(String),
    /// There is no such topic or partition.
    #[error("kafka knows no such topic or partition: {0}")]
    UnknownTopic(String),
    /// It is there already.
    #[error("kafka has it already: {0}")]
    Exists(String),
    /// The request can never succeed as it is.
    #[error("kafka rejects the request: {0}")]
    Rejected(String),
    /// It may succeed when it is tried again: a broker is away, or slow.
    #[error("kafka is not available: {0}")]
    Transient(String),
    /// The client is of no use any more; a new one may be.
    #[error("kafka client broke: {0}")]
    Fatal(String),
}

impl Error {
    /// What a code asks for.
    pub(crate) fn of(code: Code, what: &str) -> Self {
        let text = format!("{what}: {code}");
        match kind(code) {
            Kind::Unauthorised => Self::Unauthorised(text),
            Kind::UnknownTopic => Self::UnknownTopic(text),
            Kind::Exists => Self::Exists(text),
            Kind::Rejected => Self::Rejected(text),
            Kind::Fatal => Self::Fatal(text),
            Kind::OutOfRange | Kind::Transient => Self::Transient(text),
        }
    }

    /// What an error of the library asks for. The value of a setting is left out: it may be secret.
    pub(crate) fn from_library(error: &KafkaError, what: &str) -> Self {
        match error {
            KafkaError::ClientConfig(_, text, key, _) => Self::Settings(format!("`{key}`: {text}")),
            KafkaError::ClientCreation(text) => Self::Settings(text.clone()),
            KafkaError::MessageConsumptionFatal(code) => Self::Fatal(format!("{what}: {code}")),
            KafkaError::Nul(_) => Self::Rejected(format!("{what}: a name has a zero byte")),
            KafkaError::AdminOpCreation(text)
            | KafkaError::Subscription(text)
            | KafkaError::PauseResume(text)
            | KafkaError::Seek(text) => Self::Rejected(format!("{what}: {text}")),
            other => match other.rdkafka_error_code() {
                Some(code) => Self::of(code, what),
                None => Self::Transient(format!("{what}: {other}")),
            },
        }
    }

    /// The client's thread has ended.
    pub(crate) fn ended() -> Self {
        Self::Fatal("the client has ended".to_owned())
    }
}

/// Codes by reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unauthorised,
    UnknownTopic,
    Exists,
    Rejected,
    /// What was to be read is not there, or no longer what it was.
    OutOfRange,
    Fatal,
    /// All others: brokers name new conditions, and giving up on one is worse than trying again.
    Transient,
}

pub(crate) fn kind(code: Code) -> Kind {
    match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Kind::Unauthorised,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            Kind::UnknownTopic
        }
        Code::TopicAlreadyExists => Kind::Exists,
        Code::InvalidTopic
        | Code::InvalidArgument
        | Code::InvalidConfig
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidRequest
        | Code::PolicyViolation
        | Code::UnsupportedVersion => Kind::Rejected,
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => Kind::OutOfRange,
        Code::Fatal => Kind::Fatal,
        _ => Kind::Transient,
    }
}
