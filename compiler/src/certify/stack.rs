//! What is around a place: the blocks that take a failure, and what they undo first.

use super::sheet::Undoing;
use crate::hir::{Block, Fallback, Handlers, On, Stmt, StmtKind};

/// A block that is open.
pub(super) struct Frame<'p> {
    /// Entries below it belong to what is around it.
    pub base: usize,
    /// What it is.
    pub kind: Kind<'p>,
}

/// What an open block does with a failure inside it.
pub(super) enum Kind<'p> {
    /// It takes what its handlers take, after undoing what it did.
    Unit {
        /// Its handlers.
        handlers: &'p Handlers,
        /// Tried before them.
        fallback: Option<&'p Fallback>,
        /// It may be done again.
        again: bool,
    },
    /// A branch: the others are stopped, and undone at the same time.
    Branch(Vec<Vec<Undoing>>),
    /// A turn of a loop, and what another turn did.
    Turn {
        /// The loop.
        of: String,
        /// Turns run side by side.
        together: bool,
        /// What one turn does.
        each: Vec<Undoing>,
        /// Its failure is a value, and stops no other turn.
        settle: bool,
    },
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Declared(String),
    Refused,
    Unknown,
    Timeout,
}

impl Cause {
    /// `Declined`, `refused`.
    pub fn word(&self) -> &str {
        match self {
            Self::Declared(name) => name,
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Timeout => "timeout",
        }
    }
}

/// The remedy of a cause.
pub(super) fn remedy<'p>(handlers: &'p Handlers, cause: &Cause) -> Option<&'p Block> {
    let fits = |on: &On| match (on, cause) {
        (On::Error { name, .. }, Cause::Declared(raised)) => name.node == *raised,
        (On::Refused, Cause::Refused)
        | (On::Unknown, Cause::Unknown)
        | (On::Timeout, Cause::Timeout) => true,
        _ => false,
    };
    let on = handlers.on.iter().find(|handler| fits(&handler.on)).map(|handler| &handler.remedy);
    on.or(handlers.otherwise.as_ref().map(|otherwise| &otherwise.remedy))
}

/// How a remedy leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// It fails with this, on every path.
    Fails(String),
    /// A person decides.
    Asks,
    /// It goes on without the step: either way is fine.
    Skips,
    /// It goes on.
    GoesOn,
}

pub(super) fn leaves(block: &Block) -> Leaves {
    if let [Stmt { kind: StmtKind::Manual(..), .. }] = block.stmts.as_slice() {
        return Leaves::Asks;
    }
    let exits = block.exits();
    if exits.fails && !exits.goes_on() && !exits.returns && !exits.gives {
        let mut name = String::new();
        block.walk(false, &mut |stmt| {
            if let StmtKind::Fail(fail) = &stmt.kind {
                name = fail.name.node.to_string();
            }
        });
        return Leaves::Fails(name);
    }
    if exits.skips && !exits.falls && !exits.uses { Leaves::Skips } else { Leaves::GoesOn }
}

/// What is undone where a failure travels out to the frame with index `to`, in the order of undoing;
/// `to` of none is the run itself.
pub(super) fn unwinding(k: &[Undoing], frames: &[Frame<'_>], to: Option<usize>) -> Vec<Undoing> {
    let mut out: Vec<Undoing> = Vec::new();
    let mut top = k.len();
    let first = to.unwrap_or(0);
    for (at, frame) in frames.iter().enumerate().skip(first).rev() {
        let own = k.get(frame.base..top).unwrap_or_default();
        out.extend(Undoing::unwound(own));
        top = frame.base.min(top);
        if to == Some(at) {
            return out;
        }
        match &frame.kind {
            Kind::Branch(siblings) => {
                let others = siblings.iter().map(|list| Undoing::unwound(&Undoing::perhaps(list)));
                let mut lists: Vec<Vec<Undoing>> = vec![std::mem::take(&mut out)];
                lists.extend(others);
                lists.retain(|list| !list.is_empty());
                out = together(lists);
            }
            Kind::Turn { of, together: side, each, .. } if !each.is_empty() => {
                let each = Undoing::unwound(&Undoing::perhaps(each));
                let turns = Undoing::Turns { of: of.clone(), together: *side, each };
                if *side {
                    let mut lists = vec![std::mem::take(&mut out), vec![turns]];
                    lists.retain(|list| !list.is_empty());
                    out = together(lists);
                } else {
                    out.push(turns);
                }
            }
            _ => {}
        }
    }
    out.extend(Undoing::unwound(k.get(..top).unwrap_or_default()));
    out
}

fn together(mut lists: Vec<Vec<Undoing>>) -> Vec<Undoing> {
    match lists.len() {
        0 | 1 => lists.pop().unwrap_or_default(),
        _ => vec![Undoing::Together(lists)],
    }
}
