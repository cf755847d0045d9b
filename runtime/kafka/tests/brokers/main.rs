//! The client against real brokers, and against librdkafka's mock where no broker errs on demand.
//!
//! All tests of this program share one broker, each with topics of its own; what kills brokers has
//! three of its own.

mod consuming;
mod injected;
mod outage;
mod producing;
#[cfg(feature = "kafka-tls")]
mod secure;
mod support;
mod topics;
