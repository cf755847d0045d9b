//! Durable, compensated business processes from `.flow` files.
//!
//! What a binary with generated flows depends on: [`Node`] to host them, [`cli`](fn@cli) to give them
//! the commands of `flowd`, [`guard`] to keep the promises of a service, and the types that
//! service methods speak. Generated code names [`codegen`] and nothing else.
//!
//! Must not see the compiler or the interpreter: what is run comes in as machines.

pub mod bind;
pub mod brokers;
pub mod cli;
pub mod config;
pub mod guard;
mod identity;
#[cfg(feature = "kafka")]
mod kafka;
mod node;
pub mod program;
mod store;
pub mod story;

pub use cli::{cli, main_with};
pub use node::{Client, Error, Node, Result, Run, Running, Unfinished};
pub use sagaflow_conform as conform;
pub use sagaflow_core::codegen::rt::{
    Date, Decimal, DurationMs, Money, Percent, Pii, Secret, Time, Uuid,
};
pub use sagaflow_core::service::{Call, Failure, NoError, Outcome};
pub use sagaflow_macros::include_flow;

/// A service written in Rust that is to be held to its contract, in a test of its own package: the
/// service as the generated module names it, and an implementation.
///
/// ```text
/// #[tokio::test]
/// async fn the_bank_keeps_its_contract() {
///     let given = json!({"Payments.authorize": {"errors": {"Declined": {"amount": "13.00 EUR"}}}});
///     sagaflow::conformance!(orders::Payments, Bank::new()).given(given).assert_kept().await;
/// }
/// ```
///
/// It makes a [`Conformance`](conform::Conformance), which makes the same calls as `flowc conform`
/// does over HTTP.
#[macro_export]
macro_rules! conformance {
    (@split [$($module:ident)*] $service:ident ; $implementation:expr) => {{
        let service = $($module::)* __services::$service($implementation);
        let contract = service.contract();
        $crate::conform::Conformance::of(contract, ::std::sync::Arc::new(service))
    }};
    (@split [$($module:ident)*] $next:ident $($rest:ident)+ ; $implementation:expr) => {
        $crate::conformance!(@split [$($module)* $next] $($rest)+ ; $implementation)
    };
    ($($path:ident)::+, $implementation:expr $(,)?) => {
        $crate::conformance!(@split [] $($path)+ ; $implementation)
    };
}

/// The names that generated code uses.
pub mod codegen {
    pub use sagaflow_core::codegen::*;
    pub use sagaflow_core::service::{Attempt, Attempting, Call, NoError, Outcome, Service};
}
