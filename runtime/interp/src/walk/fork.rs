//! Forks: branches, and what follows when all have ended.

use super::repeat::{entries, list_name};
use super::{Flow, Walk};
use crate::codec::{decode, encode, fault, settled};
use crate::eval::plain;
use crate::program::{Cursor, Slot};
use crate::value::Value;
use sagaflow_core::codegen::{BranchEnd, Fault, Json, Next};
use sagaflow_fir::{ForkStmt, LocalId, ParallelBlock, StepStmt, Ty};
use std::sync::Arc;

impl Walk<'_> {
    pub(super) fn fork(&mut self, fork: &ForkStmt) -> Result<Flow, Fault> {
        let branches = match &fork.branches {
            ParallelBlock::Fixed(branches) => branches.len(),
            ParallelBlock::Each { over, .. } => {
                let over = self.value(over)?;
                let items = entries(over)?;
                let count = items.len();
                self.hidden.insert(list_name(&fork.at), Value::list(items));
                count
            }
        };
        let branches = u32::try_from(branches).map_err(|_| fault("too many branches"))?;
        let frame = self.frame(&fork.at)?;
        Ok(Flow::Stop(Next::Fork { frame, branches }))
    }

    /// Begins a branch from the parent's frame.
    pub(super) fn branch(
        &mut self,
        at: Cursor,
        fork: &ForkStmt,
        index: u32,
    ) -> Result<Flow, Fault> {
        match &fork.branches {
            ParallelBlock::Fixed(_) => self.child(at, Slot::Branch(index as usize)),
            ParallelBlock::Each { pattern, .. } => {
                // Of the list its own item alone was read.
                let item = self.item(&fork.at, 0)?;
                let item = item.ok_or_else(|| fault("there is no such branch"))?;
                // The turns read their own item; the list is the fork's.
                self.hidden.remove(&list_name(&fork.at));
                self.bind_item(pattern, item)?;
                self.iteration.push(index);
                self.child(at, Slot::ForkTurn)
            }
        }
    }

    /// The end of a branch of `parallel { }`: what it bound.
    pub(super) fn branch_end(&mut self, fork: &ForkStmt, index: usize) -> Result<Flow, Fault> {
        let bound = match &fork.branches {
            ParallelBlock::Fixed(branches) => branches.get(index).map(|(_, bound)| bound),
            ParallelBlock::Each { .. } => None,
        };
        self.end_with(bound.map_or(&[][..], Vec::as_slice))
    }

    /// The end of a transaction's block: what it bound.
    pub(super) fn transaction_end(&mut self, step: &StepStmt) -> Result<Flow, Fault> {
        self.end_with(step.block.as_ref().map_or(&[], |block| &block.keeps))
    }

    fn end_with(&mut self, bound: &[LocalId]) -> Result<Flow, Fault> {
        let mut object = serde_json::Map::new();
        for id in bound {
            // A step left by `skip` bound nothing.
            if let Some(value) = self.env.get(*id) {
                object.insert(self.local(*id)?.0.to_owned(), encode(value));
            }
        }
        Ok(Flow::Stop(Next::End(Json::Object(object))))
    }

    /// All branches have ended.
    pub(super) fn joined(
        &mut self,
        at: Cursor,
        fork: &ForkStmt,
        ends: Vec<BranchEnd>,
    ) -> Result<Flow, Fault> {
        match &fork.branches {
            ParallelBlock::Fixed(branches) => {
                for ((_, bound), end) in branches.iter().zip(ends) {
                    let BranchEnd::Ok(end) = end else {
                        return Err(fault("a branch failed without failing its parent"));
                    };
                    self.bind_ends(bound, &end)?;
                }
            }
            ParallelBlock::Each { settle, bind: Some(bind), .. } => {
                let list = self.gather(*bind, *settle, ends)?;
                self.env.set(*bind, list);
            }
            ParallelBlock::Each { bind: None, .. } => {}
        }
        Ok(self.go(at.next()))
    }

    pub(super) fn bind_ends(&mut self, bound: &[LocalId], end: &Json) -> Result<(), Fault> {
        for id in bound {
            let (name, ty) = self.local(*id)?;
            if let Some(json) = end.get(name) {
                let value = decode(self.fir, ty, json)?;
                self.env.set(*id, value);
            }
        }
        Ok(())
    }

    /// The list of what the branches gave.
    fn gather(&self, bind: LocalId, settle: bool, ends: Vec<BranchEnd>) -> Result<Value, Fault> {
        let Ty::List(of) = plain(self.fir, self.local(bind)?.1) else {
            return Err(fault("what is gathered is no list"));
        };
        let of = match (settle, &**of) {
            (true, Ty::Outcome(of)) => of,
            _ => of,
        };
        let item = |end: BranchEnd| match end {
            BranchEnd::Ok(json) if settle => Ok(Value::Ok(Arc::new(decode(self.fir, of, &json)?))),
            BranchEnd::Ok(json) => decode(self.fir, of, &json),
            BranchEnd::Failed(failure) => Ok(settled(failure)),
        };
        Ok(Value::list(ends.into_iter().map(item).collect::<Result<_, Fault>>()?))
    }
}
