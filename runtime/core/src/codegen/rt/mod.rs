//! What generated code is made of: the types of values, their checked arithmetic, and the small
//! steps between a frame and a move.
//!
//! Promises: the same results as the interpreter, to the byte of a frame; every operation that can
//! go wrong answers a [`Fault`] whose message holds no value; nothing panics on any input. Only
//! generated code and the programs around it use these names, so they may say `list::map` and
//! `text::len` without apology.

pub mod calendar;
mod calls;
mod cx;
mod json;
mod label;
pub mod list;
pub mod map;
mod ops;
pub mod part;
mod product;
mod reject;
mod scalar;
pub mod share;
mod start;
pub mod text;
mod types;
pub mod work;

pub use calls::{answer, argument};
pub use cx::{
    Cx, Until, branches, each, fixed, joined, settled, settled_turn, subscription, unfit,
};
pub use json::{
    branch, decode, default_of, encode, event_key, failure, field, fingerprint, get, get_items,
    get_or, json, literal, masked, none_of, object, payload, print, put, show, timed_out,
};
pub use label::{Pii, Secret};
pub use ops::{
    Div, Minus, Mul, Neg, Plus, Rem, Zero, compare, compare_money, decimal, either, random, uuid,
};
pub use reject::{rejected, rejected_batch};
pub use scalar::{Date, Decimal, DurationMs, Malformed, Money, Percent, Time, Uuid, scalar};
pub use start::{Flows, Start, spec};
pub use types::{Batch, Blob, Items, Nominal, Outcome, Pattern, Role, item, more, nominal};
pub use work::{TURN, WORK_MAX, Weight, Work, compared, hand, handed, made, read, size, through};

pub use super::{
    Arm, BranchEnd, Draw, Event, Failure, FailureKind, Fault, Frame, Json, Leave, Machine, Move,
    Next, Op, Values, WorkflowSpec,
};
pub use crate::service::{Attempt, Attempting, Call, NoError, Outcome as Answer, Service};
pub use serde;

/// A fault with this message.
#[must_use]
pub fn fault(message: &str) -> Fault {
    Fault { message: message.to_owned() }
}

#[cfg(test)]
mod tests;
