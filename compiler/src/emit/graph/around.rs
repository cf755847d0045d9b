//! What surrounds a statement, innermost last: the targets of `use`, `skip`, `give`, `again` and
//! `return`, and the units that these leave.

use super::lower::Lower;
use super::{BlockId, Given, Instr, Term, Var};
use sagaflow_fir::{Expr, LocalId};

/// One surrounding construct.
#[derive(Clone)]
pub(super) enum Around<'f> {
    /// A unit of undo.
    Unit(&'f str),
    /// What `use` and `skip` end.
    Value {
        /// Binds the value.
        bind: Option<Var>,
        /// Goes on there.
        to: BlockId,
        /// Indexes of the iteration there.
        depth: usize,
    },
    /// Sequential `each`.
    Each {
        /// Takes what is given.
        out: Option<Var>,
        /// Turns are isolated.
        settle: bool,
        /// Begins the next turn.
        next: BlockId,
    },
    /// `parallel each`: `give` ends the branch.
    Branch,
    /// `repeat`.
    Repeat {
        /// Binds what is given.
        bind: Option<Var>,
        /// Begins the next turn.
        next: BlockId,
        /// Goes on there after `give`.
        to: BlockId,
        /// Indexes of the iteration outside.
        depth: usize,
    },
}

impl<'f> Lower<'f> {
    /// Leaves the units inside the innermost construct that `found` accepts, and answers it.
    fn leave_to(
        &mut self,
        block: BlockId,
        found: impl Fn(&Around<'f>) -> bool,
    ) -> Option<Around<'f>> {
        let position = self.around.iter().rposition(found);
        let inside = position.map_or(0, |position| position + 1);
        let units: Vec<&'f str> = self.around[inside..]
            .iter()
            .rev()
            .filter_map(|around| match around {
                Around::Unit(at) => Some(*at),
                _ => None,
            })
            .collect();
        for at in units {
            self.push(block, Instr::Leave { at });
        }
        position.map(|position| self.around[position].clone())
    }

    /// `use e`, `skip`.
    pub(super) fn leave_value(&mut self, block: BlockId, value: Option<&'f Expr>) {
        let target = self.around.iter().rev().find_map(|around| match around {
            Around::Value { bind, to, depth } => Some((*bind, *to, *depth)),
            _ => None,
        });
        let Some((bind, to, depth)) = target else {
            self.end(block, Term::Unsupported("a value outside of a handler"));
            return;
        };
        match (value, bind) {
            (Some(value), Some(bind)) => self.push(block, Instr::Let(bind, value)),
            (Some(value), None) => self.push(block, Instr::Eval(value)),
            (None, _) => {}
        }
        self.leave_to(block, |around| matches!(around, Around::Value { .. }));
        self.push(block, Instr::Depth(depth));
        self.end(block, Term::Goto(to));
    }

    /// `give e`.
    pub(super) fn give(&mut self, block: BlockId, value: &'f Expr) {
        let target = |around: &Around<'f>| {
            matches!(around, Around::Each { .. } | Around::Branch | Around::Repeat { .. })
        };
        match self.around.iter().rev().find(|around| target(around)).cloned() {
            Some(Around::Each { out, settle, next }) => {
                match (out, settle) {
                    (Some(out), false) => self.push(block, Instr::Push(out, Given::Value(value))),
                    (Some(out), true) => self.push(block, Instr::Push(out, Given::Ok(value))),
                    (None, _) => self.push(block, Instr::Eval(value)),
                }
                self.leave_to(block, target);
                self.end(block, Term::Goto(next));
            }
            Some(Around::Repeat { bind, to, depth, .. }) => {
                match bind {
                    Some(bind) => self.push(block, Instr::Let(bind, value)),
                    None => self.push(block, Instr::Eval(value)),
                }
                self.leave_to(block, target);
                self.push(block, Instr::Depth(depth));
                self.end(block, Term::Goto(to));
            }
            _ => {
                self.leave_to(block, target);
                self.end(block, Term::End(Some(value)));
            }
        }
    }

    /// `again (…)`.
    pub(super) fn again(&mut self, block: BlockId, values: &'f [(LocalId, Expr)]) {
        let assigned = values.iter().map(|(local, value)| (Var::from(*local), value)).collect();
        self.push(block, Instr::Assign(assigned));
        match self.leave_to(block, |around| matches!(around, Around::Repeat { .. })) {
            Some(Around::Repeat { next, .. }) => self.end(block, Term::Goto(next)),
            _ => self.end(block, Term::Unsupported("`again` outside of a loop")),
        }
    }

    /// `return e`: every open unit of the fiber ends well.
    pub(super) fn leave_all(&mut self, block: BlockId, value: Option<&'f Expr>) {
        if self.aftermath {
            value.iter().for_each(|value| self.push(block, Instr::Eval(value)));
            self.end(block, Term::End(None));
            return;
        }
        self.leave_to(block, |_| false);
        self.end(block, Term::Return(value));
    }
}
