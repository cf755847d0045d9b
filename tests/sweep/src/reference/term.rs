//! What a run must look like from outside: a term of calls in sequence, in parallel, and beside.

use crate::ledger::Purpose;
use crate::script::CallId;

/// One call under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Which.
    pub id: CallId,
    /// Why.
    pub purpose: Purpose,
    /// Which of its keys, in the order of their first request.
    pub generation: usize,
    /// First attempt meant.
    pub from: u32,
    /// Last attempt meant.
    pub to: u32,
    /// The forward call, and which of its keys.
    pub undoes: Option<(CallId, usize)>,
    /// Second argument.
    pub arg: i64,
}

/// Order of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// One call.
    Call(Box<Expect>),
    /// One after the other.
    Seq(Vec<Term>),
    /// Together, at most so many at once.
    Par(Vec<Term>, Option<usize>),
    /// The undo of branches (C3): begun together, as many of them as may be at once.
    Mirror(Vec<Term>, Option<usize>),
    /// Begins here, and nothing waits for it but a barrier and the end.
    Beside(Box<Term>),
    /// What is beside has ended.
    Barrier,
    /// Whoever waits for the run's answer is told it, once; this one where it is judged.
    Told(Option<i64>),
    /// Branches of which one failed at this place in the ledger: none begins a step after it.
    Stopped(Vec<Term>, usize),
}
