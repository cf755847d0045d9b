//! The idempotency guard: what a service must remember so that it keeps its contract.
//!
//! An undo can arrive before, or instead of, its forward call, and a delayed forward call after its
//! undo. A table of (forward key, what became of it), written in the same transaction as the effect,
//! keeps the five clauses: the undo of what never happened succeeds and is remembered; a forward call
//! whose key was undone is refused; both directions may be repeated; a declared error is given again
//! to a duplicate; a key that a probe called "not applied" is spent.
//!
//! ```text
//!   no row ──done──► done ──undo──► undone        no row ──undo, probe──► undone
//!   no row ──failed──► failed
//! ```
//!
//! The decisions are pure; [`Table`] is the service's own storage. Must not open transactions: row
//! and effect commit together only where the service says so.

use sagaflow_core::codegen::Json;
use sagaflow_core::service::Call;
use std::future::Future;

/// What is remembered under a forward key.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// The effect happened; this was the answer.
    Done(Json),
    /// A declared error: the effect did not happen.
    Failed {
        /// Name of the error.
        name: String,
        /// Its payload.
        payload: Json,
    },
    /// Undone, or never to happen.
    Undone,
}

/// What a forward call finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// Nothing: make the effect, then say [`done`] or [`failed`] in the same transaction.
    Fresh,
    /// It happened before; this was the answer.
    Answered(Json),
    /// It failed before, with this declared error.
    Failed {
        /// Name of the error.
        name: String,
        /// Its payload.
        payload: Json,
    },
    /// Its undo came first: refuse it (`Failure::Refused`, or 409 `{"error":"undone"}`).
    Undone,
}

/// What an undo finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Undoing {
    /// The effect happened, with this answer: take it back, in the same transaction.
    Applied(Json),
    /// Nothing happened, or it was undone before: answer ok.
    Nothing,
}

/// Judges a forward call.
#[must_use]
pub fn judge_forward(memory: Option<Memory>) -> Begun {
    match memory {
        None => Begun::Fresh,
        Some(Memory::Done(answer)) => Begun::Answered(answer),
        Some(Memory::Failed { name, payload }) => Begun::Failed { name, payload },
        Some(Memory::Undone) => Begun::Undone,
    }
}

/// Judges an undo: what it finds, and what is to be remembered.
#[must_use]
pub fn judge_undo(memory: Option<Memory>) -> (Undoing, Option<Memory>) {
    match memory {
        Some(Memory::Done(answer)) => (Undoing::Applied(answer), Some(Memory::Undone)),
        // A declared error stays: a delayed duplicate of the forward call gets it again.
        Some(Memory::Failed { .. } | Memory::Undone) => (Undoing::Nothing, None),
        None => (Undoing::Nothing, Some(Memory::Undone)),
    }
}

/// Judges a probe: the forward call's answer or none, and what is to be remembered.
#[must_use]
pub fn judge_probe(memory: Option<Memory>) -> (Option<Json>, Option<Memory>) {
    match memory {
        Some(Memory::Done(answer)) => (Some(answer), None),
        Some(Memory::Failed { .. } | Memory::Undone) => (None, None),
        // Having said "not applied", it must never be applied under this key.
        None => (None, Some(Memory::Undone)),
    }
}

/// A service's own table of forward keys, inside its own transaction.
pub trait Table {
    /// What its storage fails with.
    type Error;

    /// What is remembered under `key`.
    fn read(
        &mut self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Memory>, Self::Error>> + Send;

    /// Remembers it, over what was there.
    ///
    /// Crash: neither this row nor the effect is there before the service's own commit, and both are
    /// after it, so a repeated call finds exactly what it must know.
    fn write(
        &mut self,
        key: &str,
        memory: &Memory,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Begins a forward call: says whether its effect is still to be made.
///
/// # Errors
/// What the storage fails with.
pub async fn begin<T: Table + Send>(table: &mut T, call: &Call) -> Result<Begun, T::Error> {
    Ok(judge_forward(table.read(&call.key).await?))
}

/// Remembers that the effect of a forward call happened.
///
/// # Errors
/// What the storage fails with.
pub async fn done<T: Table + Send>(
    table: &mut T,
    call: &Call,
    answer: Json,
) -> Result<(), T::Error> {
    table.write(&call.key, &Memory::Done(answer)).await
}

/// Remembers that a forward call failed with a declared error.
///
/// # Errors
/// What the storage fails with.
pub async fn failed<T: Table + Send>(
    table: &mut T,
    call: &Call,
    name: &str,
    payload: Json,
) -> Result<(), T::Error> {
    table.write(&call.key, &Memory::Failed { name: name.to_owned(), payload }).await
}

/// Begins an undo: remembers that the forward key is undone, and says whether there is anything to
/// take back. A call that undoes nothing (its purpose is another) finds nothing.
///
/// # Errors
/// What the storage fails with.
pub async fn undo<T: Table + Send>(table: &mut T, call: &Call) -> Result<Undoing, T::Error> {
    let Some(forward) = &call.undoes else { return Ok(Undoing::Nothing) };
    let (found, memory) = judge_undo(table.read(forward).await?);
    if let Some(memory) = memory {
        table.write(forward, &memory).await?;
    }
    Ok(found)
}

/// Answers a probe: the forward call's answer, or none and never.
///
/// # Errors
/// What the storage fails with.
pub async fn probe<T: Table + Send>(table: &mut T, call: &Call) -> Result<Option<Json>, T::Error> {
    let Some(forward) = &call.undoes else { return Ok(None) };
    let (found, memory) = judge_probe(table.read(forward).await?);
    if let Some(memory) = memory {
        table.write(forward, &memory).await?;
    }
    Ok(found)
}
