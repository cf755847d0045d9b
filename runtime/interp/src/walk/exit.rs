//! Jumps: `return`, `give`, `again`, `use`, `skip`, through what they leave.

use super::{Flow, Walk};
use crate::codec::fault;
use crate::program::{BlockId, Owner, Slot};
use crate::value::Value;
use sagaflow_core::codegen::{Fault, Json, Next, Op};
use sagaflow_fir::{LocalId, Stmt};

/// What leaves a block.
pub(super) enum Exit {
    /// `return`
    Return(Json),
    /// `give`
    Give(Value),
    /// `again`
    Again(Vec<(LocalId, Value)>),
    /// `use`
    Use(Value),
    /// `skip`
    Skip,
}

impl Walk<'_> {
    /// Leaves blocks from `block` outwards until the jump arrives. Units on the way end as if
    /// complete, innermost first.
    pub(super) fn leave_by(&mut self, mut block: BlockId, exit: Exit) -> Result<Flow, Fault> {
        loop {
            let (at, slot) = match (self.program.owner(block), &exit) {
                (Owner::Stmt(at, slot), _) => (at, slot),
                (Owner::Body, Exit::Return(value)) => {
                    return Ok(Flow::Stop(Next::Return(value.clone())));
                }
                (Owner::Aftermath, Exit::Return(_)) => {
                    return Ok(Flow::Stop(Next::End(Json::Null)));
                }
                _ => return Err(astray()),
            };
            let stmt = self.program.stmt(self.workflow, at).ok_or_else(super::no_block)?;
            match (slot, stmt, &exit) {
                (Slot::Turn, Stmt::Each(each), Exit::Give(value)) => {
                    return self.turn_end(at, each, Some(value.clone()));
                }
                (Slot::Repeat, Stmt::Repeat(repeat), Exit::Give(value)) => {
                    return Ok(self.repeated(at, repeat, Some(value.clone())));
                }
                (Slot::Repeat, Stmt::Repeat(repeat), Exit::Again(values)) => {
                    for (id, value) in values {
                        self.env.set(*id, value.clone());
                    }
                    return self.again(at, repeat);
                }
                (Slot::ForkTurn, _, Exit::Give(value)) => {
                    return Ok(Flow::Stop(Next::End(crate::codec::encode(value))));
                }
                (Slot::Branch(_) | Slot::ForkTurn | Slot::Undo | Slot::Transaction, ..) => {
                    return Err(astray());
                }
                (Slot::Scope, ..) => self.leave_unit(stmt, slot),
                (Slot::Turn, ..) => self.leave_unit(stmt, slot),
                (_, _, Exit::Use(_) | Exit::Skip) if ends(slot) => {
                    self.leave_unit(stmt, slot);
                    if let Exit::Use(value) = exit {
                        self.yielded(stmt, value);
                    }
                    return Ok(self.go(at.next()));
                }
                (Slot::Fallback, ..) => self.leave_unit(stmt, slot),
                _ => {}
            }
            block = at.block;
        }
    }

    /// Leaves the unit that this block of a statement is, if it is one.
    pub(super) fn leave_unit(&mut self, stmt: &Stmt, slot: Slot) {
        let at = match (stmt, slot) {
            (Stmt::Scope(scope), Slot::Scope) => Some(&scope.at),
            (Stmt::Scope(scope), Slot::Fallback) => scope.fallback.as_ref().map(|each| &each.at),
            (Stmt::Step(step), Slot::Fallback) => step.fallback.as_ref().map(|each| &each.at),
            (Stmt::Each(each), Slot::Turn) if each.settle => Some(&each.at),
            _ => None,
        };
        if let Some(at) = at {
            self.ops.push(Op::Leave { at: at.clone() });
        }
    }
}

/// Whether `use` and `skip` end with this block.
fn ends(slot: Slot) -> bool {
    matches!(
        slot,
        Slot::Fallback | Slot::Handler(_) | Slot::Otherwise | Slot::Interrupt(_) | Slot::RanOut
    )
}

fn astray() -> Fault {
    fault("a jump leads out of what it may not leave")
}
