//! The client of Kafka, in plain types of its own.
//!
//! ```text
//!  caller ── assign(partition, next offset) ──► Consumer thread ──► Events (bounded)
//!  caller ── send(generation, message) ───────► Producer thread ──► Reports (in bulk)
//!  caller ── topics, create ──────────────────► Admin
//! ```
//!
//! Promises: a partition is read from the offset that the caller names, and never jumps by itself;
//! nothing that was rolled back is read; what is sent keeps its order by key and is not given up
//! while a broker is away. Nothing here keeps anything: positions and tickets are the caller's to
//! store. Must not: know what a record means, decide, or block an async runtime. This is the only
//! package that sees `rdkafka`.

mod admin;
mod config;
mod consumer;
mod error;
mod health;
mod producer;
mod record;
mod settings;
mod topic_id;

pub use admin::{Admin, NewTopic, Shape, Topic};
pub use consumer::{Assignment, At, Batch, Consumer, Event, Events, Lag, Stopped};
pub use error::Error;
pub use health::Health;
pub use producer::{
    Failure, Generation, MESSAGE_BYTES_MAX, Message, OUTSTANDING_MAX, Producer, Report, Reports,
    Stale, Ticket,
};
pub use record::{Header, Partition, Record};
pub use settings::{Mechanism, Password, Sasl, Settings, Tls};
pub use topic_id::TopicId;
